import DNSServer
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
    private let stored = Mutex(UInt64(0))
    private let standing = StandingProblem(goesOn: "the log's store goes on") {
        "\($0); questions are answered from the log itself, and it is tried again"
    }
    private let journal: Journal
    private let logDirectory: String
    private let keepSeconds: Int64?

    /// How it goes.
    struct State {
        /// All rows up to here are in the store.
        var storedSeq: UInt64
        /// Why it does not go on; `nil` = it does.
        var problem: String?
    }

    /// How long it rests between rounds, in microseconds.
    private static let restMicros: UInt32 = 250_000
    /// Rounds between looks at the log, when it is up to date.
    private static let roundsBetweenLooks = 4
    /// Rounds between attempts where something is wrong.
    private static let roundsAfterFailure = 40
    /// Rows of one round.
    private static let roundRows = 1 << 16
    /// Rows of the last round, which the end of the program waits for.
    private static let lastRoundRows = 1 << 13
    /// How much later than others its thread runs: see nice(2).
    private static let niceness: Int32 = 10

    /// Rows a second past which the store waits: then the processor is the queries'. It is far more
    /// than a college asks for on average.
    private static let busyRowsPerSecond: UInt64 = 20_000
    /// Rounds without a rush before it goes on: two seconds, since a rush comes in waves.
    private static let quietRounds = 8
    /// Rows that the store may be behind for that, about 300 MiB of log, a minute's at most.
    private static let rowsBehind: UInt64 = 4_000_000

    init(journal: Journal, logDirectory: String, keepSeconds: Int64?) {
        self.journal = journal
        self.logDirectory = logDirectory
        self.keepSeconds = keepSeconds
    }

    /// Begins.
    func start() { Thread.detachNewThread { self.run() } }

    /// Ends after what is being written, and waits for that; call it when the log is at its end.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        hasEnded.wait()
    }

    /// How it goes at this moment.
    var status: State { State(storedSeq: stored.withLock { $0 }, problem: standing.current) }

    private func run() {
        // 0 stands for the thread that calls: Linux keeps this number for each thread.
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
        var follower: StoreFollower?
        var rounds = 0
        var lastSeq = journal.status.nextSeq
        var quietRounds = Self.quietRounds
        while !isStopping.load(ordering: .acquiring) {
            usleep(Self.restMicros)
            rounds -= 1
            let seq = journal.status.nextSeq
            quietRounds = isBusy(arrived: seq - min(lastSeq, seq)) ? 0 : quietRounds + 1
            lastSeq = seq
            let isDue = quietRounds >= Self.quietRounds || isFarBehind(seq)
            if rounds <= 0, isDue { rounds = follow(&follower) }
        }
        // A little that is new; what is much is taken in after the next start.
        _ = follow(&follower, isFinal: true)
        hasEnded.signal()
    }

    /// Whether so many rows have come since the last rest that the store waits.
    private func isBusy(arrived: UInt64) -> Bool {
        arrived * (1_000_000 / UInt64(Self.restMicros)) > Self.busyRowsPerSecond
    }

    private func isFarBehind(_ seq: UInt64) -> Bool {
        seq - min(status.storedSeq, seq) > Self.rowsBehind
    }

    /// Does a round.
    ///
    /// - Returns: how many rounds to rest; 0 where more is waiting.
    private func follow(_ follower: inout StoreFollower?, isFinal: Bool = false) -> Int {
        do {
            if follower == nil {
                follower = try StoreFollower.start(
                    logDirectory: logDirectory, keepSeconds: keepSeconds)
            }
            guard let follower else {
                standing.note("another process writes to the log's store")
                return Self.roundsAfterFailure
            }
            let progress = try follower.follow(
                nowMicros: WallClock.nowMicros,
                rowLimit: isFinal ? Self.lastRoundRows : Self.roundRows, isFinal: isFinal)
            progress.notes.forEach { say($0) }
            stored.withLock { $0 = follower.storedSeq }
            standing.note(nil)
            return progress.isBehind ? 0 : Self.roundsBetweenLooks
        } catch {
            // Made anew: what is wrong may be mended by then, and in another place.
            follower = nil
            standing.note("\(error)")
            return Self.roundsAfterFailure
        }
    }
}
