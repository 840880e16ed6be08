import CChecksum
import DecisionLog
import Foundation
import GRDB
import Glibc

/// One day's rows in SQLite: chunks, gaps and how far the journal has been taken in.
///
/// Belongs to one thread. Opened for reading it is a picture of one moment, whatever the follower
/// does meanwhile.
final class DayFile: PartSource {
    let day: StoreDay
    let path: String
    private let queue: DatabaseQueue
    private(set) var chunks: [ChunkInfo] = []
    /// The chunks summed up, where the day is over and nothing has changed since.
    private(set) var rollup: ChunkInfo?
    private let identity: FileID?
    private(set) var place = Place()
    private var definitionIDs: [[UInt8]: Int64] = [:]
    private var knownDefinitions: [Int64: ResolvedDictionary] = [:]
    private let isWritable: Bool

    /// How much of the journal a file vouches for.
    struct Place: Equatable {
        /// All rows of this day up to this seq are in the file.
        var appliedSeq: UInt64 = 0
        /// All rows up to this seq are in the files of their days.
        var wholeSeq: UInt64 = 0
        /// Rows of this day behind `appliedSeq` and up to here are still to be read again.
        var owedSeq: UInt64 = 0
        /// The journal's file that holds the row `wholeSeq`.
        var segment: SegmentIdentity?
    }

    /// The format's version, in SQLite's `user_version`.
    static let formatVersion = 2
    /// The version before, which has no sums of a day; it is brought up when it is written.
    private static let versionWithoutRollup = 1
    /// The number that the sums have among a file's chunks: none comes that far.
    private static let rollupID: Int64 = 1 << 38
    /// Tells a day file from other databases, in SQLite's `application_id`: "BGLS".
    private static let applicationID = 0x4247_4C53

    /// Opens a file, and makes it where it is to be written and is not there.
    ///
    /// - Parameter mayBeEmpty: whether a file without anything in it is a new one.
    init(
        _ day: StoreDay, in folder: String, isWritable: Bool, mayBeEmpty: Bool = true
    ) throws(StoreError) {
        self.day = day
        self.isWritable = isWritable
        path = folder + "/" + day.fileName
        if isWritable, mayBeEmpty { try Self.makeFile(path) }
        identity = FileID.of(path)
        do {
            queue = try Self.open(path, isWritable: isWritable)
            try queue.inDatabase { db in
                let version = try Self.checkVersion(
                    db, path: path, isWritable: isWritable, mayMake: isWritable && mayBeEmpty)
                if !isWritable { try db.beginTransaction(.deferred) }
                try load(db, version)
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private static func open(_ path: String, isWritable: Bool) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = !isWritable
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(StoreLimits.busySeconds)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA cache_size = -\(StoreLimits.cacheKibibytes)")
            guard isWritable else { return }
            // FULL: what another file says of this one must not outlive it in a power cut.
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // These write: a file that is there may be anybody's, and has its modes.
            guard try Int.fetchOne(db, sql: "PRAGMA page_count") == 0 else { return }
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// The file is made here, since SQLite would make it readable to others.
    private static func makeFile(_ path: String) throws(StoreError) {
        // SAFETY: the path is passed as a C string for the length of the call.
        let file = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw StoreError(.unusable, path: path, reason: systemReason())
        }
        close(file)
    }

    /// - Returns: the version that the file has now.
    private static func checkVersion(
        _ db: Database, path: String, isWritable: Bool, mayMake: Bool
    ) throws -> Int {
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if version > formatVersion, application == applicationID {
            throw StoreError(
                .newerVersion, path: path,
                reason: "a later version of bellgate wrote it (format \(version), this one reads "
                    + "\(formatVersion)); use that version, or move the file away and start again: "
                    + "it is made anew from the log")
        }
        if version == formatVersion, application == applicationID { return version }
        if version == versionWithoutRollup, application == applicationID {
            guard isWritable else { return version }
            try db.inTransaction {
                try makeRollupTable(db)
                return .commit
            }
            return formatVersion
        }
        guard mayMake, version == 0, application == 0 else {
            throw StoreError(.damaged, path: path, reason: "it is no day file")
        }
        try db.inTransaction {
            try makeSchema(db)
            try makeRollupTable(db)
            return .commit
        }
        return formatVersion
    }

    private static func makeSchema(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE place (body BLOB NOT NULL);
                CREATE TABLE definitions (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
                CREATE TABLE gaps (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
                CREATE TABLE chunks (id INTEGER PRIMARY KEY, head BLOB NOT NULL);
                CREATE TABLE pieces (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
                PRAGMA application_id = \(applicationID);
                """)
    }

    private static func makeRollupTable(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE rollup (body BLOB NOT NULL);
                PRAGMA user_version = \(formatVersion);
                """)
    }

    // MARK: Reading

    private func load(_ db: Database, _ version: Int) throws {
        if let row = try Row.fetchOne(db, sql: "SELECT 0, body FROM place") {
            place = try Place(unsealed(row).body, path: path)
        }
        chunks = try Row.fetchAll(db, sql: "SELECT id, head FROM chunks").map { row in
            let (id, head) = try unsealed(row)
            return try ChunkInfo(id: id, head: head, path: path, limit: StoreLimits.chunkRows)
        }
        chunks.sort { $0.firstSeq < $1.firstSeq }
        guard version > Self.versionWithoutRollup,
            let row = try Row.fetchOne(db, sql: "SELECT 0, body FROM rollup")
        else { return }
        let found = try ChunkInfo(
            id: Self.rollupID, head: unsealed(row).body, path: path, limit: StoreLimits.rollupRows)
        guard found.rows == rowCount else {
            throw StoreError(.damaged, path: path, reason: "its sums are of other rows")
        }
        rollup = found
    }

    /// How many rows the chunks have.
    var rowCount: Int { chunks.reduce(0) { $0 + $1.rows } }

    /// The gap rows of the day, by seq.
    func gaps() throws(StoreError) -> [StoredGap] {
        do {
            return try queue.inDatabase { db in
                try Row.fetchAll(db, sql: "SELECT seq, body FROM gaps ORDER BY seq").map {
                    guard let gap = try StoredGap(packed: unsealed($0).body) else {
                        throw StoreError(
                            .damaged, path: path, reason: "a gap does not hold together")
                    }
                    return gap
                }
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    func bytes(_ part: Part, of info: ChunkInfo, start: Int, count: Int) throws -> [UInt8] {
        guard count > 0, start >= 0 else { return [] }
        let size = StoreLimits.pieceBytes
        let first = start / size
        let last = (start + count - 1) / size
        guard last <= StoreLimits.partPieces else {
            throw StoreError(.damaged, path: path, reason: "a part of chunk \(info.id) is too long")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity((last - first + 1) * size)
        do {
            try queue.inDatabase { db in
                let statement = try db.cachedStatement(
                    sql: "SELECT data FROM pieces WHERE id BETWEEN ? AND ? ORDER BY id")
                let cursor = try Row.fetchCursor(
                    statement,
                    arguments: [
                        Self.pieceID(info.id, part, first), Self.pieceID(info.id, part, last),
                    ])
                while let row = try cursor.next() {
                    try row.withUnsafeData(atIndex: 0) { data in
                        try Self.append(data, to: &bytes, path: path)
                    }
                }
            }
        } catch {
            throw StoreError(error, path: path)
        }
        let offset = start - first * size
        guard offset + count <= bytes.count else {
            throw StoreError(.damaged, path: path, reason: "pieces of chunk \(info.id) are missing")
        }
        return offset == 0 && count == bytes.count ? bytes : Array(bytes[offset..<offset + count])
    }

    /// A row's number, and what lies sealed beside it.
    private func unsealed(_ row: Row) throws -> (id: Int64, body: [UInt8]) {
        // A damaged file may hold anything in any column.
        guard let id = Int64.fromDatabaseValue(row[0] as DatabaseValue),
            let data = Data.fromDatabaseValue(row[1] as DatabaseValue)
        else { throw StoreError(.damaged, path: path, reason: "a column holds something else") }
        var body: [UInt8] = []
        try Self.append(data, to: &body, path: path)
        return (id, body)
    }

    /// A piece ends with the checksum of what is before.
    private static func append(_ data: Data?, to bytes: inout [UInt8], path: String) throws {
        let isRight = unsafe (data ?? Data()).withUnsafeBytes { piece -> Bool in
            // SAFETY: the checksum is read of what lies before the last four bytes, if there are.
            guard piece.count > 4 else { return false }
            let length = piece.count - 4
            let sum = unsafe piece.loadUnaligned(fromByteOffset: length, as: UInt32.self)
            guard unsafe checksum_crc32c(0, piece.baseAddress, length) == sum.littleEndian
            else { return false }
            unsafe bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: piece[..<length]))
            return true
        }
        if !isRight {
            throw StoreError(.damaged, path: path, reason: "a piece's checksum is wrong")
        }
    }

    private static func pieceID(_ chunk: Int64, _ part: Part, _ number: Int) -> Int64 {
        chunk << 24 | Int64(part.rawValue) << 20 | Int64(number)
    }

    func definitions(of info: ChunkInfo) throws -> [ResolvedDictionary] {
        do {
            return try info.definitionIDs.map { try definition($0) }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    private func definition(_ id: Int64) throws -> ResolvedDictionary {
        if let known = knownDefinitions[id] { return known }
        let body = try queue.inDatabase { db in
            try Row.fetchOne(
                db, sql: "SELECT id, body FROM definitions WHERE id = ?", arguments: [id]
            ).map { try unsealed($0).body }
        }
        guard let body, let read = ResolvedDictionary.decoded(body) else {
            throw StoreError(.damaged, path: path, reason: "a definition is missing")
        }
        knownDefinitions[id] = read
        return read
    }

    // MARK: Writing

    /// Takes in a chunk and gaps and notes the place, all at once or not at all.
    func append(_ chunk: EncodedChunk?, gaps: [StoredGap], place new: Place) throws(StoreError) {
        try change(place: new) { db in
            for gap in gaps {
                try db.execute(
                    sql: "INSERT INTO gaps VALUES (?, ?)",
                    arguments: [Int64(bitPattern: gap.seq), Self.sealed(gap.packed[...])])
            }
            if let chunk { return self.chunks + [try self.insert(chunk, db)] }
            return self.chunks
        }
    }

    /// Puts one chunk in the place of several that lie side by side.
    func replace(_ old: ArraySlice<ChunkInfo>, by chunk: EncodedChunk) throws(StoreError) {
        try change(place: place) { db in
            for info in old {
                try db.execute(sql: "DELETE FROM chunks WHERE id = ?", arguments: [info.id])
                try Self.deletePieces(info.id, db)
            }
            let rest = self.chunks[..<old.startIndex] + self.chunks[old.endIndex...]
            return (rest + [try self.insert(chunk, db)]).sorted { $0.firstSeq < $1.firstSeq }
        }
    }

    /// Whether there are chunks to sum up, and not too many rows for that. One alone says it all.
    var needsSums: Bool {
        rollup == nil && chunks.count > 1 && rowCount <= StoreLimits.rollupRows
    }

    /// Keeps the sums of the chunks as they are now.
    func sumUp() throws(StoreError) {
        do {
            guard let sums = try DayRollup(self).encode() else { return }
            rollup = try queue.write { db in
                let info = try insertPieces(sums, id: Self.rollupID, db)
                try db.execute(
                    sql: "INSERT INTO rollup VALUES (?)",
                    arguments: [Self.sealed(info.head[...])])
                return info
            }
        } catch {
            definitionIDs.removeAll()
            throw StoreError(error, path: path)
        }
    }

    private func change(
        place new: Place, _ body: (Database) throws -> [ChunkInfo]
    ) throws(StoreError) {
        do {
            let changed = try queue.write { db in
                if rollup != nil {
                    // They are sums of what was there before.
                    try db.execute(sql: "DELETE FROM rollup")
                    try Self.deletePieces(Self.rollupID, db)
                }
                try db.execute(sql: "DELETE FROM place")
                try db.execute(
                    sql: "INSERT INTO place VALUES (?)", arguments: [Self.sealed(new.packed[...])])
                return try body(db)
            }
            chunks = changed
            rollup = nil
            place = new
        } catch {
            // What was numbered in a transaction that did not come about has no number.
            definitionIDs.removeAll()
            throw StoreError(error, path: path)
        }
    }

    private func insert(_ chunk: EncodedChunk, _ db: Database) throws -> ChunkInfo {
        let id = (try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM chunks") ?? 0) + 1
        let info = try insertPieces(chunk, id: id, db)
        try db.execute(
            sql: "INSERT INTO chunks VALUES (?, ?)",
            arguments: [info.id, Self.sealed(info.head[...])])
        return info
    }

    private func insertPieces(
        _ chunk: EncodedChunk, id: Int64, _ db: Database
    ) throws -> ChunkInfo {
        var info = chunk.info
        info.definitionIDs = try chunk.definitions.map { try self.id(of: $0, db) }
        info.id = id
        let statement = try db.cachedStatement(sql: "INSERT INTO pieces VALUES (?, ?)")
        for part in Part.allCases {
            let bytes = chunk.parts[part.rawValue]
            for (number, start) in stride(from: 0, to: bytes.count, by: StoreLimits.pieceBytes)
                .enumerated()
            {
                let piece = bytes[start..<min(start + StoreLimits.pieceBytes, bytes.count)]
                try statement.execute(arguments: [
                    Self.pieceID(id, part, number), Self.sealed(piece),
                ])
            }
        }
        return info
    }

    private static func deletePieces(_ id: Int64, _ db: Database) throws {
        try db.execute(
            sql: "DELETE FROM pieces WHERE id BETWEEN ? AND ?",
            arguments: [id << 24, (id + 1) << 24 - 1])
    }

    private static func sealed(_ piece: ArraySlice<UInt8>) -> Data {
        var data = Data(piece)
        // SAFETY: the checksum is of the piece's own bytes, within the call.
        let sum = unsafe piece.withUnsafeBytes {
            unsafe checksum_crc32c(0, $0.baseAddress, $0.count)
        }
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            data.append(UInt8(truncatingIfNeeded: sum >> shift))
        }
        return data
    }

    private func id(of definition: ResolvedDictionary, _ db: Database) throws -> Int64 {
        if definitionIDs.isEmpty {
            for row in try Row.fetchAll(db, sql: "SELECT id, body FROM definitions") {
                let (id, body) = try unsealed(row)
                definitionIDs[body] = id
            }
        }
        let body = definition.encoded
        if let known = definitionIDs[body] { return known }
        try db.execute(
            sql: "INSERT INTO definitions (body) VALUES (?)", arguments: [Self.sealed(body[...])])
        definitionIDs[body] = db.lastInsertedRowID
        return db.lastInsertedRowID
    }

    /// Whether the file still has its name: else somebody took it away.
    var isInPlace: Bool { FileID.of(path) == identity }

    /// Notes that the rows up to here are to be read again.
    func owe(_ seq: UInt64) throws(StoreError) {
        var owing = place
        owing.owedSeq = seq
        try change(place: owing) { _ in self.chunks }
    }

    /// Whether changes still lie beside the file.
    var needsCompacting: Bool {
        FileSize.of(path + "-wal") > 0
    }

    /// Gives room that merging left back to the disk and takes the log of changes into the file.
    func compact() throws(StoreError) {
        do {
            try queue.inDatabase { db in
                _ = try Row.fetchAll(db, sql: "PRAGMA incremental_vacuum")
                _ = try Row.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)")
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Reads every byte; throws where one is not as it was written.
    func verify() throws(StoreError) {
        do {
            let answer = try queue.inDatabase { db in
                try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
            }
            guard answer == "ok" else {
                throw StoreError(.damaged, path: path, reason: answer ?? "it cannot be checked")
            }
            for info in chunks + [rollup].compactMap(\.self) {
                let chunk = try Chunk(info, dayStartMicros: day.startMicros, source: self)
                for part in Part.allCases { _ = try chunk.whole(part) }
            }
            _ = try gaps()
        } catch {
            throw StoreError(error, path: path)
        }
    }
}

enum FileSize {
    /// The size of a file in bytes; 0 where there is none.
    static func of(_ path: String) -> Int {
        var information = stat()
        // SAFETY: the system fills in the one value.
        return unsafe stat(path, &information) == 0 ? Int(information.st_size) : 0
    }
}

/// The system's words for the error that came last.
func systemReason() -> String {
    // SAFETY: the text is copied before another call can change it.
    unsafe String(cString: strerror(errno)).lowercased()
}
