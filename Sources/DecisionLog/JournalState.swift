import CChecksum
import CPrefetch
import Glibc

/// What the journal's lock guards: the segment that is being written, and what comes next.
@safe struct JournalState: ~Copyable {
    /// The mapping of the active segment; `nil` while there is none.
    private var base: UnsafeMutableRawPointer?
    private(set) var usedBytes = 0
    private var capacity = 0
    private(set) var nextSeq: UInt64
    private var segmentFirstSeq: UInt64 = 0
    private var leastMicros = Int64.max
    private var greatestMicros = Int64.min
    /// Counts the segments of this process; a dictionary knows in which one it was defined last.
    private var ordinal = 0
    private(set) var active: Segment?
    private(set) var spare: Segment?
    private(set) var retired: [RetiredSegment] = []
    private(set) var dictionaries: [RegisteredDictionary] = []
    private var gaps: PendingGaps
    private let head: JournalHead?
    /// The checksum of the last record, from which the next one goes on.
    private var tip: UInt32
    /// What the next segment's header says of the one before.
    private var predecessor: SegmentLink?
    private(set) var lostCount: UInt64 = 0
    private(set) var failure: Int32 = 0
    private var syncFailure: Int32 = 0
    var auditFailure: String?
    private var retryAtNanos: UInt64 = 0
    private(set) var isClosed = false
    private let segmentBytes: Int
    private let directory: LogDirectory

    /// How long a commit waits before it tries to make a segment again, in nanoseconds.
    static let retryNanos: UInt64 = 1_000_000_000
    /// The size of a segment that a commit makes itself, since no spare was ready, in bytes:
    /// small, since the other workers wait for it.
    static let inlineSegmentBytes = 4 << 20
    static let inlineName: StaticString = "next.tmp"
    /// How far ahead of a record the memory is asked for, in bytes: about ten records.
    private static let bytesAhead = 1024
    static let spareName: StaticString = "spare.tmp"

    init(
        directory: LogDirectory, segmentBytes: Int, recovered: RecoveryReport, head: JournalHead?
    ) {
        self.directory = directory
        self.segmentBytes = segmentBytes
        self.head = head
        nextSeq = recovered.nextSeq
        tip = recovered.tip
        predecessor = recovered.predecessor
        gaps = PendingGaps(head: head)
        head?.begin(nextSeq: nextSeq, tip: tip)
        gaps.add(recovered.gaps, nextSeq: nextSeq)
        unsafe base = nil
        retired.reserveCapacity(64)
    }

    // MARK: Writing

    /// Takes over the records of a batch, in order. What cannot be written is counted as lost.
    mutating func write(_ records: CommittedRecords, dictionary: UInt32) {
        let batch = unsafe records.bytes
        guard let source = batch.baseAddress else { return }
        defer { head?.advance(nextSeq: nextSeq, tip: tip) }
        var offset = 0
        while offset < batch.count {
            // SAFETY: a batch holds whole records, each of the length that it begins with.
            let length = unsafe Int(source.load(fromByteOffset: offset, as: UInt32.self))
            guard prepareRoom(for: length, dictionary: dictionary) else {
                unsafe loseRest(of: UnsafeRawBufferPointer(rebasing: batch[offset...]))
                return
            }
            // SAFETY: `prepareRoom` made sure of `length` bytes at `usedBytes`.
            unsafe put(source + offset, length: length, dictionary: dictionary)
            offset &+= length
        }
    }

    /// Copies one record to its place; its length last.
    @inline(__always) private mutating func put(
        _ record: UnsafeRawPointer, length: Int, dictionary: UInt32
    ) {
        guard let target = unsafe base.map({ unsafe $0 + usedBytes }) else { return }
        // The places of the records to come, also of the next batch's first: nobody has touched
        // them since the segment was made, and a store would wait for them.
        unsafe prefetch_line(target + Self.bytesAhead)
        unsafe prefetch_line(target + (Self.bytesAhead &+ 64))
        // SAFETY: the caller made sure of the room; a record has a header of 24 bytes and a time.
        unsafe memcpy(
            target + RecordLayout.headerBytes, record + RecordLayout.headerBytes,
            length &- RecordLayout.headerBytes)
        let bodyChecksum = unsafe record.load(fromByteOffset: 4, as: UInt32.self)
        let kind = unsafe record.load(fromByteOffset: RecordLayout.kindOffset, as: UInt8.self)
        let time = unsafe record.load(fromByteOffset: RecordLayout.headerBytes, as: Int64.self)
        unsafe publish(
            at: target, length: length, bodyChecksum: bodyChecksum, seq: nextSeq,
            dictionary: dictionary, kind: kind)
        leastMicros = min(leastMicros, time)
        greatestMicros = max(greatestMicros, time)
        nextSeq &+= 1
    }

    /// Completes a record whose body is in place: readers of the file see it from here on.
    @inline(__always) private mutating func publish(
        at target: UnsafeMutableRawPointer, length: Int, bodyChecksum: UInt32, seq: UInt64,
        dictionary: UInt32, kind: UInt8
    ) {
        let number = UInt64(dictionary & RecordLayout.noDictionary)
        let numbers = number | UInt64(kind) << 24 | UInt64(tip) << 32
        let length32 = UInt32(truncatingIfNeeded: length)
        let crc = checksum_crc32c_words(bodyChecksum, seq, numbers, length32)
        // SAFETY: the caller made sure of `length` bytes; positions are multiples of 8.
        unsafe target.storeBytes(of: seq, toByteOffset: RecordLayout.seqOffset, as: UInt64.self)
        unsafe target.storeBytes(
            of: numbers, toByteOffset: RecordLayout.dictionaryOffset, as: UInt64.self)
        unsafe target.storeBytes(
            of: crc, toByteOffset: RecordLayout.checksumOffset, as: UInt32.self)
        unsafe checksum_store_release(target, length32)
        tip = crc
        usedBytes &+= length
    }

    // MARK: Room

    /// Makes sure that a record fits and that its numbers are defined; may begin a new segment.
    @inline(__always) private mutating func prepareRoom(
        for length: Int, dictionary: UInt32
    ) -> Bool {
        if usedBytes &+ length <= capacity, gaps.isEmpty, isDefined(dictionary) { return true }
        return prepareRoomSlowly(for: length, dictionary: dictionary)
    }

    private func isDefined(_ dictionary: UInt32) -> Bool {
        // A number that was never given out has no definition to write.
        dictionary >= dictionaries.count || dictionaries[Int(dictionary)].definedIn == ordinal
    }

    @inline(never) private mutating func prepareRoomSlowly(
        for length: Int, dictionary: UInt32
    ) -> Bool {
        for _ in 0..<2 {
            guard activate() else { return false }
            let definition = isDefined(dictionary) ? 0 : dictionaries[Int(dictionary)].recordBytes
            let notes = gaps.list.count * RecordLayout.gapBytes
            if usedBytes + notes + definition + length <= capacity {
                writeGaps()
                if definition > 0 { writeDefinition(dictionary) }
                return true
            }
            retireActive()
        }
        // Not even an empty segment takes it.
        failure = EFBIG
        return false
    }

    /// Makes sure that there is an active segment, unless the disk refuses one.
    private mutating func activate() -> Bool {
        if active != nil { return true }
        if isClosed { return false }
        if let ready = spare {
            spare = nil
            return begin(ready, from: Self.spareName)
        }
        let now = Clock.monotonicNanos()
        guard now >= retryAtNanos else { return false }
        retryAtNanos = now &+ Self.retryNanos
        let made = Segment.create(
            in: directory, name: "\(Self.inlineName)",
            bytes: min(segmentBytes, Self.inlineSegmentBytes), minimumBytes: minimumSegmentBytes)
        switch made {
        case .success(let segment): return begin(segment, from: Self.inlineName)
        case .failure(let error):
            failure = error.number
            return false
        }
    }

    /// A segment must take the greatest definition and still have room for rows.
    var minimumSegmentBytes: Int {
        let greatest = dictionaries.lazy.map(\.recordBytes).max() ?? 0
        return max(Segment.minimumBytes, (2 * greatest + 4095) & ~4095)
    }

    /// Puts a segment into the log under the name of its first seq.
    private mutating func begin(_ segment: Segment, from name: StaticString) -> Bool {
        let header = SegmentHeader.fresh(
            firstSeq: nextSeq, createdMicros: Clock.wallMicros(), link: predecessor)
        failure = segment.promote(from: name, header: header, in: directory)
        guard failure == 0 else { return false }
        active = segment
        unsafe base = segment.base
        capacity = segment.capacity
        usedBytes = SegmentHeader.byteCount
        segmentFirstSeq = nextSeq
        leastMicros = .max
        greatestMicros = .min
        ordinal += 1
        retryAtNanos = 0
        head?.beginSegment(firstSeq: nextSeq)
        head?.advance(nextSeq: nextSeq, tip: tip)
        return true
    }

    /// Ends the active segment; `maintain` seals it, off the query path.
    private mutating func retireActive() {
        guard let segment = active else { return }
        // Its digest is made when it is sealed; what follows is linked to it then.
        predecessor = nil
        retired.append(
            RetiredSegment(
                segment: segment, name: SegmentName(firstSeq: segmentFirstSeq),
                seal: SegmentSeal(
                    usedBytes: usedBytes, nextSeq: nextSeq, leastMicros: leastMicros,
                    greatestMicros: greatestMicros, tip: tip)))
        active = nil
        unsafe base = nil
        usedBytes = 0
        capacity = 0
    }

    // MARK: Definitions

    /// Gives a dictionary its number; the same contents get the same number again.
    mutating func register(_ body: [UInt8]) -> UInt32 {
        if let known = dictionaries.lastIndex(where: { $0.body == body }) { return UInt32(known) }
        dictionaries.append(RegisteredDictionary(body: body))
        return UInt32(dictionaries.count - 1)
    }

    private mutating func writeDefinition(_ dictionary: UInt32) {
        guard let target = unsafe base.map({ unsafe $0 + usedBytes }) else { return }
        let entry = dictionaries[Int(dictionary)]
        let crc = unsafe entry.body.withUnsafeBytes { body in
            // SAFETY: `prepareRoomSlowly` made sure of `recordBytes` bytes.
            if let address = body.baseAddress {
                unsafe memcpy(target + RecordLayout.headerBytes, address, body.count)
            }
            return unsafe checksum_crc32c(0, body.baseAddress, body.count)
        }
        unsafe publish(
            at: target, length: entry.recordBytes, bodyChecksum: crc, seq: nextSeq,
            dictionary: dictionary, kind: RecordKind.definition.rawValue)
        dictionaries[Int(dictionary)].definedIn = ordinal
    }

    // MARK: Losses

    /// Counts decisions that cannot be written.
    mutating func lose(_ count: Int, firstMicros: Int64, lastMicros: Int64, reason: Int32) {
        guard count > 0 else { return }
        lostCount &+= UInt64(count)
        gaps.lose(
            count, firstMicros: firstMicros, lastMicros: lastMicros,
            reason: GapReason(number: reason), nextSeq: nextSeq)
    }

    @inline(never) private mutating func loseRest(of batch: UnsafeRawBufferPointer) {
        let reason = isClosed ? ESHUTDOWN : failure
        guard let source = batch.baseAddress else { return }
        var offset = 0
        while offset < batch.count {
            // SAFETY: a batch holds whole records, each of the length that it begins with.
            let time = unsafe source.load(
                fromByteOffset: offset &+ RecordLayout.headerBytes, as: Int64.self)
            lose(1, firstMicros: time, lastMicros: time, reason: reason)
            offset &+= unsafe Int(source.load(fromByteOffset: offset, as: UInt32.self))
        }
    }

    /// Notes in the log what was lost before this place, as far as there is room.
    private mutating func writeGaps() {
        while let gap = gaps.list.first, usedBytes + RecordLayout.gapBytes <= capacity {
            guard let target = unsafe base.map({ unsafe $0 + usedBytes }) else { return }
            let now = Clock.wallMicros()
            // SAFETY: `gapBytes` bytes from `target` are within the segment.
            unsafe target.storeBytes(of: now, toByteOffset: 24, as: Int64.self)
            unsafe gap.write(to: target + 32)
            let crc = unsafe checksum_crc32c(
                0, target + RecordLayout.headerBytes,
                RecordLayout.gapBytes - RecordLayout.headerBytes)
            unsafe publish(
                at: target, length: RecordLayout.gapBytes, bodyChecksum: crc, seq: nextSeq,
                dictionary: RecordLayout.noDictionary, kind: RecordKind.gap.rawValue)
            leastMicros = min(leastMicros, now)
            greatestMicros = max(greatestMicros, now)
            nextSeq &+= 1
            gaps.removeFirst(nextSeq: nextSeq)
            head?.advance(nextSeq: nextSeq, tip: tip)
        }
    }
}

// MARK: What maintenance does under the lock

extension JournalState {
    /// Takes the segments that wait to be sealed.
    mutating func takeRetired() -> [RetiredSegment] {
        let taken = retired
        retired.removeAll(keepingCapacity: true)
        return taken
    }

    /// Takes a prepared segment; after a failure it goes into use at once, so that the log says
    /// what was lost even if no further query comes.
    mutating func install(spare segment: Segment) {
        failure = 0
        spare = segment
        if active == nil, activate() { writeGaps() }
    }

    /// Goes on in a copy of the active segment, which takes its name; nothing if that has been
    /// retired meanwhile.
    mutating func replaceActive(_ firstSeq: UInt64, by copy: Segment, copiedBytes: Int) {
        guard let segment = active, segmentFirstSeq == firstSeq, copy.capacity >= usedBytes,
            copy.rename(from: Segment.copyName, firstSeq: firstSeq, in: directory) == 0
        else { return }
        // SAFETY: both segments are longer than `usedBytes`.
        unsafe memcpy(
            copy.base + copiedBytes, segment.base + copiedBytes, usedBytes - copiedBytes)
        active = copy
        unsafe base = copy.base
        capacity = copy.capacity
    }

    /// Notes what was lost, if there is room for it.
    mutating func noteGaps() { if active != nil { writeGaps() } }

    /// Notes that no segment could be prepared. While one is active, that is no failure yet.
    mutating func noteFailure(_ number: Int32) { if active == nil { failure = number } }

    /// Notes that a complete segment could not be sealed.
    mutating func noteSealFailure() { syncFailure = EIO }

    /// Notes how writing to the disk went.
    mutating func noteSync(_ number: Int32) { syncFailure = number }

    /// Ends the active segment if its first row is older than is good for deleting by age.
    mutating func retireActive(ifBegunBefore micros: Int64) {
        if active != nil, leastMicros < micros { retireActive() }
    }

    /// Ends the log.
    mutating func shut() {
        if !gaps.isEmpty, activate() { writeGaps() }
        retireActive()
        spare = nil
        isClosed = true
    }

    var activeFirstSeq: UInt64? { active == nil ? nil : segmentFirstSeq }

    func status(tornBytes: Int, recoveredRows: Int) -> JournalStatus {
        JournalStatus(
            nextSeq: nextSeq,
            segmentFile: activeFirstSeq.map { SegmentName(firstSeq: $0).description },
            segmentUsedBytes: usedBytes, segmentCapacityBytes: capacity,
            isSpareReady: spare != nil, pendingGap: gaps.list.first,
            lostCount: lostCount,
            failure: active == nil && failure != 0 ? systemErrorText(failure) : nil,
            syncFailure: syncFailure != 0 ? systemErrorText(syncFailure) : nil,
            auditFailure: auditFailure, tornBytes: tornBytes, recoveredRows: recoveredRows)
    }
}

/// A dictionary as a record body, made when it is registered.
struct RegisteredDictionary {
    let body: [UInt8]
    var definedIn = 0
    var recordBytes: Int { RecordLayout.headerBytes + body.count }

    init(body: [UInt8]) { self.body = body }
}

/// A complete segment that still has its full length and no seal.
struct RetiredSegment: Sendable {
    let segment: Segment
    let name: SegmentName
    let seal: SegmentSeal
    /// Whether it has no row.
    var isEmpty: Bool { seal.nextSeq == name.firstSeq }
}
