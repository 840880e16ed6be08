/// The questions that one socket carries, by the IDs that their answers will have: open addresses.
///
/// IDs are random, so they are their own hashes.
struct InFlightTable {
    struct Entry: Equatable {
        /// On the wire.
        var id: UInt16
        /// Which attempt of the exchange.
        var attempt: Int
        /// The number of the exchange; negative: the slot is empty.
        var exchange: Int

        static let empty = Entry(id: 0, attempt: 0, exchange: -1)
        var isEmpty: Bool { exchange < 0 }
    }

    private var slots = [Entry](repeating: .empty, count: 8)
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    /// All entries, in no order.
    var entries: [Entry] { slots.filter { !$0.isEmpty } }

    /// The question with an ID.
    func find(_ id: UInt16) -> Entry? {
        let entry = slots[slot(of: id)]
        return entry.isEmpty ? nil : entry
    }

    /// Adds a question, whose ID must not be there yet.
    mutating func insert(_ entry: Entry) {
        if (count + 1) * 2 > slots.count { grow() }
        slots[slot(of: entry.id)] = entry
        count += 1
    }

    /// Removes a question and closes the gap, so that every other one is still found.
    mutating func remove(_ id: UInt16) {
        var gap = slot(of: id)
        guard !slots[gap].isEmpty else { return }
        slots[gap] = .empty
        count -= 1
        let mask = slots.count - 1
        var index = (gap + 1) & mask
        while !slots[index].isEmpty {
            let home = Int(slots[index].id) & mask
            if (index - home) & mask >= (index - gap) & mask {
                slots[gap] = slots[index]
                slots[index] = .empty
                gap = index
            }
            index = (index + 1) & mask
        }
    }

    /// Where an ID is, or the empty slot where it would be; half of the slots are empty.
    private func slot(of id: UInt16) -> Int {
        let mask = slots.count - 1
        var index = Int(id) & mask
        while !slots[index].isEmpty, slots[index].id != id { index = (index + 1) & mask }
        return index
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: .empty, count: old.count * 2)
        for entry in old where !entry.isEmpty { slots[slot(of: entry.id)] = entry }
    }
}
