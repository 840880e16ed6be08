/// One of the devices that the day is played with.
struct DemoRole {
    let name: String
    let address: String
    let whose: String

    static let laptop = DemoRole(
        name: "laptop", address: "127.0.20.5", whose: "a learner's computer")
    static let phone = DemoRole(
        name: "phone", address: "127.0.21.7", whose: "a learner's phone on the phones' own Wi-Fi")
    static let teacher = DemoRole(
        name: "teacher", address: "127.0.30.4", whose: "a teacher's computer")
    static let visitor = DemoRole(
        name: "visitor", address: "127.0.40.9", whose: "a visitor's computer on the guests' Wi-Fi")

    static let all = [laptop, phone, teacher, visitor]
}

/// One moment of the day, and what is asked in it.
struct DemoScene {
    /// What is asked, by whom.
    typealias Question = (who: DemoRole, name: String)

    /// When it begins, by the college's clock: "2026-11-23 09:30:00".
    let at: String
    /// What it shows, in the words of the sample policy.
    let remark: String
    let questions: [Question]
    /// Whether the questions are asked each second while the clock runs on across a bell, which
    /// rings two seconds after the beginning.
    var crossesBell = false

    init(
        _ at: String, _ remark: String, crossesBell: Bool = false, _ questions: [Question]
    ) {
        self.at = at
        self.remark = remark
        self.questions = questions
        self.crossesBell = crossesBell
    }
}

/// A Monday in term at the sample college, and a day on which it is closed.
///
/// The questions are the script; every verdict comes out of the server's answers.
enum DemoDay {
    static let scenes = [
        DemoScene(
            "2026-11-23 08:30:00", "Before college. No bell has rung: everybody's own time.",
            [
                (.teacher, "www.instagram.com"),
                (.phone, "www.bbc.co.uk"),
                (.visitor, "malware.example.net"),
            ]),
        DemoScene(
            "2026-11-23 08:44:40",
            "Twenty seconds before college begins. What is allowed now may be kept for 20 s, no "
                + "longer: no answer outlives its permission.",
            [
                (.teacher, "www.instagram.com"),
                (.phone, "www.bbc.co.uk"),
                (.laptop, "www.bbc.co.uk"),
            ]),
        DemoScene(
            "2026-11-23 09:30:00",
            "A lesson. Social media is closed to staff and visitors, and open to learners' "
                + "computers; phones are put away. That is this college's policy, section by "
                + "section.",
            [
                (.teacher, "www.instagram.com"),
                (.visitor, "www.instagram.com"),
                (.laptop, "www.instagram.com"),
                (.phone, "www.instagram.com"),
                (.phone, "www.bbc.co.uk"),
            ]),
        DemoScene(
            "2026-11-23 09:40:00",
            "The same lesson. Help is never blocked, teaching is carved out, ways round the "
                + "filter are closed to learners, and searches are made safe.",
            [
                (.phone, "www.childline.org.uk"),
                (.phone, "share2.dexcom.com"),
                (.teacher, "en.wikipedia.org"),
                (.teacher, "www.linkedin.com"),
                (.laptop, "nordvpn.com"),
                (.laptop, "www.google.co.uk"),
            ]),
        DemoScene(
            "2026-11-23 10:29:58",
            "The bell for break. The clock runs on by itself now, and nobody touches the server. "
                + "Blocks end at the bell too: kept for 1 s, then not at all.",
            crossesBell: true,
            [(.teacher, "www.instagram.com"), (.phone, "www.tiktok.com")]),
        DemoScene(
            "2026-11-23 10:44:30", "Break, half a minute before it ends.",
            [
                (.teacher, "www.instagram.com"),
                (.phone, "www.tiktok.com"),
                (.laptop, "www.tiktok.com"),
            ]),
        DemoScene(
            "2026-11-23 11:15:00", "The next lesson. The gate is as it was before break.",
            [
                (.teacher, "www.instagram.com"),
                (.phone, "www.tiktok.com"),
                (.laptop, "www.tiktok.com"),
                (.laptop, "tinder.com"),
            ]),
        DemoScene(
            "2026-11-23 12:30:00", "Lunch. Open again, but for what is closed at every hour.",
            [
                (.teacher, "www.facebook.com"),
                (.phone, "www.snapchat.com"),
                (.laptop, "ome.tv"),
                (.phone, "films.adult.example"),
            ]),
        DemoScene(
            "2026-11-23 14:00:00", "Afternoon lessons. Work goes on.",
            [
                (.teacher, "outlook.office.com"),
                (.teacher, "www.facebook.com"),
                (.laptop, "stackoverflow.com"),
                (.phone, "www.snapchat.com"),
            ]),
        DemoScene(
            "2026-11-23 19:30:00", "Evening.",
            [
                (.teacher, "www.facebook.com"),
                (.phone, "www.instagram.com"),
                (.laptop, "nordvpn.com"),
                (.teacher, "adult.example"),
            ]),
        DemoScene(
            "2026-11-27 10:00:00",
            "Friday, a staff development day: the calendar says closed, so no bell rings and the "
                + "hour of a lesson is none.",
            [
                (.teacher, "www.instagram.com"),
                (.phone, "www.tiktok.com"),
                (.visitor, "malware.example.net"),
            ]),
    ]

    /// What is explained at the end.
    static let explained: [(at: String, who: DemoRole, name: String)] = [
        ("2026-11-23 09:30:00", .phone, "www.bbc.co.uk"),
        ("2026-11-23 10:44:30", .teacher, "www.instagram.com"),
    ]
}
