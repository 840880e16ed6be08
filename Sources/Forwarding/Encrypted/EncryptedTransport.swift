import NIOCore
import NIOSSL
import NIOTLS

/// Sits above TLS: tells when the handshake is done, that octets arrive, and why a channel ended.
final class EncryptedTransport: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Who uses the channel, once it is ready.
    var connection: EncryptedConnection?

    private let tls: NIOSSLClientHandler
    private let serverName: String?
    private var context: ChannelHandlerContext?
    /// The protocol that TLS agreed on, or why there is no connection; the first word stands.
    private var outcome: Result<String?, ExchangeFailure>?
    private var listener: ((Result<String?, ExchangeFailure>) -> Void)?
    private var failure: ExchangeFailure?

    /// - Parameter serverName: the name that the certificate must have; nil for the address.
    init(above tls: NIOSSLClientHandler, serverName: String?) {
        self.tls = tls
        self.serverName = serverName
    }

    /// Calls back once, when the handshake is done or has failed; at once if that is so already.
    func whenReady(_ listener: @escaping (Result<String?, ExchangeFailure>) -> Void) {
        if let outcome { listener(outcome) } else { self.listener = listener }
    }

    /// Ends the channel for this reason, unless there was one before.
    func fail(_ reason: ExchangeFailure) {
        failure = failure ?? reason
        settle(.failure(reason))
        connection?.shut(reason)
        context?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        end()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection?.heard()
        context.fireChannelRead(data)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let spoken) = event as? TLSUserEvent {
            if let serverName, !certificate(tls.peerCertificate, names: serverName) {
                return fail(.tls("the certificate does not name \(serverName)"))
            }
            settle(.success(spoken))
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(ExchangeFailure(error))
    }

    private func end() {
        let reason = failure ?? .closed
        settle(.failure(reason))
        let connection = connection
        self.connection = nil
        connection?.shut(reason)
    }

    private func settle(_ result: Result<String?, ExchangeFailure>) {
        guard outcome == nil else { return }
        outcome = result
        let listener = listener
        self.listener = nil
        listener?(result)
    }
}
