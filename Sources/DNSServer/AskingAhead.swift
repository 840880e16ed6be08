import DNSWire
import DomainLists
import Forwarding

/// The steps by which the memory that a query will need is asked for before its turn comes.
///
/// Each is done for several queries before the next one is, and `take` comes last; see
/// `QueryBatch`. A query that nothing was asked ahead for is answered like any other.
extension Pipeline {
    /// What was asked ahead for a query, and found out on the way.
    struct Ahead {
        /// Its qname among the names of the lists.
        var lookUp = DomainIndexView.LookUp()
        /// What the cache knows the answer by; 0 where it is not looked at ahead.
        fileprivate(set) var answer: UInt64 = 0

        /// Of a query that was not read, or that comes alone.
        static var nothing: Ahead { Ahead() }
    }

    /// The first step, which touches only the query.
    @inline(__always)
    func begin(_ ahead: inout Ahead, _ query: borrowing Query, name: UnsafeMutablePointer<UInt8>) {
        // SAFETY: the name has as many octets as the query says, here and below; what is no query
        // that can be decided counts as one without a name.
        let count = query.status == .fine ? query.nameLength : 0
        unsafe view.index.begin(name, count: count, &ahead.lookUp)
        ahead.answer = 0
    }

    /// The second step: the name's buckets.
    @inline(__always)
    func fetchBuckets(_ ahead: borrowing Ahead) { view.index.fetchBuckets(ahead.lookUp) }

    /// The third step, for which the buckets should have come: finds what the next one asks for.
    @inline(__always)
    func findRecords(
        _ ahead: inout Ahead, _ query: borrowing Query, name: UnsafeMutablePointer<UInt8>
    ) {
        view.index.findRecords(&ahead.lookUp)
        // A listed name is blocked, most likely.
        guard query.status == .fine, !ahead.lookUp.seemsListed else { return }
        ahead.answer = unsafe cache.hash(
            of: query,
            lowercaseName: UnsafeRawBufferPointer(start: name, count: query.nameLength))
    }

    /// The fourth step: the name's records, and the place of its answer in the cache.
    @inline(__always)
    func fetchRecords(_ ahead: borrowing Ahead) {
        view.index.fetchRecords(ahead.lookUp)
        if ahead.answer != 0 { cache.fetchSlot(ahead.answer) }
    }

    /// The last step: the answer itself.
    @inline(__always)
    func fetchAnswer(_ ahead: borrowing Ahead) {
        if ahead.answer != 0 { cache.fetchAnswer(ahead.answer) }
    }
}
