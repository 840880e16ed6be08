import Glibc

/// A name read out of a message and freed of compression, in a buffer made once.
@safe struct NameScratch: ~Copyable {
    /// The octets of the name as they were written, the root's zero included.
    let octets: UnsafeMutablePointer<UInt8>
    /// The same in lower case, for comparing.
    let lowercase: UnsafeMutablePointer<UInt8>
    /// The length of the name; 0 before one was read.
    private(set) var count = 0

    /// The most labels that fit a name: no sender needs more pointers.
    private static let maximumPointers = DomainName.maximumOctets / 2

    init() {
        unsafe octets = .allocate(capacity: DomainName.maximumOctets)
        unsafe lowercase = .allocate(capacity: DomainName.maximumOctets)
    }

    deinit {
        unsafe octets.deallocate()
        unsafe lowercase.deallocate()
    }

    /// Reads the name at an offset of a message (RFC 1035 section 4.1.4).
    ///
    /// A pointer must lead to before the place where the present run of labels began, so a chain of
    /// pointers always ends (RFC 9267 section 2 lists what happens where this is not asked for); and
    /// there may be as many as a name has labels, so that reading one never takes long.
    ///
    /// - Returns: the offset behind the name, or nil where it is no name.
    mutating func read(_ message: Span<UInt8>, at start: Int) -> Int? {
        count = 0
        var index = start
        var runStart = start
        var end: Int?
        var length = 0
        var pointers = 0
        while true {
            guard index < message.count else { return nil }
            let octet = Int(message[index])
            if octet >= 0xC0 {
                guard index + 1 < message.count else { return nil }
                let target = (octet & 0x3F) << 8 | Int(message[index + 1])
                pointers += 1
                guard target < runStart, target >= Query.headerLength,
                    pointers <= Self.maximumPointers
                else { return nil }
                if end == nil { end = index + 2 }
                runStart = target
                index = target
                continue
            }
            guard octet <= DomainName.maximumLabelOctets,
                length + octet + 1 <= DomainName.maximumOctets,
                index + octet + 1 <= message.count
            else { return nil }
            // SAFETY: `length + octet + 1` is at most 255, and `index + octet + 1` at most the
            // message's count, both checked just above. A length octet is no letter.
            for offset in 0...octet {
                let value = unsafe message[unchecked: index + offset]
                unsafe octets[length + offset] = value
                unsafe lowercase[length + offset] = value.asciiLowercased
            }
            length += octet + 1
            index += octet + 1
            if octet == 0 { break }
        }
        count = length
        return end ?? index
    }

    /// Whether the name is the one given in lower case.
    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard other.count == count, let start = other.baseAddress else { return false }
        // SAFETY: both hold the number of octets compared.
        return unsafe memcmp(start, lowercase, count) == 0
    }

    /// Whether the name is equal to `other` (in lower case) or an ancestor of it.
    func isEqualOrAbove(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count > 0, other.count >= count else { return false }
        var index = 0
        // SAFETY: `index` stays below `other.count`: it moves by whole labels of a valid name.
        while other.count - index > count {
            let step = unsafe Int(other[index]) + 1
            guard step > 1 else { return false }
            index += step
        }
        guard other.count - index == count else { return false }
        return unsafe other[index...].elementsEqual(
            UnsafeRawBufferPointer(start: lowercase, count: count))
    }
}

/// What a record's data is made of, so that names inside can be freed of compression.
///
/// Only the types that RFC 3597 section 4 lets senders compress, or receivers expect compressed,
/// are here; the data of every other type is passed on octet by octet.
enum RecordDataLayout {
    /// Some octets that are no name, then so many names, then so many octets of numbers.
    /// `mayCompress`: whether the names may be written with pointers (RFC 3597 section 4).
    case names(skip: Int, count: Int, rest: Int, mayCompress: Bool)
    /// Some octets that are no name, then a name that never has pointers, then anything: it goes on
    /// as it is, and a pointer in it would mean another name where it then lies.
    case plainName(skip: Int)
    /// So many octets, neither more nor fewer.
    case octets(Int)
    /// No names: opaque.
    case opaque

    init(_ type: RecordType) {
        switch type.rawValue {
        case 1: self = .octets(4)
        case 28: self = .octets(16)
        // NS, MD, MF, CNAME, MB, MG, MR, PTR
        case 2, 3, 4, 5, 7, 8, 9, 12:
            self = .names(skip: 0, count: 1, rest: 0, mayCompress: true)
        case 6: self = .names(skip: 0, count: 2, rest: 20, mayCompress: true)  // SOA
        case 14: self = .names(skip: 0, count: 2, rest: 0, mayCompress: true)  // MINFO
        case 15: self = .names(skip: 2, count: 1, rest: 0, mayCompress: true)  // MX
        case 17: self = .names(skip: 0, count: 2, rest: 0, mayCompress: false)  // RP
        // AFSDB, RT, KX
        case 18, 21, 36: self = .names(skip: 2, count: 1, rest: 0, mayCompress: false)
        case 26: self = .names(skip: 2, count: 2, rest: 0, mayCompress: false)  // PX
        case 33: self = .names(skip: 6, count: 1, rest: 0, mayCompress: false)  // SRV
        case 39: self = .names(skip: 0, count: 1, rest: 0, mayCompress: false)  // DNAME
        case 24, 46: self = .plainName(skip: 18)  // SIG, RRSIG
        case 30, 47: self = .plainName(skip: 0)  // NXT, NSEC
        case 64, 65: self = .plainName(skip: 2)  // SVCB, HTTPS
        default: self = .opaque
        }
    }
}

extension Span<UInt8> {
    /// Whether a whole name without pointers lies at `start` and ends at `limit` or before.
    func hasPlainName(at start: Int, before limit: Int) -> Bool {
        var index = start
        while index < limit, index - start < DomainName.maximumOctets {
            let length = Int(self[index])
            guard length <= DomainName.maximumLabelOctets else { return false }
            index += length + 1
            if length == 0 { return true }
        }
        return false
    }
}
