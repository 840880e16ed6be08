import DNSWire
import DomainLists

/// Look-ups, one after the other, each waiting for its memory.
final class LookUps: Work {
    private let index: DomainIndex
    private let names: WireNames
    private var next = 0

    init(_ index: DomainIndex, _ names: WireNames) {
        self.index = index
        self.names = names
    }

    func run(_ operations: Int) {
        let view = index.view
        var sum = 0
        for _ in 0..<operations {
            // SAFETY: the name's octets are kept, the index by self.
            let name = unsafe names.name(next)
            sum &+= unsafe Int(view.match(name.wire, count: name.count).set)
            next = next &+ 1 == names.count ? 0 : next &+ 1
        }
        Results.keep(sum)
    }
}

/// The same in batches, as the server takes them: the memory of each is asked for some places before
/// its turn.
final class BatchedLookUps: Work {
    private let index: DomainIndex
    private let names: WireNames
    private var next = 0
    private static let batch = 64
    /// A look-up by itself takes less than a whole query, so that more of them must be under way.
    private static let group = 8

    init(_ index: DomainIndex, _ names: WireNames) {
        self.index = index
        self.names = names
    }

    func run(_ operations: Int) {
        var left = operations
        unsafe withUnsafeTemporaryAllocation(of: DomainIndexView.LookUp.self, capacity: Self.batch)
        {
            for place in 0..<Self.batch { unsafe $0.initializeElement(at: place, to: .init()) }
            while left > 0 {
                unsafe run(batch: min(left, Self.batch), $0)
                left -= Self.batch
            }
        }
    }

    private func run(batch: Int, _ lookUps: UnsafeMutableBufferPointer<DomainIndexView.LookUp>) {
        let view = index.view
        if next + batch > names.count { next = 0 }
        var sum = 0
        // SAFETY: the names from `next` on are kept, and `lookUps` has room for the batch.
        for first in stride(from: 0, to: batch + 2 * Self.group, by: Self.group) {
            let asked = Self.places(from: first, batch)
            for place in asked {
                let name = unsafe names.name(next &+ place)
                unsafe view.begin(name.wire, count: name.count, &lookUps[place])
            }
            for place in asked { unsafe view.fetchBuckets(lookUps[place]) }
            let found = Self.places(from: first - Self.group, batch)
            for place in found { unsafe view.findRecords(&lookUps[place]) }
            for place in found { unsafe view.fetchRecords(lookUps[place]) }
            for place in Self.places(from: first - 2 * Self.group, batch) {
                let name = unsafe names.name(next &+ place)
                sum &+= unsafe Int(
                    view.match(name.wire, count: name.count, lookUps[place]).set)
            }
        }
        next &+= batch
        Results.keep(sum)
    }

    /// The places of the group that begins with `first`, as far as there are any.
    private static func places(from first: Int, _ batch: Int) -> Range<Int> {
        let low = min(max(first, 0), batch)
        return low..<max(low, min(first + group, batch))
    }
}

/// Names to ask an index for, in random order.
enum Asked {
    private static let count = 1 << 16

    /// Listed names.
    static func listed(_ names: [String]) throws -> WireNames {
        var dice = SeededGenerator(state: 7)
        return WireNames(
            try (0..<count).map { _ in
                try DomainName(parsing: names.randomElement(using: &dice) ?? "x")
            })
    }

    /// Names of the same shape that no list covers.
    static func unlisted(_ names: [String], _ index: DomainIndex) throws -> WireNames {
        var dice = SeededGenerator(state: 8)
        var found: [DomainName] = []
        while found.count < count {
            guard let name = names.randomElement(using: &dice) else { break }
            var labels = name.split(separator: ".").map(String.init)
            let place = max(labels.count - 2, 0)
            labels[place] = "q" + labels[place].dropFirst() + "z"
            let other = labels.joined(separator: ".")
            guard let name = try? DomainName(parsing: other), index.match(name).set == 0 else {
                continue
            }
            found.append(name)
        }
        return WireNames(found)
    }
}
