import DNSWire
import Glibc
import Testing

@testable import DomainLists

/// The compiled index itself: its limits, its bytes, its file.
@Suite struct IndexTests {
    static func index(_ names: [String], key: HashKey = .random()) -> DomainIndex {
        var builder = DomainIndexBuilder(helpers: helpers, key: key)
        let octets = Array(names.joined(separator: "\n").utf8)
        // SAFETY: the array outlives the call.
        _ = unsafe octets.withUnsafeBytes {
            unsafe builder.addList(
                $0, format: .domains, match: nil, source: SourceID(rawValue: 0))
        }
        return builder.build()
    }

    @Test func deepestNames() throws {
        let deepest = Array(repeating: "a", count: 127).joined(separator: ".")
        let index = Self.index([deepest])
        for labels in 0...127 {
            let name = try DomainName(parsing: deepest).suffix(labels: labels)
            #expect(index.match(name).set == (labels == 127 ? 1 : 0))
        }
        #expect(index.match(try DomainName(parsing: deepest)).labels == 127)
        #expect(Self.index(["a"]).match(try DomainName(parsing: deepest)).labels == 1)
    }

    @Test(arguments: 1...63)
    func labelsOfEveryLength(_ length: Int) throws {
        let label = String(repeating: "k", count: length)
        let index = Self.index([label, "\(label).example", "www.\(label).example"])
        for last in ["k", "j"] {
            let other = label.dropLast() + last
            let name = try DomainName(parsing: "x.\(other).example")
            #expect(index.match(name).labels == (last == "k" ? 2 : 0))
        }
        #expect(index.nameCount == 3)
    }

    @Test func longestName() throws {
        let label = String(repeating: "z", count: 63)
        let name = "\(label).\(label).\(label).\(String(repeating: "y", count: 61))"
        let index = Self.index([name, name + "."])
        #expect(index.nameCount == 1)
        #expect(index.match(try DomainName(parsing: name)).labels == 4)
    }

    @Test func theRootCoversEverything() throws {
        var builder = DomainIndexBuilder(helpers: helpers)
        builder.add(.root, coverage: .subtree, source: SourceID(rawValue: 3))
        let index = builder.build()
        #expect(index.match(try DomainName(parsing: "www.example.com")).set == 1)
        #expect(index.match(.root) == Match(set: 1, labels: 0))
        #expect(index.listedNames(covering: try DomainName(parsing: "a")).map(\.name) == [.root])
    }

    /// The steps before the last find a listed name's records, and of others few.
    @Test func recordsFoundAhead() throws {
        let listed = (0..<3000).flatMap { ["host\($0).example", "www.host\($0).example"] }
        let index = Self.index(listed)
        func seemListed(_ names: [String]) throws -> Int {
            try names.count { index.lookUp(try DomainName(parsing: $0)).seemsListed }
        }
        #expect(try seemListed(listed) > listed.count * 9 / 10)
        let others = (0..<3000).flatMap { ["host\($0).invalid", "mail.host\($0).example"] }
        #expect(try seemListed(others) < others.count / 5)
        #expect(try seemListed(["a.b.c.d.e.f.g.h.host1.example"]) == 0)
    }

    /// Where a page is full its records lie in the next ones, and are found there.
    @Test func recordsBeyondTheirPage() throws {
        let names = (0..<8000).map { number in
            String(repeating: "x", count: number * 7919 % 58) + "\(number).example"
        }
        let index = Self.index(names)
        let header = try IndexHeader(index.bytes)
        var beyond = 0
        for page in 0..<Int(header.grid.count) {
            for bucket in 0..<Int(header.grid.buckets) {
                let place = IndexPages.Place(page: page, bucket: bucket)
                let start = header.pages.lowerBound + place.offset + IndexLayout.recordsOffset
                beyond += (0..<IndexLayout.slotsPerBucket).count {
                    Int(index.bytes.load(start + 2 * $0, as: UInt16.self)) >= IndexLayout.pageBytes
                }
            }
        }
        #expect(beyond > 0 && beyond < names.count / 5)
        for name in names {
            #expect(index.match(try DomainName(parsing: name)).labels == 2)
            #expect(index.match(try DomainName(parsing: "y" + name)).set == 0)
        }
    }

    /// Full buckets, tags of other names and names longer than the steps go: by steps as without.
    @Test func bySteps() throws {
        let listed = (0..<20_000).map { number in
            String(repeating: "\(number % 7).", count: number % 7) + "host\(number).example"
        }
        let index = Self.index(listed)
        for name in listed {
            for asked in [name, "www." + name, "a.b.c." + name, "x" + name] {
                let asked = try DomainName(parsing: asked)
                #expect(index.matchesBySteps(asked) == [index.match(asked)])
            }
        }
        #expect(index.matchesBySteps(.root) == [Match(set: 0, labels: 0)])
    }

    @Test func octetsThatAreNoName() {
        let view = Self.index(["com"])
        let broken: [[UInt8]] = [
            [], [3], [3, 99, 111, 109], [64], [0xC0, 12], [3, 99, 111, 109, 5, 0],
            [UInt8](repeating: 1, count: 300),
        ]
        for octets in broken {
            // SAFETY: pointer and count are of one array, alive for the call.
            let match = unsafe octets.withUnsafeBufferPointer { wire -> Match? in
                guard let base = wire.baseAddress else { return nil }
                var lookUp = DomainIndexView.LookUp()
                unsafe view.view.begin(base, count: wire.count, &lookUp)
                view.view.findRecords(&lookUp)
                let match = unsafe view.view.match(base, count: wire.count)
                #expect(unsafe view.view.match(base, count: wire.count, lookUp) == match)
                return match
            }
            #expect(match?.set ?? 0 == 0)
        }
    }

    /// A million would do as well; the point is that no name but the listed ones matches.
    @Test func noFalsePositives() throws {
        let names = (0..<20_000).map { "n\($0).x\($0 % 100).example" }
        let index = Self.index(names)
        for number in 0..<20_000 {
            #expect(index.match(try DomainName(parsing: names[number])).labels == 3)
            let other = try DomainName(parsing: "n\(number).x\((number + 1) % 100).example")
            #expect(index.match(other).set == 0)
            let beyond = try DomainName(parsing: "m\(number).x\(number % 100).example")
            #expect(index.match(beyond).set == 0)
        }
    }

    @Test func keysDifferAndAnswersDoNot() throws {
        let names = (0..<500).map { "n\($0).example" }
        let one = Self.index(names, key: HashKey(first: 1, second: 2))
        let other = Self.index(names, key: HashKey(first: 3, second: 4))
        // SAFETY: the indexes are kept beyond the comparison.
        #expect(unsafe !one.bytes.bytes.elementsEqual(other.bytes.bytes))
        for name in names {
            let name = try DomainName(parsing: name)
            #expect(one.match(name) == other.match(name))
        }
        #expect(HashKey.random() != HashKey.random())
    }

    /// Many sources over one name: more sets and tiers than a small number's worth.
    @Test func manySets() throws {
        var builder = DomainIndexBuilder(helpers: helpers)
        for source in 0..<600 {
            for place in 0..<3 {
                builder.add(
                    try DomainName(parsing: "s\(source / (place + 1)).p\(place).example"),
                    coverage: place == 1 ? .exact : .subtree,
                    source: SourceID(rawValue: UInt16(source)))
            }
        }
        builder.add(
            try DomainName(parsing: "example"), coverage: .subtree,
            source: SourceID(rawValue: 999))
        let index = builder.build()
        for source in 0..<600 {
            let name = try DomainName(parsing: "s\(source / 3).p2.example")
            let tiers = index.sets[Int(index.match(name).set)].tiers
            #expect(tiers.count == 2)
            #expect(tiers[0].contains(SourceID(rawValue: UInt16(source))))
            #expect(tiers[0].count == 3)
            #expect(tiers[1] == [SourceID(rawValue: 999)])
        }
    }

    // MARK: the file

    /// A directory that goes away with the test.
    final class Scratch {
        let path: String

        init() {
            path = "/tmp/domain-index-\(getpid())-\(UInt64.random(in: 0 ... .max))"
            // SAFETY: a plain system call.
            _ = unsafe mkdir(path, 0o700)
        }

        deinit {
            for name in ["index", "copy"] { _ = unsafe unlink("\(path)/\(name)") }
            // SAFETY: plain system calls.
            _ = unsafe rmdir(path)
        }

        func write(_ octets: [UInt8]) throws -> String {
            let file = path + "/copy"
            // SAFETY: plain system calls; the array outlives them.
            _ = unsafe unlink(file)
            let descriptor = unsafe open(file, O_WRONLY | O_CREAT, 0o600)
            defer { close(descriptor) }
            let written = unsafe octets.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            try #require(written == octets.count)
            return file
        }
    }

    @Test func fileAnswersAsMemoryDoes() throws {
        let scratch = Scratch()
        let names = (0..<3000).map { "n\($0).x\($0 % 7).example" }
        let index = Self.index(names)
        let path = scratch.path + "/index"
        try Self.index(["old.example"]).write(to: path)
        try index.write(to: path)
        let mapped = try DomainIndex(mapping: path)
        #expect(mapped.isMapped && !index.isMapped)
        #expect(mapped.nameCount == index.nameCount)
        #expect(mapped.sizeBytes == index.sizeBytes)
        #expect(mapped.sets == index.sets)
        for name in names + ["x0.example", "other.test"] {
            let name = try DomainName(parsing: name)
            #expect(mapped.match(name) == index.match(name))
            #expect(mapped.listedNames(covering: name) == index.listedNames(covering: name))
        }
    }

    @Test func everyFlippedBitAndEveryLengthIsRefused() throws {
        let scratch = Scratch()
        let index = Self.index(["a.example", "b.test"])
        // SAFETY: the index is kept beyond the copy.
        let octets = unsafe Array(index.bytes.bytes)
        _ = try DomainIndex(mapping: scratch.write(octets))
        for place in octets.indices {
            var damaged = octets
            damaged[place] ^= 1 << UInt8(place % 8)
            #expect(throws: IndexProblem.self, "octet \(place)") {
                try DomainIndex(mapping: scratch.write(damaged))
            }
        }
        for length in 0..<octets.count {
            #expect(throws: IndexProblem.self, "length \(length)") {
                try DomainIndex(mapping: scratch.write(Array(octets.prefix(length))))
            }
        }
        #expect(throws: IndexProblem.self) {
            try DomainIndex(mapping: scratch.write(octets + [0]))
        }
    }

    @Test func problemsHaveNames() throws {
        let scratch = Scratch()
        // SAFETY: the index is kept beyond the copy.
        let index = Self.index(["a.example"])
        let octets = unsafe Array(index.bytes.bytes)
        func problem(_ octets: [UInt8]) throws -> IndexProblem? {
            let path = try scratch.write(octets)
            return #expect(throws: IndexProblem.self) { try DomainIndex(mapping: path) }
        }
        #expect(try problem([]) == .notAnIndex)
        #expect(try problem(Array("a text\n".utf8)) == .notAnIndex)
        #expect(try problem([UInt8](repeating: 7, count: 5000)) == .notAnIndex)
        var other = octets
        other[IndexLayout.Field.version] = 9
        #expect(try problem(other) == .otherVersion(9))
        let short = Array(octets.dropLast())
        #expect(
            try problem(short)
                == .wrongSize(expected: UInt64(octets.count), found: UInt64(short.count)))
        other = octets
        other[octets.count - 1] ^= 1
        #expect(try problem(other) == .damaged)
        let missing = #expect(throws: IndexProblem.self) {
            try DomainIndex(mapping: scratch.path + "/index")
        }
        #expect(
            missing == .system(call: "open", path: scratch.path + "/index", errno: ENOENT))
        #expect(throws: IndexProblem.self) { try DomainIndex(mapping: scratch.path) }
        #expect(throws: IndexProblem.self) { try index.write(to: "/nowhere/at/all") }
    }
}
