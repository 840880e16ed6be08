/// A count of a report, or that it is hidden because so few might be told apart.
public struct ReviewCount: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The count; `nil` where it is hidden.
    public var value: UInt64?

    /// A count that is shown.
    public init(_ value: UInt64) { self.value = value }

    /// A count that is not.
    public static let hidden: ReviewCount = {
        var count = ReviewCount(0)
        count.value = nil
        return count
    }()

    /// The word for a hidden count in CSV and JSON.
    static let word = "hidden"

    /// Reads a number or the word for "hidden".
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if (try? container.decode(String.self)) == Self.word {
            self = .hidden
        } else {
            self.init(try container.decode(UInt64.self))
        }
    }

    /// Writes a number, or the word for "hidden".
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encode(Self.word) }
    }

    /// The number, or the word for "hidden".
    public var description: String { value.map(String.init) ?? Self.word }

    /// The number, 0 where it is hidden: for drawing.
    var drawn: UInt64 { value ?? 0 }

    static func += (left: inout ReviewCount, right: UInt64) {
        left.value = (left.value ?? 0) + right
    }
}
