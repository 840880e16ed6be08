/// The room's limits, each with its unit and its reason.
enum ReviewLimits {
    /// Counts below this many are hidden in a report on the whole college: so few may be one person.
    static let smallestCount: UInt64 = 5
    /// Weeks before the week of the report that it is compared with, and in which a name or a device
    /// must have been seen to count as known: about half a term.
    static let weeksBefore = 4
    /// How long hits of one device on one rule are one attempt, in microseconds: one page asks for
    /// a name many times, and a person should read of it once.
    static let foldMicros: Int64 = 600_000_000
    /// Categories in a ranking: what fits on a page and is read.
    static let categories = 10
    /// Categories in the ranking of one group.
    static let categoriesOfGroup = 5
    /// Concerns that are listed, the gravest first; the rest are counted.
    static let concerns = 200
    /// Concerns on the page: what a person reads; CSV and JSON have the rest of those listed.
    static let concernsOnPage = 40
    /// Different names that are counted by themselves for one device and rule: a device that asks for
    /// names made up by a program would fill the memory.
    static let namesOfConcern = 256
    /// Names that are shown with a concern.
    static let namesShown = 3
    /// New names that are listed, the most asked first.
    static let newNames = 40
    /// Devices, gaps and rows of the other lists, each.
    static let rows = 50
    /// Names of one device of which it is remembered whether they belong to a support service: a
    /// day's, with room.
    static let namesRemembered = 1 << 16
}
