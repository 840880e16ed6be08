import Dice
import Testing

@testable import DNSServer

@Suite struct TurnPaceTests {
    /// A worker, and whoever asks it: one that sends a query each so many nanoseconds, but has no
    /// more of them in flight than it may. Time is counted in nanoseconds.
    private struct Play {
        var inFlightMax = Int.max
        var queryNanos: Int64
        /// Where the moods of the client's machine come from; nil if it has none.
        var moods: SeededGenerator?
        var pauses: [UInt32] = []
        var taken: [Int] = []
        var now: Int64 = 1_000_000_000
        private var nextQuery: Int64 = 1_000_000_000
        private var waiting = 0
        private var turnPace = TurnPace()
        var answered: Int { taken.reduce(0, +) }
        /// The part that was taken by turns of 64 and more.
        var gathered: Double {
            Double(taken.filter { $0 >= 64 }.reduce(0, +)) / Double(max(1, answered))
        }

        init(queryNanos: Int64, inFlightMax: Int = .max, seed: UInt64? = nil) {
            self.queryNanos = queryNanos
            self.inFlightMax = inFlightMax
            moods = seed.map { SeededGenerator(seed: $0) }
        }

        /// Nanoseconds to the next query. A client in a mood takes up to half more or less for each,
        /// and one time in four thousand, each 20 ms or so, its machine has something else to do.
        private mutating func untilNext() -> Int64 {
            guard var generator = moods else { return queryNanos }
            defer { moods = generator }
            if Int.random(in: 0..<4000, using: &generator) == 0 {
                return Int64.random(in: 0...1_000_000, using: &generator)
            }
            return Int64.random(in: queryNanos / 2...queryNanos * 3 / 2, using: &generator)
        }

        /// What was sent until now; all that is in flight waits for the worker.
        private mutating func send() {
            while nextQuery <= now, waiting < inFlightMax {
                waiting += 1
                nextQuery += untilNext()
            }
        }

        /// - Parameter isPaced: whether the worker pauses as it is told.
        mutating func turn(isPaced: Bool = true) {
            send()
            if waiting == 0 {
                now = max(now, nextQuery)
                send()
            }
            let count = min(waiting, Int(ServerLimits.datagramsPerBatch))
            let began = now
            // What a turn costs, and each query in it.
            now += 3_000 + Int64(count) * 2_000
            send()
            if waiting == inFlightMax { nextQuery = max(nextQuery, now) }
            waiting -= count
            let ended = now
            let pause = turnPace.pauseMicros(taken: count, beganAtMicros: began / 1000) {
                ended / 1000
            }
            if isPaced { now += Int64(pause) * 1000 }
            pauses.append(pause)
            taken.append(count)
        }

        /// Plays for some seconds.
        mutating func play(seconds: Int64, isPaced: Bool = true) {
            let end = now + seconds * 1_000_000_000
            while now < end { turn(isPaced: isPaced) }
        }
    }

    /// A college's busiest second is far below the rate at which a pause brings a batch.
    @Test(arguments: [1, 100, 5_000, 20_000, 50_000])
    func nothingWaitsWhileLittleGoesOn(_ perSecond: Int64) {
        var play = Play(queryNanos: 1_000_000_000 / perSecond)
        play.play(seconds: 1)
        #expect(play.pauses.allSatisfy { $0 == 0 })
    }

    @Test(arguments: [120_000, 200_000, 300_000]) func queriesGatherUnderLoad(_ perSecond: Int64) {
        var play = Play(queryNanos: 1_000_000_000 / perSecond)
        play.play(seconds: 1)
        #expect(play.gathered >= 0.9)
        #expect(play.pauses.allSatisfy { $0 <= ServerLimits.longestTurnMicros })
    }

    /// Soon over: a burst that is followed by little has nobody wait afterwards.
    @Test func aBurstIsForgotten() {
        var play = Play(queryNanos: 5_000)
        play.play(seconds: 1)
        #expect(play.pauses.suffix(100).contains { $0 > 0 })
        play.queryNanos = 50_000
        play.play(seconds: 1)
        #expect(play.pauses.suffix(10_000).allSatisfy { $0 == 0 })
    }

    /// A full batch means that more is waiting.
    @Test func noPauseAfterAFullBatch() {
        var play = Play(queryNanos: 1_000)
        play.play(seconds: 1)
        for (pause, taken) in zip(play.pauses, play.taken)
        where taken == ServerLimits.datagramsPerBatch {
            #expect(pause == 0)
        }
    }

    /// Clients that wait for their answers before they ask again do not wait for each other: all but
    /// as much is answered as without a pause, however many they are.
    @Test(arguments: [1, 4, 10, 20, 33, 50, 70, 100, 150, 200, 1000])
    func pausesCostNoAnswers(_ inFlight: Int) {
        var free = Play(queryNanos: 4_500, inFlightMax: inFlight)
        free.play(seconds: 2, isPaced: false)
        var paced = Play(queryNanos: 4_500, inFlightMax: inFlight)
        paced.play(seconds: 2)
        #expect(Double(paced.answered) >= 0.97 * Double(free.answered))
    }

    /// Where they are many, they are gathered all the same.
    @Test func manyInFlightGather() {
        var play = Play(queryNanos: 4_500, inFlightMax: 200)
        play.play(seconds: 1)
        #expect(play.gathered >= 0.9)
    }

    /// Clients whose machine is busy otherwise now and then are gathered all the same.
    @Test(arguments: 1...4) func moodsDoNotShortenPauses(_ seed: UInt64) {
        var play = Play(queryNanos: 4_500, inFlightMax: 200, seed: seed)
        play.play(seconds: 3)
        #expect(play.gathered >= 0.8)
    }

    /// And those that would wait for each other are found out in spite of it.
    @Test(arguments: [4, 20, 50, 100, 200], 1...2)
    func moodsHideNoLoss(_ inFlight: Int, _ seed: UInt64) {
        var free = Play(queryNanos: 4_500, inFlightMax: inFlight, seed: seed)
        free.play(seconds: 2, isPaced: false)
        var paced = Play(queryNanos: 4_500, inFlightMax: inFlight, seed: seed)
        paced.play(seconds: 2)
        #expect(Double(paced.answered) >= 0.95 * Double(free.answered))
    }

    /// The clock's own jumps are no reason to wait.
    @Test func theClockMayStandStillOrGoBack() {
        var pace = TurnPace()
        for micros: Int64 in [5, 5, 5, 0, .max / 2, 7, .min / 2, .max - 1] {
            let pause = pace.pauseMicros(taken: 100, beganAtMicros: micros) { micros &+ 1 }
            #expect(pause <= ServerLimits.longestTurnMicros)
        }
        #expect(
            pace.pauseMicros(taken: 0, beganAtMicros: 9) { 0 } <= ServerLimits.longestTurnMicros)
    }
}
