import DNSWire
import PolicyFile
import Testing

private func read(_ text: String) throws -> (ConfigurationLoad, TemporaryFolder) {
    let folder = try TemporaryFolder()
    return (loadConfiguration(at: try folder.write(text, to: "bellgate.yaml")), folder)
}

@Test func theConfigurationSaysWhatIsWritten() throws {
    let (load, folder) = try read(
        """
        policy: conf/policy.yaml
        listen: { dns: ["127.0.0.1:5300", "[::1]:5300", 192.0.2.1, "::1"] }
        upstreams: [system, demo, 9.9.9.9, "127.0.0.1:5999", "2620:fe::fe", "[2620:fe::fe]:5353",
                    "tls://9.9.9.9#dns.quad9.net", "tls://9.9.9.9:8853#dns.quad9.net",
                    "tls://[2620:fe::fe]#dns.quad9.net", "https://dns.quad9.net/dns-query",
                    "https://192.0.2.1:8443/q", "https://[2001:db8::1]/dns-query"]
        allow-from: [private, 192.0.2.0/24]
        log: { directory: /var/log/bellgate, keep: 12h, segment: 16MiB, sync: 5s }
        forward: { kite.example: ["10.0.0.10"], 10.in-addr.arpa: ["10.0.0.10", "10.0.0.11:54"] }
        control: run/x.sock
        workers: 3
        """)
    let configuration = try #require(load.configuration, "\(load.diagnostics)")
    #expect(load.diagnostics.isEmpty)
    #expect(configuration.policyPath == folder.path + "/conf/policy.yaml")
    #expect(
        configuration.listen.map(\.description) == [
            "127.0.0.1:5300", "[::1]:5300", "192.0.2.1:53", "[::1]:53",
        ])
    func endpoint(_ text: String, _ port: UInt16) throws -> Endpoint {
        Endpoint(address: try #require(IPAddress(text)), port: port)
    }
    #expect(
        try configuration.upstreams == [
            .system, .demo, .plain(endpoint("9.9.9.9", 53)), .plain(endpoint("127.0.0.1", 5999)),
            .plain(endpoint("2620:fe::fe", 53)), .plain(endpoint("2620:fe::fe", 5353)),
            .tls(endpoint("9.9.9.9", 853), name: "dns.quad9.net"),
            .tls(endpoint("9.9.9.9", 8853), name: "dns.quad9.net"),
            .tls(endpoint("2620:fe::fe", 853), name: "dns.quad9.net"),
            .https(host: "dns.quad9.net", port: 443, path: "/dns-query"),
            .https(host: "192.0.2.1", port: 8443, path: "/q"),
            .https(host: "2001:db8::1", port: 443, path: "/dns-query"),
        ])
    #expect(configuration.allowFrom.count == ServerConfiguration.privateNetworks.count + 1)
    #expect(configuration.logDirectory == "/var/log/bellgate")
    #expect(configuration.logKeepSeconds == 12 * 3600)
    #expect(configuration.logSegmentBytes == 16 << 20)
    #expect(configuration.logSyncSeconds == 5)
    #expect(
        configuration.forward.map { "\($0.zone) \($0.servers.count)" } == [
            "kite.example 1", "10.in-addr.arpa 2",
        ])
    #expect(configuration.controlPath == folder.path + "/run/x.sock")
    #expect(configuration.workers == .fixed(3))
}

@Test func whatIsNotWrittenHasItsDefault() throws {
    let (load, folder) = try read("policy: policy.yaml\n")
    let configuration = try #require(load.configuration)
    #expect(configuration.listen.map(\.description) == ["127.0.0.1:5300", "[::1]:5300"])
    #expect(configuration.upstreams == [.system])
    #expect(configuration.allowFrom == ServerConfiguration.privateNetworks)
    #expect(configuration.allowFrom.count == 8)
    #expect(configuration.logDirectory == folder.path + "/log")
    #expect(configuration.logKeepSeconds == 90 * 86_400)
    #expect(configuration.logSegmentBytes == 64 << 20)
    #expect(configuration.logSyncSeconds == 1)
    #expect(configuration.controlPath == folder.path + "/run/bellgate.sock")
    #expect(configuration.workers == .automatic)
    #expect(configuration.forward.isEmpty)
}

@Test(arguments: [
    ("‸polcy: a\n", "\"polcy\" is no key of the configuration file", "\"policy\""),
    ("‸cache: { size: 1MiB }\n", "is not yet supported", ""),
    ("‸dnssec: validate\n", "is not yet supported", ""),
    ("‸strategy: fastest\n", "is not yet supported", ""),
    ("‸trust-proxy-from: []\n", "is not yet supported", ""),
    ("listen: { ‸tls: {} }\n", "is not yet supported", ""),
    ("listen: { ‸https: {} }\n", "is not yet supported", ""),
    ("listen: { ‸metrics: x }\n", "is not yet supported", ""),
    ("listen: { dns: [‸\"localhost:53\"] }\n", "is no address with a port", "127.0.0.1"),
    ("listen: { dns: [‸\"127.0.0.1:0\"] }\n", "is no address with a port", ""),
    ("listen: { dns: [‸\"127.0.0.1:65536\"] }\n", "is no address with a port", ""),
    ("listen: { dns: [‸\"[::1]5300\"] }\n", "is no address with a port", ""),
    ("listen: { dns: [\"127.0.0.1:53\", ‸127.0.0.1] }\n", "127.0.0.1:53 is given twice", ""),
    ("listen: { dns: ‸[] }\n", "empty list", ""),
    ("upstreams: [‸sytem]\n", "\"sytem\" is no upstream", "\"system\""),
    ("upstreams: [‸\"tls://9.9.9.9\"]\n", "does not name its certificate", "#dns.quad9.net"),
    ("upstreams: [‸\"tls://dns.quad9.net#dns.quad9.net\"]\n", "is no address", ""),
    ("upstreams: [‸\"https://dns.quad9.net\"]\n", "has no path", ""),
    ("upstreams: [‸\"https:///dns-query\"]\n", "has no usable host", ""),
    ("upstreams: [‸\"quic://9.9.9.9\"]\n", "\"quic\" is no way", ""),
    ("allow-from: [‸privat]\n", "is no network", "\"private\""),
    ("allow-from: [‸10.0.0.1/8]\n", "host bits", "10.0.0.0/8"),
    ("log: { keep: ‸forever }\n", "is no length of time", ""),
    ("log: { keep: ‸1s }\n", "out of range", ""),
    ("log: { sync: ‸0s }\n", "out of range", "it may be 1 to 60 seconds"),
    ("log: { sync: ‸2h }\n", "out of range", "it may be 1 to 60 seconds"),
    ("log: { keep: ‸99999999999999999999d }\n", "is no length of time", ""),
    ("log: { segment: ‸64MB }\n", "is no size", "64MiB"),
    ("log: { segment: ‸9999999999GiB }\n", "out of range", ""),
    ("log: { ‸dir: x }\n", "no key of \"log\"", ""),
    ("forward: { ‸a..b: [10.0.0.10] }\n", "is no zone", ""),
    ("forward: { a.example: [‸demo] }\n", "cannot serve a zone", ""),
    (
        "forward: { a.example: [10.0.0.10], ‸A.example.: [10.0.0.11] }\n",
        "zone a.example is given twice", "one key"
    ),
    ("‸alerts: { digest: off }\n", "does not say how anybody is told", "email:"),
    ("alerts: { command: ‸[tell] }\n", "is no whole path", "/usr/local/bin/tell"),
    ("alerts: { command: [/bin/tell], digest: ‸8am }\n", "is no time of day", "08:00"),
    ("alerts: { command: [/bin/tell], at-once: ‸hihg }\n", "is no value of", "\"high\""),
    (
        "alerts: { email: { to: [‸dsl], from: a@b.example, server: c.example } }\n",
        "\"dsl\" is no mail address", ""
    ),
    (
        "alerts: { email: { to: [\"a@b.example\"], from: ‸\"a@b.example>\", server: c.example } }\n",
        "is no mail address", ""
    ),
    (
        "alerts: { email: { to: [a@b.example], from: a@b.example, server: ‸\"c.example:x\" } }\n",
        "is no mail server", ""
    ),
    ("alerts: { email: ‸{ to: [a@b.example], from: a@b.example } }\n", "has no \"server\"", ""),
    (
        "alerts: { email: { to: [a@b.example], from: a@b.example, server: c.example, ‸user: u } }\n",
        "go together", ""
    ),
    (
        "alerts: { email: { to: [a@b.example], from: a@b.example, server: c.example, security: none, "
            + "user: ‸u, password-file: p } }\n", "for all to read", "starttls"
    ),
    ("alerts: { webhook: { url: ‸\"ftp://a.example/\" } }\n", "is no address of a web server", ""),
    ("workers: ‸0\n", "is no number of workers", ""),
    ("workers: ‸many\n", "is no number of workers", ""),
    ("control: ‸\(String(repeating: "x", count: 120))\n", "is longer than", ""),
])
func findsMistakesOfTheConfiguration(marked: String, message: String, hint: String) throws {
    let text = MarkedText(marked)
    let (load, _) = try read(text.text)
    #expect(load.configuration == nil)
    let found = load.diagnostics.first { $0.message.contains(message) }
    #expect(
        found.map { "\($0.line):\($0.column)" } == "\(text.line):\(text.column)",
        "\(load.diagnostics)")
    #expect(found?.hint.contains(hint) == true)
    #expect(load.diagnostics.count == 1, "\(load.diagnostics)")
}

@Test func anOpenResolverIsWarnedOf() throws {
    let (load, _) = try read("allow-from: [0.0.0.0/0]\n")
    #expect(load.configuration != nil)
    #expect(load.diagnostics.first?.severity == .warning)
}

@Test func systemResolversComeFromResolvConf() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
        "# c\nnameserver 192.0.2.53\nsearch example.com\nnameserver fe80::1%eth0\n"
            + "nameserver\t2001:db8::53 # x\noptions edns0\nnameserver\n", to: "resolv.conf")
    #expect(
        systemResolvers(resolvConf: path).map(\.description) == [
            "192.0.2.53:53", "[2001:db8::53]:53",
        ])
    #expect(systemResolvers(resolvConf: folder.path + "/none").isEmpty)
}
