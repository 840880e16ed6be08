import Glibc
import Synchronization

/// The decision log's writer: makes each decision durable, in order, before its answer leaves.
///
/// A committed record lies in a shared file mapping, so it outlives the process, however that ends;
/// against a power cut the mapping is written to disk every second or as configured. One journal per
/// directory, in one process at a time; readers need no lock (`JournalReader`).
///
/// A commit never fails and never waits for the disk. Where the disk refuses a new segment,
/// decisions are counted as lost, and as soon as it takes one again a gap row says how many, of
/// what time and why.
public final class Journal: Sendable {
    let directory: LogDirectory
    private let exposure: String?
    private let segmentBytes: Int
    private let keepMicros: Int64?
    private let trail: AuditTrail
    private let recovered: RecoveryReport
    private let state: Mutex<JournalState>
    private let upkeep: Mutex<Upkeep>

    private let syncMicros: Int64

    /// How often `maintain` is called, in microseconds.
    static let upkeepMicros: Int64 = 200_000
    /// How often old segments are looked for, in microseconds.
    static let purgeMicros: Int64 = 60_000_000
    /// The greatest age of a segment's first row before the next segment begins, in microseconds,
    /// so that `keep` takes effect by the day even where there are few queries.
    static let rotationMicros: Int64 = 86_400_000_000

    /// Opens the log for writing: cuts off what a crash left half-written and goes on with the
    /// next seq.
    ///
    /// A full disk is no error here: the journal starts in the failing state and recovers by itself.
    ///
    /// - Parameters:
    ///   - directory: made (0700) if it is missing; its parent must exist.
    ///   - segmentBytes: the size of a file, at least 64 KiB; halved while the disk has no room.
    ///   - keepSeconds: segments all of whose rows are older than this are deleted; `nil` = never.
    ///   - syncSeconds: a power cut takes at most the rows of so long, provided that the disk keeps
    ///     up; at least 1.
    /// - Throws: `JournalError` if the directory cannot be used or another process writes to it.
    public init(
        directory path: String, segmentBytes: Int, keepSeconds: Int64?, syncSeconds: Int64 = 1
    ) throws {
        let directory = try LogDirectory(path: path, create: true)
        try directory.lock()
        self.directory = directory
        exposure = directory.exposure
        // Upkeep comes by every so often: whatever waits for the next time would be late.
        syncMicros = min(max(syncSeconds, 1), 3600) * 1_000_000 - Self.upkeepMicros
        self.segmentBytes = max(segmentBytes & ~4095, Segment.minimumBytes)
        keepMicros = keepSeconds.map { min(max($0, 0), Int64.max / 2_000_000) * 1_000_000 }
        let trail = AuditTrail(directory)
        self.trail = trail
        let recovered = try Recovery.run(
            in: directory, head: JournalHead.Contents(in: directory),
            known: AuditTrail.read(directory).entries.compactMap(\.seqs))
        self.recovered = recovered
        upkeep = Mutex(Upkeep(link: recovered.predecessor, undigested: recovered.undigested))
        state = Mutex(
            JournalState(
                directory: directory, segmentBytes: self.segmentBytes, recovered: recovered,
                head: JournalHead.open(in: directory)))
        for finding in recovered.findings {
            tell(.found, question: "start", reason: finding.text, seqs: finding.seqs)
        }
        if let refusal = prepareSpare(), refusal == EACCES || refusal == EPERM || refusal == EROFS {
            throw JournalError(.directoryUnusable, path: path, errno: refusal)
        }
    }

    deinit { close() }

    /// Makes a policy's texts known, so that records may refer to them by number.
    ///
    /// The texts go into each segment before the first record that needs them. Registering the same
    /// contents again gives the same number. Allocates; call it when a policy is loaded.
    public func register(_ dictionary: RecordDictionary) -> UInt32 {
        let body = dictionary.encoded
        return state.withLock { $0.register(body) }
    }

    /// Writes the records of a batch to the log and empties the batch.
    ///
    /// When this returns, the records are in the kernel's hands. One lock per batch, no allocation;
    /// several threads may commit at once, and the records of one batch stay together.
    ///
    /// - Parameters:
    ///   - dictionary: what `register` gave for the policy that decided.
    ///   - answeredMicros: now, by the monotonic clock, where the records' `micros` say when their
    ///     queries came (`DecisionRecord.begin`); `nil` where they say how long it took.
    public func commit(
        _ batch: inout RecordBatch, dictionary: UInt32, answeredMicros: Int64? = nil
    ) {
        let refused = batch.refused
        guard batch.count > 0 || refused > 0 else { return }
        batch.complete(answeredMicros: answeredMicros)
        let records = CommittedRecords(batch)
        let first = batch.refusedFirstMicros
        let last = batch.refusedLastMicros
        state.withLock { state in
            state.write(records, dictionary: dictionary)
            state.lose(refused, firstMicros: first, lastMicros: last, reason: ENOBUFS)
        }
        batch.reset()
    }

    /// Does what must not be done on a query's way: call it about every 200 ms from one thread.
    ///
    /// Seals complete segments, keeps the next one ready, writes to disk, deletes what is older
    /// than `keep`, and after a failure tries again. May take as long as the disk does.
    ///
    /// - Parameter nowMicros: the wall clock, in microseconds since 1970 UTC.
    public func maintain(nowMicros: Int64) {
        upkeep.withLock { upkeep in
            guard !state.withLock({ $0.isClosed }) else { return }
            if let keepMicros {
                let age = min(Self.rotationMicros, max(keepMicros / 8, 1))
                state.withLock { $0.retireActive(ifBegunBefore: nowMicros &- age) }
            }
            let sealed = sealRetired(&upkeep)
            _ = prepareSpare()
            linkActive(&upkeep)
            state.withLock { $0.noteGaps() }
            if upkeep.isDue(&upkeep.syncedAtMicros, now: nowMicros, every: syncMicros) {
                mendActive()
                syncActive(&upkeep)
            }
            if upkeep.isDue(&upkeep.purgedAtMicros, now: nowMicros, every: Self.purgeMicros)
                || sealed
            {
                purge(nowMicros: nowMicros)
                if let keepMicros { renewKeys(nowMicros: nowMicros, keepMicros: keepMicros) }
            }
        }
    }

    /// How the journal is doing at this moment.
    public var status: JournalStatus {
        var status = state.withLock {
            $0.status(tornBytes: recovered.tornBytes, recoveredRows: recovered.rows)
        }
        status.exposure = exposure
        status.findings = recovered.findings.map(\.text)
        return status
    }

    /// Seals the log. Commits after this are counted as lost; closing twice does nothing.
    public func close() {
        upkeep.withLock { upkeep in
            guard !state.withLock({ $0.isClosed }) else { return }
            linkActive(&upkeep)
            state.withLock { $0.shut() }
            sealRetired(&upkeep)
            directory.remove("\(JournalState.spareName)")
            directory.sync()
            directory.unlock()
        }
    }
}

// MARK: Upkeep

extension Journal {
    /// What only `maintain` needs to remember.
    private struct Upkeep {
        var syncedAtMicros = Int64.min
        var purgedAtMicros = Int64.min
        var syncedSegment: UInt64?
        var syncedBytes = 0
        /// What the active segment follows; `nil` while the digest of that is still to be made.
        var link: SegmentLink?
        var undigested: SegmentName?
        var linkedSegment: UInt64?
        /// Retired segments that the disk did not let be sealed yet.
        var unsealed: [RetiredSegment] = []

        init(link: SegmentLink?, undigested: SegmentName?) {
            self.link = link
            self.undigested = undigested
        }

        /// Whether it is time; a wall clock that was set back counts as time gone by.
        func isDue(_ last: inout Int64, now: Int64, every interval: Int64) -> Bool {
            guard last == .min || now < last || now &- last >= interval else { return false }
            last = now
            return true
        }
    }

    /// Makes the next segment if there is none.
    ///
    /// - Returns: the error number if the disk refused it.
    private func prepareSpare() -> Int32? {
        let needed = state.withLock { $0.spare == nil ? $0.minimumSegmentBytes : nil }
        guard let minimumBytes = needed else { return nil }
        let made = Segment.create(
            in: directory, name: "\(JournalState.spareName)", bytes: segmentBytes,
            minimumBytes: minimumBytes)
        switch made {
        case .success(let segment):
            segment.prefault()
            let isFirst = state.withLock { state in
                let isFirst = state.active == nil
                state.install(spare: segment)
                return isFirst
            }
            if isFirst { directory.sync() }
            return nil
        case .failure(let error):
            state.withLock { $0.noteFailure(error.number) }
            return error.number
        }
    }

    /// Seals what is complete, in order: each one's digest goes into the header of the next.
    @discardableResult private func sealRetired(_ upkeep: inout Upkeep) -> Bool {
        upkeep.unsealed += state.withLock { $0.takeRetired() }
        var isAnySealed = false
        while let entry = upkeep.unsealed.first {
            // Without a row it was replaced by the next, which has the same name.
            if entry.isEmpty, !entry.segment.isLinked {
                upkeep.unsealed.removeFirst()
                continue
            }
            guard let link = seal(entry, &upkeep) else {
                // The rows are safe without the seal; it is tried again, or the next start makes it.
                state.withLock { $0.noteSealFailure() }
                return isAnySealed
            }
            upkeep.unsealed.removeFirst()
            if !entry.isEmpty { upkeep.link = link }
            isAnySealed = true
        }
        return isAnySealed
    }

    /// Completes one segment; `nil` if the disk refuses. May be called again then.
    private func seal(_ entry: RetiredSegment, _ upkeep: inout Upkeep) -> SegmentLink? {
        var segment = entry.segment
        if !segment.isLinked {
            // Somebody deleted the file. The rows are still here.
            guard let copy = segment.copy(entry.seal.usedBytes, in: directory),
                copy.rename(from: Segment.copyName, firstSeq: entry.name.firstSeq, in: directory)
                    == 0
            else { return nil }
            segment = copy
        }
        digestLast(&upkeep)
        if let link = upkeep.link, !segment.write(link) { return nil }
        guard segment.seal(entry.seal) == 0,
            let digest = SegmentDigest.make(segment.descriptor)
        else { return nil }
        let slot = HeadSlot(number: entry.name.firstSeq, digest: digest)
        if !entry.isEmpty { _ = slot.write(at: JournalHead.sealedSlots, in: directory) }
        return SegmentLink(firstSeq: slot.number, digest: slot.digest)
    }

    /// Makes the digest of the segment that a killed process left last, which may be large.
    private func digestLast(_ upkeep: inout Upkeep) {
        guard let name = upkeep.undigested else { return }
        upkeep.undigested = nil
        upkeep.link = SegmentDigest.make("\(name)", in: directory).map {
            SegmentLink(firstSeq: name.firstSeq, digest: $0)
        }
    }

    /// Writes into the active segment's header what it follows, as soon as that is known.
    private func linkActive(_ upkeep: inout Upkeep) {
        digestLast(&upkeep)
        let (segment, firstSeq) = state.withLock { ($0.active, $0.activeFirstSeq) }
        guard let segment, let link = upkeep.link, upkeep.unsealed.isEmpty,
            upkeep.linkedSegment != firstSeq, link.firstSeq < firstSeq ?? 0
        else { return }
        if segment.write(link) { upkeep.linkedSegment = firstSeq }
    }

    /// Puts the active segment back into the directory if somebody deleted its file: the rows are
    /// still here, and nothing is lost.
    private func mendActive() {
        let (segment, used, firstSeq) = state.withLock {
            ($0.active, $0.usedBytes, $0.activeFirstSeq)
        }
        guard let segment, let firstSeq, !segment.isLinked,
            let copy = segment.copy(used, in: directory)
        else { return }
        state.withLock { $0.replaceActive(firstSeq, by: copy, copiedBytes: used) }
        directory.sync()
    }

    private func syncActive(_ upkeep: inout Upkeep) {
        let (segment, used, firstSeq) = state.withLock {
            ($0.active, $0.usedBytes, $0.activeFirstSeq)
        }
        guard let segment else { return }
        let start = upkeep.syncedSegment == firstSeq ? upkeep.syncedBytes : 0
        let refusal = segment.sync(from: start, to: used)
        state.withLock { $0.noteSync(refusal) }
        guard refusal == 0 else { return }
        // The name of a new segment, too, must outlive a power cut.
        if upkeep.syncedSegment != firstSeq { directory.sync() }
        JournalHead.sync(in: directory)
        upkeep.syncedSegment = firstSeq
        upkeep.syncedBytes = used
    }

    /// Deletes the oldest segments as long as all rows of each are older than `keep`.
    private func purge(nowMicros: Int64) {
        guard let keepMicros, let names = try? directory.segments(), names.count > 1 else { return }
        // The newest file stays whatever it holds: it carries the seq on.
        var old: [SegmentName] = []
        for name in names.dropLast() {
            guard let file = directory.openForReading("\(name)") else { break }
            let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
            Glibc.close(file)
            // SAFETY: the array outlives the call, and the seal is a value of its own.
            let seal = unsafe head.withUnsafeBytes { unsafe SegmentSeal(header: RecordBytes($0)) }
            guard let seal, seal.greatestMicros < nowMicros &- keepMicros else { break }
            old.append(name)
        }
        guard let first = old.first, let last = old.last else { return }
        // Noted before it is done: what is missing at the front without a note was taken away.
        let seqs = first.firstSeq..<names[old.count].firstSeq
        let isTold = tell(
            .purge, question: "keep \(keepMicros / 1_000_000)s",
            reason: "\(first) to \(last): all rows are older than that", rows: UInt64(seqs.count),
            seqs: seqs, digest: SegmentDigest.make("\(last)", in: directory))
        guard isTold else { return }
        for name in old { directory.remove("\(name)") }
        directory.sync()
    }

    /// Appends to the audit trail, or remembers why that failed.
    @discardableResult func tell(
        _ kind: AuditEntry.Kind, question: String, reason: String, rows: UInt64? = nil,
        seqs: Range<UInt64>? = nil, digest: [UInt8]? = nil
    ) -> Bool {
        do {
            try trail.append(
                kind, question: question, reason: reason, rows: rows, seqs: seqs, digest: digest)
            state.withLock { $0.auditFailure = nil }
            return true
        } catch {
            let text = "\(error)"
            state.withLock { $0.auditFailure = text }
            return false
        }
    }
}
