import ConnectorKit
import Foundation
import NIOSSL

@testable import Connectors

/// Certificates made with `openssl` for the tests, in a folder that goes with them.
final class TestCertificates: Sendable {
  let folder: String

  /// Made once for all tests of the process.
  static let shared = Result { try TestCertificates() }

  static func made() throws -> TestCertificates { try shared.get() }

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/hilum-tls-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for authority in ["ca", "other-ca"] {
      try key(authority)
      try openssl(
        "req", "-x509", "-new", "-key", "\(authority).key", "-days", "3650", "-subj", "/CN=\(authority)", "-out",
        "\(authority).pem", "-addext", "basicConstraints=critical,CA:TRUE")
    }
    let local = "DNS:localhost,IP:127.0.0.1"
    try issue("server", names: local)
    try issue("client", names: "DNS:pas.hospital.example", subject: "/O=Hospital/CN=pas.hospital.example")
    try issue("elsewhere", names: "DNS:ehr.hospital.example")
    try issue("address", names: "IP:127.0.0.1")
    try issue("stranger", by: "other-ca", names: local)
    try issue("expired", names: local, from: "20200101000000Z", to: "20200201000000Z")
    try issue("future", names: local, from: "20450101000000Z", to: "20460201000000Z")
    try issue("soon", names: local, days: 5)
    try openssl("pkcs8", "-topk8", "-in", "server.key", "-passout", "pass:x", "-out", "encrypted.key")
  }

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func server(_ name: String, clients: String? = nil) -> ServerTLSSettings {
    let settings = ServerTLSSettings()
    settings.certificate = FilePath(path("\(name).pem"))
    settings.key = Secret(.file(path("\(name).key")))
    settings.clients = clients.map { FilePath(path("\($0).pem")) }
    return settings
  }

  func client(ca: String = "ca", _ name: String? = nil) -> ClientTLSSettings {
    let settings = ClientTLSSettings()
    settings.ca = FilePath(path("\(ca).pem"))
    settings.certificate = name.map { FilePath(path("\($0).pem")) }
    settings.key = name.map { Secret(.file(path("\($0).key"))) }
    return settings
  }

  /// A plain NIOSSL context for a test's own end of a connection.
  func clientContext(
    ca: String = "ca", _ name: String? = nil, newest: TLSVersion? = nil
  ) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeClientConfiguration()
    configuration.trustRoots = .file(path("\(ca).pem"))
    if let newest {
      configuration.minimumTLSVersion = .tlsv1
      configuration.maximumTLSVersion = newest
    }
    if let name {
      configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(path("\(name).pem")).map { .certificate($0) }
      configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: path("\(name).key"), format: .pem))
    }
    return try NIOSSLContext(configuration: configuration)
  }

  func serverContext(_ name: String, clients: String? = nil, newest: TLSVersion? = nil) throws -> NIOSSLContext {
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(path("\(name).pem")).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: path("\(name).key"), format: .pem)))
    if let newest {
      configuration.minimumTLSVersion = .tlsv1
      configuration.maximumTLSVersion = newest
    }
    if let clients {
      configuration.trustRoots = .file(path("\(clients).pem"))
      configuration.certificateVerification = .noHostnameVerification
    }
    return try NIOSSLContext(configuration: configuration)
  }

  private func key(_ name: String) throws {
    try openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(name).key")
  }

  private func issue(
    _ name: String, by authority: String = "ca", names: String, subject: String? = nil, days: Int = 365,
    from: String? = nil, to: String? = nil
  ) throws {
    try key(name)
    try openssl("req", "-new", "-key", "\(name).key", "-subj", subject ?? "/CN=\(name)", "-out", "\(name).csr")
    try Data("subjectAltName=\(names)\n".utf8).write(to: URL(fileURLWithPath: path("\(name).ext")))
    guard let from, let to else {
      return try openssl(
        "x509", "-req", "-in", "\(name).csr", "-CA", "\(authority).pem", "-CAkey", "\(authority).key",
        "-CAcreateserial",
        "-days", String(days), "-extfile", "\(name).ext", "-out", "\(name).pem")
    }
    // Only `openssl ca` makes certificates with times of one's choice.
    let configuration = """
      [ca]
      default_ca=d
      [d]
      database=\(name).db
      new_certs_dir=.
      rand_serial=yes
      default_md=sha256
      policy=p
      [p]
      commonName=supplied
      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: path("\(name).cnf")))
    try Data().write(to: URL(fileURLWithPath: path("\(name).db")))
    try openssl(
      "ca", "-batch", "-notext", "-config", "\(name).cnf", "-in", "\(name).csr", "-cert", "\(authority).pem",
      "-keyfile",
      "\(authority).key", "-startdate", from, "-enddate", to, "-extfile", "\(name).ext", "-out", "\(name).pem")
  }

  private func openssl(_ arguments: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failed(arguments: arguments) }
  }

  private struct Failed: Error { let arguments: [String] }
}
