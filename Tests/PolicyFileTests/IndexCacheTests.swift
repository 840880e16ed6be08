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

    private func attempt(_ compilation: ListCompilation) -> PolicyLoad {
        loadPolicy(at: policy, now: Instant(seconds: 0), compilation: compilation)
    }

    private func load() throws -> LoadedPolicy {
        try #require(attempt(ListCompilation(folder: kept)).loaded)
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

    @Test func aDamagedFileIsToldOf() throws {
        _ = try load()
        let path = try #require(files.first { $0.hasSuffix(".bgi") }.map { "\(kept)/\($0)" })
        try FileManager.default.removeItem(atPath: path)
        try Data("no index".utf8).write(to: URL(fileURLWithPath: path))
        let warnings = attempt(ListCompilation(folder: kept)).diagnostics
        #expect(
            warnings.map(\.description) == [
                "\(path):1:1: warning: the compiled lists that were kept cannot be used: it is no "
                    + "index of names; nothing needs doing, they are compiled anew; if it happens "
                    + "again, check the disk"
            ])
        #expect(attempt(ListCompilation(folder: kept)).diagnostics.isEmpty)
    }

    /// After an update nobody is sent to look for a broken disk.
    @Test func anotherVersionIsNoDamage() throws {
        _ = try load()
        let path = try #require(files.first { $0.hasSuffix(".bgi") }.map { "\(kept)/\($0)" })
        var other = try Data(contentsOf: URL(fileURLWithPath: path))
        other[8] = 2
        try FileManager.default.removeItem(atPath: path)
        try other.write(to: URL(fileURLWithPath: path))
        let warnings = attempt(ListCompilation(folder: kept)).diagnostics
        #expect(
            warnings.map(\.description) == [
                "\(path):1:1: warning: the compiled lists that were kept cannot be used: it is an "
                    + "index of version 2, this program reads 4; nothing needs doing, they are "
                    + "compiled anew, as once after each update that changes them"
            ])
        #expect(attempt(ListCompilation(folder: kept)).diagnostics.isEmpty)
    }

    @Test func whatACrashLeftIsSweptAway() throws {
        _ = try load()
        let name = try #require(files.first { $0.hasSuffix(".bgi") })
        _ = try folder.write("half", to: "index/\(name).new.4711")
        _ = try folder.write("four.example\n", to: "bad.txt")
        _ = try load()
        #expect(files.count == 2)
    }

    @Test func whoOnlyLooksKeepsNothing() throws {
        let loaded = try #require(attempt(ListCompilation(folder: kept, isKept: false)).loaded)
        #expect(!loaded.index.isMapped && files.isEmpty)
        _ = try load()
        let again = try #require(attempt(ListCompilation(folder: kept, isKept: false)).loaded)
        #expect(again.index.isMapped)
    }

    @Test func listsAreCompiledElsewhereWhereSomebodyWill() throws {
        var calls = 0
        let another = ListCompilation(
            folder: kept,
            elsewhere: {
                calls += 1
                _ = try? load()
            })
        let loaded = try #require(attempt(another).loaded)
        #expect(calls == 1 && loaded.index.isMapped)
        #expect(loaded.lists[0].summary?.unusableCount == 1)
        // Nothing has changed, so nobody is asked.
        _ = attempt(another)
        #expect(calls == 1)
        // Where it comes to nothing, they are compiled here.
        _ = try folder.write("four.example\n", to: "bad.txt")
        let idle = ListCompilation(folder: kept, elsewhere: { calls += 1 })
        #expect(try blocks(#require(attempt(idle).loaded), "four.example") && calls == 2)
    }

    @Test func progressIsTold() throws {
        _ = try folder.write(
            (0..<200_000).map { "n\($0).example\n" }.joined(), to: "bad.txt")
        var told: [ListProgress] = []
        _ = attempt(ListCompilation(progress: { told.append($0) }))
        let read = told.compactMap { progress -> Int? in
            guard case .reading("bad", let octets, let total) = progress else { return nil }
            return octets * 100 / total
        }
        #expect(read.count == 4 && read == read.sorted() && read.first == 0)
        #expect(read.allSatisfy { $0 <= 100 } && told.last == .indexing)
    }

    @Test func aFolderThatCannotBeMadeCostsOnlyTheMemory() throws {
        let load = attempt(ListCompilation(folder: policy + "/nowhere"))
        let loaded = try #require(load.loaded)
        #expect(load.diagnostics.map(\.message).joined().contains("cannot be kept"))
        #expect(!loaded.index.isMapped)
        #expect(try blocks(loaded, "one.example"))
    }
}
