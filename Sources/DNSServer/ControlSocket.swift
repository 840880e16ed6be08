import CPacketIO
import Glibc

/// The Unix socket by which `bellgate status` and `bellgate reload` reach the running server.
///
/// One request a connection: a word and a newline; the reply is a JSON object and the end. Only
/// the user that runs the server, and root, may connect: the file's mode is 0600.
@safe public final class ControlSocket {
    /// Becomes readable when somebody connects.
    public let descriptor: Int32
    private let path: String

    /// Makes the socket file, and its folder (0700) if there is none.
    ///
    /// - Throws: `ServerError` if the file cannot be made or a server is listening there already.
    public init(path: String) throws {
        self.path = path
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            unsafe mkdir(String(path[..<slash]), 0o700)
        }
        guard path.utf8.count < Self.maximumPath else {
            throw ServerError(
                description: "control: the path \(path) is longer than \(Self.maximumPath - 1) "
                    + "octets; choose a shorter one")
        }
        if let other = Self.connect(to: path) {
            close(other)
            throw ServerError(
                description: "a server is running already with the control socket \(path); "
                    + "stop it, or give this one another `control:`")
        }
        // What a server left behind may go; anything else is somebody's.
        // SAFETY: C gets the path as a string that lives for the call.
        guard unsafe cpio_may_become_socket(path) else {
            throw ServerError(
                description: "control: \(path) is there already and is no socket; "
                    + "choose another path, or move it away")
        }
        unsafe unlink(path)
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let mask = umask(0o177)
        let bound = unsafe Self.withAddress(path) { address, length in
            // SAFETY: the address is valid for the call.
            unsafe bind(descriptor, address, length) == 0
        }
        umask(mask)
        guard descriptor >= 0, bound, listen(descriptor, 16) == 0 else {
            let reason = unsafe String(cString: strerror(errno))
            if descriptor >= 0 { close(descriptor) }
            throw ServerError(
                description: "cannot make the control socket \(path): \(reason); "
                    + "check the folder's owner and mode, or change `control:`")
        }
    }

    deinit {
        close(descriptor)
        unsafe unlink(path)
    }

    /// Answers one client that has connected.
    public func serveOne(_ reply: (String) -> String) {
        let client = cpio_accept_local(descriptor)
        guard client >= 0 else { return }
        defer { close(client) }
        Self.setPatience(client, seconds: 2)
        let request = Self.readAll(
            client, limit: ServerLimits.controlRequestOctets, untilNewline: true)
        Self.writeAll(client, reply(request))
    }

    /// Asks the running server.
    ///
    /// - Parameters:
    ///   - path: its control socket.
    ///   - request: one word, and arguments if it takes any.
    ///   - patienceSeconds: how long its answer is waited for.
    /// - Returns: the JSON reply; nil if no server is listening there.
    public static func ask(
        _ path: String, _ request: String, patienceSeconds: Int = 120
    ) -> String? {
        guard let server = connect(to: path) else { return nil }
        defer { close(server) }
        setPatience(server, seconds: patienceSeconds)
        writeAll(server, request + "\n")
        return readAll(server, limit: 16 << 20, untilNewline: false)
    }

    // MARK: - Octets

    private static let maximumPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path)

    private static func connect(to path: String) -> Int32? {
        guard path.utf8.count < maximumPath else { return nil }
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let connected = unsafe withAddress(path) { address, length in
            // SAFETY: the address is valid for the call.
            unsafe Glibc.connect(descriptor, address, length) == 0
        }
        guard connected else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // SAFETY: the path was checked to be shorter than the room, which is zeroed.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { room in
            unsafe room.copyBytes(from: Array(path.utf8).prefix(room.count - 1))
        }
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func setPatience(_ descriptor: Int32, seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        // SAFETY: the kernel copies the value.
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, length)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, length)
    }

    private static func readAll(_ descriptor: Int32, limit: Int, untilNewline: Bool) -> String {
        var octets: [UInt8] = []
        // SAFETY: the kernel writes at most the buffer's count, and so much is taken.
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer in
            while octets.count < limit {
                let count = unsafe recv(descriptor, buffer.baseAddress, buffer.count, 0)
                guard count > 0 else { return }
                unsafe octets.append(contentsOf: buffer[..<count])
                if untilNewline, octets.contains(10) { return }
            }
        }
        return String(decoding: octets, as: UTF8.self)
    }

    private static func writeAll(_ descriptor: Int32, _ text: String) {
        var octets = Array(text.utf8)[...]
        while !octets.isEmpty {
            // SAFETY: pointer and count are the slice's own.
            let count = unsafe octets.withUnsafeBytes {
                unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            octets = octets.dropFirst(count)
        }
    }
}
