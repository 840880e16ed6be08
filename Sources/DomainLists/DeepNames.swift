/// A name of more than `shallowLabels` labels that is being looked up, where the caller keeps it.
@safe struct DeepName {
    let wire: UnsafePointer<UInt8>
    /// Where each label starts.
    let starts: UnsafePointer<UInt8>
    /// Labels to the left of the last `shallowLabels`: at least one, at most 123.
    let deepLabels: Int

    /// Where the suffix of so many labels starts.
    @inline(__always)
    func start(_ labels: Int) -> Int {
        // SAFETY: a suffix has at least `shallowLabels` labels and at most the name's own.
        unsafe Int(starts[deepLabels &+ IndexLayout.shallowLabels &- labels])
    }

    /// Where the last `shallowLabels` labels start.
    @inline(__always) var end: Int { start(IndexLayout.shallowLabels) }
}

/// Deep names: every ancestor of a listed name is in the index, so the longest suffix that it knows
/// is found by halving. It takes eight probes where a step for each label would take 123.
extension DomainIndexView {
    /// The record of a deep name's longest known suffix, and how many labels are left of that.
    ///
    /// - Parameters:
    ///   - ancestor: the record of the name's last `shallowLabels` labels.
    ///   - hash: their hash.
    func deepest(
        of name: DeepName, under ancestor: UInt32, _ hash: UInt64
    ) -> (record: UInt32, labelsLeft: Int) {
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: DeepHashes.capacity) {
            // SAFETY: the room is as long as is asked for; the labels end where the ancestor starts.
            var hashes = unsafe DeepHashes(
                key, ancestor: hash, end: name.wire + name.end,
                room: $0.baseAddress.unsafelyUnwrapped)
            let all = name.deepLabels &+ IndexLayout.shallowLabels
            var absent = all &+ 1
            while true {
                var known = IndexLayout.shallowLabels
                var knownHash = hash
                // Who asks for a deep name often has it from whoever listed it.
                var probed = absent &- 1
                while absent &- known > 1 {
                    let suffix = hashes.hash(octets: name.end &- name.start(probed))
                    if mayHave(suffix) {
                        known = probed
                        knownHash = suffix
                    } else {
                        absent = probed
                    }
                    probed = (known &+ absent) / 2
                }
                if known == IndexLayout.shallowLabels { return (ancestor, all &- known) }
                if let record = record(of: name, labels: known, knownHash, under: ancestor) {
                    return (record, all &- known)
                }
                // Its tag was another name's; those below it may have been, too.
                absent = known
            }
        }
    }

    /// Whether a name with this hash may be there; false is certain.
    @inline(__always)
    private func mayHave(_ hash: UInt64) -> Bool {
        var isThere = false
        forEachPlace(of: hash) { _ in
            isThere = true
            return false
        }
        return isThere
    }

    /// The record of the suffix of so many labels.
    private func record(
        of name: DeepName, labels: Int, _ hash: UInt64, under ancestor: UInt32
    ) -> UInt32? {
        var found: UInt32?
        forEachPlace(of: hash) { offset in
            guard spells(offset, name, labels: labels, under: ancestor) else { return true }
            found = offset
            return false
        }
        return found
    }

    /// Whether the record at `offset` is that of the suffix of so many labels: every octet of it is
    /// compared, down to the ancestor that is known already.
    private func spells(
        _ offset: UInt32, _ name: DeepName, labels: Int, under ancestor: UInt32
    ) -> Bool {
        var offset = offset
        var labels = labels
        while labels > IndexLayout.shallowLabels {
            guard offset < recordLimit else { return false }
            let anchor = IndexLayout.anchor(labels)
            let start = name.start(labels)
            // SAFETY: an offset below the limit has the guard's 272 octets behind it, and the
            // labels of a name are at most 254.
            let record = unsafe pages + (Int(offset) &+ pairNumberBytes)
            guard
                unsafe record.load(fromByteOffset: 4, as: UInt8.self)
                    == IndexLayout.deepMark &+ UInt8(truncatingIfNeeded: labels),
                unsafe equalOctets(
                    record + 5, UnsafeRawPointer(name.wire + start),
                    name.start(anchor) &- start)
            else { return false }
            offset = unsafe record.loadUnaligned(as: UInt32.self)
            labels = anchor
        }
        return offset == ancestor
    }
}
