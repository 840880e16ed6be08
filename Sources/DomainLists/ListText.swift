import DNSWire

/// Small questions about the text of a list. All ranges lie within the text.
extension Span<UInt8> {
    /// Whether `prefix` is written at `start`, before `end`.
    func hasPrefix(_ prefix: StaticString, _ start: Int, _ end: Int) -> Bool {
        let octets = prefix.utf8CodeUnitCount
        guard start >= 0, end <= count, start &+ octets <= end else { return false }
        for index in 0..<octets {
            // SAFETY: a static string holds as many octets as it says.
            let expected = unsafe prefix.utf8Start[index]
            if self[start &+ index] != expected { return false }
        }
        return true
    }

    /// The first place of `octet` from `start`, before `end`.
    func first(_ octet: UInt8, _ start: Int, _ end: Int) -> Int? {
        var index = start
        while index < end {
            if self[index] == octet { return index }
            index &+= 1
        }
        return nil
    }

    /// Where the word that starts at `start` ends: at a blank, at `#`, or at `end`.
    func wordEnd(_ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end {
            let octet = self[index]
            if octet.isBlank || octet == UInt8(ascii: "#") { return index }
            index &+= 1
        }
        return end
    }

    /// The first place from `start` that is no blank; `end` where there is none.
    func skipBlanks(_ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, self[index].isBlank { index &+= 1 }
        return index
    }

    /// Whether nothing but blanks and a comment lies between `start` and `end`.
    func isBlankOrComment(_ start: Int, _ end: Int) -> Bool {
        let index = skipBlanks(start, end)
        guard index < end else { return true }
        let octet = self[index]
        return octet == UInt8(ascii: "#")
            || (index > start && (octet == UInt8(ascii: ";") || octet == UInt8(ascii: "!")))
    }

    /// Whether an IP address is written from `start` to `end`, as a hosts file has it; a zone index
    /// (`fe80::1%eth0`) is allowed.
    func isAddress(_ start: Int, _ end: Int) -> Bool {
        guard start < end else { return false }
        // What is no address mostly shows in the first octets.
        for index in start..<Swift.min(end, start &+ 5) {
            switch self[index] {
            case UInt8(ascii: "."): return isAddressV4(start, end)
            case UInt8(ascii: ":"): return isAddressV6(start, end)
            default: continue
            }
        }
        return false
    }

    private func isAddressV4(_ start: Int, _ end: Int) -> Bool {
        var dots = 0
        var digits = 0
        var value = 0
        for index in start..<end {
            if let digit = self[index].decimalDigit {
                digits &+= 1
                value = value &* 10 &+ digit
                if digits > 3 || value > 255 { return false }
            } else {
                guard self[index] == UInt8(ascii: "."), digits > 0 else { return false }
                dots &+= 1
                digits = 0
                value = 0
            }
        }
        return dots == 3 && digits > 0
    }

    private func isAddressV6(_ start: Int, _ end: Int) -> Bool {
        var colons = 0
        var digits = 0
        for index in start..<end {
            switch self[index] {
            case UInt8(ascii: ":"):
                colons &+= 1
                digits = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"):
                digits &+= 1
                if digits > 4 { return false }
            // The last 32 bits may be written as IPv4; nobody blocks by such a line's address.
            case UInt8(ascii: ".") where colons >= 2: digits = 0
            case UInt8(ascii: "%"): return colons >= 2
            default: return false
            }
        }
        return colons >= 2 && colons <= 8
    }

    /// The text from `start` to `end`; what is no UTF-8 is replaced.
    func text(_ start: Int, _ end: Int) -> String {
        var octets: [UInt8] = []
        octets.reserveCapacity(Swift.max(0, end &- start))
        var index = start
        while index < end {
            octets.append(self[index])
            index &+= 1
        }
        return String(decoding: octets, as: UTF8.self)
    }

    /// Calls `body` for each line until it returns false: its number from 1, and where it starts
    /// and ends without the blanks around it. Empty lines are left out; a byte order mark is
    /// skipped.
    @inline(__always)
    func forEachLine(_ body: (_ line: Int, _ start: Int, _ end: Int) -> Bool) {
        var next = hasPrefix("\u{FEFF}", 0, count) ? 3 : 0
        var line = 0
        while next < count {
            var start = next
            var end = start
            while end < count, self[end] != 0x0A { end &+= 1 }
            next = end &+ 1
            line &+= 1
            while start < end, self[start].isBlank { start &+= 1 }
            while end > start, self[end &- 1].isBlank { end &-= 1 }
            if start < end, !body(line, start, end) { return }
        }
    }
}

extension UInt8 {
    /// Space, tab, and what else ends a line or a page; no other control character.
    @inline(__always) var isBlank: Bool { self == 0x20 || self &- 0x09 < 5 }
}
