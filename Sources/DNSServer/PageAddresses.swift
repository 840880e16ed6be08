import DNSWire

/// The addresses of the block page as they stand in an answer, for the query path.
///
/// Written here and never after; lives as long as the gate that holds it.
@safe struct PageAddresses {
    private let v4: UnsafeMutableRawBufferPointer
    private let v6: UnsafeMutableRawBufferPointer

    init(_ addresses: [IPAddress]) {
        unsafe v4 = Self.lay(addresses.filter(\.isV4).flatMap(Self.octets))
        unsafe v6 = Self.lay(addresses.filter { !$0.isV4 }.flatMap(Self.octets))
    }

    func deallocate() {
        unsafe v4.deallocate()
        unsafe v6.deallocate()
    }

    /// Those of a type, in network byte order; none for a type that is neither A nor AAAA.
    @inline(__always)
    func octets(of type: RecordType) -> UnsafeRawBufferPointer {
        switch type {
        case .a: unsafe UnsafeRawBufferPointer(v4)
        case .aaaa: unsafe UnsafeRawBufferPointer(v6)
        default: unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
    }

    private static func octets(_ address: IPAddress) -> [UInt8] {
        let all = [address.high, address.low].flatMap { word in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
        }
        return address.isV4 ? Array(all.suffix(4)) : all
    }

    private static func lay(_ octets: [UInt8]) -> UnsafeMutableRawBufferPointer {
        // SAFETY: as many octets are copied as there are, into room for so many.
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: octets.count, alignment: 1)
        unsafe room.copyBytes(from: octets)
        return unsafe room
    }
}
