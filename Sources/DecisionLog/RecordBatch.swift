import CChecksum
import DNSWire
import Glibc

/// Records of one worker on their way to the journal: a buffer made once and used again and again.
///
/// Belongs to one thread. Appending allocates nothing and takes no lock.
@safe public struct RecordBatch: ~Copyable {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var usedBytes = 0
    /// How many records wait to be committed.
    public private(set) var count = 0
    /// How many records found no room; the commit counts them as lost.
    public private(set) var refused = 0
    private(set) var refusedFirstMicros = Int64.max
    private(set) var refusedLastMicros = Int64.min

    /// The least capacity that is of use, in bytes: room for the largest record.
    public static let minimumCapacityBytes = RecordLayout.largestDecisionBytes

    /// Makes the buffer; the only allocation.
    ///
    /// - Parameter capacityBytes: 64 KiB holds a hundred records of any size, six hundred usual ones.
    public init(capacityBytes: Int) {
        capacity = max(RecordLayout.roundedUp(capacityBytes), Self.minimumCapacityBytes)
        unsafe base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { unsafe base.deallocate() }

    /// Whether the next record fits, whatever its names are.
    public var hasRoom: Bool { capacity &- usedBytes >= RecordLayout.largestDecisionBytes }

    /// Adds a record.
    ///
    /// Commit before `hasRoom` is false: a record that does not fit is not kept, but counted, and
    /// shows up in the log as part of a gap.
    ///
    /// - Parameters:
    ///   - qname: the name asked for in wire format; cut at 255 octets.
    ///   - via: the name of the CNAME target that was judged, in wire format; empty if none.
    public mutating func append(
        _ record: DecisionRecord, qname: UnsafeRawBufferPointer, via: UnsafeRawBufferPointer
    ) {
        let nameBytes = min(qname.count, RecordLayout.longestNameBytes)
        let viaBytes = min(via.count, RecordLayout.longestNameBytes)
        let length = RecordLayout.roundedUp(RecordLayout.nameOffset &+ nameBytes &+ viaBytes)
        guard length <= capacity &- usedBytes else {
            refused &+= 1
            refusedFirstMicros = min(refusedFirstMicros, record.timeMicros)
            refusedLastMicros = max(refusedLastMicros, record.timeMicros)
            return
        }
        // SAFETY: `length` bytes from `start` are within the buffer (the guard above), aligned to 8
        // since every length is; the names are copied at most up to `length`.
        unsafe Self.write(
            record, qname: qname, nameBytes: nameBytes, via: via, viaBytes: viaBytes,
            length: length, to: base + usedBytes)
        usedBytes &+= length
        count &+= 1
    }

    /// All but the checksum, which `complete` makes.
    @inline(__always) private static func write(
        _ record: DecisionRecord, qname: UnsafeRawBufferPointer, nameBytes: Int,
        via: UnsafeRawBufferPointer, viaBytes: Int, length: Int, to start: UnsafeMutableRawPointer
    ) {
        let indices =
            UInt64(record.group) | UInt64(record.rule) << 16 | UInt64(record.category) << 32
            | UInt64(record.list) << 48
        let kinds =
            UInt64(record.period) | UInt64(record.qtype) << 16 | UInt64(record.rcode) << 32
            | UInt64(record.verdict.rawValue) << 48 | UInt64(record.source.rawValue) << 56
        let lengths =
            UInt64(record.matchedLabels) | UInt64(truncatingIfNeeded: nameBytes) << 8
            | UInt64(truncatingIfNeeded: viaBytes) << 16 | UInt64(record.device) << 32
        // SAFETY: the caller gives `length` >= 80 writable bytes, aligned to 8.
        unsafe start.storeBytes(
            of: UInt64(record.ttlSeconds) | UInt64(record.micros) << 32, toByteOffset: 48,
            as: UInt64.self)
        unsafe start.storeBytes(of: record.timeMicros, toByteOffset: 24, as: Int64.self)
        unsafe start.storeBytes(of: record.client.high, toByteOffset: 32, as: UInt64.self)
        unsafe start.storeBytes(of: record.client.low, toByteOffset: 40, as: UInt64.self)
        unsafe start.storeBytes(of: indices, toByteOffset: 56, as: UInt64.self)
        unsafe start.storeBytes(of: kinds, toByteOffset: 64, as: UInt64.self)
        unsafe start.storeBytes(of: lengths, toByteOffset: 72, as: UInt64.self)
        if length > RecordLayout.nameOffset {
            unsafe start.storeBytes(of: 0, toByteOffset: length &- 8, as: UInt64.self)
        }
        if nameBytes > 0, let name = qname.baseAddress {
            unsafe memcpy(start + RecordLayout.nameOffset, name, nameBytes)
        }
        if viaBytes > 0, let name = via.baseAddress {
            unsafe memcpy(start + RecordLayout.nameOffset + nameBytes, name, viaBytes)
        }
        unsafe start.storeBytes(of: UInt64(truncatingIfNeeded: length), as: UInt64.self)
        unsafe start.storeBytes(
            of: UInt64(RecordKind.decision.rawValue) << 24, toByteOffset: 16, as: UInt64.self)
    }

    /// Completes the records once it is known when their answers leave.
    ///
    /// - Parameter micros: the instant to which the records' times are reckoned, if they are.
    mutating func complete(answeredMicros micros: Int64?) {
        let now = micros.map { UInt32(truncatingIfNeeded: $0) }
        var offset = 0
        while offset < usedBytes {
            let start = unsafe base + offset
            // SAFETY: below `usedBytes` lie whole records, each of the length that it begins with.
            let length = unsafe start.load(as: UInt32.self)
            if let now {
                let began = unsafe start.load(
                    fromByteOffset: RecordLayout.tookOffset, as: UInt32.self)
                // Not even a clock that goes back makes it take less than nothing.
                let took = max(0, Int32(bitPattern: now &- began))
                unsafe start.storeBytes(
                    of: took, toByteOffset: RecordLayout.tookOffset, as: Int32.self)
            }
            let crc = unsafe checksum_crc32c(
                0, start + RecordLayout.headerBytes, Int(length) &- RecordLayout.headerBytes)
            unsafe start.storeBytes(
                of: crc, toByteOffset: RecordLayout.checksumOffset, as: UInt32.self)
            offset &+= Int(length)
        }
    }

    /// The records one after the other; valid until the next change of the batch.
    fileprivate var bytes: UnsafeRawBufferPointer {
        // SAFETY: `usedBytes` never exceeds the buffer.
        unsafe UnsafeRawBufferPointer(start: base, count: usedBytes)
    }

    /// Forgets the records, which the journal has taken.
    mutating func reset() {
        usedBytes = 0
        count = 0
        if refused > 0 {
            refused = 0
            refusedFirstMicros = .max
            refusedLastMicros = .min
        }
    }
}

// One owner at a time, since it cannot be copied, and the buffer is reached only through it.
extension RecordBatch: @unchecked Sendable {}

/// The records of a batch while the journal copies them.
///
/// Lives within one call of `commit`, which has the batch to itself, so that the lock's closure may
/// take it along.
@safe struct CommittedRecords: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init(_ batch: borrowing RecordBatch) { unsafe bytes = batch.bytes }
}
