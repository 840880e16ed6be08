import DecisionLog
import Dice
import PolicyEngine
import Testing

@testable import LimitsOfUse

/// The meter against a slow one that goes through every minute of the day by the words of the policy.
@Suite struct OracleTests {
    private struct Asked {
        var micros: Int64
        var device: String?
        var isCore: Bool
        var isBlocked: Bool
    }

    @Test(arguments: 0..<12) func aSlowMeterAgrees(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let college = try College()
        let midnight = College.at("2026-11-23 00:00")
        var asked: [Asked] = []
        let bases = [0, 520, 720, 965, 1430]
        let devices = ["library-pc-1", "own-laptop", nil]
        for _ in 0..<Int.random(in: 1...400, using: &generator) {
            // Around the ends of college hours and of the day, where mistakes are.
            let base = bases.randomElement(using: &generator) ?? 0
            let second = base * 60 + Int.random(in: -600...1200, using: &generator)
            asked.append(
                Asked(
                    micros: midnight + Int64(second) * 1_000_000,
                    device: devices.randomElement(using: &generator) ?? nil,
                    isCore: Bool.random(using: &generator),
                    isBlocked: Int.random(in: 0..<4, using: &generator) == 0))
        }
        for one in asked {
            college.ask(
                one.isCore ? "faces.example.com" : "connect.faces.example.com", micros: one.micros,
                client: "10.20.0.1", group: "learner", device: one.device,
                category: "social-media/social-networking", rule: nil,
                verdict: one.isBlocked ? .block : .allow)
        }
        let use = try college.use()
        for device in devices {
            let expected = slowMinutes(
                asked.filter { $0.device == device }, from: midnight,
                isCollege: device == "library-pc-1")
            let found = use.first {
                switch $0.device {
                case .device(let name): name == device
                case .address: device == nil
                }
            }
            #expect(found?.minutes ?? 0 == expected, "\(device ?? "an address"), seed \(seed)")
        }
    }

    private func slowMinutes(_ asked: [Asked], from midnight: Int64, isCollege: Bool) -> Int {
        func counts(_ minute: Int) -> Bool {
            (0..<1440).contains(minute)
                && (isCollege || (8 * 60 + 45..<16 * 60 + 15).contains(minute))
        }
        func isSeen(_ minute: Int) -> Bool {
            counts(minute)
                && asked.contains {
                    $0.isCore && !$0.isBlocked && $0.micros >= midnight
                        && Int(($0.micros - midnight) / 60_000_000) == minute
                }
        }
        let seen = (0..<1440).map(isSeen)
        return (0..<1440).count { minute in
            if seen[minute] { return true }
            guard counts(minute),
                let before = (0..<minute).last(where: { seen[$0] }),
                let after = (minute..<1440).first(where: { seen[$0] })
            else { return false }
            return after - before <= 5 && (before...after).allSatisfy(counts)
        }
    }
}
