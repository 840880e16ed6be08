import DecisionLog
import PolicyEngine
import PolicyFile
import Replay

extension ReplayReport {
    /// Every key is always there; `null` where there is nothing to say.
    var json: JSONText {
        .object([
            ("since", Self.time(since)),
            ("until", Self.time(until)),
            ("new", Self.policy(new)),
            ("current", Self.policy(today)),
            ("queries", Self.number(result.queries)),
            ("differ", Self.number(result.changes.total)),
            ("changes", Self.changes(result.changes)),
            (
                "notJudged",
                .object([
                    ("chain", Self.number(result.unknownChains)),
                    ("refused", Self.number(result.refused)),
                ])
            ),
            ("judgedByNameAlone", Self.number(result.judgedByNameAlone)),
            ("gaps", Self.number(result.gaps)),
            ("lost", Self.number(result.lost)),
            ("byGroup", .array(result.groups.map(Self.group))),
            ("byRule", .array(result.rules.map(Self.rule))),
            ("byCategory", .array(result.categories.map(Self.category))),
            ("record", record),
            ("examples", .array(result.examples.map(example))),
        ])
    }

    private var record: JSONText {
        .object([
            ("differFromNew", Self.number(result.differingFromRecord)),
            (
                "differFromCurrent",
                Self.number(result.policies.reduce(0) { $0 + $1.differing })
            ),
            (
                "policies",
                .array(
                    result.policies.map {
                        .object([
                            ("policy", .string($0.hash)), ("queries", Self.number($0.queries)),
                            ("differFromCurrent", Self.number($0.differing)),
                        ])
                    })
            ),
        ])
    }

    private static func number(_ number: UInt64) -> JSONText { .number(Int64(clamping: number)) }

    private static func text(_ text: String?) -> JSONText { text.map { .string($0) } ?? .null }

    private static func time(_ micros: Int64?) -> JSONText { text(micros.map(LogTime.utc)) }

    private static func policy(_ loaded: LoadedPolicy) -> JSONText {
        .object([("file", .string(loaded.path)), ("policy", .string(loaded.hash))])
    }

    private static func changes(_ counts: ChangeCounts) -> JSONText {
        .object(ChangeKind.allCases.map { (key: $0.key, value: number(counts[$0])) })
    }

    private static func group(_ group: GroupChanges) -> JSONText {
        .object([
            ("group", text(group.name)), ("queries", number(group.queries)),
            ("differ", number(group.changes.total)), ("changes", changes(group.changes)),
        ])
    }

    private static func rule(_ change: RuleChange) -> JSONText {
        .object([
            ("from", decision(change.from)), ("to", decision(change.to)),
            ("change", .string(change.kind.key)), ("queries", number(change.queries)),
        ])
    }

    private static func category(_ category: CategoryChanges) -> JSONText {
        .object([
            ("category", text(category.name)), ("differ", number(category.changes.total)),
            ("changes", changes(category.changes)),
        ])
    }

    private static func decision(_ decision: ReplayDecision) -> JSONText {
        .object([("verdict", .string(decision.action.word)), ("rule", .string(decision.rule))])
    }

    private func example(_ example: ReplayExample) -> JSONText {
        .object([
            ("seq", Self.number(example.seq)),
            ("time", Self.time(example.micros)),
            ("client", .string(client(example.client, example.micros))),
            ("group", Self.text(example.group)),
            ("name", .string(example.name)),
            ("type", .string("\(example.type)")),
            ("alias", Self.text(example.via)),
            ("change", .string(example.kind.key)),
            ("from", Self.decision(example.from)),
            ("to", Self.decision(example.to)),
            ("recorded", Self.decision(example.recorded)),
            ("category", Self.text(example.category)),
            ("reason", .string(example.reason)),
        ])
    }
}

extension ChangeKind {
    /// Its key in JSON.
    fileprivate var key: String {
        switch self {
        case .allowToBlock: "allowToBlock"
        case .blockToAllow: "blockToAllow"
        case .rewrite: "safeSearch"
        case .rule: "otherRule"
        case .answer: "otherAnswer"
        case .reason: "otherReason"
        }
    }
}
