import Foundation
import Testing

@testable import Connectors

@Suite struct SMTPDialogTests {
  private let mail = Mail(
    from: "hilum@h.example", to: ["a@h.example", "b@h.example"], subject: "s", text: "t", id: "1", at: 0)

  private func dialog(tls: Bool = false, login: Bool = false) -> SMTPDialog {
    SMTPDialog(mail, startsTLS: tls, login: login ? (Array("me".utf8), Array("pw".utf8)) : nil, hello: "hub")
  }

  /// What is sent, in words; a mail's content as `…`.
  private func said(_ actions: [SMTPDialog.Action]) -> [String] {
    actions.map { action in
      switch action {
      case .send(let bytes):
        bytes == mail.transparent
          ? "…" : String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "")
      case .encrypt: "TLS"
      case .taken(let refused): "taken" + refused.map { " but \($0)" }.joined()
      case .failed(let reason): "failed: \(reason)"
      }
    }
  }

  /// Runs a server's lines through a dialog, all at once or byte by byte.
  private func run(_ dialog: SMTPDialog, _ server: [String], bytewise: Bool = false) -> [String] {
    var dialog = dialog
    var all: [String] = []
    for answer in server {
      if answer == "secured" {
        all += said(dialog.secured())
      } else {
        let bytes = Array(answer.utf8)
        for part in bytewise ? bytes.map({ [$0] }) : [bytes] { all += said(dialog.received(part)) }
      }
    }
    return all
  }

  @Test(arguments: [false, true])
  func `a mail goes over TLS that the dialog begins, with user and password`(bytewise: Bool) {
    let said = run(
      dialog(tls: true, login: true),
      [
        "220 hi\r\n", "250-mail\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n", "220 go\r\n", "secured",
        "250-mail\r\n250 AUTH LOGIN PLAIN\r\n", "235 ok\r\n", "250 ok\r\n", "250 ok\r\n", "251 ok\r\n", "354 go\r\n",
        "250 queued\r\n",
      ], bytewise: bytewise)
    #expect(
      said == [
        "EHLO hub", "STARTTLS", "TLS", "EHLO hub", "AUTH PLAIN AG1lAHB3", "MAIL FROM:<hilum@h.example>",
        "RCPT TO:<a@h.example>", "RCPT TO:<b@h.example>", "DATA", "…", "QUIT", "taken",
      ])
  }

  @Test func `a server that knows AUTH LOGIN alone gets user and password one after the other`() {
    let said = run(
      dialog(login: true),
      ["220 hi\r\n", "250-mail\r\n250 AUTH LOGIN\r\n", "334 UGFzc3dvcmQ6\r\n", "535 5.7.8 no, pw is wrong\r\n"])
    #expect(
      said == [
        "EHLO hub", "AUTH LOGIN bWU=", "cHc=", "failed: the mail server refused user and password: 535 5.7.8",
      ])
  }

  @Test(arguments: [
    (["220 hi\r\n", "250 mail\r\n"], "does not offer STARTTLS; nothing is sent in clear"),
    (["220 hi\r\n", "250-m\r\n250 STARTTLS\r\n", "454 later\r\n"], "refused to begin TLS: 454"),
    // An answer that was put in before TLS must not count after it.
    (["220 hi\r\n", "250-m\r\n250 STARTTLS\r\n", "220 go\r\n250 AUTH PLAIN\r\n"], "wrote in clear while TLS began"),
    (["554 go away\r\n"], "refused this machine: 554"), (["220 hi\n"], "answered something that is not SMTP"),
    (["SSH-2.0-x\r\n"], "answered something that is not SMTP"), (["22\r\n"], "answered something that is not SMTP"),
    (["220-hi\r\n250 no\r\n"], "answered something that is not SMTP"),
    ([String(repeating: "2", count: 5_000)], "answered something that is not SMTP"),
    (Array(repeating: "220-hi\r\n", count: 200), "answered something that is not SMTP"),
  ])
  func `nothing goes to a server that does not do as it must`(server: [String], reason: String) {
    let said = run(dialog(tls: true), server)
    #expect(said.last == "failed: the mail server \(reason)")
    #expect(!said.contains { $0.hasPrefix("MAIL") || $0.hasPrefix("AUTH") })
    #expect(said.count(where: { $0.hasPrefix("failed") }) == 1)
  }

  @Test func `a recipient that is refused for good keeps the mail from nobody else`() {
    let start = ["220 hi\r\n", "250 mail\r\n", "250 ok\r\n"]
    #expect(
      run(dialog(), start + ["550 5.1.1 who\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n"]).last
        == "taken but a@h.example")
    #expect(
      run(dialog(), start + ["550 who\r\n", "550 5.1.1 who\r\n"]).last
        == "failed: the mail server refused every recipient: 550 5.1.1")
    #expect(
      run(dialog(), start + ["250 ok\r\n", "450 4.2.0 later\r\n"]).last
        == "failed: the mail server refused the recipient b@h.example for now: 450 4.2.0")
  }

  @Test func `a connection that ends early is no success, and what comes after the end counts for nothing`() {
    var early = dialog()
    _ = early.received(Array("220 hi\r\n".utf8))
    #expect(said(early.closed()) == ["failed: the mail server closed the connection too early"])
    #expect(early.received(Array("250 ok\r\n".utf8)) == [] && early.closed() == [])
    var late = dialog()
    for answer in ["220 a", "250 b", "250 c", "250 d", "250 e", "354 f"] {
      _ = late.received(Array("\(answer)\r\n".utf8))
    }
    #expect(said(late.closed()) == ["failed: the mail server closed the connection before it had taken the mail"])
  }

  @Test func `no bytes of a server make it fall over`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    func draw(_ count: Int) -> Int {
      // Numerical Recipes' generator: the same for the same seed.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    let alphabet = Array("2345 -\r\n.0A".utf8)
    for _ in 0..<2_000 {
      var dialog = dialog(tls: true, login: true)
      var ends = 0
      for _ in 0..<20 {
        let bytes = (0...draw(12)).map { _ in alphabet[draw(alphabet.count)] }
        ends += dialog.received(bytes).count { if case .failed = $0 { true } else { false } }
      }
      #expect(ends <= 1, "seed \(seed)")
    }
  }
}

@Suite struct MailTests {
  private func lines(_ mail: Mail) -> [String] {
    String(decoding: mail.content, as: UTF8.self).components(separatedBy: "\r\n")
  }

  @Test func `a mail is lines of seven bits that end with CRLF, none too long`() {
    let mail = Mail(
      from: "hilum@h.example", to: ["a@h.example"], subject: "Überlauf 🏥 " + String(repeating: "ä", count: 200),
      text: "erste\nzweite\r\n" + String(repeating: "x", count: 3_000), id: "hilum-1", at: 1_795_312_800)
    #expect(mail.content.allSatisfy { $0 < 0x80 })
    #expect(lines(mail).allSatisfy { $0.utf8.count <= 78 && !$0.contains("\n") && !$0.contains("\r") })
    let split = lines(mail).firstIndex(of: "") ?? 0
    let body = lines(mail)[(split + 1)...].joined()
    let text = String(decoding: Data(base64Encoded: body) ?? Data(), as: UTF8.self)
    #expect(text == "erste\r\nzweite\r\n" + String(repeating: "x", count: 3_000))
    #expect(lines(mail).contains("Message-ID: <hilum-1@h.example>"))
  }

  @Test(arguments: ["a\r\nBcc: x@y.example", "a\nb", "a\r\n\r\nbody", "\u{0}\u{85}\u{2028}", " =?utf-8?B?eA==?="])
  func `no subject, text or id makes a header of its own`(text: String) {
    let mail = Mail(from: "hilum@h.example", to: ["a@h.example"], subject: text, text: text, id: text, at: 0)
    let split = lines(mail).firstIndex(of: "") ?? 0
    let names = lines(mail)[..<split].filter { !$0.hasPrefix(" ") }.map { $0.prefix { $0 != ":" } }
    #expect(
      names == [
        "Date", "From", "To", "Message-ID", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type",
        "Content-Transfer-Encoding",
      ])
  }

  @Test func `a line that begins with a point gets one more on its way`() {
    // No line of ours begins so: base64 has no point, and a header's name none either.
    let mail = Mail(from: "a@b.example", to: ["c@d.example"], subject: "x", text: ".\r\n.", id: "x", at: 0)
    #expect(mail.transparent == mail.content + Array(".\r\n".utf8))
    #expect(Mail.transparent(Array(".a\r\n..\r\nb.\r\n.".utf8)) == Array("..a\r\n...\r\nb.\r\n..\r\n.\r\n".utf8))
  }

  @Test(
    arguments: [
      (0, "Thu, 1 Jan 1970 00:00:00 +0000"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"), (1_795_312_984, "Sun, 22 Nov 2026 02:03:04 +0000"),
      (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 +0000"), (-1, "Wed, 31 Dec 1969 23:59:59 +0000"),
    ] as [(Int64, String)])
  func `a date is written as mails have it`(seconds: Int64, text: String) { #expect(Mail.date(seconds) == text) }

  @Test(arguments: ["", "f", "fo", "foo", "foob", "fooba", "foobar"])
  func `base64 is that of others`(text: String) {
    #expect(String(decoding: Base64.encode(Array(text.utf8)), as: UTF8.self) == Data(text.utf8).base64EncodedString())
  }
}
