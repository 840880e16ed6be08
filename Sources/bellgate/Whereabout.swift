import DNSServer
import DNSWire
import Foundation
import PolicyEngine

/// What a running server knows of who is at an address, as it is asked through the control socket.
struct Whereabout: Codable {
    /// The first word of the question; the address is the second.
    static let request = "who"

    var client: String
    var hardware: String?
    var identity: String?
    var hostName: String?

    init(_ network: PresentNetwork, _ address: IPAddress) {
        var presence = network.clients[address]
        if presence == nil {
            let around = network.prefixes.filter { $0.key.contains(address) }
            presence = around.max { $0.key.prefixLength < $1.key.prefixLength }?.value
        }
        client = "\(address)"
        hardware = presence?.hardware.map { "\($0)" }
        identity = presence?.identity
        hostName = presence?.hostName
    }

    /// The same for the policy.
    var presence: Presence {
        Presence(
            hardware: hardware.flatMap { HardwareAddress($0) }, identity: identity,
            hostName: hostName)
    }

    /// Asks a running server; `nil` where none is running.
    static func ask(_ controlPath: String, _ address: IPAddress) -> Whereabout? {
        ControlSocket.ask(controlPath, "\(request) \(address)", patienceSeconds: 5).flatMap {
            try? JSONDecoder().decode(Whereabout.self, from: Data($0.utf8))
        }
    }
}
