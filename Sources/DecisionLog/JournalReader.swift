import Glibc

/// Reads a log from its files, in order; needs no lock and may run in any process.
///
/// Sees every row that was committed before it asks. Segments that are sealed or deleted meanwhile
/// do no harm. Belongs to one thread.
public final class JournalReader {
    private let directory: LogDirectory
    private let filter: RowFilter
    private var matcher: RowMatcher
    private var current: SegmentReader?
    private var waiting: [SegmentName] = []
    private var last: (name: SegmentName, inode: UInt64)?
    private var expectedSeq: UInt64?
    private var dictionaries: [UInt32: ResolvedDictionary] = [:]
    private var lastNumber = UInt32.max
    private var lastDictionary = ResolvedDictionary.unknown
    private let isBoundToOneSegment: Bool
    /// The checksum of the record before, from which the next one goes on; `nil` = not known.
    private(set) var tip: UInt32?
    /// The same of the last row.
    private(set) var rowTip: UInt32?
    /// Where the record before lies, in the segment that is being read.
    private var lastOffset: Int?
    /// What is missing before the next row; `nil` where that is not to be given.
    private var missing: MissingRows?

    /// Places that are not as they were written, in the order of the log; at most
    /// `maximumDamage` of them.
    public private(set) var damage: [LogDamage] = []
    /// The last row that was looked at, whether or not it passed the filter; 0 = none.
    public private(set) var lastSeq: UInt64 = 0
    /// How many rows were looked at.
    public private(set) var rowCount = 0
    /// How many segments were opened.
    public private(set) var segmentCount = 0

    /// How many damaged places are told one by one.
    public static let maximumDamage = 10_000

    /// Opens a log.
    ///
    /// - Parameters:
    ///   - tellsMissing: gives a gap row in the place of rows that cannot be read any more, with the
    ///     seq of the first of them and the time of the row that comes next.
    ///   - follows: the rows that went before end with this one, wherever the files begin.
    /// - Throws: `JournalError` if the directory cannot be read.
    public convenience init(
        directory path: String, filter: RowFilter = RowFilter(), tellsMissing: Bool = false,
        follows: UInt64? = nil
    ) throws {
        let directory = try LogDirectory(path: path, create: false)
        self.init(directory, filter: filter, only: nil)
        waiting = firstSegments(try directory.segments())
        guard tellsMissing else { return }
        missing = MissingRows(filter)
        if let follows, let first = waiting.first?.firstSeq, first > follows, first - 1 > follows {
            missing?.note(follows + 1..<first, .missingSegment)
        }
    }

    /// Refuses a directory that holds no log: nothing is made there for the sake of reading.
    ///
    /// - Throws: `JournalError` if there is none, or the directory cannot be read.
    public static func requireLog(directory path: String) throws {
        try LogDirectory(path: path, create: false).requireLog()
    }

    /// Reads from the first of these segments on.
    convenience init(_ directory: LogDirectory, names: [SegmentName]) {
        self.init(directory, filter: RowFilter(), only: nil)
        waiting = names
    }

    /// - Parameter only: reads this segment and stops at its end.
    init(_ directory: LogDirectory, filter: RowFilter, only: SegmentName?) {
        self.directory = directory
        self.filter = filter
        matcher = RowMatcher(filter)
        isBoundToOneSegment = only != nil
        waiting = only.map { [$0] } ?? []
    }

    /// The next row that passes the filter; `nil` at the end of what is there now.
    ///
    /// After `nil` it may be called again: rows that have been written meanwhile come then.
    public func next() -> DecisionRow? {
        if let gap = missing?.next() { return gap }
        while let segment = current ?? openNext() {
            switch segment.next() {
            case .record(let record):
                noteDamage(of: segment)
                if let row = take(record, of: segment) { return row }
            case .pending:
                noteDamage(of: segment)
                // Deleted under the server, which puts it back with all that it holds.
                if segment.isUnlinked, let other = segment.reopened(in: directory) {
                    current = other
                    continue
                }
                // Once a later segment is there, nothing more can come into this one: what came
                // before that was seen is read first.
                guard !isBoundToOneSegment, isFollowed(segment) else { return nil }
                segment.isComplete = true
            case .finished:
                finish(segment)
            }
        }
        return nil
    }

    // MARK: Records

    private func take(_ record: RecordBytes, of segment: SegmentReader) -> DecisionRow? {
        let word: UInt32 = record.load(RecordLayout.dictionaryOffset)
        let number = word & RecordLayout.noDictionary
        let kind: UInt8 = record.load(RecordLayout.kindOffset)
        let seq: UInt64 = record.load(RecordLayout.seqOffset)
        follow(record, seq: seq, of: segment)
        if kind == RecordKind.definition.rawValue {
            define(number, record)
            return nil
        }
        if seq != segment.expectedSeq {
            note(
                LogDamage(
                    kind: .missing, file: "\(segment.name)", offset: segment.offset - record.count,
                    bytes: 0, expectedSeq: segment.expectedSeq, foundSeq: seq))
        }
        segment.expectedSeq = seq &+ 1
        lastSeq = seq
        rowTip = tip
        rowCount += 1
        if kind == RecordKind.gap.rawValue { explain(RecordGap(record, at: 32)) }
        let isBehindGap = missing?.isAhead(of: record) ?? false
        if number != lastNumber {
            lastNumber = number
            lastDictionary = dictionaries[number] ?? .unknown
        }
        var row: DecisionRow?
        if matcher.matches(record, seq: seq, dictionary: lastDictionary) {
            row = DecisionRow(record, dictionary: lastDictionary)
        }
        guard isBehindGap else { return row }
        if let row { missing?.put(row) }
        return missing?.next()
    }

    /// Sees whether the record goes on from the one before.
    private func follow(_ record: RecordBytes, seq: UInt64, of segment: SegmentReader) {
        let offset = segment.offset - record.count
        let previous: UInt32 = record.load(RecordLayout.previousOffset)
        // Where rows are missing, that is told; then there is nothing to go on from.
        if let tip, previous != tip, seq == segment.expectedSeq {
            note(
                LogDamage(
                    kind: .chain, file: "\(segment.name)", offset: lastOffset ?? offset,
                    expectedSeq: max(lastSeq, 1), foundSeq: seq))
        }
        tip = record.load(RecordLayout.checksumOffset)
        lastOffset = offset
    }

    /// Rows that a power cut took and a gap tells of are no damage: nobody took them away.
    private func explain(_ gap: RecordGap) {
        missing?.leaveOut(gap.firstSeq..<max(gap.firstSeq, gap.endSeq))
        guard gap.reason == .powerCut else { return }
        damage.removeAll {
            $0.kind == .missing && $0.expectedSeq == gap.firstSeq && $0.foundSeq == gap.endSeq
        }
    }

    private func define(_ number: UInt32, _ record: RecordBytes) {
        // SAFETY: `slice` stays within the record.
        let body = unsafe RecordBytes(record.slice(RecordLayout.headerBytes, record.count))
        dictionaries[number] = ResolvedDictionary(body) ?? .unknown
        lastNumber = .max
        lastDictionary = .unknown
    }

    private func note(_ found: LogDamage) {
        if damage.count < Self.maximumDamage { damage.append(found) }
        guard let first = found.expectedSeq, found.missingRows > 0 else { return }
        switch found.kind {
        case .record: missing?.note(first..<first + found.missingRows, .damaged)
        case .missing:
            // At its beginning a file says what went before it.
            missing?.note(
                first..<first + found.missingRows,
                found.offset == 0 ? .missingSegment : .damaged)
        default: break
        }
    }

    private func noteDamage(of segment: SegmentReader) {
        guard !segment.damage.isEmpty else { return }
        segment.damage.forEach(note)
        segment.damage.removeAll()
        tip = nil
    }

    // MARK: Segments

    private func isFollowed(_ segment: SegmentReader) -> Bool {
        guard let names = try? directory.segments(), let newest = names.last else { return false }
        return newest > segment.name
    }

    private func finish(_ segment: SegmentReader) {
        noteDamage(of: segment)
        if let seal = segment.seal, segment.expectedSeq != seal.nextSeq {
            note(
                LogDamage(
                    kind: .missing, file: "\(segment.name)", offset: segment.offset, bytes: 0,
                    expectedSeq: segment.expectedSeq, foundSeq: seal.nextSeq))
            segment.expectedSeq = seal.nextSeq
        }
        expectedSeq = segment.expectedSeq
        last = (segment.name, segment.inode)
        current = nil
    }

    private func openNext() -> SegmentReader? {
        while let name = nextName() {
            guard let segment = SegmentReader(name, in: directory) else {
                // Deleted since it was listed: what was there is gone for good reason.
                expectedSeq = nil
                tip = nil
                last = (name, 0)
                continue
            }
            // An empty segment may be replaced by one of the same name, never by itself.
            if let last, last.name == name, last.inode == segment.inode { return nil }
            if let seal = segment.seal, filter.excludes(seal, firstSeq: name.firstSeq) {
                expectedSeq = seal.nextSeq
                tip = seal.tip
                last = (name, segment.inode)
                continue
            }
            begin(segment)
            return segment
        }
        return nil
    }

    private func begin(_ segment: SegmentReader) {
        segmentCount += 1
        if let expectedSeq, expectedSeq != segment.name.firstSeq {
            note(
                LogDamage(
                    kind: .missing, file: "\(segment.name)", offset: 0, bytes: 0,
                    expectedSeq: expectedSeq, foundSeq: segment.name.firstSeq))
            tip = nil
        }
        lastOffset = nil
        dictionaries.removeAll(keepingCapacity: true)
        lastNumber = .max
        lastDictionary = .unknown
        current = segment
    }

    private func nextName() -> SegmentName? {
        if waiting.isEmpty, !isBoundToOneSegment, let names = try? directory.segments() {
            if let last {
                waiting = names.filter { $0 >= last.name }
                // The same name again is of interest only while nothing newer is there.
                if waiting.count > 1, waiting.first == last.name { waiting.removeFirst() }
            } else {
                waiting = firstSegments(names)
            }
        }
        return waiting.isEmpty ? nil : waiting.removeFirst()
    }

    /// Leaves out what lies before `afterSeq`.
    private func firstSegments(_ names: [SegmentName]) -> [SegmentName] {
        guard let after = filter.afterSeq, after < .max,
            let start = names.lastIndex(where: { $0.firstSeq <= after + 1 })
        else { return names }
        return Array(names[start...])
    }
}

extension JournalReader {
    /// The newest rows that pass a filter, oldest of them first.
    ///
    /// Reads segments from the newest back, only as many as it needs; holds `limit` rows.
    ///
    /// - Returns: the rows, the last seq of the log at that moment (0 = none), and the damage met.
    public static func newest(
        _ limit: Int, directory path: String, filter: RowFilter = RowFilter()
    ) throws -> (rows: [DecisionRow], lastSeq: UInt64, damage: [LogDamage]) {
        let directory = try LogDirectory(path: path, create: false)
        var rows: [DecisionRow] = []
        var damage: [LogDamage] = []
        var lastSeq: UInt64 = 0
        for name in try directory.segments().reversed() {
            let reader = JournalReader(directory, filter: filter, only: name)
            let found = reader.last(limit - rows.count)
            rows = found + rows
            damage = reader.damage + damage
            if lastSeq == 0 {
                lastSeq = max(reader.lastSeq, name.firstSeq > 0 ? name.firstSeq - 1 : 0)
            }
            if rows.count >= limit { break }
            if let after = filter.afterSeq, name.firstSeq <= after { break }
        }
        return (rows, lastSeq, damage)
    }

    /// The last rows of what this reader gives, in a ring.
    private func last(_ limit: Int) -> [DecisionRow] {
        guard limit > 0 else {
            while next() != nil {}
            return []
        }
        var ring: [DecisionRow] = []
        var oldest = 0
        while let row = next() {
            if ring.count < limit {
                ring.append(row)
            } else {
                ring[oldest] = row
                oldest = (oldest + 1) % limit
            }
        }
        return Array(ring[oldest...] + ring[..<oldest])
    }
}
