import PolicyEngine
import PolicyFile

extension NoticeWriter {
    /// What is counted of the audience's use, a sentence for each limit; none where nothing is.
    var countedUse: [String] {
        let policy = loaded.policy
        let places = Set(groups.flatMap { policy.useLimits(ofGroup: $0) }).sorted()
        return places.map { place in
            let limit = policy.useLimits[place]
            let reached = groups.filter { policy.useLimits(ofGroup: $0).contains(place) }
            let whom =
                reached.count == groups.count
                ? "each device"
                : "each device of "
                    + NoticeWords.list(reached.map { policy.groups[$0].name })
            return "Counted for \(whom): the minutes of a day in which it looks up names of "
                + "\(limit.category)\(hours(of: limit)). Past \(limit.minutesADay) minutes those who "
                + "review the record are told once that day; nothing is blocked by it."
        }
    }

    private func hours(of limit: UseLimit) -> String {
        switch limit.counted {
        case .always: ""
        case .during(let period):
            " during \(loaded.policy.periods[period].name) "
                + "(\(NoticeWords.period(loaded.policy.periods[period]))), on the college's own "
                + "devices at every hour"
        }
    }
}
