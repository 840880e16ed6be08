/// One source of names: a list, a category of the catalogue, or one name written in the policy.
public struct SourceID: RawRepresentable, Hashable, Comparable, Sendable {
    /// The source's place in the policy's table of sources.
    public var rawValue: UInt16

    /// Takes the source's place.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Orders by place.
    public static func < (left: SourceID, right: SourceID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// The sources that cover a name, by the listed name through which they do.
public struct CategorySet: Sendable, Hashable {
    /// Sources by listed name, the longest name first; a source appears once, in the longest tier.
    public let tiers: [[SourceID]]

    /// Takes the tiers, longest listed name first.
    public init(tiers: [[SourceID]]) { self.tiers = tiers }
}
