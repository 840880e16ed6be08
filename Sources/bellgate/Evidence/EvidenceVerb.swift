import ArgumentParser

/// `bellgate evidence`: what one device did, for those who deal with a case.
struct EvidenceVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence",
        abstract: "Write out what one device did, sealed and on record.",
        discussion: """
            For a complaint or a concern: the rows of one device and a summary of them in plain \
            words, with a digest of each file. Who wrote them out, for whom, why and by whose \
            authority goes into the log's audit trail, first; the digest of the whole follows, so \
            that `evidence verify` tells later whether anything was changed.

            EXAMPLES
              bellgate evidence export --device head-laptop --since 2026-11-16 --until 2026-11-23 \\
                --reason "Complaint 4" --authorised-by principal --out complaint-4 --config bellgate.yaml
              bellgate evidence export --device d-7Q4K2M9XTB --to parents --since 2026-11-16 \\
                --until 2026-11-23 --reason "Meeting with parents" --authorised-by dsl --out meeting \\
                --config bellgate.yaml
              bellgate evidence verify complaint-4 --config bellgate.yaml
            """,
        subcommands: [EvidenceExport.self, EvidenceVerify.self])
}
