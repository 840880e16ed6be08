/// Why bytes are no index.
public enum IndexProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// It does not begin as an index does, or it is of a machine of the other byte order.
    case notAnIndex
    /// It was written by another version of the program.
    case otherVersion(UInt32)
    /// It is shorter or longer than it says.
    case wrongSize(expected: UInt64, found: UInt64)
    /// Its octets are not those that were written.
    case damaged
    /// A system call failed.
    case system(call: String, path: String, errno: Int32)

    /// One line for a person.
    public var description: String {
        switch self {
        case .notAnIndex: "it is no index of names"
        case .otherVersion(let version):
            "it is an index of version \(version), this program reads \(IndexLayout.version)"
        case .wrongSize(let expected, let found):
            "it should have \(expected) octets and has \(found)"
        case .damaged: "its checksum is wrong"
        case .system(let call, let path, let errno): "\(call) \(path): errno \(errno)"
        }
    }
}

/// The header of an index, read and checked: every section lies within the bytes.
struct IndexHeader {
    let nameCount: Int
    let nodeCount: Int
    let grid: IndexPages
    let pairCount: Int
    let pairNumberBytes: Int
    let key: HashKey
    let pages: Range<Int>
    let pairs: Range<Int>
    let tierLabels: Range<Int>
    let sets: Range<Int>
}

extension IndexHeader {
    /// Reads the header without looking at the checksum.
    init(_ memory: IndexMemory) throws(IndexProblem) {
        typealias Field = IndexLayout.Field
        guard memory.count >= IndexLayout.headerBytes,
            memory.load(Field.magic, as: UInt64.self) == IndexLayout.magic,
            memory.load(Field.byteOrder, as: UInt32.self) == IndexLayout.byteOrderMark
        else { throw .notAnIndex }
        let version = memory.load(Field.version, as: UInt32.self)
        guard version == IndexLayout.version else { throw .otherVersion(version) }
        let total = memory.load(Field.totalBytes, as: UInt64.self)
        guard total == UInt64(memory.count) else {
            throw .wrongSize(expected: total, found: UInt64(memory.count))
        }
        func number(_ field: Int) throws(IndexProblem) -> Int {
            let number = memory.load(field, as: UInt64.self)
            guard number <= total else { throw .damaged }
            return Int(number)
        }
        func section(
            _ offset: Int, _ count: Int, itemBytes: Int = 1
        ) throws(IndexProblem) -> Range<Int> {
            let start = try number(offset)
            let (bytes, overflow) = try number(count).multipliedReportingOverflow(by: itemBytes)
            guard !overflow, bytes <= memory.count - start else { throw .damaged }
            return start..<(start + bytes)
        }
        nameCount = try number(Field.nameCount)
        nodeCount = try number(Field.nodeCount)
        grid = IndexPages(
            count: UInt64(try number(Field.pageCount)),
            buckets: UInt64(try number(Field.bucketsPerPage)))
        pairCount = try number(Field.pairCount)
        pairNumberBytes = Int(memory.load(Field.pairNumberBytes, as: UInt32.self))
        key = HashKey(
            first: memory.load(Field.keyFirst, as: UInt64.self),
            second: memory.load(Field.keySecond, as: UInt64.self))
        guard (1...UInt64(UInt32.max) / UInt64(IndexLayout.pageBytes) - 1).contains(grid.count),
            (1...UInt64(IndexLayout.mostBucketsPerPage)).contains(grid.buckets)
        else { throw .damaged }
        let start = try number(Field.pageOffset)
        guard grid.bytes <= memory.count - start else { throw .damaged }
        pages = start..<(start + grid.bytes)
        pairs = try section(Field.pairOffset, Field.pairCount, itemBytes: IndexLayout.pairBytes)
        tierLabels = try section(Field.tierLabelOffset, Field.tierLabelBytes)
        sets = try section(Field.setOffset, Field.setBytes)
        guard (1...4).contains(pairNumberBytes), pairCount > 0,
            pages.lowerBound % IndexLayout.pageBytes == 0,
            pairs.lowerBound % IndexLayout.pairBytes == 0
        else { throw .damaged }
    }
}
