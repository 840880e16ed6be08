import DecisionLog
import Review

/// A form of the page, empty or as it was sent and could not be taken.
struct PageForm {
    /// Where forms are sent: no site has such a path.
    static let path = "/.bellgate/report"

    var kind: ReceivedReport.Kind
    /// The name that the page is about; `nil` where the writer has to say it.
    var name: String?
    var rule: String?
    var token: String
    /// The office that alone reads what is about staff.
    var principal: String
    var site = ""
    var text = ""
    var replyTo = ""
    var isAboutStaff = false
    /// Whether it is shown unfolded.
    var isOpen = false

    var markup: Markup {
        let open: Markup = isOpen ? " open=\"\"" : ""
        return """
            <details\(open)><summary>\(title)</summary>
            <form method="post" action="\(Self.path)" accept-charset="utf-8">
            <p>\(introduction)</p>
            <input type="hidden" name="kind" value="\(kind.rawValue)"/>
            <input type="hidden" name="token" value="\(token)"/>
            <input type="hidden" name="rule" value="\(rule ?? "")"/>
            \(fields)<button type="submit">\(button)</button>
            </form></details>

            """
    }

    private var id: String { kind.rawValue }
    private var title: String {
        kind == .worry ? "I am worried about something" : "This is wrongly blocked"
    }
    private var button: String { kind == .worry ? "Tell somebody" : "Send" }
    private var introduction: String {
        kind == .worry
            ? "Something that you saw, or that somebody sent or did to you or to somebody else: write "
                + "it in your own words. It is not your fault, and you are not in trouble for telling."
            : "You need it for your work, or it has nothing to do with the reason above? Say so, and "
                + "somebody looks at it. It does not open by itself."
    }

    private var fields: Markup {
        var fields: Markup = ""
        if name == nil, kind == .wronglyBlocked {
            fields += """
                <label for="site-\(id)">Which site? (such as www.example.org)</label>
                <input type="text" id="site-\(id)" name="site" maxlength="253" value="\(site)"/>

                """
        }
        let label = kind == .worry ? "What is it?" : "What do you need it for?"
        let required: Markup = kind == .worry ? " required=\"\"" : ""
        fields += """
            <label for="text-\(id)">\(label)</label>
            <textarea id="text-\(id)" name="text" maxlength="\(ReportBook.maximumText)"\(required)>
            \(text)</textarea>
            <label for="reply-\(id)">Your name, or how to reach you (only if you want)</label>
            <input type="text" id="reply-\(id)" name="reply" maxlength="\(ReportBook.maximumReplyTo)"\
             autocomplete="off" value="\(replyTo)"/>

            """
        if kind == .worry {
            let tick: Markup = isAboutStaff ? " checked=\"\"" : ""
            fields += """
                <label class="tick"><input type="checkbox" name="staff" value="yes"\(tick)/> It is about \
                somebody who works here: then only the \(principal) reads it</label>

                """
        }
        return fields
    }
}
