import CLDNS
public import DNSWire

/// A name that ldns holds. Owns the C rdata field.
@safe final class LDNSName {
    fileprivate var field: OpaqueField?

    /// The C pointer's type, so that it is written once.
    typealias OpaqueField = UnsafeMutablePointer<ldns_rdf>

    init?(_ text: String) {
        guard !text.utf8.contains(0) else { return nil }
        // SAFETY: NUL-terminated for the call; ldns copies.
        unsafe field = ldns_dname_new_frm_str(text)
        if unsafe field == nil { return nil }
    }

    deinit {
        // SAFETY: made by ldns for this owner alone.
        unsafe ldns_rdf_deep_free(field)
    }
}

/// A resource record that ldns has read. Owns the C record.
@safe struct LDNSRecord: ~Copyable {
    private let record: UnsafeMutablePointer<ldns_rr>

    /// Reads one record in zone file format (RFC 1035 section 5.1), all on one line.
    init(text: String, origin: LDNSName? = nil) throws(LDNSError) {
        guard !text.utf8.contains(0) else { throw LDNSError("the text has a NUL octet") }
        var made: UnsafeMutablePointer<ldns_rr>?
        // SAFETY: the text is NUL-terminated for the call, the origin outlives it; ldns copies.
        let status = unsafe ldns_rr_new_frm_str(&made, text, 3600, origin?.field, nil)
        guard status == LDNS_STATUS_OK, let made = unsafe made else { throw LDNSError(status) }
        guard unsafe ldns_rr_get_type(made).rawValue != 0 else {
            // ldns takes text without a type for a record without data.
            unsafe ldns_rr_free(made)
            throw LDNSError("the record has no type")
        }
        unsafe record = made
    }

    /// Reads one record in wire format; names in it must not be compressed.
    init(wire: [UInt8]) throws(LDNSError) {
        var made: UnsafeMutablePointer<ldns_rr>?
        var position = 0
        // SAFETY: pointer and count are of one array, alive for the call; ldns copies.
        let status = unsafe ldns_wire2rr(
            &made, wire, wire.count, &position, LDNS_SECTION_ANSWER)
        guard status == LDNS_STATUS_OK, let made = unsafe made else { throw LDNSError(status) }
        guard position == wire.count else {
            unsafe ldns_rr_free(made)
            throw LDNSError("octets follow the record")
        }
        unsafe record = made
    }

    deinit {
        // SAFETY: made by ldns for this owner, which is not copyable.
        unsafe ldns_rr_free(record)
    }

    var type: RecordType {
        // SAFETY: the record lives as long as self, here and in what follows.
        RecordType(UInt16(truncatingIfNeeded: unsafe ldns_rr_get_type(record).rawValue))
    }

    /// The owner in presentation format, with its final dot.
    var owner: String? {
        // SAFETY: as for `type`; the string is taken over.
        unsafe takeLDNSString(ldns_rdf2str(ldns_rr_owner(record)))
    }

    /// The first field of the data, in presentation format.
    var firstField: String? {
        // SAFETY: as for `type`; the count is checked, the string is taken over.
        guard unsafe ldns_rr_rd_count(record) > 0, let field = unsafe ldns_rr_rdf(record, 0)
        else { return nil }
        return unsafe takeLDNSString(ldns_rdf2str(field))
    }

    /// The record in presentation format, its line feed included.
    var text: String? {
        // SAFETY: as for `type`; the string is taken over.
        unsafe takeLDNSString(ldns_rr2str(record))
    }

    func wire() throws(LDNSError) -> [UInt8] {
        var octets: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = unsafe ldns_rr2wire(
            &octets, record, Int32(LDNS_SECTION_ANSWER.rawValue), &count)
        // SAFETY: ldns gives `count` octets made by malloc, copied here and freed.
        defer { unsafe free(octets) }
        guard status == LDNS_STATUS_OK, let octets = unsafe octets else { throw LDNSError(status) }
        return unsafe Array(UnsafeBufferPointer(start: octets, count: count))
    }
}

/// One record from zone file text, such as `www.example.com. 300 IN A 192.0.2.1`, to wire format
/// (RFC 1035 section 4.1.3), uncompressed. Relative names are completed with `origin`.
///
/// - Throws: `LDNSError` for text that is not one record.
public func recordWire(_ text: String, origin: String = ".") throws(LDNSError) -> [UInt8] {
    guard let name = LDNSName(origin) else { throw LDNSError("the origin is not a name") }
    return try LDNSRecord(text: text, origin: name).wire()
}

/// A record's data in presentation format, such as `10 mail.example.com.` for an MX.
///
/// - Parameter rdata: the data's octets; names in it must not be compressed.
/// - Throws: `LDNSError` for data that does not fit the type.
public func rdataText(_ rdata: [UInt8], type: RecordType) throws(LDNSError) -> String {
    guard rdata.count <= UInt16.max else { throw LDNSError("the data is longer than 65535 octets") }
    var wire: [UInt8] = [0]
    for value in [type.rawValue, 1, 0, 0, UInt16(rdata.count)] {
        wire.append(UInt8(value >> 8))
        wire.append(UInt8(value & 0xFF))
    }
    wire.append(contentsOf: rdata)
    // The owner, the TTL, the class and the type come first, each followed by a tab.
    guard let text = try LDNSRecord(wire: wire).text else {
        throw LDNSError("the record cannot be printed")
    }
    let fields = text.split(separator: "\t", maxSplits: 4, omittingEmptySubsequences: false)
    guard fields.count == 5 else { return "" }
    return String(fields[4].prefix { $0 != "\n" })
}
