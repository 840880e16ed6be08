import DNSWire
import DecisionLog
import Foundation
import PolicyEngine
import PolicyFile

/// Answers requests: a function of the request, the policy in force and the time, but for the
/// reports that it keeps.
final class PageSite: Sendable {
    private let policy: @Sendable () -> LoadedPolicy
    private let presence: @Sendable (IPAddress) -> Presence
    private let nowSeconds: @Sendable () -> Int64
    private let logDirectory: String
    private let news: @Sendable (String) -> Void
    private let tellsAtOnce: Bool
    private let tokens = FormTokens()
    private let limiter = ReportLimiter()

    init(
        logDirectory: String, tellsAtOnce: Bool, policy: @escaping @Sendable () -> LoadedPolicy,
        presence: @escaping @Sendable (IPAddress) -> Presence,
        nowSeconds: @escaping @Sendable () -> Int64, news: @escaping @Sendable (String) -> Void
    ) {
        self.logDirectory = logDirectory
        self.policy = policy
        self.presence = presence
        self.tellsAtOnce = tellsAtOnce
        self.nowSeconds = nowSeconds
        self.news = news
    }

    func answer(_ request: PageRequest) -> PageResponse {
        let name = Self.name(inHost: request.host)
        let loaded = policy()
        let finding = PageFinding(
            loaded, client: request.client, presence(request.client), name: name,
            at: Instant(seconds: nowSeconds()))
        switch request.method {
        case .other: return Self.notAllowed
        case .post:
            guard request.path == PageForm.path else { return Self.notAllowed }
            return take(request, finding, name)
        case .get, .head: break
        }
        if request.path == "/favicon.ico" { return .line(404, "There is none.") }
        if let name, loaded.catalogue.isConnectivityCheck(name) {
            return .line(503, "This is no answer from the Internet, and nothing to log in to.")
        }
        return page(status(of: finding), finding, forms: emptyForms(request.client, finding, name))
    }

    private static let notAllowed = PageResponse(
        status: 405, body: "Only GET, HEAD and the page's own forms are answered.\n", isHTML: false,
        headers: [("Allow", "GET, HEAD, POST")])

    private func status(of finding: PageFinding) -> Int {
        if case .blocked = finding.outcome { 451 } else { 200 }
    }

    private func page(
        _ status: Int, _ finding: PageFinding, forms: [PageForm], problem: String? = nil
    ) -> PageResponse {
        PageResponse(
            status: status,
            body: PageWriter(finding: finding).page(forms: forms, problem: problem))
    }

    /// The name of a `Host` header, without its port; `nil` for an address and for what is no name.
    static func name(inHost host: String?) -> DomainName? {
        guard let host, host.count <= BlockPageLimits.hostCharacters, !host.hasPrefix("[")
        else { return nil }
        let name = host.split(separator: ":", omittingEmptySubsequences: false).first ?? ""
        return domainName(typed: String(name))
    }

    // MARK: Forms

    private func emptyForms(
        _ client: IPAddress, _ finding: PageFinding, _ name: DomainName?
    ) -> [PageForm] {
        [ReceivedReport.Kind.wronglyBlocked, .worry].map { kind in
            form(kind, client, finding, name)
        }
    }

    private func form(
        _ kind: ReceivedReport.Kind, _ client: IPAddress, _ finding: PageFinding,
        _ name: DomainName?
    ) -> PageForm {
        PageForm(
            kind: kind, name: name?.description, rule: finding.rule,
            token: tokens.make(
                Self.subject(client, rule: finding.rule, name), nowSeconds: nowSeconds()),
            principal: PageWriter(finding: finding).head)
    }

    /// What a form is bound to.
    private static func subject(
        _ client: IPAddress, rule: String?, _ name: DomainName?
    ) -> String {
        "\(client) \(rule ?? "") \(name?.description ?? "")"
    }

    /// Takes a form: it is ours, it says something, there were not too many, and the disk has it.
    private func take(
        _ request: PageRequest, _ finding: PageFinding, _ name: DomainName?
    ) -> PageResponse {
        let fields = FormFields(request.body)
        let kind = ReceivedReport.Kind(rawValue: fields["kind"]) ?? .worry
        let (token, now) = (fields["token"], nowSeconds())
        let rule = fields["rule"].isEmpty ? nil : fields["rule"]
        let form = filled(form(kind, request.client, finding, name), with: fields)
        func refuse(_ refusal: FormRefusal) -> PageResponse {
            let forms = emptyForms(request.client, finding, name).map {
                $0.kind == kind ? form : $0
            }
            return page(refusal.status, finding, forms: forms, problem: refusal.words)
        }
        let writer = PageWriter(finding: finding, tellsAtOnce: tellsAtOnce)
        let isForPrincipal = form.isAboutStaff || finding.isStaff
        func thank(_ id: UInt64) -> PageResponse {
            PageResponse(
                status: 200, body: writer.thanks(kind, id: id, isForPrincipal: isForPrincipal))
        }
        let verdict = tokens.check(
            token, Self.subject(request.client, rule: rule, name), nowSeconds: now)
        if case .sent(let id) = verdict { return thank(id) }
        guard Self.isSameOrigin(request), verdict == .fresh else { return refuse(.notOurs) }
        if let problem = Self.problem(with: form) { return refuse(.init(status: 400, problem)) }
        if let limit = limiter.refusal(request.client, nowSeconds: now) {
            return refuse(.limit(limit, askInstead: writer.contactWords))
        }
        do {
            let report = try ReportBook(directory: logDirectory).add(
                Self.report(form, finding, rule: rule, request.client, isForPrincipal))
            limiter.count(request.client, nowSeconds: now)
            tokens.note(token, report: report.id)
            return thank(report.id)
        } catch {
            news("a report could not be kept: \(error)")
            return refuse(.notKept(askInstead: writer.contactWords))
        }
    }

    private func filled(_ empty: PageForm, with fields: FormFields) -> PageForm {
        var form = empty
        form.site = String(fields.text("site").prefix(253))
        form.text = fields.text("text")
        form.replyTo = fields.text("reply")
        form.isAboutStaff = fields["staff"] == "yes"
        form.isOpen = true
        return form
    }

    private static func problem(with form: PageForm) -> String? {
        let tooLong = form.text.count - ReportBook.maximumText
        if tooLong > 0 {
            return
                "This was not kept: it is \(tooLong) characters too long. Please make it shorter."
        }
        if form.replyTo.count > ReportBook.maximumReplyTo {
            return
                "This was not kept: your name takes at most \(ReportBook.maximumReplyTo) characters."
        }
        if form.kind == .worry, form.text.isEmpty {
            return "This was not kept: nothing is written in it yet. A few words are enough."
        }
        if form.kind == .wronglyBlocked, form.name == nil, domainName(typed: form.site) == nil {
            return "This was not kept: please write which site, such as www.example.org."
        }
        return nil
    }

    private static func report(
        _ form: PageForm, _ finding: PageFinding, rule: String?, _ client: IPAddress,
        _ isForPrincipal: Bool
    ) -> NewReport {
        let policy = finding.loaded.policy
        return NewReport(
            kind: form.kind, name: form.name ?? domainName(typed: form.site)?.description,
            group: finding.group.map { policy.groups[$0].name }, client: client.description,
            device: finding.device, rule: rule, text: form.text,
            replyTo: form.replyTo.isEmpty ? nil : form.replyTo,
            queue: isForPrincipal ? .principal : .dsl)
    }

    /// Whether a form was sent from a page of this very name: browsers say so in one of two headers
    /// (RFC 6454, Fetch Metadata); one that says neither is told by the form's token.
    private static func isSameOrigin(_ request: PageRequest) -> Bool {
        if let origin = request.origin {
            return origin.lowercased() == "http://" + (request.host ?? "").lowercased()
        }
        guard let site = request.fetchSite else { return true }
        return site == "same-origin" || site == "none"
    }
}
