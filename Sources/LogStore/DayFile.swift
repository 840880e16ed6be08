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
    }

    /// The format's version, in SQLite's `user_version`.
    static let formatVersion = 1
    /// Tells a day file from other databases, in SQLite's `application_id`: "BGLS".
    private static let applicationID = 0x4247_4C53

    /// Opens a file, and makes it where it is to be written and is not there.
    init(_ day: StoreDay, in folder: String, isWritable: Bool) throws(StoreError) {
        self.day = day
        self.isWritable = isWritable
        path = folder + "/" + day.fileName
        do {
            queue = try Self.open(path, isWritable: isWritable)
            try queue.inDatabase { db in
                try Self.checkVersion(db, path: path, isWritable: isWritable)
                if isWritable { return }
                try db.beginTransaction(.deferred)
            }
            try load()
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
            guard isWritable else { return }
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
            try db.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        if isWritable { try makeFile(path) }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// The file is made here, since SQLite would make it readable to others.
    private static func makeFile(_ path: String) throws {
        // SAFETY: the path is passed as a C string for the length of the call.
        let file = unsafe Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw StoreError(.unusable, path: path, reason: systemReason())
        }
        close(file)
    }

    private static func checkVersion(_ db: Database, path: String, isWritable: Bool) throws {
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let application = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if version > formatVersion, application == applicationID {
            throw StoreError(
                .newerVersion, path: path,
                reason: "a later version of bellgate wrote it (format \(version), this one reads "
                    + "\(formatVersion)); use that version, or move the file away and it is made "
                    + "anew from the journal")
        }
        if version == formatVersion, application == applicationID { return }
        guard isWritable, version == 0, application == 0 else {
            throw StoreError(.damaged, path: path, reason: "it is no day file")
        }
        try db.inTransaction {
            try makeSchema(db)
            return .commit
        }
    }

    private static func makeSchema(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE place (applied INTEGER NOT NULL, whole INTEGER NOT NULL);
                INSERT INTO place VALUES (0, 0);
                CREATE TABLE definitions (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
                CREATE TABLE gaps (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL,
                    body BLOB NOT NULL);
                CREATE TABLE chunks (id INTEGER PRIMARY KEY, head BLOB NOT NULL);
                CREATE TABLE pieces (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(formatVersion);
                """)
    }

    // MARK: Reading

    private func load() throws {
        try queue.inDatabase { db in
            if let row = try Row.fetchOne(db, sql: "SELECT applied, whole FROM place") {
                place = Place(
                    appliedSeq: UInt64(bitPattern: row[0]), wholeSeq: UInt64(bitPattern: row[1]))
            }
            chunks = try Row.fetchAll(db, sql: "SELECT id, head FROM chunks").map { row in
                try ChunkInfo(id: row[0], head: [UInt8](row[1] as Data), path: path)
            }
            chunks.sort { $0.firstSeq < $1.firstSeq }
        }
    }

    /// The gap rows of the day, by seq.
    func gaps() throws(StoreError) -> [StoredGap] {
        do {
            return try queue.inDatabase { db in
                try Row.fetchAll(db, sql: "SELECT seq, time, body FROM gaps ORDER BY seq").map {
                    guard let gap = RecordGap.decoded([UInt8]($0[2] as Data)) else {
                        throw StoreError(
                            .damaged, path: path, reason: "a gap does not hold together")
                    }
                    return StoredGap(seq: UInt64(bitPattern: $0[0]), micros: $0[1], gap: gap)
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
        try info.definitionIDs.map { id in
            if let known = knownDefinitions[id] { return known }
            let body = try queue.inDatabase { db in
                try Data.fetchOne(
                    db, sql: "SELECT body FROM definitions WHERE id = ?", arguments: [id])
            }
            guard let body, let read = ResolvedDictionary.decoded([UInt8](body)) else {
                throw StoreError(.damaged, path: path, reason: "a definition is missing")
            }
            knownDefinitions[id] = read
            return read
        }
    }

    // MARK: Writing

    /// Takes in a chunk and gaps and notes the place, all at once or not at all.
    func append(_ chunk: EncodedChunk?, gaps: [StoredGap], place new: Place) throws(StoreError) {
        try change(place: new) { db in
            for gap in gaps {
                try db.execute(
                    sql: "INSERT INTO gaps VALUES (?, ?, ?)",
                    arguments: [Int64(bitPattern: gap.seq), gap.micros, Data(gap.gap.encoded)])
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
                try db.execute(
                    sql: "DELETE FROM pieces WHERE id BETWEEN ? AND ?",
                    arguments: [info.id << 24, (info.id + 1) << 24 - 1])
            }
            let rest = self.chunks[..<old.startIndex] + self.chunks[old.endIndex...]
            return (rest + [try self.insert(chunk, db)]).sorted { $0.firstSeq < $1.firstSeq }
        }
    }

    private func change(
        place new: Place, _ body: (Database) throws -> [ChunkInfo]
    ) throws(StoreError) {
        do {
            let changed = try queue.write { db in
                try db.execute(
                    sql: "UPDATE place SET applied = ?, whole = ?",
                    arguments: [
                        Int64(bitPattern: new.appliedSeq), Int64(bitPattern: new.wholeSeq),
                    ])
                return try body(db)
            }
            chunks = changed
            place = new
        } catch {
            // What was numbered in a transaction that did not come about has no number.
            definitionIDs.removeAll()
            throw StoreError(error, path: path)
        }
    }

    private func insert(_ chunk: EncodedChunk, _ db: Database) throws -> ChunkInfo {
        var info = chunk.info
        info.definitionIDs = try chunk.definitions.map { try id(of: $0, db) }
        info.id = (try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM chunks") ?? 0) + 1
        try db.execute(
            sql: "INSERT INTO chunks VALUES (?, ?)", arguments: [info.id, Data(info.head)])
        let statement = try db.cachedStatement(sql: "INSERT INTO pieces VALUES (?, ?)")
        for part in Part.allCases {
            let bytes = chunk.parts[part.rawValue]
            for (number, start) in stride(from: 0, to: bytes.count, by: StoreLimits.pieceBytes)
                .enumerated()
            {
                let piece = bytes[start..<min(start + StoreLimits.pieceBytes, bytes.count)]
                try statement.execute(arguments: [
                    Self.pieceID(info.id, part, number), Self.sealed(piece),
                ])
            }
        }
        return info
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
                definitionIDs[[UInt8](row[1] as Data)] = row[0]
            }
        }
        let body = definition.encoded
        if let known = definitionIDs[body] { return known }
        try db.execute(
            sql: "INSERT INTO definitions (body) VALUES (?)", arguments: [Data(body)])
        definitionIDs[body] = db.lastInsertedRowID
        return db.lastInsertedRowID
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
            for info in chunks {
                let chunk = try Chunk(info, dayStartMicros: day.startMicros, source: self)
                for part in Part.allCases { _ = try chunk.whole(part) }
            }
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
