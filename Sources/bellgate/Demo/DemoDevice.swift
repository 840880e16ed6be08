import DNSWire
import Glibc

/// A device of the demonstration: asks the server as any device would, by UDP from its own address.
///
/// On Linux every address of 127.0.0.0/8 is the machine itself, so one machine plays them all.
final class DemoDevice {
    /// What it is called in the demonstration.
    let name: String
    /// Who it is.
    let whose: String
    let address: IPAddress
    private let descriptor: Int32
    private var nextID: UInt16 = 1

    /// How long an answer is waited for, in seconds.
    private static let patienceSeconds = 3

    /// Binds a socket to the device's address and connects it to the server; nil if the system
    /// refuses.
    init?(_ role: DemoRole, serverPort: UInt16) {
        guard let address = IPAddress(role.address) else { return nil }
        name = role.name
        whose = role.whose
        self.address = address
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var patience = timeval(tv_sec: Self.patienceSeconds, tv_usec: 0)
        // SAFETY: the kernel reads the one value during the call.
        _ = unsafe setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let loopback = IPAddress(v4: 0x7F00_0001)
        guard descriptor >= 0, unsafe Self.name(address, 0, { unsafe bind(descriptor, $0, $1) }),
            unsafe Self.name(loopback, serverPort, { unsafe connect(descriptor, $0, $1) })
        else {
            if descriptor >= 0 { close(descriptor) }
            return nil
        }
    }

    deinit { close(descriptor) }

    /// Asks for the addresses of a name; nil if no answer comes.
    func ask(_ name: DomainName) -> DemoAnswer? {
        let id = nextID
        nextID &+= 1
        let query = Self.query(name, id: id)
        var room = [UInt8](repeating: 0, count: 4096)
        // SAFETY: pointers and counts are of arrays that outlive the calls.
        guard unsafe send(descriptor, query, query.count, 0) == query.count else { return nil }
        while true {
            let length = unsafe recv(descriptor, &room, room.count, 0)
            guard length > 0 else { return nil }
            if let answer = DemoAnswer(Array(room.prefix(length)), id: id) { return answer }
        }
    }

    /// A query with EDNS (RFC 6891), without which an answer cannot carry a reason.
    private static func query(_ name: DomainName, id: UInt16) -> [UInt8] {
        let header = [UInt8(id >> 8), UInt8(id & 0xFF), 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]
        let question = name.wire + [0, 1, 0, 1]
        let options: [UInt8] = [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]
        return header + question + options
    }

    /// Calls `bind` or `connect` with an IPv4 address.
    private static func name(
        _ address: IPAddress, _ port: UInt16,
        _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Bool {
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
        // SAFETY: sockaddr_in begins as sockaddr does, and the pointer is used for the call alone.
        return unsafe withUnsafePointer(to: &place) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe call($0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
