/// Numbers on their way into bytes: seven bits an octet, the low ones first.
struct PackWriter {
    private(set) var bytes: [UInt8] = []

    var count: Int { bytes.count }

    @inline(__always) mutating func number(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    @inline(__always) mutating func number(_ value: UInt32) { number(UInt64(value)) }
    @inline(__always) mutating func number(_ value: Int) { number(UInt64(max(value, 0))) }

    /// A number that may be below zero: the sign goes into the lowest bit.
    @inline(__always) mutating func signed(_ value: Int64) {
        number(UInt64(bitPattern: value << 1 ^ value >> 63))
    }

    mutating func word(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func half(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    mutating func text(_ octets: some Collection<UInt8>) {
        number(octets.count)
        bytes.append(contentsOf: octets)
    }

    mutating func raw(_ octets: some Collection<UInt8>) { bytes.append(contentsOf: octets) }
}

/// Reads what a `PackWriter` wrote; past the end it gives zeros and remembers that it did.
struct PackReader {
    let bytes: [UInt8]
    private(set) var offset: Int
    private(set) var isBroken = false

    init(_ bytes: [UInt8], at offset: Int = 0) {
        self.bytes = bytes
        self.offset = max(offset, 0)
    }

    var isAtEnd: Bool { offset >= bytes.count }

    @inline(__always) mutating func number() -> UInt64 {
        guard offset < bytes.count else {
            isBroken = true
            return 0
        }
        let first = bytes[offset]
        offset &+= 1
        return first < 0x80 ? UInt64(first) : rest(UInt64(first & 0x7F))
    }

    @inline(__always) private mutating func rest(_ low: UInt64) -> UInt64 {
        var value = low
        var shift: UInt64 = 7
        while offset < bytes.count, shift < 64 {
            let octet = bytes[offset]
            offset &+= 1
            value |= UInt64(octet & 0x7F) << shift
            if octet < 0x80 { return value }
            shift &+= 7
        }
        isBroken = true
        return 0
    }

    @inline(__always) mutating func small() -> UInt32 { UInt32(truncatingIfNeeded: number()) }

    /// A count of things of which each takes at least one octet: never more than there are left.
    mutating func amount() -> Int {
        let value = number()
        guard value <= UInt64(bytes.count - offset) else {
            isBroken = true
            return 0
        }
        return Int(value)
    }

    @inline(__always) mutating func signed() -> Int64 {
        let value = number()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    mutating func word() -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            value |= UInt64(octet()) << shift
        }
        return value
    }

    mutating func half() -> UInt32 {
        var value: UInt32 = 0
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            value |= UInt32(octet()) << shift
        }
        return value
    }

    mutating func text() -> ArraySlice<UInt8> {
        let count = amount()
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    private mutating func octet() -> UInt8 {
        guard offset < bytes.count else {
            isBroken = true
            return 0
        }
        defer { offset += 1 }
        return bytes[offset]
    }
}
