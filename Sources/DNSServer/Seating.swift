import DNSWire
import DecisionLog
import PolicyEngine
import PolicyFile

/// Who is where, and the names that records have had for them; gives everybody a seat.
struct Seating {
    /// What is known just now.
    var network = PresentNetwork()
    /// The addresses that clients are told where a rule answers with the block page.
    var page: [IPAddress] = []
    private var names: [String] = []

    /// Works out who everybody is to a policy.
    ///
    /// - Parameters:
    ///   - gate: the policy's own, if it is in force already; it stays unless it lacks a row of
    ///     verdicts.
    ///   - register: gives the meaning of records' numbers a number of its own.
    mutating func seat(
        in policy: LoadedPolicy, under gate: Gate?, _ register: (RecordDictionary) -> UInt32
    ) -> InForce {
        let names = RecordNames(network, after: names, deviceCount: policy.policy.devices.count)
        self.names = names.texts
        let dictionary = register(Gate.dictionary(of: policy, names: names.texts))
        var missing: [Audience] = []
        let present = PresentClients(
            network, in: policy.program, names: names, dictionary: dictionary, missing: &missing)
        let now = Moment.now.wallSeconds
        guard !missing.isEmpty else {
            return InForce(
                gate: gate ?? Gate(policy, nowSeconds: now, page: page), present: present, number: 1
            )
        }
        let seating = policy.seating(missing)
        var none: [Audience] = []
        return InForce(
            gate: Gate(seating, nowSeconds: now, page: page),
            present: PresentClients(
                network, in: seating.program, names: names, dictionary: dictionary,
                missing: &none), number: 1)
    }
}
