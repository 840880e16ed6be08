import DNSWire
import DecisionLog
import Glibc
import LogFixtures
import Testing

/// A small file system of its own; mounting one is for root alone.
private final class SmallDisk {
    let path: String

    init?(bytes: Int) {
        path = "/tmp/decision-log-disk-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        _ = unsafe mkdir(path, 0o700)
        let isMounted = unsafe "size=\(bytes)".withCString { options in
            unsafe mount("tmpfs", path, "tmpfs", 0, options) == 0
        }
        guard isMounted else {
            unsafe rmdir(path)
            return nil
        }
    }

    static var isPermitted: Bool { geteuid() == 0 && SmallDisk(bytes: 1 << 16) != nil }

    /// Takes all the room there is.
    func fill() {
        let file = unsafe open("\(path)/ballast", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let chunk = [UInt8](repeating: 1, count: 4096)
        // SAFETY: the chunk's own size.
        while unsafe write(file, chunk, chunk.count) > 0 {}
        close(file)
    }

    /// Gives back what `fill` took.
    func clear() { unsafe unlink("\(path)/ballast") }

    func remountReadOnly() -> Bool {
        unsafe mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil)
            == 0
    }

    deinit {
        unsafe umount2(path, Int32(MNT_DETACH))
        unsafe rmdir(path)
    }
}

@Suite(.enabled(if: SmallDisk.isPermitted)) struct FullDiskTests {
    @Test(arguments: [1 << 16, 1 << 20, 64 << 20])
    func aFullDiskLosesDecisionsAndSaysSoInTheLog(segmentBytes: Int) throws {
        let disk = try #require(SmallDisk(bytes: 2 << 20))
        let journal = try Journal(
            directory: "\(disk.path)/log", segmentBytes: segmentBytes, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        disk.fill()
        let samples = randomSamples(60_000, seed: 21)
        var committed = 0
        while journal.status.lostCount == 0, committed + 100 <= samples.count {
            journal.commit(Array(samples[committed..<committed + 100]), dictionary: number)
            committed += 100
            journal.maintain(nowMicros: samples[committed - 1].record.timeMicros)
            disk.fill()
        }
        journal.commit(Array(samples[committed..<committed + 50]), dictionary: number)
        committed += 50
        let failing = journal.status
        #expect(failing.failure == "no space left on device")
        let lost = try #require(failing.pendingGap)
        #expect(lost.count == failing.lostCount)
        #expect(lost.lastMicros == samples[committed - 1].record.timeMicros)
        let kept = committed - Int(lost.count)
        #expect(lost.firstMicros == samples[kept].record.timeMicros)
        #expect(try readAll("\(disk.path)/log").rows.map(\.sample) == Array(samples[..<kept]))

        disk.clear()
        journal.maintain(nowMicros: 0)
        #expect(journal.status.failure == nil && journal.status.pendingGap == nil)
        let after = randomSamples(10, seed: 22)
        journal.commit(after, dictionary: number)
        let (rows, damage) = try readAll("\(disk.path)/log")
        #expect(damage.isEmpty)
        #expect(rows.map(\.seq) == (1...rows.count).map { UInt64($0) })
        let gap = rows[kept]
        #expect(gap.gap == lost)
        #expect(gap.verdict == .gap && gap.source == .error && gap.name == nil)
        #expect(
            gap.rule.hasPrefix("\(lost.count) decisions not recorded: no space left on device"))
        #expect(rows[(kept + 1)...].map(\.sample) == after)
        journal.close()
        #expect(try LogVerification(directory: "\(disk.path)/log").isSound)
    }

    @Test func aDiskThatIsFullAtTheStartIsWaitedFor() throws {
        let disk = try #require(SmallDisk(bytes: 2 << 20))
        let directory = "\(disk.path)/log"
        _ = unsafe mkdir(directory, 0o700)
        disk.fill()
        let journal = try Journal(directory: directory, segmentBytes: 1 << 20, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        #expect(journal.status.failure != nil)
        let samples = randomSamples(30, seed: 23)
        journal.commit(samples, dictionary: number)
        #expect(journal.status.lostCount == 30)
        disk.clear()
        // Without upkeep, too: a commit tries again once a second.
        sleep(1)
        usleep(50_000)
        journal.commit(samples, dictionary: number)
        let rows = try readAll(directory).rows
        #expect(rows.first?.gap?.count == 30)
        #expect(rows.dropFirst().map(\.sample) == samples)
        #expect(rows.map(\.seq) == Array(1...31))
        #expect(journal.status.failure == nil)
    }

    /// Killed while the disk is full: what was lost is still noted, by the next process.
    @Test func whatWasLostIsNotedAfterAKill() throws {
        let disk = try #require(SmallDisk(bytes: 2 << 20))
        let journal = try Journal(
            directory: "\(disk.path)/log", segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        disk.fill()
        for _ in 0..<40 {
            journal.commit(randomSamples(100, seed: 25), dictionary: number)
            journal.maintain(nowMicros: 0)
            disk.fill()
        }
        let lost = try #require(journal.status.pendingGap)
        let kept = 4000 - Int(lost.count)
        // The files as a kill at this moment would leave them.
        let copy = TemporaryLog()
        for name in listFiles("\(disk.path)/log") {
            writeFile("\(copy.path)/\(name)", readFile("\(disk.path)/log/\(name)"))
        }
        #expect(try LogVerification(directory: copy.path).pendingGaps == [lost])
        let next = try Journal(directory: copy.path, segmentBytes: 1 << 16, keepSeconds: nil)
        let rows = try readAll(copy.path).rows
        #expect(rows.count == kept + 1)
        #expect(rows.last?.gap == lost && lost.reason.code == "disk-full")
        next.close()
        // Noted once, and not again at each start.
        let third = try Journal(directory: copy.path, segmentBytes: 1 << 16, keepSeconds: nil)
        #expect(try readAll(copy.path).rows.count == kept + 1)
        third.close()
        let verification = try LogVerification(directory: copy.path)
        #expect(verification.lostCount == lost.count && verification.pendingGaps == [])
    }

    @Test func aReadOnlyDirectoryIsRefused() throws {
        let disk = try #require(SmallDisk(bytes: 2 << 20))
        try #require(disk.remountReadOnly())
        let refusal = #expect(throws: JournalError.self) {
            _ = try Journal(directory: disk.path, segmentBytes: 1 << 16, keepSeconds: nil)
        }
        #expect(refusal?.code == .directoryUnusable && refusal?.errno == EROFS)
    }

    @Test func aDirectoryThatVanishesCostsDecisionsAndNothingElse() throws {
        let disk = try #require(SmallDisk(bytes: 2 << 20))
        let directory = "\(disk.path)/log"
        let journal = try Journal(directory: directory, segmentBytes: 1 << 16, keepSeconds: nil)
        let number = journal.register(samplePolicy)
        for name in listFiles(directory) { unsafe unlink("\(directory)/\(name)") }
        unsafe rmdir(directory)
        for _ in 0..<10 {
            journal.commit(randomSamples(500, seed: 24), dictionary: number)
            journal.maintain(nowMicros: 0)
        }
        #expect(journal.status.failure == "no such file or directory")
        #expect(journal.status.lostCount > 0)
    }
}
