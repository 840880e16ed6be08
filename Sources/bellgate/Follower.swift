import DecisionLog
import Foundation
import Glibc
import LogStore
import Synchronization

/// The thread of a running server that takes the log into the store.
///
/// Nothing waits for it but the end of the program, and it gives way to whoever wants the
/// processor. What goes wrong is said once, and tried again.
final class Follower: Sendable {
    private let isStopping = Atomic(false)
    private let hasEnded = DispatchSemaphore(value: 0)
    private let logDirectory: String
    private let keepSeconds: Int64?

    /// How long it rests between rounds, in microseconds.
    private static let restMicros: UInt32 = 250_000
    /// Rounds between attempts where something is wrong.
    private static let roundsAfterFailure = 40
    /// How much later than others its thread runs: see nice(2).
    private static let niceness: Int32 = 10

    init(logDirectory: String, keepSeconds: Int64?) {
        self.logDirectory = logDirectory
        self.keepSeconds = keepSeconds
    }

    /// Begins.
    func start() { Thread.detachNewThread { self.run() } }

    /// Ends after what is being written, and waits for that.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        hasEnded.wait()
    }

    private func run() {
        // 0 stands for the thread that calls: Linux keeps this number for each thread.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        var follower: StoreFollower?
        var told: String?
        var pause = 0
        while !isStopping.load(ordering: .acquiring) {
            usleep(Self.restMicros)
            pause -= 1
            guard pause <= 0 else { continue }
            do {
                if follower == nil {
                    follower = try StoreFollower.start(
                        logDirectory: logDirectory, keepSeconds: keepSeconds)
                }
                // Another process may follow for a while: a question that brings it up to date.
                guard let follower else { continue }
                tell(try follower.follow(nowMicros: Self.nowMicros))
                if told != nil { say("the log's store goes on") }
                told = nil
                pause = 4
            } catch {
                let text = "\(error)"
                if text != told { say("\(text); questions are answered from the log itself") }
                told = text
                pause = Self.roundsAfterFailure
            }
        }
        _ = try? follower?.follow(nowMicros: Self.nowMicros, isFinal: true)
        hasEnded.signal()
    }

    private func tell(_ progress: StoreFollower.Progress) {
        progress.notes.forEach { say($0) }
    }

    static var nowMicros: Int64 {
        var now = timespec()
        // SAFETY: the kernel fills in the one value.
        _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1000
    }
}
