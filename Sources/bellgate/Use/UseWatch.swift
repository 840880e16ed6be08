import Alerts
import DNSServer
import DecisionLog
import Foundation
import Glibc
import LimitsOfUse
import PolicyFile
import Synchronization

/// The thread of a running server that finds who passes a limit of use: notes it, and tells those
/// who are to be told.
final class UseWatch: Sendable {
    private let logDirectory: String
    private let alerts: AlertService?
    /// A policy that the thread has not taken up yet.
    private let fresh: Mutex<LoadedPolicy?>
    private let isStopping = Atomic(false)
    private let hasEnded = DispatchSemaphore(value: 0)

    private let standing = StandingProblem(goesOn: "limits of use go on") {
        "limits of use stand still: \($0); it is tried again"
    }

    /// How often the log is looked at, in microseconds: a minute is the unit of what is counted.
    private static let restMicros: UInt32 = 1_000_000
    /// How much later than others its thread runs: see nice(2).
    private static let niceness: Int32 = 15

    init(logDirectory: String, policy: LoadedPolicy, alerts: AlertService?) {
        self.logDirectory = logDirectory
        self.alerts = alerts
        fresh = Mutex(policy)
    }

    /// Begins.
    func start() { Thread.detachNewThread { [self] in run() } }

    /// Ends, and waits for that: what was not noted is found again after the next start.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        hasEnded.wait()
    }

    /// Goes by another policy from now on.
    func replacePolicy(_ policy: LoadedPolicy) { fresh.withLock { $0 = policy } }

    /// Why flags are not made; `nil` where they are.
    var problem: String? { standing.current }

    private func run() {
        // 0 stands for the thread that calls: Linux keeps this number for each thread.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        var follower: UseFollower?
        while !isStopping.load(ordering: .acquiring) {
            if let fresh = fresh.withLock({ $0.take() }) {
                follower?.replacePolicy(fresh)
                follower = follower ?? UseFollower(directory: logDirectory, policy: fresh)
            }
            var hasMore = false
            do {
                if let follower { hasMore = try look(follower) }
                standing.note(nil)
            } catch {
                follower?.startAnew()
                standing.note("\(error)")
            }
            if !hasMore { usleep(Self.restMicros) }
        }
        hasEnded.signal()
    }

    /// - Returns: whether there is more to read at once.
    private func look(_ follower: UseFollower) throws -> Bool {
        let micros = WallClock.nowMicros
        let (flags, hasMore) = try follower.look(nowMicros: micros)
        for flag in flags {
            // In this order: what is told a second time is known by its id, and what is noted is not
            // looked at again.
            try alerts?.add(flag, nowMicros: micros)
            try follower.note(flag)
        }
        return hasMore
    }
}
