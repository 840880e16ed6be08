/// Where names have been written in a message, so that later ones can point there (RFC 1035, 4.1.4).
///
/// It knows the question's name, which stands at offset 12, and the names written since. Small and
/// searched from the front: answers have few names. Belongs to one thread.
@safe struct SuffixDictionary: ~Copyable {
    private struct Suffix {
        var start: Int
        var length: Int
        var messageOffset: Int
    }

    /// Suffixes that are remembered; further ones are written out in full.
    private static let maximumSuffixes = 96
    /// Octets of names that are remembered.
    private static let maximumOctets = 8192

    private var suffixes: [Suffix] = []
    private var octets: [UInt8] = []
    /// Where the writer's first octet will stand in the message.
    private var writerOffset = 0

    init() {
        suffixes.reserveCapacity(Self.maximumSuffixes)
        octets.reserveCapacity(Self.maximumOctets)
    }

    /// Forgets everything but the question's name (in lower case), behind which the writer starts.
    mutating func start(with qname: UnsafeRawBufferPointer) {
        suffixes.removeAll(keepingCapacity: true)
        octets.removeAll(keepingCapacity: true)
        unsafe octets.append(contentsOf: qname)
        writerOffset = Query.headerLength + qname.count + 4
        note(from: 0, literalEnd: octets.count, messageOffset: Query.headerLength)
    }

    /// Writes a name: the labels that are new, then a pointer to the rest.
    mutating func put(_ name: borrowing NameScratch, into writer: inout MessageWriter) {
        var offset = 0
        var target: Int?
        while offset < name.count - 1 {
            target = find(name, from: offset)
            if target != nil { break }
            // SAFETY: `offset` walks the labels of a name that was read whole.
            offset += unsafe Int(name.octets[offset]) + 1
        }
        let messageOffset = writerOffset + writer.count
        let start = octets.count
        if offset > 0, start + name.count <= Self.maximumOctets {
            unsafe octets.append(
                contentsOf: UnsafeBufferPointer(start: name.lowercase, count: name.count))
            note(from: start, literalEnd: start + offset, messageOffset: messageOffset)
        }
        unsafe writer.put(UnsafeRawBufferPointer(start: name.octets, count: offset))
        if let target {
            writer.put16(0xC000 | UInt16(truncatingIfNeeded: target))
        } else {
            writer.put8(0)
        }
    }

    private func find(_ name: borrowing NameScratch, from offset: Int) -> Int? {
        let length = name.count - offset
        for suffix in suffixes where suffix.length == length {
            var index = 0
            // SAFETY: both runs hold `length` octets.
            while index < length,
                unsafe octets[suffix.start + index] == name.lowercase[offset + index]
            {
                index += 1
            }
            if index == length { return suffix.messageOffset }
        }
        return nil
    }

    /// Remembers each suffix of the name at `start` whose first label was written out.
    private mutating func note(from start: Int, literalEnd: Int, messageOffset: Int) {
        let end = octets.count
        var index = start
        while index < literalEnd, octets[index] != 0 {
            let place = messageOffset + index - start
            guard suffixes.count < Self.maximumSuffixes, place < 0x4000 else { return }
            suffixes.append(Suffix(start: index, length: end - index, messageOffset: place))
            index += Int(octets[index]) + 1
        }
    }
}
