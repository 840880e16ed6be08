import Synchronization

/// The policy in force, for all threads.
///
/// Workers look at `number` once a batch, which costs one load, and take the lock only when it has
/// moved.
final class GateStore: Sendable {
    private let held: Mutex<Gate>
    private let generation = Atomic<UInt64>(1)

    init(_ gate: Gate) { held = Mutex(gate) }

    /// Changes with every new policy.
    var number: UInt64 { generation.load(ordering: .acquiring) }

    /// The policy in force, and its number.
    var current: (Gate, UInt64) { held.withLock { ($0, number) } }

    /// Puts a new policy in force for every query from now on.
    func replace(_ gate: Gate) {
        held.withLock { held in
            held = gate
            generation.add(1, ordering: .releasing)
        }
    }
}
