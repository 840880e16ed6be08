import DNSWire
import DecisionLog

/// Finds the names asked for most from the heavy names of each chunk alone.
///
/// A chunk tells the counts of the names that occur often in it, and how often any other occurs at
/// most. So of each name it is known how many rows it has at least and at most; those that may be
/// among the greatest are few, and only they are looked up where they are not heavy.
struct NameTops {
    private var chunks: [HeavyChunk] = []
    /// Names that are known by more than a chunk: of chunks that do not stay.
    private var names = NameTable()
    /// By hash: what is known of a name.
    private var entries: [UInt64: Entry] = [:]
    /// How often a name can occur that is heavy nowhere.
    private var lightCount: UInt64 = 0

    private struct Entry {
        var count: UInt64
        /// Of the chunks in which it is heavy, what a light name may have there.
        var lightCount: UInt64
        /// Where its text can be read; no chunk = among `names`.
        var chunk: Int?
        var number: UInt32

        mutating func add(_ count: UInt64, _ light: UInt64) {
            self.count += count
            lightCount += light
        }
    }

    /// What was read of a chunk.
    struct HeavyChunk {
        let chunk: Chunk
        let classes: [Bool]
        /// In order.
        var hashes: [UInt64] = []
        var numbers: [UInt32] = []
        var counts: [UInt64] = []
    }

    mutating func add(_ heavy: HeavyChunk) {
        let light = UInt64(heavy.classes.isEmpty ? 0 : heavy.chunk.info.lightCount)
        lightCount += light
        for (place, hash) in heavy.hashes.enumerated() where heavy.counts[place] > 0 {
            entries[
                hash,
                default: Entry(
                    count: 0, lightCount: 0, chunk: chunks.count, number: heavy.numbers[place])
            ].add(heavy.counts[place], light)
        }
        chunks.append(heavy)
    }

    /// Adds each name of a chunk that does not stay.
    mutating func addAll(
        _ chunk: Chunk, _ filter: RowFilter, _ isLeftOut: ((String?, String?) -> Bool)?
    ) throws {
        let classes = try chunk.countedClasses(filter, isLeftOut)
        guard !classes.isEmpty else { return }
        var counts: [UInt32: UInt64] = [:]
        try chunk.postings(of: try chunk.allNumbers) { name, _, rank, count in
            if classes[Int(rank)] { counts[name, default: 0] += UInt64(count) }
        }
        for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
            let number = names.number(of: try chunk.name(name)[...])
            entries[
                names.hash(Int(number)),
                default: Entry(count: 0, lightCount: 0, chunk: nil, number: number)
            ].add(count, 0)
        }
    }

    /// The greatest; `nil` where these lists cannot tell.
    func greatest(_ limit: Int) throws -> [Tally]? {
        guard limit > 0 else { return [] }
        let ordered = entries.values.map(\.count).sorted(by: >)
        guard ordered.count >= limit, ordered[limit - 1] > lightCount else { return nil }
        let candidates = entries.filter {
            $1.count + lightCount - $1.lightCount >= ordered[limit - 1]
        }
        guard candidates.count <= limit + StoreLimits.lookedUpNames else { return nil }
        var tallies: [Tally] = []
        for (hash, entry) in candidates {
            let key =
                try entry.chunk.map { try chunks[$0].chunk.name(entry.number) }
                ?? Array(names[Int(entry.number)])
            var count = entry.count
            for heavy in chunks where heavy.place(of: hash) == nil {
                count += try heavy.count(of: key)
            }
            tallies.append(
                Tally(
                    texts: [DomainName.presentation(of: NameKey.wire(key))], startMicros: 0,
                    client: nil, count: count))
        }
        return Array(tallies.sorted { $0.isBefore($1) }.prefix(limit))
    }
}

extension NameTops.HeavyChunk {
    /// Reads a chunk's heavy names, counting the classes that a filter selects.
    init(
        _ chunk: Chunk, _ filter: RowFilter, _ isLeftOut: ((String?, String?) -> Bool)?
    ) throws {
        self.chunk = chunk
        classes = try chunk.countedClasses(filter, isLeftOut)
        guard !classes.isEmpty else { return }
        var reader = PackReader(try chunk.whole(.heavy))
        for _ in 0..<reader.amount() {
            hashes.append(reader.word())
            numbers.append(reader.small())
            var total: UInt64 = 0
            for _ in 0..<reader.amount() {
                let rank = Int(reader.small())
                let count = reader.number()
                guard rank < classes.count else { throw chunk.damaged("the names asked for most") }
                if classes[rank] { total += count }
            }
            counts.append(total)
        }
        if reader.isBroken { throw chunk.damaged("the names asked for most") }
    }

    /// Where a name stands among the heavy ones; `nil` = nowhere.
    fileprivate func place(of hash: UInt64) -> Int? {
        var low = 0
        var high = hashes.count
        while low < high {
            let middle = (low + high) / 2
            if hashes[middle] < hash { low = middle + 1 } else { high = middle }
        }
        return low < hashes.count && hashes[low] == hash ? low : nil
    }

    /// The count of a name that is not heavy here.
    fileprivate func count(of key: [UInt8]) throws -> UInt64 {
        guard !classes.isEmpty else { return 0 }
        var total: UInt64 = 0
        try chunk.postings(of: try chunk.numbers(of: key, isExact: true)) { _, _, rank, count in
            if classes[Int(rank)] { total += UInt64(count) }
        }
        return total
    }
}

extension Chunk {
    /// Which classes are counted; none where no row can pass.
    fileprivate func countedClasses(
        _ filter: RowFilter, _ isLeftOut: ((String?, String?) -> Bool)?
    ) throws -> [Bool] {
        try selection(filter).map { without(isLeftOut, $0.classes) } ?? []
    }

    /// Which of the classes that are selected are not to be left out, by their rule and category.
    func without(
        _ isLeftOut: ((String?, String?) -> Bool)?, _ selected: [Bool]
    ) -> [Bool] {
        guard let isLeftOut else { return selected }
        return zip(selected, classes).map { isSelected, rank in
            guard isSelected else { return false }
            let row = DecisionRow(
                seq: 0, record: rank.record, gap: nil, name: [], via: [],
                dictionary: definitions[Int(rank.definition)])
            return !isLeftOut(row.rule, row.category)
        }
    }
}

extension StoreReader {
    /// The names asked for most, from the lists of heavy names; `nil` where these cannot tell:
    /// where a chunk is asked for in part, or so few rows pass that any name may be among them.
    func heavyNames(
        _ limit: Int, _ filter: RowFilter, _ isLeftOut: ((String?, String?) -> Bool)?
    ) throws -> [Tally]? {
        guard filter.name == nil, filter.client == nil, filter.verdict != .gap else { return nil }
        var tops = NameTops()
        var isWhole = true
        try eachCounted(filter, { $0.isWhole(filter) }) { source in
            guard isWhole, source.info.isWhole(filter) else {
                isWhole = false
                return
            }
            guard source.isStored else { return try tops.addAll(Chunk(source), filter, isLeftOut) }
            for heavy in try withChunk(source, { try NameTops.HeavyChunk($0, filter, isLeftOut) }) {
                tops.add(heavy)
            }
        }
        guard isWhole else { return nil }
        do {
            return try tops.greatest(limit)
        } catch let error as StoreError where error.code == .damaged {
            // Counting all of them finds the place again, and reads it from the journal.
            return nil
        }
    }
}
