import ConnectorKit
import Foundation
import Messages
import Testing

@testable import Connectors

/// What `hilum check` says of certificates, keys and folders that settings name.
@Suite struct LookTests {
  /// Each key stands in a line of its own: the first in line 2.
  private func map(_ entries: [(String, String)]) -> SettingNode {
    SettingNode(
      .map(
        entries.enumerated().map { index, entry in
          let place = Place(file: "a.yaml", line: index + 2, column: 5)
          let text = SettingNode(.scalar(entry.1), at: place)
          let isSecret = entry.0 == "key"
          let file = SettingNode.Entry(key: "file", keyPlace: place, value: text)
          return SettingNode.Entry(
            key: entry.0, keyPlace: place, value: isSecret ? SettingNode(.map([file]), at: place) : text)
        }), at: Place(file: "a.yaml", line: 1, column: 1))
  }

  /// What reading and then looking says: line, severity, code; and the messages.
  private func look<Options: Settings>(
    _ type: Options.Type, in folder: String, _ entries: (String, String)...
  ) throws -> (found: [String], messages: String) {
    let reader = SettingReader(folder: folder)
    let node = map(entries)
    let options = try #require(Options.read(node, reader), "\(reader.problems)")
    options.look(node, reader)
    let problems = reader.problems
    #expect(problems.allSatisfy { !$0.help.isEmpty })
    return (
      problems.map { "\($0.place.line) \($0.severity) \($0.code)" }, problems.map(\.message).joined(separator: "; ")
    )
  }

  @Test func `a certificate with its key and authorities is found good`() throws {
    let folder = try TestCertificates.made().folder
    let server = try look(
      ServerTLSSettings.self, in: folder, ("certificate", "server.pem"), ("key", "server.key"), ("clients", "ca.pem"))
    #expect(server.found == [], "\(server.messages)")
    let client = try look(
      ClientTLSSettings.self, in: folder, ("ca", "ca.pem"), ("certificate", "client.pem"), ("key", "client.key"))
    #expect(client.found == [], "\(client.messages)")
  }

  @Test func `a certificate, key or authority that is missing is a warning, for it may be on the server`() throws {
    let folder = try TestCertificates.made().folder
    let server = try look(
      ServerTLSSettings.self, in: folder, ("certificate", "none.pem"), ("key", "none.key"), ("clients", "none-ca.pem"))
    #expect(server.found == ["2 warning C140", "3 warning C140", "4 warning C140"])
    for name in ["none.pem", "none.key", "none-ca.pem"] { #expect(server.messages.contains("\(folder)/\(name)")) }
    let client = try look(ClientTLSSettings.self, in: folder, ("ca", "none-ca.pem"))
    #expect(client.found == ["2 warning C140"])
  }

  @Test func `a certificate or key that is there and can't be used is an error`() throws {
    let folder = try TestCertificates.made().folder
    func found(_ certificate: String, _ key: String, _ clients: String = "ca.pem") throws -> [String] {
      try look(
        ServerTLSSettings.self, in: folder, ("certificate", certificate), ("key", key), ("clients", clients)
      ).found
    }
    #expect(try found("server.ext", "server.key") == ["2 error C141"])
    #expect(try found("server.pem", "server.ext") == ["3 error C141"])
    #expect(try found("server.pem", "encrypted.key") == ["3 error C141"])
    #expect(try found("server.pem", "client.key") == ["3 error C141"])
    #expect(try found("server.pem", "server.key", "server.ext") == ["4 error C141"])
  }

  @Test func `a certificate that has ended is an error, one that soon will a warning`() throws {
    let folder = try TestCertificates.made().folder
    func look(_ name: String) throws -> (found: [String], messages: String) {
      try self.look(ServerTLSSettings.self, in: folder, ("certificate", "\(name).pem"), ("key", "\(name).key"))
    }
    let expired = try look("expired")
    #expect(expired.found == ["2 error C142"] && expired.messages.contains("expired on 2020-02-01"))
    #expect(try look("soon").found == ["2 warning C142"])
    #expect(try look("future").found == ["2 warning C142"])
  }

  @Test func `a folder that is missing is a warning, and something else in its place an error`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/hilum-look-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder + "/in", withIntermediateDirectories: true)
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
    func source(_ entries: (String, String)...) throws -> [String] {
      let reader = SettingReader(folder: folder)
      let node = map(entries)
      try #require(FileSourceSettings.read(node, reader)).look(node, reader)
      return reader.problems.map { "\($0.place.line) \($0.severity) \($0.code)" }
    }
    #expect(try source(("directory", "in")) == [])
    #expect(try source(("directory", "in"), ("to", "in/done"), ("failed", "bad")) == [], "the engine makes these")
    #expect(try source(("directory", "in"), ("to", "no/done")) == ["3 warning C140"])
    #expect(try source(("directory", "in"), ("to", "file/done")) == ["3 error C143"])
    #expect(try source(("directory", "in"), ("failed", "file")) == ["3 error C143"])
    #expect(try source(("directory", "no")) == ["2 warning C140"])
    #expect(try source(("directory", "file")) == ["2 error C143"])
    let name = ("name", "x")
    #expect(try look(FileDestinationSettings.self, in: folder, ("directory", "in"), name).found == [])
    #expect(try look(FileDestinationSettings.self, in: folder, ("directory", "no"), name).found == ["2 warning C140"])
    #expect(try look(FileDestinationSettings.self, in: folder, ("directory", "file"), name).found == ["2 error C143"])
  }

  @Test(.enabled(if: geteuid() != 0, "root may read and write everything"))
  func `a folder or key that this user may not use is a warning`() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/hilum-look-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(
      atPath: folder + "/in", withIntermediateDirectories: true, attributes: nil)
    try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder + "/in")
    #expect(
      try look(FileDestinationSettings.self, in: folder, ("directory", "in"), ("name", "x")).found == [
        "2 warning C140"
      ])
  }
}
