import DNSWire
import DomainLists
import Foundation
import PolicyEngine
import Testing

@testable import PolicyFile

/// Compiled lists that are kept: used while nothing changed, made anew when anything did.
@Suite struct IndexCacheTests {
    private static let text = """
        bellgate: 1
        policy: { name: A }
        roles: { dsl: A, principal: B, it: C }
        time-zone: UTC
        lists: { bad: { file: bad.txt } }
        rules:
          - { id: bad, block: [bad, own.example], reason: Bad. }

        """

    private let folder: TemporaryFolder
    private let policy: String
    private let kept: String

    init() throws {
        folder = try TemporaryFolder()
        policy = try folder.write(Self.text, to: "policy.yaml")
        _ = try folder.write("one.example\nnot a name!\n", to: "bad.txt")
        kept = URL(fileURLWithPath: policy).deletingLastPathComponent().path + "/index"
    }

    private func load() throws -> LoadedPolicy {
        let load = loadPolicy(at: policy, now: Instant(seconds: 0), indexFolder: kept)
        return try #require(load.loaded)
    }

    private func blocks(_ policy: LoadedPolicy, _ name: String) throws -> Bool {
        let name = try DomainName(parsing: name)
        return policy.index.match(name).set != 0
    }

    private var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: kept)) ?? []).sorted()
    }

    @Test func theSecondLoadTakesWhatTheFirstKept() throws {
        let first = try load()
        #expect(first.index.isMapped)
        let before = files
        #expect(before.count == 2)
        let stamp = try FileManager.default.attributesOfItem(atPath: "\(kept)/\(before[0])")
        let second = try load()
        let again = try FileManager.default.attributesOfItem(atPath: "\(kept)/\(before[0])")
        #expect(files == before)
        #expect(stamp[.systemFileNumber] as? Int == again[.systemFileNumber] as? Int)
        #expect(try blocks(second, "www.one.example") && blocks(second, "own.example"))
        #expect(second.lists.map(\.summary) == first.lists.map(\.summary))
        #expect(second.lists[0].summary?.unusableCount == 1)
    }

    @Test func aChangedListOrPolicyIsCompiledAgain() throws {
        _ = try load()
        let before = files
        _ = try folder.write("two.example\nthree.example\n", to: "bad.txt")
        let changed = try load()
        #expect(try blocks(changed, "two.example") && !blocks(changed, "one.example"))
        #expect(files.count == 2 && files != before)
        _ = try folder.write(
            Self.text.replacingOccurrences(of: "own.example", with: "other.example"),
            to: "policy.yaml")
        let renamed = try load()
        #expect(try blocks(renamed, "other.example") && !blocks(renamed, "own.example"))
    }

    @Test func aDamagedFileIsMadeAnew() throws {
        _ = try load()
        let path = try #require(files.first { $0.hasSuffix(".bgi") }.map { "\(kept)/\($0)" })
        let sound = try Data(contentsOf: URL(fileURLWithPath: path))
        var flipped = sound
        flipped[flipped.count / 2] ^= 0x10
        for damaged in [flipped, sound.prefix(100), Data(), Data("no index".utf8)] {
            try FileManager.default.removeItem(atPath: path)
            try damaged.write(to: URL(fileURLWithPath: path))
            let loaded = try load()
            #expect(try blocks(loaded, "one.example"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == sound.count)
        }
    }

    @Test func aFolderThatCannotBeMadeCostsOnlyTheMemory() throws {
        let load = loadPolicy(
            at: policy, now: Instant(seconds: 0), indexFolder: policy + "/nowhere")
        let loaded = try #require(load.loaded)
        #expect(!loaded.index.isMapped)
        #expect(try blocks(loaded, "one.example"))
    }
}
