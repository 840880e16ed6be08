import DNSWire
import DecisionLog
import PolicyEngine

/// Texts as numbers, so that rules of two policies and of the record are compared by a word.
struct Words {
    private(set) var texts: [String] = []
    private var numbers: [String: Int32] = [:]

    /// Stands for no text.
    static let none: Int32 = -1

    mutating func number(of text: String) -> Int32 {
        if let known = numbers[text] { return known }
        let number = Int32(truncatingIfNeeded: texts.count)
        numbers[text] = number
        texts.append(text)
        return number
    }

    mutating func number(of text: String?) -> Int32 { text.map { number(of: $0) } ?? Self.none }

    func text(_ number: Int32) -> String? {
        number >= 0 && Int(number) < texts.count ? texts[Int(number)] : nil
    }
}

/// What a policy's small numbers mean, in words of both policies and the record.
struct PolicyWords {
    /// What is said of a rule's decision.
    struct RuleWords: Equatable {
        var id: Int32
        var reason: Int32
        var answer: BlockAnswer
        var concern: Concern?
        /// Of a rewrite, the host that answers.
        var target = Words.none
    }

    private let rules: [RuleWords]
    private let categories: [Int32]
    private let groups: [Int32]
    private let byDefault: RuleWords
    private let refusal: RuleWords

    init(_ program: PolicyProgram, _ words: inout Words) {
        var numbers = words
        rules = program.rules.map { rule in
            RuleWords(
                id: numbers.number(of: rule.id), reason: numbers.number(of: rule.reason),
                answer: rule.answer, concern: rule.concern,
                target: numbers.number(of: rule.rewriteTarget.map { "\($0)" }))
        }
        categories = program.categoryNames.map { numbers.number(of: $0) }
        groups = program.policy.groups.map { numbers.number(of: $0.name) }
        byDefault = RuleWords(
            id: numbers.number(of: ReplayRule.byDefault), reason: Words.none, answer: .nxdomain)
        refusal = RuleWords(
            id: numbers.number(of: ReplayRule.refusal), reason: Words.none, answer: .refused)
        words = numbers
    }

    @inline(__always)
    func rule(_ judgement: Judgement) -> RuleWords {
        if judgement.isRefused { return refusal }
        return Int(judgement.rule) < rules.count ? rules[Int(judgement.rule)] : byDefault
    }

    @inline(__always)
    func category(_ judgement: Judgement) -> Int32 {
        Int(judgement.category) < categories.count
            ? categories[Int(judgement.category)] : Words.none
    }

    @inline(__always)
    func group(_ judgement: Judgement) -> Int32 {
        judgement.isRefused || Int(judgement.group) >= groups.count
            ? Words.none : groups[Int(judgement.group)]
    }
}

/// What stands in a rule's place where none decided.
public enum ReplayRule {
    /// The policy's default, as the record calls it.
    public static let byDefault = "default"
    /// The refusal of devices in no network, by the key that asks for it.
    public static let refusal = "unknown-devices"
}

/// What a record's small numbers mean, in the same words.
struct RecordWords {
    let hash: String
    let rules: [Int32]
    private let byDefault: Int32
    private let refusal: Int32

    init(_ dictionary: ResolvedDictionary, _ words: inout Words) {
        var numbers = words
        hash = dictionary.policyHash
        rules = dictionary.rules.map { numbers.number(of: $0) }
        byDefault = numbers.number(of: ReplayRule.byDefault)
        refusal = numbers.number(of: ReplayRule.refusal)
        words = numbers
    }

    /// The word of the deciding rule.
    @inline(__always)
    func rule(_ record: DecisionRecord) -> Int32 {
        if record.isRefusal { return refusal }
        return Int(record.rule) < rules.count ? rules[Int(record.rule)] : byDefault
    }
}

extension DecisionRecord {
    /// Whether it was refused before the policy's rules were asked.
    var isRefusal: Bool { verdict == .block && source == .error }
}
