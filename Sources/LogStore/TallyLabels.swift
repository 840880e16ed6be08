import DNSWire
import DecisionLog

/// The values of those keys that a class gives, each combination once.
struct TallyLabels {
    private let keys: [TallyKey]
    /// By number, in the order of the keys.
    private(set) var texts: [[String?]] = []
    private var numbers: [[String?]: UInt32] = [:]
    /// By class, its definition numbered as below.
    private var numberOfClass: [DecisionClass: UInt32] = [:]
    private var definitionNumbers: [ObjectIdentifier: UInt16] = [:]
    private var contentNumbers: [[UInt8]: UInt16] = [:]
    /// Keeps the definitions, so that their addresses stand for them alone.
    private var definitions: [ResolvedDictionary] = []

    init(_ keys: [TallyKey]) { self.keys = keys }

    /// The number of each class of a chunk.
    mutating func numbers(of chunk: Chunk) -> [UInt32] {
        if keys.isEmpty {
            if texts.isEmpty { texts.append([]) }
            return [UInt32](repeating: 0, count: chunk.classes.count)
        }
        let definitions = chunk.definitions.map { number(of: $0) }
        return chunk.classes.map { rank in
            var own = rank
            own.definition = definitions[Int(rank.definition)]
            if let known = numberOfClass[own] { return known }
            let number = number(of: texts(rank, chunk.definitions[Int(rank.definition)]))
            numberOfClass[own] = number
            return number
        }
    }

    private mutating func number(of values: [String?]) -> UInt32 {
        if let known = numbers[values] { return known }
        texts.append(values)
        numbers[values] = UInt32(texts.count - 1)
        return UInt32(texts.count - 1)
    }

    /// Definitions of the same content have one number, whichever file they come from.
    private mutating func number(of definition: ResolvedDictionary) -> UInt16 {
        if let known = definitionNumbers[ObjectIdentifier(definition)] { return known }
        let content = definition.encoded
        let number = contentNumbers[content] ?? UInt16(truncatingIfNeeded: contentNumbers.count)
        contentNumbers[content] = number
        definitionNumbers[ObjectIdentifier(definition)] = number
        definitions.append(definition)
        return number
    }

    private func texts(_ rank: DecisionClass, _ definition: ResolvedDictionary) -> [String?] {
        let row = DecisionRow(
            seq: 0, record: rank.record, gap: nil, name: [], via: [], dictionary: definition)
        return keys.map { key in
            switch key {
            case .group: row.group
            case .category: row.category
            case .rule: row.rule
            case .verdict: row.verdict.description
            case .concern: row.concern
            case .list: row.list
            case .period: row.period
            case .device: row.device
            case .policy: row.policy
            case .quarter, .day, .client, .name: nil
            }
        }
    }
}
