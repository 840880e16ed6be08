import DNSWire
import LDNSBridge
import PolicyEngine

/// A RADIUS packet (RFC 2865 section 3), taken apart by its lengths; who sent it is another check.
struct RadiusPacket {
    /// What it is: 4 asks for accounting, 5 answers.
    let code: UInt8
    /// Which answer belongs to which question.
    let identifier: UInt8
    /// The packet as far as its own length goes; what follows is padding.
    let octets: [UInt8]
    /// Where each attribute lies: its type, and its value.
    private let attributes: [(type: UInt8, value: Range<Int>)]

    static let accountingRequest: UInt8 = 4
    static let accountingResponse: UInt8 = 5
    static let headerOctets = 20

    /// Takes a packet apart.
    ///
    /// - Throws: `RadiusFault.malformed` where a length does not fit.
    init(_ datagram: [UInt8]) throws(RadiusFault) {
        guard datagram.count >= Self.headerOctets else { throw .malformed }
        let length = Int(datagram[2]) << 8 | Int(datagram[3])
        guard length >= Self.headerOctets, length <= datagram.count,
            length <= IdentityLimits.packetOctets
        else { throw .malformed }
        code = datagram[0]
        identifier = datagram[1]
        octets = Array(datagram.prefix(length))
        var attributes: [(type: UInt8, value: Range<Int>)] = []
        var place = Self.headerOctets
        while place < length {
            guard place + 2 <= length else { throw .malformed }
            let size = Int(octets[place + 1])
            guard size >= 2, place + size <= length else { throw .malformed }
            attributes.append((octets[place], place + 2..<place + size))
            place += size
        }
        self.attributes = attributes
    }

    /// Request or Response Authenticator.
    var authenticator: ArraySlice<UInt8> { octets[4..<20] }

    /// The values of all attributes of a type, in order.
    func values(_ type: RadiusAttribute) -> [ArraySlice<UInt8>] {
        attributes.filter { $0.type == type.rawValue }.map { octets[$0.value] }
    }

    /// The value of the first attribute of a type.
    func value(_ type: RadiusAttribute) -> ArraySlice<UInt8>? { values(type).first }

    /// Where the Message-Authenticator's value lies; `nil` where there is none.
    private var messageAuthenticator: Range<Int>? {
        attributes.first { $0.type == RadiusAttribute.messageAuthenticator.rawValue }?.value
    }

    /// Believes an Accounting-Request, or says why not.
    ///
    /// The Request Authenticator is the MD5 of the packet, sixteen zeros in its own place, and the
    /// secret (RFC 2866 section 3); a Message-Authenticator is the HMAC-MD5 of the packet with zeros
    /// in the places of both (RFC 2869 section 5.14; of accounting the field's servers agree).
    func verify(secret: [UInt8], requiresMessageAuthenticator: Bool) throws(RadiusFault) {
        guard code == Self.accountingRequest else { throw .notAccounting }
        var blank = octets
        for place in 4..<20 { blank[place] = 0 }
        guard Self.equal(md5(blank + secret), authenticator) else { throw .wrongAuthenticator }
        guard let place = messageAuthenticator else {
            if requiresMessageAuthenticator { throw .noMessageAuthenticator }
            return
        }
        guard place.count == 16, values(.messageAuthenticator).count == 1 else { throw .malformed }
        for octet in place { blank[octet] = 0 }
        guard Self.equal(hmacMD5(blank, key: secret), octets[place])
        else { throw .wrongMessageAuthenticator }
    }

    /// The answer to a request that was taken: every Proxy-State goes back as it came, in order,
    /// and a request with a Message-Authenticator gets an answer with one.
    func response(secret: [UInt8]) -> [UInt8] {
        var attributes: [UInt8] = []
        if messageAuthenticator != nil {
            attributes += [RadiusAttribute.messageAuthenticator.rawValue, 18]
            attributes += [UInt8](repeating: 0, count: 16)
        }
        for state in values(.proxyState) {
            attributes += [RadiusAttribute.proxyState.rawValue, UInt8(state.count + 2)] + state
        }
        let length = Self.headerOctets + attributes.count
        let head = [
            Self.accountingResponse, identifier, UInt8(length >> 8), UInt8(length & 0xFF),
        ]
        if messageAuthenticator != nil {
            let zeros = [UInt8](repeating: 0, count: 16)
            attributes.replaceSubrange(
                2..<18, with: hmacMD5(head + zeros + attributes, key: secret))
        }
        return head + md5(head + authenticator + attributes + secret) + attributes
    }

    /// Compares all octets, so that the time taken tells nobody how many were right.
    private static func equal(_ left: [UInt8], _ right: ArraySlice<UInt8>) -> Bool {
        left.count == right.count && zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// The attributes that matter here (RFC 2865, 2866, 2869, 3162, 3579, 4818, 6911).
enum RadiusAttribute: UInt8 {
    case userName = 1
    case nasAddress = 4
    case framedAddress = 8
    case callingStation = 31
    case nasIdentifier = 32
    case proxyState = 33
    case statusType = 40
    case delayTime = 41
    case sessionID = 44
    case eventTimestamp = 55
    case messageAuthenticator = 80
    case nasAddressV6 = 95
    case framedPrefixV6 = 97
    case delegatedPrefixV6 = 123
    case framedAddressV6 = 168
}

/// Why a packet is dropped.
enum RadiusFault: String, Error, CaseIterable, Sendable {
    /// From an address that is none of the configuration's clients.
    case unknownClient
    /// A length that does not fit, or a value that cannot be.
    case malformed
    /// No Accounting-Request.
    case notAccounting
    /// The secret is another, or the packet was changed on its way.
    case wrongAuthenticator
    /// Without a Message-Authenticator, where one is required.
    case noMessageAuthenticator
    /// Its Message-Authenticator is wrong.
    case wrongMessageAuthenticator
}
