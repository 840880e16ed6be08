import Foundation
import Testing

/// The basic queries of RFC 8906 section 8, as its author's own client sends them.
@Suite(.scenario) struct ProtocolTests {
    struct Row: Sendable, CustomStringConvertible {
        var section: String
        var flags: String
        var says: [String]
        var saysNot: [String] = []
        var description: String { "\(section): \(flags)" }
    }

    private static let isFine = "status: NOERROR"
    private static let hasSOA = "hostmaster.example.com."

    static let rows: [Row] = [
        Row(
            section: "8.1.1", flags: "+noedns +noad +rec soa example.com", says: [isFine, hasSOA],
            saysNot: ["OPT PSEUDOSECTION", "MBZ"]),
        Row(
            section: "8.1.2", flags: "+noedns +noad +rec type1000 example.com",
            says: [isFine, "ANSWER: 0"]),
        Row(
            section: "8.1.3.1 CD", flags: "+noedns +noad +rec +cd soa example.com",
            says: [isFine, hasSOA, " cd"]),
        Row(
            section: "8.1.3.1 AD", flags: "+noedns +ad +rec soa example.com",
            says: [isFine, hasSOA]),
        Row(
            section: "8.1.3.1 Z", flags: "+noedns +noad +zflag +rec soa example.com",
            says: [isFine, hasSOA], saysNot: ["MBZ"]),
        Row(
            section: "8.1.3.2", flags: "+noedns +noad +norec soa example.com", says: ["status: "],
            saysNot: [" rd"]),
        Row(
            section: "8.1.4", flags: "+noedns +noad +opcode=15 +norec +header-only",
            says: ["opcode: RESERVED15", "status: NOTIMP"], saysNot: [" aa"]),
        Row(
            section: "8.1.4 TCP", flags: "+noedns +noad +opcode=15 +norec +header-only +tcp",
            says: ["opcode: RESERVED15", "status: NOTIMP"], saysNot: [" aa"]),
        Row(
            section: "8.1.4 UPDATE", flags: "+noedns +noad +opcode=5 +norec soa example.com",
            says: ["opcode: UPDATE", "status: NOTIMP"], saysNot: [" aa"]),
        Row(
            section: "8.1.5", flags: "+noedns +noad +rec +tcp soa example.com",
            says: [isFine, hasSOA], saysNot: ["OPT PSEUDOSECTION"]),
        Row(
            section: "8.2.1", flags: "+nocookie +edns=0 +noad +rec soa example.com",
            says: [isFine, hasSOA, "EDNS: version: 0"]),
        Row(
            section: "8.2.2", flags: "+nocookie +edns=1 +noednsneg +noad +rec soa example.com",
            says: ["status: BADVERS", "EDNS: version: 0"], saysNot: [hasSOA]),
        Row(
            section: "8.2.3", flags: "+nocookie +edns=0 +noad +rec +ednsopt=100 soa example.com",
            says: [isFine, hasSOA, "EDNS: version: 0"], saysNot: ["OPT=100"]),
        Row(
            section: "8.2.4", flags: "+nocookie +edns=0 +noad +rec +ednsflags=0x40 soa example.com",
            says: [isFine, hasSOA, "EDNS: version: 0"], saysNot: ["MBZ"]),
        Row(
            section: "8.2.5",
            flags: "+nocookie +edns=1 +noednsneg +noad +rec +ednsflags=0x40 soa example.com",
            says: ["status: BADVERS", "EDNS: version: 0"], saysNot: ["MBZ", hasSOA]),
        Row(
            section: "8.2.6",
            flags: "+nocookie +edns=1 +noednsneg +noad +rec +ednsopt=100 soa example.com",
            says: ["status: BADVERS", "EDNS: version: 0"], saysNot: ["OPT=100", hasSOA]),
        Row(
            section: "8.2.7", flags: "+rec +dnssec +bufsize=512 +ignore txt big.example.com",
            says: [" tc", "EDNS: version: 0"]),
        Row(
            section: "8.2.8", flags: "+nocookie +edns=0 +noad +rec +dnssec soa example.com",
            says: [isFine, hasSOA, "EDNS: version: 0, flags: do"]),
        Row(
            section: "8.2.9",
            flags: "+nocookie +edns=1 +noednsneg +noad +rec +dnssec soa example.com",
            says: ["status: BADVERS", "EDNS: version: 0, flags: do"], saysNot: [hasSOA]),
        Row(
            section: "8.2.10",
            flags: "+edns=0 +noad +rec +cookie +nsid +expire +subnet=0.0.0.0/0 soa example.com",
            says: [isFine, hasSOA, "EDNS: version: 0"]),
    ]

    @Test func theBasicQueriesAreAnsweredAsTheyShould() throws {
        let big = (0..<12).map { "big TXT \"\($0) \(String(repeating: "x", count: 200))\"" }
        let names = try NameServer(["example.com": big.joined(separator: "\n")])
        let server = try TestServer(upstreams: ["127.0.0.1:\(names.port)"])
        for row in Self.rows {
            let run = try Run(
                "dig",
                ["@127.0.0.1", "-p", "\(server.port)", "+time=3", "+tries=1"]
                    + row.flags.split(separator: " ").map(String.init))
            #expect(run.status == 0, "\(row)")
            #expect(!run.output.contains("WARNING: "), "\(row): \(run.output)")
            for text in row.says {
                #expect(run.output.contains(text), "\(row): \(run.output)")
            }
            for text in row.saysNot {
                #expect(!run.output.contains(text), "\(row): \(run.output)")
            }
        }
    }

    @Test func anAnswerThatIsCutIsWholeByTCP() throws {
        let big = (0..<12).map { "big TXT \"\($0) \(String(repeating: "x", count: 200))\"" }
        let names = try NameServer(["example.com": big.joined(separator: "\n")])
        let server = try TestServer(upstreams: ["127.0.0.1:\(names.port)"])
        let dig = try Run(
            "dig", ["@127.0.0.1", "-p", "\(server.port)", "txt", "big.example.com"])
        #expect(dig.output.contains("Truncated, retrying in TCP mode"))
        #expect(dig.output.contains("ANSWER: 12"))
        let kdig = try Run(
            "kdig",
            ["@127.0.0.1", "-p", "\(server.port)", "+tcp", "+keepopen"]
                + (0..<20).flatMap { ["-q", "n\($0).never.example.com"] })
        #expect(kdig.output.components(separatedBy: "status: NXDOMAIN").count == 21)
    }
}
