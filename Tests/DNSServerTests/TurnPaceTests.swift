import Testing

@testable import DNSServer

@Suite struct TurnPaceTests {
    /// Plays a worker whose clients send at a steady rate, and never wait for an answer.
    ///
    /// - Returns: the pauses of so many turns, and what each turn took.
    private func play(
        perSecond rate: Int64, turns: Int, inFlight: Int64 = .max
    ) -> (pauses: [UInt32], taken: [Int]) {
        var pace = TurnPace()
        var now: Int64 = 1_000_000
        var arrived: Int64 = 0
        let start = now
        var pauses: [UInt32] = []
        var taken: [Int] = []
        for _ in 0..<turns {
            var waiting = (now - start) * rate / 1_000_000 - arrived
            while waiting < 1 {
                now += 1
                waiting = (now - start) * rate / 1_000_000 - arrived
            }
            let count = min(waiting, inFlight, Int64(ServerLimits.datagramsPerBatch))
            // What waits for an answer does not come at all.
            arrived += inFlight == .max ? count : waiting
            let began = now
            now += 2 + count
            let pause = pace.pauseMicros(taken: Int(count), beganAtMicros: began)
            now += Int64(pause)
            pauses.append(pause)
            taken.append(Int(count))
        }
        return (pauses, taken)
    }

    /// A college's busiest second is far below the rate at which a pause brings a batch.
    @Test(arguments: [1, 100, 5_000, 20_000, 50_000])
    func nothingWaitsWhileLittleGoesOn(_ rate: Int64) {
        #expect(play(perSecond: rate, turns: 5000).pauses.allSatisfy { $0 == 0 })
    }

    @Test(arguments: [120_000, 200_000, 400_000]) func queriesGatherUnderLoad(_ rate: Int64) {
        let (pauses, taken) = play(perSecond: rate, turns: 5000)
        let steady = taken.dropFirst(100)
        #expect(
            steady.reduce(0, +) / steady.count >= ServerLimits.datagramsWorthAPause)
        #expect(pauses.allSatisfy { $0 <= ServerLimits.longestPauseMicros })
        #expect(pauses.contains { $0 > 0 })
    }

    /// A full batch means that more is waiting.
    @Test func noPauseAfterAFullBatch() {
        var pace = TurnPace()
        let full = Int(ServerLimits.datagramsPerBatch)
        for turn in 1...100 {
            #expect(
                pace.pauseMicros(taken: full, beganAtMicros: Int64(turn) * 100) == 0)
        }
    }

    /// Few clients, each waiting for its answer: pausing brings nothing, and is given up at once.
    @Test func fewInFlightAreNotHeldUp() {
        let (pauses, _) = play(perSecond: 1_000_000, turns: 10_000, inFlight: 4)
        #expect(pauses.filter { $0 > 0 }.count <= 10_000 / ServerLimits.turnsWithoutPause + 1)
    }

    /// The clock's own jumps are no reason to wait.
    @Test func theClockMayStandStillOrGoBack() {
        var pace = TurnPace()
        for micros: Int64 in [5, 5, 5, 0, .max / 2, 7] {
            let pause = pace.pauseMicros(taken: 1, beganAtMicros: micros)
            #expect(pause <= ServerLimits.longestPauseMicros)
        }
        #expect(pace.pauseMicros(taken: 0, beganAtMicros: 9) <= ServerLimits.longestPauseMicros)
    }
}
