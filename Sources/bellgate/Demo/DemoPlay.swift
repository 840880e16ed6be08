import DNSServer
import DNSWire
import Glibc
import PolicyEngine
import PolicyFile

/// Plays the day: sets the clock, lets the devices ask, prints what their answers say, and compares
/// it with what the policy says.
struct DemoPlay {
    private let policy: LoadedPolicy
    private let devices: [String: DemoDevice]
    private let page: DemoPage
    private let hasRemarks: Bool
    /// How many questions were asked.
    private(set) var askedCount = 0
    /// What was not as the policy says.
    private(set) var surprises: [String] = []
    /// Whether a whole notice was shown already.
    private var hasShownNotice = false
    /// The reason in the row above.
    private var reasonAbove = ""

    /// - Parameter hasRemarks: whether the script's remarks are about this policy.
    init?(policy: LoadedPolicy, serverPort: UInt16, page: DemoPage, hasRemarks: Bool) {
        self.policy = policy
        self.page = page
        self.hasRemarks = hasRemarks
        var devices: [String: DemoDevice] = [:]
        for role in DemoRole.all {
            guard let device = DemoDevice(role, serverPort: serverPort) else { return nil }
            devices[role.name] = device
        }
        self.devices = devices
    }

    /// Sets the server's clock to an instant of the college's own clock, plus some milliseconds.
    static func setClock(_ at: String, _ zone: ZoneRules, plusMilliseconds: Int64 = 0) {
        guard let time = CivilTime(parsing: at) else { return }
        WallClock.set(
            toMicros: zone.instant(of: time).seconds * 1_000_000 + plusMilliseconds * 1000)
    }

    /// Plays one scene.
    mutating func play(_ scene: DemoScene) {
        let zone = policy.policy.zone
        Self.setClock(scene.at, zone, plusMilliseconds: scene.crossesBell ? 500 : 0)
        let time = zone.civilTime(at: now)
        page.head("\(Self.day(time.date)), \(clock(now))  [\(bell(at: now))]")
        if hasRemarks { page.say(scene.remark, indentedBy: 3) }
        page.put("")
        reasonAbove = ""
        guard scene.crossesBell else { return ask(scene.questions) }
        page.put("   \(clock(now))")
        ask(scene.questions)
        sleep(untilMillisecond: 500)
        page.put("   \(clock(now))")
        ask(scene.questions)
        let before = bell(at: now)
        sleep(untilMillisecond: 2)
        page.ring("\(clock(now)), a bell rings: \(before) -> \(bell(at: now))")
        ask(scene.questions)
    }

    private func bell(at instant: Instant) -> String { Self.bell(at: instant, policy) }

    /// The innermost period that is on: break, rather than the college hours around it.
    static func bell(at instant: Instant, _ policy: LoadedPolicy) -> String {
        policy.program.activePeriods(at: instant).last ?? "out of hours"
    }

    // MARK: - Asking

    private mutating func ask(_ questions: [DemoScene.Question]) {
        for question in questions {
            guard let device = devices[question.who.name],
                let name = domainName(typed: question.name)
            else { continue }
            let asked = now
            let answer = device.ask(name)
            askedCount += 1
            let expected = [asked, now].map {
                policy.decide(name, for: .client(device.address), at: $0)
            }
            tell(question, answer, expected[0])
            if let surprise = Self.surprise(answer, expected) {
                surprises.append("\(clock(asked)) \(device.name) \(name): \(surprise)")
                page.say("NOT AS THE POLICY SAYS: \(surprise)", indentedBy: 6)
            }
        }
    }

    /// What is wrong with an answer, if anything; between two verdicts either may be given.
    private static func surprise(_ answer: DemoAnswer?, _ expected: [Decision]) -> String? {
        guard let answer else { return "no answer came" }
        let fitting = expected.filter {
            $0.verdict == .block
                ? answer.isBlocked && answer.notice.hasPrefix($0.reason)
                : answer.isAllowed && answer.alias == $0.target
        }
        guard !fitting.isEmpty else {
            return "the policy says \(expected[0].verdict) by \(expected[0].rule ?? "nobody"), "
                + "the answer is \(answer.rcode) \(answer.notice)"
        }
        guard let ttl = answer.ttlSeconds else { return "the answer has no TTL" }
        if fitting.contains(where: { Int64(ttl) <= $0.ttlLimitSeconds ?? .max }) { return nil }
        return "the answer lives \(ttl) s, which is past the next bell"
    }

    // MARK: - Telling

    private mutating func tell(
        _ question: DemoScene.Question, _ answer: DemoAnswer?, _ expected: Decision
    ) {
        let kept = answer?.ttlSeconds.map { "for \($0) s" } ?? ""
        let why =
            switch answer {
            case let answer? where answer.isBlocked: reason(answer.notice)
            case let answer? where answer.isAllowed: address(answer, expected)
            case let answer?: "\(answer.rcode)"
            case nil: "no answer"
            }
        let isAllowed = answer?.isAllowed == true
        page.row(
            who: question.who.name, name: question.name,
            verdict: isAllowed
                ? answer?.alias == nil ? "allowed" : "safe"
                : answer?.isBlocked == true ? "BLOCKED" : "FAILED",
            mark: isAllowed ? .allowed : .blocked, time: kept, why: why)
    }

    /// The whole text once; then the reason alone, and not twice below each other.
    private mutating func reason(_ notice: String) -> String {
        defer {
            hasShownNotice = true
            reasonAbove = notice
        }
        guard hasShownNotice else { return notice }
        guard notice != reasonAbove else { return "the same" }
        return notice.firstIndex(of: "[").map { String(notice[..<$0]) } ?? notice
    }

    /// The address, and what cut its time short, if anything did.
    private func address(_ answer: DemoAnswer, _ expected: Decision) -> String {
        var address = answer.address?.description ?? ""
        if let alias = answer.alias { address = "\(alias), \(address)" }
        guard let end = expected.changesAt, let limit = expected.ttlLimitSeconds,
            let ttl = answer.ttlSeconds, limit - Int64(ttl) <= 1
        else { return address }
        return "\(address), cut at the bell of \(clock(end))"
    }

    // MARK: - The clock

    private var now: Instant {
        Instant(seconds: WallClock.nowMicros / 1_000_000)
    }

    private func clock(_ instant: Instant) -> String {
        String(policy.policy.zone.civilTime(at: instant).description.suffix(8))
    }

    /// Waits until the clock is so many milliseconds past a full second.
    private func sleep(untilMillisecond wanted: Int64) {
        let millisecond = WallClock.nowMicros / 1000 % 1000
        let wait = millisecond < wanted ? wanted - millisecond : 1000 - millisecond + wanted
        usleep(useconds_t(wait) * 1000)
    }

    private static func day(_ date: CivilDate) -> String {
        let days = [
            "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
        ]
        let months = [
            "January", "February", "March", "April", "May", "June", "July", "August", "September",
            "October", "November", "December",
        ]
        guard days.indices.contains(date.weekday), months.indices.contains(date.month - 1)
        else { return "\(date)" }
        return "\(days[date.weekday]) \(date.day) \(months[date.month - 1]) \(date.year)"
    }
}
