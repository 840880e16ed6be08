import Alerts
import Foundation
import PolicyFile
import Testing
import WebServer

/// Mails reach a real mail server (aiosmtpd).
@Suite struct MailTests {
    private let school: School

    init() throws {
        school = try School()
    }

    private func mail(
        _ port: Int, _ security: AlertConfiguration.Security, host: String = "127.0.0.1",
        user: String? = nil
    ) -> AlertConfiguration.Email {
        .init(
            to: ["dsl@college.example", "deputy@college.example"], from: "bellgate@college.example",
            host: host, port: UInt16(port), security: security, user: user,
            passwordFile: user == nil ? nil : school.folder + "/password")
    }

    @Test func aMailReachesItsReceivers() throws {
        let server = try MailServer(school.folder)
        school.settings.email = mail(server.port, .none)
        school.start()
        school.ask("harm.example.net")
        try school.pass(10)
        #expect(school.alerter.status.problem == nil)
        let mail = try #require(server.mails.first)
        #expect(server.mails.count == 1)
        #expect(mail["from"] as? String == "bellgate@college.example")
        #expect(mail["to"] as? [String] == ["dsl@college.example", "deputy@college.example"])
        #expect(
            (mail["subject"] as? String)?.hasPrefix("[Bellgate] high concern: harm, learner, c-")
                == true)
        #expect((mail["id"] as? String)?.hasSuffix("@college.example>") == true)
        #expect((mail["date"] as? String)?.hasPrefix("Mon, 23 Nov 2026 10:00:0") == true)
        let text = try #require(mail["text"] as? String)
        for word in [
            "Rule       harm: It harms.", "harm.example.net (1)", "not a finding", "(T-1)",
        ] {
            #expect(text.contains(word), "\(word)")
        }
        #expect(!text.contains("10.20.0.1"))
    }

    @Test func theConnectionIsEncryptedAndTheServerKnown() throws {
        SelfSigned.make(in: school.folder)
        try "secret\n".write(
            toFile: school.folder + "/password", atomically: true, encoding: .utf8)
        let server = try MailServer(school.folder, certificate: true, login: true)
        // Nobody vouches for this certificate: nothing is sent.
        school.settings.email = mail(server.port, .starttls, host: "localhost", user: "bellgate")
        school.start()
        school.ask("harm.example.net")
        try school.pass(5)
        #expect(school.alerter.status.problem?.contains("not to be trusted") == true)
        #expect(server.mails.isEmpty)
    }

    @Test func withoutTheEncryptionThatWasAskedForNothingIsSent() throws {
        let server = try MailServer(school.folder)
        school.settings.email = mail(server.port, .starttls)
        school.start()
        school.ask("harm.example.net")
        try school.pass(5)
        #expect(school.alerter.status.problem?.contains("does not offer STARTTLS") == true)
        #expect(server.mails.isEmpty)
    }

    /// "An SMTP server that hangs": it is given up, other ways go on, and the mail comes later.
    @Test func aServerThatHangsHoldsUpNothingElse() throws {
        // It takes the connection and then says nothing, as a web server does to a mail program.
        let silent = try WebServer { _ in .init() }
        let receiver = try Receiver()
        school.settings.email = mail(Int(silent.port), .none)
        school.settings.webhook = .init(url: receiver.server.url("/"), secretFile: nil)
        school.start()
        school.ask("harm.example.net")
        try school.pass(5)
        #expect(receiver.kinds == ["alert"])
        #expect(school.alerter.status.problem?.contains("took too long") == true)
        #expect(school.alerter.status.waiting == 1)
        let server = try MailServer(school.folder)
        school.settings.email = mail(server.port, .none)
        school.start()
        try school.pass(60)
        #expect(server.mails.count == 1)
        #expect(receiver.kinds == ["alert"])
        #expect(school.alerter.status.waiting == 0)
    }
}
