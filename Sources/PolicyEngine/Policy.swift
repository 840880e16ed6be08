public import DNSWire
public import DomainLists

/// Clients that are treated alike.
public struct Group: Sendable {
    /// The name as written.
    public var name: String
    /// The group it inherits from, as a place in `Policy.groups`.
    public var parent: Int?
    /// The addresses of its clients.
    public var networks: [IPNetwork]
    /// Those who belong to it wherever they log in.
    public var identities: [IdentityPattern]
    /// How old its clients are; `nil` where the policy does not say.
    public var age: AgeBand?

    /// Takes name, parent, networks, identities and age.
    public init(
        name: String, parent: Int? = nil, networks: [IPNetwork] = [],
        identities: [IdentityPattern] = [], age: AgeBand? = nil
    ) {
        self.name = name
        self.parent = parent
        self.networks = networks
        self.identities = identities
        self.age = age
    }
}

/// What the policy knows about one source of names.
public struct SourceInfo: Sendable {
    /// The list that the source belongs to; `nil` for a name written in the policy.
    public var listName: String?
    /// The category path that is recorded where an `everything` rule or the default decides:
    /// from the outermost category that holds the source; empty if none does.
    public var defaultCategory: String
    /// Of the names of services with minimum ages: these, each from its day on. Such a source
    /// counts for groups whose age band is below the age that holds, and for no other.
    public var minimumAges: [DatedAge]

    /// Takes list, category and ages.
    public init(
        listName: String? = nil, defaultCategory: String = "", minimumAges: [DatedAge] = []
    ) {
        self.listName = listName
        self.defaultCategory = defaultCategory
        self.minimumAges = minimumAges
    }
}

/// A whole policy, read and checked: the input of `PolicyProgram`.
///
/// Every place (of a group, a period, a source) that points outside its table is ignored.
public struct Policy: Sendable {
    /// The policy's title.
    public var name: String
    /// Its reference, printed in reports and block explanations.
    public var reference: String
    /// Who approved it.
    public var approvedBy: String
    /// When it was approved.
    public var approvedOn: CivilDate?
    /// When it is due for review.
    public var reviewBy: CivilDate?
    /// Whom to ask about a block, as a URI.
    public var contact: String
    /// Offices by key: who answers for what.
    public var roles: [String: String]
    /// The wall clock by which the periods go.
    public var zone: ZoneRules
    /// Terms and closed days.
    public var calendar: AcademicCalendar
    /// The named periods.
    public var periods: [Period]
    /// The groups.
    public var groups: [Group]
    /// The devices that are known by name.
    public var devices: [Device]
    /// The group of a client in no network; `nil` where such clients are refused.
    public var unknownDevices: Int?
    /// The rules and exceptions, each kind in the order of the file.
    public var rules: [Rule]
    /// How much of a day may be spent on a category before somebody is told.
    public var useLimits: [UseLimit] = []
    /// Whose access is suspended, and when.
    public var suspensions: [Suspension]
    /// The sources of what stays open during a suspension, with their category paths.
    public var officialChannels: [SourceID: String]
    /// For whom ways round the filter are closed, if for anybody; their rules are among `rules`.
    public var bypass: BypassSwitch?
    /// Which search engines are answered in their safe mode, and for whom; where several are about
    /// the same name and group, the first counts.
    public var safeSearch: [SafeSearch]
    /// What happens where no rule matches: allow or block.
    public var defaultAction: RuleAction
    /// The sources of names, by `SourceID.rawValue`.
    public var sources: [SourceInfo]
    /// A hash of everything that the policy was read from.
    public var hash: String

    /// Takes the parts; what is not given is empty.
    public init(
        name: String = "", reference: String = "", approvedBy: String = "",
        approvedOn: CivilDate? = nil, reviewBy: CivilDate? = nil, contact: String = "",
        roles: [String: String] = [:], zone: ZoneRules = .utc,
        calendar: AcademicCalendar = AcademicCalendar(), periods: [Period] = [],
        groups: [Group] = [], devices: [Device] = [], unknownDevices: Int? = nil,
        rules: [Rule] = [], suspensions: [Suspension] = [],
        officialChannels: [SourceID: String] = [:], safeSearch: [SafeSearch] = [],
        defaultAction: RuleAction = .allow,
        sources: [SourceInfo] = [], hash: String = ""
    ) {
        self.name = name
        self.reference = reference
        self.approvedBy = approvedBy
        self.approvedOn = approvedOn
        self.reviewBy = reviewBy
        self.contact = contact
        self.roles = roles
        self.zone = zone
        self.calendar = calendar
        self.periods = periods
        self.groups = groups
        self.devices = devices
        self.unknownDevices = unknownDevices
        self.rules = rules
        self.suspensions = suspensions
        self.officialChannels = officialChannels
        self.safeSearch = safeSearch
        self.defaultAction = defaultAction
        self.sources = sources
        self.hash = hash
    }
}

/// How much of each thing a policy may hold; the loader refuses more, the engine ignores it.
///
/// Each is one less than what the two octets of a verdict can count, as the last value means none.
public enum PolicyLimits: Sendable {
    /// Rules, the product's own included.
    public static let rules = 65_534
    /// Periods.
    public static let periods = 65_534
    /// Groups.
    public static let groups = 65_534
    /// Devices.
    public static let devices = 65_534
    /// Rows of verdicts made ready for devices that may turn up anywhere: each group, with each
    /// such device that a rule names, in each set of networks that rules name.
    public static let preparedRows = 4096
    /// Sources of names.
    public static let sources = 65_535
    /// Category paths that a record can show.
    public static let categories = 65_534
    /// Safe modes of search engines; a verdict has six bits for them.
    public static let rewrites = 62
}
