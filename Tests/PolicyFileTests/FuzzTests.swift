import Dice
import Testing

@testable import PolicyFile

private let fragments = [
    "[", "]", "{", "}", ":", ": ", "-", "- ", ",", "&a ", "*a", "<<: ", "!x ", "|\n", ">\n", "\"",
    "'", "#", "---\n", "...\n", "\t", "\n", "  ", "? ", "%YAML 1.1\n", "everything", "24:00",
    "10:30-10:45", "2026-02-30", "\u{FEFF}", "\u{85}", "ü", "\0", "=", "a.example", "under-age",
].map { Array($0.utf8) }

/// Changes, drops, doubles and inserts at random places.
func mutate(_ bytes: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
    var changed = bytes
    for _ in 0..<Int.random(in: 1...6, using: &random) {
        guard !changed.isEmpty else { break }
        let place = Int.random(in: 0..<changed.count, using: &random)
        let end = min(changed.count, place + Int.random(in: 1...40, using: &random))
        switch Int.random(in: 0..<6, using: &random) {
        case 0: changed[place] = UInt8.random(in: 0...255, using: &random)
        case 1: changed.removeSubrange(place..<end)
        case 2: changed.insert(contentsOf: changed[place..<end], at: place)
        case 3: changed.insert(contentsOf: fragments.randomElement(using: &random) ?? [], at: place)
        case 4: changed.swapAt(place, Int.random(in: 0..<changed.count, using: &random))
        default:
            changed.insert(
                contentsOf: changed[place..<end],
                at: Int.random(in: 0..<changed.count, using: &random))
        }
    }
    return changed
}

@Test(arguments: 1...4)
func noBytesCrashTheReaders(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let policy = Array(sound.utf8)
    var loadable = 0
    for _ in 0..<1500 {
        let reporter = Reporter()
        let bytes = mutate(policy, using: &random)
        if let root = YAMLReader.read(bytes, file: "p", reporter: reporter) {
            _ = PolicyReader(reporter: reporter).read(root)
            _ = ConfigurationReader(reporter: reporter).read(root, path: "p")
        } else {
            #expect(reporter.hasErrors)
        }
        if !reporter.hasErrors { loadable += 1 }
        #expect(reporter.diagnostics.allSatisfy { $0.line >= 1 && $0.column >= 1 })
    }
    #expect(loadable < 1500)
}

@Test(arguments: 1...2)
func noBytesCrashALoad(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed &+ 77)
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    let policy = Array(sound.utf8)
    for _ in 0..<150 {
        let path = try folder.write(mutate(policy, using: &random), to: "policy.yaml")
        let load = loadPolicy(at: path, now: monday)
        #expect((load.loaded == nil) == load.diagnostics.hasErrors)
    }
}

@Test func randomBytesAreRefused() {
    var random = SeededGenerator(seed: 5)
    for length in 0..<600 {
        let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
        let reporter = Reporter()
        _ = YAMLReader.read(bytes, file: "p", reporter: reporter).map {
            PolicyReader(reporter: reporter).read($0)
        }
        #expect(reporter.hasErrors)
    }
}

@Test(arguments: ["[", "{a: ", "- ", "? ", "&a [", "!a {"])
func deepNestingIsRefused(opening: String) {
    let reporter = Reporter()
    let text = String(repeating: opening, count: 20_000)
    #expect(YAMLReader.read(Array(text.utf8), file: "p", reporter: reporter) == nil)
    #expect(reporter.diagnostics.contains { $0.message.contains("levels deep") })
}

@Test func aFilePastTheSizeLimitIsRefused() {
    let reporter = Reporter()
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: YAMLReader.maximumBytes + 1)
    #expect(YAMLReader.read(bytes, file: "p", reporter: reporter) == nil)
    #expect(reporter.diagnostics.first?.message.contains("more than") == true)
}

@Test func textsAreTakenAsWritten() throws {
    let reporter = Reporter()
    let text = "a: 10:30\nb: no\nc: 0x10\nd: \"q \\u00fc\"\ne: 2026-09-01\nf: >\n  g\n  h\n"
    let root = try #require(YAMLReader.read(Array(text.utf8), file: "p", reporter: reporter))
    guard case .mapping(let pairs) = root.content else {
        Issue.record("no mapping")
        return
    }
    let values = pairs.map { pair -> String in
        if case .scalar(let text, _) = pair.value.content { text } else { "?" }
    }
    #expect(values == ["10:30", "no", "0x10", "q ü", "2026-09-01", "g h\n"])
    #expect(
        pairs.map { "\($0.value.place.line):\($0.value.place.column)" } == [
            "1:4", "2:4", "3:4", "4:4", "5:4", "6:4",
        ])
    #expect(!reporter.hasErrors)
}
