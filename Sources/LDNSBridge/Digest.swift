import CLDNS

/// The SHA-256 digest of `bytes`: 32 octets (FIPS 180-4).
public func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    // SAFETY: the caller's buffer is valid for the call, and hashing only reads it; a nil base
    // goes with a count of zero, which the loop never enters.
    unsafe bytes.withMemoryRebound(to: UInt8.self) { octets in
        var context = ldns_sha256_CTX()
        var digest = [UInt8](repeating: 0, count: Int(LDNS_SHA256_DIGEST_LENGTH))
        unsafe ldns_sha256_init(&context)
        if let base = octets.baseAddress {
            unsafe ldns_sha256_update(&context, base, octets.count)
        }
        unsafe ldns_sha256_final(&digest, &context)
        return digest
    }
}

/// The SHA-256 digest of `bytes`: 32 octets (FIPS 180-4).
public func sha256(_ bytes: [UInt8]) -> [UInt8] {
    // SAFETY: the array outlives the call.
    unsafe bytes.withUnsafeBytes { unsafe sha256($0) }
}

/// Octets as lower-case hexadecimal digits, two for each.
public func hexadecimal(_ octets: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for octet in octets {
        text.append(digits[Int(octet >> 4)])
        text.append(digits[Int(octet & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// A SHA-256 digest that is fed piece by piece (FIPS 180-4).
public struct SHA256 {
    private var context = ldns_sha256_CTX()

    /// The digest of nothing so far.
    public init() { unsafe ldns_sha256_init(&context) }

    /// Takes the next piece.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // SAFETY: the caller's buffer is valid for the call, and hashing only reads it.
        unsafe bytes.withMemoryRebound(to: UInt8.self) { octets in
            guard let base = octets.baseAddress else { return }
            unsafe ldns_sha256_update(&context, base, octets.count)
        }
    }

    /// The digest of all pieces, 32 octets; more pieces may still come after it.
    public var digest: [UInt8] {
        var copy = context
        var digest = [UInt8](repeating: 0, count: Int(LDNS_SHA256_DIGEST_LENGTH))
        unsafe ldns_sha256_final(&digest, &copy)
        return digest
    }
}

/// The MD5 digest of octets: 16 of them (RFC 1321). For RADIUS alone, which knows no other.
public func md5(_ octets: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    // SAFETY: both arrays outlive the call, which writes at most EVP_MAX_MD_SIZE octets.
    let done = unsafe octets.withUnsafeBytes { bytes in
        unsafe EVP_Digest(bytes.baseAddress, bytes.count, &digest, &count, EVP_md5(), nil)
    }
    return done == 1 ? Array(digest.prefix(Int(count))) : []
}

/// The HMAC-MD5 of octets under a key: 16 octets (RFC 2104). For RADIUS alone.
///
/// - Returns: no octets where the library refuses, as one may that knows no MD5.
public func hmacMD5(_ octets: [UInt8], key: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    // SAFETY: the arrays outlive the call, which writes at most EVP_MAX_MD_SIZE octets.
    let done = unsafe key.withUnsafeBytes { key in
        unsafe HMAC(
            EVP_md5(), key.baseAddress, Int32(clamping: key.count), octets, octets.count, &digest,
            &count)
    }
    return unsafe done == nil ? [] : Array(digest.prefix(Int(count)))
}
