import DNSWire

/// Why a word of a list is no name.
enum NameProblem: UInt8 {
    case empty, emptyLabel, labelTooLong, nameTooLong, character, unicode, address

    var reason: String {
        switch self {
        case .empty: "there is no name"
        case .emptyLabel: "a label of the name is empty"
        case .labelTooLong: "a label is longer than 63 octets"
        case .nameTooLong: "the name is longer than 255 octets"
        case .character: "it has a character that no host name has"
        case .unicode: "the name has no ASCII form"
        case .address: "it is an address, not a name"
        }
    }
}

/// One name in canonical wire format, read from text without allocating. Used again for each line.
@safe struct NameBuffer: ~Copyable {
    /// The name's octets, then room that loads may touch; then where each label starts; then what
    /// each character of text means.
    private let memory: UnsafeMutablePointer<UInt8>
    private static let startsOffset = 272
    private static let tableOffset = startsOffset + 128
    private static let bytes = tableOffset + 256
    private static let dot: UInt8 = 1
    private static let beyondASCII: UInt8 = 2

    /// Octets of the name, the root's zero included.
    private(set) var count = 1
    /// Labels of the name, the root not counted.
    private(set) var labels = 0

    init() {
        unsafe memory = .allocate(capacity: Self.bytes)
        // SAFETY: writes within the memory just made; `table` has 256 places.
        unsafe memory.initialize(repeating: 0, count: Self.bytes)
        let table = unsafe memory + Self.tableOffset
        for octet in 0..<256 {
            let character = UInt8(octet)
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                unsafe table[octet] = character
            case UInt8(ascii: "A")...UInt8(ascii: "Z"):
                unsafe table[octet] = character.asciiLowercased
            case UInt8(ascii: "."): unsafe table[octet] = Self.dot
            case 0x80...: unsafe table[octet] = Self.beyondASCII
            default: break
            }
        }
    }

    deinit {
        // SAFETY: allocated here, owned by self alone.
        unsafe memory.deallocate()
    }

    /// The octets of the name.
    var wire: UnsafePointer<UInt8> {
        @inline(__always) get { unsafe UnsafePointer(memory) }
    }

    /// Where label `index` (0 is the leftmost) starts, with its length octet.
    @inline(__always)
    func label(_ index: Int) -> UnsafePointer<UInt8> {
        precondition(index >= 0 && index < labels)
        // SAFETY: `labels` is at most 127, and a start is below `count`.
        return unsafe UnsafePointer(memory + Int(memory[Self.startsOffset &+ index]))
    }

    /// Whether the name is `other`, given in wire format.
    func equals(_ other: [UInt8]) -> Bool {
        // SAFETY: `count` octets are the name.
        unsafe other.elementsEqual(UnsafeBufferPointer(start: memory, count: count))
    }

    /// Takes a name that is in wire format already.
    mutating func take(_ wireName: [UInt8]) {
        var index = 0
        labels = 0
        count = 1
        // SAFETY: at most 255 octets are written; the starts number at most 127.
        unsafe memory[0] = 0
        guard wireName.count <= 255 else { return }
        while index < wireName.count, wireName[index] != 0, labels < 127 {
            unsafe memory[Self.startsOffset + labels] = UInt8(index)
            labels += 1
            index += Int(wireName[index]) + 1
        }
        for (place, octet) in wireName.enumerated() { unsafe memory[place] = octet }
        count = wireName.count
    }

    /// Reads the name that is written from `start` up to `end`; one final dot is allowed.
    ///
    /// Letters, digits, hyphens and underscores only: what else a DNS label may hold is, in a
    /// list, a sign of a line that is not a name.
    mutating func read(_ text: Span<UInt8>, _ start: Int, _ end: Int) -> NameProblem? {
        guard start < end else { return .empty }
        // SAFETY: `write` stays below 255 by the check in the loop, `labels` below 127 since each
        // label takes two octets or more; the table has a place for every octet.
        let table = unsafe memory + Self.tableOffset
        let starts = unsafe memory + Self.startsOffset
        var labelStart = 0
        var write = 1
        var anyBits: UInt8 = 0
        var allBits: UInt8 = 0xFF
        labels = 0
        for index in start..<end {
            let meaning = unsafe table[Int(text[index])]
            if meaning > Self.beyondASCII {
                anyBits |= meaning
                allBits &= meaning
                unsafe memory[write] = meaning
                write &+= 1
                if write > 254 { return .nameTooLong }
                continue
            }
            guard meaning == Self.dot else {
                return meaning == Self.beyondASCII ? .unicode : .character
            }
            let length = write &- labelStart &- 1
            guard length > 0 else { return .emptyLabel }
            guard length <= 63 else { return .labelTooLong }
            unsafe memory[labelStart] = UInt8(truncatingIfNeeded: length)
            unsafe starts[labels] = UInt8(truncatingIfNeeded: labelStart)
            labels &+= 1
            labelStart = write
            write &+= 1
            // All digits, no letter: 0x10 is set in every digit, 0x40 in every letter.
            if write > 254 {
                let isNumeric = anyBits & 0x40 == 0 && allBits & 0x10 != 0
                return index == end &- 1 ? finish(write, isNumeric) : .nameTooLong
            }
        }
        let length = write &- labelStart &- 1
        if length > 0 {
            guard length <= 63 else { return .labelTooLong }
            unsafe memory[labelStart] = UInt8(truncatingIfNeeded: length)
            unsafe starts[labels] = UInt8(truncatingIfNeeded: labelStart)
            labels &+= 1
            write &+= 1
        }
        return finish(write, anyBits & 0x40 == 0 && allBits & 0x10 != 0)
    }

    /// Ends the name with the root; `write` is one past where the root's zero goes.
    private mutating func finish(_ write: Int, _ isNumeric: Bool) -> NameProblem? {
        guard labels > 0 else { return .emptyLabel }
        // SAFETY: `write` is 2...255.
        unsafe memory[write &- 1] = 0
        count = write
        return isNumeric && labels == 4 ? .address : nil
    }
}
