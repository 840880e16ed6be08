// What libFuzzer calls with each input; built together with DNSWire's own files by `run`.
// An input is taken for a query, then for the answer to its own question.

// libFuzzer calls on one thread alone.
private nonisolated(unsafe) let distiller = AnswerDistiller()
private let guardOctets = 64
private let mark: UInt8 = 0xA5

/// Room to write into, with guards on both sides.
private struct Room {
    private let base: UnsafeMutablePointer<UInt8>
    private let capacity: Int

    init(_ capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: capacity + 2 * guardOctets)
        base.initialize(repeating: mark, count: capacity + 2 * guardOctets)
    }

    var start: UnsafeMutablePointer<UInt8> { base + guardOctets }

    /// Ends the process if a guard was written to; frees the room.
    func close() {
        for index in 0..<guardOctets {
            precondition(base[index] == mark, "an octet was written before the room")
            precondition(
                base[guardOctets + capacity + index] == mark, "an octet was written behind the room"
            )
        }
        base.deallocate()
    }

    func prefix(_ count: Int) -> [UInt8] { Array(UnsafeBufferPointer(start: start, count: count)) }
}

private func readQuery(_ message: [UInt8]) -> (query: Query, name: [UInt8]) {
    let room = Room(DomainName.maximumOctets)
    let query = Query(message.span, lowercaseName: room.start)
    let name = room.prefix(query.nameLength)
    room.close()
    if query.status == .fine {
        precondition(DomainName(wire: name)?.wire == name)
        precondition(DomainName(wire: name)?.labelCount == query.labelCount)
        precondition(query.questionEnd <= message.count)
    }
    return (query, name)
}

private func write(_ answer: AnswerView, for client: [UInt8], _ capacity: Int) -> [UInt8]? {
    let query = readQuery(client).query
    let room = Room(capacity)
    var writer = MessageWriter(room.start, capacity: capacity)
    _ = answer.write(
        into: &writer, answering: query, message: client.span, ageSeconds: 0,
        ttlLimitSeconds: .max, payloadSize: 1232)
    precondition(writer.count <= capacity)
    let octets = room.prefix(writer.count)
    room.close()
    return writer.overflowed ? nil : octets
}

/// The client's query with the same question as the message's; nil if it has none.
private func clientQuery(_ message: [UInt8], dnssecOK: Bool) -> [UInt8]? {
    guard message.count > 16 else { return nil }
    var index = 12
    while index < message.count, message[index] != 0, message[index] < 64 {
        index += Int(message[index]) + 1
    }
    guard index + 5 <= message.count else { return nil }
    var query: [UInt8] = [0, 0, 1, 0x20, 0, 1, 0, 0, 0, 0, 0, dnssecOK ? 1 : 0]
    query += message[12..<index + 5]
    if dnssecOK { query += [0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0] }
    return readQuery(query).query.status == .fine ? query : nil
}

private func distill(_ message: [UInt8], for client: [UInt8]) -> AnswerDistiller.Outcome {
    let (query, name) = readQuery(client)
    let sent = Array(client[12..<query.questionEnd])
    return name.withUnsafeBytes {
        distiller.distill(
            message.span, sent: sent.span, lowercaseName: $0, qtype: query.qtype,
            dnssecOK: query.dnssecOK)
    }
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let message = Array(UnsafeBufferPointer(start: data, count: count))
    _ = readQuery(message)
    for dnssecOK in [false, true] {
        guard let client = clientQuery(message, dnssecOK: dnssecOK),
            distill(message, for: client) == .answer
        else { continue }
        for capacity in [0, 12, 100, 512] {
            _ = write(distiller.answer, for: client, capacity)
            _ = write(distiller.answer.stripped, for: client, capacity)
        }
        guard let whole = write(distiller.answer, for: client, 1 << 18), whole.count <= 65535
        else { continue }
        // What was written is read as the same once more.
        precondition(distill(whole, for: client) == .answer)
        precondition(write(distiller.answer, for: client, 1 << 18) == whole)
    }
    return 0
}
