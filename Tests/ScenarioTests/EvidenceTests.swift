import DecisionLog
import Foundation
import Testing

/// What one device did is written out whole, sealed and on record, and nothing of anybody else.
@Suite(.scenario) struct EvidenceTests {
    private let pupil = "127.0.20.7"
    private let friend = "127.0.20.8"

    private static let college = ConcernCollege(
        blocking: "malware.example.net", supportedBy: "childline.example.net")

    /// A server that two devices of a group have asked.
    private func server() throws -> TestServer {
        let server = try TestServer(
            Self.college.policy, files: Self.college.files, upstreams: ["demo"],
            at: "2026-11-23 10:00:00")
        for _ in 0..<3 { _ = try server.ask("malware.example.net", from: pupil) }
        _ = try server.ask("www.childline.example.net", from: pupil)
        _ = try server.ask("mine.example.com", from: pupil)
        _ = try server.ask("theirs.example.com", from: friend)
        return server
    }

    private func export(_ server: TestServer, _ out: String, _ more: [String] = []) throws -> Run {
        try server.run(
            [
                "evidence", "export", "--since", "2026-11-23T00:00:00Z", "--until",
                "2026-11-24T00:00:00Z", "--reason", "Concern 12", "--authorised-by", "dsl",
                "--out", "\(server.folder.path)/\(out)",
            ] + (more.contains("--device") ? more : ["--device", pupil] + more))
    }

    private func entries(_ server: TestServer) throws -> [AuditEntry] {
        try AuditTrail.read(directory: "\(server.folder.path)/log").entries
    }

    private func verify(_ server: TestServer, _ out: String) throws -> Run {
        try server.run(["evidence", "verify", "\(server.folder.path)/\(out)"])
    }

    @Test func theRowsOfOneDeviceAreWrittenOut() throws {
        let server = try server()
        let before = try entries(server).count
        let run = try export(server, "case")
        #expect(run.status == 0, "\(run.errors)")
        let rows = server.folder.read("case/rows.csv").split(separator: "\r\n")
        #expect(rows.count == 5 && rows.dropFirst().allSatisfy { $0.contains(",\(pupil),") })
        let all = ["rows.csv", "summary.html", "evidence.json", "SHA256SUMS"].map {
            server.folder.read("case/\($0)")
        }
        for text in all {
            #expect(!text.contains(friend) && !text.contains("theirs"), "another's")
            #expect(!text.contains("childline"), "a help line")
        }
        #expect(all[1].contains("Harmful to everyone") && all[1].contains("malware.example.net"))
        let about = try JSONSerialization.jsonObject(with: Data(all[2].utf8)) as? [String: Any]
        #expect(about?["rows"] as? Int == 4 && about?["reason"] as? String == "Concern 12")
        #expect(about?["address"] as? String == pupil && about?["logIsSound"] as? Bool == true)

        let trail = Array(try entries(server).dropFirst(before))
        #expect(trail.map(\.kind) == [.look, .evidence])
        #expect(trail.map(\.reason) == .init(repeating: "Concern 12 (authorised by dsl)", count: 2))
        #expect(trail[1].rows == 4 && trail[1].look == trail[0].number)
        #expect(trail[0].question.hasPrefix("evidence export --since 2026-11-23T00:00:00Z "))
        #expect(try server.run(["log", "verify"]).status == 0)
        let manager = FileManager.default
        for name in ["rows.csv", "summary.html", "evidence.json", "SHA256SUMS", ""] {
            let path = "\(server.folder.path)/case/\(name)"
            let mode = try manager.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == (name.isEmpty ? 0o700 : 0o600), "\(name)")
        }
        let plain = try Run(
            "/usr/bin/sha256sum", ["-c", "SHA256SUMS"], in: "\(server.folder.path)/case")
        #expect(plain.status == 0, "\(plain.output)")
    }

    @Test func whatWasChangedIsSeen() throws {
        let server = try server()
        #expect(try export(server, "case").status == 0)
        let whole = try verify(server, "case")
        #expect(whole.status == 0 && whole.output.contains("as it was written out"))
        #expect(whole.output.contains("Concern 12 (authorised by dsl)"))
        let rows = server.folder.read("case/rows.csv")
        try server.folder.write(rows.replacing("malware", with: "farming"), to: "case/rows.csv")
        let changed = try verify(server, "case")
        #expect(changed.status == 1 && changed.errors.contains("rows.csv: was changed"))
        // A digest that was made to fit does not fit the log's trail.
        let sum = try Run("/usr/bin/sha256sum", ["rows.csv"], in: "\(server.folder.path)/case")
        let sums = server.folder.read("case/SHA256SUMS").split(separator: "\n").map(String.init)
        try server.folder.write(
            ([sum.output.trimmingCharacters(in: .newlines)] + sums.dropFirst())
                .map { "\($0)\n" }.joined(), to: "case/SHA256SUMS")
        let fitted = try verify(server, "case")
        #expect(fitted.status == 1 && fitted.errors.contains("knows nothing of it"))
        #expect(!fitted.errors.contains("was changed\n"))
        try server.folder.write(rows, to: "case/rows.csv")
        try server.folder.write(sums.map { "\($0)\n" }.joined(), to: "case/SHA256SUMS")
        #expect(try verify(server, "case").status == 0)
        try server.folder.write("more", to: "case/notes.txt")
        #expect(try verify(server, "case").errors.contains("notes.txt: was added"))
        try FileManager.default.removeItem(atPath: "\(server.folder.path)/case/notes.txt")
        try FileManager.default.removeItem(atPath: "\(server.folder.path)/case/summary.html")
        #expect(try verify(server, "case").errors.contains("summary.html: is missing"))
        #expect(try verify(server, "nothing").status == 1)
    }

    /// Section 5: what is shared with parents is about one device, in plain words, decided by the
    /// safeguarding lead, and on record as a disclosure.
    @Test func parentsGetASummaryOfOneDevice() throws {
        let server = try server()
        let pseudonym = try #require(
            try server.run(["log", "query", "--name", "mine.example.com", "--format", "jsonl"])
                .jsonLines.first?["client"] as? String)
        let run = try export(server, "meeting", ["--device", pseudonym, "--to", "parents"])
        #expect(run.status == 0, "\(run.errors)")
        let files = try FileManager.default.contentsOfDirectory(
            atPath: "\(server.folder.path)/meeting")
        #expect(files.sorted() == ["SHA256SUMS", "evidence.json", "summary.html"])
        let page = server.folder.read("meeting/summary.html")
        #expect(!page.contains(friend) && !page.contains("theirs") && !page.contains("childline"))
        #expect(
            page.contains("<b>1</b> attempt at what the policy marks as a safeguarding concern"))
        #expect(page.contains("<b>1</b> questions") && page.contains("<b>3</b> were blocked"))
        #expect(page.contains("authorised by") && page.contains("Concern 12"))
        #expect(try entries(server).last?.kind == .disclosure)
        #expect(try verify(server, "meeting").status == 0)
    }

    @Test func whatIsMissingIsRefused() throws {
        let server = try server()
        let before = try entries(server).count
        for (more, told) in [
            (["--authorised-by", "it"], "has no right to decide"),
            (["--reason", "  "], "Say why"),
            (["--until", "2026-11-22T00:00:00Z"], "is not before"),
            (["--to", "parents", "--with-support-services"], "no rows about support services"),
            (["--until", "soon"], "is no instant"),
        ] {
            let run = try export(server, "case", more)
            #expect(run.status == 2 && run.errors.contains(told), "\(more): \(run.errors)")
        }
        #expect(try entries(server).count == before, "nothing was looked at")
        // A device that nobody knows leaves no folder; the attempt is on record.
        let nobody = try export(server, "case", ["--device", "no-such-device"])
        #expect(nobody.status == 1 && nobody.errors.contains("nothing was recorded of"))
        #expect(try entries(server).count == before + 1)
        #expect(!FileManager.default.fileExists(atPath: "\(server.folder.path)/case"))
        #expect(try export(server, "case", ["--with-support-services"]).status == 0)
        #expect(server.folder.read("case/rows.csv").contains("childline"))
        let again = try export(server, "case")
        #expect(again.status == 1 && again.errors.contains("is there already"))
        #expect(server.folder.read("case/rows.csv").contains("childline"))
    }
}
