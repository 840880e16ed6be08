/// The data of an SVCB or HTTPS record, read where it lies in a message (RFC 9460 section 2.2).
///
///     | SvcPriority, 2 | TargetName, no pointers … | SvcParams: | key, 2 | length, 2 | value … | … |
///
/// Never allocates and never trusts a length.
struct ServiceBinding {
    /// SvcPriority; 0 makes it an alias (section 2.4.2).
    let priority: UInt16
    /// Where TargetName begins, and where SvcParams do.
    let target: Int
    let parameters: Int
    /// Where the data ends.
    let end: Int

    /// SvcParamKeys (section 14.3.2).
    private enum Key {
        static let mandatory: UInt16 = 0
        static let ipv4hint: UInt16 = 4
        static let ech: UInt16 = 5
        static let ipv6hint: UInt16 = 6
    }

    /// Takes the data of a record; nil where it has no whole TargetName.
    init?(_ message: Span<UInt8>, at start: Int, count: Int) {
        end = start + count
        guard start >= 0, count > 2, end <= message.count else { return nil }
        priority = message.bigEndian16(at: start)
        target = start + 2
        var index = target
        while true {
            guard index < end, index - target < DomainName.maximumOctets else { return nil }
            let length = Int(message[index])
            guard length <= DomainName.maximumLabelOctets else { return nil }
            index += length + 1
            if length == 0 { break }
        }
        guard index <= end, index - target <= DomainName.maximumOctets else { return nil }
        parameters = index
    }

    /// Whether it leads somewhere else, and says no more than that.
    var isAlias: Bool { priority == 0 }

    /// What a client gets that must find its way by names alone.
    enum Fate: Equatable {
        /// The record as it is.
        case whole
        /// The record without some of its keys.
        case stripped
        /// Nothing: it cannot be read, so nobody knows what it holds (section 2.2).
        case dropped
    }

    /// Looks for the keys that are taken out (`ech`, `ipv4hint` and `ipv6hint`), and for their
    /// mention in `mandatory`.
    func fate(_ message: Span<UInt8>) -> Fate {
        if isAlias { return .whole }
        var fate = Fate.whole
        var index = parameters
        var last = -1
        while index < end {
            guard let next = next(message, index) else { return .dropped }
            let key = message.bigEndian16(at: index)
            // In strictly ascending order, so each key once (section 2.2).
            guard Int(key) > last else { return .dropped }
            if key == Key.mandatory {
                guard isList(message, from: index + 4, to: next) else { return .dropped }
                for place in stride(from: index + 4, to: next, by: 2)
                where Self.isTakenOut(message.bigEndian16(at: place)) { fate = .stripped }
            } else if Self.isTakenOut(key) {
                fate = .stripped
            }
            last = Int(key)
            index = next
        }
        return fate
    }

    /// Writes the data without the keys that are taken out, and without their mention in
    /// `mandatory` (section 8); `fate` must not be `dropped`.
    func putStripped(_ message: Span<UInt8>, into writer: inout MessageWriter) {
        writer.put(message.extracting(target - 2..<parameters))
        var index = parameters
        while index < end, let next = next(message, index) {
            let key = message.bigEndian16(at: index)
            if key == Key.mandatory {
                putMandatory(message, from: index + 4, to: next, into: &writer)
            } else if !Self.isTakenOut(key) {
                writer.put(message.extracting(index..<next))
            }
            index = next
        }
    }

    private static func isTakenOut(_ key: UInt16) -> Bool {
        key == Key.ech || key == Key.ipv4hint || key == Key.ipv6hint
    }

    /// Where the parameter at an offset ends; nil where it does not fit.
    private func next(_ message: Span<UInt8>, _ index: Int) -> Int? {
        guard index + 4 <= end else { return nil }
        let next = index + 4 + Int(message.bigEndian16(at: index + 2))
        return next <= end ? next : nil
    }

    /// Whether it is a list of keys in ascending order, without `mandatory` itself (section 8).
    private func isList(_ message: Span<UInt8>, from start: Int, to end: Int) -> Bool {
        guard start < end, (end - start) % 2 == 0 else { return false }
        var last: UInt16 = Key.mandatory
        for index in stride(from: start, to: end, by: 2) {
            let key = message.bigEndian16(at: index)
            guard key > last else { return false }
            last = key
        }
        return true
    }

    private func putMandatory(
        _ message: Span<UInt8>, from start: Int, to end: Int, into writer: inout MessageWriter
    ) {
        var kept: UInt16 = 0
        for index in stride(from: start, to: end, by: 2)
        where !Self.isTakenOut(message.bigEndian16(at: index)) { kept += 1 }
        guard kept > 0 else { return }
        writer.put16(Key.mandatory)
        writer.put16(2 * kept)
        for index in stride(from: start, to: end, by: 2) {
            let key = message.bigEndian16(at: index)
            if !Self.isTakenOut(key) { writer.put16(key) }
        }
    }
}

extension RecordType {
    /// Whether its data is that of a service binding.
    var isServiceBinding: Bool { self == .svcb || self == .https }
}
