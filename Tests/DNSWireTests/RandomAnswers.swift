import DNSWire
import Dice

/// Upstream messages made up at random: a few names, chains among them, compression by chance.
struct RandomAnswers {
    private static let names = [
        "www.example.com", "example.com", "com", ".", "web.example.net", "example.net",
        "a.b.web.example.net", "WWW.Example.Net", "mail.example.org", "x.mail.example.org",
    ].map(wireName)
    private static let types: [RecordType] = [
        .a, .a, .cname, .cname, .cname, .aaaa, .ns, .soa, .mx, .srv, .ptr, .dname, .txt, .rrsig,
        .nsec, .https, RecordType(65280),
    ]

    private var random: SeededGenerator
    private var octets: [UInt8] = []
    /// Where labels begin that a pointer may lead to, and what name stands there.
    private var places: [(offset: Int, name: ArraySlice<UInt8>)] = []

    init(_ seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// The next message, and the type that it answers for `www.example.com`.
    mutating func next() -> (octets: [UInt8], qtype: RecordType) {
        let qtype =
            [RecordType.a, .a, .a, .mx, .srv, .cname, .rrsig, .https].randomElement(
                using: &random) ?? .a
        let counts = [Int.random(in: 0...6, using: &random), Int.random(in: 0...3, using: &random)]
        let flags: UInt16 = [0x8180, 0x8180, 0x81A0, 0x8183].randomElement(using: &random) ?? 0
        octets = big16(0x1234) + big16(flags) + big16(1) + counts.flatMap(big16) + big16(1)
        places = []
        put(name: Self.names[0], mayPoint: false)
        octets += big16(qtype.rawValue) + big16(1)
        for number in 0..<counts.reduce(0, +) { putRecord(qtype, isAnswer: number < counts[0]) }
        octets += opt()
        return (octets, qtype)
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    private mutating func putRecord(_ qtype: RecordType, isAnswer: Bool) {
        var type = pick(Self.types)
        if isAnswer, Bool.random(using: &random) { type = qtype }
        if !isAnswer, Bool.random(using: &random) { type = .soa }
        put(name: Bool.random(using: &random) ? Self.names[0] : pick(Self.names))
        let ttl = pick([0, 1, 60, 300, 86400, 100_000, 0x8000_0000] as [UInt32])
        let recordClass = Int.random(in: 0..<12, using: &random) == 0 ? 3 : 1
        octets += big16(type.rawValue) + big16(recordClass) + big32(ttl)
        let lengthPlace = octets.count
        octets += [0, 0]
        putData(type)
        octets.replaceSubrange(
            lengthPlace..<lengthPlace + 2, with: big16(octets.count - lengthPlace - 2))
    }

    private mutating func putData(_ type: RecordType) {
        switch type {
        case .a: octets += [192, 0, 2, UInt8.random(in: 0...255, using: &random)]
        case .aaaa: octets += [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        case .cname, .ns, .ptr, .dname: put(name: pick(Self.names))
        case .mx:
            octets += [0, 10]
            put(name: pick(Self.names))
        case .srv:
            octets += [0, 1, 0, 2, 0, 80]
            put(name: pick(Self.names))
        case .soa:
            put(name: pick(Self.names))
            put(name: pick(Self.names))
            for value in [1, 2, 3, 4, Int.random(in: 0...20_000, using: &random)] {
                octets += big32(value)
            }
        case .rrsig:
            octets += big16(pick(Self.types).rawValue) + [8, 2] + big32(300) + big32(2_000_000_000)
            octets += big32(1_600_000_000) + big16(12345) + wireName("example.com") + [1, 2, 3, 4]
        case .nsec: octets += wireName("z.example.com") + [0, 1, 0x40]
        case .https: octets += [0, 1, 0, 0, 1, 0, 3, 2] + "h2".utf8
        default: octets += [4] + "text".utf8
        }
    }

    private mutating func put(name: [UInt8], mayPoint: Bool = true) {
        var index = 0
        while name[index] != 0 {
            let rest = name[index...]
            if mayPoint, Bool.random(using: &random),
                let place = places.first(where: { $0.name.elementsEqual(rest) })
            {
                octets += pointer(place.offset)
                return
            }
            places.append((octets.count, rest))
            let next = index + Int(name[index]) + 1
            octets += name[index..<next]
            index = next
        }
        octets.append(0)
    }
}
