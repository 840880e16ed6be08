import Glibc
import Synchronization

/// The decision log's writer: makes each decision durable, in order, before its answer leaves.
///
/// A committed record lies in a shared file mapping, so it outlives the process, however that ends;
/// against a power cut the mapping is written to disk about once a second. One journal per
/// directory, in one process at a time; readers need no lock (`JournalReader`).
///
/// A commit never fails and never waits for the disk. Where the disk refuses a new segment,
/// decisions are counted as lost, and as soon as it takes one again a gap row says how many, of
/// what time and why.
public final class Journal: Sendable {
    private let directory: LogDirectory
    private let segmentBytes: Int
    private let keepMicros: Int64?
    private let recovered: RecoveryReport
    private let state: Mutex<JournalState>
    private let upkeep = Mutex(Upkeep())

    /// How often the mapping is written to the disk, in microseconds.
    static let syncMicros: Int64 = 1_000_000
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
    /// - Throws: `JournalError` if the directory cannot be used or another process writes to it.
    public init(directory path: String, segmentBytes: Int, keepSeconds: Int64?) throws {
        let directory = try LogDirectory(path: path, create: true)
        try directory.lock()
        self.directory = directory
        self.segmentBytes = max(segmentBytes & ~4095, Segment.minimumBytes)
        keepMicros = keepSeconds.map { min(max($0, 0), Int64.max / 2_000_000) * 1_000_000 }
        let recovered = try Recovery.run(in: directory)
        self.recovered = recovered
        state = Mutex(
            JournalState(
                directory: directory, segmentBytes: self.segmentBytes, nextSeq: recovered.nextSeq))
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
    /// - Parameter dictionary: what `register` gave for the policy that decided.
    public func commit(_ batch: inout RecordBatch, dictionary: UInt32) {
        let refused = batch.refused
        guard batch.count > 0 || refused > 0 else { return }
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
            let sealed = sealRetired()
            _ = prepareSpare()
            state.withLock { $0.noteGap() }
            if upkeep.isDue(&upkeep.syncedAtMicros, now: nowMicros, every: Self.syncMicros) {
                syncActive(&upkeep)
            }
            if upkeep.isDue(&upkeep.purgedAtMicros, now: nowMicros, every: Self.purgeMicros)
                || sealed
            {
                purge(nowMicros: nowMicros)
            }
        }
    }

    /// How the journal is doing at this moment.
    public var status: JournalStatus {
        state.withLock {
            $0.status(tornBytes: recovered.tornBytes, recoveredRows: recovered.rows)
        }
    }

    /// Seals the log. Commits after this are counted as lost; closing twice does nothing.
    public func close() {
        upkeep.withLock { _ in
            guard !state.withLock({ $0.isClosed }) else { return }
            state.withLock { $0.shut() }
            sealRetired()
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

    @discardableResult private func sealRetired() -> Bool {
        let retired = state.withLock { $0.takeRetired() }
        for entry in retired where entry.segment.seal(entry.seal) != 0 {
            // The rows are safe without the seal; the next start makes it from them.
            state.withLock { $0.noteSealFailure() }
        }
        return !retired.isEmpty
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
        upkeep.syncedSegment = firstSeq
        upkeep.syncedBytes = used
    }

    /// Deletes the oldest segments as long as all rows of each are older than `keep`.
    private func purge(nowMicros: Int64) {
        guard let keepMicros, let names = try? directory.segments(), names.count > 1 else { return }
        // The newest file stays whatever it holds: it carries the seq on.
        var isChanged = false
        for name in names.dropLast() {
            guard let file = directory.openForReading("\(name)") else { break }
            let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
            Glibc.close(file)
            // SAFETY: the array outlives the call, and the seal is a value of its own.
            let seal = unsafe head.withUnsafeBytes { unsafe SegmentSeal(header: RecordBytes($0)) }
            guard let seal, seal.greatestMicros < nowMicros &- keepMicros else { break }
            isChanged = directory.remove("\(name)") || isChanged
        }
        if isChanged { directory.sync() }
    }
}
