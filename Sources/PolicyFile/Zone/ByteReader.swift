/// Takes big-endian numbers and runs of octets off the front of a file; `nil` past its end.
struct ByteReader {
    private let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func octets(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= remaining else { return nil }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    mutating func octet() -> UInt8? { octets(1)?.first }

    mutating func int32() -> Int32? {
        octets(4).map { Int32(truncatingIfNeeded: $0.reduce(0) { $0 << 8 | Int64($1) }) }
    }

    mutating func int64() -> Int64? {
        octets(8).map { Int64(bitPattern: $0.reduce(0) { $0 << 8 | UInt64($1) }) }
    }

    /// A count of entries, none of which is smaller than an octet: never more than what follows.
    mutating func count() -> Int? {
        guard let value = int32(), value >= 0, value <= remaining else { return nil }
        return Int(value)
    }
}
