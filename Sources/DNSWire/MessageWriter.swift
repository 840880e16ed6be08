/// Writes a DNS message into a buffer that somebody else made.
///
/// A write that does not fit changes nothing but `overflowed`, so that a caller writes everything
/// and asks once at the end. Never allocates.
@safe @frozen public struct MessageWriter {
    /// How many octets have been written.
    public var count = 0
    /// Whether something did not fit.
    public var overflowed = false
    /// The room that there is, in octets.
    public let capacity: Int
    @usableFromInline let base: UnsafeMutablePointer<UInt8>

    /// Takes a buffer, which must outlive the writer.
    ///
    /// - Parameters:
    ///   - base: the first octet.
    ///   - capacity: how many octets may be written there.
    @inlinable public init(_ base: UnsafeMutablePointer<UInt8>, capacity: Int) {
        // SAFETY: every write below is checked against `capacity`.
        unsafe self.base = base
        self.capacity = capacity
    }

    @inlinable @inline(__always) mutating func reserve(_ octets: Int) -> Bool {
        guard octets <= capacity &- count else {
            overflowed = true
            return false
        }
        return true
    }

    /// Writes one octet.
    @inlinable @inline(__always) public mutating func put8(_ value: UInt8) {
        guard reserve(1) else { return }
        unsafe base[count] = value
        count &+= 1
    }

    /// Writes a 16-bit number in network byte order.
    @inlinable @inline(__always) public mutating func put16(_ value: UInt16) {
        guard reserve(2) else { return }
        store(value.bigEndian, at: count)
        count &+= 2
    }

    /// Writes a 32-bit number in network byte order.
    @inlinable @inline(__always) public mutating func put32(_ value: UInt32) {
        guard reserve(4) else { return }
        store(value.bigEndian, at: count)
        count &+= 4
    }

    @inlinable @inline(__always)
    func store(_ number: some FixedWidthInteger & BitwiseCopyable, at offset: Int) {
        // SAFETY: the caller has seen that the number lies within the capacity.
        unsafe UnsafeMutableRawPointer(base + offset).storeBytes(
            of: number, as: type(of: number).self)
    }

    /// Writes octets as they are.
    @inlinable public mutating func put(_ octets: UnsafeRawBufferPointer) {
        guard reserve(octets.count) else { return }
        // SAFETY: the source holds `octets.count` octets and the room was just checked.
        if let source = octets.baseAddress {
            unsafe UnsafeMutableRawPointer(base + count).copyMemory(
                from: source, byteCount: octets.count)
        }
        count += octets.count
    }

    /// Writes the octets of a text as they are.
    @inlinable public mutating func put(_ text: StaticString) {
        // SAFETY: a static string's octets live for ever; none of ours is a single scalar.
        unsafe put(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Writes octets as they are.
    @inlinable public mutating func put(_ octets: [UInt8]) {
        unsafe octets.withUnsafeBytes { unsafe put($0) }
    }

    /// Writes a part of another message as it is.
    @inlinable public mutating func put(_ octets: Span<UInt8>) {
        unsafe octets.withUnsafeBytes { unsafe put($0) }
    }

    /// Overwrites a 16-bit number that was written before.
    @inlinable public mutating func patch16(_ value: UInt16, at offset: Int) {
        guard offset >= 0, offset <= count &- 2 else { return }
        store(value.bigEndian, at: offset)
    }

    /// Overwrites a 32-bit number that was written before.
    @inlinable public mutating func patch32(_ value: UInt32, at offset: Int) {
        guard offset >= 0, offset <= count &- 4 else { return }
        store(value.bigEndian, at: offset)
    }

    /// Goes back to an earlier length, as if nothing had been written or overflowed since.
    @inlinable public mutating func rewind(to earlier: Int) {
        count = min(count, max(0, earlier))
        overflowed = false
    }
}

/// The parts of a message that every answer has.
extension MessageWriter {
    /// Writes the header; the counts are patched in by `finishHeader`.
    ///
    /// - Parameter flags: AD, TC as wanted; QR, RA, and the query's RD and CD are added here.
    @inlinable public mutating func putHeader(
        answering query: Query, rcode: ResponseCode, flags: UInt16 = 0
    ) {
        let kept = Query.recursionDesiredFlag | Query.checkingDisabledFlag | 0x7800
        let all =
            Query.responseFlag | Query.recursionAvailableFlag | query.flags & kept | flags
            | rcode.rawValue & 0x0F
        guard reserve(Query.headerLength) else { return }
        store((UInt64(query.id) << 48 | UInt64(all) << 32).bigEndian, at: count)
        store(UInt32(0), at: count &+ 8)
        count &+= Query.headerLength
    }

    /// Fills in the section counts (RFC 1035 section 4.1.1).
    @inlinable public mutating func finishHeader(
        questions: Int, answers: Int = 0, authorities: Int = 0, additionals: Int = 0
    ) {
        guard count >= Query.headerLength else { return }
        let counts =
            UInt64(UInt16(truncatingIfNeeded: questions)) << 48
            | UInt64(UInt16(truncatingIfNeeded: answers)) << 32
            | UInt64(UInt16(truncatingIfNeeded: authorities)) << 16
            | UInt64(UInt16(truncatingIfNeeded: additionals))
        store(counts.bigEndian, at: 4)
    }

    /// Repeats the question, letter case and all.
    @inlinable public mutating func putQuestion(_ message: Span<UInt8>, of query: Query) {
        unsafe message.withUnsafeBytes { octets in
            // SAFETY: `questionEnd` was checked against the message when the query was read.
            unsafe put(
                UnsafeRawBufferPointer(rebasing: octets[Query.headerLength..<query.questionEnd]))
        }
    }

    /// Writes owner (the qname, by pointer), type, class IN and TTL of a record.
    @inlinable public mutating func putRecordHead(type: RecordType, ttlSeconds: UInt32) {
        guard reserve(10) else { return }
        storeRecordHead(type: type, ttlSeconds: ttlSeconds)
        count &+= 10
    }

    /// Stores those ten octets, for which there must be room.
    @inlinable @inline(__always)
    func storeRecordHead(type: RecordType, ttlSeconds: UInt32) {
        let owner: UInt64 = 0xC000 | UInt64(truncatingIfNeeded: Query.headerLength)
        store((owner << 48 | UInt64(type.rawValue) << 32 | 1 << 16).bigEndian, at: count)
        store(ttlSeconds.bigEndian, at: count &+ 6)
    }

    /// Writes the SOA record that tells how long "there is nothing here" holds (RFC 2308, 5).
    ///
    /// The owner is the qname; TTL and MINIMUM are the same, so that a client that heeds either
    /// forgets in time.
    @inlinable public mutating func putNegativeSOA(ttlSeconds: UInt32) {
        let names = Self.soaNames.utf8CodeUnitCount
        guard reserve(12 &+ names &+ 20) else { return }
        storeRecordHead(type: .soa, ttlSeconds: ttlSeconds)
        count &+= 10
        store(UInt16(truncatingIfNeeded: names &+ 20).bigEndian, at: count)
        count &+= 2
        // SAFETY: a static string's octets live for ever, and the room was just checked.
        unsafe UnsafeMutableRawPointer(base + count).copyMemory(
            from: Self.soaNames.utf8Start, byteCount: names)
        count &+= names
        // SERIAL and REFRESH, RETRY and EXPIRE, MINIMUM.
        store((1 << 32 | 3600 as UInt64).bigEndian, at: count)
        store((600 << 32 | 86400 as UInt64).bigEndian, at: count &+ 8)
        store(ttlSeconds.bigEndian, at: count &+ 16)
        count &+= 20
    }

    /// MNAME `bellgate.invalid.` and RNAME `hostmaster` under it, by pointer-free wire format.
    @inlinable static var soaNames: StaticString {
        "\u{8}bellgate\u{7}invalid\0\u{A}hostmaster\u{8}bellgate\u{7}invalid\0"
    }

    /// Writes the OPT record, with an extended error if there is room for it (RFC 8914).
    ///
    /// Where the text does not fit it is cut at a character, and where not even the code fits the
    /// record goes without it.
    ///
    /// - Parameters:
    ///   - query: the query, which must have an OPT record itself.
    ///   - payloadSize: what this server takes by UDP, in octets.
    ///   - rcode: the response code, whose upper eight bits go here.
    ///   - extendedError: the INFO-CODE, or nil for none.
    ///   - text: EXTRA-TEXT in UTF-8; empty for none.
    @inlinable public mutating func putOPT(
        answering query: Query, payloadSize: UInt16, rcode: ResponseCode,
        extendedError: ExtendedErrorCode? = nil,
        text: UnsafeRawBufferPointer? = nil
    ) {
        guard reserve(11) else { return }
        // The root as owner, type and class; the TTL's four octets; RDLENGTH.
        let kind = UInt32(RecordType.opt.rawValue) << 16 | UInt32(payloadSize)
        let extended = UInt32(UInt8(truncatingIfNeeded: rcode.rawValue >> 4)) << 24
        let flags: UInt32 = query.dnssecOK ? 0x8000 : 0
        store(UInt8(0), at: count)
        store(kind.bigEndian, at: count &+ 1)
        store((extended | flags).bigEndian, at: count &+ 5)
        store(UInt16(0), at: count &+ 9)
        count &+= 11
        let room = capacity - count
        guard let extendedError, room >= 6 else { return }
        let whole = unsafe text?.count ?? 0
        var length = min(whole, room - 6)
        // SAFETY: `length` is below the text's count wherever the text is read here.
        if let text = unsafe text {
            while length > 0, length < whole, unsafe text[length] & 0xC0 == 0x80 { length -= 1 }
        }
        store(UInt16(truncatingIfNeeded: 6 &+ length).bigEndian, at: count &- 2)
        // OPTION-CODE, OPTION-LENGTH, INFO-CODE.
        store(UInt16(15).bigEndian, at: count)
        store(UInt16(truncatingIfNeeded: 2 &+ length).bigEndian, at: count &+ 2)
        store(extendedError.rawValue.bigEndian, at: count &+ 4)
        count &+= 6
        if let text = unsafe text { unsafe put(UnsafeRawBufferPointer(rebasing: text[..<length])) }
    }
}

/// The INFO-CODE of an extended DNS error (RFC 8914 section 4).
@frozen public struct ExtendedErrorCode: RawRepresentable, Hashable, Sendable {
    /// The number on the wire.
    public var rawValue: UInt16
    /// Takes the number on the wire.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Something that has no code of its own; the text says what.
    @inlinable public static var other: Self { Self(rawValue: 0) }
    /// On a list by the operator's choice.
    @inlinable public static var blocked: Self { Self(rawValue: 15) }
    /// On a list because the client asked for it.
    @inlinable public static var filtered: Self { Self(rawValue: 17) }
    /// The client may not ask here.
    @inlinable public static var prohibited: Self { Self(rawValue: 18) }
    /// The kind of query is not supported.
    @inlinable public static var notSupported: Self { Self(rawValue: 21) }
    /// No upstream answered.
    @inlinable public static var noReachableAuthority: Self { Self(rawValue: 22) }
    /// The way to the upstream is broken.
    @inlinable public static var networkError: Self { Self(rawValue: 23) }
}
