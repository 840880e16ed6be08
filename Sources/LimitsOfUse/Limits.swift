/// What counting use may take, and how it counts.
public enum UseCounting {
    /// Minutes from one active minute to the next that are taken for one stretch of use: apps ask
    /// for a name when its answer has run out, and read on meanwhile.
    public static let bridgedMinutes = 5
    /// Minutes of the longest day: one on which the clock is set back by an hour.
    static let minutesOfDay = 1500
    /// Names of which it is kept whether they are use; made-up names would fill the memory.
    static let namesKept = 65_536
    /// Rows that one look at the log reads before it says what it found: a second's work.
    public static let rowsPerLook = 65_536
}
