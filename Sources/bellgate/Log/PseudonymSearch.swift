import ArgumentParser
import DNSWire
import DecisionLog
import LogStore

/// Finds whom a pseudonym stands for, among the clients of a log.
struct PseudonymSearch {
    let directory: String
    private let pseudonyms: Pseudonyms

    /// - Throws: `JournalError` where the key cannot be read.
    init(directory: String) throws {
        self.directory = directory
        pseudonyms = try Pseudonyms(directory: directory)
    }

    /// A filter's rows that are of the client for which a pseudonym stands.
    ///
    /// Reads the clients of the filter's time first, and all of them where it is not among these.
    func narrow(_ filter: RowFilter, to pseudonym: String) throws -> RowFilter {
        var found = try clients(pseudonym, since: filter.sinceMicros, until: filter.untilMicros)
        if found.isEmpty { found = try clients(pseudonym, since: nil, until: nil) }
        guard let client = found.first else {
            standardError(
                "\(pseudonym) stands for no client of this log; once rows are older than they are "
                    + "kept, their pseudonyms are no more")
            throw ExitCode(ExitStatus.wrong)
        }
        guard found.count == 1 else {
            standardError(
                "\(pseudonym) stands for \(found.count) clients by chance; ask for their addresses "
                    + "with --identify")
            throw ExitCode(ExitStatus.wrong)
        }
        var narrow = filter
        narrow.client = IPNetwork(client.address.description, hostBitsAllowed: false)
        narrow.sinceMicros = Self.later(filter.sinceMicros, client.period.lowerBound)
        narrow.untilMicros = Self.earlier(filter.untilMicros, client.period.upperBound)
        return narrow
    }

    private func clients(
        _ pseudonym: String, since: Int64?, until: Int64?
    ) throws -> [(address: IPAddress, period: Range<Int64>)] {
        try pseudonyms.periods.flatMap { period in
            var times = RowFilter()
            times.sinceMicros = Self.later(since, period.lowerBound)
            times.untilMicros = Self.earlier(until, period.upperBound)
            return try StoreReader(directory: directory, filter: times).clients(times)
                .map(\.client)
                .filter { pseudonyms.client($0, micros: period.lowerBound) == pseudonym }
                .map { ($0, period) }
        }
    }

    private static func later(_ instant: Int64?, _ bound: Int64) -> Int64? {
        bound == .min ? instant : max(instant ?? .min, bound)
    }

    private static func earlier(_ instant: Int64?, _ bound: Int64) -> Int64? {
        bound == .max ? instant : min(instant ?? .max, bound)
    }
}
