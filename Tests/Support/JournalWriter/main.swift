import DNSWire
import DecisionLog
import Glibc

// Writes decisions as fast as it can and announces each batch on standard output once it has been
// committed: the number of rows so far, as one 64-bit word. A test kills it while it does so.
//
// Arguments: DIRECTORY SEGMENT-BYTES BATCH-SIZE PREFIX. Row n has the time n, and its name is the
// prefix and n's digits in one label.

guard CommandLine.arguments.count == 5, let segmentBytes = Int(CommandLine.arguments[2]),
    let batchSize = Int(CommandLine.arguments[3])
else { exit(2) }

let journal = try Journal(
    directory: CommandLine.arguments[1], segmentBytes: segmentBytes, keepSeconds: nil)
let policy = journal.register(
    RecordDictionary(
        policyHash: "hash", groups: ["staff"], rules: [], categories: [], lists: [], periods: []))
var batch = RecordBatch(capacityBytes: 1 << 16)
let prefix = CommandLine.arguments[4]
var rows: Int64 = 0

while true {
    for _ in 0..<batchSize {
        rows += 1
        let label = Array("\(prefix)\(rows)".utf8)
        let name = [UInt8(label.count)] + label + [0]
        let record = DecisionRecord(
            timeMicros: rows, client: IPAddress(v4: 0x7F00_0001), group: 0, verdict: .allow,
            source: .cache, qtype: 1)
        // SAFETY: the bytes are only read, within the call.
        unsafe name.withUnsafeBytes { bytes in
            unsafe batch.append(
                record, qname: bytes, via: UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }
    journal.commit(&batch, dictionary: policy)
    // SAFETY: a local word, written whole or, when the reader is gone, not at all.
    guard unsafe write(1, &rows, 8) == 8 else { exit(0) }
    // The upkeep of a second every few batches, so that it is often what is killed.
    if rows / Int64(batchSize) % 16 == 0 { journal.maintain(nowMicros: rows * 1_000_000) }
}
