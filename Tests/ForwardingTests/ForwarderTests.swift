import DNSWire
import Testing

@testable import Forwarding

@Suite struct ForwarderTests {
    private let first: FakeServer
    private let second: FakeServer
    private let bench: ForwarderBench

    init() throws {
        first = try FakeServer()
        second = try FakeServer()
        bench = try ForwarderBench([first, second])
    }

    @Test func asksTheFirstAndAnswersAll() throws {
        let id = try bench.ask("www.example.com")
        let question = try #require(first.receive())
        first.answer(question)
        bench.pump()
        #expect(bench.host.finished.map(\.ids) == [[id]])
        #expect(bench.host.finished.first?.rcode == .noError)
        #expect(second.receive(withinMilliseconds: 0) == nil)
        #expect(bench.upstreams.map(\.answers) == [1, 0])
        #expect(bench.cache.entryCount == 1 && bench.cache.inFlightCount == 0)
    }

    /// Questions that come together leave by one port with IDs of their own, and each gets its own
    /// answer; the next ones leave by another port.
    @Test func questionsOfOneBatch() throws {
        let count = 3 * Int(AskBatch.slots) / 2
        let ids = try (0..<count).map {
            try bench.ask("name\($0).example.com", flushes: false)
        }
        bench.forwarder.flush(nowMilliseconds: bench.now)
        var questions: [FakeServer.Question] = []
        for _ in 0..<count { questions.append(try #require(first.receive())) }
        #expect(first.receive(withinMilliseconds: 0) == nil)
        let ports = questions.map(\.port)
        #expect(Set(ports.prefix(Int(AskBatch.slots))).count == 1)
        #expect(Set(ports).count == 2)
        #expect(Set(questions.map { $0.message.prefix(2) }).count > count - 4)
        for question in questions.reversed() { first.answer(question) }
        bench.pump()
        #expect(Set(bench.host.finished.flatMap(\.ids)) == Set(ids))
        #expect(bench.host.finished.allSatisfy { $0.rcode == .noError })
        #expect(bench.cache.entryCount == count && bench.cache.inFlightCount == 0)
        #expect(bench.forwarder.nextDeadline() == nil)
    }

    /// An answer longer than there is room for is asked for again by TCP, as one that was cut.
    @Test func tooLongForADatagram() throws {
        try bench.ask("www.example.com")
        let question = try #require(first.receive())
        first.answer(question) { $0 += [UInt8](repeating: 0, count: 5000) }
        bench.pump()
        // Nobody listens by TCP, so the second one is asked.
        second.answer(try #require(second.receive()))
        bench.pump()
        #expect(bench.host.finished.map(\.rcode) == [.noError])
    }

    /// One question after another through the same parts: none meets what another one left.
    @Test func partsAreUsedAgain() throws {
        for round in 0..<200 {
            let id = try bench.ask("name\(round).example.com")
            let question = try #require(first.receive())
            if round % 3 == 0 { first.answer(question, rcode: 2) } else { first.answer(question) }
            bench.pump()
            if round % 3 == 0 {
                let again = try #require(second.receive())
                // The first one's answer comes late, when the question has been answered.
                second.answer(again)
                bench.pump()
                first.answer(question)
            }
            bench.pump()
            #expect(bench.host.finished.last?.ids == [id])
            #expect(bench.host.finished.count == round + 1)
            bench.pass(milliseconds: 10)
        }
        #expect(bench.host.spares.count == 1)
    }

    /// What is not the answer to just this question changes nothing.
    @Test func forgeries() throws {
        try bench.ask("www.example.com")
        let question = try #require(first.receive())
        first.answer(question) { $0[0] ^= 1 }
        first.answer(question) { $0[13] = 0x78 }
        first.send([], to: question)
        first.send(Array(question.message.prefix(5)), to: question)
        second.answer(question)
        bench.pump()
        #expect(bench.host.finished.isEmpty)
        #expect(bench.cache.entryCount == 0)
        first.answer(question)
        bench.pump()
        #expect(bench.host.finished.count == 1)
        #expect(bench.host.finished.first?.rcode == .noError)
    }

    /// Within 0.7 s the next one is asked; whichever answers first is taken, also the late one.
    @Test(arguments: [false, true]) func silence(_ firstAnswersLate: Bool) throws {
        try bench.ask("www.example.com")
        let late = try #require(first.receive())
        bench.pass(milliseconds: ForwardingLimits.attemptMilliseconds[0] - 1)
        #expect(second.receive(withinMilliseconds: 20) == nil)
        bench.pass(milliseconds: 1)
        let question = try #require(second.receive())
        #expect(question.message.prefix(2) != late.message.prefix(2), "an ID of its own")
        if firstAnswersLate { first.answer(late) } else { second.answer(question) }
        bench.pump()
        #expect(bench.host.finished.count == 1)
        #expect(bench.upstreams.map(\.answers) == (firstAnswersLate ? [1, 0] : [0, 1]))
    }

    /// When nobody answers the client is told within four seconds, and why.
    @Test func nobodyAnswers() throws {
        try bench.ask("www.example.com")
        for patience in ForwardingLimits.attemptMilliseconds { bench.pass(milliseconds: patience) }
        #expect(bench.host.finished.count == 1)
        #expect(bench.host.finished.first?.rcode == .servFail)
        #expect(bench.host.finished.first?.error == .noReachableAuthority)
        #expect(ForwardingLimits.attemptMilliseconds.reduce(0, +) < 4000)
        #expect(bench.forwarder.nextDeadline() == nil)
        // The failure is known for a while (RFC 9520), then it is asked again.
        #expect(bench.cache.entryCount == 1)
        #expect(bench.upstreams.map(\.isUp) == [false, false])
    }

    /// However many are silent, every upstream is asked within two seconds.
    @Test(arguments: [2, 3, 4, 5, 8]) func manyAreSilent(_ count: Int) throws {
        let servers = try (0..<count).map { _ in try FakeServer() }
        let bench = try ForwarderBench(servers)
        try bench.ask("www.example.com")
        let start = bench.now
        while bench.now - start < 1990 { bench.pass(milliseconds: 10) }
        servers[count - 1].answer(try #require(servers[count - 1].receive()))
        bench.pump()
        #expect(bench.host.finished.map(\.rcode) == [.noError])
    }

    /// Where nobody is, nobody is waited for, also while an earlier upstream is still silent.
    @Test func silenceAndThenNobody() throws {
        let nobody = try FakeServer().endpoint
        let bench = try ForwarderBench(endpoints: [first.endpoint, nobody, second.endpoint])
        try bench.ask("www.example.com")
        let late = try #require(first.receive())
        bench.pass(milliseconds: ForwardingLimits.attemptMilliseconds[0])
        bench.pump()
        #expect(second.receive() != nil)
        first.answer(late)
        bench.pump()
        #expect(bench.host.finished.map(\.rcode) == [.noError])
    }

    /// An upstream that cuts every answer and says nothing by TCP is not asked for ever.
    @Test func cutAndThenSilent() throws {
        try first.listen()
        let bench = try ForwarderBench([first])
        try bench.ask("www.example.com")
        let start = bench.now
        while bench.host.finished.isEmpty, bench.now - start < 10_000 {
            if let question = first.receive(withinMilliseconds: 0) {
                first.answer(question) { $0[2] |= 2 }
            }
            bench.pump()
            bench.pass(milliseconds: 100)
        }
        #expect(bench.host.finished.map(\.error) == [.noReachableAuthority])
        #expect(bench.now - start < 5000)
    }

    @Test func refusedByOneAnsweredByTheOther() throws {
        try bench.ask("www.example.com")
        first.answer(try #require(first.receive()), rcode: 5)
        bench.pump()
        second.answer(try #require(second.receive()))
        bench.pump()
        #expect(bench.host.finished.map(\.rcode) == [.noError])
        #expect(bench.upstreams.map(\.isUp) == [true, true])
    }

    @Test func refusedByAll() throws {
        try bench.ask("www.example.com")
        first.answer(try #require(first.receive()), rcode: 5)
        bench.pump()
        second.answer(try #require(second.receive()), rcode: 2)
        bench.pump()
        #expect(bench.host.finished.map(\.rcode) == [.servFail])
    }

    /// Asks and lets the first upstream be silent until it counts as down.
    private func takeFirstDown() throws {
        for number in 0..<ForwardingLimits.failuresUntilDown {
            try bench.ask("down\(number).example.com")
            _ = try #require(first.receive())
            bench.pass(milliseconds: ForwardingLimits.attemptMilliseconds[0])
            second.answer(try #require(second.receive()))
            bench.pump()
        }
        #expect(bench.upstreams.map(\.isUp) == [false, true])
    }

    @Test func aDownUpstreamIsSpared() throws {
        try takeFirstDown()
        try bench.ask("www.example.com")
        #expect(first.receive(withinMilliseconds: 20) == nil)
        second.answer(try #require(second.receive()))
        bench.pump()
        #expect(bench.host.finished.count == ForwardingLimits.failuresUntilDown + 1)
    }

    /// Its answer to a trial shows that it is back, also if the other one was quicker.
    @Test(arguments: [false, true]) func aDownUpstreamComesBack(_ isQuicker: Bool) throws {
        try takeFirstDown()
        bench.pass(milliseconds: ForwardingLimits.downMilliseconds.first)
        try bench.ask("www.example.com")
        let trial = try #require(first.receive(), "it is tried along with the other")
        let question = try #require(second.receive())
        if isQuicker {
            first.answer(trial)
            bench.pump()
            second.answer(question)
        } else {
            second.answer(question)
            bench.pump()
            #expect(bench.host.finished.count == ForwardingLimits.failuresUntilDown + 1)
            #expect(bench.upstreams.map(\.isUp) == [false, true])
            first.answer(trial)
        }
        bench.pump()
        #expect(bench.upstreams.map(\.isUp) == [true, true])
        // From now on it is the preferred one again.
        try bench.ask("other.example.com")
        #expect(first.receive() != nil)
        #expect(second.receive(withinMilliseconds: 20) == nil)
    }

    /// A late datagram that is no answer to the trial is no sign of life.
    @Test func aForgedSignOfLife() throws {
        try takeFirstDown()
        bench.pass(milliseconds: ForwardingLimits.downMilliseconds.first)
        try bench.ask("www.example.com")
        let trial = try #require(first.receive())
        second.answer(try #require(second.receive()))
        bench.pump()
        first.answer(trial) { $0[1] ^= 1 }
        first.answer(trial) { $0[13] = 0x78 }
        first.send(Array(trial.message.prefix(12)), to: trial)
        first.send(trial.message, to: trial)
        bench.pump()
        #expect(bench.upstreams.map(\.isUp) == [false, true])
    }
}
