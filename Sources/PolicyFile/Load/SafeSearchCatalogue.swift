public import DNSWire
import DomainLists
public import PolicyEngine

/// What is known of search engines that have a safe mode by name; shipped beside the catalogue.
public struct SafeSearchCatalogue: Sendable {
    /// Which of an engine's safe modes.
    public enum Mode: String, CaseIterable, Sendable {
        /// The only one that it has.
        case only
        /// Of two, the one that lets less through.
        case strict
        /// Of two, the one that lets more through.
        case moderate
    }

    /// One engine.
    public struct Engine: Sendable {
        /// What it is called, such as `google`.
        public var name: String
        /// Its own names, each for itself, and where the file has them.
        public var names: [(name: DomainName, place: SourcePlace)]
        /// The host that answers in the place of its names, by mode.
        public var targets: [Mode: DomainName]
        /// What the engine's own pages give as the host's addresses; empty where they give none.
        public var addresses: [IPAddress]
    }

    /// The engine whose modes the policy's own key `youtube` chooses.
    public static let youtube = "youtube"

    /// The file's name; it lies beside the folder of the catalogue.
    static let fileName = "safe-search.yaml"

    /// The file that it was read from.
    public var file: String
    /// The list (`lists:`) beside whose folder it lies.
    public var listName: String
    /// When its facts were checked.
    public var asOf: CivilDate?
    /// The engines, in the order of the file.
    public var engines: [Engine]

    /// Where the facts lie for a catalogue's folder.
    static func path(besideCatalogue folder: String) -> String {
        var parts = folder.split(separator: "/", omittingEmptySubsequences: false)
        while parts.last == "", parts.count > 1 { parts.removeLast() }
        parts.removeLast()
        return (parts + [Substring(fileName)]).joined(separator: "/")
    }
}

/// Reads the file of search engines.
struct SafeSearchCatalogueReader {
    let reporter: Reporter
    private let values: ValueReader

    /// Endings that one engine may have: far more than there are countries.
    static let maximumNames = 4096

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    /// Reads a file; `nil` where that is impossible, which is then reported.
    func read(_ bytes: [UInt8], file: String, list: String) -> SafeSearchCatalogue? {
        guard let root = YAMLReader.read(bytes, file: file, reporter: reporter),
            let fields = Fields(
                root, of: "the file of search engines",
                at: SourcePlace(file: file, line: 1, column: 1), known: ["as-of", "engines"],
                reporter: reporter)
        else { return nil }
        let asOf = values.date(fields["as-of"])?.value
        let engines = (values.items(fields.required("engines", "list the engines")) ?? [])
            .compactMap(engine)
        refuseSharedNames(engines)
        return SafeSearchCatalogue(file: file, listName: list, asOf: asOf, engines: engines)
    }

    private func engine(_ node: YAMLNode) -> SafeSearchCatalogue.Engine? {
        guard
            let fields = Fields(
                node, of: "the engine",
                known: [
                    "engine", "target", "targets", "addresses", "names", "countries", "note",
                ], reporter: reporter),
            let name = values.text(fields.required("engine", "give it a name")),
            let known = OwnName.check(
                name, of: "an engine", reserved: ["all", "off"], reporter: reporter)
        else { return nil }
        let names = (values.texts(fields["names"]) ?? []) + (fields["countries"].map(inAll) ?? [])
        let addresses = (values.texts(fields["addresses"]) ?? []).compactMap {
            NetworkReader(reporter: reporter).address($0)
        }
        let targets = targets(fields, isYouTube: known.value == SafeSearchCatalogue.youtube)
        if names.isEmpty {
            reporter.error(
                node.place, "engine \"\(known.value)\" has no names", "write names: [...]")
        }
        guard targets.count > 0, names.count <= Self.maximumNames else { return nil }
        return SafeSearchCatalogue.Engine(
            name: known.value,
            names: names.compactMap { word in host(word).map { ($0, word.place) } },
            targets: targets, addresses: addresses)
    }

    /// YouTube has two modes, every other engine one.
    private func targets(
        _ fields: Fields, isYouTube: Bool
    ) -> [SafeSearchCatalogue.Mode: DomainName] {
        guard isYouTube else {
            let target = values.text(
                fields.required("target", "write the host that answers in its place"))
            return target.flatMap(host).map { [.only: $0] } ?? [:]
        }
        guard
            let pair = fields.required("targets", "write { strict: HOST, moderate: HOST }"),
            let hosts = Fields(
                pair.value, of: "\"targets\"", known: ["strict", "moderate"], reporter: reporter)
        else { return [:] }
        var targets: [SafeSearchCatalogue.Mode: DomainName] = [:]
        for mode in [SafeSearchCatalogue.Mode.strict, .moderate] {
            let written = values.text(hosts.required(mode.rawValue, "write its host"))
            targets[mode] = written.flatMap(host)
        }
        return targets
    }

    /// The names of all countries: each beginning with each ending.
    private func inAll(_ pair: YAMLPair) -> [Located<String>] {
        guard
            let fields = Fields(
                pair.value, of: "\"countries\"", known: ["beginnings", "endings"],
                reporter: reporter),
            let beginnings = values.texts(fields.required("beginnings", "such as [www.google]")),
            let written = fields.required("endings", "write { plain: [...], co: [...] }"),
            let endings = Fields(
                written.value, of: "\"endings\"", known: ["plain", "co", "com"],
                reporter: reporter)
        else { return [] }
        var names: [Located<String>] = []
        for kind in ["plain", "co", "com"] {
            for ending in values.texts(endings[kind]) ?? [] {
                let end = kind == "plain" ? ending.value : "\(kind).\(ending.value)"
                names += beginnings.map { Located("\($0.value).\(end)", at: ending.place) }
            }
        }
        return names
    }

    private func host(_ word: Located<String>) -> DomainName? {
        if let name = DomainText.name(of: word.value) { return name }
        reporter.error(
            word.place, "\"\(word.value)\" is no host's name", "write it as www.example.com")
        return nil
    }

    /// A name leads to one host.
    private func refuseSharedNames(_ engines: [SafeSearchCatalogue.Engine]) {
        var owners: [DomainName: String] = [:]
        for engine in engines {
            for (name, place) in engine.names {
                if let first = owners.updateValue(engine.name, forKey: name) {
                    reporter.error(
                        place, "\(name) is named for \"\(first)\" and for \"\(engine.name)\"",
                        "keep it once")
                }
            }
        }
    }
}
