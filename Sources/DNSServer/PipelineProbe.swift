import DNSWire
import Forwarding
import Glibc
public import PolicyEngine
import PolicyFile

/// What a probe asks: the way of an ordinary query, for another client and at another instant.
extension Pipeline {
    /// What a query to the server itself comes to, by a program of this machine; `nil` where it is
    /// none, and goes the ordinary way.
    func askDesk(
        _ desk: ProbeDesk, _ query: Query, _ name: UnsafeMutablePointer<UInt8>,
        _ message: Span<UInt8>, from client: IPAddress, isStream: Bool, at moment: Moment,
        _ room: UnsafeMutablePointer<UInt8>, _ writer: inout MessageWriter
    ) -> Outcome? {
        if query.qclass != 1 {
            return unsafe tellControl(desk, query, name, message, from: client, &writer)
        }
        let options = options(of: query, message)
        guard ProbeOption.value(in: options) != nil, let key = desk.key(at: moment) else {
            return nil
        }
        // SAFETY: the qname lies there in so many octets.
        let asked = unsafe Array(UnsafeBufferPointer(start: name, count: query.nameLength))
        guard desk.isLocal(client),
            let claim = ProbeOption.read(options, key: key, name: asked, type: query.qtype)
        else {
            writeError(
                .refused, query, message, &writer, .prohibited,
                "This probe has no key that holds; ask for one anew.")
            counters.add(.probes)
            return .send(writer.count)
        }
        return unsafe probe(
            claim, query, name, message, isStream: isStream, moment, room, capacity: writer.capacity
        )
    }

    private func probe(
        _ claim: ProbeOption.Claim, _ query: Query, _ name: UnsafeMutablePointer<UInt8>,
        _ message: Span<UInt8>, isStream: Bool, _ moment: Moment,
        _ room: UnsafeMutablePointer<UInt8>, capacity: Int
    ) -> Outcome {
        let before = Counters.Kind.allCases.map(counters.value)
        defer {
            // What a probe asks is nothing that a device asked.
            for (kind, value) in zip(Counters.Kind.allCases, before) {
                counters.add(kind, value - counters.value(kind))
            }
            counters.add(.queries, -1)
            if isStream { counters.add(.overTCP, -1) }
            counters.add(.probes)
        }
        let instant = min(max(Instant(seconds: claim.atSeconds), .earliest), .latest)
        let asOf = Moment(
            wallMicros: instant.seconds * 1_000_000, monotonicMicros: moment.monotonicMicros)
        return asProbe(of: claim, at: instant) {
            unsafe take(
                query, name: name, message, from: claim.client, isStream: isStream, at: asOf,
                into: room, capacity: capacity,
                replyTo: { .stream(worker: 0, connection: 0) })
        }
    }

    /// Goes the ordinary way as at another instant, when nobody but the claim's client was there;
    /// records nothing.
    private func asProbe(
        of claim: ProbeOption.Claim, at instant: Instant, _ body: () -> Outcome
    ) -> Outcome {
        let (presentPlane, presentView, presentClients) = (plane, planeView, present)
        let seconds = instant.seconds
        if let kept = probePlane, kept.from <= seconds, seconds < kept.until {
            plane = kept
        } else {
            plane = gate.makePlane(at: instant)
            probePlane = plane
        }
        planeView = plane.view
        present = clients(of: claim)
        isProbing = true
        defer {
            isProbing = false
            (plane, planeView, present) = (presentPlane, presentView, presentClients)
        }
        return body()
    }

    /// The network as a probe claims it to be.
    private func clients(of claim: ProbeOption.Claim) -> PresentClients {
        if let kept = probeClients, kept.client == claim.client, kept.presence == claim.presence {
            return kept.clients
        }
        // Someone without a row of verdicts is taken for the network's; whoever probes knows the
        // policy, and asks for nobody else.
        var missing: [Audience] = []
        let program = gate.loaded.program
        let network = PresentNetwork(clients: [claim.client: claim.presence])
        let clients = PresentClients(
            network, in: program,
            names: RecordNames(network, after: [], deviceCount: program.policy.devices.count),
            dictionary: dictionary, missing: &missing)
        probeClients = (claim.client, claim.presence, clients)
        return clients
    }

    /// The id of a verdict's rule.
    private func ruleID(of verdict: Verdict) -> String { gate.ruleID(of: verdict) }

    /// The answer to a probe for a name that is allowed: that it is, and by which rule; or as which
    /// host it is answered. No upstream is asked, and the cache is not either.
    func answerAllowedProbe(
        _ query: Query, _ verdict: Verdict, _ message: Span<UInt8>, _ writer: inout MessageWriter
    ) -> Outcome {
        writer.putHeader(answering: query, rcode: .noError)
        writer.putQuestion(message, of: query)
        let host = gate.rewriteTarget(of: verdict)
        let said = host.map { "\(ProbeText.rewritten)\($0)" }
        let text = Array((said ?? ProbeText.allowed + ruleID(of: verdict)).utf8)
        unsafe text.withUnsafeBytes { text in
            unsafe writer.putOPT(
                answering: query, payloadSize: UInt16(ServerLimits.datagramAnswerOctets),
                rcode: .noError, extendedError: .other, text: text)
        }
        writer.finishHeader(questions: 1, additionals: 1)
        return .send(writer.count)
    }

    /// Tells a program of this machine where the control socket is: CH TXT `control.bellgate`.
    private func tellControl(
        _ desk: ProbeDesk, _ query: Query, _ name: UnsafeMutablePointer<UInt8>,
        _ message: Span<UInt8>, from client: IPAddress, _ writer: inout MessageWriter
    ) -> Outcome? {
        // SAFETY: the qname lies there in so many octets.
        let asked = unsafe Array(UnsafeBufferPointer(start: name, count: query.nameLength))
        let path = Array(desk.controlPath.utf8)
        guard query.qclass == ProbeText.chaos, query.qtype == .txt, asked == ProbeText.controlName,
            desk.isLocal(client), (1...255).contains(path.count)
        else { return nil }
        writer.putHeader(answering: query, rcode: .noError)
        writer.putQuestion(message, of: query)
        writer.put16(0xC000 | UInt16(Query.headerLength))
        writer.put16(RecordType.txt.rawValue)
        writer.put16(ProbeText.chaos)
        writer.put32(0)
        writer.put16(UInt16(path.count + 1))
        writer.put8(UInt8(path.count))
        writer.put(path)
        writer.finishHeader(questions: 1, answers: 1)
        return .send(writer.count)
    }

    private func options(of query: Query, _ message: Span<UInt8>) -> [UInt8] {
        let start = query.questionEnd + 11
        guard query.hasOPT, start <= message.count else { return [] }
        return unsafe message.extracting(start...).withUnsafeBytes { unsafe Array($0) }
    }
}

/// What a probe's answers say.
public enum ProbeText {
    /// What stands before the rule in the text of an answer for a name that is allowed.
    public static let allowed = "Probe: allowed by "
    /// What stands before the host in that for a name that safe search leads there.
    public static let rewritten = "Probe: made safe as "
    /// The class CH (RFC 1035 section 3.2.4), by which servers are asked about themselves.
    public static let chaos: UInt16 = 3
    /// The name under which a server tells its control socket, in wire format.
    public static let controlName: [UInt8] =
        [7] + Array("control".utf8) + [8] + Array("bellgate".utf8) + [0]
}

extension ProbeText {
    /// The text that a block by a rule carries (RFC 8914 section 2), as the server cuts it.
    ///
    /// - Parameter reason: the rule's; `nil` for the policy's default.
    public static func notice(reason: String?, policy: Policy) -> String {
        String(
            decoding: GateView.notice(reason: reason ?? GateView.defaultReason, policy: policy),
            as: UTF8.self)
    }
}
