/// The length that padded queries are a multiple of, in octets (RFC 8467, 4.1).
private let paddingBlock = 128
/// The code of EDNS's padding option (RFC 7830, 3).
private let paddingOption: UInt8 = 12
/// The type code of the OPT record (RFC 6891, 6.1.1).
private let optType: UInt8 = 41

/// Pads a query so that its length tells less about the name (RFC 8467).
///
/// Only a plain query is touched: one question with a name in full, and an OPT record without
/// padding as the only other record. Anything else is returned as it is.
func paddedQuery(_ query: [UInt8]) -> [UInt8] {
    // QDCOUNT 1, ANCOUNT 0, NSCOUNT 0, ARCOUNT 1.
    guard query.count >= EncryptedLimits.headerOctets,
        query[4..<12].elementsEqual([0, 1, 0, 0, 0, 0, 0, 1]),
        let question = endOfQuestion(query)
    else { return query }
    // The root's name, type 41, class, TTL, and the length of the options.
    let options = question + 11
    guard query.count >= options,
        query[question..<question + 3].elementsEqual([0, 0, optType]),
        number(query, options - 2) == query.count - options,
        optionsArePaddable(query, from: options)
    else { return query }

    let bare = query.count + 4
    let padding = (paddingBlock - bare % paddingBlock) % paddingBlock
    guard bare + padding <= EncryptedLimits.messageOctets else { return query }
    var padded = query
    padded.reserveCapacity(bare + padding)
    padded += [0, paddingOption, UInt8(padding >> 8), UInt8(padding & 0xFF)]
    padded += repeatElement(0, count: padding)
    let length = padded.count - options
    padded[options - 2] = UInt8(length >> 8)
    padded[options - 1] = UInt8(length & 0xFF)
    return padded
}

/// Where the first record begins, if the question's name is in full.
private func endOfQuestion(_ query: [UInt8]) -> Int? {
    var place = EncryptedLimits.headerOctets
    while place < query.count, query[place] != 0 {
        guard query[place] < 64 else { return nil }
        place += Int(query[place]) + 1
    }
    // The root, then type and class.
    return place + 5 <= query.count ? place + 5 : nil
}

/// Whether the options fill the rest exactly and none of them is padding.
private func optionsArePaddable(_ query: [UInt8], from start: Int) -> Bool {
    var place = start
    while place + 4 <= query.count {
        if number(query, place) == Int(paddingOption) { return false }
        place += 4 + number(query, place + 2)
    }
    return place == query.count
}

private func number(_ octets: [UInt8], _ place: Int) -> Int {
    Int(octets[place]) << 8 | Int(octets[place + 1])
}
