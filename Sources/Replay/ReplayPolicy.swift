public import DNSWire
public import DomainLists
public import PolicyEngine

/// A policy that recorded questions are put to: the server's own planes and look-ups.
///
/// Belongs to one thread.
public final class ReplayPolicy {
    let program: PolicyProgram
    /// Kept for its view.
    private let index: DomainIndex
    private let names: DomainIndexView
    private let clients: ClientTableView
    private let groupOfAudience: [Int]
    private var planes: PlaneWalk

    /// Takes a loaded policy's parts; the program is the one that was made for the index's sets.
    public init(program: PolicyProgram, index: DomainIndex) {
        self.program = program
        self.index = index
        names = index.view
        clients = program.clients.view
        groupOfAudience = program.audiences.map(\.group)
        planes = PlaneWalk(program)
    }

    /// A client's audience, as a place in `PolicyProgram.audiences`; `nil` for one that is refused.
    @inline(__always)
    func audience(of client: IPAddress) -> Int? {
        let known = clients.place(of: client)
        return known >= 0 ? Int(known) : program.policy.unknownDevices
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
    ///   - name: what was asked for.
    ///   - via: the name of the answer's chain that was blocked; empty if none was.
    ///   - seconds: when it was asked, in seconds since 1970 UTC.
    public func judge(
        client: IPAddress, name: RecordedName, via: RecordedName, atSeconds seconds: Int64
    ) -> Judgement {
        guard let audience = audience(of: client) else { return .refused }
        planes.turn(toSeconds: seconds)
        let verdict = planes.verdict(audience: audience, set: set(of: name))
        let group = groupOfAudience[audience]
        if verdict.action == .block || via.count == 0 { return Judgement(verdict, group: group) }
        // As the server judges a chain: a block on one of its names yields only to a rule for the
        // asked name that stands above it.
        let judged = planes.verdict(audience: audience, set: set(of: via))
        guard judged.action == .block, judged.rank < verdict.rank else { return .unknown }
        return Judgement(judged, group: group)
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
