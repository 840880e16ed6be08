import Glibc
import LDNSBridge

/// The secret keys that pseudonyms are made with, and the file that holds them.
///
/// The file is text: a line that names the format, one line a key (the day of UTC from which on it
/// stands, and 32 random octets), and the SHA-256 of the lines before. It is open to the log's owner
/// alone, and replaced as a whole.
struct PseudonymKeys: Equatable {
    /// A key and the day from which on it stands; the first stands for all days before as well.
    struct Period: Equatable {
        /// Days since 1970, UTC.
        var startDay: Int64
        /// 32 octets.
        var key: [UInt8]
    }

    /// By day; never empty.
    var periods: [Period]

    static let fileName = "pseudonyms.key"
    private static let title = "bellgate pseudonyms 1"
    private static let keyBytes = 32
    /// The most that a file of ours can have, in bytes.
    private static let maximumBytes = 1 << 16
    private static let microsPerDay: Int64 = 86_400_000_000

    /// One new key, from a day on.
    init(startDay: Int64) { periods = [Period(startDay: startDay, key: Self.newKey())] }

    static func day(of micros: Int64) -> Int64 { LogTime.floorDivide(micros, microsPerDay) }

    private static func newKey() -> [UInt8] {
        // The system's generator is getrandom(2).
        var generator = SystemRandomNumberGenerator()
        return (0..<keyBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    // MARK: Renewal

    /// Makes the next key where the days of the one that stands now are over with this one.
    ///
    /// It stands from tomorrow on, so that no row of today, which may have been shown already, ever
    /// has another name.
    ///
    /// - Returns: the day from which on it stands; `nil` where nothing is to be done.
    mutating func renew(nowMicros: Int64, keepMicros: Int64) -> Int64? {
        let today = Self.day(of: nowMicros)
        let days = max(1, (keepMicros &+ Self.microsPerDay - 1) / Self.microsPerDay)
        let tomorrow = today + 1
        // Keys further ahead are of a clock that was wrong; one that is behind renews nothing.
        guard let place = periods.lastIndex(where: { $0.startDay <= today }),
            tomorrow - periods[place].startDay >= days,
            !periods.contains(where: { $0.startDay == tomorrow })
        else { return nil }
        periods.insert(Period(startDay: tomorrow, key: Self.newKey()), at: place + 1)
        return tomorrow
    }

    /// Whether a key may be due to be destroyed, as far as time alone tells.
    func mayRetire(nowMicros: Int64, keepMicros: Int64) -> Bool {
        periods.count > 1 && periods[1].startDay <= Self.day(of: nowMicros &- keepMicros)
    }

    /// Takes out the keys whose days are older than `keep` and have no row left.
    ///
    /// - Parameter oldestMicros: the time of the oldest row that is there.
    /// - Returns: the day from which on there are keys still; `nil` where none was taken out.
    mutating func retire(nowMicros: Int64, keepMicros: Int64, oldestMicros: Int64) -> Int64? {
        let bound = min(Self.day(of: nowMicros &- keepMicros), Self.day(of: oldestMicros))
        let gone = periods.indices.dropLast().prefix { periods[$0 + 1].startDay <= bound }
        guard !gone.isEmpty else { return nil }
        periods.removeFirst(gone.count)
        return periods[0].startDay
    }

    // MARK: The file

    private var body: String {
        periods.reduce("\(Self.title)\n") { text, period in
            text + "\(Self.text(ofDay: period.startDay)) \(hexadecimal(period.key))\n"
        }
    }

    /// A day as people write it: `2026-11-24`.
    static func text(ofDay day: Int64) -> String {
        String(LogTime.utc(day &* microsPerDay).prefix { $0 != "T" })
    }

    var encoded: [UInt8] {
        let body = Array(body.utf8)
        return body + Array("sha256 \(hexadecimal(sha256(body)))\n".utf8)
    }

    /// Reads a file's bytes; `nil` unless they are to the byte what would be written.
    init?(_ bytes: [UInt8]) {
        periods = []
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        for line in lines.dropFirst().dropLast() {
            let words = line.split(separator: " ")
            guard words.count == 2,
                let micros = LogTime.parse("\(words[0])T00:00:00Z", nowMicros: 0),
                let key = Self.octets(words[1])
            else { return nil }
            periods.append(Period(startDay: Self.day(of: micros), key: key))
        }
        guard !periods.isEmpty, encoded == bytes else { return nil }
    }

    private static func octets(_ text: Substring) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == 2 * keyBytes else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }

    /// Reads the keys of a log, and makes the first where there is no file.
    static func open(
        in directory: LogDirectory, nowMicros: Int64
    ) throws(JournalError) -> PseudonymKeys {
        if let keys = try read(directory) { return keys }
        let keys = PseudonymKeys(startDay: day(of: nowMicros))
        // Whoever comes first is right.
        if try keys.write(to: directory, replacing: false) { return keys }
        guard let keys = try read(directory) else { throw refusal(directory, ENOENT) }
        return keys
    }

    /// The keys of a log; `nil` where there is no file.
    private static func read(_ directory: LogDirectory) throws(JournalError) -> PseudonymKeys? {
        // A file that is being replaced is wiped out: what stands in its place is whole.
        for _ in 0..<3 {
            guard let file = directory.openForReading(fileName) else {
                guard errno == ENOENT else { throw refusal(directory, errno) }
                return nil
            }
            defer { close(file) }
            if let keys = PseudonymKeys(FileIO.read(file, at: 0, count: maximumBytes)) {
                return keys
            }
            usleep(10_000)
        }
        throw JournalError(.keyDamaged, path: "\(directory.path)/\(fileName)", errno: 0)
    }

    private static func refusal(_ directory: LogDirectory, _ reason: Int32) -> JournalError {
        JournalError(.keyUnusable, path: "\(directory.path)/\(fileName)", errno: reason)
    }

    /// Writes the file as a whole.
    ///
    /// - Parameters:
    ///   - replacing: whether one that is there is replaced, and wiped out.
    ///   - isPermitted: asked when nothing can go wrong any more but for the last step.
    /// - Returns: `false` if it was not written: there is one already, or it was not permitted.
    @discardableResult func write(
        to directory: LogDirectory, replacing: Bool, if isPermitted: () -> Bool = { true }
    ) throws(JournalError) -> Bool {
        let name = "\(Self.fileName).\(UInt64.random(in: 0 ... .max)).tmp"
        guard let file = directory.create(name) else { throw Self.refusal(directory, errno) }
        defer {
            close(file)
            directory.remove(name)
        }
        let old = replacing ? directory.openForWriting(Self.fileName) : nil
        defer { if let old { close(old) } }
        errno = 0
        guard FileIO.write(encoded, to: file, at: 0), fsync(file) == 0 else {
            throw Self.refusal(directory, errno == 0 ? ENOSPC : errno)
        }
        guard isPermitted() else { return false }
        guard directory.give(name, Self.fileName, replacing: replacing) else {
            guard errno == EEXIST, !replacing else { throw Self.refusal(directory, errno) }
            return false
        }
        directory.sync()
        if let old { Self.wipe(old) }
        return true
    }

    /// Overwrites what a file held: on most disks that is the end of it.
    private static func wipe(_ file: Int32) {
        let blank = [UInt8](repeating: 0, count: FileIO.size(file))
        _ = FileIO.write(blank, to: file, at: 0)
        fdatasync(file)
    }
}
