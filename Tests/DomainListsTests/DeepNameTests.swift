import DNSWire
import Testing

@testable import DomainLists

/// Names of many labels: they are found by halving, their records spell several labels at once.
@Suite struct DeepNameTests {
    private static func chain(_ labels: Int, _ letters: [String]) -> [String] {
        (0..<labels).map { letters[$0 % letters.count] }
    }

    /// Every listed depth, and every name asked, agree with a plain comparison of suffixes.
    @Test(arguments: [["a"], ["a", "b"], ["b", "c2", "d"], ["one", "2"]])
    func longestListedSuffix(_ letters: [String]) throws {
        // The longest chain of these that a name holds.
        var labels = Self.chain(127, letters)
        while labels.reduce(1, { $0 + $1.utf8.count + 1 }) > 255 { labels.removeFirst() }
        let whole = try DomainName(parsing: labels.joined(separator: "."))
        let depths = [
            1, 3, 4, 5, 6, 7, 8, 9, 10, 20, 21, 22, 24, 36, 37, 52, 53, 100, 116, 117, 127,
        ]
        for listed in depths where listed <= labels.count {
            let index = IndexTests.index([whole.suffix(labels: listed).description])
            for asked in 1...labels.count {
                let match = index.match(whole.suffix(labels: asked))
                #expect(Int(match.labels) == (asked >= listed ? listed : 0))
            }
        }
    }

    /// A deep name that leaves a listed one at any label has what is listed above that label.
    @Test func branches() throws {
        let labels = Self.chain(127, ["a", "b", "c"])
        let whole = try DomainName(parsing: labels.joined(separator: "."))
        let index = IndexTests.index((1...127).map { whole.suffix(labels: $0).description })
        for place in labels.indices {
            var other = labels
            other[place] = "x"
            let match = index.match(try DomainName(parsing: other.joined(separator: ".")))
            #expect(Int(match.labels) == 126 - place)
        }
    }

    /// Under many keys, so that now and then a tag is another name's: never a wrong match.
    @Test func tagsThatAreOthers() throws {
        var dice = SystemRandomNumberGenerator()
        let names = (0..<300).map { _ in
            (0..<Int.random(in: 9...60, using: &dice))
                .map { _ in ["a", "b", "c", "dd"].randomElement(using: &dice) ?? "a" }
                .joined(separator: ".")
        }
        let asked = (0..<2000).map { number in
            var labels = (names[number % 300]).split(separator: ".").map(String.init)
            for _ in 0..<(number / 300) {
                labels[Int.random(in: labels.indices, using: &dice)] = "a"
            }
            return labels
        }
        let listed = Set(names)
        for _ in 0..<10 {
            let index = IndexTests.index(names)
            for labels in asked {
                let name = labels.joined(separator: ".")
                let longest = labels.indices.first {
                    listed.contains(labels[$0...].joined(separator: "."))
                }
                let match = index.match(try DomainName(parsing: name))
                #expect(Int(match.labels) == longest.map { labels.count - $0 } ?? 0, "\(name)")
            }
        }
    }

    /// A record's neighbours are no part of it: a name that goes on as the octets behind a record
    /// do is another name.
    @Test func octetsBehindARecord() throws {
        let ten = Self.chain(10, ["a"]).joined(separator: ".")
        let index = IndexTests.index([ten], key: HashKey(first: 3, second: 5))
        let header = try IndexHeader(index.bytes)
        // As deep as the deep record of another name would be read.
        for labels in 11...127 {
            let name = try DomainName(parsing: Self.chain(labels, ["a"]).joined(separator: "."))
            #expect(index.match(name).labels == 10)
        }
        #expect(header.pages.count > IndexLayout.recordGuardBytes)
    }

    /// What a deep name takes: not the square of its labels.
    @Test func memory() throws {
        let labels = Self.chain(127, ["a"])
        let index = IndexTests.index([labels.joined(separator: ".")])
        let empty = IndexTests.index([])
        #expect(index.sizeBytes - empty.sizeBytes < 6000)
    }

    /// What a suffix has in common with others is hashed once; its hash is the same in whatever order
    /// they are asked for, and no octet of it is left out.
    @Test func hashesInAnyOrder() {
        var dice = SystemRandomNumberGenerator()
        let key = HashKey(first: 0x1234_5678_9ABC_DEF1, second: 0x0FED_CBA9_8765_4321)
        let octets = (0..<254).map { _ in UInt8.random(in: 1...255, using: &dice) }
        func hashes(_ octets: [UInt8], of lengths: [Int]) -> [UInt64] {
            // SAFETY: the room is as long as is asked for, and a length at most the octets' count.
            unsafe octets.withUnsafeBufferPointer { octets in
                unsafe withUnsafeTemporaryAllocation(
                    of: UInt64.self, capacity: DeepHashes.capacity
                ) { room in
                    guard let base = octets.baseAddress, let words = room.baseAddress else {
                        return []
                    }
                    var made = unsafe DeepHashes(
                        key, ancestor: 7, end: base + octets.count, room: words)
                    return lengths.map { made.hash(octets: $0) }
                }
            }
        }
        let each = (2...254).map { hashes(octets, of: [$0])[0] }
        #expect(Set(each).count == each.count)
        for _ in 0..<20 {
            let order = (2...254).shuffled(using: &dice)
            #expect(hashes(octets, of: order) == order.map { each[$0 - 2] })
        }
        for place in octets.indices {
            var other = octets
            other[place] ^= 1 << UInt8.random(in: 0..<8, using: &dice)
            let changed = hashes(other, of: Array(2...254))
            for (length, pair) in zip(2..., zip(each, changed)) {
                #expect((pair.0 != pair.1) == (place >= octets.count - length))
            }
        }
    }

    /// Every deep record goes on at a name whose record ends a run, or at a shallow one.
    @Test func anchors() {
        for labels in (IndexLayout.shallowLabels + 1)...127 {
            let anchor = IndexLayout.anchor(labels)
            #expect(anchor >= IndexLayout.shallowLabels && anchor < labels)
            #expect(labels - anchor <= IndexLayout.labelsPerDeepRecord)
            let isSingle = labels <= IndexLayout.singleLabels && anchor == labels - 1
            #expect(
                isSingle
                    || (anchor - IndexLayout.singleLabels) % IndexLayout.labelsPerDeepRecord == 0)
        }
    }
}
