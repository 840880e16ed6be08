import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// What a test server does with the queries it gets.
enum ServerManner: Sendable {
    /// Answers each query at once.
    case answers
    /// Waits for so many queries and answers them, the last first.
    case answersReversed(batch: Int)
    /// Reads and says nothing.
    case silent
    /// Closes the connection when the query of this number arrives, counting all from 1.
    case closesAt(Int)
    /// Sends these octets in place of an answer.
    case raw([UInt8])
    /// Answers after this time.
    case answersAfter(milliseconds: Int64)
    /// Answers with this status, content type and number of octets (HTTPS only).
    case http(status: String, type: String, octets: Int)
    /// Says that it takes no more streams, then answers (HTTPS only).
    case goesAway
}

/// A server on loopback that speaks DNS over TLS or HTTPS and answers with the query itself.
final class EncryptedTestServer: Sendable {
    let port: UInt16
    /// The queries as they came in, in their order.
    var queries: [[UInt8]] { shared.state.withLock { $0.queries } }
    /// How many TCP connections were accepted.
    var connectionCount: Int { shared.state.withLock { $0.connections } }
    /// How many of them have ended.
    var endedCount: Int { shared.state.withLock { $0.ended } }

    private struct State {
        var connections = 0
        var ended = 0
        var queries: [[UInt8]] = []
        var held: [@Sendable () -> Void] = []
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private let shared: Shared
    private let listener: any Channel
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Listens on 127.0.0.1 with a port of the system's choice.
    init(
        _ kind: EncryptedKind, certificate: TestCertificate, manner: ServerManner,
        protocols: [String]? = nil
    ) async throws {
        let shared = Shared()
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate.chainPath).map {
                .certificate($0)
            },
            privateKey: .privateKey(
                try NIOSSLPrivateKey(file: certificate.keyPath, format: .pem)))
        configuration.applicationProtocols = protocols ?? (kind == .https ? ["h2"] : ["dot"])
        let context = try NIOSSLContext(configuration: configuration)
        let take: QueryTaker = { Self.take($0, $1, manner, shared) }
        listener = try await ServerBootstrap(group: Self.group)
            .serverChannelOption(.backlog, value: 64)
            .childChannelInitializer { channel in
                shared.state.withLock { $0.connections += 1 }
                channel.closeFuture.whenComplete { _ in shared.state.withLock { $0.ended += 1 } }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    switch kind {
                    case .tls:
                        try pipeline.addHandler(TLSQueryHandler(take: take))
                    case .https:
                        try Self.addHTTP2(to: channel, take: take)
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = UInt16(truncatingIfNeeded: listener.localAddress?.port ?? 0)
        self.shared = shared
    }

    func stop() async throws { try await listener.close() }

    private static func addHTTP2(to channel: any Channel, take: @escaping QueryTaker) throws {
        try channel.pipeline.syncOperations.addHandler(
            NIOHTTP2Handler(
                mode: .server, eventLoop: channel.eventLoop,
                inboundStreamInitializer: { stream in
                    stream.eventLoop.makeCompletedFuture {
                        try stream.pipeline.syncOperations.addHandler(
                            HTTPSQueryHandler(take: take))
                    }
                }))
    }

    private static func take(
        _ query: [UInt8], _ reply: Reply, _ manner: ServerManner, _ shared: Shared
    ) {
        let number = shared.state.withLock { state in
            state.queries.append(query)
            return state.queries.count
        }
        switch manner {
        case .answers:
            reply.answer(answer(to: query))
        case .answersReversed(let batch):
            let held = shared.state.withLock { state in
                state.held.append { reply.answer(answer(to: query)) }
                guard state.held.count == batch else { return [@Sendable () -> Void]() }
                defer { state.held = [] }
                return state.held
            }
            for send in held.reversed() { send() }
        case .silent:
            break
        case .closesAt(let last):
            if number == last { reply.close() } else if number > last { reply.answer(query) }
        case .raw(let octets):
            reply.raw(octets)
        case .answersAfter(let milliseconds):
            group.next().scheduleTask(in: .milliseconds(milliseconds)) { reply.answer(query) }
        case .http(let status, let type, let octets):
            reply.http(status, type, [UInt8](repeating: 0, count: octets))
        case .goesAway:
            reply.goAway()
            reply.answer(answer(to: query))
        }
    }

    /// The query as a response: the QR bit set (RFC 1035, 4.1.1).
    static func answer(to query: [UInt8]) -> [UInt8] {
        var answer = query
        answer[2] |= 0x80
        return answer
    }
}

/// The two ways of asking that every upstream test runs through.
enum EncryptedKind: Sendable, CaseIterable {
    case tls
    case https
}

private typealias QueryTaker = @Sendable ([UInt8], Reply) -> Void

/// How a server answers one query.
private struct Reply: Sendable {
    var answer: @Sendable ([UInt8]) -> Void
    var raw: @Sendable ([UInt8]) -> Void = { _ in }
    var http: @Sendable (String, String, [UInt8]) -> Void = { _, _, _ in }
    var goAway: @Sendable () -> Void = {}
    var close: @Sendable () -> Void
}

/// Reads queries behind a length of two octets.
private final class TLSQueryHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let take: QueryTaker
    private var received = ByteBuffer()

    init(take: @escaping QueryTaker) { self.take = take }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = context.channel
        let reply = Reply(
            answer: { message in
                var buffer = ByteBuffer(integer: UInt16(message.count))
                buffer.writeBytes(message)
                channel.writeAndFlush(buffer, promise: nil)
            },
            raw: { channel.writeAndFlush(ByteBuffer(bytes: $0), promise: nil) },
            close: { channel.close(promise: nil) })
        received.writeImmutableBuffer(unwrapInboundIn(data))
        while let query = received.readLengthPrefixedSlice(as: UInt16.self) {
            take([UInt8](query.readableBytesView), reply)
        }
    }
}

/// Reads one POST and writes one response.
private final class HTTPSQueryHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload

    private let take: QueryTaker
    private var query: [UInt8] = []
    private var isPost = false

    init(take: @escaping QueryTaker) { self.take = take }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let part):
            isPost =
                part.headers.first(name: ":method") == "POST"
                && part.headers.first(name: ":path") == "/dns-query"
                && part.headers.first(name: "content-type") == "application/dns-message"
        case .data(let part):
            if case .byteBuffer(let octets) = part.data {
                query += octets.readableBytesView
            }
            if part.endStream { answer(on: context.channel) }
        default:
            break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    private func answer(on channel: any Channel) {
        let send: @Sendable (String, String, [UInt8]) -> Void = { status, type, body in
            let headers: HPACKHeaders = [":status": status, "content-type": type]
            channel.write(HTTP2Frame.FramePayload.headers(.init(headers: headers)), promise: nil)
            let data = IOData.byteBuffer(ByteBuffer(bytes: body))
            channel.writeAndFlush(
                HTTP2Frame.FramePayload.data(.init(data: data, endStream: true)), promise: nil)
        }
        guard isPost else { return send("400", "text/plain", []) }
        let reply = Reply(
            answer: { send("200", "application/dns-message", $0) },
            raw: { send("200", "application/dns-message", $0) },
            http: send,
            goAway: {
                let frame = HTTP2Frame(
                    streamID: .rootStream,
                    payload: .goAway(
                        lastStreamID: .maxID, errorCode: .noError, opaqueData: nil))
                channel.parent?.writeAndFlush(frame, promise: nil)
            },
            close: { channel.parent?.close(promise: nil) })
        take(query, reply)
    }
}
