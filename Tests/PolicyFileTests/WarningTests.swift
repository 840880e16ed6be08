import PolicyEngine
import PolicyFile
import Testing

/// What loads and is warned of.
struct Warning: CustomTestStringConvertible, Sendable {
    let name: String
    let marked: String
    let message: String
    var testDescription: String { name }

    init(_ name: String, _ body: String, _ message: String) {
        self.name = name
        marked = header + body
        self.message = message
    }
}

private let term = "calendar: { terms: [2026-09-01 to 2026-12-18] }\ngroups: { g: {}, h: {} }\n"

@Test(arguments: [
    Warning(
        "no terms", "periods: { ‸p: { mon: 09:00-10:00 } }\n",
        "period \"p\" never happens: it is for term days"),
    Warning(
        "short term", "calendar: { terms: [2026-11-23] }\nperiods: { ‸p: { tue: 09:00-10:00 } }\n",
        "never happens: no term day falls on its weekdays"),
    Warning(
        "shadowed",
        term
            + "rules:\n  - { id: a, block: [example.com], reason: R }\n  - ‸{ id: b, allow: [example.com], reason: R }\n",
        "rule \"b\" can never match: \"a\" always decides first"),
    Warning(
        "behind everything",
        term
            + "rules:\n  - { id: a, block: everything, reason: R }\n  - ‸{ id: b, for: [g], allow: [example.com], reason: R }\n",
        "rule \"b\" can never match"),
    Warning(
        "excepted",
        term
            + "periods: { p: { mon: 09:00-10:00 } }\nrules:\n  - ‸{ id: a, block: everything, during: [p], except-during: [p], reason: R }\n",
        "an \"except-during\" period is on"),
    Warning(
        "silent period",
        term
            + "periods: { p: { when: holiday, mon: 09:00-10:00 }, q: { mon: 09:00-10:00 } }\nrules:\n  - ‸{ id: a, block: everything, during: [q], except-during: [q, p], reason: R }\n",
        "can never match"),
    Warning(
        "essentials",
        term
            + "lists: { s: { catalogue: services } }\nrules:\n  - ‸{ id: a, block: [essentials], reason: R }\n",
        "\"essentials\" always decides first"),
    Warning(
        "answer of an allow",
        term + "rules:\n  - { id: a, allow: [example.com], ‸answer: zero, reason: R }\n",
        "\"answer\" has no effect"),
    Warning(
        "misread list", "lists: { a: { file: ‸mixed.txt, format: domains } }\n",
        "list \"a\" is mostly unusable: read as domains, 2 of its lines cannot be used, the first "
            + "on line 2"),
    Warning("empty list", "lists: { a: { file: ‸empty.txt } }\n", "list \"a\" is empty"),
    Warning(
        "list without a usable name",
        "lists: { a: { file: ‸nothing.txt } }\ncategories: { b: [a] }\n",
        "nothing.txt has no usable name"),
    Warning(
        "web list never fetched",
        "lists: { a: { url: ‸\"https://lists.example/a\" } }\n",
        "list \"a\" was never fetched, so it has no names yet"),
    Warning(
        "web list in plain text", "lists: { a: { url: ‸\"http://lists.example/a\" } }\n",
        "list \"a\" comes over plain http"),
    Warning(
        "web list fetched all the time",
        "lists: { a: { url: \"https://lists.example/a\", every: ‸5s } }\n",
        "list \"a\" is fetched every 5 seconds, which burdens its publisher"),
    Warning(
        "terms are over",
        "calendar: { ‸terms: [2025-09-01 to 2025-12-18] }\nperiods: { p: { mon: 09:00-10:00 } }\n",
        "the last term ended on 2025-12-18"),
])
func warnsAndLoads(_ warning: Warning) throws {
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    try folder.write("/x[0-9]/\n", to: "nothing.txt")
    try folder.write("", to: "empty.txt")
    try folder.write("a.example.com\n||b.example.com^$third-party\n/x[0-9]/\n", to: "mixed.txt")
    let marked = MarkedText(warning.marked)
    let load = try folder.load(marked.text)
    #expect(load.loaded != nil, "\(load.diagnostics)")
    let found = load.diagnostics.first { $0.message.contains(warning.message) }
    #expect(found?.severity == .warning, "\(load.diagnostics)")
    #expect(found.map { "\($0.line):\($0.column)" } == "\(marked.line):\(marked.column)")
}

@Test(arguments: [
    ("2026-11-22", "review overdue by 1 day"), ("2026-11-13", "review overdue by 10 days"),
])
func countsTheDaysOfAnOverdueReview(date: String, message: String) throws {
    let text = sound.replacing("name: Sample policy", with: "name: Sample, review-by: \(date)")
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    let load = try folder.load(text)
    #expect(load.loaded != nil)
    #expect(load.diagnostics.map(\.message) == [message])
}

@Test func aReviewDueTodayIsNotOverdue() throws {
    let text = sound.replacing("name: Sample policy", with: "name: Sample, review-by: 2026-11-23")
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    #expect(try folder.load(text).diagnostics.isEmpty)
}

/// One run says all: warnings stand beside errors, but never about what an error made unclear.
@Test func warnsBesideErrors() throws {
    let load = try TemporaryFolder().load(
        """
        bellgate: 1
        policy: { name: A, review-by: 2026-11-22, nmae: B }
        roles: { dsl: A, principal: B, it: C }
        time-zone: Europe/London
        calendar: { terms: [2026-11-23] }
        periods:
          silent: { tue: 09:00-10:00 }
          broken: { tue: 9:00-10:00 }
          lesson: { mon: 09:00-10:00 }
        groups: { g: {}, h: {} }
        categories: { sound: [a.example], broken-set: [a.example, nothing], outer: [broken-set] }
        rules:
          - { id: misspelt, block: everything, during: [leson], reason: R }
          - { id: of-broken, block: everything, except-during: [broken], reason: R }
          - { id: first, block: [sound], reason: R }
          - { id: dead, for: [g], allow: [a.example], reason: R }
          - { id: unclear, allow: [outer], reason: R }
          - { id: never, block: [b.example], during: [silent], reason: R }
        """)
    let warnings = load.diagnostics.filter { $0.severity == .warning }
    #expect(
        warnings.map { "\($0.line) \($0.message)" } == [
            "2 review overdue by 1 day",
            "7 period \"silent\" never happens: no term day falls on its weekdays",
            "16 rule \"dead\" can never match: \"first\" always decides first",
            "18 rule \"never\" can never match: its \"during\" periods never happen",
        ])
    #expect(load.diagnostics.count - warnings.count == 4)
    #expect(load.loaded == nil)
}

/// With days missing from the calendar, only what holds on every kind of day is said.
@Test func warnsBesideABrokenCalendar() throws {
    let load = try TemporaryFolder().load(
        header
            + """
            calendar: { terms: [2026-11-31 to 2026-12-18] }
            periods: { lesson: { mon: 09:00-10:00 } }
            groups: { g: {} }
            rules:
              - { id: a, block: everything, reason: R }
              - { id: b, block: [a.example], during: [lesson], reason: R }
            """)
    #expect(load.diagnostics.map(\.line) == [5, 10])
    #expect(load.diagnostics.last?.message.contains("\"a\" always decides first") == true)
}
