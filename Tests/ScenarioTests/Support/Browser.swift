import Foundation

/// A browser as far as the block page needs one: a request, an answer, the end.
struct Browser {
    /// The address that it comes from.
    var address: String
    var server = "127.0.80.1"
    var port: UInt16

    struct Page {
        var status: Int
        var head: String
        var body: String

        /// The value of a hidden field of one of the page's forms.
        func field(_ name: String, of kind: String) -> String {
            guard let form = body.range(of: "value=\"\(kind)\""),
                let field = body.range(
                    of: "name=\"\(name)\" value=\"", range: form.upperBound..<body.endIndex)
            else { return "" }
            return String(body[field.upperBound...].prefix { $0 != "\"" })
        }
    }

    func connect() throws -> Socket {
        let socket = try Socket(address, isStream: true)
        try socket.connect(to: server, port: port)
        return socket
    }

    /// Sends octets and reads to the end of the connection; nil: there was no answer.
    func exchange(_ octets: [UInt8]) throws -> Page? {
        let socket = try connect()
        socket.send(octets)
        return Self.page(on: socket)
    }

    static func page(on socket: Socket) -> Page? {
        var received: [UInt8] = []
        while let more = socket.receive() { received += more }
        let text = String(decoding: received, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n"), text.hasPrefix("HTTP/1.1 ") else { return nil }
        return Page(
            status: Int(text.dropFirst(9).prefix(3)) ?? 0, head: String(text[..<end.lowerBound]),
            body: String(text[end.upperBound...]))
    }

    func get(_ host: String, _ path: String = "/", method: String = "GET") throws -> Page? {
        try exchange(Array("\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8))
    }

    /// Opens the page of a name and sends one of its forms.
    func report(_ kind: String, _ host: String, text: String) throws -> Page? {
        guard let page = try get(host) else { return nil }
        let fields = [
            "kind": kind, "token": page.field("token", of: kind),
            "rule": page.field("rule", of: kind), "text": text,
        ]
        let body = fields.map { key, value in
            "\(key)=" + (value.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
        }.joined(separator: "&")
        return try exchange(
            Array(
                """
                POST /.bellgate/report HTTP/1.1\r
                Host: \(host)\r
                Origin: http://\(host)\r
                Content-Type: application/x-www-form-urlencoded\r
                Content-Length: \(body.utf8.count)\r
                \r
                \(body)
                """.utf8))
    }
}
