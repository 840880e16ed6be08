import DNSWire

/// What a browser asks for, as far as the page looks at it.
struct PageRequest: Sendable {
    enum Method: Sendable { case get, head, post, other }

    var method = Method.get
    /// Without what follows a question mark.
    var path = "/"
    /// As it was sent, hostile or not.
    var host: String?
    var origin: String?
    /// `Sec-Fetch-Site` (Fetch Metadata).
    var fetchSite: String?
    var body: [UInt8] = []
    var client: IPAddress
}

/// What it gets.
struct PageResponse: Sendable {
    var status: Int
    /// HTML, complete; or a line of text.
    var body: String
    var isHTML = true
    /// Headers besides those that every answer has.
    var headers: [(name: String, value: String)] = []

    static func line(_ status: Int, _ text: String) -> PageResponse {
        PageResponse(status: status, body: text + "\n", isHTML: false)
    }
}
