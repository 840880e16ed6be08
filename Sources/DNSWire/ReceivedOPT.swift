/// What is used of the OPT record of an upstream's answer (RFC 6891 section 6.1).
struct ReceivedOPT {
    /// The upper eight bits of the response code; 0 without a record.
    var extendedCode: UInt8 = 0
    /// Where its options lie; within the message.
    var data = 0..<0

    /// EDE, in a list of options (RFC 8914 section 2).
    private static let extendedErrorOption: UInt16 = 15

    /// The first extended error among the options.
    ///
    /// Its code alone: what the upstream writes beside it is anybody's text.
    ///
    /// - Parameter message: the message that was read.
    /// - Returns: nil where there is none, or 0 ("other error"), which says nothing.
    func error(_ message: Span<UInt8>) -> ExtendedErrorCode? {
        var index = data.lowerBound
        while index + 4 <= data.upperBound {
            let end = index + 4 + Int(message.bigEndian16(at: index + 2))
            guard end <= data.upperBound else { return nil }
            if message.bigEndian16(at: index) == Self.extendedErrorOption, end >= index + 6 {
                let code = message.bigEndian16(at: index + 4)
                return code == 0 ? nil : ExtendedErrorCode(rawValue: code)
            }
            index = end
        }
        return nil
    }
}
