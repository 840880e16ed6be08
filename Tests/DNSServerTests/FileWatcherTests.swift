import DNSServer
import Foundation
import Glibc
import Testing

/// Changes of a file are noticed however they come about.
@Suite struct FileWatcherTests {
    /// A folder that goes away with the test.
    private final class Place {
        let path = "/tmp/bgw-" + UUID().uuidString.prefix(13)

        init() throws { try make("") }
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func make(_ folder: String) throws {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(folder)", withIntermediateDirectories: true)
        }
        /// Writes a file, and waits until it is closed: a process that another test starts meanwhile
        /// has it open too, until it becomes another program.
        func write(_ name: String, _ text: String = "x") throws {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
            let descriptor = unsafe open("\(path)/\(name)", O_RDONLY | O_CLOEXEC)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            // A lease for reading is granted when nobody has the file open for writing: fcntl(2),
            // F_SETLEASE.
            let setLease: Int32 = 1024
            let end = ContinuousClock.now + .seconds(10)
            while fcntl(descriptor, setLease, Int32(F_RDLCK)) != 0 {
                try #require(errno == EAGAIN && ContinuousClock.now < end)
                usleep(100)
            }
            try #require(fcntl(descriptor, setLease, Int32(F_UNLCK)) == 0)
        }
        func link(_ name: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: "\(path)/\(name)", withDestinationPath: target)
        }
        func move(_ name: String, to other: String) {
            #expect(unsafe rename("\(path)/\(name)", "\(path)/\(other)") == 0)
        }
        func remove(_ name: String) throws {
            try FileManager.default.removeItem(atPath: "\(path)/\(name)")
        }
    }

    private let place: Place
    private let watcher: FileWatcher

    init() throws {
        place = try Place()
        watcher = try #require(FileWatcher())
    }

    private func watch(_ name: String) { watcher.watch(["\(place.path)/\(name)"]) }

    @Test func aFileIsWrittenRenamedRemovedAndMade() throws {
        try place.write("policy.yaml")
        watch("policy.yaml")
        #expect(!watcher.takeEvents())
        try place.write("policy.yaml")
        #expect(watcher.takeEvents())
        try place.write("other.yaml")
        try place.write(".policy.yaml.swp")
        try place.write("policy.yaml~")
        #expect(!watcher.takeEvents())
        place.move("other.yaml", to: "policy.yaml")
        #expect(watcher.takeEvents())
        try place.remove("policy.yaml")
        #expect(watcher.takeEvents())
        try place.write("policy.yaml")
        #expect(watcher.takeEvents())
    }

    @Test func aNameLikeThoseOfEditorsCountsWhereItIsTheFilesOwn() throws {
        try place.write(".policy~")
        watch(".policy~")
        try place.write(".policy~")
        #expect(watcher.takeEvents())
    }

    @Test func everythingInAFolderCountsButEditorsFiles() throws {
        try place.make("services")
        watch("services")
        try place.write("services/games.yaml")
        #expect(watcher.takeEvents())
        try place.write("services/.games.yaml.swp")
        try place.write("services/games.yaml~")
        try place.write("beside.yaml")
        #expect(!watcher.takeEvents())
    }

    @Test func aLinkIsWatchedWhereItLiesAndWhereItLeads() throws {
        for folder in ["one", "two"] {
            try place.make(folder)
            try place.write("\(folder)/policy.yaml")
        }
        try place.link("policy.yaml", to: "one/policy.yaml")
        watch("policy.yaml")
        try place.write("one/policy.yaml")
        #expect(watcher.takeEvents(), "written where the link leads")
        try place.write("one/new")
        place.move("one/new", to: "one/policy.yaml")
        #expect(watcher.takeEvents(), "another file where the link leads")
        try place.write("two/policy.yaml")
        #expect(!watcher.takeEvents())
        try place.link("new", to: "\(place.path)/two/policy.yaml")
        place.move("new", to: "policy.yaml")
        #expect(watcher.takeEvents(), "the link leads elsewhere")
        watch("policy.yaml")
        _ = watcher.takeEvents()
        try place.write("one/policy.yaml")
        #expect(!watcher.takeEvents(), "no longer where it led")
        try place.write("two/policy.yaml")
        #expect(watcher.takeEvents())
    }

    /// As container platforms do it: the file is a link through a link to a folder, and that one
    /// is turned.
    @Test func aLinkedFolderOnTheWayIsTurned() throws {
        for folder in ["..one", "..two"] {
            try place.make(folder)
            try place.write("\(folder)/policy.yaml")
        }
        try place.link("..data", to: "..one")
        try place.link("policy.yaml", to: "..data/policy.yaml")
        watch("policy.yaml")
        try place.link("..new", to: "..two")
        place.move("..new", to: "..data")
        #expect(watcher.takeEvents())
        watch("policy.yaml")
        _ = watcher.takeEvents()
        try place.write("..two/policy.yaml")
        #expect(watcher.takeEvents())
    }

    @Test func aWholeFolderIsReplacedByAnother() throws {
        for folder in ["college", "new"] {
            try place.make("\(folder)/policies")
            try place.write("\(folder)/policies/policy.yaml")
        }
        watch("college/policies/policy.yaml")
        place.move("college", to: "old")
        place.move("new", to: "college")
        #expect(watcher.takeEvents())
        watch("college/policies/policy.yaml")
        _ = watcher.takeEvents()
        try place.write("old/policies/policy.yaml")
        #expect(!watcher.takeEvents())
        try place.write("college/policies/policy.yaml")
        #expect(watcher.takeEvents())
    }

    @Test func linksThatGoRoundEnd() throws {
        try place.link("a", to: "b")
        try place.link("b", to: "a")
        watch("a/policy.yaml")
        #expect(!watcher.takeEvents())
        try place.remove("a")
        #expect(watcher.takeEvents())
    }
}
