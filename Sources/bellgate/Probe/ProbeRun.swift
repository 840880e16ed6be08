import DNSServer
import DNSWire
import PolicyEngine
import PolicyFile
import Review

/// Asks servers for every cell of a plan and compares with what the policy file says.
struct ProbeRun {
    let plan: ProbePlan
    private(set) var record: ProbeRecord
    /// What each server did, cell by cell, where more than one is asked.
    private var outcomes: [[ProbeRecord.Outcome]] = []
    private let asksSeveral: Bool

    /// Of the cells, every so many-th is asked by TCP as well.
    private static let cellsForOneByTCP = 37

    init(_ plan: ProbePlan, at now: Instant, servers: Int) {
        self.plan = plan
        asksSeveral = servers > 1
        let policy = plan.policy.policy
        record = ProbeRecord(
            at: policy.zone.iso8601(now), version: ProductVersion.text,
            policy: .init(
                name: policy.name, reference: policy.reference, hash: plan.policy.hash))
        record.cells = plan.cellCount
        record.subjects = plan.subjects.map {
            ProbeRecord.Subject(
                group: $0.group, place: $0.place, kind: $0.kind, client: "\($0.client)")
        }
        record.names = plan.names.map { .init(category: $0.category, name: "\($0.name)") }
        record.moments = plan.moments.map { .init(day: $0.day, period: $0.period, at: $0.text) }
        record.notes = plan.notes
    }

    // MARK: Cells

    private func place(
        _ cell: Int
    ) -> (moment: ProbePlan.Moment, subject: ProbePlan.Subject, name: ProbePlan.Name) {
        let row = plan.subjects.count * plan.names.count
        let (moment, rest) = cell.quotientAndRemainder(dividingBy: max(1, row))
        let (subject, name) = rest.quotientAndRemainder(dividingBy: max(1, plan.names.count))
        return (plan.moments[moment], plan.subjects[subject], plan.names[name])
    }

    private func question(_ cell: Int) -> ProbeClient.Question {
        let (moment, subject, name) = place(cell)
        return ProbeClient.Question(
            claim: .init(
                client: subject.client, presence: subject.presence,
                atSeconds: moment.instant.seconds),
            name: name.name.wire)
    }

    private func words(_ cell: Int) -> ProbeRecord.Cell {
        let (moment, subject, name) = place(cell)
        return ProbeRecord.Cell(
            group: subject.group, client: "\(subject.client)", place: subject.place,
            kind: subject.kind, category: name.category, name: "\(name.name)", day: moment.day,
            period: moment.period, at: moment.text)
    }

    // MARK: Asking

    /// Asks one server for everything.
    mutating func ask(_ client: ProbeClient, _ grant: ProbeGrant) throws {
        var server = ProbeRecord.Server(
            address: "\(client.server)", policyHash: grant.policyHash, version: grant.version)
        let answers = try client.ask(plan.cellCount, question)
        if answers.allSatisfy({ $0 == nil }), !answers.isEmpty {
            throw ProbeFailure("\(client.server) does not answer")
        }
        let sample = Array(stride(from: 0, to: plan.cellCount, by: Self.cellsForOneByTCP))
        let streamed = client.askByTCP(sample.map(question))
        server.byTCP = sample.count
        var judge = ProbeJudge(plan.policy)
        var mine: [ProbeRecord.Outcome] = []
        var listed: Set<Int> = []
        for (cell, answer) in zip(
            Array(0..<plan.cellCount) + sample, answers + streamed)
        {
            let (moment, subject, name) = place(cell)
            let (expected, got) = judge.compare(
                answer, row: subject.row, set: name.set, at: moment.instant)
            if asksSeveral, server.asked < plan.cellCount { mine.append(got) }
            server.asked += 1
            if answer == nil { server.unanswered += 1 }
            if judge.agrees(expected, got) {
                server.agreed += 1
            } else {
                server.differing += 1
                // By TCP as by UDP is no other cell.
                if record.differences.count < ProbeRecord.listed, listed.insert(cell).inserted {
                    record.differences.append(
                        .init(
                            server: server.address, cell: words(cell), expected: expected,
                            got: got))
                }
            }
        }
        record.agreed += server.agreed
        record.differing += server.differing
        record.servers.append(server)
        outcomes.append(mine)
    }

    /// Compares the servers with each other.
    mutating func compareServers() {
        guard asksSeveral, let first = outcomes.first else { return }
        for cell in first.indices {
            let got = outcomes.map { $0[cell] }
            guard Set(got).count > 1 else { continue }
            record.drifting += 1
            if record.drift.count < ProbeRecord.listed {
                record.drift.append(.init(cell: words(cell), got: got))
            }
        }
    }
}

/// What the policy file says of a cell, beside what a server answered.
struct ProbeJudge {
    private let loaded: LoadedPolicy
    /// The plane of the last instant: cells come instant by instant.
    private var plane: Plane?
    /// By rule, and last the default's: what a block says.
    private let notices: [String]

    init(_ loaded: LoadedPolicy) {
        self.loaded = loaded
        notices = (loaded.program.rules.map { Optional($0.reason) } + [nil]).map {
            ProbeText.notice(reason: $0, policy: loaded.policy)
        }
    }

    mutating func compare(
        _ answer: ProbeAnswer?, row: Int?, set: UInt32, at instant: Instant
    ) -> (expected: ProbeRecord.Outcome, got: ProbeRecord.Outcome) {
        guard let row else { return (.init(verdict: "refused"), Self.plain(answer)) }
        let verdict = plane(at: instant).view.verdict(row: row, set: set)
        let rules = loaded.program.rules
        let rule = rules.indices.contains(Int(verdict.rule)) ? rules[Int(verdict.rule)] : nil
        let id = rule?.id ?? "default"
        guard let answer else {
            return (
                Self.expected(verdict, id, notice(rule: verdict.rule)), .init(verdict: "no answer")
            )
        }
        if let by = answer.allowedBy {
            return (
                Self.expected(verdict, id, notice(rule: verdict.rule)),
                .init(verdict: "allow", rule: by)
            )
        }
        if let host = answer.madeSafeAs {
            var got = ProbeRecord.Outcome(
                verdict: "rewrite", rule: SafeSearch.ruleID, reason: host)
            let wanted = rule?.rewriteTarget?.description
            if let wanted, wanted != host { got.problem = "\(host) in place of \(wanted)" }
            return (Self.expected(verdict, id, wanted ?? notice(rule: verdict.rule)), got)
        }
        guard answer.errorCode == 15 || answer.errorCode == 17 else {
            return (Self.expected(verdict, id, notice(rule: verdict.rule)), Self.plain(answer))
        }
        let expected = Self.expected(verdict, id, notice(rule: verdict.rule))
        var got = ProbeRecord.Outcome(
            verdict: "block", rule: ruleID(saying: answer.errorText, preferring: id),
            reason: answer.errorText)
        if verdict.action == .block { got.problem = problem(answer, rule, verdict, instant) }
        return (expected, got)
    }

    /// Whether a server did what the policy says.
    func agrees(_ expected: ProbeRecord.Outcome, _ got: ProbeRecord.Outcome) -> Bool {
        if got.verdict == Self.local { return expected.verdict == "allow" }
        return expected.verdict == got.verdict && expected.rule == got.rule && got.problem == nil
    }

    private mutating func plane(at instant: Instant) -> Plane {
        if let plane, plane.from <= instant.seconds, instant.seconds < plane.until { return plane }
        let made = loaded.program.plane(at: instant)
        plane = made
        return made
    }

    private func notice(rule: UInt16) -> String {
        notices[min(Int(rule), notices.count - 1)]
    }

    /// What the server answers by itself where the policy allows it, such as localhost.
    private static let local = "answered by the server itself"

    private static func expected(
        _ verdict: Verdict, _ id: String, _ notice: String
    ) -> ProbeRecord.Outcome {
        verdict.action == .allow
            ? .init(verdict: "allow", rule: id)
            : .init(verdict: verdict.action.word, rule: id, reason: notice)
    }

    /// An answer that is neither a block nor let through by a rule.
    private static func plain(_ answer: ProbeAnswer?) -> ProbeRecord.Outcome {
        guard let answer else { return .init(verdict: "no answer") }
        if let by = answer.allowedBy { return .init(verdict: "allow", rule: by) }
        if let host = answer.madeSafeAs { return .init(verdict: "rewrite", reason: host) }
        switch answer.rcode {
        case 5: return .init(verdict: "refused", reason: answer.errorText)
        case 0, 3: return .init(verdict: local)
        default: return .init(verdict: "error \(answer.rcode)", reason: answer.errorText)
        }
    }

    /// The rule that says so; of several that say the same the expected one.
    private func ruleID(saying text: String, preferring id: String) -> String? {
        let ids = loaded.program.rules.map(\.id) + ["default"]
        let found = notices.indices.filter { notices[$0] == text }.map { ids[$0] }
        return found.contains(id) ? id : found.first
    }

    /// What is wrong with a block by the right rule.
    private func problem(
        _ answer: ProbeAnswer, _ rule: Rule?, _ verdict: Verdict, _ instant: Instant
    ) -> String? {
        let rcode: UInt16 =
            switch rule?.answer ?? .nxdomain {
            case .nxdomain: 3
            case .nodata, .zero, .page: 0
            case .refused: 5
            }
        if answer.rcode != rcode { return "response code \(answer.rcode) in place of \(rcode)" }
        if let ttl = answer.ttlSeconds, verdict.until != .max,
            Int64(ttl) > verdict.until - instant.seconds
        {
            return "a TTL of \(ttl) outlives the verdict"
        }
        return nil
    }
}
