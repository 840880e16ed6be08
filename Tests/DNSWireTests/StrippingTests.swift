import DNSWire
import Dice
import Testing

/// What is left of HTTPS and SVCB records for clients that must find their way by names alone.
@Suite struct StrippingTests {
    /// One SvcParam (RFC 9460 section 2.2).
    struct Parameter: Equatable {
        var key: Int
        var value: [UInt8]

        init(_ key: Int, _ value: [UInt8]) {
            self.key = key
            self.value = value
        }

        var wire: [UInt8] { big16(key) + big16(value.count) + value }
    }

    static let alpn = Parameter(1, [2] + Array("h2".utf8))
    static let port = Parameter(3, [0x20, 0xFB])
    static let ipv4hint = Parameter(4, [192, 0, 2, 1])
    static let ech = Parameter(5, [0, 4, 0xFE, 0x0D, 0, 0])
    static let ipv6hint = Parameter(6, [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 12))
    static let dohpath = Parameter(7, Array("/q{?dns}".utf8))
    static func mandatory(_ keys: Int...) -> Parameter { Parameter(0, keys.flatMap(big16)) }

    static func data(_ priority: Int, _ target: String, _ parameters: [Parameter]) -> [UInt8] {
        big16(priority) + wireName(target) + parameters.flatMap(\.wire)
    }

    /// The data without what is taken out, the slow and obvious way; nil where it cannot be read.
    static func slowlyStripped(_ data: [UInt8]) -> [UInt8]? {
        var index = 2
        while data[index] != 0 { index += Int(data[index]) + 1 }
        index += 1
        let head = Array(data[..<index])
        if data[0] == 0 && data[1] == 0 { return data }
        guard let given = parameters(data[index...]) else { return nil }
        var kept: [Parameter] = []
        for var parameter in given where ![4, 5, 6].contains(parameter.key) {
            if parameter.key == 0 {
                let keys = stride(from: 0, to: parameter.value.count - 1, by: 2).map {
                    Int(parameter.value[$0]) << 8 | Int(parameter.value[$0 + 1])
                }
                guard !keys.isEmpty, parameter.value.count % 2 == 0, keys == keys.sorted(),
                    Set(keys).count == keys.count, !keys.contains(0)
                else { return nil }
                parameter.value = keys.filter { ![4, 5, 6].contains($0) }.flatMap(big16)
                if parameter.value.isEmpty { continue }
            }
            kept.append(parameter)
        }
        return head + kept.flatMap(\.wire)
    }

    static func parameters(_ octets: ArraySlice<UInt8>) -> [Parameter]? {
        var found: [Parameter] = []
        var left = Array(octets)
        while !left.isEmpty {
            guard left.count >= 4 else { return nil }
            let key = Int(left[0]) << 8 | Int(left[1])
            let length = Int(left[2]) << 8 | Int(left[3])
            guard left.count >= 4 + length, key > found.last?.key ?? -1 else { return nil }
            found.append(Parameter(key, Array(left[4..<4 + length])))
            left.removeFirst(4 + length)
        }
        return found
    }

    // MARK: - One record

    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let given: [UInt8]
        let left: [UInt8]?

        init(_ name: String, _ given: [UInt8], _ left: [UInt8]?) {
            testDescription = name
            self.given = given
            self.left = left
        }
    }

    static let rows = [
        Row(
            "keys and hints go, the rest stays",
            data(1, ".", [alpn, port, ipv4hint, ech, ipv6hint, dohpath]),
            data(1, ".", [alpn, port, dohpath])),
        Row("nothing to take out", data(1, ".", [alpn, port]), data(1, ".", [alpn, port])),
        Row("nothing left", data(1, "svc.example.net", [ech]), data(1, "svc.example.net", [])),
        Row(
            "mandatory without what is gone",
            data(1, ".", [mandatory(1, 4, 5), alpn, ipv4hint, ech]),
            data(1, ".", [mandatory(1), alpn])),
        Row(
            "mandatory of what is gone alone", data(1, ".", [mandatory(5), alpn, ech]),
            data(1, ".", [alpn])),
        Row(
            "mandatory of a key that is not there", data(1, ".", [mandatory(5), alpn]),
            data(1, ".", [alpn])),
        Row(
            "an alias is left alone", data(0, "svc.example.net", []), data(0, "svc.example.net", [])
        ),
        Row("keys in another order", data(1, ".", [ech, alpn]), nil),
        Row("a key twice", data(1, ".", [ech, ech]), nil),
        Row("a length beyond the end", data(1, ".", []) + [0, 5, 0, 9, 1], nil),
        Row("half a key", data(1, ".", [alpn]) + [0], nil),
        Row("mandatory, half a key", data(1, ".", [Parameter(0, [0, 5, 0]), ech]), nil),
        Row("mandatory, empty", data(1, ".", [Parameter(0, []), ech]), nil),
        Row("mandatory names itself", data(1, ".", [Parameter(0, [0, 0, 0, 5]), ech]), nil),
        Row("mandatory, another order", data(1, ".", [mandatory(5, 1), alpn, ech]), nil),
    ]

    @Test(arguments: rows, [RecordType.https, .svcb])
    func record(_ row: Row, _ type: RecordType) throws {
        let other = DNSWireTests.record(
            wireName("www.example.com"), type, Self.data(2, ".", [Self.alpn]))
        let given = DNSWireTests.record(wireName("www.example.com"), type, row.given)
        let left = row.left.map { DNSWireTests.record(wireName("www.example.com"), type, $0) }
        let client = Packet.query("www.example.com", type, opt: opt())
        let question = question(wireName("www.example.com"), type)
        func distilled(_ answers: [[UInt8]]) -> Distilled {
            Distilled(
                Packet(flags: 0x8180, questions: [question], answers: answers).octets,
                "www.example.com", type)
        }
        let expected = [left, other].compactMap(\.self)
        let all = distilled([given, other])
        #expect(
            try all.write(for: client, stripped: true).octets
                == distilled(expected).write(for: client).octets)
        // The original is kept for everybody else.
        let whole = try all.write(for: client).octets
        #expect(whole[7] == 2 && whole.count >= 33 + 2 * 12 + row.given.count)
    }

    // MARK: - Whole answers

    /// At random: a chain, records with keys, signatures, a SOA behind; against the slow way.
    @Test func randomAnswers() throws {
        var random = SeededGenerator(seed: 21)
        let distiller = AnswerDistiller()
        var changed = 0
        for _ in 0..<4000 {
            let given = RandomBindings(&random)
            let client = Packet.query(
                "www.example.com", .https, opt: opt(dnssecOK: true), flags: 0x0120)
            let original = Distilled(
                given.packet(stripped: false), "www.example.com", .https, dnssecOK: true,
                by: distiller)
            let slow = Distilled(
                given.packet(stripped: true), "www.example.com", .https, dnssecOK: true,
                by: distiller)
            let stripped = try original.write(for: client, age: 7, limit: 200, stripped: true)
            let expected = try slow.write(for: client, age: 7, limit: 200)
            #expect(stripped.octets == expected.octets)
            let whole = try original.write(for: client)
            if given.isChanged {
                changed += 1
                #expect(stripped.flags & Query.authenticDataFlag == 0)
                #expect(whole.flags & Query.authenticDataFlag != 0)
            }
        }
        #expect(changed > 2000)
    }

    /// Octets of any kind where SvcParams should be: nothing traps, and nothing that is taken out or
    /// cannot be read gets through.
    @Test func randomData() throws {
        var random = SeededGenerator(seed: 22)
        let distiller = AnswerDistiller()
        var survivors = 0
        for _ in 0..<20_000 {
            var data = Self.data(Int.random(in: 0...2, using: &random), ".", [])
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                data += [0, .random(in: 0...7, using: &random), 0]
                data.append(.random(in: 0...6, using: &random))
                data += (0..<Int.random(in: 0...6, using: &random)).map { _ in
                    .random(in: 0...5, using: &random)
                }
            }
            if Bool.random(using: &random), data.count > 3 {
                data[.random(in: 2..<data.count, using: &random)] = .random(
                    in: 0...255, using: &random)
            }
            let packet = Packet(
                flags: 0x8180, questions: [question(wireName("www.example.com"), .https)],
                answers: [DNSWireTests.record(wireName("www.example.com"), .https, data)])
            let distilled = Distilled(packet.octets, "www.example.com", .https, by: distiller)
            guard distilled.outcome == .answer else { continue }
            let written = try distilled.write(
                for: .query("www.example.com", .https), stripped: true)
            // Header, question, then a record whose owner is a pointer.
            let head = 12 + 17 + 4 + 12
            guard written.octets[7] == 1 else {
                #expect(Self.slowlyStripped(data) == nil)
                continue
            }
            survivors += 1
            #expect(Array(written.octets.dropFirst(head)) == Self.slowlyStripped(data))
        }
        #expect(survivors > 1000)
    }

    // MARK: - Where answers lead

    @Test(
        arguments: [
            (RecordType.https, [0, "Alias.Example.net"], ["alias.example.net"]),
            (.svcb, [1, "svc.example.net"], ["svc.example.net"]), (.https, [1, "."], []),
        ] as [(RecordType, [any Sendable], [String])])
    func targets(_ row: (type: RecordType, record: [any Sendable], names: [String])) throws {
        let data = Self.data(
            try #require(row.record[0] as? Int), try #require(row.record[1] as? String), [])
        let packet = Packet(
            flags: 0x8180, questions: [question(wireName("www.example.com"), row.type)],
            answers: [
                DNSWireTests.record(wireName("www.example.com"), row.type, data),
                DNSWireTests.record(wireName("www.example.com"), row.type, data),
            ])
        let distilled = Distilled(packet.octets, "www.example.com", row.type)
        #expect(try distilled.chain() == row.names)
    }

    @Test func chainsAndTargetsTogether() throws {
        let packet = try Packet.answer(
            "www.old.example.com", .a,
            [
                "old.example.com. 300 IN DNAME new.example.net.",
                "www.old.example.com. 300 IN CNAME www.new.example.net.",
                "www.new.example.net. 300 IN A 192.0.2.1",
            ])
        #expect(
            try Distilled(packet.octets, "www.old.example.com").chain()
                == ["www.new.example.net", "new.example.net"])
    }

    @Test(arguments: [(32, true), (33, false)])
    func manyTargets(_ row: (count: Int, isFine: Bool)) throws {
        let records = (0..<row.count).map {
            DNSWireTests.record(
                wireName("www.example.com"), .https,
                Self.data(1, "t\($0).example.net", [Self.ech]))
        }
        let packet = Packet(
            flags: 0x8180, questions: [question(wireName("www.example.com"), .https)],
            answers: records + records)
        let distilled = Distilled(packet.octets, "www.example.com", .https)
        #expect(distilled.outcome == (row.isFine ? .answer : .malformed))
        if row.isFine { #expect(try distilled.chain().count == 32) }
    }
}

/// An answer to `www.example.com HTTPS` made up at random, and the same as it should be stripped.
private struct RandomBindings {
    private let chain: [[UInt8]]
    private let owner: [UInt8]
    private let data: [[UInt8]]
    private let signatures: [[UInt8]]
    private let behind: [[UInt8]]

    init(_ random: inout SeededGenerator) {
        let hops = Int.random(in: 0...2, using: &random)
        let names = (0...hops).map { wireName($0 == 0 ? "www.example.com" : "h\($0).example.net") }
        chain = (0..<hops).map { record(names[$0], .cname, names[$0 + 1]) }
        owner = names[hops]
        data = (0..<Int.random(in: 1...3, using: &random)).map { _ in Self.data(&random) }
        let signature = { (type: RecordType, owner: [UInt8]) -> [UInt8] in
            record(
                owner, .rrsig,
                big16(type.rawValue) + [13, 3] + big32(300) + big32(2_000_000_000)
                    + big32(1_700_000_000) + big16(4711) + wireName("example.com") + [9, 9, 9])
        }
        signatures = Bool.random(using: &random) ? [signature(.https, owner)] : []
        behind = hops > 0 ? [signature(.cname, names[0])] : []
    }

    private static func data(_ random: inout SeededGenerator) -> [UInt8] {
        typealias Tests = StrippingTests
        if Int.random(in: 0..<8, using: &random) == 0 { return Tests.data(0, "a.example.org", []) }
        let all = [
            Tests.alpn, Tests.port, Tests.ipv4hint, Tests.ech, Tests.ipv6hint, Tests.dohpath,
            Tests.Parameter(65280, [1, 2, 3]),
        ]
        var kept = all.filter { _ in Bool.random(using: &random) }
        let keys = kept.map(\.key).filter { _ in Bool.random(using: &random) }
        if !keys.isEmpty { kept.insert(Tests.Parameter(0, keys.flatMap(big16)), at: 0) }
        var data = Tests.data(1, Bool.random(using: &random) ? "." : "svc.example.net", kept)
        if Int.random(in: 0..<10, using: &random) == 0 { data += [0] }
        return data
    }

    private var left: [[UInt8]] { data.compactMap(StrippingTests.slowlyStripped) }
    var isChanged: Bool { left != data }

    /// The upstream's message; AD is set unless something was taken out.
    func packet(stripped: Bool) -> [UInt8] {
        let isLess = stripped && isChanged
        let kept = isLess ? left : data
        return Packet(
            flags: isLess ? 0x8180 : 0x81A0,
            questions: [question(wireName("www.example.com"), .https)],
            answers: chain + kept.map { record(owner, .https, $0) } + (isLess ? [] : signatures)
                + behind
        ).octets
    }
}
