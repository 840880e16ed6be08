import NIOCore
import NIOHPACK
import NIOHTTP2

/// DNS over HTTPS: each query is a POST on a stream of its own (RFC 8484, 4.1).
final class HTTPSCarrier: EncryptedCarrier {
    private let channel: any Channel
    private let streams: NIOHTTP2Handler.StreamMultiplexer
    private let authority: String
    private let path: String

    private init(
        _ channel: any Channel, _ streams: NIOHTTP2Handler.StreamMultiplexer,
        authority: String, path: String
    ) {
        self.channel = channel
        self.streams = streams
        self.authority = authority
        self.path = path
    }

    /// Starts HTTP/2 on a channel whose handshake is done.
    static func start(
        on connection: EncryptedConnection, authority: String, path: String
    ) throws(ExchangeFailure) -> HTTPSCarrier {
        let channel = connection.channel
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings.append(HTTP2Setting(parameter: .enablePush, value: 0))
        let http2 = NIOHTTP2Handler(
            mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: configuration,
            inboundStreamInitializer: { $0.close() })
        do {
            let end = HTTPSConnectionEnd(connection)
            try channel.pipeline.syncOperations.addHandlers([http2, end])
            return HTTPSCarrier(
                channel, try http2.syncMultiplexer(), authority: authority, path: path)
        } catch {
            throw .closed
        }
    }

    func send(_ exchange: EncryptedExchange) {
        let stream = HTTPSStream(exchange, headers: headers(octets: exchange.query.count))
        let bound = NIOLoopBound(stream, eventLoop: channel.eventLoop)
        let opened = streams.createStreamChannel { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(bound.value)
            }
        }
        opened.assumeIsolated().whenFailure { _ in exchange.fail(.closed) }
    }

    private func headers(octets: Int) -> HPACKHeaders {
        [
            ":method": "POST", ":scheme": "https", ":authority": authority, ":path": path,
            "accept": dnsMessageType, "content-type": dnsMessageType,
            "content-length": String(octets),
        ]
    }
}

/// The media type of a DNS message (RFC 8484, 6).
private let dnsMessageType = "application/dns-message"

/// Hears what concerns the whole HTTP/2 connection.
private final class HTTPSConnectionEnd: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame

    private weak var connection: EncryptedConnection?

    init(_ connection: EncryptedConnection) { self.connection = connection }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // The server takes no new streams but answers those it has (RFC 9113, 6.8).
        if case .goAway = unwrapInboundIn(data).payload { connection?.retire() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // One stream's trouble is that stream's own.
        if error is NIOHTTP2Errors.StreamError { return }
        connection?.shut(.closed)
    }
}

/// One request and its response.
private final class HTTPSStream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let exchange: EncryptedExchange
    private let headers: HPACKHeaders
    private var body: [UInt8] = []
    private var isAccepted = false

    init(_ exchange: EncryptedExchange, headers: HPACKHeaders) {
        self.exchange = exchange
        self.headers = headers
    }

    func channelActive(context: ChannelHandlerContext) {
        guard !exchange.isFinished else { return context.close(promise: nil) }
        exchange.abandon = { context.close(promise: nil) }
        var query = context.channel.allocator.buffer(capacity: exchange.query.count)
        // The same ID for all lets caches on the way know equal queries (RFC 8484, 4.1).
        query.writeInteger(UInt16(0))
        query.writeBytes(exchange.query.dropFirst(2))
        let request = HTTP2Frame.FramePayload.headers(.init(headers: headers))
        context.write(wrapOutboundOut(request), promise: nil)
        let content = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(query), endStream: true))
        context.writeAndFlush(wrapOutboundOut(content), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !exchange.isFinished else { return }
        switch unwrapInboundIn(data) {
        case .headers(let part):
            readHeaders(part.headers, context)
            if part.endStream { finish() }
        case .data(let part):
            if case .byteBuffer(let octets) = part.data { readBody(octets, context) }
            if part.endStream { finish() }
        default:
            break
        }
    }

    func channelInactive(context: ChannelHandlerContext) { exchange.fail(.closed) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.closed, context)
    }

    private func readHeaders(_ headers: HPACKHeaders, _ context: ChannelHandlerContext) {
        // What comes after the response's own headers are trailers.
        guard !isAccepted else { return }
        guard let status = headers.first(name: ":status").flatMap({ Int($0) }) else {
            return fail(.malformed, context)
        }
        // An interim response precedes the response itself.
        if 100..<200 ~= status { return }
        guard status == 200 else { return fail(.http(status: status), context) }
        let type = headers.first(name: "content-type")?.lowercased() ?? ""
        guard type == dnsMessageType || type.hasPrefix("\(dnsMessageType);") else {
            return fail(.malformed, context)
        }
        isAccepted = true
    }

    private func readBody(_ octets: ByteBuffer, _ context: ChannelHandlerContext) {
        guard isAccepted,
            body.count + octets.readableBytes <= EncryptedLimits.messageOctets
        else { return fail(.malformed, context) }
        body.append(contentsOf: octets.readableBytesView)
    }

    private func finish() {
        if isAccepted { exchange.answer(body) } else { exchange.fail(.malformed) }
    }

    /// Ends the exchange, and the stream with a reset if it goes on.
    private func fail(_ reason: ExchangeFailure, _ context: ChannelHandlerContext) {
        exchange.fail(reason)
        context.close(promise: nil)
    }
}
