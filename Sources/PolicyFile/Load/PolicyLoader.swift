import DNSWire
import DomainLists
import LDNSBridge
import PolicyEngine

/// One load of a policy file, step by step; every step goes as far as it can.
struct PolicyLoader {
    let path: String
    let now: Instant
    let zoneFolder: String
    let compilation: ListCompilation
    let copies: ListCopies
    let hasBlockPage: Bool?
    let reporter = Reporter()

    private(set) var hash = ""
    private(set) var watchedFiles: [String]
    private(set) var lists: [LoadedList] = []
    private(set) var webLists: [WebList] = []
    private(set) var testResults: [PolicyTestResult] = []
    private(set) var counts = PolicyCounts()
    private(set) var exceptions: [ExceptionStatus] = []
    private var catalogue = Catalogue()
    private var safeSearch: SafeSearchCatalogue?

    init(
        path: String, now: Instant, zoneFolder: String, compilation: ListCompilation,
        copies: ListCopies, hasBlockPage: Bool?
    ) {
        self.path = path
        self.now = now
        self.zoneFolder = zoneFolder
        self.compilation = compilation
        self.copies = copies
        self.hasBlockPage = hasBlockPage
        watchedFiles = [path]
    }

    mutating func load() -> LoadedPolicy? {
        guard let document = readDocument() else { return nil }
        counts = PolicyCounts(
            rules: document.rules.count, groups: document.groups.count,
            periods: document.periods.count, devices: document.devices.count,
            exceptions: document.exceptions.count)
        let zone = document.zone.flatMap {
            ZoneFile.load($0, folder: zoneFolder, reporter: reporter)
        }
        var compiler = PolicyCompiler(
            document: document, reporter: reporter, scope: readScope(of: document))
        compiler.checkLimits()
        if hasBlockPage == false { BlockPageReader(reporter: reporter).refusePages(of: document) }
        var policy = Policy(groups: compiler.groups(), devices: compiler.devices())
        policy.unknownDevices = compiler.unknownDevices()
        policy.rules = compiler.rules()
        policy.bypass = compiler.bypassSwitch
        let exceptionRules = compiler.exceptions(in: zone)
        exceptions = zip(document.exceptions, exceptionRules).map {
            ExceptionStatus($0, $1, zone: zone ?? .utc, now: now)
        }
        policy.officialChannels = compiler.officialChannels()
        policy.useLimits = compiler.useLimits()
        safeSearch = readSafeSearch(
            document, lacksCatalogue: compiler.scope.lacksCatalogue)
        policy.safeSearch = compiler.safeSearch(safeSearch, groups: policy.groups)
        let runner = TestRunner(document: document, reporter: reporter)
        let tests = runner.prepare(ownRules: compiler.ownRuleIDs(of: policy.rules))
        policy.rules += exceptionRules
        let scope = compiler.scope
        let (index, listPlaces) = buildIndex(document, scope)
        for place in policy.safeSearch.indices {
            policy.safeSearch[place].targetSet =
                index.match(policy.safeSearch[place].target).set
        }
        complete(&policy, document, scope, zone: zone ?? .utc)
        warn(policy, document, compiler, index)
        guard !reporter.hasErrors else { return nil }

        let program = PolicyProgram(policy: policy, sets: index.sets)
        testResults = tests.map { runner.run($0, program: program, index: index) }
        return LoadedPolicy(
            path: path, policy: policy, program: program, index: index, catalogue: catalogue,
            safeSearch: safeSearch, lists: lists, webLists: webLists, hash: hash,
            watchedFiles: watchedFiles,
            testResults: testResults, exceptions: exceptions, origins: scope.sources.origins,
            listPlaces: listPlaces)
    }

    /// Puts in what needs no looking up, and what is known of the sources of names.
    private func complete(
        _ policy: inout Policy, _ document: PolicyDocument, _ scope: NameScope, zone: ZoneRules
    ) {
        policy.name = document.name
        policy.reference = document.reference
        policy.approvedBy = document.approvedBy
        policy.approvedOn = document.approvedOn?.value
        policy.reviewBy = document.reviewBy?.value
        policy.contact = document.contact
        policy.roles = document.roles
        policy.zone = zone
        policy.calendar = document.calendar
        policy.periods = document.periods.map(\.period)
        policy.defaultAction = document.defaultAction
        policy.hash = hash
        let defaults = scope.defaultCategories()
        policy.sources = scope.sources.origins.enumerated().map { number, origin in
            SourceInfo(
                listName: listName(of: origin, document),
                defaultCategory: defaults[SourceID(rawValue: UInt16(clamping: number))] ?? "",
                minimumAges: minimumAges(of: origin, zone))
        }
    }

    /// The minimum ages of a source's services, from the first second of each day on.
    private func minimumAges(of origin: SourceOrigin, _ zone: ZoneRules) -> [DatedAge] {
        guard case .aged(let place) = origin else { return [] }
        return catalogue.agedNames[place].ages.map { age in
            let from = age.from.map { zone.instant(of: CivilTime(date: $0, secondOfDay: 0)) }
            return DatedAge(age: age.age, from: from ?? .earliest)
        }
    }

    /// Warns of what is sound, whether there are errors elsewhere or not.
    private func warn(
        _ policy: Policy, _ document: PolicyDocument, _ compiler: PolicyCompiler,
        _ index: DomainIndex
    ) {
        let builtInCount = compiler.builtInCount
        let sound = document.rules.indices.filter { !compiler.brokenRules.contains($0) }
        let soundExceptions = document.exceptions.indices.filter {
            !compiler.brokenExceptions.contains($0)
        }
        let firstException = builtInCount + document.rules.count
        var policy = policy
        policy.rules =
            policy.rules.prefix(builtInCount) + sound.map { policy.rules[builtInCount + $0] }
            + soundExceptions.map { policy.rules[firstException + $0] }
        let warner = PolicyWarner(
            document: document, rules: sound.map { document.rules[$0] },
            builtInCount: builtInCount, reporter: reporter)
        let program = PolicyProgram(policy: policy, sets: index.sets)
        warner.warn(program, now: now)
        ExceptionWarner(
            document: document, entries: soundExceptions.map { document.exceptions[$0] },
            states: soundExceptions.map { exceptions[$0] },
            firstPlace: builtInCount + sound.count, reporter: reporter
        ).warn(program) { word in DomainText.name(of: word).map { index.match($0).set } }
        SafeSearchWarner(document: document, catalogue: catalogue, reporter: reporter)
            .warn(program) { index.match($0).set }
    }

    private mutating func readDocument() -> PolicyDocument? {
        do {
            let bytes = try FileBytes.read(path, limit: YAMLReader.maximumBytes).bytes
            hash = String(hexadecimal(sha256(bytes)).prefix(16))
            let root = YAMLReader.read(bytes, file: path, reporter: reporter)
            return root.map { PolicyReader(reporter: reporter).read($0) }
        } catch {
            reporter.error(
                SourcePlace(file: path, line: 1, column: 1),
                "the policy file \(error.reason)", "check the path and who may read it")
            return nil
        }
    }

    /// What the words of the document's categories and rules stand for.
    private mutating func readScope(of document: PolicyDocument) -> NameScope {
        var scope = NameScope(reporter: reporter)
        webLists = document.lists.compactMap(\.web)
        for (place, entry) in document.lists.enumerated() {
            let listPath = entry.file(policyPath: path, copies: copies)
            watchedFiles.append(listPath)
            guard entry.isCatalogue else {
                scope.define(list: entry.name, place: place)
                continue
            }
            let first = catalogue.categories.count
            watchedFiles += CatalogueReader(reporter: reporter).read(
                folder: entry.path, path: listPath, list: entry.name.value, into: &catalogue)
            scope.define(
                catalogue: entry.name,
                categories: catalogue.categories.indices[first...].map {
                    ($0, catalogue.categories[$0])
                })
        }
        for name in document.brokenLists { scope.define(broken: name) }
        scope.define(agedCount: catalogue.agedNames.count)
        scope.define(categories: document.categories)
        return scope
    }

    /// What is known of search engines, from the first file of it beside a catalogue; looked for
    /// only where the policy switches safe search on.
    private mutating func readSafeSearch(
        _ document: PolicyDocument, lacksCatalogue: Bool
    ) -> SafeSearchCatalogue? {
        guard let entry = document.safeSearch.first else { return nil }
        for list in document.lists where list.isCatalogue {
            let folder = list.file(policyPath: path, copies: copies)
            let file = SafeSearchCatalogue.path(besideCatalogue: folder)
            watchedFiles.append(file)
            do {
                let bytes = try FileBytes.read(file, limit: YAMLReader.maximumBytes).bytes
                return SafeSearchCatalogueReader(reporter: reporter).read(
                    bytes, file: file, list: list.name.value)
            } catch  where error.isMissing {
                continue
            } catch {
                reporter.error(entry.place, "\(file) \(error.reason)", "put it right")
                return nil
            }
        }
        // A catalogue that could not be read is reported, and the file may be beside it.
        guard !lacksCatalogue else { return nil }
        let folder = document.lists.first(where: \.isCatalogue)?.path.value
        reporter.error(
            entry.place,
            folder.map { "there is no \(SafeSearchCatalogue.fileName) beside the catalogue \($0)" }
                ?? "safe search needs to know search engines, and no catalogue is named",
            folder == nil
                ? "name the shipped one under lists:, such as services: { catalogue: FOLDER }"
                : "copy the shipped one there, from blocklists/")
        return nil
    }

    /// Puts the names of all sources into one index; reports categories without any.
    private mutating func buildIndex(
        _ document: PolicyDocument, _ scope: NameScope
    ) -> (DomainIndex, [Int: Int]) {
        let origins = scope.sources.origins
        let named = namesOfSources(origins)
        let (index, summaries) = compile(document, origins, named)
        let files = ListLoader(reporter: reporter, copies: copies).loaded(
            lists: document.lists, sources: origins, policyPath: path, summaries: summaries)
        var nameCounts: [SourceID: Int] = [:]
        for (number, origin) in origins.enumerated() {
            // A list that could not be read is reported; its categories are not to blame.
            guard case .list(let place) = origin else { continue }
            let summary = files[place]?.summary
            nameCounts[SourceID(rawValue: UInt16(clamping: number))] =
                summary.map { $0.names + $0.unusableCount } ?? 1
        }
        for (number, names) in named {
            nameCounts[SourceID(rawValue: UInt16(clamping: number))] = names.count
        }
        reportEmptyCategories(scope, nameCounts)
        ListAges(copies: copies, now: now, reporter: reporter).warn(document.lists)
        let places = gatherLists(document, files)
        return (index, places)
    }

    /// The names of every source that is no list file: the catalogue's and the policy's own.
    private func namesOfSources(_ origins: [SourceOrigin]) -> [(source: Int, names: [DomainText])] {
        origins.enumerated().compactMap { number, origin in
            switch origin {
            case .list: return nil
            case .literal(let text, _): return (number, [text])
            case .safeSearch(let place):
                let names = safeSearch?.engines[place].names ?? []
                return (number, names.map { DomainText(name: $0.name, coverage: .exact) })
            case .aged(let place):
                let names = catalogue.agedNames[place].names
                return (number, names.map { DomainText(name: $0.name, coverage: $0.coverage) })
            case .catalogue(let place):
                let category = catalogue.categories[place]
                let names = catalogue.coreNames(of: category).map {
                    DomainText(name: $0.name, coverage: $0.coverage)
                }
                if names.isEmpty {
                    reporter.error(
                        category.place, "category \"\(category.name)\" is empty",
                        "give its services core names, or remove the file")
                }
                return (number, names)
            }
        }
    }

    /// The index of all names: the one kept from before where nothing has changed since.
    private func compile(
        _ document: PolicyDocument, _ origins: [SourceOrigin],
        _ named: [(source: Int, names: [DomainText])]
    ) -> (DomainIndex, [Int: ListSummary]) {
        let cache = compilation.folder.map { IndexCache(folder: $0, reporter: reporter) }
        let stamp = cache == nil ? nil : self.stamp(document, origins, named)
        if let stamp, let kept = cache?.load(stamp) { return (kept.index, kept.summaries) }
        if let stamp, let elsewhere = compilation.elsewhere {
            elsewhere()
            if let kept = cache?.load(stamp) { return (kept.index, kept.summaries) }
        }
        var builder = DomainIndexBuilder(helpers: ListLoader.helpers)
        let summaries = ListLoader(
            reporter: reporter, copies: copies, progress: compilation.progress
        ).add(
            lists: document.lists, sources: origins, policyPath: path, to: &builder)
        for (number, names) in named {
            let source = SourceID(rawValue: UInt16(clamping: number))
            for name in names { builder.add(name.name, coverage: name.coverage, source: source) }
        }
        compilation.progress?(.indexing)
        let index = builder.build()
        if compilation.isKept, let stamp,
            let mapped = cache?.store(index, summaries, stamp: stamp)
        {
            return (mapped, summaries)
        }
        return (index, summaries)
    }

    private func stamp(
        _ document: PolicyDocument, _ origins: [SourceOrigin],
        _ named: [(source: Int, names: [DomainText])]
    ) -> String? {
        var lists: [(source: Int, path: String, format: ListFormat?, match: Coverage?)] = []
        for (number, origin) in origins.enumerated() {
            guard case .list(let place) = origin else { continue }
            let entry = document.lists[place]
            let listPath = entry.file(policyPath: path, copies: copies)
            // Until it is fetched, a list from the web has no names.
            if entry.web != nil, FileBytes.identity(of: listPath) == nil { continue }
            lists.append((number, listPath, entry.format, entry.match))
        }
        return IndexCache.stamp(lists: lists, names: named)
    }

    private func reportEmptyCategories(_ scope: NameScope, _ nameCounts: [SourceID: Int]) {
        for (place, category) in scope.categories.enumerated() where !category.isBroken {
            let sources = scope.expand(.category(place)).keys
            guard sources.allSatisfy({ nameCounts[$0] == 0 }) else { continue }
            reporter.error(
                category.name.place,
                "category \"\(category.name.value)\" is empty: there is not a name in it",
                "fill its lists, or remove it")
        }
    }

    /// The lists in the order of the file, catalogues by category; and where each file's is.
    private mutating func gatherLists(
        _ document: PolicyDocument, _ files: [Int: LoadedList]
    ) -> [Int: Int] {
        var places: [Int: Int] = [:]
        for (place, entry) in document.lists.enumerated() {
            if let list = files[place] {
                places[place] = lists.count
                lists.append(list)
            }
            guard entry.isCatalogue else { continue }
            for category in catalogue.categories where category.listName == entry.name.value {
                let names = Set(
                    catalogue.coreNames(of: category).map {
                        DomainText(name: $0.name, coverage: $0.coverage)
                    })
                lists.append(
                    LoadedList(
                        name: entry.name.value, path: category.file, format: nil, summary: nil,
                        category: category.name, names: names.count,
                        modifiedSeconds: FileBytes.modifiedSeconds(category.file)))
            }
        }
        return places
    }

    private func listName(of origin: SourceOrigin, _ document: PolicyDocument) -> String? {
        switch origin {
        case .list(let place): document.lists[place].name.value
        case .catalogue(let place): catalogue.categories[place].listName
        case .aged(let place): catalogue.agedNames[place].listName
        case .safeSearch: safeSearch?.listName
        case .literal: nil
        }
    }
}
