import DNSWire
import DecisionLog

/// Sums up the chunks of a day that is over: a chunk without rows, which questions that only count
/// read in place of all of them.
struct DayRollup {
    private let chunks: [Chunk]
    private let entries: [[ClientEntry]]
    private var info = ChunkInfo()
    private var parts = [PackWriter](repeating: PackWriter(), count: Part.allCases.count)
    private var definitions: [ResolvedDictionary] = []
    private var uses: [DefinitionUse] = []
    private var classes: [DecisionClass] = []
    /// By chunk: its numbers of classes and places of clients → those here.
    private var ranks: [[UInt32]] = []
    private var places: [[UInt32]] = []

    /// Reads what the chunks of a file share.
    init(_ file: DayFile) throws {
        chunks = try file.chunks.map {
            try Chunk($0, dayStartMicros: file.day.startMicros, source: file)
        }
        entries = try chunks.map { try $0.clientEntries() }
    }

    /// The sums; reads all of the chunks but their rows.
    consuming func encode() throws -> EncodedChunk? {
        guard let first = chunks.first else { return nil }
        info.firstSeq = first.info.firstSeq
        for chunk in chunks {
            info.rows += chunk.info.rows
            info.firstSeq = min(info.firstSeq, chunk.info.firstSeq)
            info.lastSeq = max(info.lastSeq, chunk.info.lastSeq)
            info.firstMicros = min(info.firstMicros, chunk.info.firstMicros)
            info.lastMicros = max(info.lastMicros, chunk.info.lastMicros)
        }
        packClasses()
        try packSlots()
        try packClients()
        try packNames()
        let bytes = parts.map(\.bytes)
        info.lengths = bytes.map(\.count)
        return EncodedChunk(info: info, parts: bytes, definitions: definitions)
    }

    // MARK: Classes

    private mutating func packClasses() {
        var contents: [[UInt8]: UInt16] = [:]
        var numbers: [DecisionClass: UInt32] = [:]
        for chunk in chunks {
            let own = zip(chunk.definitions, chunk.uses).map { definition, use -> UInt16 in
                let content = definition.encoded
                let number = contents[content] ?? UInt16(definitions.count)
                if Int(number) == definitions.count {
                    definitions.append(definition)
                    uses.append(DefinitionUse())
                    contents[content] = number
                }
                if use.lastSeq > 0 { uses[Int(number)].join(use) }
                return number
            }
            ranks.append(
                chunk.classes.map { rank in
                    var rank = rank
                    rank.definition = own[Int(rank.definition)]
                    let number = numbers[rank] ?? UInt32(classes.count)
                    if Int(number) == classes.count {
                        classes.append(rank)
                        numbers[rank] = number
                    }
                    return number
                })
        }
        parts[Part.kinds.rawValue].classes(classes, uses: uses)
        // No kinds, since there are no rows; and one run of seqs.
        parts[Part.kinds.rawValue].number(0)
        parts[Part.kinds.rawValue].number(1)
        parts[Part.kinds.rawValue].number(0)
        parts[Part.kinds.rawValue].number(info.rows)
    }

    // MARK: Times

    private mutating func packSlots() throws {
        var counts: [UInt64: UInt32] = [:]
        for (chunk, ranks) in zip(chunks, ranks) {
            try chunk.eachSlot { slot, rank, count in
                counts[slot << 32 | UInt64(ranks[rank]), default: 0] &+= count
            }
        }
        parts[Part.slots.rawValue].slots(counts)
    }

    // MARK: Clients

    private mutating func packClients() throws {
        var readers = try chunks.map { PackReader(try $0.whole(.clientTallies)) }
        var next = [Int](repeating: 0, count: chunks.count)
        var place: UInt32 = 0
        places = entries.map { [UInt32](repeating: 0, count: $0.count) }
        while let address = leastAddress(next) {
            var sum = ClientSum()
            for number in chunks.indices
            where next[number] < entries[number].count
                && entries[number][next[number]].address == address
            {
                try sum.add(
                    &readers[number], chunks[number], entries[number][next[number]].rowCount,
                    ranks[number])
                places[number][next[number]] = place
                next[number] += 1
            }
            ClientEntry(
                address: address, rowsOffset: 0, rowCount: sum.rows,
                talliesOffset: UInt32(parts[Part.clientTallies.rawValue].count)
            ).pack(into: &parts[Part.clients.rawValue])
            let first = UInt64(bitPattern: sum.firstMicros &- info.firstMicros)
            let last = UInt64(bitPattern: sum.lastMicros &- sum.firstMicros)
            parts[Part.clientTallies.rawValue].number(first)
            parts[Part.clientTallies.rawValue].number(last)
            parts[Part.clientTallies.rawValue].counts(sum.counts)
            place += 1
        }
    }

    private func leastAddress(_ next: [Int]) -> IPAddress? {
        zip(entries, next).compactMap { $1 < $0.count ? $0[$1].address : nil }.min()
    }

    /// What a client did in all of the chunks.
    private struct ClientSum {
        var firstMicros = Int64.max
        var lastMicros = Int64.min
        var rows: UInt32 = 0
        var counts: [UInt32: UInt32] = [:]

        mutating func add(
            _ reader: inout PackReader, _ chunk: Chunk, _ rowCount: UInt32, _ ranks: [UInt32]
        ) throws {
            let first = chunk.info.firstMicros &+ Int64(truncatingIfNeeded: reader.number())
            firstMicros = min(firstMicros, first)
            lastMicros = max(lastMicros, first &+ Int64(truncatingIfNeeded: reader.number()))
            rows &+= rowCount
            for _ in 0..<reader.amount() {
                let rank = Int(reader.small())
                guard rank < ranks.count else { throw chunk.damaged("the counts by client") }
                counts[ranks[rank], default: 0] &+= reader.small()
            }
            if reader.isBroken { throw chunk.damaged("the counts by client") }
        }
    }

    // MARK: Names

    private mutating func packNames() throws {
        var cursors = try chunks.indices.map {
            try NameCursor(chunks[$0], places: places[$0], ranks: ranks[$0])
        }
        var packer = NamePacker(rows: info.rows)
        var sums: [UInt64: UInt32] = [:]
        while let key = cursors.compactMap(\.key).min(by: { $0.lexicographicallyPrecedes($1) }) {
            sums.removeAll(keepingCapacity: true)
            for number in cursors.indices where cursors[number].key == key {
                try cursors[number].take(into: &sums)
            }
            let postings = sums.sorted { $0.key < $1.key }
            packer.append(key[...], hash: NameKey.hash(key[...]), amount: postings.count) {
                Posting(
                    client: UInt32(truncatingIfNeeded: postings[$0].key >> 32),
                    rank: UInt32(truncatingIfNeeded: postings[$0].key),
                    count: postings[$0].value)
            }
        }
        info.lightCount = packer.lightCount
        packer.finish(into: &parts)
    }
}

/// Goes through a chunk's names and their postings, a page at a time.
private struct NameCursor {
    private let chunk: Chunk
    private let places: [UInt32]
    private let ranks: [UInt32]
    private let pageCount: Int
    private var page = -1
    private var keys: [[UInt8]] = []
    private var place = 0
    private var reader = PackReader([])
    /// The name that is next; `nil` at the end.
    private(set) var key: [UInt8]?

    init(_ chunk: Chunk, places: [UInt32], ranks: [UInt32]) throws {
        self.chunk = chunk
        self.places = places
        self.ranks = ranks
        pageCount = try chunk.namePages().count
        try advance()
    }

    /// Adds the name's counts, by client and class, and goes on to the next name.
    mutating func take(into sums: inout [UInt64: UInt32]) throws {
        var client: UInt32 = 0
        for _ in 0..<reader.amount() {
            client &+= reader.small()
            let rank = Int(reader.small())
            let count = reader.small()
            guard Int(client) < places.count, rank < ranks.count else {
                throw chunk.damaged("a posting")
            }
            let key = UInt64(places[Int(client)]) << 32 | UInt64(ranks[rank])
            sums[key, default: 0] &+= count
        }
        if reader.isBroken { throw chunk.damaged("a page of postings") }
        place += 1
        try advance()
    }

    private mutating func advance() throws {
        if place == keys.count, page + 1 < pageCount {
            page += 1
            place = 0
            keys = try chunk.readNames(ofPage: page)
            reader = PackReader(try chunk.postings(ofPages: page...page))
        }
        key = place < keys.count ? keys[place] : nil
    }
}
