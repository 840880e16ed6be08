import CPacketIO
import CPrefetch
import DNSWire
import Glibc

/// One shard's entries: a table of open addresses over blocks of memory, one block an answer.
///
///     | stored, ms | expires, ms | key length | answer length | used | key … | answer … |
///
/// A slot holds the key's hash beside the block, so that a look-up touches no other block than the
/// one that it looks for.
///
/// Not thread-safe: its shard's lock guards it.
@safe struct AnswerTable: ~Copyable {
    private(set) var usedBytes = 0
    private(set) var entryCount = 0
    private let limit: Int
    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var hand = 0

    @unsafe private struct Slot {
        var hash: UInt64 = 0
        var block: UnsafeMutableRawPointer?
    }

    /// Where the slots are and how many, as one number: what `fetchSlot` needs.
    ///
    /// The slots begin on 64 octets, so that the low six bits can hold the logarithm of their count.
    private(set) var place: UInt

    private static let keyOffset = 32
    /// What malloc and the slot take besides the block itself, in octets.
    private static let overhead = 48
    private static let firstSlots = 64

    init(limit: Int) {
        self.limit = limit
        unsafe slots = Self.emptySlots(Self.firstSlots)
        mask = Self.firstSlots - 1
        place = unsafe Self.place(slots, mask)
    }

    deinit {
        for index in 0...mask { unsafe slots[index].block?.deallocate() }
        unsafe slots.deallocate()
    }

    private static func emptySlots(_ count: Int) -> UnsafeMutablePointer<Slot> {
        let memory = unsafe UnsafeMutableRawPointer.allocate(
            byteCount: count * MemoryLayout<Slot>.stride, alignment: 64)
        return unsafe memory.initializeMemory(as: Slot.self, repeating: Slot(), count: count)
    }

    private static func place(_ slots: UnsafeMutablePointer<Slot>, _ mask: Int) -> UInt {
        UInt(bitPattern: slots) | UInt((mask + 1).trailingZeroBitCount)
    }

    /// Asks for the slot where the look-up of a hash begins, without waiting for it.
    ///
    /// Needs no lock: nothing is read there, and the slots may be others by now.
    ///
    /// - Parameter place: what `place` was a short time ago.
    @inline(__always)
    static func fetchSlot(_ hash: UInt64, at place: UInt) {
        let index = Int(truncatingIfNeeded: hash) & ~(-1 << Int(place & 63))
        let slot = unsafe UInt(bitPattern: index &* MemoryLayout<Slot>.stride) &+ (place & ~63)
        unsafe prefetch_line(UnsafeRawPointer(bitPattern: slot))
    }

    /// Asks for the block of the entry with a hash, whose slot should have come by now.
    @inline(__always)
    func fetchBlock(_ hash: UInt64) {
        let slot = unsafe slots[Int(truncatingIfNeeded: hash) & mask]
        guard unsafe slot.hash == hash, let block = unsafe slot.block else { return }
        // The header, the key and the answer of a common name lie on as many lines.
        unsafe prefetch_line(block)
        unsafe prefetch_line(block + 64)
        unsafe prefetch_line(block + 128)
    }

    /// Calls `body` with the answer to a question and its age, if there is one that still holds.
    mutating func withAnswer(
        to key: QuestionKey, nowMilliseconds: Int64, _ body: (AnswerView, UInt32) -> Void
    ) -> Bool {
        guard let index = find(key), let block = unsafe slots[index].block else { return false }
        let entry = unsafe Entry(block)
        guard entry.expires > nowMilliseconds else {
            remove(at: index)
            return false
        }
        entry.markUsed()
        let age = max(0, nowMilliseconds - entry.stored) / 1000
        body(entry.answer, UInt32(truncatingIfNeeded: age))
        return true
    }

    /// Keeps a copy of an answer in place of any older one, for as long as its TTL says.
    mutating func insert(_ key: QuestionKey, _ answer: AnswerView, nowMilliseconds: Int64) {
        if let old = find(key) { remove(at: old) }
        guard answer.ttlSeconds > 0 else { return }
        let size = Self.keyOffset + key.count + answer.count
        guard size + Self.overhead <= limit else { return }
        while usedBytes + size + Self.overhead > limit, entryCount > 0 { evictOne() }
        if (entryCount + 1) * 4 > (mask + 1) * 3 { grow() }
        // SAFETY: the block is as long as its header, key and answer together.
        let block = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 8)
        unsafe Entry.write(
            block, key: key, answer: answer, stored: nowMilliseconds,
            expires: nowMilliseconds + Int64(answer.ttlSeconds) * 1000)
        unsafe place(block, hash: key.hash)
        usedBytes += size + Self.overhead
        entryCount += 1
    }

    private func find(_ key: QuestionKey) -> Int? {
        var index = Int(truncatingIfNeeded: key.hash) & mask
        // SAFETY: `index` is always masked; a quarter of the slots is empty, so this ends.
        while let block = unsafe slots[index].block {
            if unsafe slots[index].hash == key.hash && Entry(block).matches(key) { return index }
            index = (index + 1) & mask
        }
        return nil
    }

    private func place(_ block: UnsafeMutableRawPointer, hash: UInt64) {
        var index = Int(truncatingIfNeeded: hash) & mask
        while unsafe slots[index].block != nil { index = (index + 1) & mask }
        unsafe slots[index] = Slot(hash: hash, block: block)
    }

    /// Frees an entry and closes the gap, so that every other one is still found.
    private mutating func remove(at start: Int) {
        guard let block = unsafe slots[start].block else { return }
        usedBytes -= unsafe Entry(block).size + Self.overhead
        entryCount -= 1
        unsafe block.deallocate()
        unsafe slots[start] = Slot()
        var gap = start
        var index = (start + 1) & mask
        while unsafe slots[index].block != nil {
            let home = unsafe Int(truncatingIfNeeded: slots[index].hash) & mask
            if (index - home) & mask >= (index - gap) & mask {
                unsafe slots[gap] = slots[index]
                unsafe slots[index] = Slot()
                gap = index
            }
            index = (index + 1) & mask
        }
    }

    /// Takes the next entry under the hand that was not used since the hand last passed.
    private mutating func evictOne() {
        while entryCount > 0 {
            hand = (hand + 1) & mask
            guard let block = unsafe slots[hand].block else { continue }
            if unsafe !Entry(block).clearUsed() {
                remove(at: hand)
                return
            }
        }
    }

    private mutating func grow() {
        let old = unsafe slots
        let oldCount = mask + 1
        unsafe slots = Self.emptySlots(oldCount * 2)
        mask = oldCount * 2 - 1
        place = unsafe Self.place(slots, mask)
        for index in 0..<oldCount {
            if let block = unsafe old[index].block {
                unsafe place(block, hash: old[index].hash)
            }
        }
        unsafe old.deallocate()
    }

    /// One block of memory, seen as an entry.
    @safe private struct Entry {
        let block: UnsafeMutableRawPointer

        init(_ block: UnsafeMutableRawPointer) { unsafe self.block = block }

        var stored: Int64 { unsafe block.load(as: Int64.self) }
        var expires: Int64 { unsafe block.load(fromByteOffset: 8, as: Int64.self) }
        var keyLength: Int { Int(unsafe block.load(fromByteOffset: 16, as: UInt32.self)) }
        var answerLength: Int { Int(unsafe block.load(fromByteOffset: 20, as: UInt32.self)) }
        var size: Int { AnswerTable.keyOffset + keyLength + answerLength }

        var answer: AnswerView {
            // SAFETY: the block holds `answerLength` octets behind the key.
            unsafe AnswerView(
                UnsafeRawBufferPointer(
                    start: block + AnswerTable.keyOffset + keyLength, count: answerLength))
        }

        func matches(_ key: QuestionKey) -> Bool {
            guard keyLength == key.count else { return false }
            return unsafe memcmp(block + AnswerTable.keyOffset, key.octets, key.count) == 0
        }

        func markUsed() { unsafe block.storeBytes(of: 1, toByteOffset: 24, as: UInt8.self) }

        func clearUsed() -> Bool {
            let used = unsafe block.load(fromByteOffset: 24, as: UInt8.self) != 0
            unsafe block.storeBytes(of: 0, toByteOffset: 24, as: UInt8.self)
            return used
        }

        static func write(
            _ block: UnsafeMutableRawPointer, key: QuestionKey, answer: AnswerView, stored: Int64,
            expires: Int64
        ) {
            // SAFETY: the caller allocated room for exactly these parts.
            unsafe block.storeBytes(of: stored, as: Int64.self)
            unsafe block.storeBytes(of: expires, toByteOffset: 8, as: Int64.self)
            unsafe block.storeBytes(
                of: UInt32(truncatingIfNeeded: key.count), toByteOffset: 16, as: UInt32.self)
            unsafe block.storeBytes(
                of: UInt32(truncatingIfNeeded: answer.count), toByteOffset: 20, as: UInt32.self)
            unsafe block.storeBytes(of: 0, toByteOffset: 24, as: UInt64.self)
            unsafe (block + AnswerTable.keyOffset).copyMemory(
                from: key.octets, byteCount: key.count)
            unsafe (block + AnswerTable.keyOffset + key.count).copyMemory(
                from: answer.block, byteCount: answer.count)
        }
    }
}
