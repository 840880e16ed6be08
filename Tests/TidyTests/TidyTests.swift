import Foundation
import Testing

/// The house's own rules, held by reading the sources.
@Suite struct TidyTests {
    private let sources: [SourceFile]
    private let tests: [SourceFile]

    init() throws {
        sources = try SourceFile.all("Sources")
        // These tests speak of what they forbid.
        tests = try SourceFile.all("Tests").filter { $0.room != "TidyTests" }
        try #require(sources.count > 100 && tests.count > 50)
    }

    @Test func everyRoomIsKnown() throws {
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: SourceFile.packageFolder.appendingPathComponent("Sources").path)
        #expect(Set(folders) == Set(House.rooms.map(\.name)))
    }

    @Test func importsGoDownwards() {
        #expect(sources.flatMap(Check.imports).joined(separator: "\n") == "")
    }

    @Test func nothingEndsTheProcess() {
        let faults =
            sources.flatMap { Check.words($0, mayPrint: $0.room == "bellgate") }
            + tests.flatMap { Check.words($0, mayPrint: true) }
        #expect(faults.joined(separator: "\n") == "")
    }

    @Test func uncheckedNamesItsGuard() {
        let found = sources.map(Check.unchecked)
        #expect(found.flatMap(\.faults).joined(separator: "\n") == "")
        #expect(found.reduce(0) { $0 + $1.places } <= House.uncheckedBudget)
    }

    @Test func unsafeSaysWhyItMay() {
        #expect(sources.flatMap(Check.safety).joined(separator: "\n") == "")
    }

    @Test func lengths() {
        #expect((sources + tests).flatMap(Check.length).joined(separator: "\n") == "")
        #expect(sources.flatMap(Check.longFunctions).joined(separator: "\n") == "")
    }

    /// Each exception is still needed: a function that became short again leaves the list.
    @Test func exceptionsAreNeeded() {
        for (place, limit) in House.longFunctions {
            let lengths = sources.flatMap { file in
                Check.functions(file).filter { "\(file.name): \($0.name)" == place }.map(\.length)
            }
            #expect(lengths.max() == limit, "\(place)")
        }
    }

    @Test(arguments: House.rooms.filter { !$0.isC && $0.name != "bellgate" }.map(\.name))
    func roomHasItsPage(_ room: String) throws {
        let page = SourceFile.packageFolder.appendingPathComponent(
            "Sources/\(room)/\(room).docc/\(room).md")
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(text.hasPrefix("# ``\(room)``\n"))
        #expect(text.contains("### What must not be here\n"))
    }

    @Test(arguments: House.rooms.filter { !$0.isC && $0.name != "bellgate" }.map(\.name))
    func pageNamesWhatExists(_ room: String) throws {
        let page = SourceFile.packageFolder.appendingPathComponent(
            "Sources/\(room)/\(room).docc/\(room).md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let code = sources.flatMap(\.lines).filter { !$0.contains("//") }.joined(separator: "\n")
        // Every second part stands between double backticks.
        let links = text.components(separatedBy: "``").enumerated().filter { $0.offset % 2 == 1 }
        #expect(!links.isEmpty)
        for link in links.map(\.element) where link != room {
            let words = link.prefix { $0 != "(" }.split(separator: "/")
            #expect(words.allSatisfy { code.contains($0) }, "\(link)")
        }
    }
}

/// The checks find what they are there for: each is shown a fault, and something like it that is
/// none.
@Suite struct CheckTests {
    private func file(_ text: String, room: String = "DNSWire") -> SourceFile {
        SourceFile(
            path: "Sources/\(room)/File.swift",
            lines: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }

    @Test(arguments: [
        ("DNSWire", "import Foundation", false), ("DNSWire", "import Glibc", true),
        ("DNSWire", "public import LDNSBridge", false), ("DomainLists", "import LDNSBridge", false),
        ("PolicyFile", "public import DNSWire", true), ("PolicyFile", "import Foundation", true),
        ("PolicyFile", "import Forwarding", false), ("Forwarding", "import NIOCore", true),
        ("DNSServer", "import NIOCore", false),
        ("DecisionLog", "import struct Foundation.Date", false),
        ("DNSWire", "@testable import DNSServer", false), ("Cellar", "import Glibc", false),
        ("bellgate", "internal import ArgumentParser", true),
    ])
    func imports(_ row: (room: String, line: String, isFine: Bool)) {
        #expect(Check.imports(file(row.line, room: row.room)).isEmpty == row.isFine)
    }

    @Test(arguments: [
        ("let a = try! b()", false), ("let a = b as! C", false), ("fatalError(\"x\")", false),
        ("// try! is not used", true), ("let a = \"try! \"", true), ("print(a)", false),
        ("log.print(a)", true), ("let a = \"// \"; print(a)", false),
        ("// TO" + "DO: later", false), ("let a = try? b()", true), ("let blueprint = 1", true),
        ("func print(_ a: Int) {", true),
    ])
    func words(_ row: (line: String, isFine: Bool)) {
        #expect(Check.words(file(row.line), mayPrint: false).isEmpty == row.isFine)
        if row.line.contains("print(") {
            #expect(Check.words(file(row.line), mayPrint: true).isEmpty)
        }
    }

    @Test(arguments: [
        ("struct A: @unchecked Sendable {", false),
        ("// Touched only under the lock.\nstruct A: @unchecked Sendable {", true),
        ("/// Something else.\nnonisolated(unsafe) var a = 0", false),
        ("struct A: @unchecked Sendable {\n    // Guarded by being constant.", true),
        ("// It holds a lock.\n\n\n\n\n\n\n\n\n\nstruct A: @unchecked Sendable {", false),
    ])
    func unchecked(_ row: (text: String, isFine: Bool)) {
        let found = Check.unchecked(file(row.text))
        #expect(found.places == 1 && found.faults.isEmpty == row.isFine)
    }

    @Test func safety() {
        #expect(!Check.safety(file("let a = unsafe b[0]")).isEmpty)
        #expect(Check.safety(file("// SAFETY: it is there.\nlet a = unsafe b[0]")).isEmpty)
        #expect(Check.safety(file("// unsafe\nlet unsafeThing = \"unsafe\"")).isEmpty)
    }

    @Test func lengths() {
        let body = String(repeating: "        a()\n", count: House.functionLines - 2)
        let fine = "    public static func long(\n    ) {\n\(body.dropFirst(12))    }\n"
        #expect(Check.functions(file(fine)).map(\.length) == [House.functionLines])
        #expect(Check.longFunctions(file(fine)).isEmpty)
        #expect(Check.longFunctions(file(fine.replacing(") {", with: ") {\n"))).count == 1)
        let lines = String(repeating: "\n", count: House.fileLines)
        #expect(Check.length(file(lines)).isEmpty)
        #expect(!Check.length(file(lines + "\n")).isEmpty)
    }
}
