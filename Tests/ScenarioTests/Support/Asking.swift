import Testing

/// A client on one of loopback's many addresses.
struct Client {
    /// The address asked from.
    var address = "127.0.0.1"
    var server = "127.0.0.1"
    var port: UInt16
    var patience = 6.0

    /// Sends octets as one datagram and waits for what comes back; nil: silence.
    func exchange(_ octets: [UInt8]) throws -> Message? {
        let socket = try Socket(address)
        socket.setPatience(patience)
        try socket.connect(to: server, port: port)
        socket.send(octets)
        return socket.receive().flatMap { Message($0) }
    }

    /// Asks by UDP; nil: no answer.
    func ask(
        _ name: String, _ type: UInt16 = RR.a, ednsSize: UInt16? = 1232, wantsDNSSEC: Bool = false
    ) throws -> Message? {
        let id = UInt16.random(in: 0 ... .max)
        let message = try exchange(
            Wire.query(name, type, id: id, ednsSize: ednsSize, wantsDNSSEC: wantsDNSSEC))
        guard let message else { return nil }
        #expect(message.id == id)
        #expect(message.questions.first?.name == name)
        return message
    }

    /// Asks by TCP; nil: no answer.
    func askByTCP(_ name: String, _ type: UInt16 = RR.a) throws -> Message? {
        let stream = try Stream(self)
        stream.send(Wire.query(name, type))
        return stream.next()
    }
}

/// A client's TCP connection.
final class Stream {
    let socket: Socket
    private var incoming: [UInt8] = []

    init(_ client: Client) throws {
        socket = try Socket(client.address, isStream: true)
        socket.setPatience(client.patience)
        try socket.connect(to: client.server, port: client.port)
    }

    func send(_ message: [UInt8]) { socket.send(Wire.framed(message)) }

    /// The next message; nil at the end of the stream or of patience.
    func next() -> Message? {
        while true {
            if incoming.count >= 2 {
                let length = Int(incoming[0]) << 8 | Int(incoming[1])
                if incoming.count >= 2 + length {
                    let message = Message(Array(incoming[2..<2 + length]))
                    incoming.removeFirst(2 + length)
                    return message
                }
            }
            guard let more = socket.receive() else { return nil }
            incoming += more
        }
    }
}
