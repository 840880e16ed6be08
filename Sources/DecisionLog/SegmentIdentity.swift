import Glibc

/// Which file of a log holds a row, by the number that it drew when it was made: tells whether a
/// log is still the one that was read before.
package struct SegmentIdentity: Equatable, Sendable {
    /// The file's first seq.
    package var firstSeq: UInt64
    /// Half of its id.
    package var id: UInt64

    /// Takes what was kept elsewhere.
    package init(firstSeq: UInt64, id: UInt64) {
        self.firstSeq = firstSeq
        self.id = id
    }

    /// Looks up the file in which a row lies, or would lie; `nil` where there is none any more or
    /// its header cannot be read. Reads one directory and one header.
    package init?(ofRow seq: UInt64, directory path: String) {
        guard let directory = try? LogDirectory(path: path, create: false),
            let names = try? directory.segments(),
            let name = names.last(where: { $0.firstSeq <= seq }),
            let file = directory.openForReading("\(name)")
        else { return nil }
        defer { close(file) }
        let head = FileIO.read(file, at: 0, count: SegmentHeader.byteCount)
        // SAFETY: the array outlives the call, and the header is a value of its own.
        guard let header = unsafe head.withUnsafeBytes({ unsafe SegmentHeader(RecordBytes($0)) })
        else { return nil }
        self.init(firstSeq: header.firstSeq, id: header.id.0)
    }
}
