import CPacketIO
public import DNSServer
import Glibc
import PolicyEngine
public import PolicyFile
import Synchronization

/// Follows who is where, on a thread of its own: the kernel's neighbours, lease files and logins.
public final class IdentityService: Sendable {
    /// The thread takes this lock for as long as it runs; nobody else does.
    private let loop: Mutex<IdentityLoop>
    private let shared: Mutex<Shared>
    private let wake: Int32
    private let thread = Mutex<Thread?>(nil)

    private struct Shared {
        var needs: IdentityLoop.Needs?
        var network: PresentNetwork
        var status: IdentityStatus
    }

    /// Asks everybody once.
    ///
    /// - Parameters:
    ///   - configuration: who tells, besides the kernel.
    ///   - sessions: the file in which logins are kept across restarts.
    ///   - policy: the policy in force.
    /// - Throws: `IdentityError` where logins cannot be listened for.
    public init(
        _ configuration: IdentityConfiguration?, sessions: String, policy: LoadedPolicy
    ) throws {
        wake = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        let needs = Self.needs(policy)
        let loop = try IdentityLoop(
            configuration, sessions: sessions, needs: needs, wake: wake)
        shared = Mutex(Shared(needs: needs, network: loop.network(), status: loop.status))
        self.loop = Mutex(loop)
    }

    deinit { if wake >= 0 { close(wake) } }

    /// Begins to follow.
    ///
    /// - Parameter publish: is given who is where, whenever that has changed, on the service's own
    ///   thread.
    public func start(publish: @escaping @Sendable (PresentNetwork) -> Void) {
        let thread = Thread("bellgate-who") { [self] in
            loop.withLock { loop in
                loop.run(
                    next: { shared.withLock(\.needs) },
                    publish: { network in
                        publish(network)
                        shared.withLock { $0.network = network }
                    },
                    tell: { status in shared.withLock { $0.status = status } })
            }
        }
        self.thread.withLock { $0 = thread }
    }

    /// Ends.
    public func stop() {
        shared.withLock { $0.needs = nil }
        look()
        thread.withLock { $0.take() }?.join()
    }

    /// Goes by another policy from now on.
    public func replacePolicy(_ policy: LoadedPolicy) {
        let needs = Self.needs(policy)
        shared.withLock { if $0.needs != nil { $0.needs = needs } }
        look()
    }

    /// Who is where, as it was told last.
    public var network: PresentNetwork { shared.withLock(\.network) }

    /// How it goes.
    public var status: IdentityStatus { shared.withLock(\.status) }

    private func look() {
        var one: UInt64 = 1
        // SAFETY: an event counter takes eight octets.
        _ = unsafe write(wake, &one, MemoryLayout<UInt64>.size)
    }

    private static func needs(_ policy: LoadedPolicy) -> IdentityLoop.Needs {
        let policy = policy.policy
        let names =
            policy.devices.flatMap { [Identity.folded($0.name)] + $0.identities }
            + policy.groups.flatMap { $0.identities.filter(\.isExact).map(\.text) }
        return IdentityLoop.Needs(hardware: policy.namesHardware, takenNames: Set(names))
    }
}
