import DNSWire

/// What a device learns from an answer packet, and nothing else: no look at the policy.
struct DemoAnswer {
    /// The answer's response code.
    private(set) var rcode = ResponseCode.servFail
    /// How long the device may keep it: the least TTL of its records; nil without records.
    private(set) var ttlSeconds: UInt32?
    /// The other name that the one asked for leads to; nil where there is none.
    private(set) var alias: DomainName?
    /// The first address.
    private(set) var address: IPAddress?
    /// The extended error (RFC 8914).
    private(set) var extendedError: ExtendedErrorCode?
    /// The text that came with it.
    private(set) var notice = ""

    /// Reads a message; nil if it is no whole answer with this ID.
    init?(_ message: [UInt8], id: UInt16) {
        var reader = OctetReader(octets: message[...])
        guard reader.take16() == id, let flags = reader.take16(), flags & 0x8000 != 0,
            let questions = reader.take16(), let answers = reader.take16(),
            let authorities = reader.take16(), let additionals = reader.take16()
        else { return nil }
        rcode = ResponseCode(rawValue: flags & 0xF)
        for _ in 0..<questions {
            guard reader.skipName(), reader.take(4) != nil else { return nil }
        }
        for _ in 0..<Int(answers) + Int(authorities) + Int(additionals) {
            guard reader.skipName(), let type = reader.take16(), reader.take16() != nil,
                let ttl = reader.take32(), let length = reader.take16(),
                let data = reader.take(Int(length))
            else { return nil }
            note(RecordType(type), ttl, data)
        }
    }

    /// Whether the answer says of itself that a policy blocks the name.
    var isBlocked: Bool { extendedError == .blocked || extendedError == .filtered }

    /// Whether it leads somewhere.
    var isAllowed: Bool { !isBlocked && rcode == .noError && address != nil }

    private mutating func note(_ type: RecordType, _ ttl: UInt32, _ data: ArraySlice<UInt8>) {
        guard type != .opt else { return noteOptions(data) }
        ttlSeconds = min(ttlSeconds ?? ttl, ttl)
        if type == .cname, alias == nil { alias = DomainName(wire: data) }
        var reader = OctetReader(octets: data)
        if type == .a, data.count == 4, let value = reader.take32(), address == nil {
            address = IPAddress(v4: value)
        }
    }

    /// Looks for option 15 (RFC 8914 section 2): a code and a text.
    private mutating func noteOptions(_ data: ArraySlice<UInt8>) {
        var reader = OctetReader(octets: data)
        while let code = reader.take16(), let length = reader.take16(),
            let value = reader.take(Int(length))
        {
            var inner = OctetReader(octets: value)
            guard code == 15, let error = inner.take16() else { continue }
            extendedError = ExtendedErrorCode(rawValue: error)
            notice = String(decoding: inner.octets, as: UTF8.self)
        }
    }
}

/// Takes numbers off the front of some octets; nil where there are not enough.
private struct OctetReader {
    var octets: ArraySlice<UInt8>

    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard octets.count >= count else { return nil }
        defer { octets = octets.dropFirst(count) }
        return octets.prefix(count)
    }

    mutating func take16() -> UInt16? {
        take(2).map { $0.reduce(0) { $0 << 8 | UInt16($1) } }
    }

    mutating func take32() -> UInt32? {
        take(4).map { $0.reduce(0) { $0 << 8 | UInt32($1) } }
    }

    /// Goes past a name, which ends with a zero or with a pointer (RFC 1035 section 4.1.4).
    mutating func skipName() -> Bool {
        while let length = take(1)?.first {
            if length == 0 { return true }
            if length >= 0xC0 { return take(1) != nil }
            guard take(Int(length)) != nil else { return false }
        }
        return false
    }
}
