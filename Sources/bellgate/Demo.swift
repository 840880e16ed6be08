import ArgumentParser
import DNSServer
import DNSWire
import DecisionLog
import DomainLists
import Forwarding
import Glibc
import PolicyEngine
import PolicyFile

/// `bellgate demo`: a college day played through the real server in seconds, without a network.
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch a college day pass through the real server, without a network.",
        discussion: """
            Starts the server on the loopback interface with the sample policy, an upstream that \
            makes addresses up, and a log in a new temporary folder. Four devices ask it by UDP \
            while its clock is set from scene to scene of one day. Shown is what their answers \
            say; each is compared with what the policy says, and exit status 1 means that one was \
            different.

            EXAMPLES
              bellgate demo
              bellgate demo --config /etc/bellgate/bellgate.yaml
            """)

    @Option(
        help: ArgumentHelp(
            "Play with the policy of this configuration instead of the sample's. Devices are "
                + "127.0.20.5, 127.0.21.7, 127.0.30.4 and 127.0.40.9.", valueName: "file"))
    var config: String?

    @Option(help: "The port to serve on; 0 takes a free one.")
    var port: UInt16 = 0

    /// How long a viewer has for a scene, in microseconds.
    private static let pauseMicros: useconds_t = 900_000

    func run() throws {
        let page = DemoPage()
        let configuration = try readConfiguration(at: try configurationPath())
        let load = loadPolicy(at: configuration.policyPath, now: .now)
        report(load.diagnostics)
        guard let policy = load.loaded else { throw ExitCode(ExitStatus.wrong) }
        DemoPlay.setClock(DemoDay.scenes[0].at, policy.policy.zone)
        // The log is shown by this machine's clock; make that the college's, as it would be there.
        // SAFETY: both texts are copied by the call, and no other thread runs yet.
        unsafe setenv("TZ", policy.policy.zone.name, 1)
        let logDirectory = try Self.temporaryFolder()
        do {
            let journal = try Journal(
                directory: logDirectory, segmentBytes: 1 << 20, keepSeconds: nil)
            let place = Endpoint(address: IPAddress(v4: 0x7F00_0001), port: port)
            let server = try Server(
                ServerSettings(
                    listen: [place], workers: nil, allowFrom: ServerConfiguration.privateNetworks,
                    upstreams: UpstreamTable(defaults: [.demo], zones: [])),
                policy: policy, journal: journal)
            guard
                var play = DemoPlay(
                    policy: policy, serverPort: server.addresses[0].port, page: page,
                    hasRemarks: config == nil)
            else {
                say("the addresses 127.0.20.5 and the like cannot be used on this machine")
                throw ExitCode(ExitStatus.wrong)
            }
            introduce(policy, server, page)
            for scene in DemoDay.scenes {
                play.play(scene)
                if page.isTerminal { usleep(Self.pauseMicros) }
            }
            server.stop()
            let review = try DemoReview(
                policy: policy, logDirectory: logDirectory, configurationPath: configuration.path,
                page: page)
            review.show(play)
            if !review.isFine(play) { throw ExitCode(ExitStatus.wrong) }
        } catch let error as ServerError {
            say("\(error)")
            throw ExitCode(ExitStatus.wrong)
        } catch let error as JournalError {
            say("\(error)")
            throw ExitCode(ExitStatus.wrong)
        }
    }

    private func introduce(_ loaded: LoadedPolicy, _ server: Server, _ page: DemoPage) {
        let policy = loaded.policy
        page.put("BELLGATE: the DNS filter of a school. At each bell, the gate changes.")
        page.put("")
        page.say(
            "The real server is running on \(server.addresses[0]) with the policy "
                + "\"\(policy.name)\" (\(policy.rules.count { $0.origin == .file }) rules, "
                + "\(loaded.index.nameCount) listed names). Only two things are played: its clock, "
                + "which is set from scene to scene, and the internet: what the policy allows gets "
                + "an address made up from the ranges for documentation. Four devices ask:")
        page.put("")
        for role in DemoRole.all {
            let group = IPAddress(role.address).flatMap { loaded.program.audience(of: $0) }
                .map { policy.groups[loaded.program.audiences[$0].group].name }
            page.put(
                "   " + DemoPage.padded(role.name, 9) + DemoPage.padded(role.address, 12)
                    + DemoPage.padded("group \(group ?? "of unknown devices")", 21) + role.whose)
        }
        page.put("")
        page.say(
            "Each row below is one DNS query and its answer. \"for 300 s\" is the answer's TTL: "
                + "how long the device may keep it before it must ask again. The reason of a block "
                + "is what the answer packet itself says (extended DNS error, RFC 8914; `dig` shows it)."
        )
    }

    /// The given file, or the sample's: in this folder, or in the source tree of this program.
    private func configurationPath() throws -> String {
        if let config { return config }
        let sample = "deploy/samples/kite/bellgate.yaml"
        var folder = ""
        if !isReadable(sample) {
            var room = [CChar](repeating: 0, count: 4096)
            // SAFETY: at most the array's count is written, less one, so that a zero stays.
            let length = unsafe readlink("/proc/self/exe", &room, room.count - 1)
            folder = String(decoding: room.prefix(max(0, length)).map(UInt8.init), as: UTF8.self)
        }
        while true {
            if isReadable(folder + sample) { return folder + sample }
            guard let slash = folder.dropLast().lastIndex(of: "/") else { break }
            folder = String(folder[...slash])
        }
        say("there is no \(sample) here; give --config FILE, or start this where it is")
        throw ExitCode(ExitStatus.usage)
    }

    private func isReadable(_ path: String) -> Bool {
        // SAFETY: the path is passed as a C string for the length of the call.
        unsafe access(path, R_OK) == 0
    }

    private static func temporaryFolder() throws -> String {
        // SAFETY: the variable's text is copied at once.
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/bellgate-demo-XXXXXX".utf8CString)
        // SAFETY: the template ends with a zero and is changed in place.
        guard unsafe mkdtemp(&template) != nil else {
            say("cannot make a folder in \(parent): \(unsafe String(cString: strerror(errno)))")
            throw ExitCode(ExitStatus.wrong)
        }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
