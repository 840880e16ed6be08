import Synchronization

/// What queries are decided by: a policy, and who is where as it sees them.
struct InForce: Sendable {
    var gate: Gate
    var present: PresentClients
    /// From 1, greater with each change.
    var number: UInt64
}

/// What is in force, for all threads.
///
/// Workers look at `number` once a batch, which costs one load, and take the lock only when it has
/// moved.
final class GateStore: Sendable {
    private let held: Mutex<InForce>
    private let generation = Atomic<UInt64>(1)
    /// Policies that were in force before, until no worker has them any more.
    private let past = Mutex<[Gate]>([])

    init(_ inForce: InForce) { held = Mutex(inForce) }

    /// Changes with every new policy, and with who is where.
    var number: UInt64 { generation.load(ordering: .acquiring) }

    /// What is in force.
    var current: InForce {
        held.withLock { InForce(gate: $0.gate, present: $0.present, number: number) }
    }

    /// Puts a policy in force for every query from now on, or other clients under the same one.
    func replace(_ inForce: InForce) {
        let old = held.withLock { held in
            let old = held.gate
            held = inForce
            generation.add(1, ordering: .releasing)
            return old
        }
        if old !== inForce.gate { past.withLock { $0.append(old) } }
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
