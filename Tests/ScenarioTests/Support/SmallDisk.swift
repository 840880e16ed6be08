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

    func fill() { fill(pages: 100_000) }

    /// Leaves so many MiB free.
    func fill(leaving megabytes: UInt) {
        var disk = statvfs()
        // SAFETY: the system fills in the one value.
        guard unsafe statvfs(folder.path, &disk) == 0 else { return }
        let left = UInt(disk.f_bavail * disk.f_frsize)
        fill(pages: (left - min(left, megabytes << 20)) / 4096)
    }

    private func fill(pages: UInt) {
        _ = try? Run(
            "dd", ["if=/dev/zero", "of=\(folder.path)/ballast", "bs=4096", "count=\(pages)"])
    }

    func clear() { try? FileManager.default.removeItem(atPath: "\(folder.path)/ballast") }

    /// Mounts it again with other options.
    func remount(_ options: String) throws {
        _ = try Run("mount", ["-o", "remount,\(options)", folder.path])
    }
}
