import ConnectorKit
import Foundation
import Messages
import Testing

@testable import Connectors

/// How the certificates that connectors show stand on disk.
@Suite struct CertificateStatusTests {
  private func status(_ certificate: String, key: String) async throws -> CertificateStatus {
    let made = try TestCertificates.made()
    let tls = ServerTLSSettings()
    tls.certificate = FilePath(made.path(certificate))
    tls.key = Secret(.file(made.path(key)))
    let options = MLLPSourceSettings()
    options.port = ConnectorKit.Port(0)
    options.tls = .with(tls)
    let source = try MLLPSource(options, context: ConnectorContext(channel: ChannelName("adt")))
    return try #require(await source.certificates().first)
  }

  @Test func `a certificate on disk that ends or can't be used is told of`() async throws {
    let soon = try await status("soon.pem", key: "soon.key")
    let left = try #require(soon.notAfter) - Int64(Date().timeIntervalSince1970)
    #expect(soon.subject == "CN=soon" && soon.problem == nil && (4 * 86_400...5 * 86_400).contains(left))
    #expect(try await status("expired.pem", key: "expired.key").notAfter == 1_580_515_200)
    let pair = try await status("server.pem", key: "client.key")
    #expect(pair.problem == "tls.key: the key does not belong to the certificate" && pair.notAfter != nil)
    let none = try await status("missing.pem", key: "server.key")
    #expect(none.problem?.contains("missing.pem") == true && none.notAfter == nil)
    #expect(try await status("server.key", key: "server.key").problem?.contains("holds no PEM certificate") == true)
  }

  @Test func `authorities that can't be read are told of, and of many the one that lasts longest counts`() async throws {
    let made = try TestCertificates.made()
    let folder = made.path("authorities-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let options = MLLPDestinationSettings()
    options.host = "127.0.0.1"
    options.port = ConnectorKit.Port(1)
    let tls = ClientTLSSettings()
    tls.ca = FilePath("\(folder)/ca.pem")
    options.tls = .with(tls)
    let out = try MLLPDestination(options, context: ConnectorContext(channel: ChannelName("adt"), destination: "ehr"))
    func write(_ names: String...) throws {
      let text = try names.map { try String(contentsOfFile: made.path("\($0).pem"), encoding: .utf8) }.joined()
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/ca.pem"))
    }
    try write("expired", "ca", "soon")
    let found = await out.certificates()
    #expect(found.map(\.use) == [.trusted] && found.map(\.subject) == ["CN=ca"] && found.first?.problem == nil)
    try Data("half".utf8).write(to: URL(fileURLWithPath: "\(folder)/ca.pem"))
    #expect(await out.certificates().first?.problem?.hasPrefix("tls.ca: ") == true)
  }

  @Test func `a destination shows the one that it has, and a connector in clear none`() async throws {
    let made = try TestCertificates.made()
    let options = MLLPDestinationSettings()
    options.host = "127.0.0.1"
    options.port = ConnectorKit.Port(1)
    options.tls = .with(made.client("client"))
    let context = ConnectorContext(channel: ChannelName("adt"), destination: "ehr")
    let shown = await (try MLLPDestination(options, context: context)).certificates()
    #expect(shown.map(\.subject) == ["CN=pas.hospital.example, O=Hospital", "CN=ca"])
    #expect(await (try MLLPDestination(options, context: context)).certificates().map(\.use) == [.shown, .trusted])
    options.tls = nil
    #expect(await (try MLLPDestination(options, context: context)).certificates() == [])
  }
}
