import DecisionLog
import PolicyFile

/// The register of exceptions: each one that came into force with a policy is in the audit trail,
/// with who approved it, why, and what was advised. An entry that is taken away shows in
/// `log verify`, whatever becomes of the policy file.
struct ExceptionRegister {
    let directory: String

    /// Notes the exceptions of a policy that are not yet noted as they are now.
    ///
    /// - Returns: what keeps it from being noted; `nil` if nothing does.
    func note(_ exceptions: [ExceptionStatus]) -> String? {
        guard !exceptions.isEmpty else { return nil }
        do {
            let entries = try AuditTrail.read(directory: directory).entries
            var known = Set(
                entries.filter { $0.kind == .exception }.map { [$0.question, $0.reason ?? ""] })
            let trail = try AuditTrail(directory: directory)
            for exception in exceptions
            where known.insert([exception.summary, exception.reason]).inserted {
                try trail.append(
                    .exception, question: exception.summary, reason: exception.reason)
            }
            return nil
        } catch {
            return "exceptions cannot be put on record: \(error)"
        }
    }
}
