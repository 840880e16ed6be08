import CLDNS

/// The SHA-256 digest of `bytes`: 32 octets (FIPS 180-4).
public func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var hash = SHA256()
    // SAFETY: the caller's buffer is valid for the call.
    unsafe hash.update(bytes)
    return hash.digest
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
///
/// By OpenSSL, which has the processor's own instructions do the work where there are any: some
/// 0.6 ns an octet instead of 5. A value, and it cannot fail.
public struct SHA256 {
    private var context = SHA256_CTX()

    /// The digest of nothing so far.
    public init() { unsafe SHA256_Init(&context) }

    /// Takes the next piece.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // SAFETY: the caller's buffer is valid for the call, and hashing only reads it.
        unsafe SHA256_Update(&context, bytes.baseAddress, bytes.count)
    }

    /// The digest of all pieces, 32 octets; more pieces may still come after it.
    public var digest: [UInt8] {
        var copy = context
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        unsafe SHA256_Final(&digest, &copy)
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
