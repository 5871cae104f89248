import ConnectorKit
import Foundation
import Messages
import NIOSSL
import Testing

@testable import Connectors

@Suite(.timeLimit(.minutes(2)))
struct TLSTests {
  @Test func `the facts of a certificate are what openssl put in`() throws {
    let made = try TestCertificates.made()
    let client = try #require(try NIOSSLCertificate.fromPEMFile(made.path("client.pem")).first)
    let facts = try #require(CertificateFacts(client))
    #expect(facts.subject == "CN=pas.hospital.example, O=Hospital")
    #expect(facts.names == ["pas.hospital.example"])
    #expect(facts.notAfter - facts.notBefore == 365 * 86_400)
    let expired = try #require(try NIOSSLCertificate.fromPEMFile(made.path("expired.pem")).first)
    let old = try #require(CertificateFacts(expired))
    #expect((old.firstDay, old.lastDay) == ("2020-01-01", "2020-02-01"))
    #expect(old.names == ["localhost", "127.0.0.1"])
    #expect(old.notAfter == 1_580_515_200)
  }

  @Test(arguments: [
    ("server", "localhost", true), ("server", "LOCALHOST.", true), ("server", "127.0.0.1", true),
    ("server", "::ffff:127.0.0.1", true), ("server", "ehr.localhost", false), ("server", "10.0.0.1", false),
    ("address", "localhost", false), ("address", "127.0.0.1", true), ("client", "127.0.0.1", false),
    ("client", "pas.hospital.example", true), ("client", "hospital.example", false),
  ]) func `a certificate is for the names it holds and no other`(
    _ name: String, _ expected: String, _ isFor: Bool
  ) throws {
    let made = try TestCertificates.made()
    let certificate = try #require(try NIOSSLCertificate.fromPEMFile(made.path("\(name).pem")).first)
    #expect(try #require(CertificateFacts(certificate)).isFor(expected) == isFor)
  }

  @Test func `a certificate that is cut or flipped anywhere gives facts or none, and never traps`() throws {
    let made = try TestCertificates.made()
    let der = try #require(try NIOSSLCertificate.fromPEMFile(made.path("server.pem")).first).toDERBytes()
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed)
    var readable = 0
    for index in der.indices {
      var bytes = der
      bytes[index] = UInt8.random(in: 0...255, using: &random)
      if CertificateFacts(der: bytes) != nil { readable += 1 }
      #expect(CertificateFacts(der: Array(der[..<index])) == nil, "seed \(seed)")
    }
    #expect(readable > 0, "seed \(seed)")
  }

  @Test func `days are counted as the calendar has them`() {
    for (year, month, day, days) in [
      (1970, 1, 1, 0), (1969, 12, 31, -1), (2000, 2, 29, 11_016), (2024, 2, 29, 19_782), (2024, 3, 1, 19_783),
      (2038, 1, 19, 24_855), (2100, 3, 1, 47_541),
    ] as [(Int64, Int64, Int64, Int64)] {
      #expect(UTCDate.days(year: year, month: month, day: day) == days)
      let text = "\(year)-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
      #expect(UTCDate.text(seconds: days * 86_400 + 86_399) == text)
    }
  }

  @Test(arguments: [
    ("missing", "server", "tls.certificate: ", "missing.pem: there is no such file"),
    ("server", "missing", "tls.key: ", "missing.key: there is no such file"),
    ("server", "client", "tls.key: ", "the key does not belong to the certificate"),
    ("server", "encrypted", "tls.key: ", "is encrypted"),
  ])
  func `files that can't be used are named with their setting`(
    _ certificate: String, _ key: String, _ start: String, _ part: String
  ) throws {
    let made = try TestCertificates.made()
    let settings = made.server(certificate)
    settings.key = Secret(.file(made.path("\(key).key")))
    let error = #expect(throws: SettingError.self) { try ServerCertificates(settings, logger: LogLines().logger) }
    let text = try #require(error).description
    #expect(text.hasPrefix(start))
    #expect(text.contains(part))
  }

  @Test func `a file that holds something else, a folder and a variable that isn't set are said to be that`() throws {
    let made = try TestCertificates.made()
    let settings = made.server("server")
    func reason() -> String? {
      (#expect(throws: SettingError.self) { try ServerCertificates(settings, logger: LogLines().logger) })?.reason
    }
    settings.certificate = FilePath(made.path("server.key"))
    #expect(reason()?.hasSuffix("holds no PEM certificate") == true)
    settings.certificate = FilePath(made.folder)
    #expect(reason()?.hasSuffix("is not a file") == true)
    settings.certificate = FilePath(made.path("server.pem"))
    settings.key = Secret(.file(made.path("server.pem")))
    #expect(reason()?.hasSuffix("holds no PEM private key") == true)
    settings.key = Secret(.environment("HILUM_TEST_NO_SUCH_VARIABLE"))
    #expect(reason() == "the environment variable HILUM_TEST_NO_SUCH_VARIABLE is not set")
  }

  @Test func `a key may come from an environment variable`() throws {
    let made = try TestCertificates.made()
    let key = try String(contentsOfFile: made.path("server.key"), encoding: .utf8)
    setenv("HILUM_TEST_TLS_KEY", key, 1)
    defer { unsetenv("HILUM_TEST_TLS_KEY") }
    let settings = made.server("server")
    settings.key = Secret(.environment("HILUM_TEST_TLS_KEY"))
    #expect(throws: Never.self) { try ServerCertificates(settings, logger: LogLines().logger) }
  }

  @Test func `a certificate that soon ends is warned of, one that has ended is an error in the log`() throws {
    let made = try TestCertificates.made()
    let log = LogLines()
    _ = try ServerCertificates(made.server("server"), logger: log.logger)
    #expect(log.lines.now.isEmpty)
    _ = try ServerCertificates(made.server("soon"), logger: log.logger)
    _ = try ServerCertificates(made.server("expired"), logger: log.logger)
    let lines = log.lines.now
    #expect(lines.count == 2)
    #expect(lines.first?.hasPrefix("warning our certificate expires soon") == true)
    #expect(lines.last?.hasPrefix("error our certificate has expired") == true)
  }

  @Test func `new files are taken, bad ones leave the old in use and are said once`() throws {
    let made = try TestCertificates.made()
    let folder = made.path("rotation-\(UUID().uuidString)")
    let files = FileManager.default
    try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func place(_ name: String, _ kinds: [String] = ["pem", "key"]) throws {
      for kind in kinds {
        try? files.removeItem(atPath: "\(folder)/live.\(kind)")
        try files.copyItem(atPath: made.path("\(name).\(kind)"), toPath: "\(folder)/live.\(kind)")
      }
    }
    try place("server")
    let settings = ServerTLSSettings()
    settings.certificate = FilePath("\(folder)/live.pem")
    settings.key = Secret(.file("\(folder)/live.key"))
    let log = LogLines()
    let certificates = try ServerCertificates(settings, logger: log.logger)
    let first = certificates.context
    certificates.refresh()
    #expect(certificates.context === first)

    try place("client", ["pem"])
    certificates.refresh()
    certificates.refresh()
    #expect(certificates.context === first)
    #expect(log.lines.now.filter { $0.contains("the old certificate stays") }.count == 1)

    try place("client")
    certificates.refresh()
    #expect(certificates.context !== first)
  }

  @Test func `a file whose permissions changed is looked at again`() throws {
    let path = try TestCertificates.made().path("stamp-\(UUID().uuidString)")
    try Data("x".utf8).write(to: URL(fileURLWithPath: path))
    let before = FileStamp([path])
    #expect(FileStamp([path]) == before)
    chmod(path, 0o400)
    #expect(FileStamp([path]) != before)
  }

  @Test func `destinations with equal settings share a context until a file changes`() throws {
    let made = try TestCertificates.made()
    let folder = made.path("shared-\(UUID().uuidString)")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: made.path("ca.pem"), toPath: "\(folder)/ca.pem")
    let settings = ClientTLSSettings()
    settings.ca = FilePath("\(folder)/ca.pem")
    let contexts = ClientContexts()
    let log = LogLines()
    let first = try contexts.context(settings, logger: log.logger)
    #expect(try contexts.context(settings, logger: log.logger) === first)

    try Data("nothing".utf8).write(to: URL(fileURLWithPath: "\(folder)/ca.pem"))
    #expect(try contexts.context(settings, logger: log.logger) === first)
    #expect(log.lines.now.count == 1)

    try FileManager.default.removeItem(atPath: "\(folder)/ca.pem")
    try FileManager.default.copyItem(atPath: made.path("other-ca.pem"), toPath: "\(folder)/ca.pem")
    #expect(try contexts.context(settings, logger: log.logger) !== first)
  }
}
