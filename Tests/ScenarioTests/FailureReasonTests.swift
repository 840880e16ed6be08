import Glibc
import Testing

/// Why a name has no answer, as an upstream says it (RFC 8914): passed on to who asked.
@Suite(.scenario) struct FailureReasonTests {
    /// Over UDP and over TCP, asked anew and from what is remembered.
    @Test func theUpstreamsReasonReachesTheClient() throws {
        let fake = try FakeUpstream { .now($0.failing(6)) }
        let server = try TestServer(upstreams: ["127.0.0.1:\(fake.port)"])
        let client = server.client()
        for _ in 0..<2 {
            let answer = try #require(try client.ask("www.example.com"))
            #expect(answer.rcode == 2 && answer.answers.isEmpty)
            #expect(answer.extendedError?.code == 6)
            // What the upstream wrote beside it is not repeated.
            #expect(answer.extendedError?.text == "")
            #expect(try client.askByTCP("www.example.com")?.extendedError?.code == 6)
        }
        #expect(fake.asked.count == 1)
        // Who does not speak EDNS gets none.
        let plain = try #require(try client.ask("www.example.com", ednsSize: nil))
        #expect(plain.rcode == 2 && plain.options.isEmpty)
        let rows = try server.rows(of: "www.example.com")
        #expect(rows.count == 5 && rows.allSatisfy { $0["rcode"] as? String == "SERVFAIL" })
    }

    /// An upstream that answers is better than one that says why it does not; and what it says is
    /// better than that another one is silent.
    @Test func anAnswerIsBetterThanAReasonAndAReasonThanSilence() throws {
        let failing = try FakeUpstream { .now($0.failing(9)) }
        let other = try FakeUpstream()
        let server = try TestServer(
            upstreams: ["127.0.0.1:\(failing.port)", "127.0.0.1:\(other.port)"])
        let good = try server.ask("good.example.com", from: "127.0.0.1")
        #expect(good.rcode == 0 && good.extendedError == nil)
        other.answer { _ in .silence }
        let bad = try server.ask("bad.example.com", from: "127.0.0.1")
        #expect(bad.rcode == 2 && bad.extendedError?.code == 9)
    }

    /// A zone whose signatures are missing, by a resolver that validates: the client hears what
    /// `dig` hears from the resolver itself.
    @Test func aNameThatFailsValidationSaysSo() throws {
        let zones = try NameServer([
            "bogus.example": "www A 192.0.2.7", "fine.example": "www A 192.0.2.8",
        ])
        let resolver = try ValidatingResolver(
            of: zones, zones: ["bogus.example", "fine.example"], signed: "bogus.example")
        // What it remembers of a failure may have another reason than the failure had at first.
        let dig = Client(port: resolver.port)
        #expect(try dig.ask("www.bogus.example")?.extendedError != nil)
        let direct = try #require(try dig.ask("www.bogus.example"))
        let reason = try #require(direct.extendedError?.code)
        #expect(direct.rcode == 2 && reason != 0)
        let server = try TestServer(upstreams: ["127.0.0.1:\(resolver.port)"])
        let answer = try server.ask("www.bogus.example", from: "127.0.0.1")
        #expect(answer.rcode == 2 && answer.extendedError?.code == reason)
        let fine = try server.ask("www.fine.example", from: "127.0.0.1")
        #expect(fine.addresses == ["192.0.2.8"] && fine.extendedError == nil)
    }
}

extension FakeUpstream.Asked {
    /// SERVFAIL with an extended error and a text.
    fileprivate func failing(_ code: UInt16) -> [UInt8] {
        let data = Wire.number(code) + Array("what nobody has checked".utf8)
        return reply(
            additionals: [
                Wire.opt(options: Wire.number(15) + Wire.number(UInt16(data.count)) + data)
            ], rcode: 2)
    }
}

/// A real resolver (unbound) on loopback that asks one name server and validates.
private final class ValidatingResolver {
    let port: UInt16
    private let folder: Folder
    private let process: Program

    /// - Parameters:
    ///   - zones: the zones that the name server has.
    ///   - signed: the one that ought to be signed.
    init(of server: NameServer, zones: [String], signed: String) throws {
        let folder = try Folder()
        self.folder = folder
        (port, process) = try FreePort.trying { free in
            let port = try free()
            let stubs = zones.map {
                "stub-zone:\n  name: \"\($0)\"\n  stub-addr: 127.0.0.1@\(server.port)\n"
            }
            let digest = String(repeating: "5A", count: 32)
            let config = try folder.write(
                """
                server:
                  interface: 127.0.0.1@\(port)
                  username: ""
                  chroot: ""
                  pidfile: ""
                  use-syslog: no
                  ede: yes
                  do-not-query-localhost: no
                  module-config: "validator iterator"
                  trust-anchor: "\(signed). 3600 IN DS 12345 13 2 \(digest)"

                """ + stubs.joined() + "remote-control:\n  control-enable: no\n",
                to: "unbound.conf")
            let process = try Program("unbound", ["-d", "-c", config], in: folder.path)
            let client = Client(port: port, patience: 0.5)
            let answers = try eventually(within: 15) {
                try process.status != nil || client.ask("www.fine.example")?.rcode == 0
            }
            guard answers, process.status == nil else {
                throw ScenarioFailure("unbound does not answer: \(process.errors)")
            }
            return (port, process)
        }
    }

    deinit { process.stop(SIGTERM) }
}
