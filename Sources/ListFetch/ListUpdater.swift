import DomainLists
import Foundation
import Glibc
public import PolicyFile

/// What became of one list's update.
public enum ListUpdate: Sendable {
    /// New contents are in force: with so many names, where there were so many before.
    case changed(names: Int, before: Int)
    /// The web has what we have.
    case unchanged
    /// New contents look wrong; the last good copy stays.
    case held(String)
    /// It could not be fetched or kept; the last good copy stays.
    case failed(String)
}

/// Fetches lists from the web, checks them, and puts them in the place of the copies before.
///
/// A copy is always whole: contents are written beside it, looked through, made durable and renamed.
public struct ListUpdater {
    private let copies: ListCopies
    private let limits: FetchLimits
    private let now: () -> Int64

    /// - Parameters:
    ///   - copies: where the copies lie.
    ///   - limits: what one fetch may take.
    ///   - now: the wall clock, in seconds since 1970 UTC; `nil` for the system's.
    public init(
        copies: ListCopies, limits: FetchLimits = FetchLimits(octets: maximumListOctets),
        now: (() -> Int64)? = nil
    ) {
        self.copies = copies
        self.limits = limits
        self.now = now ?? { Int64(Date().timeIntervalSince1970) }
    }

    /// When a list is to be fetched next, in seconds since 1970 UTC.
    public static func due(_ list: WebList, _ state: ListCopyState) -> Int64 {
        // Where the policy has come to ask for it more often since.
        guard state.failures == 0, let triedAt = state.triedAt else { return state.dueAt }
        return min(state.dueAt, triedAt + list.everySeconds)
    }

    /// Fetches one list now. Takes seconds for a large one, minutes at most.
    public func update(_ list: WebList) -> ListUpdate {
        var state = copies.state(of: list.url)
        let fresh = copies.path(of: list.url) + ".new"
        let result = fetch(list, &state, into: fresh)
        // Before the notes, which may need the room. SAFETY: the path is passed as a C string for
        // the length of the call.
        _ = unsafe unlink(fresh)
        state.triedAt = now()
        if case .failed(let reason) = result {
            state.problem = reason
            state.failures += 1
            state.dueAt = now() + Self.retrySeconds(failures: state.failures, list)
        } else {
            state.problem = nil
            state.failures = 0
            let early = Double.random(in: 0...Patience.jitter)
            state.dueAt = now() + max(1, Int64(Double(list.everySeconds) * (1 - early)))
        }
        do {
            try copies.save(state)
        } catch {
            if case .failed = result { return result }
            return .failed("its notes cannot be kept: \(error.localizedDescription)")
        }
        return result
    }

    /// Takes contents that were held back.
    public func accept(_ list: WebList) -> ListUpdate {
        var state = copies.state(of: list.url)
        guard let held = state.held else { return .failed("nothing of it is held back") }
        let path = copies.heldPath(of: list.url)
        guard let found = inspectList(at: path, format: list.format, match: list.match),
            found.digest == held.digest
        else {
            return .failed("\(path) is not what was held back; fetch it again")
        }
        let before = state.names
        state.digest = found.digest
        state.names = found.summary.names
        (state.changedAt, state.currentAt) = (now(), now())
        state.held = nil
        do {
            try place(path, at: copies.path(of: list.url))
            try copies.save(state)
        } catch {
            return .failed("it cannot be kept: \(error.localizedDescription)")
        }
        return .changed(names: found.summary.names, before: before)
    }

    private func fetch(
        _ list: WebList, _ state: inout ListCopyState, into fresh: String
    ) -> ListUpdate {
        do {
            try copies.makeFolder()
        } catch {
            return .failed("\(copies.folder) cannot be made: \(error.localizedDescription)")
        }
        // SAFETY: the path is passed as a C string for the length of the call.
        let descriptor = unsafe open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return .failed("\(fresh) cannot be written: \(Self.reason)") }
        defer { close(descriptor) }
        // What we do not have any more must not be answered with "you have it".
        let isWhole =
            !state.digest.isEmpty
            && listDigest(of: copies.path(of: list.url)) == state.digest
        let fetch = Fetch(
            url: list.url, etag: isWhole ? state.etag : nil,
            lastModified: isWhole ? state.lastModified : nil,
            mayRedirectInside: list.mayRedirectInside, limits: limits)
        switch fetch.run(into: descriptor) {
        case .failed(let reason): return .failed(reason)
        case .redirected: return .failed("it redirects without end")
        case .notModified:
            if let held = state.held { return .held(held.reason) }
            state.currentAt = now()
            return .unchanged
        case .fetched(let etag, let lastModified):
            guard fsync(descriptor) == 0 else {
                return .failed("it cannot be kept: \(Self.reason)")
            }
            if let problem = unpack(fresh) { return .failed(problem) }
            let result = take(fresh, list, isWhole: isWhole, &state)
            if case .failed = result { return result }
            (state.etag, state.lastModified) = (etag, lastModified)
            return result
        }
    }

    /// Puts the list in place of what it came packed in; says why that cannot be done.
    private func unpack(_ fresh: String) -> String? {
        guard Unpacking.isPacked(fresh) else { return nil }
        let unpacked = fresh + ".unpacked"
        // SAFETY: the path is passed as a C string for the length of the call.
        defer { _ = unsafe unlink(unpacked) }
        if let problem = Unpacking.unpack(fresh, into: unpacked, limit: limits.octets) {
            return problem
        }
        do {
            try place(unpacked, at: fresh)
        } catch {
            return "it cannot be kept: \(error.localizedDescription)"
        }
        return nil
    }

    /// Looks through new contents and uses them or holds them back.
    private func take(
        _ fresh: String, _ list: WebList, isWhole: Bool, _ state: inout ListCopyState
    ) -> ListUpdate {
        guard let found = inspectList(at: fresh, format: list.format, match: list.match) else {
            return .failed("what was fetched cannot be read again")
        }
        if isWhole, found.digest == state.digest {
            state.currentAt = now()
            dropHeld(list, &state)
            return .unchanged
        }
        let before = isWhole ? state.names : 0
        do {
            if let doubt = Self.doubt(found, before: before, hasCopy: isWhole) {
                try place(fresh, at: copies.heldPath(of: list.url))
                state.held = ListCopyState.Held(
                    reason: doubt, at: now(), names: found.summary.names, digest: found.digest)
                return .held(doubt)
            }
            try place(fresh, at: copies.path(of: list.url))
        } catch {
            return .failed("it cannot be kept: \(error.localizedDescription)")
        }
        state.digest = found.digest
        state.names = found.summary.names
        (state.changedAt, state.currentAt) = (now(), now())
        dropHeld(list, &state)
        return .changed(names: found.summary.names, before: before)
    }

    /// Why new contents look wrong; `nil` if they do not.
    private static func doubt(_ found: ListInspection, before: Int, hasCopy: Bool) -> String? {
        let (names, unusable) = (found.summary.names, found.summary.unusableCount)
        if found.isWebPage { return "they are a web page, not a list" }
        if names == 0 {
            return unusable == 0
                ? "they are empty" : "not one of their \(unusable) lines can be used"
        }
        if hasCopy, unusable > names {
            return "\(unusable) of their lines cannot be used, and only \(names) names can"
        }
        if Double(names) < Double(before) * (1 - Doubt.shrinking) {
            return "they have \(names) names, where there were \(before)"
        }
        return nil
    }

    private func dropHeld(_ list: WebList, _ state: inout ListCopyState) {
        state.held = nil
        // SAFETY: the path is passed as a C string for the length of the call.
        _ = unsafe unlink(copies.heldPath(of: list.url))
    }

    private func place(_ path: String, at target: String) throws {
        // SAFETY: the paths are passed as C strings for the length of the call.
        guard unsafe rename(path, target) == 0 else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSLocalizedDescriptionKey: Self.reason])
        }
    }

    private static func retrySeconds(failures: Int, _ list: WebList) -> Int64 {
        let doubled = Patience.firstRetrySeconds << Int64(min(failures - 1, 10))
        let longest = min(doubled, Patience.longestRetrySeconds, list.everySeconds)
        let early = Double.random(in: 0...Patience.jitter)
        return max(1, Int64(Double(longest) * (1 - early)))
    }

    private static var reason: String {
        // SAFETY: the text is copied at once.
        unsafe String(cString: strerror(errno))
    }
}

/// Keeps two processes from updating the lists of one folder at a time.
public final class UpdateLock {
    private let descriptor: Int32

    /// Waits until nobody else updates; `nil` if the folder cannot be used.
    public init?(_ copies: ListCopies) {
        guard (try? copies.makeFolder()) != nil else { return nil }
        // SAFETY: the path is passed as a C string for the length of the call.
        descriptor = unsafe open("\(copies.folder)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        while flock(descriptor, LOCK_EX) != 0 { guard errno == EINTR else { return nil } }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
