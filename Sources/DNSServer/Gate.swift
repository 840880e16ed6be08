import DNSWire
import DecisionLog
import DomainLists
import PolicyEngine
import PolicyFile
import Synchronization

/// A policy in force: the loaded policy with all that a query needs of it laid out in plain memory.
///
/// Immutable but for the two planes at hand. A reload makes a new one; workers change over to it
/// between two batches.
@safe final class Gate: Sendable {
    /// What answering a block needs to know of its rule; plain numbers.
    struct RuleFacts {
        var answer = BlockAnswer.nxdomain
        var extendedError = ExtendedErrorCode.blocked
        var ttlSeconds: UInt32 = 60
        var noticeOffset = 0
        var noticeLength = 0
        /// Of a rewrite, where among the notices the host's name stands, in wire format.
        var targetOffset = 0
        var targetLength = 0
    }

    /// Who asks, in numbers: the row of verdicts, -1 for one that is refused, and what the record
    /// says, `.max` for nothing.
    struct Asker {
        var row: Int32
        var group: UInt16
        var device: UInt16
        /// Whether answers go to them without ECH keys and address hints.
        var stripsECH = false

        static let nobody = Asker(row: -1, group: .max, device: .max)
    }

    let loaded: LoadedPolicy
    /// What a worker copies when it changes over; valid while the gate lives.
    let view: GateView
    private let planes: Mutex<Planes>

    private struct Planes {
        var current: Plane
        var next: Plane?
        /// The one before, until no worker has it any more.
        var past: Plane?
    }

    /// Lays out a loaded policy.
    ///
    /// - Parameter page: the addresses that clients are told where a rule answers with the block
    ///   page.
    init(_ loaded: LoadedPolicy, nowSeconds: Int64, page: [IPAddress] = []) {
        self.loaded = loaded
        view = GateView(loaded, page: page)
        let plane = loaded.program.plane(at: Instant(seconds: nowSeconds))
        planes = Mutex(Planes(current: plane, next: nil))
    }

    deinit { view.deallocate() }

    /// The plane for an instant.
    ///
    /// The one in force and the next are at hand; any other instant (the clock was set) costs the
    /// making of a plane.
    func plane(atSeconds seconds: Int64) -> Plane {
        planes.withLock { planes in
            if Self.holds(planes.current, seconds) { return planes.current }
            if let next = planes.next, Self.holds(next, seconds) {
                planes.past = planes.current
                planes.current = next
                planes.next = nil
                return next
            }
            planes.current = loaded.program.plane(at: Instant(seconds: seconds))
            planes.next = nil
            return planes.current
        }
    }

    /// Makes the plane of the next bell before it rings; called off the query path.
    func prepareNextPlane(nowSeconds: Int64) {
        // Where nobody has asked since the last bell, the plane at hand is an old one.
        _ = plane(atSeconds: nowSeconds)
        let until = planes.withLock { planes in
            planes.next == nil ? planes.current.until : Int64.max
        }
        guard until != .max else { return }
        let next = loaded.program.plane(at: Instant(seconds: until))
        planes.withLock { planes in
            if planes.current.until == until { planes.next = next }
        }
    }

    /// Lets go of the plane before the present one once no worker has it: giving back its cells is
    /// nothing for a query to wait for.
    func releasePastPlane() {
        let released = planes.withLock { planes -> Plane? in
            guard var past = planes.past.take() else { return nil }
            guard !isKnownUniquelyReferenced(&past) else { return past }
            planes.past = past
            return nil
        }
        // It ends here, outside the lock.
        _ = consume released
    }

    /// The plane for an instant that is not now; the planes at hand stay.
    func makePlane(at instant: Instant) -> Plane { loaded.program.plane(at: instant) }

    /// The id of a verdict's rule.
    func ruleID(of verdict: Verdict) -> String {
        let rules = loaded.program.rules
        return rules.indices.contains(Int(verdict.rule)) ? rules[Int(verdict.rule)].id : "default"
    }

    /// The host that answers in the place of a rewritten name; `nil` where the verdict is none.
    func rewriteTarget(of verdict: Verdict) -> DomainName? {
        guard verdict.action == .rewrite else { return nil }
        return loaded.program.rules[Int(verdict.rule)].rewriteTarget
    }

    private static func holds(_ plane: Plane, _ seconds: Int64) -> Bool {
        plane.from <= seconds && seconds < plane.until
    }

    /// The meaning of the numbers in this policy's records.
    ///
    /// - Parameter names: of clients that are no devices of the policy.
    static func dictionary(of loaded: LoadedPolicy, names: [String]) -> RecordDictionary {
        let policy = loaded.policy
        let program = loaded.program
        return RecordDictionary(
            policyHash: loaded.hash,
            groups: policy.groups.map(\.name),
            rules: program.rules.map { ($0.id, $0.concern.map { "\($0)" }) },
            categories: program.categoryNames,
            lists: GateView.listNames(of: loaded),
            periods: policy.periods.map(\.name),
            devices: policy.devices.map(\.name) + names)
    }
}

/// The same as numbers and pointers: a worker reads it for every query without counting references.
///
/// `@unchecked Sendable`: the memory is written before the gate is published and never after; it
/// lives as long as its gate, which every worker that reads it holds.
@safe struct GateView: @unchecked Sendable {
    let index: DomainIndexView
    let clients: ClientTableView
    /// The group, which is an audience too, of a client in no network; negative: refuse.
    let unknownGroup: Int32
    private let audiences: UnsafeMutablePointer<Gate.Asker>
    private let audienceCount: Int
    private let ruleFacts: UnsafeMutablePointer<Gate.RuleFacts>
    private let ruleCount: Int
    private let notices: UnsafeMutablePointer<UInt8>
    /// By source: which list name it goes by in the records; `.max` for none.
    private let listOfSource: UnsafeMutablePointer<UInt16>
    private let sourceCount: Int
    private let page: PageAddresses

    init(_ loaded: LoadedPolicy, page addresses: [IPAddress]) {
        let policy = loaded.policy
        page = PageAddresses(addresses)
        index = loaded.index.view
        clients = loaded.program.clients.view
        unknownGroup = policy.unknownDevices.map { Int32(truncatingIfNeeded: $0) } ?? -1
        audienceCount = loaded.program.audiences.count
        unsafe audiences = .allocate(capacity: max(1, audienceCount))
        for (number, audience) in loaded.program.audiences.enumerated() {
            unsafe (audiences + number).initialize(
                to: Gate.Asker(
                    row: Int32(truncatingIfNeeded: loaded.program.row(ofAudience: number)),
                    group: UInt16(truncatingIfNeeded: audience.group),
                    device: audience.device.map { UInt16(truncatingIfNeeded: $0) } ?? .max,
                    stripsECH: policy.stripsECH(forGroup: audience.group)))
        }

        // The default comes last, so that every verdict has its facts.
        var facts: [Gate.RuleFacts] = []
        var text: [UInt8] = []
        for rule in loaded.program.rules.map(Optional.some) + [nil] {
            var fact = Gate.RuleFacts()
            if let rule {
                fact.answer = rule.answer
                fact.ttlSeconds = rule.ttlSeconds
                if rule.requestedByGroup { fact.extendedError = .filtered }
            }
            let notice = Self.notice(
                reason: rule?.reason ?? Self.defaultReason, policy: policy)
            fact.noticeOffset = text.count
            fact.noticeLength = notice.count
            text += notice
            if let target = rule?.rewriteTarget {
                fact.targetOffset = text.count
                fact.targetLength = target.wire.count
                text += target.wire
            }
            facts.append(fact)
        }
        ruleCount = facts.count
        unsafe ruleFacts = .allocate(capacity: facts.count)
        for (number, fact) in facts.enumerated() {
            unsafe (ruleFacts + number).initialize(to: fact)
        }
        unsafe notices = .allocate(capacity: max(1, text.count))
        for (number, octet) in text.enumerated() { unsafe notices[number] = octet }

        let names = Self.listNames(of: loaded)
        sourceCount = policy.sources.count
        unsafe listOfSource = .allocate(capacity: max(1, sourceCount))
        for (number, source) in policy.sources.enumerated() {
            let list = source.listName.flatMap(names.firstIndex(of:))
            unsafe listOfSource[number] = list.map { UInt16(truncatingIfNeeded: $0) } ?? .max
        }
    }

    func deallocate() {
        unsafe audiences.deallocate()
        unsafe ruleFacts.deallocate()
        unsafe notices.deallocate()
        unsafe listOfSource.deallocate()
        page.deallocate()
    }

    /// The block page's addresses of a type, one behind the other; none for other types.
    @inline(__always)
    func pageAddresses(_ type: RecordType) -> UnsafeRawBufferPointer {
        unsafe page.octets(of: type)
    }

    /// Who a client is by its address alone.
    @inline(__always)
    func asker(of client: IPAddress) -> Gate.Asker {
        let known = clients.place(of: client)
        let audience = known >= 0 ? known : unknownGroup
        // SAFETY: bounds are checked here.
        return audience >= 0 && Int(audience) < audienceCount
            ? unsafe audiences[Int(audience)] : .nobody
    }

    /// What is known of the rule of a verdict.
    @inline(__always)
    func facts(ofRule rule: UInt16) -> Gate.RuleFacts {
        // SAFETY: the last entry is the default's, and every greater number means it.
        unsafe ruleFacts[min(Int(rule), ruleCount - 1)]
    }

    /// The text that goes to a client with a block: EXTRA-TEXT (RFC 8914 section 2).
    @inline(__always)
    func notice(_ facts: Gate.RuleFacts) -> UnsafeRawBufferPointer {
        // SAFETY: offset and length were made together with the text.
        unsafe UnsafeRawBufferPointer(
            start: notices + facts.noticeOffset, count: facts.noticeLength)
    }

    /// The host that answers in the place of a rewritten name, in wire format; empty for none.
    @inline(__always)
    func rewriteTarget(_ facts: Gate.RuleFacts) -> UnsafeRawBufferPointer {
        // SAFETY: offset and length were made together with the text.
        unsafe UnsafeRawBufferPointer(
            start: notices + facts.targetOffset, count: facts.targetLength)
    }

    /// The record's number for the list of a verdict's source; `.max` for none.
    @inline(__always)
    func list(ofSource source: UInt16) -> UInt16 {
        // SAFETY: bounds are checked here.
        Int(source) < sourceCount ? unsafe listOfSource[Int(source)] : .max
    }

    /// The names that lists go by, each once, in the order of the sources.
    static func listNames(of loaded: LoadedPolicy) -> [String] {
        var names: [String] = []
        for case let name? in loaded.policy.sources.map(\.listName) where !names.contains(name) {
            names.append(name)
        }
        return names
    }

    /// What a block by the policy's default says.
    static let defaultReason = "Not allowed by default."

    /// "Reason [REFERENCE]. Ask: CONTACT", cut at a character to what a client can take.
    static func notice(reason: String, policy: Policy) -> [UInt8] {
        var text = reason
        if !policy.reference.isEmpty { text += " [\(policy.reference)]" }
        if !policy.contact.isEmpty { text += " Ask: \(policy.contact)" }
        var octets = Array(text.utf8.prefix(ServerLimits.noticeOctets))
        while octets.count < text.utf8.count, let last = octets.last, last & 0xC0 == 0x80 {
            octets.removeLast()
        }
        if octets.count < text.utf8.count, let last = octets.last, last >= 0xC0 {
            octets.removeLast()
        }
        return octets
    }
}
