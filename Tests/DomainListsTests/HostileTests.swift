import DNSWire
import Testing

@testable import DomainLists

/// Names and lists that are made to cost much.
@Suite struct HostileTests {
    /// How many buckets a look-up for the last label of `name` walks through, as the reader does.
    private func steps(_ name: DomainName, in index: DomainIndex) throws -> Int {
        let header = try IndexHeader(index.bytes)
        var hash = header.key.root
        for labels in 1...name.labelCount {
            let label = Array(name.suffix(labels: labels).wire.prefix { $0 != 0 })
            // SAFETY: the label's octets, its length first, are in the array.
            hash = unsafe label.withUnsafeBufferPointer {
                unsafe header.key.extend(
                    hash, $0.baseAddress.unsafelyUnwrapped, octets: Int($0[0]) + 1)
            }
        }
        var place = header.grid.place(of: hash)
        var steps = 1
        while steps < IndexLayout.maximumSteps {
            let line = header.pages.lowerBound + place.offset
            let passed = index.bytes.load(line + IndexLayout.overflowOffset, as: UInt32.self)
            if passed & IndexLayout.overflowBit(hash) == 0 { break }
            place = header.grid.place(after: place)
            steps += 1
        }
        return steps
    }

    /// Names that fall into few buckets under a known key, found by trying.
    private func colliding(_ count: Int, _ key: HashKey) -> [String] {
        var names: [String] = []
        var number = 0
        let parent = Array("\u{7}example".utf8)
        // SAFETY: the label's octets, its length first, are in the array.
        let above = unsafe parent.withUnsafeBufferPointer {
            unsafe key.extend(key.root, $0.baseAddress.unsafelyUnwrapped, octets: 8)
        }
        while names.count < count {
            number += 1
            let text = "c\(number)"
            let label = [UInt8(text.utf8.count)] + text.utf8
            // SAFETY: as above.
            let hash = unsafe label.withUnsafeBufferPointer {
                unsafe key.extend(above, $0.baseAddress.unsafelyUnwrapped, octets: label.count)
            }
            // The top ten bits alike: less than a page's buckets, of 1024 pages.
            if hash >> 54 == 0 { names.append("\(text).example") }
        }
        return names
    }

    /// Whoever knows the key of one index can make names for it, and has nothing of them in another.
    @Test func namesMadeForOneKeyAreOrdinaryUnderAnother() throws {
        let known = HashKey(first: 0x1234_5678_9ABC_DEF1, second: 0x0FED_CBA9_8765_4321)
        let ordinary = (0..<2000).map { "n\($0).example" }
        let hostile = colliding(200, known)
        func steps(_ key: HashKey) throws -> Double {
            let index = IndexTests.index(ordinary + hostile, key: key)
            let all = try hostile.map { try self.steps(DomainName(parsing: $0), in: index) }
            return Double(all.reduce(0, +)) / Double(all.count)
        }
        #expect(try steps(known) > 8, "they do collide under the key that they were made for")
        // The median: now and then a key is worse for any names, whoever made them.
        let others = try (0..<7).map { _ in try steps(.random()) }.sorted()
        #expect(others[3] < 4)
    }

    /// Nearly all names are found in the first bucket that is looked at. The median of some keys: now
    /// and then one puts the label that all names share into a full bucket.
    @Test func ordinaryNamesNeedOneBucket() throws {
        let names = (0..<20_000).map { "n\($0).x\($0 % 1000).example" }
        let asked = try stride(from: 0, to: names.count, by: 7).map {
            try DomainName(parsing: names[$0])
        }
        let more = try (0..<7).map { _ in
            let index = IndexTests.index(names, key: .random())
            let count = try asked.reduce(0) { try $0 + steps($1, in: index) - 1 }
            return Double(count) / Double(asked.count)
        }.sorted()
        #expect(more[3] < 0.2)
    }

    /// Memory that is mapped, for names as long as real ones (21 octets a line in public lists).
    @Test func bytesPerName() {
        let names = (0..<100_000).map { "list-\($0).x\($0 % 20).example" }
        let index = IndexTests.index(names)
        #expect(index.nameCount == names.count)
        #expect(Double(index.sizeBytes) / Double(names.count) <= 32 + 4)
    }

    @Test func aMillionDuplicatesAreOneName() {
        let line = Array("some.name.example\n".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(line.count * 1_000_000)
        for _ in 0..<1_000_000 { text += line }
        let list = OneList(octets: text, .domains)
        #expect(list.index.nameCount == 1 && list.summary.names == 1)
        #expect(list.summary.duplicates == 999_999 && list.summary.unusableCount == 0)
        // What duplicates took while reading is not kept.
        #expect(list.index.sizeBytes == OneList("some.name.example\n", .domains).index.sizeBytes)
    }

    /// All lengths up to the longest, alone and as a chain in which every name is listed.
    @Test func chainsOfSuffixes() throws {
        let deepest = (0..<127).map { ["a", "b"][$0 % 2] }.joined(separator: ".")
        let whole = try DomainName(parsing: deepest)
        let chain = (1...127).map { whole.suffix(labels: $0).description }
        let index = IndexTests.index(chain)
        for labels in 1...127 {
            #expect(index.match(whole.suffix(labels: labels)).labels == UInt8(labels))
        }
        // A name of 255 octets under the first link.
        let label = String(repeating: "z", count: 63)
        let top = chain[0].hasSuffix(".") ? String(chain[0].dropLast()) : chain[0]
        let long = "\(label).\(label).\(label).\(String(repeating: "y", count: 59)).\(top)"
        #expect(index.match(try DomainName(parsing: long)).labels == 1)
    }
}
