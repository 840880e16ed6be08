import DNSServer
import DNSWire

/// What a probe reads out of an answer.
struct ProbeAnswer: Equatable {
    var rcode: UInt16
    /// The extended error (RFC 8914), if there is one.
    var errorCode: UInt16?
    var errorText = ""
    /// The greatest TTL of its records, in seconds; `nil` without records.
    var ttlSeconds: UInt32?

    /// The rule that let the name through; `nil` where it was not let through.
    var allowedBy: String? { told(ProbeText.allowed) }

    /// The host that safe search puts in the name's place; `nil` where it does not.
    var madeSafeAs: String? { told(ProbeText.rewritten) }

    private func told(_ beginning: String) -> String? {
        guard errorCode == ExtendedErrorCode.other.rawValue, errorText.hasPrefix(beginning)
        else { return nil }
        return String(errorText.dropFirst(beginning.count))
    }

    /// Reads a message; `nil` if it is no whole answer.
    init?(_ message: [UInt8]) {
        var cursor = MessageCursor(bytes: message)
        guard message.count >= 12, message[2] & 0x80 != 0 else { return nil }
        rcode = UInt16(message[3] & 0x0F)
        let counts = stride(from: 4, to: 12, by: 2).map {
            Int(message[$0]) << 8 | Int(message[$0 + 1])
        }
        cursor.offset = 12
        for _ in 0..<counts[0] {
            guard cursor.skipName(), cursor.take(4) != nil else { return nil }
        }
        for _ in 0..<counts[1...].reduce(0, +) {
            guard cursor.skipName(), let head = cursor.take(10),
                let value = cursor.take(Int(head[8]) << 8 | Int(head[9]))
            else { return nil }
            if head[0] == 0, head[1] == UInt8(RecordType.opt.rawValue) {
                rcode |= UInt16(head[4]) << 4
                takeOptions(value)
            } else {
                let ttl = head[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                ttlSeconds = max(ttlSeconds ?? 0, ttl)
            }
        }
    }

    private mutating func takeOptions(_ octets: [UInt8]) {
        var cursor = MessageCursor(bytes: octets)
        while let head = cursor.take(4),
            let value = cursor.take(Int(head[2]) << 8 | Int(head[3]))
        {
            guard head[0] == 0, head[1] == 15, value.count >= 2 else { continue }
            errorCode = UInt16(value[0]) << 8 | UInt16(value[1])
            errorText = String(decoding: value.dropFirst(2), as: UTF8.self)
        }
    }
}

/// Goes through octets and never beyond them.
private struct MessageCursor {
    let bytes: [UInt8]
    var offset = 0

    mutating func take(_ count: Int) -> [UInt8]? {
        guard offset + count <= bytes.count else { return nil }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    mutating func skipName() -> Bool {
        while offset < bytes.count {
            let length = Int(bytes[offset])
            if length >= 0xC0 { return take(2) != nil }
            guard take(length + 1) != nil else { return false }
            if length == 0 { return true }
        }
        return false
    }
}
