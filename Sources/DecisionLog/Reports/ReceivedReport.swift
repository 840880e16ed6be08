import DNSWire

/// What somebody wrote on the block page: that a name is wrongly blocked, or that something worries
/// them; and what became of it.
public struct ReceivedReport: Sendable, Equatable {
    /// What it is about.
    public enum Kind: String, Sendable, CaseIterable {
        /// A name is blocked that should be open.
        case wronglyBlocked = "wrongly-blocked"
        /// Something that was seen or received worries the writer.
        case worry

        /// How soon it has to be looked at.
        public var severity: Severity { self == .worry ? .high : .low }
    }

    /// How soon somebody must have looked at it.
    public enum Severity: String, Sendable {
        case high, low

        /// The time, in seconds: a day for what may be about somebody's safety, a week for a list.
        public var dueSeconds: Int64 { self == .high ? 86_400 : 7 * 86_400 }
    }

    /// How far it has come.
    public enum State: String, Sendable, CaseIterable {
        /// Nobody has looked at it yet.
        case new
        /// Somebody looks into it.
        case reviewing
        /// Something is being done.
        case action
        /// It is done, with an outcome.
        case closed
    }

    /// Who looks at it.
    public enum Queue: String, Sendable, CaseIterable {
        /// The designated safeguarding lead.
        case dsl
        /// The principal alone: it is from staff, or about staff.
        case principal
    }

    /// Under which of the college's policies it is followed up.
    public enum Route: String, Sendable, CaseIterable {
        case antiBullying = "anti-bullying"
        case allegationsAgainstStaff = "allegations-against-staff"
        case behaviour
        case staffCode = "staff-code"
        case acceptableUse = "acceptable-use"
        case childProtection = "child-protection"
        case adultProtection = "adult-protection"

        /// Whether such a case is the principal's.
        public var isStaff: Bool { self == .allegationsAgainstStaff || self == .staffCode }
    }

    /// What came of it.
    public enum Outcome: String, Sendable, CaseIterable {
        case support
        case sanction
        case supportAndSanction = "support-and-sanction"
        case referred
        case exceptionMade = "exception-made"
        case listCorrected = "list-corrected"
        case ruleChanged = "rule-changed"
        case advice
        case noAction = "no-action"
    }

    /// Whether there was something in it.
    public enum Finding: String, Sendable, CaseIterable {
        case truePositive = "true-positive"
        case falsePositive = "false-positive"
    }

    /// A step that somebody took.
    public struct Step: Sendable, Equatable {
        /// When, in microseconds since 1970 UTC.
        public var timeMicros: Int64
        /// The account that wrote it down.
        public var user: String
        /// The office in whose name it was.
        public var role: String
        /// The state from then on.
        public var state: State
        /// What was said of it; empty if nothing.
        public var note: String
    }

    /// Its number, from 1.
    public var id: UInt64
    /// When it came, in microseconds since 1970 UTC.
    public var timeMicros: Int64
    /// What it is about.
    public var kind: Kind
    /// The name that was asked for; `nil` where the page was opened without one.
    public var name: String?
    /// The writer's group.
    public var group: String?
    /// The address that it came from.
    public var client: String
    /// The device's name in the policy of that day.
    public var device: String?
    /// The rule that blocked the name.
    public var rule: String?
    /// What was written.
    public var text: String
    /// How the writer can be reached, if they said so.
    public var replyTo: String?
    /// Who looks at it.
    public var queue: Queue
    /// How far it has come.
    public var state = State.new
    /// Under which policy it is followed up.
    public var route: Route?
    /// Whether there was something in it.
    public var finding: Finding?
    /// What came of it.
    public var outcome: Outcome?
    /// What was learnt.
    public var lesson: String?
    /// What is done differently from now on.
    public var change: String?
    /// When it was closed, in microseconds since 1970 UTC.
    public var closedMicros: Int64?
    /// What was done, in order.
    public var steps: [Step] = []

    /// When somebody must have looked at it, in seconds since 1970 UTC.
    public var dueSeconds: Int64 {
        LogTime.floorDivide(timeMicros, 1_000_000) + kind.severity.dueSeconds
    }

    /// Whether nobody has looked at it in time.
    public func isOverdue(atSeconds now: Int64) -> Bool { state == .new && now >= dueSeconds }
}

extension ReceivedReport {
    /// What stands for the writer's device where it is nobody's business who it is.
    public func pseudonym(by pseudonyms: Pseudonyms) -> String {
        if let device { return pseudonyms.device(device, micros: timeMicros) }
        return IPAddress(client).map { pseudonyms.client($0, micros: timeMicros) } ?? ""
    }
}

/// A report as it comes in.
public struct NewReport: Sendable {
    /// What it is about.
    public var kind: ReceivedReport.Kind
    /// The name that was asked for.
    public var name: String?
    /// The writer's group.
    public var group: String?
    /// The address that it came from.
    public var client: String
    /// The device's name in the policy.
    public var device: String?
    /// The rule that blocked the name.
    public var rule: String?
    /// What was written.
    public var text: String
    /// How the writer can be reached.
    public var replyTo: String?
    /// Who looks at it.
    public var queue: ReceivedReport.Queue

    /// Takes all parts.
    public init(
        kind: ReceivedReport.Kind, name: String?, group: String?, client: String, device: String?,
        rule: String?, text: String, replyTo: String?, queue: ReceivedReport.Queue
    ) {
        self.kind = kind
        self.name = name
        self.group = group
        self.client = client
        self.device = device
        self.rule = rule
        self.text = text
        self.replyTo = replyTo
        self.queue = queue
    }
}

/// A step with a report; what is `nil` stays as it is.
public struct ReportChange: Sendable {
    /// The new state.
    public var state: ReceivedReport.State?
    /// Under which policy it is followed up.
    public var route: ReceivedReport.Route?
    /// Whether there was something in it.
    public var finding: ReceivedReport.Finding?
    /// What came of it; a closed report has one.
    public var outcome: ReceivedReport.Outcome?
    /// What was learnt.
    public var lesson: String?
    /// What is done differently.
    public var change: String?
    /// What is said of the step.
    public var note: String?
    /// The office in whose name it is.
    public var role: String

    /// Changes nothing yet.
    public init(role: String) { self.role = role }
}
