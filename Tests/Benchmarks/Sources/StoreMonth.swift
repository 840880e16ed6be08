import DNSWire
import DecisionLog
import Glibc
import LogStore

/// A school's log, made up: the same in every run. Its rows go through a real journal and a real
/// follower into the store, a stretch at a time, so that neither disk nor memory holds them all.
final class StoreMonth {
    let days: Int
    let rowsPerDay: Int
    let folder: String
    private(set) var rows = 0
    /// What following took: processor time of its thread and time on the wall, in nanoseconds.
    private(set) var followedCPU: Int64 = 0
    private(set) var followedWall: Int64 = 0

    private let names: [[UInt8]]
    /// Names by how often they are asked for: an even draw of a place is a Zipf draw of a name.
    private let draws: [UInt32]
    private var dice = SeededGenerator(state: 4711)
    private var batch = RecordBatch(capacityBytes: 1 << 16)

    /// Monday 2026-11-02, 00:00 UTC.
    static let startMicros: Int64 = 1_793_577_600_000_000
    static let dayMicros: Int64 = 86_400_000_000
    static let clientCount = 2000
    static let nameCount = 100_000
    static let groups = ["learner", "staff", "guest", "phone"]
    static let ruleCount = 24
    static let categoryCount = 40
    /// Rows between two rounds of the follower.
    private static let stretchRows = 1 << 17
    /// How long the journal keeps its rows here: until the follower has long been there, which
    /// is after a part of a day.
    private static let keepSeconds: Int64 = 2 * 86400

    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// Who writes the log and who follows it.
    private final class Writers {
        let journal: Journal
        let dictionary: UInt32
        let follower: StoreFollower

        init(_ folder: String) throws {
            journal = try Journal(
                directory: folder, segmentBytes: 16 << 20, keepSeconds: StoreMonth.keepSeconds)
            dictionary = journal.register(
                RecordDictionary(
                    policyHash: "0123456789abcdef", groups: StoreMonth.groups,
                    rules: (0..<StoreMonth.ruleCount).map {
                        ("rule-\($0)", $0 % 8 == 0 ? "high" : nil)
                    },
                    categories: (0..<StoreMonth.categoryCount).map {
                        "family-\($0 % 9)/category-\($0)"
                    },
                    lists: (0..<6).map { "list-\($0)" },
                    periods: ["lesson", "break", "lunch", "evening"]
                ))
            guard let follower = try StoreFollower.start(logDirectory: folder, keepSeconds: nil)
            else { throw Refused(description: "another process follows in \(folder)") }
            self.follower = follower
        }

        deinit { journal.close() }
    }

    init(days: Int, rows: Int, folder: String) throws {
        self.days = days
        self.folder = folder
        rowsPerDay = max(rows / max(days, 1), 1)
        names = try Names.madeUp(Self.nameCount).map { try DomainName(parsing: $0).wire }
        draws = Self.zipf(Self.nameCount, places: 1 << 22)
    }

    /// The name of a rank: 0 is the one asked for most.
    func name(ofRank rank: Int) -> [UInt8] { names[rank] }

    static func client(_ number: Int) -> IPAddress { IPAddress(v4: 0x0A14_0000 + UInt32(number)) }

    private static func zipf(_ count: Int, places: Int) -> [UInt32] {
        var total = 0.0
        for rank in 1...count { total += 1 / Double(rank) }
        var draws: [UInt32] = []
        draws.reserveCapacity(places)
        var sum = 0.0
        for rank in 1...count {
            sum += 1 / Double(rank)
            let end = Int(sum / total * Double(places))
            while draws.count < end { draws.append(UInt32(rank - 1)) }
        }
        while draws.count < places { draws.append(0) }
        return draws
    }

    // MARK: Writing

    /// Writes all days and has them followed.
    func make() throws {
        let writers = try Writers(folder)
        for day in 0..<days {
            let start = Self.startMicros + Int64(day) * Self.dayMicros
            for first in stride(from: 0, to: rowsPerDay, by: Self.stretchRows) {
                let end = min(first + Self.stretchRows, rowsPerDay)
                write(first..<end, dayStart: start, writers)
                try follow(nowMicros: start + micros(ofRow: end), writers)
            }
        }
        // By then the last day is over as well.
        try follow(nowMicros: Self.startMicros + Int64(days + 1) * Self.dayMicros, writers)
        let stored = try StoreReader(directory: folder).count()
        guard writers.follower.storedSeq == UInt64(rows), stored == UInt64(rows) else {
            throw Refused(
                description: "\(stored) of \(rows) rows are in the store and "
                    + "\(writers.journal.status.lostCount) were not recorded: the figures are void")
        }
    }

    private func follow(nowMicros: Int64, _ writers: Writers) throws {
        let (cpu, wall) = (Clock.cpu, Clock.wall)
        let progress = try writers.follower.follow(nowMicros: nowMicros, isFinal: true)
        followedCPU += Clock.cpu - cpu
        followedWall += Clock.wall - wall
        guard progress.notes.isEmpty else {
            throw Refused(description: progress.notes.joined(separator: "; "))
        }
    }

    /// When a row of a day comes: four fifths between 8:00 and 16:30.
    private func micros(ofRow row: Int) -> Int64 {
        let share = Double(row) / Double(rowsPerDay)
        let hour =
            switch share {
            case ..<0.03: share / 0.03 * 8
            case ..<0.83: 8 + (share - 0.03) / 0.8 * 8.5
            default: 16.5 + (share - 0.83) / 0.17 * 7.5
            }
        return Int64(hour * 3.6e9)
    }

    private func write(_ places: Range<Int>, dayStart: Int64, _ writers: Writers) {
        let (journal, dictionary) = (writers.journal, writers.dictionary)
        var place = places.lowerBound
        while place < places.upperBound {
            // A visit asks for one name with several types, within milliseconds.
            let types = [1, 28, 65].prefix(min(Int(dice.next() % 3) + 1, places.upperBound - place))
            // The square makes some clients ask far more than others.
            let share = Double(dice.next() % 1_000_000) / 1_000_000
            let client = Int(share * share * Double(Self.clientCount))
            let rank = Int(draws[Int(dice.next() % UInt64(draws.count))])
            var micros = dayStart + self.micros(ofRow: place)
            for type in types {
                append(client: client, rank: rank, type: UInt16(type), micros: micros)
                micros += Int64(dice.next() % 2000)
                if !batch.hasRoom { journal.commit(&batch, dictionary: dictionary) }
            }
            place += types.count
            rows += types.count
            if rows % (1 << 14) < 3 { journal.maintain(nowMicros: micros) }
        }
        journal.commit(&batch, dictionary: dictionary)
        journal.maintain(nowMicros: dayStart + micros(ofRow: places.upperBound))
    }

    private func append(client: Int, rank: Int, type: UInt16, micros: Int64) {
        // What a name is does not change: its number is mixed.
        let mixed = (UInt64(rank) &* 0x9E37_79B9_7F4A_7C15) >> 32
        let hasCategory = mixed % 5 == 0
        let category = UInt16(mixed / 5 % UInt64(Self.categoryCount))
        let group = UInt16(client % 20 == 0 ? 1 : client % 50 == 1 ? 2 : client % 3 == 0 ? 3 : 0)
        let period = UInt16(micros / 3_600_000_000 % 4)
        let isBlocked = hasCategory && (category + group + period) % 3 == 0
        let ttl = [20, 60, 300, 3600][Int(mixed % 4)]
        let isCached = dice.next() % 3 > 0
        let record = DecisionRecord(
            timeMicros: micros, client: Self.client(client), group: group,
            rule: isBlocked ? (category &* 5 &+ group) % UInt16(Self.ruleCount) : .max,
            category: hasCategory ? category : .max, list: hasCategory ? category % 6 : .max,
            period: period, verdict: isBlocked ? .block : .allow, rcode: isBlocked ? 3 : 0,
            ttlSeconds: isBlocked ? 60 : isCached ? UInt32(dice.next() % UInt64(ttl)) : UInt32(ttl),
            source: isBlocked ? .policy : isCached ? .cache : .upstream,
            micros: UInt32(
                isBlocked || isCached ? 20 + dice.next() % 70 : 2000 + dice.next() % 50_000),
            qtype: type, matchedLabels: hasCategory ? 2 : 0)
        // SAFETY: the octets are only read, within the call.
        unsafe names[rank].withUnsafeBytes { name in
            unsafe batch.append(
                record, qname: name, via: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// Octets of the store on the disk, indices and all.
    var storeBytes: Int {
        var bytes = 0
        guard let stream = unsafe opendir("\(folder)/store") else { return 0 }
        defer { unsafe closedir(stream) }
        // SAFETY: each entry is read before the next call; its name ends with a NUL.
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            var information = stat()
            // SAFETY: the kernel fills in the one value.
            if unsafe stat("\(folder)/store/\(name)", &information) == 0,
                information.st_mode & S_IFMT == S_IFREG
            {
                bytes += Int(information.st_size)
            }
        }
        return bytes
    }
}
