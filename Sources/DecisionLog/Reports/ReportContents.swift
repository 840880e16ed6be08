/// What the file of reports holds.
public struct ReportContents: Sendable {
    /// All reports that can be read, in order, as they stand.
    public private(set) var reports: [ReceivedReport] = []
    /// What is wrong, in order.
    public private(set) var damage: [LogDamage] = []
    private(set) var lastNumber: UInt64 = 0
    /// The digests of the entries, in order.
    private(set) var checks: [[UInt8]] = []

    /// What the next entry goes on from.
    var lastCheck: [UInt8] { checks.last ?? ReportLine.beginning }

    init(_ bytes: [UInt8]) {
        var start = 0
        while let newline = bytes[start...].firstIndex(of: 0x0A) {
            let place = lastNumber + 1
            if let line = ReportLine(Array(bytes[start..<newline])) {
                if line.number != place {
                    note(start, "entry \(line.number) comes instead of \(place)")
                } else if !line.follows(lastCheck) {
                    note(start, "entry \(place) was changed, or does not go on from the one before")
                }
                take(line)
            } else {
                note(start, "entry \(place) is not as it was written")
                lastNumber = place
            }
            start = newline + 1
        }
    }

    mutating func take(_ line: ReportLine) {
        lastNumber = max(lastNumber + 1, line.number)
        checks.append(line.check)
        if let report = line.received {
            reports.append(report)
        } else if let place = reports.firstIndex(where: { $0.id == line.report }) {
            reports[place].take(line)
        }
    }

    /// Holds the file against what the audit trail remembers of it.
    mutating func check(against trail: [AuditEntry]) {
        let noted = trail.filter { $0.kind == .report }.compactMap(\.digest)
        let known = Set(checks)
        for (place, digest) in noted.enumerated() where !known.contains(digest) {
            note(
                0,
                "the entry that the audit trail noted as report entry \(place + 1) is missing "
                    + "or was changed")
        }
        let lastNoted = checks.lastIndex { noted.contains($0) } ?? -1
        let remembered = Set(noted)
        for (place, check) in checks.enumerated()
        where place < lastNoted && !remembered.contains(check) {
            note(0, "entry \(place + 1) is not in the audit trail")
        }
    }

    private mutating func note(_ offset: Int, _ detail: String) {
        damage.append(
            LogDamage(kind: .report, file: ReportBook.fileName, offset: offset, detail: detail))
    }
}
