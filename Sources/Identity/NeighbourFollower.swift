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
        retryAt = nil
        switch wanted {
        case .none: return
        case .own: table.beginOwn()
        case .neighbours: table.beginDump()
        }
        if !cpio_netlink_dump(descriptor, wanted == .own) {
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
        case CPIO_DUMP_END:
            let ended = dump
            dump = .none
            guard ended == .own else { return ended == .neighbours && table.endDump() }
            ask(.neighbours, nowMilliseconds)
            return true
        case CPIO_DUMP_CHANGED:
            ask(dump, nowMilliseconds)
            return false
        case CPIO_DUMP_FAILED:
            dump = .none
            retryAt = nowMilliseconds + IdentityLimits.dumpRetryMilliseconds
            return false
        default: return table.take(one, nowMilliseconds: nowMilliseconds)
        }
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
