/// Why a form was not taken, in words for whoever wrote it.
struct FormRefusal {
    let status: Int
    let words: String

    init(status: Int, _ words: String) {
        self.status = status
        self.words = words
    }

    /// It is too old, or was sent from elsewhere.
    static let notOurs = FormRefusal(
        status: 403,
        "This was not kept: the form is too old, or did not come from this page. What you wrote is "
            + "still below. Please send it again.")

    /// There were too many.
    static func limit(_ limit: ReportLimiter.Refusal, askInstead: String) -> FormRefusal {
        switch limit {
        case .client(let wait):
            FormRefusal(
                status: 429,
                "This was not kept: \(BlockPageLimits.reportsPerClient) reports came from your device "
                    + "within ten minutes. Send it again in \((wait + 59) / 60) minutes, or tell "
                    + "\(askInstead) yourself.")
        case .everybody:
            FormRefusal(
                status: 429,
                "This was not kept: too many reports came today. Please tell \(askInstead) yourself."
            )
        }
    }

    /// The disk does not take it.
    static func notKept(askInstead: String) -> FormRefusal {
        FormRefusal(
            status: 503,
            "This could not be kept: the filter's disk does not take it. Please tell \(askInstead) or "
                + "any member of staff yourself.")
    }
}
