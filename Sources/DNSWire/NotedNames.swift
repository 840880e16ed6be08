/// Names in wire format and lower case, one behind the other, each with its length before it.
struct NotedNames {
    private(set) var octets: [UInt8] = []
    private(set) var count = 0

    /// Makes room for so many names, so that noting them allocates nothing.
    init(capacity: Int) { octets.reserveCapacity(256 * capacity) }

    mutating func removeAll() {
        octets.removeAll(keepingCapacity: true)
        count = 0
    }

    mutating func append(_ name: borrowing NameScratch) {
        octets.append(UInt8(truncatingIfNeeded: name.count))
        // SAFETY: the scratch holds `count` octets of the name that was read.
        unsafe octets.append(
            contentsOf: UnsafeBufferPointer(start: name.lowercase, count: name.count))
        count += 1
    }

    /// Calls `body` with each name and whether it is the last, until it says true; says whether it
    /// did.
    func contains(where body: (UnsafeRawBufferPointer, Bool) -> Bool) -> Bool {
        unsafe octets.withUnsafeBytes { octets in
            var offset = 0
            for number in 0..<count {
                // SAFETY: `append` wrote a length octet and so many octets for each name.
                let length = unsafe Int(octets[offset])
                let next = offset + 1 + length
                if unsafe body(
                    UnsafeRawBufferPointer(rebasing: octets[offset + 1..<next]),
                    number == count - 1)
                {
                    return true
                }
                offset = next
            }
            return false
        }
    }
}
