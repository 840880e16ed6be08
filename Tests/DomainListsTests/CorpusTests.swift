import DNSWire
import DomainLists
import Foundation
import Testing

/// Real lists and other systems' cases, where they are at hand beside the package.
@Suite struct CorpusTests {
    private static let shared: URL? = {
        var folder = URL(fileURLWithPath: #filePath)
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let package = folder.appendingPathComponent("Package.swift").path
            if FileManager.default.fileExists(atPath: package) {
                let shared = folder.appendingPathComponent("../shared").standardizedFileURL
                return FileManager.default.fileExists(atPath: shared.path) ? shared : nil
            }
        }
        return nil
    }()

    /// The text of a compressed file; `nil` where it is not at hand.
    private static func unpack(_ path: String) throws -> [UInt8]? {
        guard let file = shared?.appendingPathComponent(path).path,
            FileManager.default.fileExists(atPath: file)
        else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["xz", "--decompress", "--stdout", file]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return process.terminationStatus == 0 ? Array(data) : nil
    }

    private static func lines(_ octets: [UInt8]) -> [Substring] {
        String(decoding: octets, as: UTF8.self).split(separator: "\n")
    }

    @Test(arguments: ["blp-drugs", "blp-facebook", "blp-tiktok"])
    func formatsDecideAlike(_ list: String) throws {
        let folder = "corpora/lists/formats/"
        guard let plainText = try Self.unpack("\(folder)\(list)-nl.txt.xz"),
            let hostsText = try Self.unpack("\(folder)\(list).txt.xz"),
            let adblockText = try Self.unpack("\(folder)\(list)-ags.txt.xz"),
            let dnsmasqText = try Self.unpack("\(folder)\(list)-dnsmasq.txt.xz")
        else { return }
        let plain = OneList(octets: plainText)
        let hosts = OneList(octets: hostsText)
        let adblock = OneList(octets: adblockText)
        let dnsmasq = OneList(octets: dnsmasqText)
        let widened = OneList(octets: hostsText, nil, match: .subtree)
        #expect(plain.summary.format == .domains)
        #expect(hosts.summary.format == .hosts)
        #expect(adblock.summary.format == .adblock)
        #expect(dnsmasq.summary.format == .dnsmasq)
        for other in [hosts, adblock, dnsmasq] {
            #expect(other.summary.names == plain.summary.names)
        }
        let names = Self.lines(plainText).filter { !$0.hasPrefix("#") }
        #expect(names.count > 1000)
        let listed = Set(names)
        for text in names {
            let name = try DomainName(parsing: text)
            let below = try DomainName(parsing: "zz--under." + text)
            let expected = plain.index.match(name)
            #expect(expected.set == 1)
            #expect(hosts.index.match(name).set == 1)
            let isBelowListed = listed.contains("zz--under." + text)
            #expect((hosts.index.match(below).set == 1) == isBelowListed)
            for other in [adblock, dnsmasq, widened] {
                #expect(other.index.match(name) == expected)
                #expect(other.index.match(below) == plain.index.match(below))
            }
        }
    }

    @Test func everyListedNameMatches() throws {
        guard let octets = try Self.unpack("corpora/lists/names-1252416.txt.xz") else { return }
        #if DEBUG
            // Without optimisation, a tenth of it is enough to wait for.
            let text = Array(octets.prefix(octets.count / 10))
        #else
            let text = octets
        #endif
        let clock = ContinuousClock()
        var list: OneList?
        let duration = clock.measure { list = OneList(octets: text) }
        guard let list else { return }
        let index = list.index
        var addresses = 0
        var wrong: [Substring] = []
        for line in Self.lines(text) {
            if line.allSatisfy({ $0.isNumber || $0 == "." }), line.split(separator: ".").count == 4
            {
                addresses += 1
                continue
            }
            let match = index.match(try DomainName(parsing: line))
            let labels = line.utf8.count { $0 == UInt8(ascii: ".") } + 1
            if match.set != 1 || Int(match.labels) != labels { wrong.append(line) }
        }
        #expect(wrong.isEmpty, "\(wrong.prefix(10))")
        #expect(list.summary.unusableCount == addresses)
        #expect(list.summary.duplicates == 0)
        let bytes = Double(index.sizeBytes) / Double(index.nameCount)
        #expect(bytes <= 32, "\(bytes) bytes a name")
        #if !DEBUG
            // A second on a quiet core; here others may run beside it.
            #expect(duration < .seconds(3), "compiled in \(duration)")
        #endif
    }

    // MARK: cases of another filter

    struct Case {
        var rules: [String]
        var host: String
        var isBlocked: Bool
        var asks: String
    }

    private static func cases() throws -> [Case] {
        guard let file = shared?.appendingPathComponent("cases/filter-syntax.json"),
            let data = try? Data(contentsOf: file),
            let rows = try JSONSerialization.jsonObject(with: data) as? [[String: Any]]
        else { return [] }
        return rows.compactMap { row in
            guard let rules = row["rules"] as? [String], let host = row["host"] as? String
            else { return nil }
            let asks = ["client_tags", "client_ip", "client_name", "qtype"].first { row[$0] != nil }
            return Case(
                rules: rules, host: host, isBlocked: row["want"] as? String == "block",
                asks: asks ?? "")
        }
    }

    /// Where the policy language wants something else: no regular expressions in lists, and a list
    /// knows neither the client nor the type that is asked for, so such a rule is not used at all.
    private static func deviation(_ one: Case) -> String? {
        let mine = one.rules.filter { $0.contains(one.host) }
        if one.rules.contains(where: { $0.contains("/^stats") }) {
            return "an exception by regular expression is not used"
        }
        if one.rules.count == 1, one.rules[0].hasPrefix("/") {
            return "a regular expression is not used"
        }
        if one.asks == "client_tags", mine.contains(where: { $0.contains("$ctag") }), one.isBlocked,
            one.host != "host1"
        {
            return "a list does not know the client's tags"
        }
        if one.asks == "client_ip", one.isBlocked { return "a list does not know the client" }
        if one.asks == "qtype", one.isBlocked { return "a list does not know the type" }
        return nil
    }

    @Test func casesOfAnotherFilter() throws {
        for one in try Self.cases() {
            let list = OneList(one.rules.joined(separator: "\n"))
            let isCovered = try list.covers(one.host)
            if let deviation = Self.deviation(one) {
                #expect(isCovered != one.isBlocked, "\(one): \(deviation), or does it?")
                #expect(list.summary.unusableCount > 0, "\(one)")
            } else {
                #expect(isCovered == one.isBlocked, "\(one)")
            }
        }
    }
}
