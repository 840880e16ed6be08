import Testing

@testable import Forwarding

@Suite struct EncryptedServerName {
    @Test(
        "a certificate's name covers a server or does not",
        arguments: [
            ("dns.example.net", "dns.example.net", true),
            ("DNS.Example.net", "dns.example.NET", true),
            ("dns.example.net", "dns.example.net.", true),
            ("dns.example.net", "dns.example.org", false),
            ("example.net", "dns.example.net", false),
            ("dns.example.net", "example.net", false),
            ("*.example.net", "dns.example.net", true),
            ("*.example.net", "a.dns.example.net", false),
            ("*.example.net", "example.net", false),
            ("*.example.net", ".example.net", false),
            ("*.net", "example.net", false),
            ("d*.example.net", "dns.example.net", false),
            ("*.example.net", "*.example.net", false),
            ("", "dns.example.net", false),
            ("", "", false),
            ("dns.example.net\0.example.org", "dns.example.net", false),
        ])
    func covers(_ presented: String, _ serverName: String, _ expected: Bool) {
        #expect(presentedName([UInt8](presented.utf8), matches: serverName) == expected)
    }
}
