import Testing

/// The tests' own upstream, where it could spoil others' tests.
@Suite(.scenario) struct FakeUpstreamTests {
    /// Its threads may be late, on a busy machine: what they wait on must not become another's.
    @Test func whatIsStoppedTakesNothingOfOthers() throws {
        let isLate = Shared(false)
        let upstream = try FakeUpstream {
            isLate.change { $0 = true }
            pause(0.4)
            return .after(0.2, $0.address())
        }
        let asking = try Socket("127.0.0.1")
        try asking.connect(to: "127.0.0.1", port: upstream.port)
        asking.send(Wire.query("late.example.com"))
        #expect(eventually(within: 5) { isLate.value })
        upstream.stop()
        // These get the descriptors that have become free.
        let listener = try Socket("127.0.0.1", isStream: true)
        listener.listen()
        let clients = try (0..<8).map { _ in
            let client = try Socket("127.0.0.1", isStream: true)
            try client.connect(to: "127.0.0.1", port: listener.port)
            return client
        }
        let accepted = clients.compactMap { _ in listener.accept() }
        pause(0.6)
        for socket in clients + accepted {
            socket.setPatience(0.2)
            #expect(socket.receive() == nil, "somebody else wrote there")
        }
        for socket in accepted { socket.send([1, 2, 3]) }
        for socket in clients {
            socket.setPatience(2)
            #expect(socket.receive() == [1, 2, 3], "somebody else read there")
        }
    }
}
