import DNSServer
import DNSWire
import Glibc
import PolicyEngine
import PolicyFile

/// All that tells who is where, and what it told last; belongs to one thread.
final class IdentityLoop {
    /// What the loop needs to know of the policy in force.
    struct Needs: Sendable {
        /// Whether hardware addresses matter.
        var hardware = false
        /// Names that no device may give itself, folded.
        var takenNames: Set<String> = []
    }

    private let wake: Int32
    private let isConfigured: Bool
    private var needs: Needs
    private var follower: NeighbourFollower?
    private var followerProblem: String?
    private var files: [LeaseFile]
    private let radius: RadiusServer?
    private let sessionFile: SessionFile
    private var sessionProblem: String?
    private var hostNames = HostNames()
    private var nextLook: Int64 = .min
    private var nextSecond: Int64 = .min
    private var lastPublished: Int64 = .min / 2
    private var needsPublishing = false
    private var needsSaving = false

    /// Makes one, and asks everybody once.
    ///
    /// - Parameter wake: becomes readable when the loop is to look around.
    /// - Throws: `IdentityError` where logins cannot be listened for.
    init(
        _ configuration: IdentityConfiguration?, sessions: String, needs: Needs, wake: Int32
    ) throws {
        self.wake = wake
        self.needs = needs
        isConfigured = configuration != nil
        files = (configuration?.leases ?? []).map { LeaseFile($0) }
        radius = try configuration?.radius.map { try RadiusServer($0) }
        sessionFile = SessionFile(path: sessions)
        if let radius {
            if let sessions = sessionFile.read() {
                radius.restore(sessions)
            } else {
                sessionProblem =
                    "\(sessions) is not as it was written; logins count again once they are "
                    + "reported"
            }
        }
        followKernel()
        lookAtFiles()
        askAtOnce()
        _ = radius?.expire(nowSeconds: Self.wallSeconds)
    }

    /// Waits a moment for the kernel to tell all there is, so that the first query is decided right.
    private func askAtOnce() {
        guard let follower else { return }
        for _ in 0..<Self.firstReads where !follower.isComplete {
            var waited = pollfd(fd: follower.descriptor, events: Int16(POLLIN), revents: 0)
            // SAFETY: the kernel reads and fills in the one value.
            _ = unsafe poll(&waited, 1, 20)
            _ = follower.read(nowMilliseconds: Self.now)
        }
    }

    private static let firstReads = 50

    private static var now: Int64 {
        var time = timespec()
        // SAFETY: the kernel fills in the one value.
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    private static var wallSeconds: Int64 { WallClock.nowMicros / 1_000_000 }

    // MARK: - What is known

    /// Who is where.
    func network() -> PresentNetwork {
        let sessions = radius?.table.open ?? []
        let leases = files.map(\.leases)
        let taken = needs.takenNames.union(sessions.compactMap(\.identity))
        hostNames.refresh(leases, taken: taken, nowMilliseconds: Self.now)
        return Whereabouts(
            neighbours: follower?.table, leases: leases, sessions: sessions, hostNames: hostNames
        ).network
    }

    /// How it goes.
    var status: IdentityStatus {
        let now = Self.wallSeconds
        var status = IdentityStatus()
        status.neighbours = follower.map {
            .init(known: $0.table.count, overflows: $0.overflows)
        }
        status.problem = followerProblem
        status.leases = files.map { file in
            .init(
                file: file.path, format: file.format?.rawValue, leases: file.leases.count,
                ageSeconds: file.changedSeconds.map { max(0, now - $0) }, problem: file.problem)
        }
        status.radius = radius.map { radius in
            let counts = radius.counts
            return .init(
                sessions: radius.table.openCount, taken: counts.taken, late: counts.late,
                dropped: Dictionary(
                    uniqueKeysWithValues: counts.dropped.map { ($0.key.rawValue, $0.value) }),
                problem: Self.problem(counts) ?? sessionProblem)
        }
        return status
    }

    private static func problem(_ counts: RadiusServer.Counts) -> String? {
        if counts.isFull {
            return "there are more than \(IdentityLimits.sessions) logins; new ones do not count"
        }
        guard let client = counts.unsigned.min() else { return nil }
        return "reports from \(client) come without a Message-Authenticator and are dropped; "
            + "switch it on there, or write require-message-authenticator: false for it"
    }

    // MARK: - The loop

    /// Goes on until told to stop.
    ///
    /// - Parameters:
    ///   - next: is asked after each turn; `nil` ends the loop.
    ///   - publish: is given who is where, whenever that has changed.
    ///   - tell: is given how it goes.
    func run(
        next: () -> Needs?, publish: (PresentNetwork) -> Void, tell: (IdentityStatus) -> Void
    ) {
        while let needs = next() {
            if needs.hardware != self.needs.hardware || needs.takenNames != self.needs.takenNames {
                self.needs = needs
                followKernel()
                needsPublishing = true
            }
            let ready = wait()
            if let follower, ready.contains(follower.descriptor),
                follower.read(nowMilliseconds: Self.now)
            {
                needsPublishing = true
            }
            tick()
            listen(ready, publish)
            if needsPublishing, Self.now - lastPublished >= IdentityLimits.publishMilliseconds {
                self.publish(publish)
            }
            if needsSaving { save() }
            tell(status)
        }
    }

    private func publish(_ publish: (PresentNetwork) -> Void) {
        publish(network())
        needsPublishing = false
        lastPublished = Self.now
    }

    /// Takes reports of logins. An answer leaves when what was reported is in force and written
    /// down.
    private func listen(_ ready: Set<Int32>, _ publish: (PresentNetwork) -> Void) {
        guard let radius else { return }
        for descriptor in radius.descriptors where ready.contains(descriptor) {
            if radius.receive(at: descriptor, nowSeconds: Self.wallSeconds) {
                self.publish(publish)
                save()
            }
            radius.answer(by: descriptor)
        }
    }

    private func save() {
        guard let radius else { return }
        sessionProblem = sessionFile.write(radius.table.sessions).map {
            "\(sessionFile.path) cannot be written: \($0); a restart would forget who has logged in"
        }
        needsSaving = false
    }

    /// Looks at files and clocks.
    private func tick() {
        let now = Self.now
        if follower?.tick(nowMilliseconds: now) == true { needsPublishing = true }
        if now >= nextLook, lookAtFiles() { needsPublishing = true }
        if let due = hostNames.due, now >= due { needsPublishing = true }
        guard now >= nextSecond else { return }
        nextSecond = now + 1000
        if radius?.expire(nowSeconds: Self.wallSeconds) == true {
            needsPublishing = true
            needsSaving = true
        }
    }

    @discardableResult
    private func lookAtFiles() -> Bool {
        nextLook = Self.now + IdentityLimits.lookMilliseconds
        var hasChanged = false
        for place in files.indices
        where files[place].look(nowMilliseconds: Self.now, wallSeconds: Self.wallSeconds) {
            hasChanged = true
        }
        return hasChanged
    }

    /// Follows the kernel's news if anybody has a use for them.
    private func followKernel() {
        guard isConfigured || needs.hardware else {
            follower = nil
            followerProblem = nil
            return
        }
        guard follower == nil else { return }
        follower = NeighbourFollower()
        follower?.start(nowMilliseconds: Self.now)
        followerProblem =
            follower == nil
            ? "the kernel does not tell hardware addresses: "
                + "\(unsafe String(cString: strerror(errno)).lowercased()); devices by mac: are not "
                + "known. As a service, allow AF_NETLINK" : nil
    }

    /// Waits for something to happen; which descriptors it has happened to.
    private func wait() -> Set<Int32> {
        var waited = ([wake, follower?.descriptor ?? -1] + (radius?.descriptors ?? [])).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        // SAFETY: the array outlives the call and the count is its own.
        _ = unsafe poll(&waited, nfds_t(waited.count), timeout())
        if waited[0].revents != 0 {
            var count: UInt64 = 0
            // SAFETY: an event counter gives eight octets.
            _ = unsafe read(wake, &count, MemoryLayout<UInt64>.size)
        }
        return Set(waited.filter { $0.revents != 0 }.map(\.fd))
    }

    private func timeout() -> Int32 {
        let now = Self.now
        var due = now + 1000
        if !files.isEmpty { due = min(due, nextLook) }
        if needsPublishing { due = min(due, lastPublished + IdentityLimits.publishMilliseconds) }
        if let next = follower?.nextDue { due = min(due, next) }
        return Int32(clamping: max(0, due - now))
    }
}
