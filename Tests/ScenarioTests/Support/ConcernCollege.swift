/// A college of learners in which asking for one name is a safeguarding concern, and another belongs to
/// a support service.
struct ConcernCollege {
    let policy: String
    /// What lies beside the policy.
    let files: [String: String]

    init(blocking name: String, supportedBy support: String) {
        policy =
            policyHead + """
                groups:
                  learner: { networks: [127.0.0.0/8] }
                unknown-devices: learner
                lists:
                  services: { catalogue: services }
                rules:
                  - { id: harm, block: [\(name)], concern: high, reason: Harmful to everyone. }
                default: allow

                """
        files = [
            "services/essentials.yaml": """
            category: essentials
            as-of: 2026-11-01
            services:
              - service: help
                core: [\(support)]
            """
        ]
    }
}
