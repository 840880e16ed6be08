import CPacketIO
import Dice
import Glibc
import Testing

/// Datagrams of one client that leave together: they arrive as if each had gone by itself.
@Suite struct TrainTests {
    private static let slots: UInt32 = 128

    /// What is sent, once to each of some clients in turn.
    private static func payload(_ number: Int, count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
    }

    @Test(arguments: [false, true], [1, 3, 8, 128])
    func everyDatagramArrivesWhole(isV6: Bool, clientCount: Int) throws {
        var generator = SeededGenerator(seed: 1)
        let server = try LoopbackSocket(isV6: isV6)
        let clients = try (0..<clientCount).map { _ in try LoopbackSocket(isV6: isV6) }
        let batch = try Batch(slots: Self.slots)
        for round in 0..<30 {
            var expected = [[[UInt8]]](repeating: [], count: clientCount)
            // Few lengths and many; short ones, the longest, and none at all.
            let lengths = round % 3 == 0 ? 12...1232 : round % 3 == 1 ? 100...104 : 0...1
            for number in 0..<Int.random(in: 1...Int(Self.slots), using: &generator) {
                let client = Int.random(in: 0..<clientCount, using: &generator)
                let octets = Self.payload(
                    number, count: .random(in: lengths, using: &generator))
                batch.push(octets, to: clients[client].peer)
                expected[client].append(octets)
            }
            #expect(batch.send(by: server).lost == 0)
            for (client, datagrams) in zip(clients, expected) {
                var received: [[UInt8]] = []
                while let datagram = client.receive() { received.append(datagram.octets) }
                received.sort(by: Self.precedes)
                let sent = datagrams.sorted(by: Self.precedes)
                #expect(received == sent)
            }
        }
    }

    private static func precedes(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.lexicographicallyPrecedes(other)
    }

    /// A client that takes trains whole sees how many there were.
    @Test func datagramsOfOneClientAreCoupled() throws {
        let server = try LoopbackSocket()
        let client = try LoopbackSocket()
        try client.takesTrains()
        let batch = try Batch(slots: Self.slots)
        // 100, 99 and 98 octets, twenty each, and one of 50: the least is three trains.
        for number in 0..<60 {
            batch.push(Self.payload(number, count: 98 + number % 3), to: client.peer)
        }
        batch.push(Self.payload(60, count: 50), to: client.peer)
        #expect(batch.send(by: server).lost == 0)
        var trains: [Int] = []
        while let train = client.receive() { trains.append(train.octets.count) }
        #expect(trains.count == 3)
        let octets = 20 * (98 + 99 + 100) + 50
        #expect(trains.reduce(0, +) == octets)
    }

    /// 64 are what the kernel takes in one; the one that was to close them goes by itself.
    @Test func aFullTrainIsNotClosed() throws {
        let server = try LoopbackSocket()
        let client = try LoopbackSocket()
        try client.takesTrains()
        let batch = try Batch(slots: Self.slots)
        for number in 0..<64 { batch.push(Self.payload(number, count: 100), to: client.peer) }
        batch.push(Self.payload(64, count: 50), to: client.peer)
        #expect(batch.send(by: server).lost == 0)
        #expect(client.receive()?.octets.count == 64 * 100)
        #expect(client.receive()?.octets == Self.payload(64, count: 50))
        #expect(client.receive() == nil)
    }

    /// As few trains as can be, whatever the lengths: every choice of lengths that have no train of
    /// their own is tried.
    @Test func noOtherCouplingHasFewerTrains() throws {
        var generator = SeededGenerator(seed: 2)
        let server = try LoopbackSocket()
        let client = try LoopbackSocket()
        try client.takesTrains()
        let batch = try Batch(slots: Self.slots)
        for _ in 0..<300 {
            let shortest = Int.random(in: 0...60, using: &generator)
            let longest = shortest + Int.random(in: 0...9, using: &generator)
            let lengths = (0..<Int.random(in: 16...40, using: &generator)).map { _ in
                // Half of them anywhere, half nearer to the longest.
                let one = Int.random(in: shortest...longest, using: &generator)
                return Bool.random(using: &generator)
                    ? one : Int.random(in: one...longest, using: &generator)
            }
            for (number, length) in lengths.enumerated() {
                batch.push(Self.payload(number, count: length), to: client.peer)
            }
            #expect(batch.send(by: server).lost == 0)
            var trains = 0
            while client.receive() != nil { trains += 1 }
            #expect(trains == Self.fewestTrains(lengths), "\(lengths.sorted(by: >))")
        }
    }

    /// The least number of trains for datagrams of such lengths, by trying all choices.
    private static func fewestTrains(_ lengths: [Int]) -> Int {
        let counts = Dictionary(lengths.map { ($0, 1) }, uniquingKeysWith: +)
            .filter { $0.key > 0 }
            .sorted { $0.key > $1.key }
            .map(\.value)
        let fewest =
            (0..<1 << counts.count).compactMap { choice -> Int? in
                // The longest first, each datagram of a chosen length closes a train of longer ones.
                var open = 0
                var trains = 0
                for (place, count) in counts.enumerated() {
                    if choice >> place & 1 == 1 {
                        open -= count
                        if open < 0 { return nil }
                    } else {
                        open += 1
                        trains += 1
                    }
                }
                return trains
            }.min() ?? 0
        // Of those without octets each goes by itself.
        return fewest + lengths.count { $0 == 0 }
    }

    @Test func fewDatagramsGoOneByOne() throws {
        let server = try LoopbackSocket()
        let client = try LoopbackSocket()
        try client.takesTrains()
        let batch = try Batch(slots: Self.slots)
        for number in 0..<15 { batch.push(Self.payload(number, count: 100), to: client.peer) }
        #expect(batch.send(by: server).lost == 0)
        var count = 0
        while client.receive() != nil { count += 1 }
        #expect(count == 15)
    }

    /// What the answer leaves from is part of its way: a train never mixes two of our addresses.
    @Test func answersLeaveFromTheAddressThatWasAsked() throws {
        let server = try LoopbackSocket(anyAddress: true)
        let client = try LoopbackSocket()
        let batch = try Batch(slots: Self.slots)
        for number in 0..<60 {
            var peer = client.peer
            peer.has_local = true
            peer.local_low = 0xFFFF_7F00_0001 + UInt64(number % 2)
            batch.push(Self.payload(number, count: 40), to: peer)
        }
        #expect(batch.send(by: server).lost == 0)
        var received = 0
        while let datagram = client.receive() {
            received += 1
            let number = Int(try #require(datagram.octets.first))
            #expect(datagram.from == 0x7F00_0001 + UInt32(number % 2))
        }
        #expect(received == 60)
    }

    /// Not all trains of one client and then all of the next.
    @Test func eachHasItsTurn() throws {
        let server = try LoopbackSocket(anyAddress: true)
        let client = try LoopbackSocket()
        try client.takesTrains()
        let batch = try Batch(slots: Self.slots)
        // Four ways to the one socket, told apart by where a train comes from; three lengths for
        // each, so that each has three trains.
        for way in 0..<4 {
            for number in 0..<18 {
                var peer = client.peer
                peer.has_local = true
                peer.local_low = 0xFFFF_7F00_0001 + UInt64(way)
                batch.push(Self.payload(number, count: 100 - number / 6), to: peer)
            }
        }
        #expect(batch.send(by: server).lost == 0)
        var order: [UInt32] = []
        while let train = client.receive() { order.append(train.from - 0x7F00_0001) }
        #expect(order == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    }

    /// A network card or a path may not take trains; nothing is lost, and none are tried for a while.
    @Test func withoutTrainsEachGoesByItself() throws {
        let server = try LoopbackSocket()
        // Without checksums the kernel refuses trains, and nothing else.
        try server.set(SOL_SOCKET, SO_NO_CHECK, 1)
        let client = try LoopbackSocket()
        try client.takesTrains()
        let batch = try Batch(slots: Self.slots)
        for _ in 0..<2 {
            for number in 0..<64 { batch.push(Self.payload(number, count: 60), to: client.peer) }
            #expect(batch.send(by: server).lost == 0)
            var count = 0
            while client.receive() != nil { count += 1 }
            #expect(count == 64)
            try server.set(SOL_SOCKET, SO_NO_CHECK, 0)
        }
    }

    /// Nobody can be reached at port 0, which anybody may write into a datagram: the others get
    /// theirs, and together.
    @Test func anUnreachableClientIsItsOwnLoss() throws {
        let server = try LoopbackSocket()
        let client = try LoopbackSocket()
        try client.takesTrains()
        let batch = try Batch(slots: Self.slots)
        var nowhere = client.peer
        nowhere.port = 0
        for round in 0..<2 {
            for number in 0..<40 {
                batch.push(
                    Self.payload(number, count: 60), to: number % 2 == 0 ? nowhere : client.peer)
            }
            let sent = batch.send(by: server)
            #expect(sent.lost == 20, "round \(round)")
            #expect(sent.refused.sorted() == (0..<20).map { UInt16($0 * 2) }, "round \(round)")
            var trains = 0
            while client.receive() != nil { trains += 1 }
            #expect(trains == 1, "round \(round)")
        }
    }

    /// Whoever chooses addresses and lengths can make coupling dear; not dearer than sending.
    @Test func manyClientsAndLengthsAreAllServed() throws {
        let server = try LoopbackSocket()
        let clients = try (0..<Int(Self.slots)).map { _ in try LoopbackSocket() }
        let batch = try Batch(slots: Self.slots)
        for (number, client) in clients.enumerated() {
            batch.push(Self.payload(number, count: 12 + number), to: client.peer)
        }
        #expect(batch.send(by: server).lost == 0)
        for (number, client) in clients.enumerated() {
            #expect(client.receive()?.octets == Self.payload(number, count: 12 + number))
        }
    }
}

/// A batch of outgoing datagrams.
@safe private final class Batch {
    private let batch: OpaquePointer
    private let slots: UInt32

    init(slots: UInt32) throws {
        self.slots = slots
        // SAFETY: the batch is this object's own until it goes, here and below.
        unsafe batch = try #require(cpio_batch_create(slots, 2048, 2048))
    }

    deinit { unsafe cpio_batch_destroy(batch) }

    func push(_ octets: [UInt8], to peer: cpio_peer) {
        var peer = peer
        guard let room = unsafe cpio_batch_out_room(batch) else { return }
        // SAFETY: the room holds 2048 octets.
        for (place, octet) in octets.enumerated() { unsafe room[place] = octet }
        unsafe cpio_batch_out_push(batch, octets.count, &peer)
    }

    func send(by socket: LoopbackSocket) -> (lost: UInt32, refused: [UInt16]) {
        var refused = [UInt16](repeating: 0, count: Int(slots))
        var count: UInt32 = 0
        let lost = unsafe cpio_batch_send(batch, socket.descriptor, 100, &refused, &count)
        return (lost, Array(refused.prefix(Int(count))))
    }
}

/// A datagram socket on loopback.
private final class LoopbackSocket {
    let descriptor: Int32
    private let isV6: Bool

    init(isV6: Bool = false, anyAddress: Bool = false) throws {
        self.isV6 = isV6
        descriptor =
            isV6
            ? cpio_serve_socket(0, 1, 0, Int32(SOCK_DGRAM.rawValue), false)
            : cpio_serve_socket(
                0, anyAddress ? 0xFFFF_0000_0000 : 0xFFFF_7F00_0001, 0,
                Int32(SOCK_DGRAM.rawValue), false)
        try #require(descriptor >= 0)
    }

    deinit { close(descriptor) }

    /// Where others send to it.
    var peer: cpio_peer {
        var peer = cpio_peer()
        peer.remote_low = isV6 ? 1 : 0xFFFF_7F00_0001
        peer.port = cpio_local_port(descriptor)
        peer.is_v4 = !isV6
        return peer
    }

    func set(_ level: Int32, _ option: Int32, _ value: Int32) throws {
        var value = value
        // SAFETY: the kernel copies the number.
        try #require(
            unsafe setsockopt(
                descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0)
    }

    /// Trains come as one datagram from now on: UDP_GRO, udp(7).
    func takesTrains() throws { try set(Int32(IPPROTO_UDP), 104, 1) }

    /// The next datagram and the IPv4 address that it came from; `nil` if there is none.
    func receive() -> (octets: [UInt8], from: UInt32)? {
        var octets = [UInt8](repeating: 0, count: 65536)
        var from = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: the kernel writes at most as much as it is told there is room for.
        let count = unsafe withUnsafeMutablePointer(to: &from) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe recvfrom(
                    descriptor, &octets, octets.count, Int32(MSG_DONTWAIT), $0, &size)
            }
        }
        guard count >= 0 else { return nil }
        return (Array(octets.prefix(count)), UInt32(bigEndian: from.sin_addr.s_addr))
    }
}
