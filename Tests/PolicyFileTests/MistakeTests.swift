import PolicyFile
import Testing

/// A policy with one mistake: where it is found (`‸`) and what is said.
struct Mistake: CustomTestStringConvertible, Sendable {
    let name: String
    let marked: String
    let message: String
    let hint: String
    var testDescription: String { name }

    /// - Parameter body: what follows the usual header.
    init(_ name: String, _ body: String, _ message: String, _ hint: String = "") {
        self.init(name, whole: header + body, message, hint)
    }

    init(_ name: String, whole: String, _ message: String, _ hint: String = "") {
        self.name = name
        marked = whole
        self.message = message
        self.hint = hint
    }
}

private let someRule = "rules:\n  - { id: a, block: [a.example], reason: R }\n"

private let yamlMistakes = [
    Mistake(
        "key twice", "default: allow\n‸default: block\n",
        "\"default\" is given twice, first on line 5 (column 1)", "keep one"),
    Mistake(
        "key twice, once empty", "unknown-devices:\n‸unknown-devices: refuse\n",
        "\"unknown-devices\" is given twice, first on line 5"),
    Mistake(
        "group twice, empty", "groups:\n  a:\n  ‸a: { networks: [10.0.0.0/8] }\n",
        "\"a\" is given twice, first on line 6"),
    Mistake(
        "when twice", "periods: { p: { when: , ‸when: always, mon: 09:00-10:00 } }\n",
        "\"when\" is given twice"),
    Mistake("group twice", "groups:\n  a: {}\n  ‸a: {}\n", "\"a\" is given twice, first on line 6"),
    Mistake(
        "anchor", "groups:\n  a: ‸&x { networks: [10.0.0.0/8] }\n", "\"&x\" names this part",
        "write it out"),
    Mistake("alias", "calendar:\n  terms: ‸*x\n", "\"*x\" refers to something", "write it out"),
    Mistake("merge key", "groups:\n  a: { ‸<<: {} }\n", "\"<<\" merges keys", "write them out"),
    Mistake("tag", "default: ‸!!str allow\n", "is a YAML tag", "remove it"),
    Mistake("second document", "default: allow\n‸---\na: b\n", "a second document", "one file"),
    Mistake(
        "bracket not closed", "groups:\n  a: { networks: [10.0.0.0/8 ‸}\n",
        "did not find expected ',' or ']'", "brackets"),
    Mistake("tab", "groups:\n‸\ta: {}\n", "cannot start any token", "never tabs"),
    Mistake("colon in a text", "default: a‸: b: c\n", "mapping values are not allowed", "quotes"),
    Mistake("list for a key", "? ‸[a, b]\n: c\n", "a list stands where a key should be"),
    Mistake("empty file", whole: "‸", "the file is empty"),
    Mistake("a list only", whole: "‸- a\n", "the policy file needs keys, and here is a list"),
]

private let headerMistakes = [
    Mistake(
        "no version",
        whole: "‸policy: { name: A }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: UTC\n",
        "the policy file has no \"bellgate\"", "bellgate: 1"),
    Mistake(
        "wrong version",
        whole:
            "bellgate: ‸2\npolicy: { name: A }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: UTC\n",
        "\"2\" is no version"),
    Mistake(
        "no policy name",
        whole:
            "bellgate: 1\n‸policy: { reference: A }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: UTC\n",
        "\"policy\" has no \"name\""),
    Mistake(
        "no dsl",
        whole:
            "bellgate: 1\npolicy: { name: A }\n‸roles: { principal: B, it: C }\ntime-zone: UTC\n",
        "\"roles\" has no \"dsl\""),
    Mistake(
        "no principal",
        whole: "bellgate: 1\npolicy: { name: A }\n‸roles: { dsl: B, it: C }\ntime-zone: UTC\n",
        "\"roles\" has no \"principal\""),
    Mistake(
        "no roles", whole: "‸bellgate: 1\npolicy: { name: A }\ntime-zone: UTC\n", "has no \"roles\""
    ),
    Mistake(
        "no zone",
        whole: "‸bellgate: 1\npolicy: { name: A }\nroles: { dsl: A, principal: B, it: C }\n",
        "has no \"time-zone\""),
    Mistake(
        "bad zone",
        whole:
            "bellgate: 1\npolicy: { name: A }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: ‸Europe/Lodnon\n",
        "\"Europe/Lodnon\" is no IANA time zone", "Europe/London"),
    Mistake(
        "zone outside",
        whole:
            "bellgate: 1\npolicy: { name: A }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: ‸../../etc/passwd\n",
        "is no IANA time zone"),
    Mistake(
        "zone is a folder",
        whole:
            "bellgate: 1\npolicy: { name: A }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: ‸Europe\n",
        "\"Europe\" is a folder"),
    Mistake(
        "zone of the machine",
        whole:
            "bellgate: 1\npolicy: { name: A }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: ‸localtime\n",
        "\"localtime\" is no IANA time zone", "Europe/London"),
    Mistake(
        "empty name",
        whole:
            "bellgate: 1\npolicy: { name: ‸\"\" }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: UTC\n",
        "\"name\" is empty"),
    Mistake(
        "impossible review date",
        whole:
            "bellgate: 1\npolicy: { name: A, review-by: ‸2026-02-30 }\nroles: { dsl: A, principal: B, it: C }\ntime-zone: UTC\n",
        "\"2026-02-30\" is no date"),
    Mistake(
        "unknown key", "‸grups: {}\n", "\"grups\" is no key of the policy file",
        "did you mean \"groups\"?"),
    Mistake(
        "bad default", "default: ‸alow\n", "\"alow\" is no value of \"default\"",
        "did you mean \"allow\"?"),
    Mistake("records", "‸records: []\n", "is not yet supported"),
]

private let timeMistakes = [
    Mistake(
        "term backwards", "calendar: { terms: [‸2026-12-18 to 2026-09-01] }\n",
        "ends before it starts"),
    Mistake(
        "impossible date", "calendar:\n  closed:\n    - 2026-02-01 to ‸2026-02-30\n",
        "\"2026-02-30\" is no date"),
    Mistake("date not padded", "calendar: { closed: [‸2026-9-1] }\n", "\"2026-9-1\" is no date"),
    Mistake(
        "no stretch", "calendar: { terms: [‸2026-09-01 - 2026-12-18] }\n", "is no stretch of dates",
        " to "),
    Mistake(
        "not padded", "periods: { p: { mon: ‸8:00-09:00 } }\n", "\"8:00\" lacks a zero",
        "write 08:00"),
    Mistake(
        "letters behind", "periods: { p: { mon: ‸08:00abc-09:00 } }\n",
        "\"08:00abc\" is no time of day"),
    Mistake("minute 60", "periods: { p: { mon: ‸12:60-13:00 } }\n", "\"12:60\" is no time of day"),
    Mistake("hour 25", "periods: { p: { mon: ‸08:00-25:00 } }\n", "\"25:00\" is no time of day"),
    Mistake(
        "after 24:00", "periods: { p: { mon: ‸08:00-24:01 } }\n", "\"24:01\" is no time of day"),
    Mistake("start at 24:00", "periods: { p: { mon: ‸24:00-06:00 } }\n", "starts at 24:00"),
    Mistake(
        "nothing long", "periods: { p: { mon: ‸09:00-09:00 } }\n",
        "starts and ends at the same time"),
    Mistake(
        "midnight to midnight", "periods: { p: { mon: ‸00:00-00:00 } }\n", "at the same time",
        "00:00-24:00"),
    Mistake("one time", "periods: { p: { mon: ‸09:00 } }\n", "\"09:00\" is no window"),
    Mistake(
        "second window", "periods:\n  p:\n    mon: 08:00-09:00, ‸9:30-10:00\n",
        "\"9:30\" lacks a zero"),
    Mistake("no days", "periods: { ‸p: {} }\n", "period \"p\" names no day"),
    Mistake(
        "day misspelt", "periods: { p: { ‸mun: 08:00-09:00 } }\n", "\"mun\" is no day",
        "did you mean"),
    Mistake(
        "long day", "periods: { p: { ‸Monday: 08:00-09:00 } }\n", "\"Monday\" is no day",
        "did you mean \"mon\"?"),
    Mistake(
        "range of one", "periods: { p: { ‸mon-mon: 08:00-09:00 } }\n", "range of one day",
        "write mon"),
    Mistake(
        "day twice", "periods: { p: { mon-fri: 08:00-09:00, ‸wed: 10:00-11:00 } }\n",
        "wed is named twice in period \"p\""),
    Mistake(
        "bad when", "periods: { p: { when: ‸terms, mon: 08:00-09:00 } }\n", "\"terms\" is no value",
        "\"term\""),
]

private let nameMistakes = [
    Mistake(
        "two groups",
        "groups:\n  a: { networks: [10.0.0.0/8] }\n  b: { networks: [‸10.0.0.0/8] }\n",
        "network 10.0.0.0/8 is in two groups, \"a\" (line 6) and \"b\""),
    Mistake(
        "same group", "groups:\n  a: { networks: [10.0.0.0/8, ‸10.0.0.0/8] }\n",
        "is given twice in group \"a\""),
    Mistake(
        "mapped address",
        "groups:\n  a: { networks: [10.0.0.1] }\n  b: { networks: [‸\"::ffff:10.0.0.1\"] }\n",
        "is in two groups"),
    Mistake(
        "host bits", "groups: { a: { networks: [‸10.20.3.4/16] } }\n",
        "\"10.20.3.4/16\" has host bits set", "write 10.20.0.0/16"),
    Mistake(
        "prefix too long", "groups: { a: { networks: [‸10.0.0.0/33] } }\n",
        "\"10.0.0.0/33\" is no network"),
    Mistake("no network", "groups: { a: { networks: [‸library] } }\n", "\"library\" is no network"),
    Mistake(
        "not a list", "groups: { a: { networks: ‸10.0.0.0/8 } }\n", "\"networks\" needs a list",
        "write [10.0.0.0/8]"),
    Mistake(
        "inherits nobody", "groups: { staff: {}, b: { inherits: ‸stuff } }\n",
        "there is no group \"stuff\"", "did you mean \"staff\"?"),
    Mistake(
        "group circle", "groups: { a: { inherits: ‸c }, b: { inherits: a }, c: { inherits: b } }\n",
        "group \"a\" inherits from itself: a -> c -> b -> a"),
    Mistake("own parent", "groups: { a: { inherits: ‸a } }\n", "inherits from itself: a -> a"),
    Mistake(
        "unknown unknown", "groups: { guest: {} }\nunknown-devices: ‸gest\n",
        "there is no group \"gest\"", "did you mean \"guest\"?"),
    Mistake(
        "refuse misspelt", "unknown-devices: ‸refused\n", "there is no group \"refused\"",
        "did you mean \"refuse\"?"),
    Mistake("reserved group", "groups: { ‸refuse: {} }\n", "has a meaning of its own"),
    Mistake("name with a space", "groups: { ‸sixth form: {} }\n", "cannot be the name of a group"),
    Mistake("missing list", "lists: { a: { file: ‸nowhere.txt } }\n", "nowhere.txt does not exist"),
    Mistake("list is a folder", "lists: { a: { file: ‸services } }\n", "services is a folder"),
    Mistake("no catalogue", "lists: { a: { catalogue: ‸nowhere } }\n", "nowhere does not exist"),
    Mistake(
        "catalogue is a file", "lists: { a: { catalogue: ‸adult.txt } }\n", "adult.txt is no folder"
    ),
    Mistake(
        "nothing of a list", "lists: { ‸a: { match: exact } }\n", "says nothing about where it lies"
    ),
    Mistake(
        "bad format", "lists: { a: { file: adult.txt, format: ‸host } }\n",
        "\"host\" is no value of \"format\"", "\"hosts\""),
    Mistake(
        "catalogue with format", "lists: { a: { catalogue: services, ‸format: hosts } }\n",
        "does not go with \"catalogue\""),
    Mistake("empty category", "categories: { a: ‸[] }\n", "category \"a\" is empty"),
    Mistake(
        "category of an empty list", "lists: { a: { file: empty.txt } }\ncategories: { ‸b: [a] }\n",
        "category \"b\" is empty"),
    Mistake(
        "undefined member", "categories: { a: [‸harms] }\nlists: { harm: { file: adult.txt } }\n",
        "\"harms\" is no category, no list and no domain name", "did you mean \"harm\"?"),
    Mistake(
        "category circle", "categories: { ‸a: [b], b: [c], c: [a] }\n",
        "category \"a\" holds itself: a -> b -> c -> a"),
    Mistake("own member", "categories: { ‸a: [a, x.example] }\n", "holds itself: a -> a"),
    Mistake(
        "list and category",
        "lists: { adult: { file: adult.txt } }\ncategories: { ‸adult: [x.example] }\n",
        "\"adult\" names a category, and something else on line 5"),
    Mistake(
        "category of the catalogue",
        "lists: { s: { catalogue: services } }\ncategories: { ‸chatrooms: [x.example] }\n",
        "\"chatrooms\" names a category, and something else on"),
    Mistake(
        "everything in a category", "categories: { a: [‸everything] }\n",
        "\"everything\" is no part of a category"),
    Mistake(
        "starred name", "categories: { a: [‸\"*.example.com\"] }\n", "has a star",
        "write example.com"),
    Mistake(
        "web address", "categories: { a: [‸\"https://example.com/x\"] }\n", "is no domain name",
        "the name alone"),
    Mistake("empty label", "categories: { a: [‸example..com] }\n", "is no domain name"),
    Mistake("address for a name", "categories: { a: [‸192.0.2.1] }\n", "is no domain name"),
]

private let ruleMistakes = [
    Mistake("no id", "rules:\n  - ‸block: [a.example]\n    reason: R\n", "the rule has no \"id\""),
    Mistake(
        "no reason", "rules:\n  - ‸id: a\n    block: [a.example]\n", "the rule has no \"reason\""),
    Mistake("neither", "rules:\n  - ‸id: a\n    reason: R\n", "neither \"allow\" nor \"block\""),
    Mistake(
        "both",
        "rules:\n  - id: a\n    block: [a.example]\n    ‸allow: [b.example]\n    reason: R\n",
        "both \"allow\" and \"block\""),
    Mistake(
        "misspelt key", "rules:\n  - { id: a, block: [a.example], reason: R, ‸durring: [p] }\n",
        "\"durring\" is no key of the rule", "did you mean \"during\"?"),
    Mistake(
        "id twice", someRule + "  - { id: ‸a, allow: [b.example], reason: R }\n",
        "rule \"a\" is there already, on line 6"),
    Mistake(
        "reserved id", "rules:\n  - { id: ‸default, block: [a.example], reason: R }\n",
        "has a meaning of its own"),
    Mistake(
        "no such group",
        "rules:\n  - { id: a, for: [‸staf], block: [a.example], reason: R }\ngroups: { staff: {} }\n",
        "there is no group \"staf\"", "did you mean \"staff\"?"),
    Mistake(
        "no such period",
        "rules:\n  - { id: a, block: [a.example], reason: R, during: [‸lunch] }\n",
        "there is no period \"lunch\"", "define it"),
    Mistake(
        "no such category", "rules:\n  - { id: a, block: [‸harm], reason: R }\n",
        "\"harm\" is no category, no list"),
    Mistake(
        "mixed everything", "rules:\n  - { id: a, block: [a.example, ‸everything], reason: R }\n",
        "stands in a list with other names"),
    Mistake(
        "one word", "rules:\n  - { id: a, block: ‸harm, reason: R }\n", "\"block\" needs a list",
        "write [harm]"),
    Mistake(
        "everything misspelt", "rules:\n  - { id: a, block: ‸everythin, reason: R }\n",
        "\"everythin\" is no value of \"block\"", "did you mean \"everything\"?"),
    Mistake(
        "empty operands", "rules:\n  - { id: a, block: ‸[], reason: R }\n",
        "\"block\" is an empty list"),
    Mistake(
        "locked: yes", "rules:\n  - { id: a, block: [a.example], reason: R, locked: ‸yes }\n",
        "\"yes\" is no value of \"locked\"", "write true or false"),
    Mistake(
        "requested by nobody",
        "rules:\n  - { id: a, block: [a.example], reason: R, ‸requested-by-group: true }\n",
        "needs a block and the groups", "for:"),
    Mistake(
        "bad concern", "rules:\n  - { id: a, block: [a.example], reason: R, concern: ‸hihg }\n",
        "is no value of \"concern\"", "did you mean \"high\"?"),
    Mistake(
        "bad answer", "rules:\n  - { id: a, block: [a.example], reason: R, answer: ‸nxdomian }\n",
        "is no value of \"answer\"", "did you mean \"nxdomain\"?"),
    Mistake(
        "bad ttl", "rules:\n  - { id: a, block: [a.example], reason: R, ttl: ‸soon }\n",
        "\"soon\" is no length of time"),
    Mistake(
        "long ttl", "rules:\n  - { id: a, block: [a.example], reason: R, ttl: ‸2d }\n",
        "\"ttl\" of 2d is out of range"),
    Mistake(
        "rule is a text", "rules:\n  - ‸everything\n",
        "the rule needs keys, and here is a single value"),
]

private let testMistakes = [
    Mistake(
        "nobody", "tests:\n  - ‸{ at: 2026-11-23 10:00, ask: a.example, expect: allow }\n",
        "neither \"group\" nor \"client\""),
    Mistake(
        "both askers",
        "tests:\n  - { group: g, ‸client: 10.0.0.1, at: 2026-11-23 10:00, ask: a.example, expect: allow }\ngroups: { g: {} }\n",
        "both \"group\" and \"client\""),
    Mistake(
        "no time", "tests:\n  - ‸{ client: 10.0.0.1, ask: a.example, expect: allow }\n",
        "the test has no \"at\""),
    Mistake(
        "no name", "tests:\n  - ‸{ client: 10.0.0.1, at: 2026-11-23 10:00, expect: allow }\n",
        "the test has no \"ask\""),
    Mistake(
        "no claim", "tests:\n  - ‸{ client: 10.0.0.1, at: 2026-11-23 10:00, ask: a.example }\n",
        "the test has no \"expect\""),
    Mistake(
        "wrong claim",
        "tests:\n  - { client: 10.0.0.1, at: 2026-11-23 10:00, ask: a.example, expect: ‸blocked }\n",
        "\"blocked\" is no value of \"expect\"", "\"block\""),
    Mistake(
        "impossible time",
        "tests:\n  - { client: 10.0.0.1, at: ‸2026-11-23 24:00, ask: a.example, expect: allow }\n",
        "is no date and time"),
    Mistake(
        "unknown group",
        "tests:\n  - { group: ‸staf, at: 2026-11-23 10:00, ask: a.example, expect: allow }\ngroups: { staff: {} }\n",
        "there is no group \"staf\"", "did you mean \"staff\"?"),
    Mistake(
        "unknown rule",
        "tests:\n  - { client: 10.0.0.1, at: 2026-11-23 10:00, ask: a.example, expect: block, by: ‸harm }\n",
        "there is no rule \"harm\""),
    Mistake(
        "no address",
        "tests:\n  - { client: ‸10.0.0, at: 2026-11-23 10:00, ask: a.example, expect: block }\n",
        "\"10.0.0\" is no address"),
    Mistake(
        "no such type",
        "tests:\n  - { client: 10.0.0.1, at: 2026-11-23 10:00, ask: a.example, type: ‸B, expect: block }\n",
        "\"B\" is no record type"),
    Mistake(
        "no name at all",
        "tests:\n  - { client: 10.0.0.1, at: 2026-11-23 10:00, ask: ‸a..b, expect: block }\n",
        "\"a..b\" is no domain name"),
    Mistake(
        "false",
        "groups: { g: {} }\n" + someRule
            + "tests:\n  - ‸{ group: g, at: 2026-11-23 10:00, ask: x.a.example, expect: allow }\n",
        "test failed: g is to be allowed x.a.example at 2026-11-23 10:00:00, but it is blocked: rule \"a\" decides"
    ),
    Mistake(
        "true by another",
        "groups: { g: {} }\n" + someRule
            + "tests:\n  - ‸{ group: g, at: 2026-11-23 10:00, ask: b.example, expect: allow, by: a }\n",
        "is to be allowed b.example by \"a\" at 2026-11-23 10:00:00, but it is allowed: no rule matches"
    ),
    Mistake(
        "refused device",
        "tests:\n  - ‸{ client: 10.0.0.1, at: 2026-11-23 10:00, ask: b.example, expect: allow }\n",
        "but it is blocked: unknown devices are refused"),
]

/// Each mistake alone: found at its place, in its words, and the only error.
@Test(
    arguments: yamlMistakes + headerMistakes + timeMistakes + webListMistakes + bypassMistakes
        + nameMistakes
        + ruleMistakes
        + testMistakes)
func findsMistake(_ mistake: Mistake) throws {
    let folder = try TemporaryFolder()
    try writeLists(to: folder)
    try folder.write("# nothing\n", to: "empty.txt")
    let marked = MarkedText(mistake.marked)
    let load = try folder.load(marked.text)
    let errors = load.diagnostics.filter { $0.severity == .error }
    #expect(load.loaded == nil)
    let found = errors.first { $0.message.contains(mistake.message) }
    guard let found else {
        Issue.record("not among \(errors.map(\.description))")
        return
    }
    #expect("\(found.line):\(found.column)" == "\(marked.line):\(marked.column)")
    #expect(found.hint.contains(mistake.hint))
    #expect(found.file == folder.path + "/policy.yaml")
    #expect(found.message.first?.isUppercase != true)
}

@Test func reportsAllMistakesInOneRunInOrderOfPlace() throws {
    let folder = try TemporaryFolder()
    let load = try folder.load(
        """
        bellgate: 2
        policy: { nmae: A }
        roles: { dsl: A, principal: B, it: C }
        time-zone: Mars/Olympus
        periods: { p: { mon: 9:00-10:00 }, q: { mun: 09:00-10:00 } }
        groups: { a: { networks: [10.0.0.1/8], inherits: b } }
        lists: { x: { file: nowhere.txt } }
        rules:
          - { id: r, for: [c], block: [y], during: [z] }
        tests:
          - { group: d, at: 2026-02-30 10:00, ask: a.example, expect: maybe }
        """)
    let places = load.diagnostics.map { "\($0.line):\($0.column)" }
    #expect(
        places == [
            "1:11", "2:11", "4:12", "5:22", "5:41", "6:27", "6:50", "7:21", "9:5", "9:20",
            "9:32", "9:45", "11:14", "11:21", "11:63",
        ])
    #expect(load.diagnostics.allSatisfy { $0.severity == .error })
}

/// One mistake in a value does not hide the next one in the same value.
@Test(arguments: [
    ("periods: { p: { mon: 8:00-25:00 } }", ["5:22 \"25:00\"", "5:22 \"8:00\""]),
    (
        "periods:\n  p:\n    mon: 8:00-09:00, 09:00-10:60\n    mun: 7:00-08:00",
        ["7:10 \"8:00\"", "7:22 \"10:60\"", "8:5 \"mun\"", "8:10 \"7:00\""]
    ),
    ("periods: { p: { \"mun,tui\": 08:00-09:00 } }", ["5:17 \"mun\"", "5:17 \"tui\""]),
    (
        "calendar: { terms: [2026-09-31 to 2026-13-01] }",
        ["5:21 \"2026-09-31\"", "5:35 \"2026-13-01\""]
    ),
    (
        "rules:\n  - { id: a, block: [harms], allow: [shops], reason: R }",
        ["6:22 \"harms\"", "6:30 the rule has both", "6:38 \"shops\""]
    ),
    (
        "tests:\n  - { group: staf, at: 2026-02-30 10:00, ask: a..b, expect: maybe, by: harm }",
        ["6:14 ", "6:24 ", "6:47 \"a..b\"", "6:61 \"maybe\"", "6:72 "]
    ),
])
func findsEveryMistakeWithinAValue(body: String, expected: [String]) throws {
    let load = try TemporaryFolder().load(header + body + "\n")
    let found = load.diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
    #expect(found.count == expected.count)
    for (message, start) in zip(found, expected) {
        #expect(message.hasPrefix(start), "\(found)")
    }
}

/// A list that is refused is known by its name all the same: what refers to it is not undefined.
@Test(arguments: [
    "url: \"ftp://lists.example/adult.txt\", every: 24h, format: domains", "match: exact",
])
func aRefusedListIsNoUndefinedName(list: String) throws {
    let load = try TemporaryFolder().load(
        header + "lists: { adult: { \(list) } }\ncategories: { harm: [adult] }\n"
            + "rules:\n  - { id: a, block: [adult, harm, adlut], reason: R }\n")
    let elsewhere = load.diagnostics.filter { $0.line != 5 }
    #expect(elsewhere.map { "\($0.line):\($0.column)" } == ["8:35"])
    #expect(elsewhere.first?.hint == "did you mean \"adult\"?")
}

@Test func printsFileLineColumnSeverityMessageAndHint() {
    let place = SourcePlace(file: "policy.yaml", line: 3, column: 7)
    let diagnostic = Diagnostic(.error, at: place, "\"blok\" is no key", "did you mean \"block\"?")
    #expect(
        diagnostic.description
            == "policy.yaml:3:7: error: \"blok\" is no key; did you mean \"block\"?")
}
