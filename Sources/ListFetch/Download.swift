import CCurl
import DNSWire
import Glibc

/// One request for one address, without redirections.
struct Download {
    var url: String
    /// What the server is told we have (RFC 9110, sections 13.1.2 and 13.1.3).
    var etag: String?
    var lastModified: String?
    /// Whether the server must be outside of the own network.
    var mustBeOutside: Bool
    var limits: FetchLimits

    enum Outcome {
        /// The contents are in the file.
        case fetched(etag: String?, lastModified: String?)
        /// The server has what we have (304).
        case notModified
        /// It lies elsewhere.
        case redirected(to: String)
        case failed(String)
    }

    /// Asks, and writes the contents into an open file. Takes as long as the limits allow.
    func run(into descriptor: Int32) -> Outcome {
        guard let curl = unsafe curl_easy_init() else { return .failed("libcurl cannot start") }
        let course = Course(
            descriptor: descriptor, limit: limits.octets, mustBeOutside: mustBeOutside)
        defer { unsafe curl_easy_cleanup(curl) }
        unsafe set(curl, course)
        // SAFETY: the list is freed when the transfer is over, which is its only reader.
        var headers: UnsafeMutablePointer<curl_slist>?
        for header in conditions { unsafe headers = curl_slist_append(headers, header) }
        defer { unsafe curl_slist_free_all(headers) }
        unsafe _ = curl_set_pointer(curl, CURLOPT_HTTPHEADER, headers)
        // SAFETY: `course` outlives the transfer, which alone calls back with its address.
        let code = withExtendedLifetime(course) { unsafe curl_easy_perform(curl) }
        return unsafe outcome(curl, code, course)
    }

    private var conditions: [String] {
        // What a server sent goes back as it was, but never as two headers.
        let sent = [("If-None-Match", etag), ("If-Modified-Since", lastModified)]
        return sent.compactMap { name, value in
            guard let value, value.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
            return "\(name): \(value)"
        }
    }

    private func set(_ curl: UnsafeMutableRawPointer, _ course: Course) {
        // SAFETY: libcurl copies texts; the course lives until the transfer is over (see `run`).
        let context = unsafe Unmanaged.passUnretained(course).toOpaque()
        unsafe curl_prepare_web(curl, url)
        unsafe curl_prepare(curl, limits.seconds, limits.connectSeconds)
        // Every coding that libcurl can undo; the limit counts what comes out.
        unsafe _ = curl_set_string(curl, CURLOPT_ACCEPT_ENCODING, "")
        // A proxy named in the environment would make the address check below mean nothing.
        unsafe _ = curl_set_string(curl, CURLOPT_PROXY, "")
        unsafe _ = curl_set_long(curl, CURLOPT_LOW_SPEED_LIMIT, limits.slowOctets)
        unsafe _ = curl_set_long(curl, CURLOPT_LOW_SPEED_TIME, limits.slowSeconds)
        unsafe _ = curl_set_taker(curl, CURLOPT_WRITEFUNCTION, takeContents)
        unsafe _ = curl_set_pointer(curl, CURLOPT_WRITEDATA, context)
        unsafe _ = curl_set_taker(curl, CURLOPT_HEADERFUNCTION, takeHeader)
        unsafe _ = curl_set_pointer(curl, CURLOPT_HEADERDATA, context)
        unsafe _ = curl_set_opener(curl, openSocket)
        unsafe _ = curl_set_pointer(curl, CURLOPT_OPENSOCKETDATA, context)
    }

    private func outcome(
        _ curl: UnsafeMutableRawPointer, _ code: CURLcode, _ course: Course
    ) -> Outcome {
        if let problem = course.problem { return .failed(problem) }
        guard code == CURLE_OK else {
            // SAFETY: libcurl's texts are constants with a NUL at the end.
            let reason = unsafe String(cString: curl_easy_strerror(code))
            return .failed(Self.plainWords[code.rawValue] ?? reason)
        }
        var status = 0
        // SAFETY: the call fills in the one value.
        unsafe _ = curl_get_long(curl, CURLINFO_RESPONSE_CODE, &status)
        switch status {
        case 200: return .fetched(etag: course.etag, lastModified: course.lastModified)
        case 304: return .notModified
        case 301, 302, 303, 307, 308:
            var target: UnsafeMutablePointer<CChar>?
            // SAFETY: the text is the handle's, which lives; it is copied at once.
            unsafe _ = curl_get_string(curl, CURLINFO_REDIRECT_URL, &target)
            guard let target = unsafe target else {
                return .failed("the server redirects (\(status)) without saying where to")
            }
            return .redirected(to: unsafe String(cString: target))
        case 401, 403: return .failed("the server refuses it (\(status))")
        case 404, 410: return .failed("the server does not have it (\(status))")
        case 429: return .failed("the server wants to be asked less often (429)")
        case 500...: return .failed("the server is in trouble (\(status))")
        default: return .failed("the server answered \(status)")
        }
    }

    /// What libcurl says too shortly.
    private static let plainWords: [UInt32: String] = [
        CURLE_COULDNT_RESOLVE_HOST.rawValue: "its host's name cannot be resolved",
        CURLE_COULDNT_CONNECT.rawValue: "its server cannot be reached",
        CURLE_OPERATION_TIMEDOUT.rawValue: "its server took too long",
        CURLE_PEER_FAILED_VERIFICATION.rawValue:
            "its server's certificate is not to be trusted",
        CURLE_PARTIAL_FILE.rawValue: "the connection broke off in the middle",
        CURLE_GOT_NOTHING.rawValue: "its server closed the connection without an answer",
        CURLE_RECV_ERROR.rawValue: "the connection broke off",
    ]
}

/// What is noted while a transfer runs; libcurl calls back on the thread that runs it.
private final class Course {
    let descriptor: Int32
    let limit: Int
    let mustBeOutside: Bool
    var octets = 0
    var problem: String?
    var etag: String?
    var lastModified: String?

    init(descriptor: Int32, limit: Int, mustBeOutside: Bool) {
        self.descriptor = descriptor
        self.limit = limit
        self.mustBeOutside = mustBeOutside
    }

    /// Whether all of it was written.
    func take(_ contents: UnsafeRawBufferPointer) -> Bool {
        octets += contents.count
        guard octets <= limit else {
            problem = "it has more than the \(limit) octets that a list may have"
            return false
        }
        var rest = unsafe contents
        while rest.count > 0 {
            // SAFETY: the buffer is libcurl's for the length of the call back.
            let count = unsafe write(descriptor, rest.baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                // SAFETY: the text is copied at once.
                problem = unsafe "it cannot be kept: \(String(cString: strerror(errno)))"
                return false
            }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
        return true
    }

    func take(header: String) {
        let parts = header.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return }
        let value = parts[1].drop { $0 == " " }
        let text = String(value.prefix { !$0.isNewline }.prefix(1024))
        switch parts[0].lowercased() {
        case "etag": etag = text
        case "last-modified": lastModified = text
        default: break
        }
    }
}

private let takeContents: curl_taker = { octets, size, count, context in
    guard let octets = unsafe octets, let context = unsafe context else { return 0 }
    // SAFETY: the context is the course that `Download.run` keeps alive; the octets are libcurl's for
    // the length of this call.
    let course = unsafe Unmanaged<Course>.fromOpaque(context).takeUnretainedValue()
    let contents = unsafe UnsafeRawBufferPointer(start: octets, count: size * count)
    return unsafe course.take(contents) ? size * count : 0
}

private let takeHeader: curl_taker = { octets, size, count, context in
    guard let octets = unsafe octets, let context = unsafe context else { return 0 }
    // SAFETY: as above.
    let course = unsafe Unmanaged<Course>.fromOpaque(context).takeUnretainedValue()
    let line = unsafe UnsafeRawBufferPointer(start: octets, count: size * count)
    course.take(header: unsafe String(decoding: line, as: UTF8.self))
    return size * count
}

private let openSocket: curl_opener = { context, _, address in
    guard let context = unsafe context, let address = unsafe address else { return -1 }
    // SAFETY: as above; the address is libcurl's for the length of this call.
    let course = unsafe Unmanaged<Course>.fromOpaque(context).takeUnretainedValue()
    let family = unsafe address.pointee.family
    if course.mustBeOutside {
        guard let place = unsafe ipAddress(address), Inside.isOutside(place) else {
            course.problem =
                "it redirects to an address of the own network, which only "
                + "redirect-inside: true allows"
            return -1
        }
    }
    return unsafe socket(
        family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
}

/// The address that is to be connected to.
private func ipAddress(_ address: UnsafeMutablePointer<curl_sockaddr>) -> IPAddress? {
    guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
    // SAFETY: `addrlen` octets lie at `addr`, laid out as the kernel does for the family; libcurl
    // keeps more room there than the field's type shows.
    let raw = unsafe UnsafeRawPointer(address) + offset
    let (family, length) = unsafe (address.pointee.family, Int(address.pointee.addrlen))
    if family == AF_INET, length >= MemoryLayout<sockaddr_in>.size {
        let v4 = unsafe raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        return IPAddress(v4: UInt32(bigEndian: v4))
    }
    if family == AF_INET6, length >= MemoryLayout<sockaddr_in6>.size {
        let high = unsafe raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        let low = unsafe raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        return IPAddress(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low))
    }
    return nil
}
