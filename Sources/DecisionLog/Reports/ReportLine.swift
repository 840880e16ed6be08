import LDNSBridge

/// A line of the file of reports: one came in, or somebody took a step with one.
struct ReportLine {
    enum Kind: String { case open, step }

    /// The members besides those that every line has, in their order.
    enum Field: String, CaseIterable {
        case about, name, group, client, device, rule, queue, text, replyTo
        case state, route, finding, outcome, lesson, change, note, role
    }

    var number: UInt64
    var timeMicros: Int64
    var kind: Kind
    /// The report that it is about.
    var report: UInt64
    /// The account that wrote it.
    var user: String
    var fields: [Field: String]
    /// SHA-256 of the one before's and of all the above.
    private(set) var check: [UInt8] = []

    /// What the first line goes on from.
    static let beginning = [UInt8](repeating: 0, count: 32)
    private static let checkKey = ",\"check\":\""

    init(
        number: UInt64, timeMicros: Int64, kind: Kind, report: UInt64, user: String,
        fields: [Field: String?]
    ) {
        self.number = number
        self.timeMicros = timeMicros
        self.kind = kind
        self.report = report
        self.user = user
        self.fields = fields.compactMapValues { $0 }
    }

    private var head: [UInt8] {
        var members = MemberWriter()
        members.put("number", number)
        members.put("time", LogTime.utc(timeMicros))
        members.put("kind", kind.rawValue)
        members.put("report", report)
        members.put("user", user)
        for field in Field.allCases { members.put(field.rawValue, fields[field]) }
        return members.bytes + Self.checkKey.utf8
    }

    mutating func chain(to before: [UInt8]) { check = sha256(before + head) }

    /// Whether it goes on from the one before, and says what it said.
    func follows(_ before: [UInt8]) -> Bool { check == sha256(before + head) }

    /// The whole line with its end.
    var bytes: [UInt8] { head + hexadecimal(check).utf8 + "\"}\n".utf8 }

    /// Reads a line; `nil` unless it is to the byte what `bytes` would write.
    init?(_ line: [UInt8]) {
        var members: [String: String] = [:]
        var cursor = MemberCursor(line)
        while let (key, value) = cursor.next() { members[key] = value }
        func number(_ key: String) -> UInt64? { members[key].flatMap { UInt64($0) } }
        guard cursor.isAtEnd, let place = number("number"), let report = number("report"),
            let micros = members["time"].flatMap({ LogTime.parse($0, nowMicros: 0) }),
            let kind = members["kind"].flatMap({ Kind(rawValue: $0) }), let user = members["user"],
            let check = members["check"].flatMap(AuditEntry.octets)
        else { return nil }
        self.init(
            number: place, timeMicros: micros, kind: kind, report: report, user: user,
            fields: Dictionary(
                uniqueKeysWithValues: Field.allCases.map { ($0, members[$0.rawValue]) }))
        self.check = check
        guard bytes.dropLast() == line[...] else { return nil }
    }
}

extension ReportLine {
    /// What came in; `nil` unless the line is one of those.
    var received: ReceivedReport? {
        guard kind == .open, let about = fields[.about].flatMap(ReceivedReport.Kind.init),
            let queue = fields[.queue].flatMap(ReceivedReport.Queue.init),
            let client = fields[.client]
        else { return nil }
        return ReceivedReport(
            id: report, timeMicros: timeMicros, kind: about, name: fields[.name],
            group: fields[.group], client: client, device: fields[.device], rule: fields[.rule],
            text: fields[.text] ?? "", replyTo: fields[.replyTo], queue: queue)
    }
}

extension ReceivedReport {
    /// Takes a step that was written down.
    mutating func take(_ line: ReportLine) {
        state = line.fields[.state].flatMap(State.init) ?? state
        route = line.fields[.route].flatMap(Route.init) ?? route
        queue = line.fields[.queue].flatMap(Queue.init) ?? queue
        finding = line.fields[.finding].flatMap(Finding.init) ?? finding
        outcome = line.fields[.outcome].flatMap(Outcome.init) ?? outcome
        lesson = line.fields[.lesson] ?? lesson
        change = line.fields[.change] ?? change
        if state == .closed { closedMicros = closedMicros ?? line.timeMicros }
        steps.append(
            Step(
                timeMicros: line.timeMicros, user: line.user, role: line.fields[.role] ?? "",
                state: state, note: line.fields[.note] ?? ""))
    }
}
