/// All figures of the review of a week: what every format of the report shows.
///
/// A pure value of the log, the policy and its lists, and for a week that is still running, of the
/// instant at which the log was read; nothing else in it depends on when or where it was worked out.
/// Instants are RFC 3339 texts by the policy's wall clock.
public struct ReviewFigures: Codable, Hashable, Sendable {
    /// Which week and whom it is about.
    public var scope: Scope
    /// The policy that is to be reviewed.
    public var policy: PolicyFacts
    /// This week.
    public var totals: Totals
    /// The weeks before and this one, oldest first.
    public var weeks: [WeekTotals]
    /// The periods of the timetable as they lay in this week, by day and start.
    public var bells: [Bell]
    /// The groups, by name.
    public var groups: [GroupFigures]
    /// The categories that were blocked most.
    public var categories: [CategoryCount]
    /// Safeguarding concerns.
    public var concerns: Concerns
    /// Who passed a limit of use, by limit and group.
    public var use: [UseOfGroup]
    /// Names that were asked this week and in none of the weeks before.
    public var newNames: NewNames
    /// Ways round the filter.
    public var bypass: Bypass
    /// What rules blocked that hold only at certain times.
    public var outsideHours: [OutsideHours]
    /// How far the record can be relied on.
    public var coverage: Coverage
    /// What the filter cannot see, in plain words.
    public var limits: [String]

    /// Which week and whom it is about.
    public struct Scope: Codable, Hashable, Sendable {
        /// `2026-W47`.
        public var week: String
        /// Its first instant.
        public var from: String
        /// The instant after its last.
        public var until: String
        /// Its Sunday.
        public var lastDay: String
        /// When the log was read, where the week was not over by then: what was to come is in none
        /// of the figures. `nil` for a week that was over.
        public var readAt: String?
        /// The zone of all times.
        public var timeZone: String
        /// The only group; `nil` for the whole college.
        public var group: String?
        /// Whether counts under five are hidden.
        public var hidesSmallCounts: Bool
        /// Why devices are named by their addresses; `nil` where they have pseudonyms.
        public var identifiedBecause: String?
    }

    /// The policy that is to be reviewed.
    public struct PolicyFacts: Codable, Hashable, Sendable {
        /// Its title.
        public var name: String
        /// Its reference.
        public var reference: String
        /// The hash of its file.
        public var hash: String
        /// Who approved it.
        public var approvedBy: String
        /// When.
        public var approvedOn: String?
        /// When it is due for review.
        public var reviewBy: String?
        /// By how many days the review is overdue at the end of the week, or when the log was read
        /// where that was before; `nil` if it is not.
        public var reviewOverdueDays: Int?
        /// Whom to ask.
        public var contact: String
        /// The office that answers for safeguarding.
        public var safeguardingLead: String?
    }

    /// What was asked and what became of it, support services left out.
    public struct Totals: Codable, Hashable, Sendable {
        /// All questions.
        public var asked = ReviewCount(0)
        /// Those that were answered.
        public var allowed = ReviewCount(0)
        /// Those that were blocked.
        public var blocked = ReviewCount(0)
        /// Of those that were answered, searches that were made safe.
        public var madeSafe = ReviewCount(0)
        /// Devices that asked.
        public var devices = ReviewCount(0)
    }

    /// The totals of a week.
    public struct WeekTotals: Codable, Hashable, Sendable {
        /// `2026-W47`.
        public var week: String
        /// How many days of it are college days: in a term, not closed, and with a period. Days that
        /// had not begun when the log was read do not count.
        public var collegeDays: Int
        /// What was asked.
        public var totals: Totals
        /// Decisions that were safeguarding concerns.
        public var concerns: ReviewCount
        /// Whether anything at all was recorded.
        public var isRecorded: Bool
        /// Of a week before one that is still running: what it had by the same time of the week, to
        /// compare like with like. `nil` otherwise.
        public var byThen: PartOfWeek?
    }

    /// A week up to a time of it.
    public struct PartOfWeek: Codable, Hashable, Sendable {
        /// College days that had begun.
        public var collegeDays: Int
        /// Questions that had been blocked.
        public var blocked: ReviewCount
    }

    /// A period of the timetable on one day.
    public struct Bell: Codable, Hashable, Sendable {
        /// The period's name.
        public var period: String
        /// 0 is Monday.
        public var weekday: Int
        /// Minutes after midnight of the wall clock.
        public var fromMinute: Int
        /// The minute at which it ends, up to 1440.
        public var untilMinute: Int
    }

    /// One group.
    public struct GroupFigures: Codable, Hashable, Sendable {
        /// Its name.
        public var group: String
        /// This week.
        public var totals: Totals
        /// By quarter of an hour of the day, all days together: 96 of the wall clock.
        public var day: Course
        /// By hour of the week: 168 of the wall clock, from Monday midnight.
        public var week: Course
        /// The categories that were blocked most.
        public var categories: [CategoryCount]
    }

    /// Counts along the time.
    public struct Course: Codable, Hashable, Sendable {
        /// Answered.
        public var allowed: [ReviewCount]
        /// Blocked.
        public var blocked: [ReviewCount]

        init(count: Int) {
            allowed = Array(repeating: ReviewCount(0), count: count)
            blocked = allowed
        }
    }

    /// How often names of a category were blocked.
    public struct CategoryCount: Codable, Hashable, Sendable {
        /// The category's path; empty for names in no category.
        public var category: String
        /// Blocks.
        public var blocked: ReviewCount
    }
}
