import DNSWire

/// An upstream without a network: every name has addresses from the documentation ranges.
///
/// A records come from 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24 (RFC 5737), AAAA records
/// from 2001:db8::/32 (RFC 3849), the same for the same name each time. Other types are answered
/// with "no such record". Only for trying the product out, and only where it is asked for by name.
enum DemoUpstream {
    private static let ttlSeconds: UInt32 = 300
    private static let ranges: [[UInt8]] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]]

    /// The whole answer to a query message that the forwarder made.
    static func answer(_ message: [UInt8]) -> [UInt8] {
        let room = 512
        return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room + 256) {
            buffer in
            guard let base = buffer.baseAddress else { return [] }
            // SAFETY: the room for the answer comes first; the 256 octets behind it hold any name.
            let name = unsafe base + room
            let query = unsafe Query(message.span, lowercaseName: name)
            guard query.status == .fine else { return [] }
            let hash = unsafe UnsafeBufferPointer(start: name, count: query.nameLength)
                .reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
            var writer = unsafe MessageWriter(base, capacity: room)
            writer.putHeader(answering: query, rcode: .noError)
            writer.putQuestion(message.span, of: query)
            let data = address(query.qtype, hash)
            if data.isEmpty {
                writer.putNegativeSOA(ttlSeconds: ttlSeconds)
            } else {
                writer.putRecordHead(type: query.qtype, ttlSeconds: ttlSeconds)
                writer.put16(UInt16(truncatingIfNeeded: data.count))
                writer.put(data)
            }
            writer.finishHeader(
                questions: 1, answers: data.isEmpty ? 0 : 1, authorities: data.isEmpty ? 1 : 0)
            return unsafe Array(UnsafeBufferPointer(start: base, count: writer.count))
        }
    }

    private static func address(_ type: RecordType, _ hash: UInt32) -> [UInt8] {
        let last = UInt8(truncatingIfNeeded: 1 + hash >> 8 % 254)
        switch type {
        case .a: return ranges[Int(hash % 3)] + [last]
        case .aaaa:
            return [0x20, 0x01, 0x0D, 0xB8, 0, UInt8(truncatingIfNeeded: hash >> 16)]
                + [UInt8](repeating: 0, count: 9) + [last]
        default: return []
        }
    }
}
