import Foundation
import Glibc
import Testing

/// `bellgate serve` on loopback, in a folder of its own.
final class TestServer {
    let folder: Folder
    let port: UInt16
    private(set) var process: Program
    private var environment: [String: String]
    /// When it had said that it serves, by this machine's clock.
    private(set) var serving: ContinuousClock.Instant
    private var startsAt: Date?
    /// What the server is started by: words before its own.
    private let within: [String]

    /// Starts the server and waits until it serves.
    ///
    /// - Parameters:
    ///   - policy: the text of `policy.yaml`.
    ///   - files: further files of its folder, by name.
    ///   - upstreams: as in `bellgate.yaml`.
    ///   - settings: further lines of `bellgate.yaml`.
    ///   - listen: addresses; all with the same port.
    ///   - given: further variables of its environment.
    ///   - at: the time (UTC) that the server thinks it is at its start: "2026-11-23 10:29:50".
    ///   - within: what the server is started by, such as a program that enters a network.
    ///   - clockAhead: seconds by which its clock is ahead of this machine's, which `setClock` may
    ///     change while it runs.
    init(
        _ policy: String = collegePolicy, files: [String: String] = [:], upstreams: [String],
        settings: String = "", listen: [String] = ["127.0.0.1"], log: String = "log",
        environment given: [String: String] = [:], within: [String] = [], at: String? = nil,
        clockAhead: Int? = nil
    ) throws {
        self.within = within
        let folder = try Folder()
        self.folder = folder
        try folder.write(policy, to: "policy.yaml")
        for (name, text) in files { try folder.write(text, to: name) }
        var environment = given
        if let at {
            environment["LD_PRELOAD"] = try Program.timeMachine()
            environment["FAKETIME"] = "@" + at
            environment["TZ"] = "UTC"
            environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            environment["DONT_FAKE_MONOTONIC"] = "1"
            startsAt = Self.date(at)
        } else {
            startsAt = nil
        }
        if let clockAhead {
            environment["LD_PRELOAD"] = try Program.timeMachine()
            environment["FAKETIME_TIMESTAMP_FILE"] = "\(folder.path)/clock"
            environment["FAKETIME_NO_CACHE"] = "1"
            environment["TZ"] = "UTC"
            environment["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
            environment["DONT_FAKE_MONOTONIC"] = "1"
            try Self.setClock(ahead: clockAhead, folder)
        }
        self.environment = environment
        let quoted = upstreams.map { "\"\($0)\"" }
        (port, process, serving) = try FreePort.trying { free in
            let port = try free()
            let addresses = listen.map {
                $0.contains(":") ? "\"[\($0)]:\(port)\"" : "\"\($0):\(port)\""
            }
            try folder.write(
                """
                policy: policy.yaml
                listen: { dns: [\(addresses.joined(separator: ", "))] }
                upstreams: [\(quoted.joined(separator: ", "))]
                log: { directory: \(log), segment: 1MiB }
                control: run/bellgate.sock

                """ + settings, to: "bellgate.yaml")
            let process = try Self.launch(folder, environment, within)
            return (port, process, .now)
        }
    }

    deinit {
        if let status = process.status {
            Issue.record("the server ended with \(status): \(process.errors.suffix(2000))")
        }
        process.stop(SIGKILL)
    }

    /// Starts the process and waits until it serves.
    private static func launch(
        _ folder: Folder, _ environment: [String: String], _ within: [String]
    ) throws -> Program {
        let words = within + [try Program.bellgate(), "serve", "--config", "bellgate.yaml"]
        let process = try Program(
            words[0], Array(words.dropFirst()), environment: environment, in: folder.path)
        let isServing = eventually(within: 30) {
            process.errors.contains("serving on") || process.status != nil
        }
        guard isServing, process.status == nil else {
            throw ScenarioFailure("the server does not start: \(process.errors)")
        }
        return process
    }

    /// Stops the process by a signal and starts another in the same folder.
    ///
    /// - Parameter given: variables of its environment instead of those it had; nil: the same.
    func restart(by signal: Int32 = SIGTERM, environment given: [String: String]? = nil) throws {
        process.stop(signal)
        environment = given ?? environment
        process = try relaunch()
        serving = .now
    }

    /// Starts the process on its port again. Servers of other tests ask from ports that they draw
    /// among all, for a few seconds each: one may have drawn this one meanwhile.
    private func relaunch() throws -> Program {
        for _ in 0..<20 {
            do {
                return try Self.launch(folder, environment, within)
            } catch let failure as ScenarioFailure
                where "\(failure)".contains("Address already in use")
            {
                usleep(500_000)
            }
        }
        return try Self.launch(folder, environment, within)
    }

    /// Stops the process and starts another at another time (UTC), as `at` of the first start.
    func restart(at time: String) throws {
        environment["FAKETIME"] = "@" + time
        startsAt = Self.date(time)
        try restart()
    }

    /// What it said on standard error.
    var news: String { process.errors }

    func client(_ address: String = "127.0.0.1", patience: Double = 6) -> Client {
        Client(address: address, port: port, patience: patience)
    }

    /// Asks by UDP from an address; fails the test where no answer comes.
    func ask(_ name: String, _ type: UInt16 = RR.a, from address: String) throws -> Message {
        let answer = try #require(try client(address).ask(name, type), "no answer for \(name)")
        #expect(answer.flags & 0x8080 == 0x8080, "an answer by a server that recurses")
        return answer
    }

    /// Runs another verb of `bellgate` on this server's configuration.
    func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Run {
        try Run(
            Program.bellgate(), arguments + ["--config", "bellgate.yaml"], environment: environment,
            in: folder.path)
    }

    /// What shows who a client is.
    static let identify = ["--identify", "--reason", "test"]

    /// All rows of the log, with the addresses of clients.
    func rows(_ filter: [String] = []) throws -> [[String: Any]] {
        let run = try run(["log", "export", "--format", "jsonl"] + Self.identify + filter)
        #expect(run.status == 0)
        return run.jsonLines
    }

    func rows(of name: String) throws -> [[String: Any]] { try rows(["--name", "=" + name]) }

    func status() throws -> [String: Any] { try run(["status", "--json"]).json }

    // MARK: - Its clock

    /// Sets the clock of a server that began with one of its own.
    func setClock(ahead seconds: Int) throws { try Self.setClock(ahead: seconds, folder) }

    private static func setClock(ahead seconds: Int, _ folder: Folder) throws {
        // In one step: it is read at any moment.
        try folder.write(seconds < 0 ? "\(seconds)" : "+\(seconds)", to: "clock.new")
        _ = try Run("mv", ["\(folder.path)/clock.new", "\(folder.path)/clock"])
    }

    /// The least number of seconds that may be left until an instant by the server's clock, when
    /// this is called; rounded up.
    func mostSecondsLeft(until instant: String) -> UInt32 {
        // The server's clock started between `started` and `serving`.
        let sure = (ContinuousClock.now - serving) / .seconds(1)
        return UInt32(max(0, (distance(to: instant) - sure).rounded(.up)))
    }

    /// Waits until an instant has surely come by the server's clock.
    func wait(until instant: String, more: Double = 0.1) {
        let sure = (ContinuousClock.now - serving) / .seconds(1)
        pause(max(0, distance(to: instant) - sure + more))
    }

    private func distance(to instant: String) -> Double {
        guard let startsAt, let date = Self.date(instant) else { return 0 }
        return date.timeIntervalSince(startsAt)
    }

    /// An instant of UTC: "2026-11-23 10:29:50".
    private static func date(_ text: String) -> Date? {
        let reader = DateFormatter()
        reader.timeZone = TimeZone(identifier: "UTC")
        reader.locale = Locale(identifier: "en_US_POSIX")
        reader.dateFormat = "yyyy-MM-dd HH:mm:ss"
        return reader.date(from: text)
    }
}

/// What every policy needs.
let policyHead = """
    bellgate: 1
    policy: { name: Sample policy, reference: SP-7, contact: "mailto:dsl@example.org" }
    roles: { dsl: Safeguarding Lead, principal: Principal, it: Network Manager }
    time-zone: Europe/London

    """

/// A small college: staff may chat at break, learners may chat but at break.
let collegePolicy =
    policyHead + """
        calendar:
          terms: [2026-09-01 to 2099-12-18]
        periods:
          college-hours: { mon-fri: 08:45-16:15 }
          break: { mon-fri: 10:30-10:45 }
        groups:
          learner: { networks: [127.0.20.0/24] }
          staff: { networks: [127.0.30.0/24] }
          guest: { networks: [127.0.0.0/8, "::1/128"] }
        unknown-devices: refuse
        categories:
          social: [social.example.com, target.example.net]
          never: [never.example.com, tracker.example.net]
          open: [open.example.com]
        rules:
          - id: carve-out
            allow: [open]
            reason: Part of teaching.
          - id: never
            block: [never]
            concern: high
            reason: Harmful at every hour.
          - id: staff-breaks-only
            for: [staff]
            block: [social]
            during: [college-hours]
            except-during: [break]
            reason: Personal use is for breaks.
          - id: quiet-break
            for: [learner]
            block: [social]
            during: [break]
            ttl: 1h
            reason: Talk to each other.
        default: allow

        """
