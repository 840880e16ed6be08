/// What a line says about a name: a pair of bits for each way of saying it.
enum ListingKind: UInt16 {
    case block = 0
    /// Adblock's `@@`: the list does not cover the name, however specific its blocks.
    case exception = 2
    /// A response policy zone's passthrough: undoes what covers the name from above.
    case passthrough = 4
    /// Adblock's `$important`: holds against exceptions.
    case importantBlock = 6
    /// An exception with `$important`: holds against everything.
    case importantException = 8
}

/// Which names a listing reaches.
enum Reach: UInt16 {
    case exact = 1
    case below = 2
    case subtree = 3

    /// The list's own word on coverage, where it has one, instead of the format's.
    func overridden(by match: Coverage?) -> Reach {
        switch match {
        case .exact: .exact
        case .subtree: .subtree
        case nil: self
        }
    }
}

/// All that one source says about one name.
struct ListingBits: OptionSet, Hashable, Sendable {
    var rawValue: UInt16

    init(rawValue: UInt16) { self.rawValue = rawValue }

    init(_ kind: ListingKind, _ reach: Reach) {
        rawValue = reach.rawValue << kind.rawValue
    }

    /// Any listing that puts a name in the source.
    static let anyBlock: ListingBits = [
        ListingBits(.block, .subtree), ListingBits(.importantBlock, .subtree),
    ]

    /// The part of one kind that reaches the name itself (`exact`) or what is under it (`below`).
    func says(_ kind: ListingKind, _ reach: Reach) -> Bool {
        rawValue & (reach.rawValue << kind.rawValue) != 0
    }
}

/// Takes what a parser finds in a list.
protocol ListingSink: ~Copyable {
    /// A line lists `name`.
    mutating func list(
        _ name: borrowing NameBuffer, _ kind: ListingKind, _ reach: Reach, line: Int)
    /// A line cannot be used; `range` is where it lies in the text.
    mutating func refuse(line: Int, _ range: Range<Int>, reason: @autoclosure () -> String)
    /// Whether there is no need to read on.
    var isSatisfied: Bool { get }
}
