import CPacketIO
import DNSServer
import Glibc

/// Follows the kernel's news of neighbours and own addresses; belongs to one thread.
@safe final class NeighbourFollower {
    /// Becomes readable when there is news.
    let descriptor: Int32
    private(set) var table = NeighbourTable()
    /// How often the kernel had to leave news out.
    private(set) var overflows = 0
    private let news: UnsafeMutablePointer<cpio_neighbour>
    private var dump = Dump.none
    /// The number of the dump that was asked for last; what an earlier one ends with says nothing.
    private var sequence: UInt32 = 0
    private var retryAt: Int64?

    private enum Dump { case none, own, neighbours }

    /// Opens the socket; `nil` with errno where the system refuses.
    init?() {
        descriptor = cpio_netlink_open(true)
        guard descriptor >= 0 else { return nil }
        unsafe news = .allocate(capacity: Int(CPIO_NETLINK_MESSAGES))
        // SAFETY: all of the elements are initialized, and plain numbers.
        unsafe news.initialize(repeating: cpio_neighbour(), count: Int(CPIO_NETLINK_MESSAGES))
    }

    deinit {
        close(descriptor)
        unsafe news.deallocate()
    }

    /// Asks for all there is.
    func start(nowMilliseconds: Int64) { ask(.own, nowMilliseconds) }

    private func ask(_ wanted: Dump, _ nowMilliseconds: Int64) {
        dump = wanted
        sequence &+= 1
        retryAt = nil
        switch wanted {
        case .none: return
        case .own: table.beginOwn()
        case .neighbours: table.beginDump()
        }
        if !cpio_netlink_dump(descriptor, wanted == .own, sequence) {
            dump = .none
            retryAt = nowMilliseconds + IdentityLimits.dumpRetryMilliseconds
        }
    }

    /// Reads what has come.
    ///
    /// - Returns: whether it changes who is where.
    func read(nowMilliseconds: Int64) -> Bool {
        var hasChanged = false
        while true {
            // SAFETY: there is room for as many as the call is told.
            let count = unsafe cpio_netlink_read(
                descriptor, news, UInt32(CPIO_NETLINK_MESSAGES))
            if count < 0 {
                guard errno == ENOBUFS else { return hasChanged }
                // Something was left out: all is asked for again.
                overflows += 1
                ask(.own, nowMilliseconds)
                continue
            }
            for place in 0..<Int(count) {
                let one = unsafe news[place]
                if take(one, nowMilliseconds) { hasChanged = true }
            }
        }
    }

    private func take(_ one: cpio_neighbour, _ nowMilliseconds: Int64) -> Bool {
        switch Int(one.kind) {
        case CPIO_DUMP_END, CPIO_DUMP_CHANGED, CPIO_DUMP_FAILED: endDump(one, nowMilliseconds)
        default: table.take(one, nowMilliseconds: nowMilliseconds)
        }
    }

    private func endDump(_ end: cpio_neighbour, _ nowMilliseconds: Int64) -> Bool {
        let isFailure = Int(end.kind) == CPIO_DUMP_FAILED
        guard end.sequence == sequence else {
            // The kernel is done with an earlier dump, for which it may have refused this one.
            if !isFailure, retryAt != nil { ask(.own, nowMilliseconds) }
            return false
        }
        let ended = dump
        dump = .none
        if isFailure {
            retryAt = nowMilliseconds + IdentityLimits.dumpRetryMilliseconds
            return false
        }
        if Int(end.kind) == CPIO_DUMP_CHANGED {
            ask(ended, nowMilliseconds)
            return false
        }
        guard ended == .own else { return ended == .neighbours && table.endDump() }
        let hasChanged = table.endOwn()
        ask(.neighbours, nowMilliseconds)
        return hasChanged
    }

    /// Whether nothing that was asked for is still to come.
    var isComplete: Bool { dump == .none }

    /// When something is due, in monotonic milliseconds.
    var nextDue: Int64? {
        switch (retryAt, table.nextEnd) {
        case (let first?, let second?): min(first, second)
        case (let first, let second): first ?? second
        }
    }

    /// Does what is due.
    ///
    /// - Returns: whether it changes who is where.
    func tick(nowMilliseconds: Int64) -> Bool {
        if let retryAt, nowMilliseconds >= retryAt { ask(.own, nowMilliseconds) }
        guard let end = table.nextEnd, nowMilliseconds >= end else { return false }
        return table.expire(nowMilliseconds: nowMilliseconds)
    }
}
