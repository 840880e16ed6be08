import DNSServer
import DNSWire
import Glibc
import PolicyEngine
import PolicyFile

/// One lease file, followed: what it says, and what it said of leases that have not ended where it
/// cannot be read whole.
struct LeaseFile {
    /// Where it lies.
    let path: String
    private let givenFormat: IdentityConfiguration.LeaseFormat?
    /// Whose file it is; `nil` where it has never been read.
    private(set) var format: IdentityConfiguration.LeaseFormat?
    /// What holds, by address.
    private(set) var leases: [IPAddress: Lease] = [:]
    /// What is wrong with the file; `nil` where nothing is.
    private(set) var problem: String?
    /// When it changed last, in seconds since 1970 UTC; `nil` where it is not there.
    private(set) var changedSeconds: Int64?
    private var seen: [FileMark?]?
    /// Leases that the file has no more, and when they end for that, in monotonic milliseconds.
    private var missing: (addresses: [IPAddress], due: Int64)?

    init(_ source: IdentityConfiguration.LeaseSource) {
        path = source.path
        givenFormat = source.format
    }

    /// Kea cuts its log into several files, and clears up one after the other.
    private var paths: [String] {
        guard givenFormat == .kea || format == .kea else { return [path] }
        let cleared = path + ".completed"
        return FileMark(cleared) != nil ? [cleared, path] : [path + ".2", path + ".1", path]
    }

    /// Looks whether the file has changed, and reads it if so.
    ///
    /// - Returns: whether other leases hold now.
    mutating func look(nowMilliseconds: Int64, wallSeconds: Int64) -> Bool {
        let before = leases
        let marks = paths.map { FileMark($0) }
        if marks != seen {
            seen = marks
            missing = nil
            changedSeconds = marks.last.flatMap { $0 }?.seconds
            read(nowMilliseconds)
        }
        if let missing, nowMilliseconds >= missing.due {
            for address in missing.addresses { leases[address] = nil }
            self.missing = nil
        }
        leases = leases.filter { $0.value.holds(atSeconds: wallSeconds) }
        return leases != before
    }

    private mutating func read(_ nowMilliseconds: Int64) {
        var octets: [UInt8] = []
        for path in paths where path == self.path || FileMark(path) != nil {
            do {
                octets += try FileBytes.read(path, limit: IdentityLimits.leaseFileOctets).bytes
            } catch {
                problem = error.reason
                return
            }
        }
        let format = givenFormat ?? self.format ?? .guess(octets, path: path)
        if !octets.isEmpty { self.format = format }
        let reading = LeaseReading(octets, format: format)
        problem = reading.problem
        let lost = leases.keys.filter { reading.leases[$0] == nil }
        let count = leases.count
        for (address, lease) in reading.leases { leases[address] = lease }
        guard problem == nil, !lost.isEmpty else { return }
        if lost.count >= Self.fewLeases, lost.count * 2 > count {
            problem = "it has lost \(lost.count) of \(count) leases; they hold until they end"
        } else {
            missing = (lost, nowMilliseconds + IdentityLimits.settleMilliseconds)
        }
    }

    /// So many may end at once without a doubt about the file.
    private static let fewLeases = 4

    /// When the next lease ends, in seconds since 1970 UTC.
    var nextEnd: Int64? { leases.values.lazy.compactMap(\.endSeconds).min() }
}

/// What tells whether a file has been written to.
struct FileMark: Equatable {
    private let inode: UInt64
    private let device: UInt64
    private let size: Int64
    private let nanoseconds: Int64
    /// When it was written to, in seconds since 1970 UTC.
    let seconds: Int64

    /// Looks at a file; `nil` where there is none.
    init?(_ path: String) {
        var status = stat()
        // SAFETY: the kernel fills in the one value; the path is a C string for the call.
        guard unsafe stat(path, &status) == 0 else { return nil }
        inode = UInt64(status.st_ino)
        device = UInt64(status.st_dev)
        size = Int64(status.st_size)
        seconds = Int64(status.st_mtim.tv_sec)
        nanoseconds = Int64(status.st_mtim.tv_nsec)
    }
}
