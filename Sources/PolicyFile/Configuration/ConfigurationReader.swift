import DNSWire

/// Turns the tree of `bellgate.yaml` into a `ServerConfiguration`.
struct ConfigurationReader {
    let reporter: Reporter
    private let values: ValueReader
    private let endpoints: EndpointReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
        endpoints = EndpointReader(reporter: reporter)
    }

    static let keys = [
        "policy", "listen", "upstreams", "allow-from", "log", "forward", "control", "workers",
        "index", "lists", "alerts", "block-page", "identity",
    ]
    static let keysNotYet = [
        "cache": "the cache's settings", "dnssec": "DNSSEC",
        "strategy": "the choice among upstreams", "trust-proxy-from": "the PROXY protocol",
    ]
    /// A few times the cores of the largest machines that serve a college.
    static let maximumWorkers = 64
    /// How long records may be kept: ten years, more than any policy asks for.
    static let maximumKeepSeconds: Int64 = 3650 * 86_400
    /// How much a power cut may take: a minute of a college's decisions is the most that anybody
    /// should agree to.
    static let syncSeconds: ClosedRange<Int64> = 1...60
    /// A segment of the log: large enough to be few, small enough to be reserved at once.
    static let segmentBytes = (1 << 20)...(1 << 30)
    /// A Unix socket's path must fit its address (`sun_path`, 108 octets with the final NUL).
    static let maximumSocketPathOctets = 107

    func read(_ root: YAMLNode, path: String) -> ServerConfiguration {
        var configuration = ServerConfiguration(path: path)
        guard
            let fields = Fields(
                root, of: "the configuration file",
                at: SourcePlace(file: path, line: 1, column: 1), known: Self.keys,
                notYet: Self.keysNotYet, reporter: reporter)
        else { return configuration }
        if let policy = values.text(fields["policy"]) {
            configuration.policyPath = FileBytes.path(policy.value, relativeTo: path)
        }
        readListen(fields["listen"], &configuration)
        if let upstreams = values.texts(fields["upstreams"]) {
            configuration.upstreams = upstreams.compactMap(endpoints.upstream)
        }
        readAllowFrom(fields["allow-from"], &configuration)
        readLog(fields["log"], &configuration)
        readForward(fields["forward"], &configuration)
        readControl(fields["control"], &configuration)
        if let index = values.text(fields["index"]) {
            configuration.indexFolder = FileBytes.path(index.value, relativeTo: path)
        }
        if let lists = values.text(fields["lists"]) {
            configuration.listCopies = ListCopies(
                folder: FileBytes.path(lists.value, relativeTo: path))
        }
        if let alerts = fields["alerts"] {
            configuration.alerts = AlertReader(reporter: reporter).read(alerts, path: path)
        }
        if let page = fields["block-page"] {
            configuration.blockPage = BlockPageReader(reporter: reporter).read(
                page, hasAlerts: fields["alerts"] != nil)
        }
        if let identity = fields["identity"] {
            configuration.identity = IdentitySourcesReader(reporter: reporter, path: path)
                .read(identity)
        }
        readWorkers(fields["workers"], &configuration)
        return configuration
    }

    private func readListen(_ pair: YAMLPair?, _ configuration: inout ServerConfiguration) {
        guard let pair,
            let fields = Fields(
                pair.value, of: "\"listen\"", known: ["dns"],
                notYet: [
                    "tls": "DNS over TLS", "https": "DNS over HTTPS",
                    "metrics": "metrics over HTTP",
                ], reporter: reporter),
            let texts = values.texts(fields["dns"])
        else { return }
        var places: [Endpoint: SourcePlace] = [:]
        configuration.listen = texts.compactMap { text in
            guard let endpoint = endpoints.endpoint(text, defaultPort: 53) else { return nil }
            if let first = places.updateValue(text.place, forKey: endpoint) {
                reporter.error(
                    text.place, "\(endpoint) is given twice, first on line \(first.line)",
                    "keep one of the two")
            }
            return endpoint
        }
    }

    private func readAllowFrom(_ pair: YAMLPair?, _ configuration: inout ServerConfiguration) {
        guard let texts = values.texts(pair) else { return }
        configuration.allowFrom = texts.flatMap { text -> [IPNetwork] in
            if text.value == "private" { return ServerConfiguration.privateNetworks }
            guard text.value.first?.isHexDigit == true || text.value.hasPrefix(":") else {
                reporter.error(
                    text.place, "\"\(text.value)\" is no network",
                    NearestName.advice(
                        for: text.value, among: ["private"],
                        otherwise: "write a network, such as 10.20.0.0/16"))
                return []
            }
            return NetworkReader(reporter: reporter).network(text).map { [$0.value] } ?? []
        }
        for text in texts where text.value == "0.0.0.0/0" || text.value == "::/0" {
            reporter.warning(
                text.place, "\(text.value) lets the whole Internet ask",
                "name your own networks, or private")
        }
    }

    private func readLog(_ pair: YAMLPair?, _ configuration: inout ServerConfiguration) {
        guard let pair,
            let fields = Fields(
                pair.value, of: "\"log\"", known: ["directory", "keep", "segment", "sync"],
                reporter: reporter)
        else { return }
        if let directory = values.text(fields["directory"]) {
            configuration.logDirectory = FileBytes.path(
                directory.value, relativeTo: configuration.path)
        }
        if let keep = values.seconds(fields["keep"], in: 60...Self.maximumKeepSeconds) {
            configuration.logKeepSeconds = keep
        }
        if let sync = values.seconds(fields["sync"], in: Self.syncSeconds) {
            configuration.logSyncSeconds = sync
        }
        if let segment = size(fields["segment"]) { configuration.logSegmentBytes = segment }
    }

    /// `64MiB` and the like.
    private func size(_ pair: YAMLPair?) -> Int? {
        guard let text = values.text(pair) else { return nil }
        let digits = text.value.prefix { $0.isASCII && $0.isNumber }
        let units = ["KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
        guard let count = Int(digits),
            let unit = units[text.value.dropFirst(digits.count).trimmed]
        else {
            reporter.error(
                text.place, "\"\(text.value)\" is no size", "write a size such as 64MiB")
            return nil
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow, Self.segmentBytes.contains(bytes) else {
            reporter.error(
                text.place, "a segment of \(text.value) is out of range",
                "it may be 1MiB to 1GiB")
            return nil
        }
        return bytes
    }

    private func readForward(_ pair: YAMLPair?, _ configuration: inout ServerConfiguration) {
        var places: [DomainName: SourcePlace] = [:]
        for entry in values.entries(pair) {
            guard let forward = forwardZone(entry) else { continue }
            if let first = places.updateValue(entry.keyPlace, forKey: forward.zone) {
                reporter.error(
                    entry.keyPlace,
                    "zone \(forward.zone) is given twice, first on line \(first.line)",
                    "write all its servers behind one key")
            }
            configuration.forward.append(forward)
        }
    }

    private func forwardZone(_ pair: YAMLPair) -> ForwardZone? {
        let name = DomainText.name(of: pair.key)
        if name == nil {
            reporter.error(
                pair.keyPlace, "\"\(pair.key)\" is no zone",
                "write a domain name, such as kite.example or 10.in-addr.arpa")
        }
        let servers = (values.texts(pair) ?? []).compactMap { text -> Upstream? in
            guard text.value != "system", text.value != "demo" else {
                reporter.error(
                    text.place, "\"\(text.value)\" cannot serve a zone of its own",
                    "write the address of the zone's server")
                return nil
            }
            return endpoints.upstream(text)
        }
        return name.map { ForwardZone(zone: $0, servers: servers) }
    }

    private func readControl(_ pair: YAMLPair?, _ configuration: inout ServerConfiguration) {
        guard let text = values.text(pair) else { return }
        let path = FileBytes.path(text.value, relativeTo: configuration.path)
        guard path.utf8.count <= Self.maximumSocketPathOctets else {
            reporter.error(
                text.place,
                "the socket's path \(path) is longer than "
                    + "\(Self.maximumSocketPathOctets) octets", "choose a shorter one")
            return
        }
        configuration.controlPath = path
    }

    private func readWorkers(_ pair: YAMLPair?, _ configuration: inout ServerConfiguration) {
        guard let text = values.text(pair), text.value != "auto" else { return }
        guard let count = Int(text.value), (1...Self.maximumWorkers).contains(count) else {
            reporter.error(
                text.place, "\"\(text.value)\" is no number of workers",
                "write auto, or 1 to \(Self.maximumWorkers)")
            return
        }
        configuration.workers = .fixed(count)
    }
}
