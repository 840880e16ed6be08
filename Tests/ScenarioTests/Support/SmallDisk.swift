import Foundation
import Glibc

/// A small disk of its own, for as long as the test runs; nil where that is not permitted.
final class SmallDisk {
    let folder: Folder

    /// - Parameter options: what mount(8) takes besides the size.
    init?(megabytes: Int, options: String = "rw") throws {
        folder = try Folder()
        guard geteuid() == 0,
            try Run(
                "mount",
                ["-t", "tmpfs", "-o", "size=\(megabytes)m,\(options)", "tmpfs", folder.path]
            ).status == 0
        else { return nil }
    }

    deinit { _ = try? Run("umount", ["-l", folder.path]) }

    func fill() {
        _ = try? Run(
            "dd", ["if=/dev/zero", "of=\(folder.path)/ballast", "bs=4096", "count=100000"])
    }

    func clear() { try? FileManager.default.removeItem(atPath: "\(folder.path)/ballast") }

    /// Mounts it again with other options.
    func remount(_ options: String) throws {
        _ = try Run("mount", ["-o", "remount,\(options)", folder.path])
    }
}
