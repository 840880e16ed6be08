/// A DNS message, read and written in the plain slow way: the tests' own second opinion.
struct Message: Sendable {
    struct Question: Sendable {
        var name: String
        var type: UInt16
        var recordClass: UInt16
    }

    struct Record: Sendable {
        var name: String
        var type: UInt16
        var recordClass: UInt16
        var ttl: UInt32
        var data: [UInt8]
        /// Names in the data, decompressed; of CNAME, NS, PTR, SOA.
        var names: [String] = []

        /// `192.0.2.1` of an A record.
        var address: String { data.map(String.init).joined(separator: ".") }
        /// The last 32 bits: MINIMUM of a SOA.
        var minimum: UInt32 { data.suffix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    }

    var octets: [UInt8]
    var id: UInt16 = 0
    var flags: UInt16 = 0
    var questions: [Question] = []
    var answers: [Record] = []
    var authorities: [Record] = []
    var additionals: [Record] = []

    var rcode: UInt16 {
        (opt.map { UInt16($0.ttl >> 24) << 4 } ?? 0) | flags & 15
    }
    var isTruncated: Bool { flags & 0x0200 != 0 }
    var opt: Record? { additionals.first { $0.type == 41 } }
    /// Every record but OPT.
    var records: [Record] { answers + authorities + additionals.filter { $0.type != 41 } }
    /// The greatest TTL in any record, a SOA's MINIMUM included.
    var greatestTTL: UInt32? {
        records.map { $0.type == 6 ? max($0.ttl, $0.minimum) : $0.ttl }.max()
    }
    var addresses: [String] { answers.filter { $0.type == 1 }.map(\.address) }

    /// The options of OPT.
    var options: [(code: UInt16, data: [UInt8])] {
        guard let data = opt?.data else { return [] }
        var options: [(UInt16, [UInt8])] = []
        var index = 0
        while index + 4 <= data.count {
            let length = Int(data[index + 2]) << 8 | Int(data[index + 3])
            guard index + 4 + length <= data.count else { break }
            options.append(
                (
                    UInt16(data[index]) << 8 | UInt16(data[index + 1]),
                    Array(data[index + 4..<index + 4 + length])
                ))
            index += 4 + length
        }
        return options
    }

    /// The extended error (RFC 8914), if there is one.
    var extendedError: (code: UInt16, text: String)? {
        guard let data = options.first(where: { $0.code == 15 })?.data, data.count >= 2
        else { return nil }
        return (
            UInt16(data[0]) << 8 | UInt16(data[1]),
            String(decoding: data.dropFirst(2), as: UTF8.self)
        )
    }

    /// Reads a message; nil if it is none.
    init?(_ octets: [UInt8]) {
        self.octets = octets
        guard octets.count >= 12 else { return nil }
        var reader = Reader(octets: octets)
        guard let id = reader.next16(), let flags = reader.next16(),
            let counts = reader.numbers(4)
        else { return nil }
        self.id = id
        self.flags = flags
        for _ in 0..<counts[0] {
            guard let name = reader.name(), let type = reader.next16(), let kind = reader.next16()
            else { return nil }
            questions.append(Question(name: name, type: type, recordClass: kind))
        }
        for section in 1...3 {
            for _ in 0..<counts[section] {
                guard let record = reader.record() else { return nil }
                switch section {
                case 1: answers.append(record)
                case 2: authorities.append(record)
                default: additionals.append(record)
                }
            }
        }
        guard reader.index == octets.count else { return nil }
    }

    private struct Reader {
        let octets: [UInt8]
        var index = 0

        mutating func next16() -> UInt16? {
            guard index + 2 <= octets.count else { return nil }
            index += 2
            return UInt16(octets[index - 2]) << 8 | UInt16(octets[index - 1])
        }

        mutating func numbers(_ count: Int) -> [UInt16]? {
            let numbers = (0..<count).compactMap { _ in next16() }
            return numbers.count == count ? numbers : nil
        }

        mutating func name() -> String? {
            var labels: [String] = []
            var place = index
            var end: Int?
            for _ in 0..<300 {
                guard place < octets.count else { return nil }
                let length = Int(octets[place])
                if length >= 0xC0 {
                    guard place + 1 < octets.count else { return nil }
                    if end == nil { end = place + 2 }
                    place = (length & 0x3F) << 8 | Int(octets[place + 1])
                    continue
                }
                guard length < 64, place + 1 + length <= octets.count else { return nil }
                if length == 0 {
                    index = end ?? place + 1
                    return labels.joined(separator: ".")
                }
                labels.append(
                    String(decoding: octets[place + 1..<place + 1 + length], as: UTF8.self))
                place += 1 + length
            }
            return nil
        }

        mutating func record() -> Record? {
            guard let name = name(), let head = numbers(5) else { return nil }
            let end = index + Int(head[4])
            guard end <= octets.count else { return nil }
            var record = Record(
                name: name, type: head[0], recordClass: head[1],
                ttl: UInt32(head[2]) << 16 | UInt32(head[3]), data: Array(octets[index..<end]))
            let nameCount = [2: 1, 5: 1, 6: 2, 12: 1, 39: 1][Int(record.type)] ?? 0
            for _ in 0..<nameCount {
                guard let other = self.name() else { return nil }
                record.names.append(other)
            }
            guard nameCount == 0 || index <= end else { return nil }
            index = end
            return record
        }
    }
}

/// The numbers of record types by their names.
enum RR {
    static let a: UInt16 = 1
    static let ns: UInt16 = 2
    static let cname: UInt16 = 5
    static let soa: UInt16 = 6
    static let txt: UInt16 = 16
    static let aaaa: UInt16 = 28
    static let https: UInt16 = 65
    static let any: UInt16 = 255
}

/// Octets of DNS messages.
enum Wire {
    static func number(_ value: UInt16) -> [UInt8] {
        [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
    }

    static func number32(_ value: UInt32) -> [UInt8] {
        number(UInt16(truncatingIfNeeded: value >> 16)) + number(UInt16(truncatingIfNeeded: value))
    }

    static func name(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    static func header(
        id: UInt16, flags: UInt16, _ counts: (UInt16, UInt16, UInt16, UInt16)
    ) -> [UInt8] {
        [id, flags, counts.0, counts.1, counts.2, counts.3].flatMap(number)
    }

    /// OPT: payload size, version and flags, options.
    static func opt(
        size: UInt16 = 1232, flags: UInt32 = 0, options: [UInt8] = []
    ) -> [UInt8] {
        [0] + number(41) + number(size) + number32(flags) + number(UInt16(options.count)) + options
    }

    /// A query as any stub would send it.
    static func query(
        _ name: String, _ type: UInt16 = RR.a, id: UInt16 = .random(in: 0 ... .max),
        flags: UInt16 = 0x0100, ednsSize: UInt16? = 1232, wantsDNSSEC: Bool = false
    ) -> [UInt8] {
        header(id: id, flags: flags, (1, 0, 0, ednsSize == nil ? 0 : 1))
            + self.name(name) + number(type) + number(1)
            + (ednsSize.map { opt(size: $0, flags: wantsDNSSEC ? 0x8000 : 0) } ?? [])
    }

    static func record(_ name: String, _ type: UInt16, ttl: UInt32, _ data: [UInt8]) -> [UInt8] {
        self.name(name) + number(type) + number(1) + number32(ttl)
            + number(UInt16(data.count)) + data
    }

    static func a(_ name: String, _ address: String, ttl: UInt32 = 3600) -> [UInt8] {
        record(name, RR.a, ttl: ttl, address.split(separator: ".").compactMap { UInt8($0) })
    }

    static func cname(_ name: String, _ target: String, ttl: UInt32 = 3600) -> [UInt8] {
        record(name, RR.cname, ttl: ttl, self.name(target))
    }

    static func soa(_ zone: String, ttl: UInt32, minimum: UInt32) -> [UInt8] {
        record(
            zone, RR.soa, ttl: ttl,
            name("ns.\(zone)") + name("hostmaster.\(zone)")
                + [1, 3600, 600, 86400, minimum].flatMap(number32))
    }

    /// TCP's form: the length first.
    static func framed(_ message: [UInt8]) -> [UInt8] {
        number(UInt16(message.count)) + message
    }
}
