public import DNSWire
public import DecisionLog
import PolicyEngine

/// Puts recorded queries, one after the other, to the policy in force and to a new one.
///
/// Two comparisons are kept apart: from the policy in force to the new one, which is what the new
/// file changes; and from the record to the policy in force, which differs where an older policy
/// or older lists decided. Memory does not grow with the rows. Belongs to one thread.
public final class Replayer {
    private let today: ReplayPolicy
    private let new: ReplayPolicy
    private let allowed: ClientTable
    private let allowedView: ClientTableView
    private var askers: RecordedAskers
    private let todayWords: PolicyWords
    private let newWords: PolicyWords
    private var words = Words()
    private var dictionaries: [ObjectIdentifier: Known] = [:]
    private var last: Known?
    private var sum: ReplaySum
    private var name = RecordedName()
    private var via = RecordedName()

    /// A dictionary that rows refer to; kept, so that nothing else gets its identity.
    private struct Known {
        var dictionary: ResolvedDictionary
        var words: RecordWords
        /// Its policy's place in the sum.
        var policy: Int
    }

    /// Takes the policies.
    ///
    /// - Parameters:
    ///   - today: the policy in force.
    ///   - new: the policy to be tried.
    ///   - allowFrom: who may ask the server at all.
    ///   - examples: how many examples are wanted, 0...`ReplayLimits.examples`.
    public init(
        today: ReplayPolicy, new: ReplayPolicy, allowFrom: [IPNetwork], examples: Int
    ) {
        self.today = today
        self.new = new
        allowed = ClientTable([allowFrom])
        allowedView = allowed.view
        askers = RecordedAskers(today: today, new: new)
        todayWords = PolicyWords(today.program, &words)
        newWords = PolicyWords(new.program, &words)
        sum = ReplaySum(
            groups: new.program.policy.groups.map(\.name),
            examples: min(max(examples, 0), ReplayLimits.examples))
    }

    /// Decides a row again.
    public func take(_ row: DecisionRow) {
        if let gap = row.gap {
            sum.gaps += 1
            sum.lost &+= gap.count
            return
        }
        let record = row.record
        // Of refusals, only that of a device in no network is the policy's own.
        if record.isRefusal,
            record.group != Verdict.none || allowedView.place(of: record.client) < 0
        {
            sum.refused += 1
            return
        }
        name.take(row.nameWire)
        via.take(row.viaWire)
        let known = known(row.dictionary)
        let askers = askers.pair(row)
        let recorded = Side(action: record.verdict.action, rule: known.words.rule(record))
        var seconds = Self.seconds(record.timeMicros)
        var old = today.judge(askers.today, name: name, via: via, atSeconds: seconds)
        let answered = Self.seconds(record.timeMicros &+ Int64(record.micros))
        if answered > seconds, side(old) != recorded {
            // The server judges once more when the answer comes: a bell may have rung meanwhile.
            let later = today.judge(askers.today, name: name, via: via, atSeconds: answered)
            if side(later) == recorded { (old, seconds) = (later, answered) }
        }
        let judged = new.judge(askers.new, name: name, via: via, atSeconds: seconds)
        if old.isUnknown || judged.isUnknown {
            sum.unknownChains += 1
            return
        }
        sum.count(group: judged.group, micros: record.timeMicros)
        sum.policies[known.policy].queries += 1
        if side(old) != recorded { sum.policies[known.policy].differing += 1 }
        if judged.action != .block, via.count == 0, record.mayHaveChain {
            sum.judgedByNameAlone += 1
        }
        compare(row, recorded, old, judged)
    }

    /// A decision of the policy in force, in words.
    @inline(__always)
    private func side(_ old: Judgement) -> Side {
        Side(action: old.action, rule: todayWords.rule(old).id)
    }

    private static func seconds(_ micros: Int64) -> Int64 {
        let seconds = micros / 1_000_000
        return micros % 1_000_000 < 0 ? seconds - 1 : seconds
    }

    // MARK: Comparing

    private func compare(
        _ row: DecisionRow, _ recorded: Side, _ old: Judgement, _ judged: Judgement
    ) {
        let (oldRule, newRule) = (todayWords.rule(old), newWords.rule(judged))
        let from = side(old)
        let to = Side(action: judged.action, rule: newRule.id)
        if to != recorded { sum.differingFromRecord += 1 }
        guard let kind = kind(from, to, oldRule, newRule, old, judged) else { return }
        let block = to.isBlock || !from.isBlock ? newWords.category(judged) : Words.none
        let category = block != Words.none ? block : todayWords.category(old)
        let change = Change(from: from, to: to, kind: kind)
        let isWanted = sum.count(
            change, group: judged.group, category: category, name: name, seq: row.seq)
        if isWanted {
            sum.keep(
                Example(
                    seq: row.seq, micros: row.timeMicros, client: row.record.client,
                    group: newWords.group(judged), name: name.wire, via: via.wire,
                    qtype: row.record.qtype, recorded: recorded, change: change, category: category,
                    reason: newRule.reason))
        }
    }

    @inline(__always)
    private func kind(
        _ from: Side, _ to: Side, _ oldRule: PolicyWords.RuleWords,
        _ newRule: PolicyWords.RuleWords, _ old: Judgement, _ judged: Judgement
    ) -> ChangeKind? {
        if from.isBlock != to.isBlock { return to.isBlock ? .allowToBlock : .blockToAllow }
        if from.action != to.action || oldRule.target != newRule.target { return .rewrite }
        if from.rule != to.rule { return .rule }
        if to.isBlock, oldRule.answer != newRule.answer { return .answer }
        if oldRule.reason != newRule.reason || oldRule.concern != newRule.concern
            || todayWords.category(old) != newWords.category(judged)
        {
            return .reason
        }
        return nil
    }

    @inline(__always)
    private func known(_ dictionary: ResolvedDictionary) -> Known {
        if let last, last.dictionary === dictionary { return last }
        let known = look(dictionary)
        last = known
        return known
    }

    private func look(_ dictionary: ResolvedDictionary) -> Known {
        let identity = ObjectIdentifier(dictionary)
        if let known = dictionaries[identity] { return known }
        let known = Known(
            dictionary: dictionary, words: RecordWords(dictionary, &words),
            policy: sum.place(ofPolicy: dictionary.policyHash))
        dictionaries[identity] = known
        return known
    }

    // MARK: The result

    /// What all rows so far came to.
    public var result: ReplayResult { sum.result(words) }
}

extension RecordVerdict {
    /// The same as a policy has it; of a gap there is none to be had.
    fileprivate var action: RuleAction {
        switch self {
        case .allow, .gap: .allow
        case .block: .block
        case .rewrite: .rewrite
        }
    }
}

extension DecisionRecord {
    /// Whether its answer had, or would have if it were allowed, names of others in it.
    fileprivate var mayHaveChain: Bool { source != .local && source != .error }
}
