import PolicyEngine

/// The planes of a policy, from bell to bell, for rows that come a stretch of time after the other.
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
    func verdict(row: Int, set: UInt32) -> Verdict {
        current.verdict(row: row, set: set)
    }

    @inline(never)
    private mutating func find(_ seconds: Int64) {
        if let known = planes.first(where: { $0.from <= seconds && seconds < $0.until }) {
            current = known.view
            return
        }
        // Each client's rows go through the same bells, so planes are kept.
        let plane = program.plane(at: Instant(seconds: seconds))
        // One that begins earlier before the same bell takes the other's place.
        planes.removeAll { $0.until == plane.until }
        if planes.count >= ReplayLimits.planes { planes.removeAll() }
        planes.append(plane)
        current = plane.view
    }
}
