import Foundation
import Glibc

/// A program that runs, with its output in files.
final class Program: Sendable {
    let pid: pid_t
    private let folder: Folder
    private let end = Shared<Int32?>(nil)

    /// Starts a program.
    ///
    /// - Parameter path: a path, or a name that is looked up in the usual places.
    init(
        _ path: String, _ arguments: [String], environment: [String: String] = [:],
        in workFolder: String? = nil
    ) throws {
        folder = try Folder()
        let program = try Self.find(path)
        // `env` becomes the program once it is in the right folder; the process stays the same.
        let executable = workFolder == nil ? program : "/usr/bin/env"
        let words = workFolder.map { ["env", "-C", $0, program] } ?? [program]
        var values = ProcessInfo.processInfo.environment
        values.merge(environment) { $1 }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_TRUNC
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, "\(folder.path)/out", flags, 0o600)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, "\(folder.path)/err", flags, 0o600)
        // Nothing that other tests of this process have open: a port would stay taken after them.
        for descriptor in 3..<min(Int32(clamping: sysconf(Int32(_SC_OPEN_MAX))), 4096) {
            unsafe posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        // SAFETY: both arrays end in nil, and their strings live until they are freed below.
        var argv = unsafe (words + arguments).map { unsafe strdup($0) } + [nil]
        var envp = unsafe values.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer { unsafe (argv + envp).forEach { unsafe free($0) } }
        // The thread that starts it may have signals blocked; the program shall hear them all.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        // A peer that is gone is told by the write in this process, and by the signal in programs.
        Glibc.signal(SIGPIPE, SIG_IGN)
        var usual = sigset_t()
        unsafe sigemptyset(&usual)
        unsafe sigaddset(&usual, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &usual)
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var pid: pid_t = 0
        let result = unsafe posix_spawn(&pid, executable, &actions, &attributes, &argv, &envp)
        guard result == 0 else { throw ScenarioFailure("cannot start \(executable): \(result)") }
        self.pid = pid
    }

    deinit { stop(SIGKILL) }

    var output: String { folder.read("out") }
    var errors: String { folder.read("err") }

    /// The exit code, or minus the signal; nil while it runs.
    var status: Int32? {
        end.change { [pid] end in
            if let end { return end }
            var status: Int32 = 0
            guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
            let signal = status & 0x7F
            end = signal == 0 ? status >> 8 & 0xFF : -signal
            return end
        }
    }

    func signal(_ number: Int32) {
        if status == nil { kill(pid, number) }
    }

    /// Waits for the end; nil if it did not come in time.
    @discardableResult
    func wait(_ seconds: Double = 30) -> Int32? {
        _ = eventually(within: seconds, every: 0.005) { status != nil }
        return status
    }

    /// Ends it by a signal, and by force where that does not help.
    @discardableResult
    func stop(_ number: Int32 = SIGTERM) -> Int32? {
        guard status == nil else { return status }
        kill(pid, number)
        if wait(5) == nil {
            kill(pid, SIGKILL)
            wait(5)
        }
        return status
    }

    // MARK: - Where programs are

    private static let packages = [
        "dig": "bind9-dnsutils", "kdig": "knot-dnsutils", "nsd": "nsd", "xz": "xz-utils",
    ]

    /// The path of a program; throws with the Debian package that has it.
    static func find(_ name: String) throws -> String {
        if name.contains("/") { return name }
        for folder in ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin"] {
            let path = "\(folder)/\(name)"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw ScenarioFailure(
            "\(name) is missing: install the Debian package \(packages[name] ?? name)")
    }

    /// The library that carries a program to another time.
    static func timeMachine() throws -> String {
        for machine in ["x86_64", "aarch64"] {
            let path = "/usr/lib/\(machine)-linux-gnu/faketime/libfaketime.so.1"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        throw ScenarioFailure("libfaketime is missing: install the Debian package libfaketime")
    }

    /// The built `bellgate`, beside the tests' own bundle.
    static func bellgate() throws -> String { try built("bellgate") }

    /// What makes a program find a part of some files unreadable, with what it is to be told.
    static func badDisk(_ name: String, _ bytes: Range<Int>) throws -> [String: String] {
        [
            "LD_PRELOAD": try built("libBadDisk.so"),
            "BAD_DISK": "\(name):\(bytes.lowerBound):\(bytes.upperBound)",
        ]
    }

    private static func built(_ name: String) throws -> String {
        let bundles = [
            URL(fileURLWithPath: CommandLine.arguments.first ?? ""),
            Bundle.main.bundleURL.appendingPathComponent("x"),
        ]
        let places = bundles.map {
            $0.deletingLastPathComponent().appendingPathComponent(name).path
        }
        guard let path = places.first(where: FileManager.default.isExecutableFile) else {
            throw ScenarioFailure("\(name) is not built")
        }
        return path
    }
}

/// What a program that has ended left behind.
struct Run: Sendable {
    let status: Int32
    let output: String
    let errors: String

    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        in folder: String? = nil, patience: Double = 60
    ) throws {
        let process = try Program(program, arguments, environment: environment, in: folder)
        guard let status = process.wait(patience) else {
            throw ScenarioFailure("\(program) \(arguments) does not come to an end")
        }
        self.status = status
        output = process.output
        errors = process.errors
    }

    /// Its output as one JSON object.
    var json: [String: Any] {
        let value = try? JSONSerialization.jsonObject(with: Data(output.utf8))
        return value as? [String: Any] ?? [:]
    }

    /// Its output as a JSON array of objects.
    var jsonArray: [[String: Any]] {
        let value = try? JSONSerialization.jsonObject(with: Data(output.utf8))
        return value as? [[String: Any]] ?? []
    }

    /// Its output as a JSON object a line.
    var jsonLines: [[String: Any]] {
        output.split(separator: "\n").compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }
    }

    var lines: [String] { output.split(whereSeparator: \.isNewline).map(String.init) }
}
