public import DNSWire
import DomainLists
public import PolicyEngine

/// Who asks, for the purpose of a decision.
public enum Asker: Hashable, Sendable {
    /// A device, whose group its address tells.
    case client(IPAddress)
    /// Any device of a group (a place in `Policy.groups`).
    case group(Int)
    /// Whoever is at an address, with what the network tells of that.
    case present(IPAddress, Presence)
    /// Whoever the network tells that of, wherever it is.
    case elsewhere(Presence)
}

/// What a policy decides about one question, and its whole why.
public struct Decision: Sendable {
    /// Allow, block or rewrite.
    public var verdict: RuleAction
    /// The group's name; `nil` for an unknown device that is refused.
    public var group: String?
    /// The client, if one was named.
    public var client: IPAddress?
    /// The device's name, if the client is one that the policy knows.
    public var device: String?
    /// The name asked for.
    public var name: DomainName
    /// The instant asked about.
    public var at: Instant
    /// The same as `2026-11-23T10:29:59+00:00`, by the policy's wall clock.
    public var atText: String
    /// The deciding rule, or `default`; `nil` for an unknown device that is refused.
    public var rule: String?
    /// The rule's reason, or what the default means, in plain words.
    public var reason: String
    /// What makes the rule hold just then, such as "during college-hours".
    public var why: String
    /// The category path recorded, such as `social-media/chatrooms`.
    public var category: String?
    /// The list that the matched name stands in.
    public var list: String?
    /// The file of that list.
    public var listFile: String?
    /// The line of that file that lists the matched name.
    public var listLine: Int?
    /// The longest listed name that belongs to the deciding rule.
    public var matched: DomainName?
    /// The line of the policy that writes the matched name, if the policy itself does.
    public var policyLine: Int?
    /// The period that explains the verdict.
    public var period: String?
    /// The next instant at which another rule decides; `nil` for never.
    public var changesAt: Instant?
    /// The same as text, by the policy's wall clock.
    public var changesAtText: String?
    /// The seconds up to then, which no answer may outlive; `nil` for no such limit.
    public var ttlLimitSeconds: Int64?
    /// The service that the name belongs to, as far as a catalogue knows it.
    public var service: String?
    /// The exception that decides, if one does.
    public var exception: ExceptionStatus?
    /// The host that safe search puts in the name's place; also where that host is what is blocked.
    public var target: DomainName?
    /// What the host's maker gives as its addresses, as far as the facts say.
    public var targetAddresses: [IPAddress] = []
    /// The rules that were looked at before the deciding one, each with why it did not match.
    public var considered: [ConsideredRule]
}

extension LoadedPolicy {
    /// Decides as the server would, and says why. Reads the matched list's file for the line.
    public func decide(_ name: DomainName, for asker: Asker, at instant: Instant) -> Decision {
        var decision = Decision(
            verdict: .block, name: name, at: instant, atText: policy.zone.iso8601(instant),
            reason: "unknown device", why: "unknown devices are refused", considered: [])
        decision.service = catalogue.service(covering: name)?.service.name
        if case .client(let address) = asker { decision.client = address }
        if case .present(let address, _) = asker { decision.client = address }
        guard let seat = seat(of: asker) else { return decision }
        let audience = seat.audience
        decision.group = policy.groups[audience.group].name
        decision.device =
            switch seat.name {
            case .none: nil
            case .device(let place): policy.devices[place].name
            case .text(let text): text
            }
        let set = index.match(name).set
        guard
            let explanation = program.explain(audience, set: set, at: instant)
                ?? seating([audience]).program.explain(audience, set: set, at: instant)
        else { return decision }
        decision.take(explanation, policy: policy)
        if explanation.rule?.origin == .exception {
            decision.exception = exceptions.first { $0.id == explanation.rule?.id }
        }
        if let host = explanation.safeSearch?.rewriteTarget {
            decision.target = host
            let engine = safeSearch?.engines.first { $0.targets.values.contains(host) }
            decision.targetAddresses = engine?.addresses ?? []
        }
        locate(explanation.verdict, for: name, in: &decision)
        return decision
    }

    /// Who asks; `nil` for an unknown device that is refused.
    private func seat(of asker: Asker) -> Seat? {
        switch asker {
        case .group(let group): program.seat(ofGroup: group)
        case .client(let address): program.seat(of: address, Presence())
        case .present(let address, let presence): program.seat(of: address, presence)
        case .elsewhere(let presence): program.seat(of: nil, presence)
        }
    }

    /// Adds where the matched name stands.
    private func locate(_ verdict: Verdict, for name: DomainName, in decision: inout Decision) {
        let number = Int(verdict.source)
        guard verdict.source != Verdict.none, origins.indices.contains(number),
            let listed = index.listedNames(covering: name).first(where: { listed in
                listed.sources.contains { $0.rawValue == verdict.source }
            })
        else { return }
        decision.matched = listed.name
        switch origins[number] {
        case .aged(let place):
            let listed = catalogue.agedNames[place].names.first { $0.name == listed.name }
            decision.listFile = listed?.place.file
            decision.listLine = listed?.place.line
        case .safeSearch(let place):
            let listed = safeSearch?.engines[place].names.first { $0.name == listed.name }
            decision.listFile = safeSearch?.file
            decision.listLine = listed?.place.line
        case .literal(_, let place):
            decision.policyLine = place.line
        case .catalogue(let place):
            let category = catalogue.categories[place]
            decision.listFile = category.file
            decision.listLine =
                catalogue.coreNames(of: category)
                .first { $0.name == listed.name }?.place.line
        case .list(let place):
            guard let list = listPlaces[place].map({ lists[$0] }) else { return }
            decision.listFile = list.path
            decision.listLine = line(
                of: listed.name, in: list, forNameBelow: listed.name != name)
        }
    }

    private func line(
        of name: DomainName, in list: LoadedList, forNameBelow: Bool
    ) -> Int? {
        guard let format = list.format,
            let contents = try? FileBytes.read(list.path, limit: FileBytes.maximumListBytes)
        else { return nil }
        // SAFETY: the buffer is used within the closure alone.
        return unsafe contents.bytes.withUnsafeBytes { buffer in
            unsafe findLine(
                of: name, in: buffer, format: format, helpers: ListLoader.helpers,
                forNameBelow: forNameBelow)
        }
    }
}

extension Decision {
    fileprivate mutating func take(_ explanation: Explanation, policy: Policy) {
        verdict = explanation.verdict.action
        rule = explanation.rule?.id ?? "default"
        let word = policy.defaultAction == .allow ? "allow" : "block"
        reason =
            explanation.rule?.reason
            ?? "No rule matched; the policy's default is \(word)."
        why = explanation.why
        category = explanation.category
        list = explanation.listName
        period = explanation.period
        considered = explanation.considered
        guard explanation.verdict.until != .max else { return }
        let end = Instant(seconds: explanation.verdict.until)
        changesAt = end
        changesAtText = policy.zone.iso8601(end)
        ttlLimitSeconds = end.seconds - at.seconds
    }
}

/// The name that a person typed as a question: Unicode is converted, a final dot is allowed.
///
/// - Returns: `nil` for addresses and for what can be no domain name.
public func domainName(typed text: String) -> DomainName? { DomainText.name(of: text) }
