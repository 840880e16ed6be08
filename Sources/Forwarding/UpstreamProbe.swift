import CPacketIO
import DNSWire
import Glibc

extension Upstream {
    /// Asks once for the root's name servers and tells why there was no answer; nil when all is well.
    ///
    /// For a start-up's news: what it learns is not noted anywhere. Whatever is answered, an error
    /// too, shows that somebody is there. Blocks for up to 1.5 seconds, an encrypted upstream's
    /// connection included up to 4.
    public func probe() -> String? {
        let random = RandomSource()
        let query = Self.rootQuery(id: UInt16(truncatingIfNeeded: random.next()))
        switch endpoint {
        case .demo: return nil
        case .plain(let address, let port):
            return Self.probe(address, port, query)
        case .encrypted:
            return encrypted.flatMap { Self.probe($0, query) }
        }
    }

    /// `. NS`, which every resolver knows.
    private static func rootQuery(id: UInt16) -> [UInt8] {
        let (high, low) = (UInt8(truncatingIfNeeded: id >> 8), UInt8(truncatingIfNeeded: id))
        return [high, low, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + [0, 0, 2, 0, 1]
    }

    private static func probe(_ address: IPAddress, _ port: UInt16, _ query: [UInt8]) -> String? {
        let descriptor = cpio_ask_socket(address.high, address.low, port, 0)
        guard descriptor >= 0 else { return systemReason() }
        defer { close(descriptor) }
        // SAFETY: pointer and count are of one array that outlives the call.
        guard unsafe send(descriptor, query, query.count, 0) == query.count
        else { return systemReason() }
        var room = [UInt8](repeating: 0, count: Int(ForwardingLimits.udpPayloadSize))
        var patience = ForwardingLimits.probeMilliseconds
        while patience > 0 {
            let started = milliseconds()
            guard isReadable(descriptor, milliseconds: patience) else { break }
            // SAFETY: pointer and count are of one array that outlives the call.
            let length = unsafe recv(descriptor, &room, room.count, 0)
            if length < 0, errno != EAGAIN { return systemReason() }
            if length >= Query.headerLength, room[0] == query[0], room[1] == query[1],
                room[2] & 0x80 != 0
            {
                return nil
            }
            patience -= milliseconds() - started
        }
        return "it says nothing for \(ForwardingLimits.probeMilliseconds) ms"
    }

    private static func probe(_ upstream: EncryptedUpstream, _ query: [UInt8]) -> String? {
        guard let mailbox = Mailbox<Result<[UInt8], ExchangeFailure>>() else {
            return systemReason()
        }
        let patience = ForwardingLimits.encryptedProbeMilliseconds
        upstream.exchange(query, timeoutMilliseconds: patience) { mailbox.post($0) }
        guard isReadable(mailbox.descriptor, milliseconds: patience + 1000),
            let result = mailbox.takeAll().first
        else { return ExchangeFailure.timedOut.words }
        guard case .failure(let failure) = result else { return nil }
        return failure.words
    }

    private static func isReadable(_ descriptor: Int32, milliseconds: Int64) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        // SAFETY: the kernel fills in the one value.
        return unsafe poll(&wanted, 1, Int32(clamping: milliseconds)) > 0
    }

    private static func milliseconds() -> Int64 {
        var time = timespec()
        // SAFETY: the kernel fills in the one value.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// What the system just refused, in words.
    private static func systemReason() -> String {
        switch errno {
        case ECONNREFUSED: return "nothing serves DNS there"
        case ENETUNREACH, EHOSTUNREACH: return "this machine has no way there"
        default:
            // SAFETY: strerror returns a NUL-terminated text that is copied at once.
            return unsafe String(cString: strerror(errno))
        }
    }
}

extension ExchangeFailure {
    /// The failure as an administrator reads it.
    var words: String {
        switch self {
        case .timedOut: "it says nothing"
        case .refused: "nothing serves there"
        case .unreachable: "this machine has no way there"
        case .tls(let reason): "the secure connection failed: \(reason)"
        case .http(let status): "it answers with HTTP status \(status)"
        case .malformed: "what it says is no DNS message"
        case .closed: "it closes the connection"
        case .busy: "too many questions wait for it"
        }
    }
}
