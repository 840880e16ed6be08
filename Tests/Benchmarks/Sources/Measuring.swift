import Glibc
import Synchronization

/// Clocks, in nanoseconds. Processor time is what is compared: others on the machine disturb it
/// least.
enum Clock {
    /// What this thread has worked.
    static var cpu: Int64 { read(CLOCK_THREAD_CPUTIME_ID) }
    /// What all threads of this process have worked.
    static var processCPU: Int64 { read(CLOCK_PROCESS_CPUTIME_ID) }
    /// Microseconds since 1970, UTC.
    static var realMicros: Int64 { read(CLOCK_REALTIME) / 1000 }
    /// Time that has gone by.
    static var wall: Int64 { read(CLOCK_MONOTONIC) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        // SAFETY: the kernel fills in the one value.
        unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// Takes results, so that no work can be left out as useless.
enum Results {
    private static let sum = Atomic<UInt64>(0)

    static func keep(_ result: some BinaryInteger) {
        sum.add(UInt64(truncatingIfNeeded: result), ordering: .relaxed)
    }
}

/// Values of repetitions: the least is what the work takes, the median what it took here.
struct Spread {
    let values: [Double]

    init(_ values: [Double]) { self.values = values.sorted() }

    var minimum: Double { values.first ?? .nan }
    var median: Double { values.isEmpty ? .nan : values[values.count / 2] }
    var maximum: Double { values.last ?? .nan }
}

/// A piece of work that is measured by doing it many times.
protocol Work: AnyObject {
    /// Does it so many times.
    func run(_ operations: Int)
    /// What lies between two repetitions and is not measured.
    func rest()
}

extension Work {
    func rest() {}
}

/// Processor time per operation, in nanoseconds.
///
/// - Parameter seconds: about how long all repetitions take.
func nanoseconds(of work: any Work, seconds: Double, repetitions: Int = 41) -> Spread {
    work.run(64)
    var operations = 64
    // As many operations as fill a repetition.
    while true {
        let begun = Clock.cpu
        work.run(operations)
        let spent = Double(Clock.cpu - begun)
        work.rest()
        if spent >= seconds * 1e9 / Double(repetitions) / 2 || operations >= 1 << 22 { break }
        operations *= 2
    }
    var values: [Double] = []
    for _ in 0..<repetitions {
        let begun = Clock.cpu
        work.run(operations)
        values.append(Double(Clock.cpu - begun) / Double(operations))
        work.rest()
    }
    return Spread(values)
}

/// Numbers that are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A figure of `/proc/self/status`, in octets, such as `RssAnon` or `VmHWM`.
func memory(_ field: String) -> Int {
    guard let file = unsafe fopen("/proc/self/status", "r") else { return 0 }
    defer { unsafe fclose(file) }
    // SAFETY: the line is as long as is said; fgets ends it with a NUL.
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { line in
        while let start = line.baseAddress, unsafe fgets(start, 256, file) != nil {
            let words = unsafe String(cString: start).split(whereSeparator: \.isWhitespace)
            if words.count > 1, words[0] == "\(field):" { return (Int(words[1]) ?? 0) * 1024 }
        }
        return 0
    }
}
