import DNSServer
import Foundation
import Glibc

/// What a running server gives a probe of its own user, through the control socket.
struct ProbeGrant: Codable {
    /// The word on the control socket.
    static let request = "probe"

    /// With which questions are signed, for some minutes.
    var key: [UInt8]
    /// The policy in force.
    var policyHash: String
    /// The server's version.
    var version: String

    /// Asks the server with a control socket; `nil` if none answers there.
    static func ask(_ path: String) -> ProbeGrant? {
        ControlSocket.ask(path, request).flatMap {
            try? JSONDecoder().decode(ProbeGrant.self, from: Data($0.utf8))
        }
    }
}

/// A path that means the same from every folder.
func absolutePath(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    // SAFETY: the C library's text is copied, and its memory given back.
    guard let folder = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(folder) }
    return unsafe String(cString: folder) + "/" + path
}
