import CLDNS

/// A DNS message that ldns has read. Owns the C packet.
@safe struct LDNSMessage: ~Copyable {
    private let packet: UnsafeMutablePointer<ldns_pkt>

    init(wire: [UInt8]) throws(LDNSError) {
        var made: UnsafeMutablePointer<ldns_pkt>?
        // SAFETY: pointer and count are of one array, alive for the call; ldns copies what it keeps.
        let status = unsafe ldns_wire2pkt(&made, wire, wire.count)
        guard status == LDNS_STATUS_OK, let made = unsafe made else {
            if let made = unsafe made { unsafe ldns_pkt_free(made) }
            throw LDNSError(status)
        }
        unsafe packet = made
    }

    deinit {
        // SAFETY: made by ldns for this owner, which is not copyable.
        unsafe ldns_pkt_free(packet)
    }

    var text: String? {
        // SAFETY: the packet lives as long as self; the string is taken over.
        unsafe takeLDNSString(ldns_pkt2str(packet))
    }
}

/// A whole DNS message in presentation format, as `drill` prints it, some comment lines included.
///
/// - Throws: `LDNSError` for octets that ldns does not take for a message.
public func messageText(_ wire: [UInt8]) throws(LDNSError) -> String {
    let message = try LDNSMessage(wire: wire)
    guard let text = message.text else { throw LDNSError("the message cannot be printed") }
    return text
}

/// Why ldns does not take `wire` for a DNS message; `nil` where it does.
///
/// A second opinion to test against. ldns does not mind trailing octets.
public func messageProblem(_ wire: [UInt8]) -> LDNSError? {
    do throws(LDNSError) {
        _ = try LDNSMessage(wire: wire)
        return nil
    } catch {
        return error
    }
}
