import PolicyEngine
import Testing

@testable import PolicyFile

private let start = """
    periods: { college-hours: { mon-fri: 08:45-16:15 }, evening: { mon-fri: 18:00-22:00 } }
    groups:
      learner: { networks: [10.20.0.0/16] }
      staff: { networks: [10.30.0.0/16] }
    categories: { social: [social.example.net], games: [games.example.net] }

    """

@Test(arguments: [
    Mistake(
        "unknown group",
        "\(start)limits-of-use: [{ for: [‸lerner], category: social, minutes-a-day: 60 }]\n",
        "there is no group \"lerner\"", "did you mean \"learner\"?"),
    Mistake(
        "unknown category",
        "\(start)limits-of-use: [{ category: ‸socal, minutes-a-day: 60 }]\n",
        "\"socal\" is no category, no list and no domain name", "did you mean \"social\"?"),
    Mistake(
        "a name", "\(start)limits-of-use: [{ category: ‸social.example.net, minutes-a-day: 60 }]\n",
        "is a name, and a limit of use counts a category"),
    Mistake(
        "everything", "\(start)limits-of-use: [{ category: ‸everything, minutes-a-day: 60 }]\n",
        "\"everything\" is no part of a limit of use"),
    Mistake(
        "no category", "\(start)limits-of-use: [‸{ minutes-a-day: 60 }]\n",
        "the limit of use has no \"category\""),
    Mistake(
        "no minutes", "\(start)limits-of-use: [‸{ category: social }]\n",
        "the limit of use has no \"minutes-a-day\""),
    Mistake(
        "no minute at all",
        "\(start)limits-of-use: [{ category: social, minutes-a-day: ‸0 }]\n",
        "\"0\" is no number of minutes of a day", "1 to 1440"),
    Mistake(
        "more than a day",
        "\(start)limits-of-use: [{ category: social, minutes-a-day: ‸1441 }]\n",
        "\"1441\" is no number of minutes of a day"),
    Mistake(
        "unknown period",
        "\(start)limits-of-use: [{ category: social, minutes-a-day: 9, count: ‸evning }]\n",
        "there is no period \"evning\"", "did you mean \"evening\"?"),
    Mistake(
        "nearly always",
        "\(start)limits-of-use: [{ category: social, minutes-a-day: 9, count: ‸alway }]\n",
        "there is no period \"alway\"", "did you mean \"always\"?"),
    Mistake(
        "concern",
        "\(start)limits-of-use: [{ category: social, minutes-a-day: 9, concern: ‸hgh }]\n",
        "is no value of \"concern\"", "did you mean \"high\"?"),
    Mistake(
        "the same twice",
        "\(start)limits-of-use:\n  - { for: [learner], category: social, minutes-a-day: 9 }\n"
            + "  - { for: [staff, ‸learner], category: social, minutes-a-day: 8 }\n",
        "the use of \"social\" by group \"learner\" is limited already, on line 11",
        "keep one"),
    Mistake(
        "every group twice",
        "\(start)limits-of-use:\n  - { category: social, minutes-a-day: 9 }\n"
            + "  - ‸{ category: social, minutes-a-day: 8 }\n",
        "the use of \"social\" by every group is limited already"),
])
func findsMistakesOfLimits(_ mistake: Mistake) throws { try findsMistake(mistake) }

@Test func limitsCountInCollegeHoursUnlessTheySaySo() throws {
    let load = try TemporaryFolder().load(
        header + start + """
            calendar: { terms: [2026-09-01 to 2026-12-18] }
            limits-of-use:
              - { category: social, minutes-a-day: 60 }
              - { for: [learner], category: games, minutes-a-day: 30, count: always, concern: medium }
            """)
    #expect(load.diagnostics.map(\.description) == [])
    let loaded = try #require(load.loaded)
    #expect(loaded.policy.useLimits.map(\.counted) == [.during(0), .always])
    #expect(loaded.policy.useLimits.map(\.concern) == [.low, .medium])
    #expect(loaded.policy.useLimits[0].groups == nil)
    #expect(loaded.policy.recordedPaths(of: loaded.policy.useLimits[1]) == ["games"])
}
