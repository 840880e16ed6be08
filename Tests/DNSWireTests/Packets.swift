import DNSWire
import LDNSBridge

// Messages made by hand, octet by octet, so that they can be wrong in every way.

/// A name in wire format with its letter case kept; labels by dots, no escapes, `.` for the root.
func wireName(_ text: String) -> [UInt8] {
    var octets: [UInt8] = []
    for label in text.split(separator: ".") {
        octets.append(UInt8(truncatingIfNeeded: label.utf8.count))
        octets += label.utf8
    }
    return octets + [0]
}

/// A name of exactly this many octets, made of labels of at most `label` octets.
func name(octets count: Int, label: Int = 63) -> [UInt8] {
    var octets: [UInt8] = []
    var left = count - 1
    while left > 0 {
        // A label takes at least two octets, so no single one may be left over.
        var length = min(label, left - 1)
        if left - length - 1 == 1 { length -= 1 }
        octets.append(UInt8(truncatingIfNeeded: length))
        octets += [UInt8](repeating: UInt8(ascii: "a"), count: length)
        left -= length + 1
    }
    return octets + [0]
}

func big16(_ value: some BinaryInteger) -> [UInt8] {
    [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
}

func big32(_ value: some BinaryInteger) -> [UInt8] { big16(value >> 16) + big16(value) }

/// A question as it lies in a message: name, type, class.
func question(_ name: [UInt8], _ type: RecordType = .a, _ qclass: UInt16 = 1) -> [UInt8] {
    name + big16(type.rawValue) + big16(qclass)
}

/// A record as it lies in a message.
func record(
    _ owner: [UInt8], _ type: RecordType, _ data: [UInt8], ttl: UInt32 = 300, recordClass: Int = 1,
    dataLength: Int? = nil
) -> [UInt8] {
    owner + big16(type.rawValue) + big16(recordClass) + big32(ttl)
        + big16(dataLength ?? data.count) + data
}

/// A record from zone file text.
func record(_ text: String) throws -> [UInt8] { try recordWire(text) }

/// An OPT record.
func opt(
    size: Int = 1232, extendedCode: Int = 0, version: Int = 0, dnssecOK: Bool = false,
    options: [UInt8] = [], dataLength: Int? = nil
) -> [UInt8] {
    [0] + big16(41) + big16(size)
        + [UInt8(truncatingIfNeeded: extendedCode), UInt8(truncatingIfNeeded: version)]
        + big16(dnssecOK ? 0x8000 : 0) + big16(dataLength ?? options.count) + options
}

/// A pointer to an offset of the message.
func pointer(_ offset: Int) -> [UInt8] { big16(0xC000 | offset) }

/// A message in its parts.
struct Packet {
    var id: UInt16 = 0x1234
    var flags: UInt16 = 0x0100
    var questions: [[UInt8]] = []
    var answers: [[UInt8]] = []
    var authorities: [[UInt8]] = []
    var additionals: [[UInt8]] = []
    /// The four counts, where they are to lie.
    var counts: [Int]?

    /// A client's query.
    static func query(
        _ name: String, _ type: RecordType = .a, opt record: [UInt8]? = nil, flags: UInt16 = 0x0100
    ) -> Packet {
        Packet(
            flags: flags, questions: [question(wireName(name), type)],
            additionals: record.map { [$0] } ?? [])
    }

    /// An upstream's answer from zone file text.
    static func answer(
        _ name: String, _ type: RecordType = .a, _ answers: [String] = [],
        authority: [String] = [], additional: [String] = [], flags: UInt16 = 0x8180
    ) throws -> Packet {
        Packet(
            flags: flags, questions: [question(wireName(name), type)],
            answers: try answers.map(DNSWireTests.record),
            authorities: try authority.map(DNSWireTests.record),
            additionals: try additional.map(DNSWireTests.record))
    }

    var octets: [UInt8] {
        let counts =
            counts ?? [questions.count, answers.count, authorities.count, additionals.count]
        return big16(id) + big16(flags) + counts.flatMap(big16) + questions.joined()
            + answers.joined() + authorities.joined() + additionals.joined()
    }

    /// Where the answer section begins.
    var answersOffset: Int { 12 + questions.joined().count }
}
