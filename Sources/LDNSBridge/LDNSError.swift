import CLDNS

/// What ldns refused, in its own words.
public struct LDNSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The library's status number (`ldns_status`); 0 where the refusal is this room's own.
    public let status: UInt32
    /// One line for a person, lower case.
    public let description: String

    init(_ status: ldns_status) {
        self.status = UInt32(truncatingIfNeeded: status.rawValue)
        // SAFETY: the library returns a static NUL-terminated string, or nil.
        let text = unsafe ldns_get_errorstr_by_id(status)
        description =
            unsafe text.flatMap { unsafe String(validatingCString: $0) }?.lowercased()
            ?? "ldns status \(status.rawValue)"
    }

    init(_ description: String) {
        status = 0
        self.description = description
    }
}

/// Copies a string that ldns allocated by `malloc` and frees it.
func takeLDNSString(_ pointer: UnsafeMutablePointer<CChar>?) -> String? {
    guard let pointer = unsafe pointer else { return nil }
    // SAFETY: ldns hands over a NUL-terminated string made by malloc.
    defer { unsafe free(pointer) }
    return unsafe String(cString: pointer)
}
