import Testing

@testable import Forwarding

@Suite struct EncryptedPadding {
    @Test("pads to a multiple of 128 octets", arguments: 0..<140)
    func pads(extra: Int) throws {
        // An option of the private range that makes the query longer octet by octet.
        var query = testQuery(1)
        query += [0xFD, 0xE9, 0, UInt8(extra)] + [UInt8](repeating: 9, count: extra)
        query[query.count - extra - 5] = UInt8(extra + 4)
        let padded = paddedQuery(query)
        #expect(padded.count % 128 == 0)
        #expect(padded.count - query.count < 128 + 4)
        // Undone by hand, it is the query again.
        let octets = padded.count - query.count
        var undone = [UInt8](padded.prefix(query.count))
        let length = query.count - extra - 6
        let options = Int(undone[length]) << 8 | Int(undone[length + 1])
        #expect(options == extra + 4 + octets)
        undone[length] = 0
        undone[length + 1] = UInt8(extra + 4)
        #expect(undone == query)
        let padding = [0, 12, 0, UInt8(octets - 4)] + [UInt8](repeating: 0, count: octets - 4)
        #expect([UInt8](padded.suffix(octets)) == padding)
    }

    @Test("leaves every other query alone", arguments: leftAlone)
    func leaves(_ query: [UInt8]) {
        #expect(paddedQuery(query) == query)
    }

    private static let leftAlone: [[UInt8]] = {
        let query = testQuery(1)
        var cases: [[UInt8]] = [testQuery(1, withOPT: false), query + [0]]
        // Cut anywhere.
        cases += (0..<query.count).map { [UInt8](query.prefix($0)) }
        // Already padded.
        cases.append(paddedQuery(query))
        // Counts that say something else.
        for place in 4...11 {
            var other = query
            other[place] = 2
            cases.append(other)
        }
        // A compression pointer for the name, and a last record of another type.
        var pointer = query
        pointer[12] = 0xC0
        cases.append(pointer)
        var signature = query
        signature[query.count - 9] = 250
        cases.append(signature)
        // An option that reaches past the end.
        var option = query + [0, 10, 0, 9, 1]
        option[query.count - 1] = 5
        cases.append(option)
        return cases
    }()
}
