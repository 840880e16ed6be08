import Alerts
import DNSServer
import DecisionLog
import Foundation
import Glibc
import LimitsOfUse
import PolicyFile
import Synchronization

/// The threads of a running server that tell people of concerns: one follows the log, and one for
/// each way of telling delivers, so that a mail server that hangs holds up nothing else.
final class AlertService: Sendable {
    private let alerter: Alerter
    private let isStopping = Atomic(false)
    private let running = Atomic(0)

    /// How often the log is looked at, and messages are, in microseconds.
    private static let restMicros: UInt32 = 500_000
    /// How much later than others its threads run: see nice(2).
    private static let niceness: Int32 = 10
    /// How long the end of the program waits for a delivery, in rests: three seconds.
    private static let restsAtEnd = 6

    init?(_ configuration: ServerConfiguration, policy: LoadedPolicy, lastSeq: UInt64) {
        guard let settings = configuration.alerts else { return nil }
        var problem: AlertProblem?
        alerter = Alerter(
            logDirectory: configuration.logDirectory, settings: settings, policy: policy,
            lastSeq: lastSeq,
            tellsOfReports: configuration.blockPage?.reportsToAlerts ?? false, problem: &problem)
        if let problem {
            say("alerts: \(problem); they begin anew with what is asked from now on")
        }
    }

    /// Begins.
    func start() {
        run { [self] in follow() }
        for way in alerter.ways { run { [self] in deliver(by: way) } }
    }

    /// Ends after what is being done; a delivery that takes longer goes on after the next start.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        for _ in 0..<Self.restsAtEnd where running.load(ordering: .acquiring) > 0 {
            usleep(Self.restMicros)
        }
    }

    /// Goes by another policy from now on.
    func replacePolicy(_ policy: LoadedPolicy) { alerter.replacePolicy(policy) }

    /// Takes up that a device passed a limit of use; the same flag again changes nothing.
    func add(_ flag: UseFlag, nowMicros: Int64) throws {
        try alerter.add(flag, nowMicros: nowMicros)
    }

    /// How it goes, for the server's status.
    var status: (waiting: Int, problem: String?) { alerter.status }

    private func run(_ body: @escaping @Sendable () -> Void) {
        running.add(1, ordering: .acquiringAndReleasing)
        Thread.detachNewThread { [self] in
            // 0 stands for the thread that calls: Linux keeps this number for each thread.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.niceness)
            body()
            running.subtract(1, ordering: .acquiringAndReleasing)
        }
    }

    private func follow() {
        var reader: JournalReader?
        let standing = StandingProblem(goesOn: "alerts go on") {
            "alerts stand still: \($0); it is tried again"
        }
        while !isStopping.load(ordering: .acquiring) {
            var hasMore = false
            do {
                hasMore = try alerter.look(&reader, nowMicros: WallClock.nowMicros)
                try alerter.lookAtReports(nowMicros: WallClock.nowMicros)
                standing.note(nil)
            } catch {
                reader = nil
                standing.note("\(error)")
            }
            if !hasMore { usleep(Self.restMicros) }
        }
    }

    private func deliver(by way: AlertWay) {
        while !isStopping.load(ordering: .acquiring) {
            var hasMore = false
            do {
                let result = try alerter.deliver(by: way) { WallClock.nowMicros / 1_000_000 }
                if let news = result.news { say(news) }
                hasMore = result.hasMore
            } catch {
                say("alerts: \(error)")
            }
            if !hasMore { usleep(Self.restMicros) }
        }
    }
}
