import DNSWire
import DomainLists
public import PolicyEngine

/// What became of one of a policy's own `tests:`.
public struct PolicyTestResult: Sendable {
    /// The line on which the test is written.
    public var line: Int
    /// The group asked for; `nil` where a client was named.
    public var group: String?
    /// The client asked for; `nil` where a group was named.
    public var client: String?
    /// Date and time as written, by the policy's wall clock.
    public var at: String
    /// The name as written.
    public var ask: String
    /// What should be decided.
    public var expect: RuleAction
    /// What is decided.
    public var got: RuleAction
    /// The rule that decides, or `default`.
    public var by: String
    /// Whether that is what the test claims.
    public var isTrue: Bool
}

/// Runs the `tests:` of a policy through the same program that will serve.
struct TestRunner {
    let document: PolicyDocument
    let reporter: Reporter

    /// A whole test whose names are all known.
    struct Prepared {
        var place: SourcePlace
        var subject: PolicyDocument.TestEntry.Subject
        var group: Int?
        var at: CivilTime
        var ask: String
        var name: DomainName
        var expect: RuleAction
        var by: String?
    }

    /// Looks up what the tests name; what cannot be found is reported.
    ///
    /// - Parameter ownRules: the names of the product's own rules.
    func prepare(ownRules: [String]) -> [Prepared] {
        let rules =
            ownRules + document.rules.compactMap(\.id?.value)
            + document.exceptions.compactMap(\.id?.value)
            + (document.safeSearch.isEmpty ? [] : [SafeSearch.ruleID]) + ["default"]
        let groups = document.groups.map(\.name.value)
        return document.tests.compactMap { entry in
            var isKnown = true
            var group: Int?
            if case .group(let name)? = entry.subject {
                group = groups.firstIndex(of: name.value)
                if group == nil {
                    report(name, "group", groups)
                    isKnown = false
                }
            }
            if let by = entry.by, !rules.contains(by.value) {
                report(by, "rule", rules)
                isKnown = false
            }
            guard let name = entry.ask.flatMap(name), isKnown, let subject = entry.subject,
                let at = entry.at, let ask = entry.ask, let expect = entry.expect
            else { return nil }
            return Prepared(
                place: entry.place, subject: subject, group: group, at: at.value, ask: ask.value,
                name: name, expect: expect, by: entry.by?.value)
        }
    }

    private func name(_ ask: Located<String>) -> DomainName? {
        if let name = DomainText.name(of: ask.value) { return name }
        reporter.error(
            ask.place, "\"\(ask.value)\" is no domain name",
            "write the name that a device would ask for, such as www.example.com")
        return nil
    }

    private func report(_ name: Located<String>, _ what: String, _ candidates: [String]) {
        reporter.error(
            name.place, "there is no \(what) \"\(name.value)\"",
            NearestName.advice(
                for: name.value, among: candidates, otherwise: "name a \(what) of this policy"))
    }

    /// Runs one test; a claim that does not hold is reported with what was decided instead.
    func run(_ test: Prepared, program: PolicyProgram, index: DomainIndex) -> PolicyTestResult {
        var result = PolicyTestResult(
            line: test.place.line, at: test.at.description, ask: test.ask,
            expect: test.expect, got: .block, by: "", isTrue: false)
        // The first audiences are the groups.
        var audience = test.group
        switch test.subject {
        case .group(let name):
            result.group = name.value
        case .client(let address, let text):
            result.client = text.value
            audience = program.audience(of: address)
        }
        var why = "unknown devices are refused"
        if let audience {
            let instant = program.policy.zone.instant(of: test.at)
            let explanation = program.explain(
                audience: audience, set: index.match(test.name).set, at: instant)
            result.got = explanation.verdict.action
            result.by = explanation.rule?.id ?? "default"
            why =
                explanation.rule.map { "rule \"\($0.id)\" decides" }
                ?? "no rule matches, so the default decides"
        }
        let isByRight = test.by.map { $0 == result.by } ?? true
        result.isTrue = result.got == test.expect && isByRight
        if !result.isTrue { reportFalse(test, result, why) }
        return result
    }

    private func reportFalse(
        _ test: Prepared, _ result: PolicyTestResult, _ why: String
    ) {
        let who = result.group ?? result.client ?? ""
        var claim = "\(who) is to be \(Self.word(test.expect)) \(result.ask)"
        if let by = test.by { claim += " by \"\(by)\"" }
        reporter.error(
            test.place,
            "test failed: \(claim) at \(result.at), but it is \(Self.word(result.got)): \(why)",
            "correct the rules, or the test")
    }

    private static func word(_ action: RuleAction) -> String {
        switch action {
        case .allow: "allowed"
        case .block: "blocked"
        case .rewrite: "rewritten"
        }
    }
}
