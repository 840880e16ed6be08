import CIDN

/// Turns a name as people write it into the ASCII form that the DNS carries (IDNA2008 with
/// Unicode TR46 mapping, non-transitional: `straße` keeps its ß).
///
/// Works label by label. A label of ASCII is only put into lower case, whatever IDNA would say of
/// it: real names have underscores and leading hyphens. The ideographic full stops separate labels
/// as `.` does. The result is not checked for length: that is the name parser's work.
///
/// - Returns: `nil` where a label has no ASCII form (disallowed characters, bad direction, …).
/// - Complexity: linear; allocates. For load time only.
public func idnToASCII(_ text: String) -> String? {
    guard !text.utf8.allSatisfy({ $0 < 0x80 }) else {
        return text.utf8.contains(0) ? nil : text.lowercased()
    }
    var labels: [String] = []
    for label in splitLabels(text) {
        guard let ascii = asciiLabel(label) else { return nil }
        labels.append(ascii)
    }
    return labels.joined(separator: ".")
}

/// Turns `xn--` labels into Unicode for people to read; a label that does not convert stays as
/// it is. Never for comparing: only the ASCII form identifies a name.
public func idnToUnicode(_ text: String) -> String {
    let labels = splitLabels(text).map { label -> String in
        guard label.lowercased().hasPrefix("xn--"), !label.utf8.contains(0) else {
            return String(label)
        }
        var result: UnsafeMutablePointer<CChar>?
        // SAFETY: both strings are NUL-terminated; the library allocates the result, which
        // `takeString` copies and frees.
        let status = unsafe idn2_to_unicode_8z8z(String(label), &result, 0)
        let unicode = unsafe takeString(result)
        return status == 0 ? unicode ?? String(label) : String(label)
    }
    return labels.joined(separator: ".")
}

/// U+3002, U+FF0E and U+FF61 are dots to IDNA (RFC 3490 section 3.1).
private func splitLabels(_ text: String) -> [String] {
    text.unicodeScalars
        .split(omittingEmptySubsequences: false) {
            $0 == "." || $0 == "\u{3002}" || $0 == "\u{FF0E}" || $0 == "\u{FF61}"
        }
        .map { String($0) }
}

private func asciiLabel(_ label: String) -> String? {
    guard !label.utf8.contains(0) else { return nil }
    guard !label.utf8.allSatisfy({ $0 < 0x80 }) else { return label.lowercased() }
    let flags = CInt(IDN2_NFC_INPUT.rawValue | IDN2_NONTRANSITIONAL.rawValue)
    var result: UnsafeMutablePointer<CChar>?
    // SAFETY: as in `idnToUnicode`.
    let status = unsafe idn2_to_ascii_8z(label, &result, flags)
    guard let ascii = unsafe takeString(result), status == 0 else { return nil }
    // Mapping may yield what is no part of a label: "…" becomes three dots.
    let isOneLabel = ascii.utf8.allSatisfy { octet in
        (0x61...0x7A).contains(octet) || (0x30...0x39).contains(octet) || octet == 0x2D
            || octet == 0x5F
    }
    return isOneLabel && !ascii.isEmpty ? ascii : nil
}

/// Copies a string that libidn2 allocated and frees it.
private func takeString(_ pointer: UnsafeMutablePointer<CChar>?) -> String? {
    guard let pointer = unsafe pointer else { return nil }
    // SAFETY: the library gave a NUL-terminated string and its ownership.
    defer { unsafe idn2_free(pointer) }
    return unsafe String(validatingCString: pointer)
}
