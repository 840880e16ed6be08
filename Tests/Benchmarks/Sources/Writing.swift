import Glibc

/// A value of JSON, written out by hand: numbers and objects are all there is.
enum JSONText {
    case number(Double)
    case object([(String, JSONText)])

    var rendered: String {
        switch self {
        case .number(let value):
            value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        case .object(let members):
            "{" + members.map { "\"\($0.0)\": \($0.1.rendered)" }.joined(separator: ", ") + "}"
        }
    }
}

/// A number with so many places behind the point.
func fixed(_ value: Double, _ places: Int = 1) -> String {
    guard value.isFinite else { return "?" }
    let unit = (0..<places).reduce(1.0) { power, _ in power * 10 }
    let scaled = Int64((abs(value) * unit).rounded())
    let whole = scaled / Int64(unit)
    let rest = String(scaled % Int64(unit))
    let zeros = String(repeating: "0", count: max(places - rest.count, 0))
    return (value < 0 ? "-" : "") + "\(whole)" + (places > 0 ? ".\(zeros)\(rest)" : "")
}

func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
}

/// A folder that goes away with its owner, and what lies in it up to two levels down.
final class TemporaryFolder {
    let path: String

    struct Refused: Error {}

    init() throws {
        var name = Array("/tmp/benchmarks-XXXXXX".utf8CString)
        // SAFETY: mkdtemp changes the six letters in place.
        let isMade = unsafe name.withUnsafeMutableBufferPointer { letters in
            guard let start = letters.baseAddress else { return false }
            return unsafe mkdtemp(start) != nil
        }
        guard isMade else { throw Refused() }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        guard let folder = unsafe opendir(path) else {
            _ = unsafe unlink(path)
            return
        }
        // SAFETY: each entry is read before the next call; its name ends with a NUL.
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
            }
            if name != ".", name != ".." { remove("\(path)/\(name)") }
        }
        _ = unsafe closedir(folder)
        _ = unsafe rmdir(path)
    }
}
