import Foundation
import Synchronization
import Testing

/// Runs each test on a thread of its own, several at a time: a scenario mostly waits for others'
/// processes, and the shared pool has a thread a core and no more.
struct ScenarioTrait: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else {
            try await function()
            return
        }
        await Slots.shared.take()
        do {
            try await withTaskExecutorPreference(OwnThreads()) { try await function() }
        } catch {
            await Slots.shared.giveBack()
            throw error
        }
        await Slots.shared.giveBack()
    }
}

extension Trait where Self == ScenarioTrait {
    /// See `ScenarioTrait`.
    static var scenario: Self { Self() }
}

/// Every job gets a new thread, which may block.
private final class OwnThreads: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Thread.detachNewThread { [self] in
            unsafe job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

/// How many scenarios run at once: enough to fill the waiting, too few to starve a server.
private actor Slots {
    static let shared = Slots(free: 5)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(free: Int) { self.free = free }

    func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// What a scenario cannot go on without.
struct ScenarioFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Asks again and again until the answer is yes; false if it never was.
func eventually(within seconds: Double, every interval: Double = 0.02, _ test: () throws -> Bool)
    rethrows -> Bool
{
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
        if try test() { return true }
        if ContinuousClock.now >= end { return false }
        pause(interval)
    }
}

func pause(_ seconds: Double) { Thread.sleep(forTimeInterval: seconds) }

/// Runs `body` and says how many seconds it took.
func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return (ContinuousClock.now - start) / .seconds(1)
}

/// A value that threads share.
final class Shared<Value: Sendable>: Sendable {
    private let held: Mutex<Value>
    init(_ value: Value) { held = Mutex(value) }
    var value: Value { held.withLock { $0 } }
    @discardableResult
    func change<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
        held.withLock { value in body(&value) }
    }
}

/// Runs `body` for each number at the same time, a thread each, and waits for all.
func together(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for number in 0..<count {
        group.enter()
        Thread.detachNewThread {
            body(number)
            group.leave()
        }
    }
    group.wait()
}
