public import DNSWire
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
public import PolicyEngine
public import PolicyFile

/// Why the block page cannot be served.
public struct BlockPageError: Error, CustomStringConvertible, Sendable {
    /// What is wrong and what to do about it.
    public let description: String
}

/// Serves the block page by HTTP, on a thread of its own.
public final class BlockPageServer: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let channels: [any Channel]

    /// The addresses that are served, with the ports that they really have.
    public let addresses: [Endpoint]

    /// Binds the addresses and begins.
    ///
    /// - Parameters:
    ///   - listen: where it is served.
    ///   - allowFrom: who may come at all.
    ///   - logDirectory: beside which log reports are kept.
    ///   - tellsAtOnce: whether somebody is told of a worry at once, which the page then says.
    ///   - nowSeconds: the wall clock, in seconds since 1970 UTC.
    ///   - news: is given what an administrator should know, from another thread.
    ///   - policy: the policy in force, from another thread.
    ///   - presence: what the network tells of a client, besides its address; from another thread.
    /// - Throws: `BlockPageError` where an address cannot be served.
    public init(
        listen: [Endpoint], allowFrom: [IPNetwork], logDirectory: String,
        tellsAtOnce: Bool, nowSeconds: @escaping @Sendable () -> Int64,
        news: @escaping @Sendable (String) -> Void,
        policy: @escaping @Sendable () -> LoadedPolicy,
        presence: @escaping @Sendable (IPAddress) -> Presence
    ) throws {
        let site = PageSite(
            logDirectory: logDirectory, tellsAtOnce: tellsAtOnce, policy: policy,
            presence: presence, nowSeconds: nowSeconds, news: news)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let guests = ConnectionCount()
        var channels: [any Channel] = []
        do throws(BlockPageError) {
            for place in listen {
                channels.append(try Self.bind(place, group, allowFrom, site, guests))
            }
        } catch {
            try? group.syncShutdownGracefully()
            throw error
        }
        self.group = group
        self.channels = channels
        addresses = zip(listen, channels).map { place, channel in
            Endpoint(
                address: place.address,
                port: channel.localAddress?.port.map { UInt16(clamping: $0) } ?? place.port)
        }
    }

    /// Closes every connection and ends.
    public func stop() { try? group.syncShutdownGracefully() }

    private static func bind(
        _ place: Endpoint, _ group: MultiThreadedEventLoopGroup, _ allowFrom: [IPNetwork],
        _ site: PageSite, _ guests: ConnectionCount
    ) throws(BlockPageError) -> any Channel {
        var bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(BlockPageLimits.connections))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try receive(channel, allowFrom, site, guests)
                }
            }
        if !place.address.isV4 {
            // So that 0.0.0.0 and :: may be served side by side.
            let onlyV6 = ChannelOptions.Types.SocketOption(
                level: SocketOptionLevel(IPPROTO_IPV6), name: SocketOptionName(IPV6_V6ONLY))
            bootstrap = bootstrap.serverChannelOption(onlyV6, value: 1)
        }
        do {
            return try bootstrap.bind(host: "\(place.address)", port: Int(place.port)).wait()
        } catch {
            throw BlockPageError(description: words(error, place))
        }
    }

    /// Lets a client in, or closes the connection.
    private static func receive(
        _ channel: any Channel, _ allowFrom: [IPNetwork], _ site: PageSite,
        _ guests: ConnectionCount
    ) throws {
        let text = channel.remoteAddress?.ipAddress?.split(separator: "%").first ?? ""
        guard let client = IPAddress(String(text)),
            allowFrom.contains(where: { $0.contains(client) }),
            guests.enter(client)
        else {
            channel.close(promise: nil)
            return
        }
        channel.closeFuture.whenComplete { _ in guests.leave(client) }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(OctetLimit())
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false)
        try pipeline.addHandler(RequestHandler(site: site, client: client))
    }

    private static func words(_ error: any Error, _ place: Endpoint) -> String {
        let code = (error as? IOError)?.errnoCode
        let hint =
            switch code {
            case EADDRINUSE: "another program serves there; stop it, or change block-page.listen"
            case EACCES:
                "ports below 1024 need root or the capability cap_net_bind_service"
            case EADDRNOTAVAIL:
                "this machine does not have that address; change block-page.listen"
            default: "change block-page.listen"
            }
        // SAFETY: the C library's text is copied at once.
        let reason = code.map { unsafe String(cString: strerror($0)) } ?? "\(error)"
        return "cannot serve the block page on \(place): \(reason); \(hint)"
    }
}
