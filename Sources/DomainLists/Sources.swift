/// One source of names: a list, a category of the catalogue, or one name written in the policy.
///
/// The number is given by whoever builds the index; it means something only beside that index.
@frozen public struct SourceID: RawRepresentable, Hashable, Comparable, Sendable {
    /// The place in the builder's table of sources.
    public var rawValue: UInt16

    /// Wraps a number.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Orders by number.
    @inlinable public static func < (left: SourceID, right: SourceID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// Which names a listed name covers.
public enum Coverage: UInt8, Sendable, CaseIterable {
    /// The name alone.
    case exact
    /// The name and every name under it.
    case subtree
}

/// The sources that cover a name, by the listed names through which they do.
public struct CategorySet: Sendable, Hashable {
    /// One tier for each listed name that counts, the longest name first; the sources of a tier
    /// in rising order. A source appears once, in the tier of its longest name.
    public let tiers: [[SourceID]]

    /// Makes a set from its tiers.
    public init(tiers: [[SourceID]]) { self.tiers = tiers }

    /// No source at all.
    public static let empty = CategorySet(tiers: [])
}

/// What the index knows of a name.
@frozen public struct Match: Hashable, Sendable {
    /// Which set of sources covers the name: a place in `DomainIndex.sets`; 0 where none does.
    public let set: UInt32
    /// Labels of the longest listed name that covers it, the root not counted; 0 where none does.
    public let labels: UInt8

    /// Makes a match from its parts.
    @inlinable public init(set: UInt32, labels: UInt8) {
        self.set = set
        self.labels = labels
    }
}
