extension ReviewFigures {
    /// Safeguarding concerns.
    public struct Concerns: Codable, Hashable, Sendable {
        /// By severity, the gravest first.
        public var severities: [Severity]
        /// The concerns themselves, the gravest first.
        public var list: [Concern]
        /// How many more there are than are listed.
        public var unlisted: Int

        /// How many there were of one severity.
        public struct Severity: Codable, Hashable, Sendable {
            /// `high`, `medium` or `low`.
            public var severity: String
            /// Attempts: hits of one device on one rule within ten minutes are one.
            public var attempts: ReviewCount
            /// Single questions.
            public var hits: ReviewCount
        }
    }

    /// What one device did against one rule.
    public struct Concern: Codable, Hashable, Sendable {
        /// `high`, `medium` or `low`.
        public var severity: String
        /// The rule.
        public var rule: String
        /// The categories, by name.
        public var categories: [String]
        /// The device's group.
        public var group: String
        /// The device, by its pseudonym, or by its name or address.
        public var device: String
        /// Attempts: hits within ten minutes of the first are one.
        public var attempts: ReviewCount
        /// Single questions.
        public var hits: ReviewCount
        /// Of these, how many were blocked.
        public var blocked: ReviewCount
        /// When it was first seen this week.
        public var firstSeen: String
        /// When it was last seen this week.
        public var lastSeen: String
        /// The names asked for most.
        public var names: [String]
        /// How many more names there were.
        public var moreNames: ReviewCount
    }

    /// Names that were asked this week and in none of the weeks before.
    public struct NewNames: Codable, Hashable, Sendable {
        /// The weeks that were compared with and have a record.
        public var comparedWeeks: [String]
        /// The names asked for most.
        public var list: [NewName]
        /// How many new names there were in all.
        public var count: ReviewCount
    }

    /// A name that is new.
    public struct NewName: Codable, Hashable, Sendable {
        /// The name.
        public var name: String
        /// How often it was asked for.
        public var asked: ReviewCount
        /// How often it was blocked.
        public var blocked: ReviewCount
        /// By how many devices.
        public var devices: ReviewCount
    }

    /// Ways round the filter.
    public struct Bypass: Codable, Hashable, Sendable {
        /// Whether a list of the policy knows such names at all.
        public var isKnown: Bool
        /// What was asked for, by group and service.
        public var list: [BypassUse]
        /// Devices that asked by themselves whether to stay with the network's resolver; nobody's
        /// doing, and no attempt.
        public var signals = Signals()

        /// Devices by what they were told; one that was told both counts in both.
        public struct Signals: Codable, Hashable, Sendable {
            /// Told to stay.
            public var devicesBlocked = ReviewCount(0)
            /// Told what the world says.
            public var devicesAllowed = ReviewCount(0)
        }
    }

    /// Questions of a group for names of one service.
    public struct BypassUse: Codable, Hashable, Sendable {
        /// The group.
        public var group: String
        /// The service, or the category where the catalogue does not know the name.
        public var service: String
        /// Whether devices ask this by themselves.
        public var isAutomatic: Bool
        /// Answered.
        public var allowed: ReviewCount
        /// Blocked.
        public var blocked: ReviewCount
        /// By how many devices.
        public var devices: ReviewCount
    }

    /// What a rule blocked that holds only at certain times.
    public struct OutsideHours: Codable, Hashable, Sendable {
        /// The group.
        public var group: String
        /// The rule.
        public var rule: String
        /// Why the rule is there.
        public var reason: String
        /// The period in which it was; empty outside all periods.
        public var period: String
        /// Blocks.
        public var blocked: ReviewCount
    }

    /// How far the record can be relied on.
    public struct Coverage: Codable, Hashable, Sendable {
        /// The first decision of the week; `nil` if there is none.
        public var firstDecision: String?
        /// The last one.
        public var lastDecision: String?
        /// Days of the week without any decision, of those that were over when the log was read.
        public var daysWithoutRecord: [String]
        /// The day on which the log was read, if it had no decision by then; `nil` if it had one, or
        /// if the week was over.
        public var noneYetOn: String?
        /// Devices that asked anything, support services included.
        public var devicesSeen: ReviewCount
        /// Devices that asked in the weeks before and not in this one.
        public var devicesSilent: ReviewCount
        /// Those seen last, newest first.
        public var silent: [DeviceSeen]
        /// Devices in none of the policy's networks.
        public var devicesUnknown: ReviewCount
        /// Those that asked most.
        public var unknown: [DeviceSeen]
        /// Stretches in which decisions were not recorded.
        public var gaps: [Gap]
        /// How many more there are than are listed.
        public var gapsUnlisted: Int
        /// The policies that decided, in the order of the log.
        public var policies: [PolicyInForce]
        /// The lists, in the order of the policy.
        public var lists: [ListAge]
        /// What could not be read as it was written.
        public var problems: [String]
    }

    /// A device and when it was last seen.
    public struct DeviceSeen: Codable, Hashable, Sendable {
        /// By its pseudonym, or by its name or address.
        public var device: String
        /// The last time.
        public var lastSeen: String
    }

    /// A stretch in which decisions were not recorded.
    public struct Gap: Codable, Hashable, Sendable {
        /// How many decisions; 0 where none had an answer that left.
        public var decisions: UInt64
        /// From when; `nil` where nobody can say.
        public var from: String?
        /// Until when.
        public var until: String?
        /// When it was noted.
        public var noted: String
        /// Why.
        public var reason: String
    }

    /// A policy that decided.
    public struct PolicyInForce: Codable, Hashable, Sendable {
        /// The hash of its file.
        public var hash: String
        /// Its first decision of this week.
        public var from: String
        /// Its last one.
        public var until: String
        /// Whether it is the one that this report describes.
        public var isCurrent: Bool
    }

    /// How old a list is.
    public struct ListAge: Codable, Hashable, Sendable {
        /// Its name.
        public var list: String
        /// How many names it has.
        public var names: Int
        /// When its file was last changed.
        public var changed: String
        /// Its age in whole days at the end of the week, or when the log was read where that was
        /// before; `nil` if it was changed after that.
        public var ageDays: Int?
    }
}
