import Foundation

/// A certificate authority of a test, with the certificates that it signed, made with `openssl` in the folder `tls` of a
/// project.
struct Authority {
  let project: Project
  let name: String

  init(_ name: String, in project: Project) async throws {
    (self.project, self.name) = (project, name)
    try project.makeFolder("tls")
    try await key(name)
    try await openssl(
      "req", "-x509", "-new", "-key", "\(name).key", "-days", "3650", "-subj", "/CN=\(name)", "-out", "\(name).pem",
      "-addext", "basicConstraints=critical,CA:TRUE")
  }

  /// Its own certificate.
  var path: String { project.path("tls/\(name).pem") }

  /// A certificate for this machine with its key, as `tls/NAME.pem` and `tls/NAME.key`.
  func issue(_ name: String, days: Int = 365) async throws {
    try await key(name)
    try await openssl("req", "-new", "-key", "\(name).key", "-subj", "/CN=\(name)", "-out", "\(name).csr")
    try project.write("tls/\(name).ext", "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    try await openssl(
      "x509", "-req", "-in", "\(name).csr", "-CA", "\(self.name).pem", "-CAkey", "\(self.name).key", "-CAcreateserial",
      "-days", String(days), "-extfile", "\(name).ext", "-out", "\(name).pem")
  }

  private func key(_ name: String) async throws {
    try await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "\(name).key")
  }

  private func openssl(_ words: String...) async throws {
    let paths = words.map { word in
      [".pem", ".key", ".csr", ".ext"].contains { word.hasSuffix($0) } ? project.path("tls/\(word)") : word
    }
    let result = try await project.run(["openssl"] + paths)
    guard result.status == 0 else { throw WayError("openssl \(words): \(result.errors)") }
  }
}

extension Project {
  /// Puts files of the folder `tls` in the place of others there, each whole.
  func place(_ name: String, as live: String, _ kinds: [String] = ["pem", "key"]) throws {
    for kind in kinds {
      try write("tls/\(live).\(kind).new", read("tls/\(name).\(kind)"))
      guard rename(path("tls/\(live).\(kind).new"), path("tls/\(live).\(kind)")) == 0 else {
        throw WayError("\(live).\(kind) can't be replaced")
      }
    }
  }

  /// Whom a port shows itself as: the common name of its certificate, as `openssl s_client` sees it.
  func nameShown(on port: Int) async throws -> String? {
    let result = try await run([
      "sh", "-c", "openssl s_client -connect 127.0.0.1:\(port) </dev/null 2>/dev/null | openssl x509 -noout -subject",
    ])
    return result.output.split(separator: "=").last?.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
