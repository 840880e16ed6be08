import DecisionLog
import Glibc

/// A day of UTC; each has a file of its own.
struct StoreDay: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Days since 1970.
    let number: Int64

    static let suffix = ".sqlite"

    init(number: Int64) { self.number = number }

    /// The day of an instant.
    init(micros: Int64) {
        let quotient = micros / StoreLimits.dayMicros
        number = micros % StoreLimits.dayMicros < 0 ? quotient - 1 : quotient
    }

    /// Reads a file's name.
    init?(fileName: String) {
        guard fileName.hasSuffix(Self.suffix),
            let micros = LogTime.parse(
                fileName.dropLast(Self.suffix.count) + "T00:00:00Z", nowMicros: 0)
        else { return nil }
        self.init(micros: micros)
        guard self.fileName == fileName else { return nil }
    }

    var startMicros: Int64 { number &* StoreLimits.dayMicros }
    var endMicros: Int64 { startMicros &+ StoreLimits.dayMicros }
    var fileName: String { "\(self)\(Self.suffix)" }
    var description: String { String(LogTime.utc(startMicros).prefix { $0 != "T" }) }

    static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    /// The days that have a file in a folder, in order; none where there is no folder.
    static func all(in folder: String) -> [StoreDay] {
        guard let stream = unsafe opendir(folder) else { return [] }
        defer { unsafe closedir(stream) }
        var days: [StoreDay] = []
        while let entry = unsafe readdir(stream) {
            // SAFETY: `d_name` is a terminated string within the entry, which lives until the next
            // call; the text is copied.
            let text = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let day = StoreDay(fileName: text) { days.append(day) }
        }
        return days.sorted()
    }
}

/// A gap row as it is stored.
struct StoredGap: Equatable {
    var seq: UInt64
    var micros: Int64
    var gap: RecordGap
}

extension StoredGap {
    var packed: [UInt8] {
        var writer = PackWriter()
        writer.number(seq)
        writer.signed(micros)
        writer.raw(gap.encoded)
        return writer.bytes
    }

    init?(packed: [UInt8]) {
        var reader = PackReader(packed)
        seq = reader.number()
        micros = reader.signed()
        guard !reader.isBroken, let gap = RecordGap.decoded(Array(packed[reader.offset...])) else {
            return nil
        }
        self.gap = gap
    }
}

extension DayFile.Place {
    var packed: [UInt8] {
        var writer = PackWriter()
        for number in [appliedSeq, wholeSeq, owedSeq, segment?.firstSeq ?? 0, segment?.id ?? 0] {
            writer.number(number)
        }
        return writer.bytes
    }

    init(_ packed: [UInt8], path: String) throws {
        var reader = PackReader(packed)
        appliedSeq = reader.number()
        wholeSeq = reader.number()
        owedSeq = reader.number()
        let known = SegmentIdentity(firstSeq: reader.number(), id: reader.number())
        segment = known.firstSeq > 0 ? known : nil
        guard !reader.isBroken else {
            throw StoreError(.damaged, path: path, reason: "its place does not hold together")
        }
    }
}
