import DecisionLog
import Glibc
import LogStore

// Takes a log into its store without a rest, every row as soon as it is there, and writes an octet
// to standard output after each round. A test kills it while it does so.
//
// Argument: DIRECTORY.

guard CommandLine.arguments.count == 2,
    let follower = try StoreFollower.start(
        logDirectory: CommandLine.arguments[1], keepSeconds: nil)
else { exit(2) }

while true {
    var now = timespec()
    // SAFETY: the kernel fills in the one value.
    _ = unsafe clock_gettime(CLOCK_REALTIME, &now)
    let micros = Int64(now.tv_sec) * 1_000_000
    let progress = try follower.follow(nowMicros: micros, rowLimit: 500, isFinal: true)
    var mark: UInt8 = 1
    // SAFETY: one local octet; where the reader is gone, nothing more is to be done.
    guard unsafe write(1, &mark, 1) == 1 else { exit(0) }
    if progress.rows == 0 { usleep(500) }
}
