import DNSWire
import Testing

@testable import Forwarding

@Suite struct UpstreamTests {
    private static func place(_ number: UInt32) -> UpstreamEndpoint {
        .plain(address: IPAddress(v4: 0xC000_0200 | number), port: 53)
    }

    @Test(arguments: [
        ("www.example.com", 1), ("www.example.net", 0), ("example.com", 1), ("a.b.example.com", 1),
        ("corp.example.com", 2),
        ("dc1.corp.example.com", 2), ("notcorp.example.com", 1), ("xexample.com", 0),
        ("com", 0), (".", 0), ("10.in-addr.arpa", 3), ("1.2.3.10.in-addr.arpa", 3),
        ("110.in-addr.arpa", 0),
    ])
    func zoneChoice(_ row: (name: String, upstream: Int)) throws {
        let zones = try [("example.com", 1), ("corp.example.com", 2), ("10.in-addr.arpa", 3)].map {
            (try DomainName(parsing: $0.0), [Self.place(UInt32($0.1))])
        }
        // The order of the configuration does not matter.
        for zones in [zones, zones.reversed()] {
            let table = UpstreamTable(defaults: [Self.place(0)], zones: zones)
            let name = try DomainName(parsing: row.name)
            let zone = table.zones[zone(of: name.wire, in: table)]
            #expect(zone.upstreams.map(\.endpoint) == [Self.place(UInt32(row.upstream))])
        }
    }

    private func zone(of name: [UInt8], in table: UpstreamTable) -> Int {
        unsafe name.withUnsafeBytes { unsafe table.zone(of: $0) }
    }

    @Test func oneEndpointIsOneUpstream() throws {
        let zone = try DomainName(parsing: "example.com")
        let table = UpstreamTable(
            defaults: [Self.place(1), Self.place(2)],
            zones: [(zone, [Self.place(2), Self.place(3)])])
        #expect(table.all.map(\.endpoint) == [Self.place(1), Self.place(2), Self.place(3)])
        let shared = table.zones[0].upstreams[0]
        shared.noteFailure(sentMilliseconds: 1, nowMilliseconds: 1, isCertain: true)
        #expect(!table.zones[1].upstreams[1].isUp)
    }

    @Test func everythingElseGoesToTheDefaults() {
        let table = UpstreamTable(defaults: [], zones: [])
        #expect(table.zones.count == 1 && zone(of: [0], in: table) == 0)
        #expect(table.zones[0].name == .root && table.all.isEmpty)
    }

    @Test(arguments: [
        (53, "192.0.2.1"), (5353, "192.0.2.1:5353"),
    ])
    func names(_ row: (UInt16, String)) {
        let four = IPAddress(v4: 0xC000_0201)
        #expect("\(UpstreamEndpoint.plain(address: four, port: row.0))" == row.1)
    }

    @Test func namesOfOthers() throws {
        let six = try #require(IPAddress("2001:db8::1"))
        #expect("\(UpstreamEndpoint.plain(address: six, port: 53))" == "2001:db8::1")
        #expect("\(UpstreamEndpoint.plain(address: six, port: 54))" == "[2001:db8::1]:54")
        #expect("\(UpstreamEndpoint.demo)" == "demo")
    }
}

@Suite struct UpstreamHealthTests {
    private let upstream = Upstream(
        endpoint: .plain(address: IPAddress(v4: 0xC000_0201), port: 53))

    private func fail(at now: Int64, sent: Int64? = nil, isCertain: Bool = false) {
        upstream.noteFailure(
            sentMilliseconds: sent ?? now - 700, nowMilliseconds: now, isCertain: isCertain)
    }

    @Test func downAfterFailuresInARow() {
        for count in 1...ForwardingLimits.failuresUntilDown {
            #expect(upstream.isUp)
            fail(at: 10_000 + Int64(count))
            #expect(upstream.failures == count)
        }
        #expect(!upstream.isUp)
    }

    @Test func oneSuccessBetween() {
        fail(at: 10_000)
        upstream.noteAnswer(nowMilliseconds: 10_500)
        fail(at: 11_500)
        #expect(upstream.isUp)
        #expect(upstream.answers == 1)
        fail(at: 12_500)
        #expect(!upstream.isUp)
    }

    /// An upstream that has answered others since is merely slow with one name.
    @Test func slowWithOneName() {
        upstream.noteAnswer(nowMilliseconds: 10_000)
        for _ in 0..<10 { fail(at: 10_700, sent: 9_900) }
        #expect(upstream.isUp)
        #expect(upstream.failures == 10)
    }

    @Test func certainFailure() {
        upstream.noteAnswer(nowMilliseconds: 10_000)
        fail(at: 10_000, sent: 10_000, isCertain: true)
        #expect(!upstream.isUp)
    }

    @Test func oneTrialAtATime() {
        #expect(!upstream.claimTrial(nowMilliseconds: 99_999), "it is up")
        fail(at: 10_000, isCertain: true)
        #expect(!upstream.claimTrial(nowMilliseconds: 10_999))
        #expect(upstream.claimTrial(nowMilliseconds: 11_000))
        #expect(!upstream.claimTrial(nowMilliseconds: 11_000), "somebody tries already")
        #expect(!upstream.isUp)
        #expect(upstream.claimTrial(nowMilliseconds: 12_000), "the trial was left without news")
        upstream.noteAnswer(nowMilliseconds: 12_100)
        #expect(upstream.isUp)
        #expect(!upstream.claimTrial(nowMilliseconds: 99_999))
    }

    /// The longer it is down the longer it is spared, up to the limit.
    @Test func backsOff() {
        let (first, most) = ForwardingLimits.downMilliseconds
        var now: Int64 = 10_000
        var spared = first
        for count in 1...20 {
            fail(at: now)
            guard count >= ForwardingLimits.failuresUntilDown else { continue }
            #expect(!upstream.claimTrial(nowMilliseconds: now + spared - 1), "failure \(count)")
            now += spared
            #expect(upstream.claimTrial(nowMilliseconds: now), "failure \(count)")
            spared = min(spared * 2, most)
        }
        // After an answer it begins anew.
        upstream.noteAnswer(nowMilliseconds: now)
        fail(at: now + 1000, isCertain: true)
        #expect(upstream.claimTrial(nowMilliseconds: now + 1000 + first))
    }

    @Test func threadsClaimOneTrial() async {
        fail(at: 10_000, isCertain: true)
        let upstream = upstream
        let claims = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 {
                group.addTask { upstream.claimTrial(nowMilliseconds: 11_000) }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(claims == 1)
    }

    @Test func letterCase() {
        #expect(upstream.keepsCase(nowMilliseconds: 10_000))
        upstream.noteCaseChanged(nowMilliseconds: 10_000)
        let again = 10_000 + ForwardingLimits.plainCaseMilliseconds
        #expect(!upstream.keepsCase(nowMilliseconds: again - 1))
        #expect(upstream.keepsCase(nowMilliseconds: again))
    }
}
