/// What the report says in words.
enum ReviewText {
    /// What a filter of names cannot see.
    static let limits = [
        "Pages, words, pictures, messages and searches: the filter sees the name of a site "
            + "(www.example.org), never what is on it or who wrote what.",
        "Content inside sites that are allowed: a search engine, a video site or a shared document "
            + "is one name, whatever it shows.",
        "Mobile data and hotspots: a phone that leaves the college's Wi-Fi leaves the filter.",
        "Encrypted DNS elsewhere: a device or an app that asks another resolver, or carries the "
            + "addresses with it, does not ask here. It then appears as silent.",
        "VPNs, proxies and relays: once one is connected, nothing behind it is seen.",
        "Who holds the device: a device is not a person, and may be shared or borrowed.",
        "How long something was looked at: a question is asked when a page opens, not while it is "
            + "read; one page may ask many.",
        "Connections that are open already when a break ends: only new questions are stopped.",
        "Use at home, unless the device is made to ask the college's resolver there.",
    ]

    /// Words that the report uses.
    static let glossary: [(word: String, meaning: String)] = [
        (
            "Question",
            "A device asks for the address of a name before it can connect. Opening one page may "
                + "take dozens of questions, so questions are not visits."
        ),
        ("Allowed, blocked", "The question was answered, or refused by a rule of the policy."),
        (
            "Device",
            "A device that the policy names, or else one network address. Devices appear under "
                + "pseudonyms such as c-7K3M9QWX2B (d- for one with a name), which are the same in "
                + "every report and list for as long as the college keeps its records. Who they are "
                + "is shown only where a reason was recorded."
        ),
        ("Group", "Devices that are treated alike, such as learners or staff."),
        (
            "Bell, period",
            "A named part of the timetable, such as break. The coloured lines under the charts show "
                + "when each one was."
        ),
        ("Category", "A kind of site, such as social-media, made up from lists of names."),
        (
            "Concern",
            "A decision by a rule that the policy marks as a safeguarding concern. It is a reason to "
                + "look, not a finding: pages, adverts and apps ask for names by themselves."
        ),
        (
            "Attempt",
            "All questions of one device against one rule within ten minutes of the first count as "
                + "one attempt."
        ),
        (
            "Active minute",
            "A minute in which a device asked for a name of a limited category and got an answer. "
                + "Several sites in one minute are one, gaps of up to five minutes count."
        ),
        (
            "Support services",
            "Help lines, reporting sites and the like. They are never counted and never shown here."
        ),
        (
            "Hidden",
            "A count under five, or a count from which one under five could be worked out. Counts "
                + "are hidden in reports on the whole college, not in those on one group."
        ),
    ]
}
