import Foundation
import Glibc
import Synchronization

/// A small web server on 127.0.0.1 for tests: what each request gets is the test's to say.
public final class WebServer: Sendable {
    /// A request as it came.
    public struct Request: Sendable {
        /// The path and what follows it.
        public var path: String
        /// By name in small letters.
        public var headers: [String: String]
        /// What came behind the headers.
        public var body = ""
    }

    /// What a request gets.
    public struct Answer: Sendable {
        /// The status code.
        public var status = 200
        /// Headers besides those of every answer.
        public var headers: [String: String] = [:]
        /// The contents.
        public var body: [UInt8] = []
        /// Octets of the body that are sent before the connection breaks off; `nil` for all.
        public var brokenOffAt: Int?
        /// Whether the connection then stays open in silence.
        public var hangs = false

        /// An answer of text.
        public init(_ body: String = "", status: Int = 200, headers: [String: String] = [:]) {
            (self.body, self.status, self.headers) = (Array(body.utf8), status, headers)
        }

        /// An answer of any octets.
        public init(octets: [UInt8]) { body = octets }
    }

    /// Where it listens.
    public let port: UInt16
    private let descriptor: Int32
    private let requests = Mutex<[Request]>([])
    private let answer = Mutex<@Sendable (Request) -> Answer>({ _ in Answer(status: 404) })
    private let isOver = Atomic(false)

    /// Requests that came so far.
    public var seen: [Request] { requests.withLock { $0 } }
    /// The address of a path.
    public func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Starts on a free port.
    public init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        // SAFETY: the address outlives the calls, and its size goes with it.
        let isReady = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                unsafe bind(descriptor, raw, size) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, raw, &size) == 0
            }
        }
        guard isReady else { throw CocoaError(.fileReadUnknown) }
        port = UInt16(bigEndian: address.sin_port)
        self.answer.withLock { $0 = answer }
        Thread.detachNewThread { [weak self] in
            // This thread alone closes the descriptor: were it closed elsewhere, its number could
            // be another server's by the next turn, whose connection would be taken here.
            defer { close(descriptor) }
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                guard let self, !self.isOver.load(ordering: .acquiring) else {
                    close(connection)
                    return
                }
                Thread.detachNewThread { self.serve(connection) }
            }
        }
    }

    deinit { stop() }

    /// Answers otherwise from now on.
    public func answers(_ answer: @escaping @Sendable (Request) -> Answer) {
        self.answer.withLock { $0 = answer }
    }

    /// Takes no more connections.
    public func stop() {
        guard !isOver.exchange(true, ordering: .acquiringAndReleasing) else { return }
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual([13, 10, 13, 10]), head.count < 1 << 16 {
            var octet: UInt8 = 0
            // SAFETY: one octet is read into one value.
            guard unsafe read(connection, &octet, 1) == 1 else { return }
            head.append(octet)
        }
        let lines = String(decoding: head, as: UTF8.self).components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count == 3 else { return }
        var request = Request(path: String(words[1]), headers: [:])
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            request.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
        }
        var received: [UInt8] = []
        let length = Int(request.headers["content-length"] ?? "") ?? 0
        while received.count < length {
            var octet: UInt8 = 0
            // SAFETY: one octet is read into one value.
            guard unsafe read(connection, &octet, 1) == 1 else { return }
            received.append(octet)
        }
        request.body = String(decoding: received, as: UTF8.self)
        requests.withLock { $0.append(request) }
        let answer = answer.withLock { $0 }(request)
        var text = "HTTP/1.1 \(answer.status) X\r\nConnection: close\r\n"
        if answer.status != 304 { text += "Content-Length: \(answer.body.count)\r\n" }
        for (name, value) in answer.headers { text += "\(name): \(value)\r\n" }
        let body = answer.body
        send(
            Array((text + "\r\n").utf8) + body.prefix(answer.brokenOffAt ?? body.count), connection)
        if answer.hangs {
            // Until the other side gives up.
            var octet: UInt8 = 0
            // SAFETY: one octet is read into one value.
            while unsafe read(connection, &octet, 1) == 1 {}
        }
    }

    private func send(_ octets: [UInt8], _ connection: Int32) {
        var rest = octets[...]
        while !rest.isEmpty {
            // SAFETY: the buffer is used within the closure alone.
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
