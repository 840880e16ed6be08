import DNSWire
import Glibc
import LogFixtures
import Testing

@testable import DecisionLog

@Suite struct FormatTests {
    private func row(_ sample: Sample) throws -> DecisionRow {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        journal.commit([sample], dictionary: journal.register(samplePolicy))
        return try #require(readAll(directory.path).rows.first)
    }

    private func line(_ row: DecisionRow, _ format: RowFormat) -> String {
        var writer = RowWriter(format, pseudonyms: nil)
        writer.append(row)
        return String(decoding: writer.buffer, as: UTF8.self)
    }

    private let plain = Sample(
        record: DecisionRecord(
            timeMicros: 1_795_429_799_123_456, client: IPAddress(v4: 0x0A1E_0304), group: 1,
            rule: 0, category: 1, list: 0, period: 0, device: 0, verdict: .block, rcode: 3,
            ttlSeconds: 30, source: .policy, micros: 12, qtype: 65, matchedLabels: 2),
        name: [3] + Array("WwW".utf8) + [9] + Array("instagram".utf8) + [3] + Array("com".utf8) + [
            0
        ])

    @Test func aPlainRowInEachFormat() throws {
        let row = try row(plain)
        #expect(
            line(row, .csv)
                == "1,2026-11-23T10:29:59.123456Z,10.30.3.4,library-pc-1,staff,www.instagram.com,"
                + "HTTPS,block,harm,social-media/chatrooms,services,break,high,4f1d,NXDOMAIN,30,"
                + "policy,12\r\n")
        #expect(
            line(row, .jsonl)
                == #"{"seq":1,"time":"2026-11-23T10:29:59.123456Z","client":"10.30.3.4","#
                + #""device":"library-pc-1","group":"staff","name":"www.instagram.com","#
                + #""type":"HTTPS","verdict":"block","rule":"harm","#
                + #""category":"social-media/chatrooms","list":"services","period":"break","#
                + #""concern":"high","policy":"4f1d","rcode":"NXDOMAIN","ttl":30,"#
                + #""source":"policy","micros":12}"# + "\n")
        #expect(
            line(row, .text)
                == "\(LogTime.local(row.timeMicros)) block   staff         10.30.3.4       HTTPS"
                + " harm                 www.instagram.com (social-media/chatrooms)\n")
    }

    @Test func whatIsAbsentIsEmptyOrMissing() throws {
        let bare = Sample(
            record: DecisionRecord(
                timeMicros: -1, client: IPAddress(high: 0x2001_0DB8 << 32, low: 1), verdict: .allow,
                source: .cache, qtype: 1),
            name: [0])
        let row = try row(bare)
        #expect(
            line(row, .csv)
                == "1,1969-12-31T23:59:59.999999Z,2001:db8::1,,,.,A,allow,default,,,,,4f1d,NOERROR,,"
                + "cache,0\r\n")
        #expect(
            line(row, .jsonl)
                == #"{"seq":1,"time":"1969-12-31T23:59:59.999999Z","client":"2001:db8::1","#
                + #""name":".","type":"A","verdict":"allow","rule":"default","policy":"4f1d","#
                + #""rcode":"NOERROR","source":"cache","micros":0}"# + "\n")
    }

    @Test func aCanonicalNameThatWasJudgedIsShown() throws {
        var aliased = plain
        aliased.via = wire("tracker.example.net")
        let row = try row(aliased)
        #expect(line(row, .jsonl).hasSuffix(#","micros":12,"via":"tracker.example.net"}"# + "\n"))
        #expect(line(row, .text).contains("www.instagram.com via tracker.example.net ("))
        #expect(!line(row, .csv).contains("tracker"))
    }

    /// Reads one CSV record as RFC 4180 says.
    private func fields(_ text: String) -> [String] {
        var fields: [String] = [""]
        var isQuoted = false
        var octets = Array(text.utf8)[...]
        while let octet = octets.popFirst() {
            let last = fields.count - 1
            switch octet {
            case UInt8(ascii: "\""):
                if isQuoted, octets.first == octet {
                    octets.removeFirst()
                    fields[last].append("\"")
                } else {
                    isQuoted.toggle()
                }
            case UInt8(ascii: ",") where !isQuoted: fields.append("")
            case 0x0D where !isQuoted, 0x0A where !isQuoted: break
            default: fields[last].unicodeScalars.append(Unicode.Scalar(octet))
            }
        }
        return fields
    }

    @Test func oddNamesAndTextsSurvive() throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 18, keepSeconds: nil)
        var policy = samplePolicy
        policy.groups = ["a,b", "quo\"ted", "new\nline\r", "back\\slash\t\u{1}"]
        journal.commit(randomSamples(1000, seed: 41), dictionary: journal.register(policy))
        for row in try readAll(directory.path).rows {
            let columns = fields(line(row, .csv))
            #expect(columns.count == RowWriter.columns.count)
            let lowercase = row.nameWire.map(\.asciiLowercased)
            #expect(columns[5] == DomainName.presentation(of: lowercase))
            #expect(columns[5] == row.name)
            #expect(columns[2] == row.client?.description)
            #expect(columns[4] == row.group ?? "")
            #expect(columns[8] == row.rule)
            #expect(columns[15] == row.ttlSeconds.map { "\($0)" } ?? "")
            let json = line(row, .jsonl)
            #expect(json.utf8.dropLast().allSatisfy { $0 >= 0x20 })
            #expect(json.utf8.count { $0 == UInt8(ascii: "\n") } == 1)
            let escapedName = (row.name ?? "").replacing("\\", with: "\\\\")
                .replacing("\"", with: "\\\"")
            #expect(json.contains("\"name\":\"\(escapedName)\""))
            #expect(json.contains("\"via\"") == (row.via != nil))
            #expect(line(row, .text).utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
        }
    }

    @Test func headersNameTheColumns() {
        var writer = RowWriter(.csv, pseudonyms: nil)
        writer.appendHeader()
        #expect(
            String(decoding: writer.buffer, as: UTF8.self)
                == "seq,time,client,device,group,name,type,verdict,rule,category,list,period,concern,"
                + "policy,rcode,ttl,source,micros\r\n")
        writer = RowWriter(.jsonl, pseudonyms: nil)
        writer.appendHeader()
        #expect(writer.buffer.isEmpty)
    }

    @Test func colourIsForTextAlone() throws {
        let row = try row(plain)
        for format in RowFormat.allCases {
            var writer = RowWriter(format, isColored: true, pseudonyms: nil)
            writer.append(row)
            #expect(writer.buffer.contains(0x1B) == (format == .text))
        }
    }

    /// Nothing else of a row changes, and nothing of it says who asked.
    @Test(arguments: RowFormat.allCases)
    func pseudonymsStandForClientsAndDevices(_ format: RowFormat) throws {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 18, keepSeconds: nil)
        var policy = samplePolicy
        policy.devices = ["library-pc-1", "head-laptop"]
        journal.commit(randomSamples(300, seed: 43), dictionary: journal.register(policy))
        var keys = PseudonymKeys(startDay: 0)
        // The key changes in the middle of the rows.
        let change = PseudonymKeys.day(of: 1_795_000_000_150_000)
        _ = keys.renew(nowMicros: (change - 1) * 86_400_000_000, keepMicros: 1)
        let pseudonyms = Pseudonyms(keys)
        var writer = RowWriter(format, pseudonyms: pseudonyms)
        for row in try readAll(directory.path).rows {
            writer.buffer = []
            writer.append(row)
            let found = String(decoding: writer.buffer, as: UTF8.self)
            var expected = line(row, format)
            let client = try #require(row.client)
            let stand = pseudonyms.client(client, micros: row.timeMicros)
            #expect(!found.contains("\(client)"))
            if format == .text {
                #expect(found.contains(" \(stand) "))
                continue
            }
            expected = expected.replacing("\(client)", with: stand)
            if let device = row.device {
                #expect(!found.contains(device))
                expected = expected.replacing(
                    device, with: pseudonyms.device(device, micros: row.timeMicros))
            }
            #expect(found == expected)
        }
        journal.close()
    }
}
