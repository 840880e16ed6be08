import Synchronization

/// The policy in force, for all threads.
///
/// Workers look at `number` once a batch, which costs one load, and take the lock only when it has
/// moved.
final class GateStore: Sendable {
    private let held: Mutex<Gate>
    private let generation = Atomic<UInt64>(1)
    /// Policies that were in force before, until no worker has them any more.
    private let past = Mutex<[Gate]>([])

    init(_ gate: Gate) { held = Mutex(gate) }

    /// Changes with every new policy.
    var number: UInt64 { generation.load(ordering: .acquiring) }

    /// The policy in force, and its number.
    var current: (Gate, UInt64) { held.withLock { ($0, number) } }

    /// Puts a new policy in force for every query from now on.
    func replace(_ gate: Gate) {
        let old = held.withLock { held in
            let old = held
            held = gate
            generation.add(1, ordering: .releasing)
            return old
        }
        past.withLock { $0.append(old) }
    }

    /// Lets go of past policies that no worker has any more: giving back a million names takes
    /// longer than a query may wait, so that no worker must be the last to have one.
    func releasePast() {
        let released = past.withLock { past in
            var released: [Gate] = []
            for place in past.indices.reversed() where isKnownUniquelyReferenced(&past[place]) {
                released.append(past.remove(at: place))
            }
            return released
        }
        // They end here, outside the lock.
        _ = consume released
    }
}
