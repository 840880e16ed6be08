import DNSWire
import PolicyEngine

/// Reads a compiled time zone (TZif, RFC 9636) into `ZoneRules`.
///
///     +---------------+  TZif header (44 octets): magic, version, six counts
///     | version 1     |  32-bit data, skipped
///     +---------------+
///     | version 2+    |  a second header, then 64-bit data:
///     |               |  transition times, their types, local time types, names, leap seconds, flags
///     +---------------+
///     | footer        |  newline, POSIX TZ string for all later times, newline
///     +---------------+
///
/// Files come from the system, but nothing in them is trusted: every count is checked against what
/// is left of the file before it is used.
struct ZoneFile {
    /// The last year whose clock changes are worked out from the footer.
    static let lastYear = 2100
    /// Ten times the largest zone of the fat form.
    static let maximumBytes = 64 << 10
    /// Where Debian's package tzdata puts the zones.
    static let systemFolder = "/usr/share/zoneinfo"

    private struct Header {
        var version: UInt8
        var utFlags: Int
        var standardFlags: Int
        var leapSeconds: Int
        var transitions: Int
        var types: Int
        var characters: Int

        /// Octets of the data block, whose times take `timeSize` octets (RFC 9636 section 3.2).
        func dataSize(timeSize: Int) -> Int {
            transitions * (timeSize + 1) + types * 6 + characters + leapSeconds * (timeSize + 4)
                + standardFlags + utFlags
        }
    }

    /// The rules in a file's bytes; `nil` for anything but a whole TZif file of version 2 or later.
    static func rules(_ bytes: [UInt8], name: String) -> ZoneRules? {
        var reader = ByteReader(bytes)
        guard let first = header(&reader), first.version >= UInt8(ascii: "2"),
            reader.octets(first.dataSize(timeSize: 4)) != nil,
            let header = header(&reader), header.dataSize(timeSize: 8) <= reader.remaining,
            header.types > 0, header.leapSeconds == 0,
            let times = times(&reader, header), let places = reader.octets(header.transitions),
            let offsets = offsets(&reader, header),
            reader.octets(header.characters + header.standardFlags + header.utFlags) != nil,
            let footer = footer(&reader)
        else { return nil }
        var transitions: [(at: Instant, offsetSeconds: Int)] = []
        for (time, place) in zip(times, places) {
            guard Int(place) < offsets.count else { return nil }
            transitions.append((Instant(seconds: time), offsets[Int(place)]))
        }
        if !footer.isEmpty {
            guard let rule = POSIXTimeZone(footer) else { return nil }
            let last = transitions.last?.at
            let before = transitions.last?.offsetSeconds ?? offsets[0]
            transitions += rule.transitions(after: last, offsetBefore: before, upTo: lastYear)
        }
        return ZoneRules(name: name, initialOffsetSeconds: offsets[0], transitions: transitions)
    }

    private static func header(_ reader: inout ByteReader) -> Header? {
        guard let magic = reader.octets(4), magic.elementsEqual("TZif".utf8),
            let version = reader.octet(), reader.octets(15) != nil,
            let utFlags = reader.count(), let standardFlags = reader.count(),
            let leapSeconds = reader.count(), let transitions = reader.count(),
            let types = reader.count(), let characters = reader.count()
        else { return nil }
        return Header(
            version: version, utFlags: utFlags, standardFlags: standardFlags,
            leapSeconds: leapSeconds, transitions: transitions, types: types,
            characters: characters)
    }

    /// Transition times, which must rise.
    private static func times(_ reader: inout ByteReader, _ header: Header) -> [Int64]? {
        var times: [Int64] = []
        for _ in 0..<header.transitions {
            guard let time = reader.int64(), times.last.map({ $0 < time }) ?? true
            else { return nil }
            times.append(time)
        }
        return times
    }

    /// Offsets from UTC of the local time types, in seconds.
    private static func offsets(_ reader: inout ByteReader, _ header: Header) -> [Int]? {
        var offsets: [Int] = []
        for _ in 0..<header.types {
            guard let offset = reader.int32(), reader.octets(2) != nil,
                abs(Int(offset)) <= ZoneRules.maximumOffsetSeconds
            else { return nil }
            offsets.append(Int(offset))
        }
        return offsets
    }

    /// The POSIX TZ string between its two newlines; empty where later times have no rule.
    private static func footer(_ reader: inout ByteReader) -> ArraySlice<UInt8>? {
        let newline = UInt8(ascii: "\n")
        guard let rest = reader.octets(reader.remaining), rest.first == newline,
            let end = rest.dropFirst().firstIndex(of: newline)
        else { return nil }
        return rest.dropFirst().prefix(upTo: end)
    }
}

extension ZoneFile {
    /// The rules of an IANA zone, or `nil` with the reason reported.
    static func load(
        _ zone: Located<String>, folder: String = systemFolder, reporter: Reporter
    ) -> ZoneRules? {
        guard isPlainName(zone.value), !isOfMachine(zone.value) else {
            reporter.error(
                zone.place, "\"\(zone.value)\" is no IANA time zone",
                "write a name such as Europe/London")
            return nil
        }
        do {
            let contents = try FileBytes.read("\(folder)/\(zone.value)", limit: maximumBytes)
            if let rules = rules(contents.bytes, name: zone.value) { return rules }
            reporter.error(
                zone.place, "the data of time zone \"\(zone.value)\" cannot be used",
                "write a name such as Europe/London, or install the package tzdata anew")
        } catch {
            report(zone, error, folder, reporter)
        }
        return nil
    }

    private static func report(
        _ zone: Located<String>, _ failure: FileBytes.Failure, _ folder: String,
        _ reporter: Reporter
    ) {
        let areas = (try? FileBytes.names(inFolder: folder)) ?? []
        guard areas.count > 1 else {
            reporter.error(
                zone.place, "there are no time zones on this machine",
                "install the package tzdata (apt-get install tzdata)")
            return
        }
        let parts = zone.value.split(separator: "/", maxSplits: 1).map(String.init)
        var candidates = areas
        if parts.count == 2 {
            let area =
                areas.contains(parts[0])
                ? parts[0] : NearestName.of(parts[0], among: areas) ?? parts[0]
            let places = (try? FileBytes.names(inFolder: "\(folder)/\(area)")) ?? []
            candidates = places.map { "\(area)/\($0)" }
        }
        let reason = failure.isMissing ? "is no IANA time zone" : failure.reason
        reporter.error(
            zone.place, "\"\(zone.value)\" \(reason)",
            NearestName.of(zone.value, among: candidates.filter { $0 != zone.value })
                .map { "did you mean \"\($0)\"?" }
                ?? "write a name such as Europe/London")
    }

    /// Whether it is no zone's name but something that systems keep beside the zones: the machine's
    /// own zone, and the zones once more by other counts of seconds.
    private static func isOfMachine(_ name: String) -> Bool {
        ["localtime", "posixrules"].contains(name) || name.hasPrefix("posix/")
            || name.hasPrefix("right/")
    }

    /// Whether a name can only lead to a file within the folder of zones.
    private static func isPlainName(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return name.utf8.count <= 100
            && parts.allSatisfy { part in
                guard let first = part.first, first != UInt8(ascii: ".") else { return false }
                return part.allSatisfy { octet in
                    octet.asciiLowercased &- 0x61 < 26 || octet.decimalDigit != nil
                        || "_+-".utf8.contains(octet)
                }
            }
    }
}
