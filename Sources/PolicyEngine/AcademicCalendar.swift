/// The college's year: when it is open.
public struct AcademicCalendar: Sendable {
    /// The terms, both ends included.
    public var terms: [ClosedRange<CivilDate>]
    /// Days that are not college days although they lie in a term, both ends included.
    public var closed: [ClosedRange<CivilDate>]

    /// Takes terms and closed days.
    public init(terms: [ClosedRange<CivilDate>] = [], closed: [ClosedRange<CivilDate>] = []) {
        self.terms = terms
        self.closed = closed
    }

    /// Whether a date lies in a term and is not closed. Every other day is a holiday.
    public func isTermDay(_ date: CivilDate) -> Bool {
        terms.contains { $0.contains(date) } && !closed.contains { $0.contains(date) }
    }
}

/// The days on which a period's windows start.
public enum DayKind: UInt8, CaseIterable, Sendable {
    /// Days that lie in a term and are not closed.
    case term
    /// All other days.
    case holiday
    /// Every day.
    case always

    /// Whether a day of the calendar is one of these.
    func includes(isTermDay: Bool) -> Bool {
        switch self {
        case .term: isTermDay
        case .holiday: !isTermDay
        case .always: true
        }
    }
}
