public import DNSWire
public import DomainLists
public import PolicyEngine

/// A policy that recorded questions are put to: the server's own planes and look-ups.
///
/// Belongs to one thread.
public final class ReplayPolicy {
    private(set) var program: PolicyProgram
    /// Kept for its view.
    private let index: DomainIndex
    private let names: DomainIndexView
    private var clients: ClientTableView
    /// By place in `PolicyProgram.audiences`.
    private var askers: [ReplayAsker]
    /// By name.
    private let devices: [String: Device]
    /// Audiences that the program had no row for until they turned up.
    private var others: [Audience] = []
    private var planes: PlaneWalk

    /// Takes a loaded policy's parts; the program is the one that was made for the index's sets.
    public init(program: PolicyProgram, index: DomainIndex) {
        self.program = program
        self.index = index
        names = index.view
        clients = program.clients.view
        askers = ReplayAsker.all(of: program)
        devices = Dictionary(
            program.policy.devices.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        planes = PlaneWalk(program)
    }

    /// Who is at an address as far as that tells; `nil` for one that is refused.
    @inline(__always)
    func asker(at client: IPAddress) -> ReplayAsker? {
        let known = clients.place(of: client)
        if known >= 0 { return askers[Int(known)] }
        return program.policy.unknownDevices.map { askers[$0] }
    }

    /// Who is at an address where the network told more; `nil` for one that is refused.
    ///
    /// One whose rules have no row of verdicts yet gets one, and all rows may be others from then
    /// on: see `rowsMade`.
    func asker(at client: IPAddress, _ presence: Presence) -> ReplayAsker? {
        guard let audience = program.seat(of: client, presence)?.audience else { return nil }
        if let row = program.row(of: audience) {
            return ReplayAsker(row: row, group: audience.group)
        }
        others.append(audience)
        program = PolicyProgram(policy: program.policy, sets: index.sets, beside: others)
        clients = program.clients.view
        askers = ReplayAsker.all(of: program)
        planes = PlaneWalk(program)
        return program.row(of: audience).map { ReplayAsker(row: $0, group: audience.group) }
    }

    /// How often rows of verdicts were made anew; an asker's row is good as long as this stays.
    var rowsMade: Int { others.count }

    /// What the network can have told of a device that the record names; `nil` where the policy has
    /// no device of that name.
    func presence(ofDevice name: String) -> Presence? {
        devices[name].map { $0.presence ?? Presence() }
    }

    /// The name of an asker's group; `nil` for one that is refused.
    func group(_ asker: ReplayAsker?) -> String? {
        asker.map { program.policy.groups[$0.group].name }
    }

    /// The category set of a name in wire format and lower case.
    @inline(__always)
    func set(of name: RecordedName) -> UInt32 {
        // SAFETY: the name's octets are within its own buffer, which lives for the call.
        unsafe name.withPointer { unsafe names.match($0, count: name.count).set }
    }

    /// Decides as the server did at that instant, as far as the record tells what it saw.
    ///
    /// - Parameters:
    ///   - client: who asked, known by the address alone.
    ///   - name: what was asked for.
    ///   - via: the name of the answer's chain that was blocked; empty if none was.
    ///   - seconds: when it was asked, in seconds since 1970 UTC.
    public func judge(
        client: IPAddress, name: RecordedName, via: RecordedName, atSeconds seconds: Int64
    ) -> Judgement {
        judge(asker(at: client), name: name, via: via, atSeconds: seconds)
    }

    /// The same for one who was asked after before; `nil`: one that is refused.
    func judge(
        _ asker: ReplayAsker?, name: RecordedName, via: RecordedName, atSeconds seconds: Int64
    ) -> Judgement {
        guard let asker else { return .refused }
        planes.turn(toSeconds: seconds)
        let verdict = planes.verdict(row: asker.row, set: set(of: name))
        if verdict.action == .block || via.count == 0 {
            return Judgement(verdict, group: asker.group)
        }
        // As the server judges a chain: a block on one of its names yields only to a rule for the
        // asked name that stands above it.
        let judged = planes.verdict(row: asker.row, set: set(of: via))
        guard judged.action == .block, judged.rank < verdict.rank else { return .unknown }
        return Judgement(judged, group: asker.group)
    }
}

/// What a policy decides about a recorded question.
public struct Judgement: Sendable, Equatable {
    /// Allow, block or rewrite.
    public var action: RuleAction
    /// The deciding rule, as a place in `PolicyProgram.rules`; `Verdict.none` for the default.
    public var rule: UInt16
    /// The category path, as a place in `PolicyProgram.categoryNames`; `Verdict.none` if none.
    public var category: UInt16
    /// The client's group, as a place in `Policy.groups`; -1 for an unknown device.
    public var group: Int32
    /// Whether the record does not tell enough to decide.
    public var isUnknown = false

    /// The client is in no group, and the policy refuses such.
    public static let refused = Judgement(
        action: .block, rule: Verdict.none, category: Verdict.none, group: -1)
    /// The name is allowed now, and of the answer's chain only the name that was blocked then is
    /// recorded.
    public static let unknown = Judgement(
        action: .allow, rule: Verdict.none, category: Verdict.none, group: -1, isUnknown: true)

    /// Whether the client was refused as an unknown device.
    public var isRefused: Bool { group < 0 }

    @inline(__always)
    init(_ verdict: Verdict, group: Int) {
        action = verdict.action
        rule = verdict.rule
        category = verdict.category
        self.group = Int32(truncatingIfNeeded: group)
    }

    private init(
        action: RuleAction, rule: UInt16, category: UInt16, group: Int32, isUnknown: Bool = false
    ) {
        self.action = action
        self.rule = rule
        self.category = category
        self.group = group
        self.isUnknown = isUnknown
    }
}

/// A name in wire format and lower case, in a buffer that is used again for each row.
public struct RecordedName {
    private var octets: [UInt8]
    /// Its octets, the root's zero included; 0 where there is no name.
    public private(set) var count = 0

    /// Holds no name.
    public init() { octets = [UInt8](repeating: 0, count: DomainName.maximumOctets) }

    /// Takes a name; one that is too long for a name is none.
    @inline(__always)
    public mutating func take(_ wire: ArraySlice<UInt8>) {
        guard wire.count <= octets.count else {
            count = 0
            return
        }
        count = wire.count
        var place = 0
        for octet in wire {
            octets[place] = octet.asciiLowercased
            place &+= 1
        }
    }

    /// A copy of its octets.
    public var wire: [UInt8] { Array(octets[..<count]) }

    @inline(__always)
    func withPointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        // SAFETY: the buffer is never empty and is used within the closure alone.
        unsafe octets.withUnsafeBufferPointer { buffer in
            unsafe body(buffer.baseAddress.unsafelyUnwrapped)
        }
    }
}
