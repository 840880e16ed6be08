import DNSWire

/// One question on its way: the attempts made so far and what is known of them.
///
/// Belongs to the worker that sent it.
final class Exchange {
    /// One time that the question was sent.
    struct Attempt {
        enum Carrier {
            case datagram(socket: AskSocket)
            case stream(Int32)
            case encrypted
        }

        var upstream: Upstream
        var carrier: Carrier
        /// The ID on the wire.
        var id: UInt16
        /// The question on the wire: qname with its letter case, type and class.
        var question: [UInt8]
        var sentMilliseconds: Int64
        /// Whether it had an OPT record.
        var hasOPT: Bool
        var isOpen = true
    }

    let pending: PendingQuestion
    /// Of the qname: wire format, lower case.
    let name: [UInt8]
    let qtype: RecordType
    let qclass: UInt16
    let dnssecOK: Bool
    let checkingDisabled: Bool
    /// Which upstreams may be asked, the best first; tried in turn and over again.
    let candidates: [Upstream]
    var attempts: [Attempt] = []
    /// How many times the next candidate was turned to.
    var turns = 0
    var sawTimeout = false
    var sawNetworkError = false
    var isFinished = false
    /// Told apart from earlier exchanges whose timers are still in the heap.
    var timerGeneration: UInt32 = 0

    init(
        pending: PendingQuestion, name: [UInt8], qtype: RecordType, qclass: UInt16, dnssecOK: Bool,
        checkingDisabled: Bool, candidates: [Upstream]
    ) {
        self.pending = pending
        self.name = name
        self.qtype = qtype
        self.qclass = qclass
        self.dnssecOK = dnssecOK
        self.checkingDisabled = checkingDisabled
        self.candidates = candidates
    }

    /// The question as it goes on the wire.
    ///
    /// - Parameter random: mixes the letter case (0x20) so that a forger has more to guess.
    func question(mixedBy random: RandomSource?) -> [UInt8] {
        var octets = name
        if let random {
            var bits: UInt64 = 0
            var left = 0
            for index in octets.indices where octets[index] &- 0x61 < 26 {
                if left == 0 {
                    bits = random.next()
                    left = 64
                }
                // Length octets are at most 63, so they are never taken for letters.
                if bits & 1 == 1 { octets[index] &-= 0x20 }
                bits >>= 1
                left -= 1
            }
        }
        octets.append(UInt8(truncatingIfNeeded: qtype.rawValue >> 8))
        octets.append(UInt8(truncatingIfNeeded: qtype.rawValue))
        octets.append(UInt8(truncatingIfNeeded: qclass >> 8))
        octets.append(UInt8(truncatingIfNeeded: qclass))
        return octets
    }

    /// The whole query: RD, AD (RFC 6840 section 5.7) and the client's CD; OPT with its DO.
    func message(of attempt: Attempt) -> [UInt8] {
        let question = attempt.question
        var octets: [UInt8] = []
        octets.reserveCapacity(12 + question.count + 11)
        let flags =
            Query.recursionDesiredFlag | Query.authenticDataFlag
            | (checkingDisabled ? Query.checkingDisabledFlag : 0)
        for value in [attempt.id, flags, 1, 0, 0, attempt.hasOPT ? 1 : 0] {
            octets.append(UInt8(truncatingIfNeeded: value >> 8))
            octets.append(UInt8(truncatingIfNeeded: value))
        }
        octets.append(contentsOf: question)
        guard attempt.hasOPT else { return octets }
        let size = ForwardingLimits.udpPayloadSize
        octets.append(contentsOf: [
            0, 0, 41, UInt8(truncatingIfNeeded: size >> 8), UInt8(truncatingIfNeeded: size), 0, 0,
            dnssecOK ? 0x80 : 0, 0, 0, 0,
        ])
        return octets
    }
}

/// When each exchange is to be looked at again: a binary heap by time.
struct DeadlineHeap {
    struct Entry {
        var milliseconds: Int64
        var exchange: Exchange
        var generation: UInt32
    }

    private var entries: [Entry] = []

    /// The earliest time; nil if nothing is waited for.
    var next: Int64? { entries.first?.milliseconds }

    mutating func push(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].milliseconds < entries[parent].milliseconds else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    /// Takes the earliest entry if its time has come.
    mutating func pop(dueAt nowMilliseconds: Int64) -> Entry? {
        guard let first = entries.first, first.milliseconds <= nowMilliseconds,
            let last = entries.popLast()
        else { return nil }
        guard !entries.isEmpty else { return first }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].milliseconds < entries[least].milliseconds { least = child }
            }
            if least == parent { return first }
            entries.swapAt(parent, least)
            parent = least
        }
    }
}
