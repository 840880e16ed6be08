import CChecksum
import DNSWire
import DecisionLog
import Glibc
import LogFixtures
import Testing

/// Whoever changes the log's files with knowledge of their format breaks the chain, and
/// `log verify` names the place.
@Suite struct ChainTests {
    /// A closed log of several segments with 2400 rows.
    private func closedLog() throws -> TemporaryLog {
        let directory = TemporaryLog()
        let journal = try Journal(
            directory: directory.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        for _ in 0..<8 {
            journal.commit(randomSamples(300, seed: 41), dictionary: number)
            journal.maintain(nowMicros: 0)
        }
        journal.close()
        #expect(try LogVerification(directory: directory.path).damage == [])
        try #require(directory.segments().count >= 4)
        return directory
    }

    /// Makes a record's checksum fit what it says now.
    private func mend(_ bytes: inout [UInt8], at offset: Int) {
        let length = recordLength(bytes, at: offset)
        let body = Array(bytes[(offset + 24)..<(offset + length)])
        let rest = Array(bytes[(offset + 8)..<(offset + 24)]) + Array(bytes[offset..<(offset + 4)])
        let crc = unsafe checksum_crc32c(
            checksum_crc32c(0, body, body.count), rest, rest.count)
        for index in 0..<4 {
            bytes[offset + 4 + index] = UInt8(truncatingIfNeeded: crc >> (8 * UInt32(index)))
        }
    }

    @Test(arguments: 0..<4)
    func aRowThatWasChangedWithItsChecksumIsNamed(segment: Int) throws {
        let directory = try closedLog()
        let path = directory.segments()[segment]
        var bytes = readFile(path)
        let offsets = recordOffsets(bytes)
        // The last row of a segment, too: what goes on from it is in the next one.
        for index in [1, offsets.count / 2, offsets.count - 1] {
            let kept = bytes
            let offset = offsets[index]
            bytes[offset + 32] ^= 1
            mend(&bytes, at: offset)
            writeFile(path, bytes)
            let damage = try LogVerification(directory: directory.path).damage
            let found = try #require(damage.first { $0.kind == .chain || $0.kind == .digest })
            #expect(path.hasSuffix(found.file))
            if let chain = damage.first(where: { $0.kind == .chain }), index < offsets.count - 1 {
                #expect(chain.offset == offset)
                #expect(chain.expectedSeq == seq(bytes, at: offset))
            }
            #expect(damage.contains { $0.kind == .digest && path.hasSuffix($0.file) })
            bytes = kept
        }
    }

    /// All checksums behind a changed row made anew: the records then hold together, the files not.
    @Test func aSegmentThatWasWrittenAnewIsNamed() throws {
        let directory = try closedLog()
        let path = directory.segments()[1]
        var bytes = readFile(path)
        let offsets = recordOffsets(bytes)
        bytes[offsets[5] + 32] ^= 1
        mend(&bytes, at: offsets[5])
        for (before, offset) in zip(offsets[5...], offsets[6...]) {
            for index in 0..<4 { bytes[offset + 20 + index] = bytes[before + 4 + index] }
            mend(&bytes, at: offset)
        }
        writeFile(path, bytes)
        let damage = try LogVerification(directory: directory.path).damage
        #expect(damage.contains { $0.kind == .digest && path.hasSuffix($0.file) })
    }

    @Test func aRowThatWasTakenOutIsNamed() throws {
        let directory = try closedLog()
        let path = directory.segments()[1]
        let bytes = readFile(path)
        let offsets = recordOffsets(bytes)
        writeFile(path, Array(bytes[..<offsets[10]] + bytes[offsets[11]...]))
        let found = try #require(try LogVerification(directory: directory.path).damage.first)
        #expect(found.kind == .missing && found.missingRows == 1 && path.hasSuffix(found.file))
        #expect(found.offset == offsets[10] && found.expectedSeq == seq(bytes, at: offsets[10]))
        // The seqs behind it counted down, so that none seems to be missing.
        var dense = Array(bytes[..<offsets[10]])
        for offset in offsets[11...] {
            var record = Array(bytes[offset..<(offset + recordLength(bytes, at: offset))])
            record[8] &-= 1
            mend(&record, at: 0)
            dense += record
        }
        writeFile(path, dense)
        let damage = try LogVerification(directory: directory.path).damage
        #expect(damage.first?.kind == .chain && damage.first?.offset == offsets[9])
    }

    @Test func rowsThatChangedPlacesAreNamed() throws {
        let directory = try closedLog()
        let path = directory.segments()[2]
        let bytes = readFile(path)
        let offsets = recordOffsets(bytes)
        let first = bytes[offsets[7]..<offsets[8]]
        let second = bytes[offsets[8]..<offsets[9]]
        writeFile(path, Array(bytes[..<offsets[7]] + second + first + bytes[offsets[9]...]))
        let found = try #require(try LogVerification(directory: directory.path).damage.first)
        #expect(found.kind == .missing && found.offset == offsets[7])
        #expect(found.expectedSeq == seq(bytes, at: offsets[7]))
    }

    @Test func theNewestSegmentCutShortIsNamed() throws {
        let directory = try closedLog()
        let path = try #require(directory.segments().last)
        var bytes = readFile(path)
        let offsets = recordOffsets(bytes)
        bytes = Array(bytes[..<offsets[offsets.count - 2]])
        writeFile(path, bytes)
        let short = try LogVerification(directory: directory.path)
        #expect(short.damage.first?.kind == .record && path.hasSuffix(short.damage[0].file))
        // Without its seal it looks like one that a crash left; the head knows better.
        for offset in 128..<192 { bytes[offset] = 0 }
        writeFile(path, bytes)
        let unsealed = try LogVerification(directory: directory.path)
        let found = try #require(unsealed.damage.first)
        #expect(found.kind == .end && found.missingRows == 2)
    }

    @Test func aSegmentFromElsewhereIsNamed() throws {
        let directory = try closedLog()
        let other = try closedLog()
        // The same rows, written by another journal.
        writeFile(directory.segments()[1], readFile(other.segments()[1]))
        let damage = try LogVerification(directory: directory.path).damage
        #expect(damage.contains { $0.kind == .digest })
        unsafe unlink("\(directory.path)/journal.head")
        #expect(
            try LogVerification(directory: directory.path).damage.contains { $0.kind == .head })
    }

    /// What was read of a file up to the disk's refusal is not the file: it is not said to be
    /// another one than it was.
    @Test func aFileThatTheDiskDoesNotGiveIsSaidToBeThat() throws {
        let directory = try closedLog()
        let path = directory.segments()[1]
        // A file that can be opened, and whose first byte cannot be read.
        unsafe unlink(path)
        #expect(unsafe symlink("/proc/self/mem", path) == 0)
        let damage = try LogVerification(directory: directory.path).damage
        let found = damage.filter { $0.kind == .digest && path.hasSuffix($0.file) }
        #expect(found.map(\.detail) == ["the disk does not give all of it"])
    }
}
