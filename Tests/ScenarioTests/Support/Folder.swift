import Foundation

/// A folder of files that goes away with the test.
final class Folder: Sendable {
    let path: String

    init() throws {
        // Short: a Unix socket's path has to fit 107 octets.
        path = "/tmp/bgs-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// A folder with the small college's policy and a configuration that no server runs by.
    ///
    /// - Parameter log: the log's directory.
    static func college(log: String = "log") throws -> Folder {
        let folder = try Folder()
        try folder.write(collegePolicy, to: "policy.yaml")
        try folder.write(
            "policy: policy.yaml\nlisten: { dns: [\"127.0.0.1:5300\"] }\nupstreams: [demo]\n"
                + "log: { directory: \(log) }\n", to: "bellgate.yaml")
        return folder
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file in place, with the folders above it; returns its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let file = "\(path)/\(name)"
        try FileManager.default.createDirectory(
            atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// Writes a file beside and renames it over the old one, as editors do.
    func replace(_ text: String, at name: String) throws {
        let new = try write(text, to: name + ".new")
        guard unsafe rename(new, "\(path)/\(name)") == 0 else {
            throw ScenarioFailure("cannot rename \(new)")
        }
    }

    func read(_ name: String) -> String {
        guard let data = FileManager.default.contents(atPath: "\(path)/\(name)") else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
}

/// The folder with `Package.swift`.
let packageFolder: String = {
    var place = URL(fileURLWithPath: #filePath)
    while place.path != "/" {
        place.deleteLastPathComponent()
        let manifest = place.appendingPathComponent("Package.swift").path
        if FileManager.default.fileExists(atPath: manifest) { break }
    }
    return place.path
}()

/// Real data that may lie beside the package; nil where it does not.
func realData(_ name: String) -> String? {
    let path = "\(packageFolder)/../shared/\(name)"
    return FileManager.default.fileExists(atPath: path) ? path : nil
}
