import DNSWire
import DecisionLog
import PolicyEngine
import Replay
import Testing

/// Who asked is told by the record's name where it was known by more than its address.
@Suite struct RecordedAskersTests {
    private typealias College = SmallCollege
    private static let nine = College.midnight + 9 * 3600
    private static let staffOnly = College.chatRule(groups: [1])
    private static let atLearners = "10.20.0.5"

    private static func device(_ name: String, card: UInt64? = nil, login: String? = nil) -> Device
    {
        Device(
            name: name, hardware: card.map { [HardwareAddress(value: $0)] } ?? [],
            identities: login.map { [$0] } ?? [], group: nil)
    }

    /// The group of a row's client under the new policy, and whether the block of staff reached it.
    private func outcome(
        _ today: ReplayPolicy, _ new: ReplayPolicy, device: String?, group: String
    ) throws -> (group: String?, isBlocked: Bool) {
        let replayer = try College.replayer(today, new)
        for _ in 0..<2 {
            replayer.take(
                try College.row(
                    "chat.example", from: Self.atLearners, at: Self.nine, groupName: group,
                    device: device))
        }
        let result = replayer.result
        #expect(result.queries == 2)
        #expect([0, 2].contains(result.changes.total))
        return (result.groups.first?.name, result.changes[.allowToBlock] == 2)
    }

    @Test func aDeviceIsJudgedAsItself() throws {
        var laptop = Self.device("staff-laptop", card: 0x02_00_5E_00_00_01)
        laptop.group = 1
        let today = try College.policy([], devices: [laptop])
        let new = try College.policy([Self.staffOnly], devices: [laptop])
        let found = try outcome(today, new, device: "staff-laptop", group: "staff")
        #expect(found == ("staff", true))
        // Without a name in the record it was somebody of the network.
        #expect(try outcome(today, new, device: nil, group: "learner") == ("learner", false))
    }

    /// The file to be tried may give the device another name or another group: that is the question.
    @Test func theNewPolicyMayKnowItOtherwise() throws {
        var old = Self.device("staff-laptop", card: 0x02_00_5E_00_00_01)
        old.group = 1
        var renamed = Self.device("laptop-7", card: 0x02_00_5E_00_00_01)
        renamed.group = 1
        let today = try College.policy([], devices: [old])
        let found = try outcome(
            today, College.policy([Self.staffOnly], devices: [renamed]), device: "staff-laptop",
            group: "staff")
        #expect(found == ("staff", true))
        renamed.group = 0
        let moved = try outcome(
            today, College.policy([Self.staffOnly], devices: [renamed]), device: "staff-laptop",
            group: "staff")
        #expect(moved == ("learner", false))
    }

    @Test(arguments: [
        // Somebody logged in, and had the group of the login.
        ("Ann@staff.example", "staff", true),
        // A device in the learners' network calls itself like that: it was a learner.
        ("ann@staff.example", "learner", false),
        ("ann-phone", "learner", false),
    ])
    func aLoginIsNoName(recorded: (name: String, group: String, isBlocked: Bool)) throws {
        let today = try College.policy([], staff: ["*@staff.example"])
        let new = try College.policy([Self.staffOnly], staff: ["*@staff.example"])
        let found = try outcome(today, new, device: recorded.name, group: recorded.group)
        #expect(found == (recorded.group, recorded.isBlocked))
    }

    /// Of two devices that rules name, one has the address and the other the card: nobody made a
    /// row of verdicts for both before.
    @Test func whoNobodyThoughtOfGetsVerdictsOfItsOwn() throws {
        let devices = try (0..<6).map { number in
            var device = Self.device("card-\(number)", card: 0x02_00_5E_00_01_00 + UInt64(number))
            device.addresses = [try #require(IPAddress("10.20.1.\(number)"))]
            return device
        }
        let rules = devices.indices.map { place in
            var rule = College.chatRule("card-\(place)", groups: [])
            rule.devices = [place]
            return rule
        }
        let today = try College.policy([], devices: devices)
        let new = try College.policy(rules, devices: devices)
        let replayer = try College.replayer(today, new)
        for round in 0..<2 {
            for number in 0..<6 {
                // Each card at its neighbour's address, with its neighbour's rule besides its own.
                replayer.take(
                    try College.row(
                        seq: UInt64(round * 6 + number), "chat.example",
                        from: "10.20.1.\((number + 1) % 6)", at: Self.nine, groupName: "learner",
                        device: "card-\(number)"))
            }
        }
        let result = replayer.result
        #expect(result.queries == 12 && result.changes[.allowToBlock] == 12)
        // Of both rules the upper one decides.
        let expected = Set((0..<6).map { "card-\(min($0, ($0 + 1) % 6))" })
        #expect(Set(result.rules.map(\.to.rule)) == expected)
    }
}
