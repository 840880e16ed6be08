public import DNSWire
public enum EncryptedEndpoint: Hashable, Sendable { case tls(address: IPAddress, port: UInt16, serverName: String?) ; case https(host: String, port: UInt16, path: String, addresses: [IPAddress]) }
public enum ExchangeFailure: Error, Sendable { case timedOut, refused, unreachable, tls(String), http(status: Int), malformed, closed }
public final class EncryptedUpstream: Sendable {
    public init(endpoint: EncryptedEndpoint) {}
    public func exchange(_ query: [UInt8], timeoutMilliseconds: Int64, completion: @escaping @Sendable (Result<[UInt8], ExchangeFailure>) -> Void) {}
}
