import DNSWire
import NIOCore
import NIOHTTP1

/// Takes one request of a connection, has it answered, and closes the connection.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let site: PageSite
    private var request: PageRequest
    private var hasAnswered = false
    private var bodyOctets = 0
    private var deadline: Scheduled<Void>?

    init(site: PageSite, client: IPAddress) {
        self.site = site
        request = PageRequest(client: client)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: .seconds(BlockPageLimits.connectionSeconds)) {
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasAnswered else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(let part): take(part, context)
        case .end: send(site.answer(request), context)
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let octets = head.headers.reduce(head.uri.utf8.count) {
            $0 + $1.name.utf8.count + $1.value.utf8.count + 4
        }
        guard octets <= BlockPageLimits.headOctets else {
            return send(.line(431, "The request's headers are too long."), context)
        }
        switch head.method {
        case .GET: request.method = .get
        case .HEAD: request.method = .head
        case .POST: request.method = .post
        default: request.method = .other
        }
        request.path = String(head.uri.prefix { $0 != "?" })
        request.host = head.headers.first(name: "host")
        request.origin = head.headers.first(name: "origin")
        request.fetchSite = head.headers.first(name: "sec-fetch-site")
        let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        if length > BlockPageLimits.bodyOctets { return refuseBody(context) }
        if head.headers.first(name: "expect")?.lowercased() == "100-continue" {
            let go = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(go)), promise: nil)
        }
    }

    private func take(_ part: ByteBuffer, _ context: ChannelHandlerContext) {
        bodyOctets += part.readableBytes
        guard bodyOctets <= BlockPageLimits.bodyOctets else { return refuseBody(context) }
        if request.method == .post { request.body += part.readableBytesView }
    }

    private func refuseBody(_ context: ChannelHandlerContext) {
        send(
            .line(413, "The request is longer than \(BlockPageLimits.bodyOctets) octets."), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// The registered words of 451 (RFC 7725) speak of the law; this is the network's own policy.
    private static func status(_ code: Int) -> HTTPResponseStatus {
        code == 451
            ? .custom(code: 451, reasonPhrase: "Blocked By This Network's Policy")
            : HTTPResponseStatus(statusCode: code)
    }

    private func send(_ response: PageResponse, _ context: ChannelHandlerContext) {
        hasAnswered = true
        var headers = HTTPHeaders(PageLook.headers.map { ($0.name, $0.value) })
        let kind = response.isHTML ? "text/html" : "text/plain"
        headers.add(name: "Content-Type", value: "\(kind); charset=utf-8")
        headers.add(name: "Content-Length", value: "\(response.body.utf8.count)")
        headers.add(name: "Connection", value: "close")
        for (name, value) in response.headers { headers.add(name: name, value: value) }
        let head = HTTPResponseHead(
            version: .http1_1, status: Self.status(response.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .head {
            let body = context.channel.allocator.buffer(string: response.body)
            context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        }
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }
}

/// Closes a connection on which more octets come than any request has.
final class OctetLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var octets = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        octets += unwrapInboundIn(data).readableBytes
        guard octets <= 2 * (BlockPageLimits.headOctets + BlockPageLimits.bodyOctets) else {
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
    }
}
