import Foundation
import PolicyEngine
import PolicyFile
import Testing

/// Runs the built binary as a person would; the tests are quiet where it was not built.
private struct Run {
    let status: Int32
    let output: String
    let errors: String

    var json: [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(output.utf8))) as? [String: Any]
    }

    init?(_ arguments: [String], in folder: TemporaryFolder) throws {
        let bundle = URL(fileURLWithPath: CommandLine.arguments.first ?? "")
        let places = [bundle, Bundle.main.bundleURL.appendingPathComponent("x")]
        let binary = places.map {
            $0.deletingLastPathComponent().appendingPathComponent("bellgate")
        }
        .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        guard let binary else { return nil }
        let process = Process()
        process.executableURL = binary
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        let outputPath = folder.path + "/.out"
        let errorPath = folder.path + "/.err"
        for path in [outputPath, errorPath] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        try process.run()
        process.waitUntilExit()
        status = process.terminationStatus
        output = try String(contentsOfFile: outputPath, encoding: .utf8)
        errors = try String(contentsOfFile: errorPath, encoding: .utf8)
    }
}

/// As the program is asked today, and not on a day of the test's own: a term that has ended would be
/// warned of.
private let lasting = sound.replacing("to 2026-12-18", with: "to 2099-12-18")

private func soundFolder() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    try folder.write(lasting, to: "policy.yaml")
    try folder.write("policy: policy.yaml\n", to: "bellgate.yaml")
    return folder
}

@Test(arguments: [
    ["check", "--policy", "policy.yaml"], ["check", "--config", "bellgate.yaml"], ["check"],
    ["explain", "a.example", "--group", "staff", "--policy", "policy.yaml"],
    ["explain", "a.example.", "--client", "10.30.0.1", "--config", "bellgate.yaml", "--json"],
    ["--help"], ["check", "--help"], ["help", "explain"],
])
func rightUsageEndsWithZeroAndNoErrors(arguments: [String]) throws {
    guard let run = try Run(arguments, in: soundFolder()) else { return }
    #expect(run.status == 0)
    #expect(run.errors == "")
    #expect(!run.output.isEmpty)
}

@Test(arguments: [
    [], ["chekc"], ["check", "--polcy", "policy.yaml"], ["check", "--policy"],
    ["check", "--policy", "policy.yaml", "--config", "bellgate.yaml"], ["explain"],
    ["explain", "a.example", "--policy", "policy.yaml"],
    ["explain", "a.example", "--group", "staff"],
    [
        "explain", "a.example", "--group", "staff", "--client", "10.0.0.1", "--policy",
        "policy.yaml",
    ],
    ["explain", "a.example", "--client", "10.0.0", "--policy", "policy.yaml"],
    ["explain", "a..example", "--group", "staff", "--policy", "policy.yaml"],
    ["explain", "a.example", "--group", "staff", "--policy", "policy.yaml", "--at", "10:30"],
    ["explain", "a.example", "--group", "staff", "--policy", "policy.yaml", "--type", "B"],
])
func wrongUsageEndsWithTwo(arguments: [String]) throws {
    guard let run = try Run(arguments, in: soundFolder()) else { return }
    #expect(run.status == 2)
    #expect(run.output == "")
    #expect(!run.errors.isEmpty)
}

@Test(arguments: [
    ["check", "--policy", "nowhere.yaml"], ["check", "--config", "nowhere.yaml"],
    ["check", "--policy", "bellgate.yaml"],
    ["explain", "a.example", "--group", "stuff", "--policy", "policy.yaml"],
    ["explain", "a.example", "--group", "staff", "--policy", "nowhere.yaml"],
])
func whatIsWrongEndsWithOne(arguments: [String]) throws {
    guard let run = try Run(arguments, in: soundFolder()) else { return }
    #expect(run.status == 1)
    #expect(!run.errors.isEmpty)
}

@Test func checkPrintsEachMistakeWithItsPlace() throws {
    let folder = try soundFolder()
    try folder.write(lasting.replacing(" during:", with: " durng:"), to: "policy.yaml")
    guard let run = try Run(["check", "--policy", "policy.yaml"], in: folder) else { return }
    #expect(run.status == 1)
    let lines = run.errors.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(
        lines.allSatisfy {
            $0.hasPrefix("policy.yaml:") && $0.hasSuffix("did you mean \"during\"?")
        })
    #expect(run.output.contains("2 errors"))
}

@Test func checkAnswersProgramsWithTheNamedKeys() throws {
    let folder = try soundFolder()
    guard let run = try Run(["check", "--policy", "policy.yaml", "--json"], in: folder) else {
        return
    }
    let json = try #require(run.json)
    #expect(
        Set(json.keys) == [
            "ok", "policy", "hash", "errors", "warnings", "exceptions", "tests", "counts", "lists",
        ])
    #expect(json["ok"] as? Bool == true)
    let counts = try #require(json["counts"] as? [String: Int])
    #expect(
        counts == [
            "rules": 4, "lists": 5, "names": 8, "groups": 3, "periods": 3, "devices": 0,
            "exceptions": 0, "unusableLines": 0,
        ])
    let tests = try #require(json["tests"] as? [[String: Any]])
    #expect(tests.count == 5)
    #expect(Set(tests[0].keys) == ["line", "group", "at", "ask", "expect", "got", "by", "ok"])
    #expect(tests[2]["client"] as? String == "10.21.4.7")
    let lists = try #require(json["lists"] as? [[String: Any]])
    #expect(
        lists.compactMap { $0["format"] as? String } == [
            "catalogue", "catalogue", "catalogue", "hosts", "domains",
        ])
    try folder.write("bellgate: 1\n", to: "policy.yaml")
    let broken = try #require(try Run(["check", "--policy", "policy.yaml", "--json"], in: folder))
    #expect(broken.status == 1)
    #expect(broken.errors == "")
    let errors = try #require(broken.json?["errors"] as? [[String: Any]])
    #expect(errors.count == 3)
    #expect(Set(errors[0].keys) == ["file", "line", "column", "message", "hint"])
}

@Test func explainAnswersProgramsWithTheNamedKeys() throws {
    let folder = try soundFolder()
    let question = [
        "explain", "WWW.chat.example.com.", "--client", "10.30.0.1", "--at", "2026-11-23 10:29:59",
        "--type", "aaaa", "--policy", "policy.yaml", "--json",
    ]
    guard let run = try Run(question, in: folder) else { return }
    let json = try #require(run.json)
    #expect(
        Set(json.keys) == [
            "verdict", "group", "client", "device", "name", "type", "at", "rule", "reason",
            "category",
            "list", "listFile", "listLine", "matched", "service", "period", "changesAt", "ttlLimit",
            "policy", "considered",
        ])
    #expect(json["verdict"] as? String == "block")
    #expect(json["name"] as? String == "www.chat.example.com")
    #expect(json["type"] as? String == "AAAA")
    #expect(json["rule"] as? String == "staff-breaks-only")
    #expect(json["ttlLimit"] as? Int == 1)
    #expect(json["changesAt"] as? String == "2026-11-23T10:30:00+00:00")
    #expect((json["considered"] as? [[String: String]])?.first?["rule"] == "harm")
}

@Test func explainAnswersEveryKeyOfTheContractWithNullForWhatIsAbsent() throws {
    let folder = try soundFolder()
    let question = [
        "explain", "a.example", "--client", "192.0.2.9", "--policy", "policy.yaml", "--json",
    ]
    guard let run = try Run(question, in: folder) else { return }
    #expect(run.status == 0)
    let json = try #require(run.json)
    #expect(
        Set(json.keys) == [
            "verdict", "group", "client", "device", "name", "type", "at", "rule", "reason",
            "category",
            "list", "listFile", "listLine", "matched", "service", "period", "changesAt", "ttlLimit",
            "policy", "considered",
        ])
    #expect(
        Set(json.filter { $0.value is NSNull }.keys) == [
            "group", "device", "rule", "category", "list", "listFile", "listLine", "matched",
            "service",
            "period", "changesAt", "ttlLimit",
        ])
    #expect(json["reason"] as? String == "unknown device")
}

@Test func explainSaysInWordsWhatDecides() throws {
    let folder = try soundFolder()
    let question = [
        "explain", "www.chat.example.com", "--group", "staff", "--at", "2026-11-23T10:30",
        "--policy", "policy.yaml",
    ]
    guard let run = try Run(question, in: folder) else { return }
    #expect(run.output.hasPrefix("ALLOW"))
    #expect(run.output.contains("No rule matched; the policy's default is allow."))
    #expect(run.output.contains("staff-breaks-only: excepted during break"))
    #expect(run.output.contains("2026-11-23T10:45:00+00:00 (an answer lives 900 s at most)"))
}

/// The demonstration compares each answer packet with the policy and counts the log's rows itself.
@Test func theDayOfTheDemonstrationIsAsThePolicySays() throws {
    guard let folder = packageFolder else { return }
    let sample = folder + "/deploy/samples/kite/bellgate.yaml"
    guard let run = try Run(["demo", "--config", sample], in: TemporaryFolder()) else { return }
    #expect(run.status == 0)
    #expect(run.errors == "")
    #expect(run.output.contains("10:30:00, a bell rings: college-hours -> break"))
    #expect(run.output.contains("cut at the bell of 10:45:00"))
    #expect(run.output.contains("45 answers that agree with the policy, 45 rows in the log"))
    #expect(run.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(!run.output.contains("\u{1B}"))
}

/// What the README calls complete is complete.
@Test func theReadmesPolicyIsFine() throws {
    guard let folder = packageFolder else { return }
    let readme = try String(contentsOfFile: folder + "/README.md", encoding: .utf8)
    let start = try #require(readme.range(of: "```yaml\nbellgate: 1"))
    let end = try #require(readme.range(of: "\n```", range: start.upperBound..<readme.endIndex))
    let policy = "bellgate: 1" + readme[start.upperBound..<end.lowerBound]
    let place = try TemporaryFolder()
    try place.write(
        policy.replacingOccurrences(of: " blocklists/", with: " \(folder)/blocklists/"),
        to: "policy.yaml")
    let load = loadPolicy(at: place.path + "/policy.yaml", now: .init(seconds: 1_795_000_000))
    #expect(load.diagnostics.map(\.description) == [])
    #expect(load.testResults.count == 6)
}
