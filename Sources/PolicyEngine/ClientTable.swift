public import DNSWire

/// Which group a client's address belongs to: the one with the most specific network around it.
///
/// Nested networks are laid flat into ranges that do not overlap, IPv4 and IPv6 apart, so that a
/// look-up is one binary search. A network is a range of 128-bit numbers: `::/0` holds the IPv4
/// addresses as well.
public struct ClientTable: Sendable {
    private let ranges: FlatRanges

    /// Takes the networks of each group. Of a network that two groups have, the first has it.
    public init(_ networksByGroup: [[IPNetwork]]) {
        ranges = FlatRanges(RangeSweep.breakpoints(of: networksByGroup))
    }

    /// The group of an address, as a place in `Policy.groups`; `nil` for an unknown device.
    public func group(of address: IPAddress) -> Int? {
        let group = view.group(of: address)
        return group < 0 ? nil : Int(group)
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
    @usableFromInline let v4Groups: UnsafePointer<Int32>
    @usableFromInline let v4Count: Int
    @usableFromInline let v6Starts: UnsafePointer<IPAddress>
    @usableFromInline let v6Groups: UnsafePointer<Int32>
    @usableFromInline let v6Count: Int

    /// The group of an address, as a place in `Policy.groups`; -1 for an unknown device.
    ///
    /// O(log networks).
    @inlinable public func group(of address: IPAddress) -> Int32 {
        // SAFETY: each table has `count` entries, at least one, and the first starts at zero.
        if address.isV4 {
            let place = unsafe Self.place(of: address.v4, in: v4Starts, count: v4Count)
            return unsafe v4Groups[place]
        }
        let place = unsafe Self.place(of: address, in: v6Starts, count: v6Count)
        return unsafe v6Groups[place]
    }

    /// The last of the starts that is not after `key`.
    @inlinable @inline(__always) static func place<Key: Comparable>(
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

/// From here on, up to the next breakpoint, addresses belong to a group (-1: to none).
private struct Breakpoint {
    var start: IPAddress
    var group: Int32
}

/// Owns the flat tables.
@safe private final class FlatRanges: @unchecked Sendable {
    // Guarded by being constant after init.

    private let v4Starts: UnsafeMutableBufferPointer<UInt32>
    private let v4Groups: UnsafeMutableBufferPointer<Int32>
    private let v6Starts: UnsafeMutableBufferPointer<IPAddress>
    private let v6Groups: UnsafeMutableBufferPointer<Int32>

    init(_ breakpoints: [Breakpoint]) {
        let firstV4 = IPAddress(v4: 0)
        // What holds at the first IPv4 address may have begun before it.
        let atFirstV4 = breakpoints.last { $0.start <= firstV4 }?.group ?? -1
        let v4 =
            [Breakpoint(start: firstV4, group: atFirstV4)]
            + breakpoints.filter { $0.start.isV4 && $0.start > firstV4 }
        // SAFETY: each buffer is allocated with the count of what fills it, and freed in deinit.
        unsafe v4Starts = Self.copy(v4.map(\.start.v4))
        unsafe v4Groups = Self.copy(v4.map(\.group))
        unsafe v6Starts = Self.copy(breakpoints.map(\.start))
        unsafe v6Groups = Self.copy(breakpoints.map(\.group))
    }

    deinit {
        // SAFETY: allocated in init; the elements are plain numbers, and no view outlives this.
        unsafe v4Starts.deallocate()
        unsafe v4Groups.deallocate()
        unsafe v6Starts.deallocate()
        unsafe v6Groups.deallocate()
    }

    var view: ClientTableView {
        // SAFETY: the buffers are not empty, so their addresses exist; the caller keeps the table.
        unsafe ClientTableView(
            v4Starts: UnsafePointer(v4Starts.baseAddress.unsafelyUnwrapped),
            v4Groups: UnsafePointer(v4Groups.baseAddress.unsafelyUnwrapped),
            v4Count: v4Starts.count,
            v6Starts: UnsafePointer(v6Starts.baseAddress.unsafelyUnwrapped),
            v6Groups: UnsafePointer(v6Groups.baseAddress.unsafelyUnwrapped),
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
    private var breakpoints = [Breakpoint(start: IPAddress(high: 0, low: 0), group: -1)]
    /// The networks around the present place, the narrowest last.
    private var open: [(last: IPAddress, group: Int32)] = []

    static func breakpoints(of networksByGroup: [[IPNetwork]]) -> [Breakpoint] {
        var networks = networksByGroup.prefix(PolicyLimits.groups).enumerated().flatMap {
            group, networks in networks.map { (network: $0, group: Int32(group)) }
        }
        // Networks nest or lie apart. The wider stands before the narrower that starts where it
        // does; of equal ones the last that is opened counts, so the first group comes last.
        networks.sort { left, right in
            if left.network.address != right.network.address {
                return left.network.address < right.network.address
            }
            if left.network.prefixLength != right.network.prefixLength {
                return left.network.prefixLength < right.network.prefixLength
            }
            return left.group > right.group
        }
        var sweep = RangeSweep()
        for (network, group) in networks {
            sweep.close(before: network.address)
            sweep.open.append((network.lastAddress, group))
            sweep.mark(network.address, group)
        }
        sweep.close(before: nil)
        return sweep.breakpoints
    }

    /// Ends the networks that lie wholly before an address; all of them for `nil`.
    private mutating func close(before address: IPAddress?) {
        while let innermost = open.last {
            if let address, innermost.last >= address { return }
            open.removeLast()
            guard let next = innermost.last.successor else { continue }
            mark(next, open.last?.group ?? -1)
        }
    }

    private mutating func mark(_ start: IPAddress, _ group: Int32) {
        if let last = breakpoints.last, last.start == start { breakpoints.removeLast() }
        if breakpoints.last?.group != group {
            breakpoints.append(Breakpoint(start: start, group: group))
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
