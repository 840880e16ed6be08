import AccessPoint
import DNSWire
import Foundation
import LDNSBridge
import PolicyEngine
import PolicyFile
import Testing

@testable import Identity

private func server(required: Bool = true, forget: Int64 = 3600) throws -> RadiusServer {
    try RadiusServer(
        IdentityConfiguration.Radius(
            listen: [],
            clients: [
                IdentityConfiguration.RadiusClient(
                    network: try #require(IPNetwork("10.0.0.0/24")), secret: AccessPoint().secret,
                    requiresMessageAuthenticator: required)
            ], forgetAfterSeconds: forget))
}

private let station = IPAddress(v4: 0x0A00_0002)
private let noon: Int64 = 1_795_521_600

extension RadiusServer {
    fileprivate func take(
        _ packet: [UInt8], from client: IPAddress = station, at time: Int64 = noon
    )
        -> [UInt8]?
    {
        var hasChanged = false
        return take(packet, from: client, nowSeconds: time, hasChanged: &hasChanged)
    }

    /// Who has logged in, by address.
    fileprivate var logins: [String: String] {
        Dictionary(
            table.open.flatMap { session in
                session.networks.map { ("\($0.address)", session.identity ?? "?") }
            }, uniquingKeysWith: { $1 })
    }
}

@Suite struct RadiusPacketTests {
    /// RFC 1321 appendix A.5, RFC 2104 appendix.
    @Test func theDigestsAreThoseOfTheirStandards() {
        #expect(hexadecimal(md5(Array("abc".utf8))) == "900150983cd24fb0d6963f7d28e17f72")
        #expect(hexadecimal(md5([])) == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(
            hexadecimal(
                hmacMD5(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "750c783e6ab0b503eaa86e310a5db738")
    }

    @Test func anAnswerProvesThatTheSecretIsKnown() throws {
        let point = AccessPoint()
        let request = point.report(
            1, user: "Alice@Kite.example", address: "10.20.0.5",
            more: [AccessPoint.attribute(33, [1, 2, 3]), AccessPoint.attribute(33, [4])])
        let server = try server()
        let answer = try #require(server.take(request))
        #expect(answer[0] == 5 && answer[1] == 7 && answer.count == Int(answer[3]))
        let signed = Array(answer[..<4]) + request[4..<20] + answer[20...] + point.secret
        #expect(Array(answer[4..<20]) == md5(signed), "RFC 2866 section 3")
        #expect(answer[20] == 80 && answer[21] == 18)
        var blank = answer
        for place in 4..<20 { blank[place] = 0 }
        for place in 22..<38 { blank[place] = 0 }
        #expect(Array(answer[22..<38]) == hmacMD5(blank, key: point.secret))
        #expect(Array(answer[38...]) == [33, 5, 1, 2, 3, 33, 3, 4], "as it came, in order")
        #expect(server.logins == ["10.20.0.5": "alice@kite.example"])
        #expect(server.take(request) == answer, "a repeated report gets the same answer")
        #expect(server.counts.taken == 2 && server.counts.dropped.isEmpty)
    }

    @Test func whatIsForgedIsDroppedAndCounted() throws {
        let server = try server()
        var point = AccessPoint()
        let good = point.report(1, user: "alice", address: "10.20.0.5")
        #expect(server.take(good, from: IPAddress(v4: 0x0A00_0102)) == nil)
        #expect(server.counts.dropped == [.unknownClient: 1])
        var changed = good
        changed[changed.count - 20] ^= 1
        #expect(server.take(changed) == nil)
        #expect(server.counts.dropped[.wrongAuthenticator] == 1)
        point = AccessPoint(secret: "another-secret")
        #expect(server.take(point.report(1, user: "alice", address: "10.20.0.5")) == nil)
        #expect(server.counts.dropped[.wrongAuthenticator] == 2)
        point = AccessPoint(hasMessageAuthenticator: false)
        let unsigned = point.report(1, user: "alice", address: "10.20.0.5")
        #expect(server.take(unsigned) == nil)
        #expect(server.counts.dropped[.noMessageAuthenticator] == 1)
        #expect(server.counts.unsigned == [station])
        let wrong = point.report(
            1, user: "alice", address: "10.20.0.5",
            more: [AccessPoint.attribute(80, [UInt8](repeating: 9, count: 16))])
        #expect(server.take(wrong) == nil)
        #expect(server.counts.dropped[.wrongMessageAuthenticator] == 1)
        #expect(server.take(AccessPoint().sign([], code: 1)) == nil)
        #expect(server.counts.dropped[.notAccounting] == 1)
        #expect(server.logins.isEmpty)
        let tolerant = try RadiusTests.tolerant()
        #expect(try #require(tolerant.take(unsigned)).count == 20)
        #expect(tolerant.take(wrong) == nil, "where there is one it must be right")
    }

    /// No packet traps, and none that was changed is believed.
    @Test func nothingTraps() throws {
        let server = try server()
        let point = AccessPoint()
        let good = point.report(
            1, user: "alice", address: "10.20.0.5", hardware: "02-00-5E-10-00-01:eduroam",
            event: 1_795_521_600,
            more: [AccessPoint.attribute(97, [0, 64] + .init(repeating: 1, count: 8))])
        for count in 0..<good.count { #expect(server.take(Array(good.prefix(count))) == nil) }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<400 {
            var packet = good
            let place = Int.random(in: packet.indices, using: &random)
            packet[place] ^= UInt8.random(in: 1...255, using: &random)
            #expect(server.take(packet) == nil)
            // Signed all the same: whoever knows the secret may send anything.
            var attributes: [UInt8] = []
            for _ in 0..<Int.random(in: 0..<6, using: &random) {
                let type =
                    [1, 4, 8, 31, 32, 40, 41, 44, 55, 80, 95, 97, 123, 168].randomElement() ?? 1
                let value = (0..<Int.random(in: 0..<20, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                attributes += AccessPoint.attribute(UInt8(type), value)
            }
            _ = server.take(point.sign(attributes))
            _ = server.take(point.sign(attributes.dropLast(1)))
        }
        #expect(server.counts.dropped[.malformed] ?? 0 > 0)
    }
}

@Suite struct RadiusTests {
    static func tolerant() throws -> RadiusServer { try server(required: false) }

    private let point = AccessPoint()

    @Test func aLoginHoldsFromItsStartToItsStop() throws {
        let server = try server()
        _ = server.take(point.report(1, user: "alice", address: "10.20.0.5"))
        #expect(server.logins == ["10.20.0.5": "alice"])
        _ = server.take(point.report(3, address: "10.20.0.6"), at: noon + 60)
        #expect(server.logins == ["10.20.0.6": "alice"], "it has another address now")
        _ = server.take(point.report(2), at: noon + 90)
        #expect(server.logins.isEmpty)
    }

    @Test func whatComesTooLateBeginsNothing() throws {
        let server = try server()
        let start = point.report(1, user: "alice", address: "10.20.0.5", event: UInt32(noon))
        _ = server.take(start)
        _ = server.take(point.report(2, event: UInt32(noon + 10)), at: noon + 10)
        _ = server.take(
            point.report(3, user: "alice", address: "10.20.0.5", event: UInt32(noon + 5)),
            at: noon + 11)
        _ = server.take(start, at: noon + 12)
        #expect(server.logins.isEmpty)
        #expect(server.counts.late == 2)
        // The end may come before the beginning.
        _ = server.take(point.report(2, session: "s2"), at: noon + 20)
        _ = server.take(
            point.report(1, session: "s2", user: "bob", address: "10.20.0.7"), at: noon + 21)
        #expect(server.logins.isEmpty)
        // A name that is given again, later, begins anew.
        _ = server.take(
            point.report(1, user: "carol", address: "10.20.0.5", event: UInt32(noon + 100)),
            at: noon + 100)
        #expect(server.logins == ["10.20.0.5": "carol"])
        // An older report does not bring an older address back.
        _ = server.take(
            point.report(3, user: "carol", address: "10.20.0.9", event: UInt32(noon + 99)),
            at: noon + 101)
        #expect(server.logins == ["10.20.0.5": "carol"])
    }

    @Test func anAccessPointThatBeginsAnewHasNoLogins() throws {
        let server = try server()
        let one = AccessPoint.attribute(32, Array("ap-1".utf8))
        let two = AccessPoint.attribute(32, Array("ap-2".utf8))
        _ = server.take(point.report(1, user: "alice", address: "10.20.0.5", more: [one]))
        _ = server.take(point.report(1, user: "bob", address: "10.20.0.6", more: [two]))
        _ = server.take(point.report(7, session: nil, more: [one]), at: noon + 5)
        #expect(server.logins == ["10.20.0.6": "bob"])
        _ = server.take(point.report(8, session: nil), at: noon + 6)
        #expect(server.logins.isEmpty)
    }

    @Test func aLoginOfWhichNothingIsHeardEnds() throws {
        let server = try server(forget: 600)
        _ = server.take(point.report(1, user: "alice", address: "10.20.0.5"))
        _ = server.take(point.report(3, user: "alice"), at: noon + 300)
        #expect(!server.expire(nowSeconds: noon + 899))
        #expect(server.expire(nowSeconds: noon + 900))
        #expect(server.logins.isEmpty)
    }

    @Test func theLoginsSurviveARestart() throws {
        let path = NSTemporaryDirectory() + "logins-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = SessionFile(path: path)
        #expect(file.read()?.isEmpty == true)
        let before = try server()
        _ = before.take(
            point.report(
                1, user: "KITE\\alice", address: "10.20.0.5", hardware: "02-00-5E-10-00-01",
                event: UInt32(noon)))
        _ = before.take(point.report(1, session: "b", user: "bob", address: "2001:db8::7"))
        _ = before.take(point.report(2, session: "b"))
        #expect(file.write(before.table.sessions) == nil)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        let after = try server()
        after.restore(try #require(file.read()))
        #expect(after.table.sessions == before.table.sessions)
        #expect(after.logins == ["10.20.0.5": "kite\\alice"])
        let octets = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
        for count in 0..<octets.count {
            try Data(octets.prefix(count)).write(to: URL(fileURLWithPath: path))
            #expect(file.read() == nil, "\(count) octets are no whole file")
        }
    }
}
