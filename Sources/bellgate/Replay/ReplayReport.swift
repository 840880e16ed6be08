import DNSWire
import DecisionLog
import PolicyEngine
import PolicyFile
import Replay

/// What `replay` says, for people and for programs.
struct ReplayReport {
    let result: ReplayResult
    let today: LoadedPolicy
    let new: LoadedPolicy
    let since: Int64?
    let until: Int64?
    /// How a client is called: address and instant in microseconds.
    let client: (IPAddress, Int64) -> String

    // MARK: Text

    var text: String {
        var lines = head
        if result.changes.total == 0 {
            lines.append("result   nothing differs")
        } else {
            lines.append(
                "result   \(result.changes.total) of \(result.queries) differ "
                    + "(\(Self.share(result.changes.total, of: result.queries))): "
                    + Self.words(result.changes))
            lines += groupLines + ruleLines + categoryLines + exampleLines
        }
        return (lines + noteLines).joined(separator: "\n")
    }

    private var head: [String] {
        var lines = [
            "new      \(new.path) (policy \(new.hash))",
            "against  \(today.path) (policy \(today.hash)), the policy in force",
        ]
        var queries = "queries  \(result.queries) judged again"
        if result.queries > 0 {
            queries += ", asked from \(LogTime.local(result.firstMicros)) "
            queries += "to \(LogTime.local(result.lastMicros))"
        }
        lines.append(queries)
        return lines
    }

    private static func words(_ counts: ChangeCounts) -> String {
        ChangeKind.allCases.compactMap { kind in
            counts[kind] > 0 ? "\(counts[kind]) \(kind.text)" : nil
        }.joined(separator: ", ")
    }

    private static func share(_ part: UInt64, of whole: UInt64) -> String {
        let tenths = whole == 0 ? 0 : (part * 1000 + whole / 2) / whole
        return tenths == 0 && part > 0 ? "under 0.1 %" : "\(tenths / 10).\(tenths % 10) %"
    }

    private var groupLines: [String] {
        let head = ["group", "queries", "allow -> block", "block -> allow", "otherwise"]
        let rows = result.groups.map { group in
            [
                group.name ?? ReplayRule.refusal, "\(group.queries)",
                "\(group.changes[.allowToBlock])", "\(group.changes[.blockToAllow])",
                "\(Self.otherwise(group.changes))",
            ]
        }
        return ["", "by group"] + TextTable.lines([head] + rows, numbers: 1...4)
    }

    private static func otherwise(_ counts: ChangeCounts) -> UInt64 {
        counts.total - counts[.allowToBlock] - counts[.blockToAllow]
    }

    /// Changes by rule that are shown as text; JSON has all.
    private static let linesShown = 30

    private var ruleLines: [String] {
        let rows = result.rules.prefix(Self.linesShown).map { change in
            [
                "\(change.queries)", change.from.text, "->", change.to.text,
                change.kind.isSaidElsewhere ? "" : "(\(change.kind.text))",
            ]
        }
        return ["", "by rule"] + TextTable.lines(rows, numbers: 0...0)
            + hidden(result.rules.count)
    }

    private var categoryLines: [String] {
        let head = ["category", "allow -> block", "block -> allow", "otherwise"]
        let rows = result.categories.prefix(Self.linesShown).map { category in
            [
                category.name ?? "(none)", "\(category.changes[.allowToBlock])",
                "\(category.changes[.blockToAllow])", "\(Self.otherwise(category.changes))",
            ]
        }
        return ["", "by category"] + TextTable.lines([head] + rows, numbers: 1...3)
            + hidden(result.categories.count)
    }

    private func hidden(_ count: Int) -> [String] {
        count > Self.linesShown ? ["  and \(count - Self.linesShown) more (--json has all)"] : []
    }

    private var exampleLines: [String] {
        guard !result.examples.isEmpty else { return [] }
        let rows = result.examples.map { example in
            [
                LogTime.local(example.micros), client(example.client, example.micros),
                example.group ?? ReplayRule.refusal,
                example.name + (example.via.map { " (alias \($0))" } ?? ""),
                "\(example.type)", example.from.text, "->", example.to.text,
                example.recorded == example.from ? "" : "(recorded: \(example.recorded.text))",
            ]
        }
        return ["", "examples"] + TextTable.lines(rows, numbers: 0..<0)
    }

    // MARK: What is to be known about the record

    private var noteLines: [String] {
        let notes = recordNotes + unjudgedNotes
        return notes.isEmpty ? [] : [""] + notes
    }

    private var recordNotes: [String] {
        var lines = result.policies.filter { $0.differing > 0 }.map { policy in
            let cause =
                policy.hash == today.hash
                ? "this very policy; a list has changed since, or a bell rang before the answer"
                : "policy \(policy.hash.isEmpty ? "unknown" : policy.hash)"
            return "record   \(policy.queries) were decided by \(cause): of these, the policy in "
                + "force decides \(policy.differing) otherwise, which is none of the new file's doing"
        }
        if !lines.isEmpty {
            lines.append(
                "record   the new policy decides \(result.differingFromRecord) otherwise than it "
                    + "was recorded")
        }
        return lines
    }

    private var unjudgedNotes: [String] {
        var lines: [String] = []
        if result.unknownChains > 0 {
            lines.append(
                "skipped  \(result.unknownChains) cannot be judged again: they were blocked for "
                    + "an alias (CNAME) that is blocked no more, and the answer's chain is not "
                    + "recorded")
        }
        if result.refused > 0 {
            lines.append(
                "skipped  \(result.refused) were refused before the policy was asked (allow-from, "
                    + "or a class or type that is not served)")
        }
        if result.gaps > 0 {
            lines.append(
                "skipped  \(result.gaps) gaps in the log, of \(result.lost) decisions that were "
                    + "not recorded")
        }
        if result.judgedByNameAlone > 0 {
            lines.append(
                "note     \(result.judgedByNameAlone) are allowed by the name asked for; an alias "
                    + "in the answer could still be blocked, but is recorded only where it was")
        }
        return lines
    }
}

extension ReplayDecision {
    /// `block by RULE`.
    var text: String { "\(action.word) by \(rule)" }
}

extension ChangeKind {
    /// In words, behind a count.
    var text: String {
        switch self {
        case .allowToBlock: "allow -> block"
        case .blockToAllow: "block -> allow"
        case .rewrite: "made safe or no longer"
        case .rule: "by another rule"
        case .answer: "with another answer"
        case .reason: "with another reason, concern or category"
        }
    }

    /// Whether old and new decision themselves show it.
    var isSaidElsewhere: Bool { self != .answer && self != .reason && self != .rewrite }
}
