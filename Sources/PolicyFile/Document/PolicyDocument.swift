import DNSWire
import DomainLists
import PolicyEngine

/// What a policy file says, read key by key; names are not yet looked up.
struct PolicyDocument {
    var place: SourcePlace
    var name = ""
    var reference = ""
    var approvedBy = ""
    var approvedOn: Located<CivilDate>?
    var reviewBy: Located<CivilDate>?
    var contact = ""
    var roles: [String: String] = [:]
    var zone: Located<String>?
    var calendar = AcademicCalendar()
    /// Whether a mistake in the calendar was reported, so that days may be missing from it.
    var isCalendarBroken = false
    /// Where the terms are written, for what is said about them as a whole.
    var termsPlace: SourcePlace?
    var periods: [PeriodEntry] = []
    var groups: [GroupEntry] = []
    var devices: [DeviceEntry] = []
    var unknownDevices: Located<String>?
    var lists: [ListEntry] = []
    /// Names of lists that were reported and left out; what refers to them is not to blame.
    var brokenLists: [Located<String>] = []
    var categories: [CategoryEntry] = []
    var rules: [RuleEntry] = []
    var exceptions: [ExceptionEntry] = []
    var bypass: BypassEntry?
    var useLimits: [UseLimitEntry] = []
    var safeSearch: [SafeSearchEntry] = []
    var defaultAction = RuleAction.allow
    var tests: [TestEntry] = []

    struct PeriodEntry {
        var name: Located<String>
        var period: Period
        /// Whether a mistake in it was reported.
        var isBroken = false
    }

    struct GroupEntry {
        var name: Located<String>
        var inherits: Located<String>?
        var networks: [Located<IPNetwork>]
        var identities: [Located<IdentityPattern>] = []
        var age: AgeBand?
    }

    struct DeviceEntry {
        var name: Located<String>
        var addresses: [Located<IPAddress>]
        var hardware: [Located<HardwareAddress>]
        /// Folded.
        var identities: [Located<String>]
        var kind: Device.Kind?
        var group: Located<String>?
    }

    struct ListEntry {
        var name: Located<String>
        var path: Located<String>
        var isCatalogue: Bool
        /// Set where it comes from the web; `path` is then the address.
        var web: WebList?
        var format: ListFormat?
        var match: Coverage?

        /// Where the list lies: its file, or the copy of what the web has.
        func file(policyPath: String, copies: ListCopies) -> String {
            web.map { copies.path(of: $0.url) }
                ?? FileBytes.path(path.value, relativeTo: policyPath)
        }
    }

    struct CategoryEntry {
        var name: Located<String>
        var members: [Located<String>]
    }

    struct RuleEntry {
        var place: SourcePlace
        var id: Located<String>?
        var action: RuleAction
        var operands: [Located<String>]
        var groups: [Located<String>]?
        var during: [Located<String>]
        var exceptDuring: [Located<String>]
        var isLocked: Bool
        var isRequestedByGroup: Bool
        var concern: Concern?
        var answer: BlockAnswer
        var ttlSeconds: UInt32
        var reason: String
        /// Whether a mistake in it was reported.
        var isBroken: Bool
    }

    struct ExceptionEntry {
        var place: SourcePlace
        var id: Located<String>?
        var action: RuleAction
        var operands: [Located<String>]
        var groups: [Located<String>]
        var devices: [Located<String>]
        var networks: [IPNetwork]
        var from: CivilTime?
        /// The first second after it.
        var until: Located<CivilTime>?
        var reason: String
        var advice: String?
        var approvedBy: String?
        var approvedOn: CivilDate?
        /// Whether a mistake in it was reported.
        var isBroken: Bool
    }

    /// The switch against ways round the filter.
    struct BypassEntry {
        var place: SourcePlace
        /// `nil` for everyone.
        var groups: [Located<String>]?
        var stripsECH: Bool
        var also: [Located<String>]
        var concern: Concern
    }

    struct UseLimitEntry {
        var place: SourcePlace
        var groups: [Located<String>]?
        var category: Located<String>?
        var minutesADay: Int
        var count: Located<String>?
        var concern: Concern
    }

    /// A test as far as it could be read; what is missing has been reported.
    struct TestEntry {
        var place: SourcePlace
        var subject: Subject?
        var at: Located<CivilTime>?
        var ask: Located<String>?
        var type: RecordType?
        var expect: RuleAction?
        var by: Located<String>?

        enum Subject {
            case group(Located<String>)
            case client(IPAddress, Located<String>)
        }
    }
}
