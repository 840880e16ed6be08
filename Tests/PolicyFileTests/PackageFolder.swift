import Foundation

/// The folder with Package.swift, as seen from this file.
let packageFolder: String? = {
    var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    while folder.path != "/" {
        folder = folder.deletingLastPathComponent()
        if FileManager.default.fileExists(atPath: folder.path + "/Package.swift") {
            return folder.path
        }
    }
    return nil
}()
