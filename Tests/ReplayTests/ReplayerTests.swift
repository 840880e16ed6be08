import DNSWire
import DecisionLog
import PolicyEngine
import Replay
import Testing

/// What single rows come to.
@Suite struct ReplayerTests {
    private typealias College = SmallCollege
    private static let nine = College.midnight + 9 * 3600

    @Test(arguments: [
        (College.chatRule(), College.chatRule("quiet"), ChangeKind.rule),
        (College.chatRule(), College.chatRule(answer: .refused), .answer),
        (College.chatRule(), College.chatRule(reason: "Never."), .reason),
        (College.chatRule(), College.chatRule("quiet", .allow), .blockToAllow),
        (College.chatRule(groups: [0]), College.chatRule(groups: [1]), .allowToBlock),
        (College.chatRule(), College.chatRule(during: [0]), nil),
    ])
    func kinds(_ row: (today: Rule, new: Rule, kind: ChangeKind?)) throws {
        let replayer = try College.replayer(
            College.policy([row.today]), College.policy([row.new]))
        replayer.take(try College.row("www.chat.example", at: Self.nine))
        let result = replayer.result
        #expect(result.queries == 1)
        for kind in ChangeKind.allCases {
            #expect(result.changes[kind] == (kind == row.kind ? 1 : 0), "\(kind)")
        }
        #expect(result.examples.map(\.kind) == [row.kind].compactMap { $0 })
        #expect(result.categories.map(\.name) == (row.kind == nil ? [] : ["social"]))
    }

    /// In what the record does not tell, nothing is made up.
    @Test func rowsThatCannotBeJudged() throws {
        let replayer = try College.replayer(
            College.policy([College.chatRule()]), College.policy([]))
        let blocked = "www.example.org"
        replayer.take(
            try College.row(blocked, at: Self.nine, .block, rule: "no-chat", via: "chat.example"))
        // A type that is not served, and a client that may not ask.
        replayer.take(try College.row(blocked, at: Self.nine, .block, source: .error))
        replayer.take(
            try College.row(
                blocked, from: "192.0.2.1", at: Self.nine, .block, source: .error, group: .max))
        let result = replayer.result
        #expect(result.queries == 0 && result.recorded == 3)
        #expect(result.unknownChains == 1 && result.refused == 2)
    }

    /// An alias that both block is judged; so is a name that is blocked now by itself.
    @Test func rowsThatWereBlockedForAnAlias() throws {
        let games = Rule(
            id: "no-games", action: .block, target: .listed([College.games: "games"]))
        let above = Rule(
            id: "games-are-fine", action: .allow, target: .listed([College.games: "games"]))
        for (new, rule) in [
            ([College.chatRule("quiet")], "quiet"), ([games, College.chatRule()], "no-games"),
            ([above, College.chatRule()], nil), ([College.chatRule(), above], "no-chat"),
        ] {
            let replayer = try College.replayer(
                College.policy([College.chatRule()]), College.policy(new))
            replayer.take(
                try College.row(
                    "games.example", at: Self.nine, .block, rule: "no-chat", via: "chat.example"))
            let result = replayer.result
            #expect(result.unknownChains == (rule == nil ? 1 : 0))
            #expect(result.rules.first?.to.rule == (rule == "no-chat" ? nil : rule))
            #expect(result.differingFromRecord == (rule == nil || rule == "no-chat" ? 0 : 1))
        }
    }

    /// The server judges once more when the answer has come; a bell in between counts.
    @Test func aBellBetweenQuestionAndAnswer() throws {
        let policy = { try College.policy([College.chatRule(during: [0])]) }
        for (took, differing) in [(2000 as UInt32, 0 as UInt64), (20, 1)] {
            let replayer = try College.replayer(policy(), policy())
            replayer.take(
                try College.row(
                    "chat.example", at: Self.nine - 1, took: took, .block, rule: "no-chat"))
            #expect(replayer.result.policies.map(\.differing) == [differing])
            #expect(replayer.result.changes.total == 0)
        }
    }

    @Test func unknownDevices() throws {
        let refusing = { try College.policy([]) }
        let replayer = try College.replayer(refusing(), College.policy([], unknownDevices: 1))
        replayer.take(
            try College.row(
                "www.example.org", from: "10.99.0.1", at: Self.nine, .block, source: .error,
                group: .max))
        let result = replayer.result
        #expect(result.changes[.blockToAllow] == 1 && result.policies.map(\.differing) == [0])
        #expect(result.rules.first?.from.rule == ReplayRule.refusal)
        #expect(result.groups.map(\.name) == ["staff"])
        let other = try College.replayer(College.policy([], unknownDevices: 1), refusing())
        other.take(try College.row("www.example.org", from: "10.99.0.1", at: Self.nine))
        #expect(other.result.changes[.allowToBlock] == 1)
        #expect(other.result.groups.map(\.name) == [nil])
    }

    /// Days without order: each row is judged by its own instant, more planes than are kept.
    @Test func timeMayJump() throws {
        let replayer = try College.replayer(
            College.policy([]), College.policy([College.chatRule(during: [0])]))
        for number in 0..<400 as Range<Int64> {
            let day = College.midnight + (number * 37 % 200) * 86_400
            let hour: Int64 = number.isMultiple(of: 2) ? 9 : 10
            replayer.take(try College.row("chat.example", at: day + hour * 3600))
        }
        #expect(replayer.result.changes[.allowToBlock] == 200)
        #expect(replayer.result.changes.total == 200)
    }

    @Test func examplesAreOfEachChangeAndName() throws {
        let take = { (replayer: Replayer) in
            for number in 0..<100 as Range<UInt64> {
                // A rare change among many of a common one, which ask for three names.
                let isRare = number == 60
                replayer.take(
                    try College.row(
                        seq: number, isRare ? "games.example" : "a\(number % 3).chat.example",
                        at: Self.nine))
            }
        }
        let games = Rule(
            id: "no-games", action: .block, target: .listed([College.games: "games"]))
        for (wanted, seqs) in [
            (20, [0, 1, 2, 60]), (3, [0, 1, 60]), (2, [0, 60]), (1, [0]), (0, []),
        ] as [(Int, [UInt64])] {
            let replayer = try College.replayer(
                College.policy([]), College.policy([College.chatRule(), games]), examples: wanted)
            try take(replayer)
            #expect(replayer.result.examples.map(\.seq) == seqs, "\(wanted)")
            #expect(replayer.result.changes.total == 100)
        }
    }
}
