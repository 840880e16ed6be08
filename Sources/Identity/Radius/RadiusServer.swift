import CPacketIO
import DNSServer
import DNSWire
import Glibc
import PolicyFile

/// Takes reports of logins by UDP, and answers those that it believes; belongs to one thread.
@safe final class RadiusServer {
    /// What became of the packets so far.
    struct Counts: Sendable, Equatable {
        /// Reports that were taken, repeated and late ones included.
        var taken = 0
        /// Of them: what came too late to count.
        var late = 0
        /// Packets that were dropped, by reason.
        var dropped: [RadiusFault: Int] = [:]
        /// The clients that sent packets without the Message-Authenticator that they must have.
        var unsigned: Set<IPAddress> = []
        /// Whether a login found no room.
        var isFull = false
    }

    private(set) var table: SessionTable
    private(set) var counts = Counts()
    /// By address: becomes readable when a packet has come.
    let descriptors: [Int32]
    private let clients: [IdentityConfiguration.RadiusClient]
    private let batch: OpaquePointer

    /// Binds the addresses.
    ///
    /// - Throws: `IdentityError` where one cannot be served.
    init(_ settings: IdentityConfiguration.Radius) throws {
        table = SessionTable(forgetSeconds: settings.forgetAfterSeconds)
        // The most specific network counts.
        clients = settings.clients.sorted { $0.network.prefixLength > $1.network.prefixLength }
        guard
            let batch = unsafe cpio_batch_create(
                UInt32(IdentityLimits.packetsPerTurn), IdentityLimits.packetOctets,
                IdentityLimits.packetOctets)
        else { throw IdentityError(description: "identity.radius: there is no memory left") }
        var descriptors: [Int32] = []
        for place in settings.listen {
            let socket = cpio_serve_socket(
                place.address.high, place.address.low, place.port, Int32(SOCK_DGRAM.rawValue),
                false)
            guard socket >= 0 else {
                let reason = unsafe String(cString: strerror(errno)).lowercased()
                for descriptor in descriptors { close(descriptor) }
                unsafe cpio_batch_destroy(batch)
                throw IdentityError(
                    description: "identity.radius: cannot serve on \(place): \(reason); "
                        + "change listen:, or stop what serves there")
            }
            descriptors.append(socket)
        }
        self.descriptors = descriptors
        unsafe self.batch = batch
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
        unsafe cpio_batch_destroy(batch)
    }

    /// Puts back the logins that were written down.
    func restore(_ sessions: [(Session.Key, Session)]) { table.restore(sessions) }

    /// Lets logins end of which nothing was heard.
    ///
    /// - Returns: whether that changes who is where.
    func expire(nowSeconds: Int64) -> Bool { table.expire(nowSeconds: nowSeconds) }

    /// Takes one packet.
    ///
    /// - Returns: the answer; `nil` for silence.
    func take(
        _ datagram: [UInt8], from client: IPAddress, nowSeconds: Int64, hasChanged: inout Bool
    ) -> [UInt8]? {
        do {
            guard let known = clients.first(where: { $0.network.contains(client) }) else {
                throw RadiusFault.unknownClient
            }
            let packet = try RadiusPacket(datagram)
            try packet.verify(
                secret: known.secret,
                requiresMessageAuthenticator: known.requiresMessageAuthenticator)
            let request = try AccountingRequest(packet)
            switch table.take(request, from: client, nowSeconds: nowSeconds) {
            case .changed: hasChanged = true
            case .known: break
            case .late: counts.late += 1
            case .full:
                // Nothing was recorded, so nothing is promised (RFC 2866 section 2).
                counts.isFull = true
                return nil
            }
            counts.taken += 1
            return packet.response(secret: known.secret)
        } catch let fault as RadiusFault {
            counts.dropped[fault, default: 0] += 1
            if fault == .noMessageAuthenticator { counts.unsigned.insert(client) }
        } catch {
            counts.dropped[.malformed, default: 0] += 1
        }
        return nil
    }

    /// Takes the packets that have come at a socket; the answers wait for `answer`.
    ///
    /// - Returns: whether they change who is where.
    func receive(at descriptor: Int32, nowSeconds: Int64) -> Bool {
        var hasChanged = false
        let count = unsafe cpio_batch_receive(batch, descriptor)
        for slot in 0..<UInt32(max(0, count)) {
            let length = unsafe cpio_batch_in_length(batch, slot)
            var peer = cpio_peer()
            unsafe cpio_batch_in_peer(batch, slot, &peer)
            // SAFETY: the batch holds that many octets in this slot, but no more than it has room
            // for; one that was cut is refused for its length.
            let datagram = unsafe Array(
                UnsafeBufferPointer(
                    start: cpio_batch_in_bytes(batch, slot),
                    count: min(length, IdentityLimits.packetOctets)))
            let client = IPAddress(high: peer.remote_high, low: peer.remote_low)
            guard
                let answer = take(
                    datagram, from: client, nowSeconds: nowSeconds, hasChanged: &hasChanged),
                answer.count <= IdentityLimits.packetOctets,
                let room = unsafe cpio_batch_out_room(batch)
            else { continue }
            // SAFETY: the room has as many octets as a packet may have.
            unsafe room.update(from: answer, count: answer.count)
            unsafe cpio_batch_out_push(batch, answer.count, &peer)
        }
        return hasChanged
    }

    /// Sends the answers to what `receive` has taken at that socket.
    func answer(by descriptor: Int32) {
        // What cannot be sent is asked for again.
        _ = unsafe cpio_batch_send(batch, descriptor, 0, nil, nil)
    }
}

/// Why who is where cannot be told.
public struct IdentityError: Error, CustomStringConvertible, Sendable {
    /// What is wrong and what to do about it.
    public let description: String
}
