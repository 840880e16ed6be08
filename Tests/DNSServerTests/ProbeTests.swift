import DNSWire
import PolicyEngine
import Testing

@testable import DNSServer

/// The option by which a probe says for whom and when it asks.
@Suite struct ProbeOptionTests {
    private let key = [UInt8](0..<32)
    private let name: [UInt8] = [3] + Array("www".utf8) + [7] + Array("example".utf8) + [0]
    private let claim = ProbeOption.Claim(
        client: IPAddress(v4: 0x0A14_0001),
        presence: Presence(
            hardware: HardwareAddress(value: 0x02_00_5E_10_00_01), identity: "ann@kite.example"),
        atSeconds: -1)

    @Test func whatWasMadeIsRead() {
        let option = ProbeOption.make(claim, key: key, name: name, type: .a)
        // Behind another option, as clients send them.
        let options = [0, 10, 0, 2, 1, 2] + option
        #expect(ProbeOption.read(options, key: key, name: name, type: .a) == claim)
        let stranger = ProbeOption.Claim(client: claim.client, atSeconds: 1)
        let short = ProbeOption.make(stranger, key: key, name: name, type: .a)
        #expect(ProbeOption.read(short, key: key, name: name, type: .a) == stranger)
    }

    /// What is signed is signed as it stands: a label of the question is no end of an identity.
    @Test func identityAndQuestionStayApart() {
        var option = ProbeOption.make(claim, key: key, name: name, type: .a)
        let shorter = Array(name.dropFirst(4))
        option.insert(contentsOf: name.prefix(4), at: option.count - 16)
        option[3] += 4
        #expect(ProbeOption.read(option, key: key, name: shorter, type: .a) == nil)
        option[4 + 33] += 4
        #expect(ProbeOption.read(option, key: key, name: shorter, type: .a) == nil)
    }

    @Test func nothingElseIsRead() {
        let option = ProbeOption.make(claim, key: key, name: name, type: .a)
        #expect(ProbeOption.read(option, key: [1] + key.dropFirst(), name: name, type: .a) == nil)
        #expect(ProbeOption.read(option, key: key, name: [0], type: .a) == nil)
        #expect(ProbeOption.read(option, key: key, name: name, type: .aaaa) == nil)
        for place in option.indices {
            var changed = option
            changed[place] ^= 1
            #expect(ProbeOption.read(changed, key: key, name: name, type: .a) == nil)
            let cut = Array(option.prefix(place))
            #expect(ProbeOption.read(cut, key: key, name: name, type: .a) == nil)
        }
    }

    @Test func onlyThisMachineIsLocal() {
        let desk = ProbeDesk(controlPath: "")
        desk.serve(on: [IPAddress(v4: 0x0A00_0035)])
        #expect(desk.isLocal(IPAddress(v4: 0x7F00_1401)))
        #expect(desk.isLocal(IPAddress(high: 0, low: 1)))
        #expect(desk.isLocal(IPAddress(v4: 0x0A00_0035)))
        #expect(!desk.isLocal(IPAddress(v4: 0x0A00_0036)))
        #expect(!desk.isOpen)
        let key = desk.issueKey()
        #expect(key.count == 32 && desk.isOpen && desk.issueKey() == key)
        let now = Moment.now
        #expect(desk.key(at: now) == key)
        let later = Moment(
            wallMicros: now.wallMicros,
            monotonicMicros: now.monotonicMicros + 2 * ServerLimits.probeKeyMicros)
        #expect(desk.key(at: later) == nil && !desk.isOpen)
        #expect(desk.issueKey() != key)
    }
}
