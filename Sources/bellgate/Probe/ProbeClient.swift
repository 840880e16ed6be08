import CPacketIO
import DNSServer
import DNSWire
import Glibc
import PolicyFile

/// Asks a server's real listeners, many questions at a time by UDP, and some by TCP.
struct ProbeClient {
    let server: Endpoint
    let key: [UInt8]

    /// A question of a probe.
    struct Question {
        var claim: ProbeOption.Claim
        var name: [UInt8]
    }

    /// Questions in flight: few enough for the smallest socket buffer.
    private static let window = 64
    /// How long an answer is waited for, in milliseconds, and how often a question is asked.
    private static let patienceMilliseconds: Int32 = 1000
    private static let attempts = 3

    /// Asks by UDP.
    ///
    /// - Returns: the answers in the order of the questions; `nil` where none came.
    func ask(_ count: Int, _ question: (Int) -> Question) throws(ProbeFailure) -> [ProbeAnswer?] {
        let socket = cpio_ask_socket(server.address.high, server.address.low, server.port, 0)
        guard socket >= 0 else { throw ProbeFailure(server, errno) }
        defer { close(socket) }
        var answers = [ProbeAnswer?](repeating: nil, count: count)
        for attempt in 0..<Self.attempts {
            let open = answers.indices.filter { answers[$0] == nil }
            if open.isEmpty { break }
            // Where nothing at all was answered, nothing serves there.
            if attempt > 0, open.count == count { break }
            ask(open, question, socket, &answers)
        }
        return answers
    }

    private func ask(
        _ places: [Int], _ question: (Int) -> Question, _ socket: Int32,
        _ answers: inout [ProbeAnswer?]
    ) {
        var waiting: [UInt16: Int] = [:]
        var next = 0
        var isAnswered = false
        var room = [UInt8](repeating: 0, count: 4096)
        while next < places.count || !waiting.isEmpty {
            while next < places.count, waiting.count < Self.window {
                let id = UInt16(truncatingIfNeeded: next)
                let message = message(question(places[next]), id: id)
                // SAFETY: pointer and count are of one array that outlives the call.
                _ = unsafe send(socket, message, message.count, 0)
                waiting[id] = places[next]
                next += 1
            }
            guard Self.isReady(socket, POLLIN, Self.patienceMilliseconds) else {
                // They are asked again in the next round.
                waiting.removeAll()
                guard isAnswered else { return }
                continue
            }
            // SAFETY: pointer and count are of one array that outlives the call.
            let length = unsafe recv(socket, &room, room.count, 0)
            guard length >= 12 else {
                if length < 0, errno == ECONNREFUSED { return }
                continue
            }
            let id = UInt16(room[0]) << 8 | UInt16(room[1])
            guard let place = waiting[id] else { continue }
            waiting[id] = nil
            isAnswered = true
            answers[place] = ProbeAnswer(Array(room[..<length]))
        }
    }

    /// Asks by TCP, one after the other on one connection.
    ///
    /// - Returns: the answers; as many as came.
    func askByTCP(_ questions: [Question]) -> [ProbeAnswer?] {
        let socket = cpio_connect_socket(server.address.high, server.address.low, server.port)
        guard socket >= 0 else { return questions.map { _ in nil } }
        defer { close(socket) }
        guard Self.isReady(socket, POLLOUT, Self.patienceMilliseconds) else {
            return questions.map { _ in nil }
        }
        return questions.enumerated().map { number, question in
            let message = message(question, id: UInt16(truncatingIfNeeded: number))
            let framed =
                [
                    UInt8(truncatingIfNeeded: message.count >> 8),
                    UInt8(truncatingIfNeeded: message.count),
                ]
                + message
            // SAFETY: pointer and count are of one array that outlives the call.
            guard unsafe send(socket, framed, framed.count, Int32(MSG_NOSIGNAL)) == framed.count
            else { return nil }
            return Self.receive(socket).flatMap { ProbeAnswer($0) }
        }
    }

    private static func receive(_ socket: Int32) -> [UInt8]? {
        var incoming: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 4096)
        while incoming.count < 2
            || incoming.count < 2 + (Int(incoming[0]) << 8 | Int(incoming[1]))
        {
            guard isReady(socket, POLLIN, patienceMilliseconds) else { return nil }
            // SAFETY: pointer and count are of one array that outlives the call.
            let length = unsafe recv(socket, &room, room.count, 0)
            guard length > 0 else { return nil }
            incoming += room[..<length]
        }
        return Array(incoming.dropFirst(2))
    }

    private static func isReady(_ socket: Int32, _ events: Int32, _ milliseconds: Int32) -> Bool {
        var wanted = pollfd(fd: socket, events: Int16(events), revents: 0)
        // SAFETY: the kernel fills in the one value.
        return unsafe poll(&wanted, 1, milliseconds) > 0
    }

    /// A query for type A with the option of a probe.
    private func message(_ question: Question, id: UInt16) -> [UInt8] {
        let option = ProbeOption.make(
            question.claim, key: key, name: question.name, type: .a)
        let head: [UInt8] = [
            UInt8(truncatingIfNeeded: id >> 8), UInt8(truncatingIfNeeded: id), 1, 0, 0, 1, 0, 0, 0,
            0,
            0, 1,
        ]
        let opt: [UInt8] = [0, 0, 41, 4, 208, 0, 0, 0, 0]
        let length = [
            UInt8(truncatingIfNeeded: option.count >> 8), UInt8(truncatingIfNeeded: option.count),
        ]
        return head + question.name + [0, 1, 0, 1] + opt + length + option
    }

    /// The control socket of the server at an address of this machine; `nil` if none tells.
    static func controlPath(of server: Endpoint) -> String? {
        let socket = cpio_ask_socket(server.address.high, server.address.low, server.port, 0)
        guard socket >= 0 else { return nil }
        defer { close(socket) }
        let query: [UInt8] =
            [0x42, 0x47, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + ProbeText.controlName + [0, 16, 0, 3]
        // SAFETY: pointer and count are of one array that outlives the call.
        guard unsafe send(socket, query, query.count, 0) == query.count,
            isReady(socket, POLLIN, patienceMilliseconds)
        else { return nil }
        var room = [UInt8](repeating: 0, count: 1024)
        let length = unsafe recv(socket, &room, room.count, 0)
        // Behind the question: owner, type, class, TTL, length, and the text behind its own length.
        let start = query.count + 12
        guard length > start + 1, room[7] == 1 else { return nil }
        let end = start + 1 + Int(room[start])
        guard end <= length else { return nil }
        return String(decoding: room[(start + 1)..<end], as: UTF8.self)
    }
}

/// Why a server cannot be asked at all.
struct ProbeFailure: Error, CustomStringConvertible {
    let description: String

    init(_ server: Endpoint, _ code: Int32) {
        // SAFETY: the C library's text is copied at once.
        description = "\(server) cannot be asked: \(unsafe String(cString: strerror(code)))"
    }

    init(_ text: String) { description = text }
}
