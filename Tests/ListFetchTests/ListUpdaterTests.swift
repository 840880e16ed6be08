import DomainLists
import Foundation
import ListFetch
import PolicyFile
import Testing
import WebServer

/// One list, its server, its folder and its clock.
private final class ListUnderTest {
    let folder: String
    let copies: ListCopies
    var list: WebList
    var now: Int64 = 1_800_000_000
    var limits = FetchLimits(octets: 1 << 20, seconds: 20, connectSeconds: 5)

    init(_ url: String) throws {
        folder = FileManager.default.temporaryDirectory.path + "/lists-" + UUID().uuidString
        copies = ListCopies(folder: folder + "/lists")
        list = WebList(
            name: "feed", url: url, everySeconds: 86_400, mayRedirectInside: false, format: nil,
            match: nil)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func update() -> ListUpdate {
        ListUpdater(copies: copies, limits: limits, now: { [now] in now }).update(list)
    }
    func accept() -> ListUpdate { ListUpdater(copies: copies, now: { [now] in now }).accept(list) }
    var state: ListCopyState { copies.state(of: list.url) }
    var copy: String? { try? String(contentsOfFile: copies.path(of: list.url), encoding: .utf8) }
}

private func names(_ count: Int) -> String {
    (0..<count).map { "name\($0).example\n" }.joined()
}

extension ListUpdate {
    /// A failure where there was to be none is told with its reason.
    fileprivate var changedNames: Int? {
        if case .changed(let names, _) = self { return names }
        Issue.record("no change, but \(self)")
        return nil
    }
    fileprivate var failure: String? {
        if case .failed(let reason) = self { return reason }
        return nil
    }
    fileprivate var holding: String? {
        if case .held(let reason) = self { return reason }
        return nil
    }
    fileprivate var isUnchanged: Bool {
        if case .unchanged = self { return true }
        return false
    }
}

@Suite struct ListUpdaterTests {
    @Test func asksOnlyForWhatIsNew() throws {
        let server = try WebServer { request in
            request.headers["if-none-match"] == "\"one\""
                ? .init(status: 304) : .init(names(10), headers: ["ETag": "\"one\""])
        }
        let it = try ListUnderTest(server.url("/feed"))
        #expect(it.update().changedNames == 10)
        #expect(it.copy == names(10))
        #expect(it.state.currentAt == it.now && it.state.changedAt == it.now)
        let first = it.now
        it.now += 86_400
        #expect(it.update().isUnchanged)
        #expect(it.state.currentAt == it.now && it.state.changedAt == first)
        #expect(server.seen.map { $0.headers["if-none-match"] } == [nil, "\"one\""])
    }

    @Test func asksByTimeWhereThereIsNoTag() throws {
        let date = "Tue, 24 Nov 2026 10:00:00 GMT"
        let server = try WebServer { request in
            request.headers["if-modified-since"] == date
                ? .init(status: 304) : .init(names(3), headers: ["Last-Modified": date])
        }
        let it = try ListUnderTest(server.url("/feed"))
        #expect(it.update().changedNames == 3)
        #expect(it.update().isUnchanged)
    }

    @Test func aCopyThatIsNotWholeIsFetchedWhole() throws {
        let server = try WebServer { request in
            request.headers["if-none-match"] != nil
                ? .init(status: 304) : .init(names(10), headers: ["ETag": "\"one\""])
        }
        let it = try ListUnderTest(server.url("/feed"))
        _ = it.update()
        try "name0.exa".write(
            toFile: it.copies.path(of: it.list.url), atomically: true, encoding: .utf8)
        #expect(it.update().changedNames == 10)
        #expect(it.copy == names(10))
        try FileManager.default.removeItem(atPath: it.copies.path(of: it.list.url))
        #expect(it.update().changedNames == 10)
        #expect(it.copy == names(10))
    }

    @Test func theSameContentsWithoutAConditionAreUnchanged() throws {
        let server = try WebServer { _ in .init(names(10)) }
        let it = try ListUnderTest(server.url("/feed"))
        _ = it.update()
        #expect(it.update().isUnchanged)
    }

    @Test(arguments: [
        (names(49), "49 names, where there were 100"), ("", "empty"),
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "a web page"),
        ("\n <html>\n", "a web page"),
        ("!!! ???\n*** ***\n", "can be used"),
        (names(60) + String(repeating: "??? ???\n", count: 70), "70 of their lines"),
    ]) func contentsThatLookWrongAreHeldBack(contents: String, reason: String) throws {
        let server = try WebServer { _ in .init(names(100)) }
        let it = try ListUnderTest(server.url("/feed"))
        it.list.format = .domains
        _ = it.update()
        let current = it.state.currentAt
        server.answers { _ in .init(contents) }
        it.now += 90_000
        let update = it.update()
        #expect(update.holding?.contains(reason) == true, "\(update)")
        #expect(it.copy == names(100))
        #expect(it.state.currentAt == current)
        #expect(it.state.held?.at == it.now)
        // Better contents end it.
        server.answers { _ in .init(names(50)) }
        #expect(it.update().changedNames == 50)
        #expect(it.state.held == nil)
        #expect(!FileManager.default.fileExists(atPath: it.copies.heldPath(of: it.list.url)))
    }

    @Test func aFirstCopyIsLookedThroughToo() throws {
        let server = try WebServer { _ in .init("<html>Sign in to the network</html>") }
        let it = try ListUnderTest(server.url("/feed"))
        #expect(it.update().holding != nil)
        #expect(it.copy == nil)
        #expect(it.state.currentAt == nil)
    }

    @Test func aPersonTakesWhatWasHeldBack() throws {
        let server = try WebServer { _ in .init(names(100)) }
        let it = try ListUnderTest(server.url("/feed"))
        #expect(it.accept().failure?.contains("nothing of it is held back") == true)
        _ = it.update()
        server.answers { _ in .init(names(7)) }
        _ = it.update()
        #expect(it.accept().changedNames == 7)
        #expect(it.copy == names(7))
        #expect(it.state.held == nil && it.state.names == 7)
        // The server still has them, and they are no news.
        #expect(it.update().isUnchanged)
    }

    @Test func heldContentsThatWereChangedAreNotTaken() throws {
        let server = try WebServer { _ in .init(names(100)) }
        let it = try ListUnderTest(server.url("/feed"))
        _ = it.update()
        server.answers { _ in .init(names(7)) }
        _ = it.update()
        try "evil.example".write(
            toFile: it.copies.heldPath(of: it.list.url), atomically: true, encoding: .utf8)
        #expect(it.accept().failure != nil)
        #expect(it.copy == names(100))
    }

    @Test(arguments: [404, 403, 429, 500, 503, 204, 206]) func troubleLeavesTheCopy(status: Int)
        throws
    {
        let server = try WebServer { _ in .init(names(10)) }
        let it = try ListUnderTest(server.url("/feed"))
        _ = it.update()
        server.answers { _ in .init(names(20), status: status) }
        #expect(it.update().failure?.contains("\(status)") == true)
        #expect(it.copy == names(10))
        #expect(it.state.problem != nil)
        server.answers { _ in .init(names(20)) }
        #expect(it.update().changedNames == 20)
        #expect(it.state.problem == nil && it.state.failures == 0)
    }

    @Test func whatBreaksOffInTheMiddleIsNotTaken() throws {
        let server = try WebServer { _ in .init(names(10)) }
        let it = try ListUnderTest(server.url("/feed"))
        _ = it.update()
        server.answers { _ in
            var answer = WebServer.Answer(names(100))
            answer.brokenOffAt = 600
            return answer
        }
        #expect(it.update().failure?.contains("broke off") == true)
        #expect(it.copy == names(10))
        #expect(try FileManager.default.contentsOfDirectory(atPath: it.copies.folder).count == 2)
    }

    @Test func aServerThatHangsIsGivenUp() throws {
        let server = try WebServer { _ in
            var answer = WebServer.Answer(names(100))
            (answer.brokenOffAt, answer.hangs) = (100, true)
            return answer
        }
        let it = try ListUnderTest(server.url("/feed"))
        it.limits.slowSeconds = 1
        let begun = ContinuousClock.now
        #expect(it.update().failure?.contains("took too long") == true)
        #expect(ContinuousClock.now - begun < .seconds(15))
        #expect(it.copy == nil)
    }

    @Test func whatIsTooLargeIsNotTaken() throws {
        let server = try WebServer { _ in .init(names(100_000)) }
        let it = try ListUnderTest(server.url("/feed"))
        #expect(it.update().failure?.contains("more than the 1048576 octets") == true)
        #expect(it.copy == nil)
    }

    @Test func aClosedPortIsAFailure() throws {
        let server = try WebServer { _ in .init() }
        let it = try ListUnderTest(server.url("/feed"))
        server.stop()
        #expect(it.update().failure?.contains("cannot be reached") == true)
        it.list.url = "http://no-such-host.invalid/"
        #expect(it.update().failure?.contains("cannot be resolved") == true)
    }

    @Test(arguments: [301, 302, 303, 307, 308]) func redirectionsDoNotLeadInside(status: Int) throws
    {
        let server = try WebServer { request in
            request.path == "/moved"
                ? .init(names(5)) : .init(status: status, headers: ["Location": "/moved"])
        }
        let it = try ListUnderTest(server.url("/feed"))
        let refusal = it.update().failure
        #expect(refusal?.contains("an address of the own network") == true, "\(refusal ?? "")")
        #expect(server.seen.map(\.path) == ["/feed"])
        it.list.mayRedirectInside = true
        #expect(it.update().changedNames == 5)
    }

    @Test(arguments: [
        "http://[::1]:1/", "http://localhost:1/", "http://10.0.0.1/", "http://169.254.169.254/x",
        "http://[::ffff:127.0.0.1]:1/", "http://0.0.0.0:1/", "http://127.1:1/",
    ]) func noFormOfAnAddressLeadsInside(target: String) throws {
        let server = try WebServer { _ in .init(status: 302, headers: ["Location": target]) }
        let it = try ListUnderTest(server.url("/feed"))
        #expect(it.update().failure?.contains("an address of the own network") == true)
    }

    @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/"])
    func redirectionsLeadToNothingElse(target: String) throws {
        let server = try WebServer { _ in .init(status: 302, headers: ["Location": target]) }
        let it = try ListUnderTest(server.url("/feed"))
        it.list.mayRedirectInside = true
        #expect(it.update().failure != nil)
        #expect(it.copy == nil)
    }

    @Test func aCircleOfRedirectionsEnds() throws {
        let server = try WebServer { _ in .init(status: 302, headers: ["Location": "/feed"]) }
        let it = try ListUnderTest(server.url("/feed"))
        it.list.mayRedirectInside = true
        #expect(it.update().failure?.contains("more than 5 times") == true)
        #expect(server.seen.count == 6)
    }

    @Test func comesBackLaterAfterFailures() throws {
        let server = try WebServer { _ in .init(status: 500) }
        let it = try ListUnderTest(server.url("/feed"))
        var waits: [Int64] = []
        for _ in 0..<14 {
            _ = it.update()
            waits.append(it.state.dueAt - it.now)
            it.now = it.state.dueAt
        }
        #expect((54...60).contains(waits[0]) && (108...120).contains(waits[1]))
        #expect((19_440...21_600).contains(waits[13]))
        server.answers { _ in .init(names(2)) }
        _ = it.update()
        // Up to a tenth earlier than every 24 hours, and not for every school at the same second.
        #expect((77_760...86_400).contains(it.state.dueAt - it.now))
        // A policy that asks for it more often is heard at once.
        it.list.everySeconds = 600
        #expect(ListUpdater.due(it.list, it.state) == it.now + 600)
    }

    @Test func notesThatCannotBeReadAreNotBelieved() throws {
        let server = try WebServer { _ in .init(names(10), headers: ["ETag": "\"one\""]) }
        let it = try ListUnderTest(server.url("/feed"))
        _ = it.update()
        let notes = it.copies.path(of: it.list.url).replacing(".list", with: ".json")
        try "{\"url\": 3".write(toFile: notes, atomically: true, encoding: .utf8)
        #expect(it.state.digest.isEmpty)
        #expect(it.update().changedNames == 10)
    }

    @Test func filesAreForTheServersUserAlone() throws {
        let server = try WebServer { _ in .init(names(10)) }
        let it = try ListUnderTest(server.url("/feed"))
        _ = it.update()
        let manager = FileManager.default
        let modes = try manager.contentsOfDirectory(atPath: it.copies.folder).map {
            try manager.attributesOfItem(atPath: "\(it.copies.folder)/\($0)")[.posixPermissions]
                as? Int
        }
        #expect(modes == [0o600, 0o600])
        let folder = try manager.attributesOfItem(atPath: it.copies.folder)
        #expect(folder[.posixPermissions] as? Int == 0o700)
    }

    /// What `tar`, `gzip` and others make of files.
    private static func packed(_ command: String, _ files: [String: String]) throws -> [UInt8] {
        let folder = FileManager.default.temporaryDirectory.path + "/pack-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (path, text) in files {
            let file = URL(fileURLWithPath: "\(folder)/\(path)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        ChildProcess("/bin/sh", ["-c", "cd \(folder) && \(command) > packed"])?.wait()
        return try Array(Data(contentsOf: URL(fileURLWithPath: "\(folder)/packed")))
    }

    @Test(arguments: [
        "tar -cz adult", "tar -c adult", "tar -cJ adult", "tar -cj adult", "gzip -c adult/domains",
        "xz -c adult/domains",
    ]) func takesListsOutOfArchives(command: String) throws {
        let archive = try Self.packed(
            command,
            ["adult/domains": names(10), "adult/urls": "x.example/y\n", "adult/usage": "black\n"])
        let server = try WebServer { _ in .init(octets: archive) }
        let it = try ListUnderTest(server.url("/adult.tar.gz"))
        let update = it.update()
        #expect(update.changedNames == 10, "\(update)")
        #expect(it.copy == names(10))
        #expect(it.update().isUnchanged)
        // One that is cut in half changes nothing.
        server.answers { _ in .init(octets: Array(archive.prefix(archive.count / 3))) }
        #expect(!it.update().isUnchanged)
        #expect(it.copy == names(10))
    }

    @Test func anArchiveWithoutOneListIsRefused() throws {
        let archive = try Self.packed("tar -cz a b", ["a/domains": "x.example", "b/domains": "y"])
        let server = try WebServer { _ in .init(octets: archive) }
        let it = try ListUnderTest(server.url("/all.tar.gz"))
        #expect(it.update().failure?.contains("2 files, and not just one called domains") == true)
    }

    @Test func aSmallFileThatUnpacksToAnEndlessOneIsRefused() throws {
        let bomb = try Self.packed(
            "gzip -c zeros", ["zeros": String(repeating: "a", count: 8 << 20)])
        #expect(bomb.count < 100_000)
        let server = try WebServer { _ in .init(octets: bomb) }
        let it = try ListUnderTest(server.url("/bomb.gz"))
        #expect(it.update().failure?.contains("unpacked it has more than") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: it.copies.folder).count == 1)
    }
}
