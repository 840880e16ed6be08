import Foundation
import Glibc

/// A network of two machines of its own, for as long as the test runs: the server's, and one with a
/// card whose hardware address and addresses the test sets.
final class TestNetwork {
    private let home: Program
    private let away: Program

    /// What a program is started by to be on the server's machine.
    let atHome: [String]
    private let atClient: [String]

    /// The server's addresses.
    static let addresses = ["10.55.0.1", "fd55::1"]

    /// Makes it; `nil` with a printed reason where that is not permitted.
    init?() throws {
        home = try Program("unshare", ["-n", "sleep", "600"])
        away = try Program("unshare", ["-n", "sleep", "600"])
        atHome = ["nsenter", "-t", "\(home.pid)", "-n"]
        atClient = ["nsenter", "-t", "\(away.pid)", "-n"]
        let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/net")
        let (homePid, awayPid) = (home.pid, away.pid)
        let isApart = eventually(within: 5) {
            [homePid, awayPid].allSatisfy { pid in
                let theirs = try? FileManager.default.destinationOfSymbolicLink(
                    atPath: "/proc/\(pid)/ns/net")
                return theirs != nil && theirs != own
            }
        }
        guard isApart else {
            print("no network namespaces are permitted here, so devices by mac: are not tried")
            return nil
        }
        for words in [
            ["link", "set", "lo", "up"],
            ["link", "add", "home", "type", "veth", "peer", "name", "card", "netns", "\(awayPid)"],
            ["addr", "add", "10.55.0.1/24", "dev", "home"],
            ["addr", "add", "fd55::1/64", "dev", "home", "nodad"],
            ["link", "set", "home", "up"],
        ] {
            guard try Run(atHome[0], Array(atHome.dropFirst()) + ["ip"] + words).status == 0 else {
                print("no pairs of cards are permitted here, so devices by mac: are not tried")
                return nil
            }
        }
        try client("link", "set", "lo", "up")
        try client("link", "set", "card", "up")
    }

    /// Runs ip(8) on the client's machine.
    func client(_ words: String...) throws {
        let run = try Run(atClient[0], Array(atClient.dropFirst()) + ["ip"] + words)
        guard run.status == 0 else { throw ScenarioFailure("ip \(words): \(run.errors)") }
    }

    /// Runs ip(8) on the server's machine.
    func home(_ words: String...) throws {
        let run = try Run(atHome[0], Array(atHome.dropFirst()) + ["ip"] + words)
        guard run.status == 0 else { throw ScenarioFailure("ip \(words): \(run.errors)") }
    }

    /// Gives the card another hardware address, and these addresses alone.
    func become(_ hardware: String, at addresses: String...) throws {
        try client("link", "set", "card", "down")
        try client("addr", "flush", "dev", "card")
        try client("link", "set", "card", "address", hardware)
        try client("link", "set", "card", "up")
        for address in addresses {
            let options = address.contains(":") ? ["nodad"] : []
            let run = try Run(
                atClient[0],
                atClient.dropFirst() + ["ip", "addr", "add", address, "dev", "card"] + options)
            guard run.status == 0 else { throw ScenarioFailure("\(address): \(run.errors)") }
        }
    }

    /// Asks the server with dig; the status of its answer.
    func ask(_ name: String, port: UInt16, from address: String) throws -> String {
        let server = Self.addresses[address.contains(":") ? 1 : 0]
        let run = try Run(
            atClient[0],
            Array(atClient.dropFirst()) + [
                "dig", "@\(server)", "-p", "\(port)", "-b", address, "+tries=1", "+time=3", name,
            ])
        let words = run.output.split(whereSeparator: { " ,\n".contains($0) }).map(String.init)
        return words.firstIndex(of: "status:").map { words[$0 + 1] } ?? run.output
    }
}
