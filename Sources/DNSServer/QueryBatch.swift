import DNSWire
import DomainLists

/// The queries of one batch: read where they lie, their memory asked for ahead of their turn, then
/// taken one by one.
@safe final class QueryBatch {
    private let pipeline: Pipeline
    /// What was read of each message, and its qname in lower case.
    private let queries: UnsafeMutablePointer<Query>
    private let names: UnsafeMutablePointer<UInt8>
    private let ahead: UnsafeMutablePointer<DomainIndexView.Ahead>
    private static let slots = Int(ServerLimits.datagramsPerBatch)
    /// Octets between the names of two messages.
    private static let nameRoom = 256

    init(_ pipeline: Pipeline) {
        self.pipeline = pipeline
        unsafe queries = .allocate(capacity: Self.slots)
        unsafe queries.initialize(repeating: Query(), count: Self.slots)
        unsafe ahead = .allocate(capacity: Self.slots)
        unsafe ahead.initialize(repeating: .init(), count: Self.slots)
        unsafe names = .allocate(capacity: Self.slots * Self.nameRoom)
    }

    deinit {
        unsafe queries.deallocate()
        unsafe ahead.deallocate()
        unsafe names.deallocate()
    }

    /// Takes the messages of a batch, in their order.
    ///
    /// A message is read some places before it is taken, so that the memory that deciding it looks
    /// at comes while others are being answered. All at once would be more than a processor's
    /// outstanding loads, and it would wait for them.
    ///
    /// - Parameters:
    ///   - count: how many, at most `ServerLimits.datagramsPerBatch`.
    ///   - message: the message of a slot, which must stay until it has been taken; nil for one
    ///     that is not to be read.
    ///   - body: takes a message; query and name are meaningless where there is none.
    @inline(__always)
    func forEach(
        _ count: Int, message: (Int) -> UnsafeBufferPointer<UInt8>?,
        _ body: (
            _ slot: Int, Query, _ name: UnsafeMutablePointer<UInt8>, UnsafeBufferPointer<UInt8>?
        ) -> Void
    ) {
        precondition(count <= Self.slots)
        let distance = ServerLimits.queriesAhead
        // SAFETY: a slot is below the count, for which there is room.
        for step in 0..<(count + 2 * distance) {
            if step < count, let octets = unsafe message(step) {
                let name = unsafe names + step * Self.nameRoom
                unsafe queries[step] = Query(octets.span, lowercaseName: name)
                unsafe ahead[step] = pipeline.fetchBuckets(queries[step], name: name)
            }
            let second = step - distance
            if second >= 0, second < count { unsafe pipeline.fetchRecords(ahead[second]) }
            let slot = second - distance
            if slot >= 0 {
                unsafe body(slot, queries[slot], names + slot * Self.nameRoom, message(slot))
            }
        }
    }
}
