import CPacketIO
import DNSWire
import Glibc

/// One question to an upstream by TCP, from connecting to the answer (RFC 7766).
///
/// Closes its connection when it goes.
final class UpstreamStream {
    enum Progress {
        /// Nothing to be done until the descriptor is ready again.
        case again
        /// The question is out; from now on reading is waited for.
        case sent
        /// The whole answer.
        case answer([UInt8])
        /// The connection is of no use.
        case failed
    }

    let descriptor: Int32
    var exchange: Exchange?
    var attempt = 0
    private var outgoing: [UInt8]
    private var written = 0
    private var incoming: [UInt8] = []

    init?(address: IPAddress, port: UInt16, message: [UInt8]) {
        descriptor = cpio_connect_socket(address.high, address.low, port)
        guard descriptor >= 0 else { return nil }
        outgoing = [UInt8(message.count >> 8), UInt8(message.count & 0xFF)] + message
    }

    deinit { close(descriptor) }

    func advance() -> Progress {
        if written < outgoing.count { return write() }
        return read()
    }

    private func write() -> Progress {
        guard cpio_socket_error(descriptor) == 0 else { return .failed }
        while written < outgoing.count {
            // SAFETY: pointer and count are of the part that is left.
            let count = unsafe outgoing.withUnsafeBytes {
                unsafe send(
                    descriptor, $0.baseAddress.map { unsafe $0 + written },
                    $0.count - written, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return errno == EAGAIN ? .again : .failed }
            written += count
        }
        return .sent
    }

    private func read() -> Progress {
        while true {
            var part = [UInt8](repeating: 0, count: 4096)
            // SAFETY: the kernel writes at most the array's count.
            let count = unsafe part.withUnsafeMutableBytes {
                unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
            }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? .again : .failed }
            if count == 0 { return .failed }
            incoming.append(contentsOf: part[..<count])
            guard incoming.count >= 2 else { continue }
            let length = Int(incoming[0]) << 8 | Int(incoming[1])
            if incoming.count >= length + 2 { return .answer(Array(incoming[2..<length + 2])) }
        }
    }
}
