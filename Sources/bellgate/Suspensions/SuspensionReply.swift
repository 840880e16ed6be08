import DNSServer
import Foundation

/// What a running server says when it is told that the suspensions have changed.
struct SuspensionReply: Codable {
    /// The request on the control socket.
    static let request = "suspensions"
    /// How long its answer is waited for, in seconds: it may be loading lists just then.
    private static let patienceSeconds = 10

    /// How many are in force now.
    var inForce: Int
    /// What could not be read.
    var problems: [String]

    /// What came of asking.
    enum Answer {
        case takenUp(SuspensionReply)
        case noServer
        case unclear
    }

    /// Tells the server of a control socket.
    static func ask(_ path: String) -> Answer {
        guard let text = ControlSocket.ask(path, request, patienceSeconds: patienceSeconds)
        else { return .noServer }
        let reply = try? JSONDecoder().decode(Self.self, from: Data(text.utf8))
        return reply.map { .takenUp($0) } ?? .unclear
    }
}
