/// The memory in which an answer is put together as `AnswerView` reads it; made once.
@safe struct AnswerBlock: ~Copyable {
    /// Where a TTL lies in the sections, marked if it is the MINIMUM of a SOA, and its value.
    typealias TTL = (offset: UInt32, ttl: UInt32)

    /// The greatest length of an answer: of all its parts, in octets.
    private static let answerCapacity =
        AnswerView.headerLength + 8 * AnswerDistiller.maximumRecords
        + 256 * (AnswerDistiller.maximumChain + AnswerDistiller.maximumTargets + 1)
        + AnswerDistiller.sectionsCapacity

    /// Twice as long as an answer: another may follow without what is taken out for some clients.
    private let base = UnsafeMutableRawPointer.allocate(
        byteCount: 2 * answerCapacity, alignment: 8)
    private var count = 0

    deinit { unsafe base.deallocate() }

    /// The answer; valid until the next is begun.
    var answer: AnswerView {
        // SAFETY: `base` lives as long as its owner and holds `count` octets.
        unsafe AnswerView(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Begins an answer anew.
    mutating func removeAll() { count = 0 }

    /// Adds an answer: the whole one first, then the one that is stripped.
    mutating func add(
        _ taken: TakenRecords, rcode: ResponseCode, isAuthentic: Bool, ttls: [TTL],
        chain: NotedNames, targets: NotedNames, sections: UnsafeRawBufferPointer
    ) {
        let start = count
        let marks = UInt8(isAuthentic ? 1 : 0) | UInt8(taken.isSigned ? 2 : 0)
        // SAFETY: the memory is as long as the greatest lengths of all parts, twice.
        unsafe base.storeBytes(of: rcode.rawValue, toByteOffset: start, as: UInt16.self)
        unsafe base.storeBytes(of: marks, toByteOffset: start + 2, as: UInt8.self)
        unsafe base.storeBytes(
            of: UInt8(truncatingIfNeeded: chain.count + targets.count), toByteOffset: start + 3,
            as: UInt8.self)
        put(UInt16(truncatingIfNeeded: taken.answerCount), at: start + 4)
        put(UInt16(truncatingIfNeeded: taken.authorityCount), at: start + 6)
        put(taken.keptSeconds, at: start + 8)
        put(UInt32(truncatingIfNeeded: ttls.count), at: start + 12)
        put(UInt32(truncatingIfNeeded: chain.octets.count + targets.octets.count), at: start + 16)
        put(0 as UInt32, at: start + 20)
        put(0 as UInt32, at: start + AnswerView.strippedPlace)
        if start > 0 {
            put(UInt32(truncatingIfNeeded: start), at: AnswerView.strippedPlace)
        }
        count = start + AnswerView.headerLength
        for entry in ttls {
            put(entry.offset, at: count)
            put(entry.ttl, at: count + 4)
            count += 8
        }
        unsafe chain.octets.withUnsafeBytes { unsafe append($0) }
        unsafe targets.octets.withUnsafeBytes { unsafe append($0) }
        unsafe append(sections)
    }

    private func put(_ number: UInt32, at offset: Int) {
        // SAFETY: as in `add`, its caller.
        unsafe base.storeBytes(of: number, toByteOffset: offset, as: UInt32.self)
    }

    private func put(_ number: UInt16, at offset: Int) {
        // SAFETY: as in `add`, its caller.
        unsafe base.storeBytes(of: number, toByteOffset: offset, as: UInt16.self)
    }

    private mutating func append(_ octets: UnsafeRawBufferPointer) {
        // SAFETY: as in `add`, its caller.
        if let source = octets.baseAddress {
            unsafe (base + count).copyMemory(from: source, byteCount: octets.count)
        }
        count += octets.count
    }
}

/// What a distiller has taken from a message.
struct TakenRecords {
    var answerCount = 0
    var authorityCount = 0
    var isSigned = false
    /// Whether a record of the type asked for is among the answers.
    var hasFinalRecord = false
    /// Whether there is a SOA that says how long a negative answer holds.
    var hasSOA = false
    /// Whether a record has something to be taken out for some clients, or cannot be read.
    var isStrippable = false
    var leastTTLSeconds = UInt32.max

    /// For how long the answer may be kept. Without its SOA a negative answer does not say how long
    /// it holds (RFC 2308 section 5).
    var keptSeconds: UInt32 {
        leastTTLSeconds == .max || !hasFinalRecord && !hasSOA ? 0 : leastTTLSeconds
    }
}
