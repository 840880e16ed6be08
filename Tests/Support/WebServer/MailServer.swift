import Foundation
import Glibc

/// A mail server that writes what it takes into a file, a line of JSON for each mail.
public final class MailServer {
    /// Where it listens, on 127.0.0.1.
    public let port: Int
    private let process: ChildProcess?
    private let box: String

    /// Starts in a folder; with a certificate, that is `cert.pem` with `key.pem` there.
    public init(_ folder: String, certificate: Bool = false, login: Bool = false) throws {
        box = folder + "/box-" + UUID().uuidString
        let program = folder + "/server.py"
        let output = box + ".out"
        try Self.source.write(toFile: program, atomically: true, encoding: .utf8)
        process = ChildProcess(
            "/usr/bin/python3",
            [program, box, certificate ? folder : "", login ? "bellgate:secret" : ""],
            output: output)
        var port: Int?
        for _ in 0..<600 where port == nil {
            usleep(50_000)
            let line = try? String(contentsOfFile: output, encoding: .utf8)
            port = line.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
        }
        guard let port else { throw CocoaError(.fileReadUnknown) }
        self.port = port
    }

    deinit { process?.stop() }

    /// The mails that it took.
    public var mails: [[String: Any]] {
        ((try? String(contentsOfFile: box, encoding: .utf8)) ?? "").split(separator: "\n")
            .compactMap {
                try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
            }
    }

    private static let source = """
        import json, ssl, sys, time
        from email import message_from_bytes
        from email.policy import default
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult

        box, folder, login = sys.argv[1:4]

        class Handler:
            async def handle_DATA(self, server, session, envelope):
                mail = message_from_bytes(envelope.content, policy=default)
                with open(box, 'a') as file:
                    file.write(json.dumps({
                        'from': envelope.mail_from, 'to': envelope.rcpt_tos,
                        'tls': session.ssl is not None, 'subject': mail['subject'],
                        'id': mail['message-id'], 'date': mail['date'],
                        'text': mail.get_content()}) + '\\n')
                return '250 OK'

        def check(server, session, envelope, mechanism, data):
            given = data.login.decode() + ':' + data.password.decode()
            return AuthResult(success=given == login)

        options = {}
        if folder:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(folder + '/cert.pem', folder + '/key.pem')
            options = dict(tls_context=context, require_starttls=True)
        if login:
            options.update(authenticator=check, auth_required=True)
        controller = Controller(Handler(), hostname='127.0.0.1', port=0, **options)
        # Port 0: whichever is free; the controller would ask itself there, so start it by hand.
        import asyncio
        async def main():
            loop = asyncio.get_running_loop()
            server = await loop.create_server(controller.factory, '127.0.0.1', 0)
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()
        asyncio.run(main())
        """
}
