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
    /// Looks through all clients of the log: one of another day may have the same pseudonym by
    /// chance, and whoever asks may mean that one.
    func narrow(_ filter: RowFilter, to pseudonym: String) throws -> RowFilter {
        let found = try clients(pseudonym)
        guard let client = found.first else {
            standardError(
                "\(pseudonym) stands for no client of this log; once rows are older than they are "
                    + "kept, their pseudonyms are no more")
            throw ExitCode(ExitStatus.wrong)
        }
        guard found.count == 1 else {
            let names = Pseudonyms.shortened(found.map(\.longName)).values.sorted()
            standardError(
                "\(pseudonym) stands for \(found.count) clients by chance; ask for one of them: "
                    + names.joined(separator: ", "))
            throw ExitCode(ExitStatus.wrong)
        }
        var narrow = filter
        narrow.client = IPNetwork(client.address.description, hostBitsAllowed: false)
        narrow.sinceMicros = Self.later(filter.sinceMicros, client.period.lowerBound)
        narrow.untilMicros = Self.earlier(filter.untilMicros, client.period.upperBound)
        return narrow
    }

    /// A filter's rows that are of the device for which a pseudonym stands, while it did.
    func narrow(_ filter: RowFilter, toDevice pseudonym: String) throws -> RowFilter {
        for period in pseudonyms.periods {
            var times = RowFilter()
            times.sinceMicros = Self.later(nil, period.lowerBound)
            times.untilMicros = Self.earlier(nil, period.upperBound)
            let reader = try StoreReader(directory: directory, filter: times)
            let names = try reader.tally(by: [.device], times).compactMap { $0.texts[0] }
            let found = names.first {
                pseudonyms.device($0, micros: period.lowerBound) == pseudonym
            }
            guard let found else { continue }
            var narrow = filter
            narrow.device = found
            narrow.sinceMicros = Self.later(filter.sinceMicros, period.lowerBound)
            narrow.untilMicros = Self.earlier(filter.untilMicros, period.upperBound)
            return narrow
        }
        standardError(
            "\(pseudonym) stands for no device of this log; once rows are older than they are "
                + "kept, their pseudonyms are no more")
        throw ExitCode(ExitStatus.wrong)
    }

    private struct Client {
        var longName: String
        var address: IPAddress
        var period: Range<Int64>
    }

    private func clients(_ pseudonym: String) throws -> [Client] {
        try pseudonyms.periods.flatMap { period in
            var times = RowFilter()
            times.sinceMicros = Self.later(nil, period.lowerBound)
            times.untilMicros = Self.earlier(nil, period.upperBound)
            return try StoreReader(directory: directory, filter: times).clients(times).map { use in
                Client(
                    longName: pseudonyms.longClient(use.client, micros: period.lowerBound),
                    address: use.client, period: period)
            }.filter { $0.longName.hasPrefix(pseudonym) }
        }
    }

    private static func later(_ instant: Int64?, _ bound: Int64) -> Int64? {
        bound == .min ? instant : max(instant ?? .min, bound)
    }

    private static func earlier(_ instant: Int64?, _ bound: Int64) -> Int64? {
        bound == .max ? instant : min(instant ?? .max, bound)
    }
}
