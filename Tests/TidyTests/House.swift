/// The rooms of the house and what each may import: the picture that the README draws.
enum House {
    struct Room: Sendable {
        var name: String
        /// A room imports only rooms of a lower line.
        var line: Int
        /// Modules from outside, besides those that every room may use.
        var outside: Set<String> = []
        /// Whether it is C or a module map: no Swift, no page.
        var isC = false
    }

    /// What every room may import.
    static let common: Set<String> = ["Glibc", "Synchronization"]

    static let rooms = [
        Room(name: "CLDNS", line: 0, isC: true),
        Room(name: "CYAML", line: 0, isC: true),
        Room(name: "CIDN", line: 0, isC: true),
        Room(name: "CCurl", line: 0, isC: true),
        Room(name: "CArchive", line: 0, isC: true),
        Room(name: "CPacketIO", line: 0, isC: true),
        Room(name: "CPrefetch", line: 0, isC: true),
        Room(name: "CChecksum", line: 0, isC: true),
        Room(name: "DNSWire", line: 1),
        Room(name: "LDNSBridge", line: 2),
        Room(name: "DomainLists", line: 2),
        Room(name: "PolicyEngine", line: 3),
        Room(name: "PolicyFile", line: 4, outside: ["Foundation"]),
        Room(
            name: "Forwarding", line: 4,
            outside: ["NIOCore", "NIOPosix", "NIOTLS", "NIOSSL", "NIOHTTP2", "NIOHPACK"]),
        Room(name: "DecisionLog", line: 4),
        Room(name: "ListFetch", line: 5, outside: ["Foundation"]),
        Room(name: "LogStore", line: 5, outside: ["Foundation", "GRDB"]),
        Room(name: "DNSServer", line: 5),
        Room(name: "Replay", line: 5),
        Room(name: "LimitsOfUse", line: 5),
        Room(name: "Alerts", line: 6, outside: ["Foundation"]),
        Room(name: "Identity", line: 6),
        Room(name: "Review", line: 6, outside: ["Foundation"]),
        Room(
            name: "BlockPage", line: 7,
            outside: ["Foundation", "NIOCore", "NIOHTTP1", "NIOPosix"]),
        Room(name: "bellgate", line: 8, outside: ["ArgumentParser", "Foundation"]),
    ]

    static func room(_ name: String) -> Room? { rooms.first { $0.name == name } }

    /// Places that say `@unchecked Sendable` or `nonisolated(unsafe)`. It may shrink; whoever makes
    /// it grow says here why no lock, atomic or copy would do.
    ///
    /// Views of the query path (no reference counting): 5. What owns their memory: 4. Behind the
    /// journal's lock: 2. Behind the lock of a cache's shard: 2.
    static let uncheckedBudget = 13

    /// Lines that a file may have.
    static let fileLines = 500
    /// Lines that a function may have.
    static let functionLines = 60
    /// Functions that are longer, and how long: they may only become shorter.
    static let longFunctions: [String: Int] = [:]
}
