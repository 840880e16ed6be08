public import DNSWire

/// Where a client's address belongs: by the networks around it, the most specific above all.
///
/// Nested networks are laid flat into ranges that do not overlap, IPv4 and IPv6 apart, so that a
/// look-up is one binary search. A network is a range of 128-bit numbers: `::/0` holds the IPv4
/// addresses as well.
public struct ClientTable: Sendable {
    private let ranges: FlatRanges

    /// Takes several sets of networks: an address belongs to the set with the most specific
    /// network around it. Of a network that stands in two sets, the first has it.
    public init(_ sets: [[IPNetwork]]) {
        let owned = sets.enumerated().flatMap { place, networks in networks.map { ($0, place) } }
        self.init(owned) { owners in owners.last.map { Int32(clamping: $0) } ?? -1 }
    }

    /// Takes networks, each with its owner, and what addresses within several of them belong to.
    ///
    /// - Parameter place: is given the owners of all networks around an address, the most specific
    ///   last; of equal networks the lowest owner comes last. -1 stands for nothing.
    init(_ owned: [(network: IPNetwork, owner: Int)], place: ([Int]) -> Int32) {
        ranges = FlatRanges(RangeSweep.breakpoints(of: owned, place: place))
    }

    /// The place that an address belongs to; `nil` for an address in none of the networks.
    public func place(of address: IPAddress) -> Int? {
        let place = view.place(of: address)
        return place < 0 ? nil : Int(place)
    }

    /// The table as raw pointers for the query path. Valid only while the table is kept alive.
    public var view: ClientTableView { ranges.view }
}

/// A client table as the query path reads it: raw pointers, no reference counting.
///
/// Valid only while its `ClientTable` (or the program that owns it) is kept alive.
@safe @frozen public struct ClientTableView: @unchecked Sendable {
    // Guarded by the tables being constant.

    @usableFromInline let v4Starts: UnsafePointer<UInt32>
    @usableFromInline let v4Places: UnsafePointer<Int32>
    @usableFromInline let v4Count: Int
    @usableFromInline let v6Starts: UnsafePointer<IPAddress>
    @usableFromInline let v6Places: UnsafePointer<Int32>
    @usableFromInline let v6Count: Int

    /// The place that an address belongs to; -1 for an address in none of the networks.
    ///
    /// O(log networks).
    @inlinable public func place(of address: IPAddress) -> Int32 {
        // SAFETY: each table has `count` entries, at least one, and the first starts at zero.
        if address.isV4 {
            let range = unsafe Self.range(of: address.v4, in: v4Starts, count: v4Count)
            return unsafe v4Places[range]
        }
        let range = unsafe Self.range(of: address, in: v6Starts, count: v6Count)
        return unsafe v6Places[range]
    }

    /// The last of the starts that is not after `key`.
    @inlinable @inline(__always) static func range<Key: Comparable>(
        of key: Key, in starts: UnsafePointer<Key>, count: Int
    ) -> Int {
        var base = 0
        var length = count
        while length > 1 {
            let half = length / 2
            // SAFETY: `base + half` is below `base + length`, which stays within `count`.
            if unsafe starts[base &+ half] <= key { base &+= half }
            length &-= half
        }
        return base
    }
}

/// From here on, up to the next breakpoint, addresses belong to a place (-1: to none).
private struct Breakpoint {
    var start: IPAddress
    var place: Int32
}

/// Owns the flat tables.
@safe private final class FlatRanges: @unchecked Sendable {
    // Guarded by being constant after init.

    private let v4Starts: UnsafeMutableBufferPointer<UInt32>
    private let v4Places: UnsafeMutableBufferPointer<Int32>
    private let v6Starts: UnsafeMutableBufferPointer<IPAddress>
    private let v6Places: UnsafeMutableBufferPointer<Int32>

    init(_ breakpoints: [Breakpoint]) {
        let firstV4 = IPAddress(v4: 0)
        // What holds at the first IPv4 address may have begun before it.
        let atFirstV4 = breakpoints.last { $0.start <= firstV4 }?.place ?? -1
        let v4 =
            [Breakpoint(start: firstV4, place: atFirstV4)]
            + breakpoints.filter { $0.start.isV4 && $0.start > firstV4 }
        // SAFETY: each buffer is allocated with the count of what fills it, and freed in deinit.
        unsafe v4Starts = Self.copy(v4.map(\.start.v4))
        unsafe v4Places = Self.copy(v4.map(\.place))
        unsafe v6Starts = Self.copy(breakpoints.map(\.start))
        unsafe v6Places = Self.copy(breakpoints.map(\.place))
    }

    deinit {
        // SAFETY: allocated in init; the elements are plain numbers, and no view outlives this.
        unsafe v4Starts.deallocate()
        unsafe v4Places.deallocate()
        unsafe v6Starts.deallocate()
        unsafe v6Places.deallocate()
    }

    var view: ClientTableView {
        // SAFETY: the buffers are not empty, so their addresses exist; the caller keeps the table.
        unsafe ClientTableView(
            v4Starts: UnsafePointer(v4Starts.baseAddress.unsafelyUnwrapped),
            v4Places: UnsafePointer(v4Places.baseAddress.unsafelyUnwrapped),
            v4Count: v4Starts.count,
            v6Starts: UnsafePointer(v6Starts.baseAddress.unsafelyUnwrapped),
            v6Places: UnsafePointer(v6Places.baseAddress.unsafelyUnwrapped),
            v6Count: v6Starts.count)
    }

    private static func copy<Element>(
        _ elements: [Element]
    ) -> UnsafeMutableBufferPointer<Element> {
        let buffer = UnsafeMutableBufferPointer<Element>.allocate(capacity: elements.count)
        // SAFETY: the buffer has room for just these elements.
        _ = unsafe buffer.initialize(fromContentsOf: elements)
        return unsafe buffer
    }
}

/// Lays nested networks flat, going through them from the lowest address to the highest.
private struct RangeSweep {
    private var breakpoints = [Breakpoint(start: IPAddress(high: 0, low: 0), place: -1)]
    /// The networks around the present place, the narrowest last.
    private var open: [(last: IPAddress, owner: Int)] = []

    static func breakpoints(
        of owned: [(network: IPNetwork, owner: Int)], place: ([Int]) -> Int32
    ) -> [Breakpoint] {
        // Networks nest or lie apart. The wider stands before the narrower that starts where it
        // does; of equal ones the last that is opened counts, so the first owner comes last.
        let sorted = owned.sorted { left, right in
            if left.network.address != right.network.address {
                return left.network.address < right.network.address
            }
            if left.network.prefixLength != right.network.prefixLength {
                return left.network.prefixLength < right.network.prefixLength
            }
            return left.owner > right.owner
        }
        var sweep = RangeSweep()
        for (network, owner) in sorted {
            sweep.close(before: network.address, place)
            sweep.open.append((network.lastAddress, owner))
            sweep.mark(network.address, place)
        }
        sweep.close(before: nil, place)
        return sweep.breakpoints
    }

    /// Ends the networks that lie wholly before an address; all of them for `nil`.
    private mutating func close(before address: IPAddress?, _ place: ([Int]) -> Int32) {
        while let innermost = open.last {
            if let address, innermost.last >= address { return }
            open.removeLast()
            guard let next = innermost.last.successor else { continue }
            mark(next, place)
        }
    }

    private mutating func mark(_ start: IPAddress, _ place: ([Int]) -> Int32) {
        let place = place(open.map(\.owner))
        if let last = breakpoints.last, last.start == start { breakpoints.removeLast() }
        if breakpoints.last?.place != place {
            breakpoints.append(Breakpoint(start: start, place: place))
        }
    }
}

extension IPAddress {
    /// The next address as a 128-bit number; `nil` after the last.
    fileprivate var successor: IPAddress? {
        if low != .max { return IPAddress(high: high, low: low + 1) }
        return high == .max ? nil : IPAddress(high: high + 1, low: 0)
    }
}
