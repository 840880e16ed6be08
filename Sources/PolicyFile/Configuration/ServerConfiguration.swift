public import DNSWire

/// An address with a port.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// The address.
    public var address: IPAddress
    /// The port.
    public var port: UInt16

    /// Takes an address and a port.
    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `127.0.0.1:53` or `[::1]:53`.
    public var description: String {
        address.isV4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}

/// Who is asked for what the cache does not have.
public enum Upstream: Hashable, Sendable {
    /// The machine's own resolvers, as `/etc/resolv.conf` names them when the server starts.
    case system
    /// Answers made up from documentation ranges, for trying the server out.
    case demo
    /// Plain DNS over UDP and TCP.
    case plain(Endpoint)
    /// DNS over TLS (RFC 7858); the name is what the certificate must be for.
    case tls(Endpoint, name: String)
    /// DNS over HTTPS (RFC 8484).
    case https(host: String, port: UInt16, path: String)
}

/// A zone whose questions go to servers of its own.
public struct ForwardZone: Hashable, Sendable {
    /// The zone: this name and all under it.
    public var zone: DomainName
    /// Its servers, in order.
    public var servers: [Upstream]

    /// Takes a zone and its servers.
    public init(zone: DomainName, servers: [Upstream]) {
        self.zone = zone
        self.servers = servers
    }
}

/// How many threads answer queries.
public enum WorkerCount: Hashable, Sendable {
    /// One for each core.
    case automatic
    /// As many as this, 1...64.
    case fixed(Int)
}

/// What `bellgate.yaml` says. Paths are ready to use: relative ones were joined to the file's folder.
public struct ServerConfiguration: Sendable {
    /// The file that it was read from.
    public var path: String
    /// The policy file.
    public var policyPath: String
    /// Where plain DNS is served, UDP and TCP alike.
    public var listen: [Endpoint]
    /// Who is asked, in order.
    public var upstreams: [Upstream]
    /// Who may ask at all.
    public var allowFrom: [IPNetwork]
    /// The folder of the decision log.
    public var logDirectory: String
    /// How long records are kept, in seconds.
    public var logKeepSeconds: Int64
    /// How long after its answer a record is on the disk at the latest, in seconds.
    public var logSyncSeconds: Int64
    /// The size of one file of the log, in bytes.
    public var logSegmentBytes: Int
    /// Zones that go elsewhere; the longest that covers a name counts.
    public var forward: [ForwardZone]
    /// The socket for `bellgate status` and the like.
    public var controlPath: String
    /// How many threads answer queries.
    public var workers: WorkerCount
    /// The folder in which lists are kept compiled.
    public var indexFolder: String
    /// The copies of lists from the web.
    public var listCopies: ListCopies
    /// Who is told of concerns, and how; `nil` for nobody.
    public var alerts: AlertConfiguration?
    /// The page that says why a name is blocked; `nil` for none.
    public var blockPage: BlockPageConfiguration?
    /// Who tells who is where; `nil` for the kernel alone.
    public var identity: IdentityConfiguration?

    /// What holds where the file says nothing.
    ///
    /// - Parameter path: where the file lies.
    public init(path: String) {
        self.path = path
        policyPath = FileBytes.path("policy.yaml", relativeTo: path)
        listen = [
            Endpoint(address: IPAddress(v4: 0x7F00_0001), port: 5300),
            Endpoint(address: IPAddress(high: 0, low: 1), port: 5300),
        ]
        upstreams = [.system]
        allowFrom = Self.privateNetworks
        logDirectory = FileBytes.path("log", relativeTo: path)
        logKeepSeconds = 90 * 86_400
        logSyncSeconds = 1
        logSegmentBytes = 64 << 20
        forward = []
        controlPath = FileBytes.path("run/bellgate.sock", relativeTo: path)
        workers = .automatic
        indexFolder = FileBytes.path("index", relativeTo: path)
        listCopies = ListCopies(folder: FileBytes.path("lists", relativeTo: path))
    }

    /// What `private` stands for: loopback, RFC 1918, unique local and link-local addresses.
    public static let privateNetworks: [IPNetwork] = [
        "127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "fc00::/7", "fe80::/10",
    ].compactMap { IPNetwork($0) }
}

/// What became of an attempt to read `bellgate.yaml`.
public struct ConfigurationLoad: Sendable {
    /// Every error and warning, in reading order.
    public let diagnostics: [Diagnostic]
    /// The configuration; `nil` if there is an error among the diagnostics.
    public let configuration: ServerConfiguration?
    /// The policy file that it names, mistakes elsewhere or not; `nil` if it could not be read.
    public let policyPath: String?
}

/// Reads `bellgate.yaml`; every mistake is a diagnostic, nothing is thrown.
public func loadConfiguration(at path: String) -> ConfigurationLoad {
    let reporter = Reporter()
    var configuration: ServerConfiguration?
    do {
        let bytes = try FileBytes.read(path, limit: YAMLReader.maximumBytes).bytes
        if let root = YAMLReader.read(bytes, file: path, reporter: reporter) {
            configuration = ConfigurationReader(reporter: reporter).read(root, path: path)
        }
    } catch {
        reporter.error(
            SourcePlace(file: path, line: 1, column: 1),
            "the configuration file \(error.reason)", "check the path and who may read it")
    }
    return ConfigurationLoad(
        diagnostics: reporter.diagnostics.inReadingOrder(startingWith: path),
        configuration: reporter.hasErrors ? nil : configuration,
        policyPath: configuration?.policyPath)
}

/// The resolvers that a `resolv.conf` names, port 53; what cannot be read there is left out.
///
/// Link-local addresses with a zone (`fe80::1%eth0`) are left out as well.
public func systemResolvers(resolvConf path: String = "/etc/resolv.conf") -> [Endpoint] {
    guard let contents = try? FileBytes.read(path, limit: 1 << 20) else { return [] }
    return String(decoding: contents.bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        .compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { return nil }
            return IPAddress(String(words[1])).map { Endpoint(address: $0, port: 53) }
        }
}
