import Glibc

/// A real authoritative server (nsd) on loopback.
final class NameServer {
    let port: UInt16
    private let folder: Folder
    private let process: Program

    /// Serves zones.
    ///
    /// - Parameter zones: by zone name, the records after its SOA and NS, as in a zone file.
    init(_ zones: [String: String]) throws {
        let folder = try Folder()
        self.folder = folder
        (port, process) = try FreePort.trying { free in
            let port = try free()
            return (port, try Self.start(zones, folder, port))
        }
    }

    private static func start(
        _ zones: [String: String], _ folder: Folder, _ port: UInt16
    ) throws -> Program {
        var text = """
            server:
              ip-address: 127.0.0.1@\(port)
              username: ""
              database: ""
              pidfile: "\(folder.path)/nsd.pid"
              xfrdfile: "\(folder.path)/xfrd.state"
              xfrdir: "\(folder.path)"
              zonelistfile: "\(folder.path)/zone.list"
              zonesdir: "\(folder.path)"
              server-count: 1
              rrl-ratelimit: 0
            remote-control:
              control-enable: no

            """
        for (zone, records) in zones {
            text += "zone:\n  name: \"\(zone)\"\n  zonefile: \"\(zone).zone\"\n"
            try folder.write(
                """
                $ORIGIN \(zone).
                $TTL 3600
                @ 7200 SOA ns.\(zone). hostmaster.\(zone). 1 3600 600 86400 900
                @ NS ns
                ns A 192.0.2.53

                """ + records + "\n", to: "\(zone).zone")
        }
        let config = try folder.write(text, to: "nsd.conf")
        let process = try Program("nsd", ["-d", "-c", config], in: folder.path)
        let client = Client(port: port, patience: 0.2)
        let zone = zones.keys.first ?? ""
        let answers = try eventually(within: 15) {
            try process.status != nil || client.ask(zone, RR.soa)?.answers.isEmpty == false
        }
        guard answers, process.status == nil else {
            throw ScenarioFailure("nsd does not answer: \(process.errors)")
        }
        return process
    }

    deinit { process.stop(SIGTERM) }
}
