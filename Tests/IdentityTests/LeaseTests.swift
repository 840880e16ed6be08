import DNSWire
import Foundation
import PolicyEngine
import PolicyFile
import Testing

@testable import Identity

typealias LeaseFormat = IdentityConfiguration.LeaseFormat

/// Lease files as the three servers write them; all of them tell of the same two devices.
enum LeaseSamples {
    /// 2026-11-24 20:00:00 UTC.
    static let end: Int64 = 1_795_550_400

    static let dnsmasq = """
        1795550400 02:00:5e:10:00:01 10.20.0.5 laptop-1 01:02:00:5e:10:00:01
        1795550400 02:00:5e:10:00:02 10.20.0.6 * *
        0 02:00:5e:10:00:03 10.20.0.7 printer *
        duid 00:01:00:01:2e:7a:11:22:02:00:5e:10:00:09
        1795550400 1581253 2001:db8:20::5 laptop-1 00:01:00:01:2e:7a:11:22:02:00:5e:10:00:01
        1795550400 T1581253 2001:db8:20::6 * 00:04:00:01

        """

    static let isc = """
        # The format of this file is documented in the dhcpd.leases(5) manual page.
        authoring-byte-order little-endian;
        lease 10.20.0.5 {
          starts 2 2026/11/24 08:00:00;
          ends 2 2026/11/24 09:00:00;
          binding state active;
          hardware ethernet 02:00:5e:10:00:77;
        }
        lease 10.20.0.5 {
          starts 2 2026/11/24 08:00:00;
          ends 2 2026/11/24 20:00:00;
          cltt 2 2026/11/24 08:00:00;
          binding state active;
          next binding state free;
          hardware ethernet 2:0:5e:10:0:1;
          uid "\\001\\002\\000^\\020{}\\001";
          set vendor = "a;b \\"c\\"";
          client-hostname "laptop-1";
          on expiry { log("gone"); }
        }
        lease 10.20.0.6 { ends 2 2026/11/24 20:00:00; binding state active; hardware ethernet 02:00:5e:10:00:02; }
        lease 10.20.0.7 { ends never; binding state active; hardware ethernet 02:00:5e:10:00:03; client-hostname "printer"; }
        lease 10.20.0.8 { ends 2 2026/11/24 20:00:00; binding state free; hardware ethernet 02:00:5e:10:00:08; }
        ia-na "\\001\\000\\000\\000\\000\\001\\000\\001.z\\021\\"\\002\\000^\\020\\000\\001" {
          cltt 2 2026/11/24 08:00:00;
          iaaddr 2001:db8:20::5 {
            binding state active;
            preferred-life 3600;
            max-life 43200;
            ends 2 2026/11/24 20:00:00;
          }
        }

        """

    static let kea = """
        address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
        10.20.0.5,02:00:5e:10:00:77,,3600,1795500000,1,0,0,other,0,,0
        10.20.0.5,02:00:5e:10:00:01,01:02:00:5e:10:00:01,43200,1795550400,1,0,0,laptop-1,0,,0
        10.20.0.6,02:00:5e:10:00:02,,43200,1795550400,1,0,0,,0,{ "a": 1&#x2c "b": 2 },0
        10.20.0.7,02:00:5e:10:00:03,,4294967295,0,1,0,0,printer.,0,,0
        10.20.0.8,02:00:5e:10:00:08,,43200,1795550400,1,0,0,gone,0,,0
        10.20.0.8,02:00:5e:10:00:08,,0,1795500000,1,0,0,gone,2,,0

        """

    static let kea6 = """
        address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source,pool_id
        2001:db8:20::5,00:01:00:01:2e:7a:11:22:02:00:5e:10:00:01,43200,1795550400,1,3600,0,1,128,0,0,laptop-1,,0,,1,0,0
        2001:db8:99::,00:03:00:01:02:00:5e:10:00:02,43200,1795550400,1,3600,2,1,56,0,0,,,0,,1,0,0

        """

    static let all: [(LeaseFormat, String)] = [
        (.dnsmasq, dnsmasq), (.isc, isc), (.kea, kea), (.kea, kea6),
    ]
}

private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

private func reading(_ text: some StringProtocol, _ format: LeaseFormat) -> LeaseReading {
    LeaseReading(Array(text.utf8), format: format)
}

@Suite struct LeaseTests {
    @Test(arguments: [
        (LeaseFormat.dnsmasq, LeaseSamples.dnsmasq), (.isc, LeaseSamples.isc),
        (.kea, LeaseSamples.kea),
    ])
    func readsWhatEachServerWrites(_ format: LeaseFormat, _ text: String) throws {
        let read = reading(text, format)
        #expect(read.problem == nil)
        let first = try #require(read.leases[address("10.20.0.5")] ?? nil)
        #expect(first.hardware == HardwareAddress("02:00:5e:10:00:01"), "the last entry counts")
        #expect(first.hostName == "laptop-1")
        #expect(first.endSeconds == LeaseSamples.end)
        #expect(first.holds(atSeconds: LeaseSamples.end - 1))
        #expect(!first.holds(atSeconds: LeaseSamples.end))
        let second = try #require(read.leases[address("10.20.0.6")] ?? nil)
        #expect(second.hostName == nil)
        let third = try #require(read.leases[address("10.20.0.7")] ?? nil)
        #expect(third.hostName == "printer" && third.endSeconds == nil)
        #expect((read.leases[try address("10.20.0.8")] ?? nil) == nil, "given back")
        #expect(LeaseFormat.guess(Array(text.utf8), path: "/x") == format)
    }

    @Test(arguments: [
        (LeaseFormat.dnsmasq, LeaseSamples.dnsmasq), (.isc, LeaseSamples.isc),
        (.kea, LeaseSamples.kea6),
    ])
    func findsTheHardwareAddressInADUID(_ format: LeaseFormat, _ text: String) throws {
        let lease = try #require(reading(text, format).leases[address("2001:db8:20::5")] ?? nil)
        #expect(lease.hardware == HardwareAddress("02:00:5e:10:00:01"))
        #expect(lease.endSeconds == LeaseSamples.end)
    }

    /// A server may be in the midst of writing at any octet.
    @Test(arguments: LeaseSamples.all.indices)
    func everyBeginningIsReadAsFarAsItGoes(_ sample: Int) {
        let (format, text) = LeaseSamples.all[sample]
        let octets = Array(text.utf8)
        let whole = LeaseReading(octets, format: format)
        for count in stride(from: 0, to: octets.count, by: 3) {
            let part = LeaseReading(Array(octets.prefix(count)), format: format)
            #expect(part.leases.count <= whole.leases.count)
            let isAtLine = count > 0 && octets[count - 1] == 0x0A
            // Half a comment says as much as a whole one.
            let isInComment = octets[0] == UInt8(ascii: "#") && !octets[..<count].contains(0x0A)
            if !isAtLine, octets[count] != 0x0A, count == 0 || !isInComment {
                #expect(part.problem != nil, "\(count)")
            }
        }
    }

    /// Whatever the octets are, nothing traps.
    @Test(arguments: LeaseSamples.all.indices)
    func nothingTraps(_ sample: Int) {
        let (format, text) = LeaseSamples.all[sample]
        var octets = Array(text.utf8)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<150 {
            let place = Int.random(in: octets.indices, using: &random)
            octets[place] = UInt8.random(in: 0...255, using: &random)
            for format in LeaseFormat.allCases { _ = LeaseReading(octets, format: format) }
            if Int.random(in: 0..<20, using: &random) == 0 { octets = Array(text.utf8) }
        }
        _ = format
    }

    /// A control character where a word might begin once kept the reader waiting for ever.
    @Test(arguments: 0...0x20 as ClosedRange<UInt8>)
    func controlCharactersStandBetweenWords(_ octet: UInt8) throws {
        let text = LeaseSamples.isc.replacingOccurrences(
            of: "lease 10.20.0.6", with: "\(Character(UnicodeScalar(octet)))lease 10.20.0.6")
        let read = reading(text, .isc)
        #expect((read.leases[try address("10.20.0.6")] ?? nil) != nil)
    }

    @Test func namesAreMadeFitForTheRecord() {
        #expect(Lease.fit(hostName: "iPhone-von-Max") == "iPhone-von-Max")
        #expect(Lease.fit(hostName: "a,b\n\"c\"@x") == "a-b--c--x")
        #expect(Lease.fit(hostName: "\u{1b}[31m*") == "--31m-")
        #expect(Lease.fit(hostName: "***") == nil)
        #expect(Lease.fit(hostName: String(repeating: "a", count: 300))?.count == 63)
    }
}

/// A lease file while its server writes it.
@Suite struct LeaseFileTests {
    private let folder = NSTemporaryDirectory() + "leases-" + UUID().uuidString
    private var path: String { folder + "/dnsmasq.leases" }

    init() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func write(_ text: some StringProtocol, to name: String = "dnsmasq.leases") throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
    }

    /// A file that is looked at within expectations.
    private final class Followed {
        private var file: LeaseFile
        init(_ source: IdentityConfiguration.LeaseSource) { file = LeaseFile(source) }
        var leases: [IPAddress: Lease] { file.leases }
        var problem: String? { file.problem }
        var format: LeaseFormat? { file.format }
        func look(_ nowMilliseconds: Int64, _ wallSeconds: Int64) -> Bool {
            file.look(nowMilliseconds: nowMilliseconds, wallSeconds: wallSeconds)
        }
    }

    private func file(_ format: LeaseFormat? = nil, _ name: String = "dnsmasq.leases") -> Followed {
        Followed(IdentityConfiguration.LeaseSource(path: folder + "/" + name, format: format))
    }

    private let before = LeaseSamples.end - 3600

    @Test func aFileThatIsCutKeepsWhatItSaidBefore() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = file()
        #expect(!file.look(0, before))
        #expect(file.problem != nil, "there is no file yet")
        try write(LeaseSamples.dnsmasq)
        #expect(file.look(1, before))
        #expect(file.problem == nil && file.format == .dnsmasq)
        let all = file.leases
        #expect(all.count == 5)
        let octets = Array(LeaseSamples.dnsmasq.utf8)
        for count in stride(from: 0, to: octets.count, by: 7)
        where octets[max(0, count - 1)] != 0x0A {
            try write(String(decoding: octets.prefix(count), as: UTF8.self))
            #expect(!file.look(Int64(count) + 2, before))
            #expect(file.leases == all && file.problem != nil)
        }
        try FileManager.default.removeItem(atPath: path)
        #expect(!file.look(5000, before))
        #expect(file.leases == all && file.problem != nil)
        // Each ends at its second all the same.
        #expect(!file.look(5001, LeaseSamples.end - 1))
        #expect(file.look(5002, LeaseSamples.end))
        #expect(file.leases.count == 1)
    }

    /// A lease that was given back is gone once the file has been still for a second.
    @Test func aLeaseThatAWholeFileHasNoMoreEnds() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = file()
        try write(LeaseSamples.dnsmasq)
        _ = file.look(0, before)
        let lines = LeaseSamples.dnsmasq.split(separator: "\n")
        try write(lines.dropFirst().joined(separator: "\n") + "\n")
        #expect(!file.look(10, before))
        #expect(file.leases.count == 5)
        #expect(!file.look(1009, before))
        #expect(file.look(1010, before))
        #expect(file.leases.count == 4 && file.problem == nil)
        // Most of a file does not vanish in earnest.
        try write((lines.first ?? "") + "\n")
        #expect(file.look(3000, before), "it has a new lease")
        #expect(!file.look(9000, before))
        #expect(file.leases.count == 5 && file.problem?.hasPrefix("it has lost") == true)
    }

    /// Kea begins a new file and clears the old ones up meanwhile.
    @Test func keaMayRotateItsFiles() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = file(.kea, "kea.csv")
        try write(LeaseSamples.kea, to: "kea.csv")
        _ = file.look(0, before)
        #expect(file.leases.count == 3)
        try FileManager.default.moveItem(atPath: folder + "/kea.csv", toPath: folder + "/kea.csv.1")
        let head = LeaseSamples.kea.prefix { $0 != "\n" }
        try write(
            head + "\n10.20.0.9,02:00:5e:10:00:09,,43200,1795550400,1,0,0,new,0,,0\n",
            to: "kea.csv")
        #expect(file.look(10, before))
        _ = file.look(5000, before)
        #expect(file.leases.count == 4 && file.problem == nil)
    }
}
