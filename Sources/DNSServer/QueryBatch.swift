import DNSWire

/// The queries of one batch: read where they lie, their memory asked for ahead of their turn, then
/// taken one by one.
@safe final class QueryBatch {
    private let pipeline: Pipeline
    /// What was read of each message, and its qname in lower case.
    private let queries: UnsafeMutablePointer<Query>
    private let names: UnsafeMutablePointer<UInt8>
    private let ahead: UnsafeMutablePointer<Pipeline.Ahead>
    private static let slots = Int(ServerLimits.datagramsPerBatch)
    /// Octets between the names of two messages.
    private static let nameRoom = 256

    init(_ pipeline: Pipeline) {
        self.pipeline = pipeline
        unsafe queries = .allocate(capacity: Self.slots)
        unsafe queries.initialize(repeating: Query(), count: Self.slots)
        unsafe ahead = .allocate(capacity: Self.slots)
        unsafe ahead.initialize(repeating: .nothing, count: Self.slots)
        unsafe names = .allocate(capacity: Self.slots * Self.nameRoom)
    }

    @inline(__always)
    private func name(_ slot: Int) -> UnsafeMutablePointer<UInt8> {
        // SAFETY: every slot has the room of a name.
        unsafe names + slot * Self.nameRoom
    }

    deinit {
        unsafe queries.deallocate()
        unsafe ahead.deallocate()
        unsafe names.deallocate()
    }

    /// Takes the messages of a batch, in their order.
    ///
    /// They go through in groups, and each round brings four groups one step further: what is asked
    /// of the memory for one group comes while the others are worked on. All at once would push each
    /// other out of the processor's nearest memory; one by one it would wait to learn where each
    /// place lies.
    ///
    /// - Parameters:
    ///   - count: how many, at most `ServerLimits.datagramsPerBatch`.
    ///   - message: the message of a slot, which must stay until it has been taken; nil for one
    ///     that is not to be read.
    ///   - body: takes a message; all but the slot is meaningless where there is none.
    @inline(__always)
    func forEach(
        _ count: Int, message: (Int) -> UnsafeBufferPointer<UInt8>?,
        _ body: (
            _ slot: Int, Query, Pipeline.Ahead, _ name: UnsafeMutablePointer<UInt8>,
            UnsafeBufferPointer<UInt8>?
        ) -> Void
    ) {
        precondition(count <= Self.slots)
        let group = ServerLimits.queriesAhead
        var first = 0
        // SAFETY: a slot is below the count, for which there is room.
        while first < count + 3 * group {
            Self.forEach(in: first, count) { slot in
                // Read where they are to lie: a copy would wait for what was just written.
                unsafe queries[slot] = Query()
                let name = unsafe name(slot)
                if let octets = unsafe message(slot) {
                    unsafe queries[slot].read(octets.span, lowercaseName: name)
                }
                unsafe pipeline.begin(&ahead[slot], queries[slot], name: name)
            }
            Self.forEach(in: first, count) { unsafe pipeline.fetchBuckets(ahead[$0]) }
            let second = first - group
            Self.forEach(in: second, count) {
                unsafe pipeline.findRecords(&ahead[$0], queries[$0], name: name($0))
            }
            Self.forEach(in: second, count) { unsafe pipeline.fetchRecords(ahead[$0]) }
            Self.forEach(in: second - group, count) { unsafe pipeline.fetchAnswer(ahead[$0]) }
            Self.forEach(in: second - 2 * group, count) {
                unsafe body($0, queries[$0], ahead[$0], name($0), message($0))
            }
            first += group
        }
    }

    /// Goes through the slots of the group that begins with `first`, as far as there are any.
    @inline(__always)
    private static func forEach(in first: Int, _ count: Int, _ body: (Int) -> Void) {
        guard first >= 0 else { return }
        var slot = first
        let end = min(first + ServerLimits.queriesAhead, count)
        while slot < end {
            body(slot)
            slot += 1
        }
    }
}
