import DNSWire
import DecisionLog
import Dice
import Glibc
import LogFixtures
import Synchronization

/// A decision as a test hands it in and expects it back.
struct Sample: Equatable {
    var record: DecisionRecord
    var name: [UInt8]
    var via: [UInt8] = []

    static func random(using generator: inout SeededGenerator, time: Int64) -> Sample {
        let record = DecisionRecord(
            timeMicros: time,
            client: Bool.random(using: &generator)
                ? IPAddress(v4: 0x0A14_0000 | UInt32.random(in: 0..<512, using: &generator))
                : IPAddress(
                    high: 0x2001_0DB8 << 32, low: UInt64.random(in: 0..<512, using: &generator)),
            group: index(below: 4, &generator), rule: index(below: 5, &generator),
            category: index(below: 4, &generator), list: index(below: 3, &generator),
            period: index(below: 3, &generator), device: index(below: 2, &generator),
            verdict: [.allow, .block, .rewrite].randomElement(using: &generator) ?? .allow,
            rcode: [0, 2, 3, 5, 16, 77].randomElement(using: &generator) ?? 0,
            ttlSeconds: [0, 60, 86400, .max].randomElement(using: &generator) ?? 0,
            source: RecordSource.allCases.randomElement(using: &generator) ?? .cache,
            micros: UInt32.random(in: 0...5_000_000, using: &generator),
            qtype: [1, 28, 65, 4711].randomElement(using: &generator) ?? 1,
            matchedLabels: UInt8.random(in: 0...5, using: &generator))
        let isAliased = UInt8.random(in: 0..<8, using: &generator) == 0
        return Sample(
            record: record, name: randomName(&generator),
            via: isAliased ? randomName(&generator) : [])
    }

    private static func index(below bound: UInt16, _ generator: inout SeededGenerator) -> UInt16 {
        let number = UInt16.random(in: 0...bound, using: &generator)
        return number == bound ? .max : number
    }

    private static func randomName(_ generator: inout SeededGenerator) -> [UInt8] {
        if UInt8.random(in: 0..<50, using: &generator) == 0 { return [0] }
        let words = [
            "www", "example", "test", "com", "net", "a-b", "x,\"y", "ünï", "\u{1}", "A.b\\",
        ]
        var wire: [UInt8] = []
        for _ in 0..<UInt8.random(in: 1...4, using: &generator) {
            let label = Array((words.randomElement(using: &generator) ?? "www").utf8)
            wire += [UInt8(label.count)] + label
        }
        if UInt8.random(in: 0..<40, using: &generator) == 0 {
            while wire.count + 51 < 255 { wire += [50] + [UInt8](repeating: 0x61, count: 50) }
        }
        return wire + [0]
    }
}

let samplePolicy = RecordDictionary(
    policyHash: "4f1d", groups: ["learner", "staff", "guest", "learner-phone"],
    rules: [("harm", "high"), ("breaks", nil), ("a,b", nil), ("quo\"ted", "low"), ("tab\t", nil)],
    categories: ["social-media", "social-media/chatrooms", "harm/adult", "media/social"],
    lists: ["services", "malware", "adult"], periods: ["break", "lunch", "night"],
    devices: ["library-pc-1", "head, laptop"])

func wire(_ name: String) -> [UInt8] { (try? DomainName(parsing: name))?.wire ?? [0] }

/// Appends a sample to a batch.
func append(_ sample: Sample, to batch: inout RecordBatch) {
    // SAFETY: the bytes are only read, within the call.
    unsafe sample.name.withUnsafeBytes { name in
        unsafe sample.via.withUnsafeBytes { via in
            unsafe batch.append(sample.record, qname: name, via: via)
        }
    }
}

extension Journal {
    /// Commits samples in batches of a given size.
    func commit(_ samples: [Sample], batchSize: Int = 50, dictionary: UInt32) {
        var batch = RecordBatch(capacityBytes: 1 << 16)
        for sample in samples {
            append(sample, to: &batch)
            if batch.count == batchSize || !batch.hasRoom { commit(&batch, dictionary: dictionary) }
        }
        commit(&batch, dictionary: dictionary)
    }
}

/// All rows of a log, and what its reader met.
func readAll(
    _ path: String, _ filter: RowFilter = RowFilter()
) throws -> (rows: [DecisionRow], damage: [LogDamage]) {
    let reader = try JournalReader(directory: path, filter: filter)
    var rows: [DecisionRow] = []
    while let row = reader.next() { rows.append(row) }
    return (rows, reader.damage)
}

extension DecisionRow {
    var sample: Sample {
        Sample(record: record, name: Array(nameWire), via: Array(viaWire))
    }
}

func randomSamples(_ count: Int, seed: UInt64) -> [Sample] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { number in
        Sample.random(using: &generator, time: 1_795_000_000_000_000 + Int64(number) * 1000)
    }
}

/// A number that several tasks share.
final class Counter: Sendable {
    private let number = Atomic(0)

    var value: Int {
        get { number.load(ordering: .acquiring) }
        set { number.store(newValue, ordering: .releasing) }
    }
}

/// The length that a record begins with.
func recordLength(_ bytes: [UInt8], at offset: Int) -> Int {
    (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << ($1 * 8) }
}

func seq(_ bytes: [UInt8], at offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[offset + 8 + $1]) << (UInt64($1) * 8) }
}

/// Where the records of a segment lie.
func recordOffsets(_ bytes: [UInt8]) -> [Int] {
    var offsets: [Int] = []
    var offset = 192
    while offset + 24 < bytes.count, recordLength(bytes, at: offset) > 0 {
        offsets.append(offset)
        offset += recordLength(bytes, at: offset)
    }
    return offsets
}

/// What `sha256sum` says of a file.
func sha256(of path: String) -> [UInt8] {
    let output = "/tmp/decision-log-sum-\(getpid())-\(UInt64.random(in: 0 ... .max))"
    defer { unsafe unlink(output) }
    guard unsafe system("sha256sum '\(path)' > '\(output)'") == 0 else { return [] }
    let digits = readFile(output).prefix(64).compactMap {
        Character(UnicodeScalar($0)).hexDigitValue
    }
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
}

/// Whether what lies in files there can be let go of and read again; not where memory is all that the
/// file system has.
func lettingGoWorks(in folder: String) -> Bool {
    let path = "\(folder)/bellgate-\(getpid())-let-go"
    // SAFETY: the path is passed as a C string for the length of each call, as below.
    let file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { return false }
    defer {
        close(file)
        _ = unsafe unlink(path)
    }
    let octets = [UInt8](repeating: 1, count: 1 << 16)
    guard unsafe write(file, octets, octets.count) == octets.count, fdatasync(file) == 0,
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0
    else { return false }
    return residentShare(path) == 0
}

/// How much of a file is in the kernel's memory, 0 to 1.
func residentShare(_ path: String) -> Double {
    // SAFETY: the mapping is as long as the file, and asked for no more than that.
    let file = unsafe open(path, O_RDONLY)
    guard file >= 0 else { return -1 }
    defer { close(file) }
    var about = stat()
    guard unsafe fstat(file, &about) == 0 else { return -1 }
    let pages = (Int(about.st_size) + 4095) / 4096
    guard let base = unsafe mmap(nil, pages * 4096, PROT_READ, MAP_SHARED, file, 0),
        unsafe base != MAP_FAILED
    else { return -1 }
    defer { unsafe munmap(base, pages * 4096) }
    var states = [UInt8](repeating: 0, count: pages)
    guard unsafe mincore(base, pages * 4096, &states) == 0 else { return -1 }
    return Double(states.count { $0 & 1 != 0 }) / Double(pages)
}
