import PolicyEngine

/// The planes of a policy, from bell to bell, for rows that come about in the order of time.
@safe struct PlaneWalk {
    private let program: PolicyProgram
    private var planes: [Plane] = []
    /// Which of them is in hand.
    private var current: PlaneView

    init(_ program: PolicyProgram) {
        self.program = program
        let first = program.plane(at: Instant(seconds: 0))
        planes = [first]
        current = first.view
    }

    /// Makes the plane of an instant the one in hand; costs two comparisons until the next bell.
    @inline(__always)
    mutating func turn(toSeconds seconds: Int64) {
        if seconds >= current.until || seconds < current.from { find(seconds) }
    }

    /// The verdict by the plane in hand.
    @inline(__always)
    func verdict(group: Int, set: UInt32) -> Verdict { current.verdict(group: group, set: set) }

    @inline(never)
    private mutating func find(_ seconds: Int64) {
        if let known = planes.first(where: { $0.from <= seconds && seconds < $0.until }) {
            current = known.view
            return
        }
        // The clock may have been set back, so that planes of the past are asked again.
        let plane = program.plane(at: Instant(seconds: seconds))
        if planes.count >= ReplayLimits.planes { planes.removeAll() }
        planes.append(plane)
        current = plane.view
    }
}
