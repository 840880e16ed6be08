/// Where and how a policy's lists are compiled into an index.
public struct ListCompilation {
    /// The folder in which lists are kept compiled, so that those that have not changed are not read
    /// again; `nil` compiles them into this process's memory.
    public var folder: String?
    /// Whether lists that had to be compiled are kept in the folder, in place of those before.
    public var isKept: Bool
    /// Has the lists compiled into the folder by somebody else, and returns when that is done; where
    /// that came to nothing they are compiled here. `nil` compiles them here at once.
    ///
    /// Compiling takes about a hundred octets a name, which a process that serves can do without.
    public var elsewhere: (() -> Void)?
    /// Is told how far compiling has come, some times a second, for people who wait.
    public var progress: ((ListProgress) -> Void)?

    /// Compiles into memory, unless told otherwise.
    public init(
        folder: String? = nil, isKept: Bool = true, elsewhere: (() -> Void)? = nil,
        progress: ((ListProgress) -> Void)? = nil
    ) {
        self.folder = folder
        self.isKept = isKept
        self.elsewhere = elsewhere
        self.progress = progress
    }
}

/// How far the compiling of lists has come.
public enum ListProgress: Hashable, Sendable {
    /// A list is being read; so many of the octets of all lists have been.
    case reading(list: String, octets: Int, of: Int)
    /// All are read, and the index is being made.
    case indexing
}
