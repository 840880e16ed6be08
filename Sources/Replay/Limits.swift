/// The room's limits, each with its unit and its reason.
public enum ReplayLimits {
    /// Planes that a policy keeps: those of about a week of bells, where rows are in order; each
    /// holds two words for each group and category set that was asked about.
    static let planes = 64
    /// Clients with a name in the record that are kept in mind, some 100 octets each; with more, all
    /// are looked up anew.
    static let askers = 1 << 16
    /// Examples that may be asked for: more are no examples but an export.
    public static let examples = 1000
    /// Changes that are told apart; those beyond are counted as one. A policy's author reads some
    /// dozens, and memory stays bounded whatever the policies are.
    static let changes = 1 << 16
}
