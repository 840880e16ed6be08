import DNSWire
import DomainLists
import Forwarding

/// The steps by which the memory that a query will need is asked for before its turn comes.
///
/// Each is done for several queries before the next one is, and `take` comes last; see
/// `QueryBatch`. They change nothing: a query that was asked ahead for is answered like any other.
extension Pipeline {
    /// What is asked ahead for a query, so that the memory that taking it looks at is there when its
    /// turn comes.
    struct Ahead {
        fileprivate var index = DomainIndexView.Ahead()
        /// What the cache knows the answer by; 0 where it is not looked at ahead.
        fileprivate var answer: UInt64 = 0

        /// Of a query that was not read.
        static var nothing: Ahead { Ahead() }
    }

    /// The first step, which touches only the query.
    @inline(__always)
    func ahead(of query: Query, name: UnsafeMutablePointer<UInt8>) -> Ahead {
        guard query.status == .fine else { return .nothing }
        // SAFETY: the name has as many octets as the query says, here and below.
        return Ahead(index: unsafe view.index.ahead(of: name, count: query.nameLength))
    }

    /// The second step: the name's buckets.
    @inline(__always)
    func fetchBuckets(_ ahead: borrowing Ahead) { view.index.fetchBuckets(ahead.index) }

    /// The third step, for which the buckets should have come: finds what the next one asks for.
    @inline(__always)
    func findRecords(_ ahead: inout Ahead, _ query: Query, name: UnsafeMutablePointer<UInt8>) {
        view.index.findRecords(&ahead.index)
        // A listed name is blocked, most likely.
        guard !ahead.index.isKnown else { return }
        ahead.answer = unsafe cache.hash(
            of: query,
            lowercaseName: UnsafeRawBufferPointer(start: name, count: query.nameLength))
    }

    /// The fourth step: the name's records, and the place of its answer in the cache.
    @inline(__always)
    func fetchRecords(_ ahead: borrowing Ahead) {
        view.index.fetchRecords(ahead.index)
        if ahead.answer != 0 { cache.fetchSlot(ahead.answer) }
    }

    /// The last step: the answer itself.
    @inline(__always)
    func fetchAnswer(_ ahead: borrowing Ahead) {
        if ahead.answer != 0 { cache.fetchAnswer(ahead.answer) }
    }
}
