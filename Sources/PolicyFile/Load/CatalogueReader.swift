import DNSWire
import DomainLists
import PolicyEngine

/// Reads a folder of category files into a `Catalogue`.
struct CatalogueReader {
    let reporter: Reporter
    private let values: ValueReader

    init(reporter: Reporter) {
        self.reporter = reporter
        values = ValueReader(reporter: reporter)
    }

    /// Reads every `*.yaml` of the folder; returns the paths of the files.
    func read(
        folder: Located<String>, path: String, list: String, into catalogue: inout Catalogue
    ) -> [String] {
        let names: [String]
        do {
            names = try FileBytes.names(inFolder: path).filter { $0.hasSuffix(".yaml") }
        } catch {
            reporter.error(
                folder.place, "the catalogue \(path) \(error.reason)",
                "write the folder's path, relative to this file")
            return []
        }
        if names.isEmpty {
            reporter.error(
                folder.place, "the catalogue \(path) is empty",
                "write the path of a folder with one .yaml file for each category")
        }
        let paths = names.map { "\(path)/\($0)" }
        for file in paths { read(file: file, named: folder.place, list: list, into: &catalogue) }
        return paths
    }

    private func read(
        file: String, named place: SourcePlace, list: String, into catalogue: inout Catalogue
    ) {
        let bytes: [UInt8]
        do {
            bytes = try FileBytes.read(file, limit: YAMLReader.maximumBytes).bytes
        } catch {
            reporter.error(place, "\(file) \(error.reason)", "put it right, or remove it")
            return
        }
        guard let root = YAMLReader.read(bytes, file: file, reporter: reporter),
            let fields = Fields(
                root, of: "a catalogue file",
                at: SourcePlace(file: file, line: 1, column: 1),
                known: ["category", "as-of", "services"], reporter: reporter),
            let name = values.text(fields.required("category", "name the category")),
            let checked = OwnName.check(
                name, of: "a category", reserved: ["everything", "under-age"], reporter: reporter)
        else { return }
        if let first = catalogue.categories.first(where: { $0.name == checked.value }) {
            reporter.error(
                checked.place, "category \"\(checked.value)\" is also in \(first.file)",
                "keep each category in one file")
            return
        }
        let asOf = values.date(fields["as-of"])?.value
        let services = (values.items(fields.required("services", "list its services")) ?? [])
            .compactMap { service($0, category: checked.value) }
        catalogue.add(checked, list: list, asOf: asOf, services: services)
    }

    private func service(_ node: YAMLNode, category: String) -> Catalogue.Service? {
        guard
            let fields = Fields(
                node, of: "a service",
                known: ["service", "minimum-age", "core", "shared", "embedded", "pixel", "note"],
                reporter: reporter),
            let name = values.text(fields.required("service", "give it a name"))
        else { return nil }
        let ages = fields["minimum-age"].flatMap { values.items($0) } ?? []
        return Catalogue.Service(
            name: name.value, category: category, minimumAges: ages.compactMap(minimumAge),
            names: names(fields["core"], .core) + names(fields["shared"], .shared)
                + names(fields["embedded"], .embedded) + names(fields["pixel"], .pixel),
            note: fields["note"].flatMap { values.text($0) }?.value ?? "")
    }

    private func names(_ pair: YAMLPair?, _ kind: Catalogue.NameKind) -> [Catalogue.Name] {
        (values.texts(pair) ?? []).compactMap { word in
            DomainText.read(word, reporter: reporter).map {
                Catalogue.Name(
                    name: $0.name, coverage: $0.coverage, kind: kind, place: word.place)
            }
        }
    }

    private func minimumAge(_ node: YAMLNode) -> Catalogue.MinimumAge? {
        guard
            let fields = Fields(
                node, of: "a minimum age", known: ["age", "from", "status"], reporter: reporter),
            let age = values.text(fields.required("age", "write it in years"))
        else { return nil }
        guard let years = Int(age.value), (1...120).contains(years) else {
            reporter.error(age.place, "\"\(age.value)\" is no age", "write it in years")
            return nil
        }
        let isAnnounced = values.choice(
            fields["status"], of: ["announced": true, "in-force": false])
        return Catalogue.MinimumAge(
            age: years, from: values.date(fields["from"])?.value, isAnnounced: isAnnounced ?? false)
    }
}
