import NIOSSL

/// Whether a verified certificate is this server's (RFC 9525, 6.3).
///
/// NIOSSL alone also takes a certificate that names the address, and an old common name. Where a
/// name is looked up, who forges that answer chooses the address, so the name itself is asked for.
func certificate(_ certificate: NIOSSLCertificate?, names serverName: String) -> Bool {
    guard let certificate else { return false }
    return certificate._subjectAlternativeNames().contains {
        $0.nameType == .dnsName && presentedName([UInt8]($0.contents), matches: serverName)
    }
}

/// Whether a name of a certificate covers the server: equal but for case, or `*` for its first
/// label where two more follow.
func presentedName(_ presented: [UInt8], matches serverName: String) -> Bool {
    let dot = UInt8(ascii: ".")
    let presented = presented.map(asciiLowercase)
    var host = serverName.utf8.map(asciiLowercase)
    if host.last == dot { host.removeLast() }
    guard !host.isEmpty, !host.contains(UInt8(ascii: "*")) else { return false }
    guard presented.starts(with: "*.".utf8) else { return presented == host }
    guard let first = host.firstIndex(of: dot), first > 0 else { return false }
    let rest = host[(first + 1)...]
    return rest.contains(dot) && rest == presented.dropFirst(2)
}

private func asciiLowercase(_ octet: UInt8) -> UInt8 {
    UInt8(ascii: "A")...UInt8(ascii: "Z") ~= octet ? octet | 0x20 : octet
}
