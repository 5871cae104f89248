import ConnectorKit
import Foundation
import Logging
import Testing

@testable import Connectors

/// A mail server of another house: aiosmtpd. Skipped where that package is not installed.
@Suite(.enabled(if: MailPeer.python != nil, "python aiosmtpd is not installed"))
struct MailerTests {
  private func mailer(
    _ peer: MailPeer, _ security: Mailer.Security, ca: String = "ca.pem", password: String = "geheim\n",
    host: String = "127.0.0.1"
  ) throws -> Mailer {
    let secret = peer.folder + "/password"
    try Data(password.utf8).write(to: URL(fileURLWithPath: secret))
    return Mailer(
      host: host, port: peer.port, security: security, ca: FilePath(try TestCertificates.made().path(ca)),
      user: "hilum", password: Secret(.file(secret)), timeout: .seconds(20), logger: Logger(label: "test"))
  }

  private let mail = Mail(
    from: "hilum@h.example", to: ["on-call@h.example"], subject: "[St. Jürgen] adt/ehr: weg seit 5 min",
    text: "Zeile 1\n.\nZeile 3: Ärzte 🏥\n", id: "hilum-7", at: 1_795_312_984)

  @Test(arguments: [true, false])
  func `a mail arrives whole, encrypted and signed in`(isImplicit: Bool) async throws {
    let peer = try await MailPeer(isImplicit ? "implicit" : "starttls")
    let mailer = try mailer(peer, isImplicit ? .implicit : .startTLS)
    #expect(await mailer.send(mail) == .taken(refused: []))
    let took = try #require(try peer.took().first)
    #expect(took["subject"] as? String == "[St. Jürgen] adt/ehr: weg seit 5 min")
    #expect((took["text"] as? String)?.replacingOccurrences(of: "\r\n", with: "\n") == "Zeile 1\n.\nZeile 3: Ärzte 🏥\n")
    #expect(took["from"] as? String == "hilum@h.example" && took["to"] as? [String] == ["on-call@h.example"])
    #expect(took["id"] as? String == "<hilum-7@h.example>" && took["user"] as? String == "hilum")
    #expect(took["tls"] as? Bool == true && took["defects"] as? [String] == [])
  }

  @Test func `a recipient that is unknown there keeps the mail from nobody else`() async throws {
    let peer = try await MailPeer("starttls")
    let two = Mail(
      from: mail.from, to: ["nobody@h.example", "on-call@h.example"], subject: "s", text: "t", id: "1", at: 0)
    #expect(try await mailer(peer, .startTLS).send(two) == .taken(refused: ["nobody@h.example"]))
    #expect(try peer.took().count == 1)
  }

  @Test(arguments: ["starttls", "implicit"])
  func `a server whose certificate is not trusted, or not for its name, gets no password and no mail`(
    mode: String
  ) async throws {
    let security: Mailer.Security = mode == "implicit" ? .implicit : .startTLS
    for (certificate, ca) in [("server", "other-ca.pem"), ("elsewhere", "ca.pem"), ("expired", "ca.pem")] {
      let peer = try await MailPeer(mode, certificate: certificate)
      guard case .failed(let reason) = try await mailer(peer, security, ca: ca).send(mail) else {
        Issue.record("it was taken by \(certificate)")
        continue
      }
      #expect(reason.contains("certificate"), "\(reason)")
      #expect(try peer.took().isEmpty)
    }
  }

  @Test func `a wrong password is told of without being told`() async throws {
    let peer = try await MailPeer("starttls")
    let outcome = try await mailer(peer, .startTLS, password: "falsch").send(mail)
    #expect(outcome == .failed("the mail server refused user and password: 535 5.7.8"))
    let split = try await mailer(peer, .startTLS, password: "a\r\nb").send(mail)
    guard case .failed(let reason) = split else { throw SettingError("it was taken") }
    #expect(reason.contains("not one line") && !reason.contains("a\r\n"))
  }

  @Test func `a server that isn't there is told of by name`() async throws {
    let peer = try await MailPeer("starttls")
    peer.end()
    guard case .failed(let reason) = try await mailer(peer, .startTLS).send(mail) else { throw SettingError("taken") }
    #expect(reason.contains("can't be reached") && reason.contains("\(peer.port)"))
  }
}

/// The peer as a process, with what it printed in a file.
final class MailPeer: Sendable {
  let folder: String
  let port: Int
  private let process: Process

  /// A Python that has the `aiosmtpd` package.
  static let python: String? = {
    let own = ProcessInfo.processInfo.environment["HILUM_PYTHON"]
    return [own, root + "/.venv/bin/python", "/usr/bin/python3"].compactMap(\.self).first { path in
      guard FileManager.default.isExecutableFile(atPath: path) else { return false }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: path)
      process.arguments = ["-c", "import aiosmtpd.smtp"]
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      guard (try? process.run()) != nil else { return false }
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
  }()

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  init(_ mode: String, certificate: String = "server") async throws {
    let certificates = try TestCertificates.made()
    folder = FileManager.default.temporaryDirectory.path + "/hilum-mail-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    FileManager.default.createFile(atPath: folder + "/out", contents: nil)
    process = Process()
    process.executableURL = URL(fileURLWithPath: Self.python ?? "")
    process.arguments = [
      Self.root + "/Tests/WayTests/Peers/mail_receive.py", certificates.path("\(certificate).pem"),
      certificates.path("\(certificate).key"), mode,
    ]
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/out"))
    try process.run()
    for _ in 0..<2_000 {
      let words = Self.text(folder).split(whereSeparator: \.isWhitespace)
      if words.count >= 2, words[0] == "listening", let port = Int(words[1]) {
        self.port = port
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw SettingError("the mail server did not come up")
  }

  deinit {
    end()
    try? FileManager.default.removeItem(atPath: folder)
  }

  func end() {
    // Its parent blocks SIGTERM, and so does it.
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// Every mail that it took.
  func took() throws -> [[String: Any]] {
    try Self.text(folder).split(separator: "\n").dropFirst().compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  private static func text(_ folder: String) -> String {
    String(decoding: FileManager.default.contents(atPath: folder + "/out") ?? Data(), as: UTF8.self)
  }
}
