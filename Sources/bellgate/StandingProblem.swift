import Synchronization

/// What keeps a thread of the server from going on: said once, and so is that it goes on.
struct StandingProblem: ~Copyable, Sendable {
    private let problem = Mutex<String?>(nil)
    private let goesOn: String
    private let stands: @Sendable (String) -> String

    /// - Parameters:
    ///   - goesOn: what is said when it goes on.
    ///   - stands: what is said of a problem.
    init(goesOn: String, stands: @escaping @Sendable (String) -> String) {
        self.goesOn = goesOn
        self.stands = stands
    }

    /// Why it does not go on; `nil` where it does.
    var current: String? { problem.withLock { $0 } }

    /// Takes how it went; says it where that is news.
    func note(_ found: String?) {
        let before = problem.withLock { problem in
            defer { problem = found }
            return problem
        }
        guard before != found else { return }
        say(found.map(stands) ?? goesOn)
    }
}
