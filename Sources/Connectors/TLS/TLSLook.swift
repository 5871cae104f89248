import ConnectorKit
import Messages
import NIOSSL

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Looks at the files of a `tls:` block before an engine needs them, and says at which setting what is wrong.
///
/// A file that isn't here may be on the server, so that is a warning; a file that is here and can't be used is an error
/// wherever it is looked at.
struct TLSLook {
  private let node: SettingNode
  private let reader: SettingReader

  init(_ node: SettingNode, _ reader: SettingReader) {
    self.node = node
    self.reader = reader
  }

  /// A certificate and its key: each by itself, then as a pair, then its days.
  func identity(certificate: FilePath, key secret: Secret) {
    let chain = read("certificate", .file(certificate.path)) { () throws(SettingError) in
      try TLSFiles.certificates(certificate, setting: "certificate")
    }
    let key = read("key", secret.reference) { () throws(SettingError) in try TLSFiles.key(secret, setting: "key") }
    if let chain, let key {
      let configuration = TLSConfiguration.makeServerConfiguration(
        certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
      do throws(SettingError) {
        _ = try NIOSSLContext.checked(configuration)
      } catch {
        unusable("key", "\(error.reason): \(certificate.path)", Self.help("key"))
      }
    }
    if let facts = chain?.first.flatMap({ CertificateFacts($0) }) { days(of: facts, certificate.path) }
  }

  func authorities(_ file: FilePath, _ setting: String) {
    _ = read(setting, .file(file.path)) { () throws(SettingError) in
      try TLSFiles.certificates(file, setting: setting)
    }
  }

  private func read<Content>(
    _ setting: String, _ reference: Secret.Reference, _ read: () throws(SettingError) -> Content
  ) -> Content? {
    guard isHere(setting, reference) else { return nil }
    do throws(SettingError) {
      return try read()
    } catch {
      unusable(setting, error.reason, Self.help(setting))
      return nil
    }
  }

  private func isHere(_ setting: String, _ reference: Secret.Reference) -> Bool {
    let missing: String
    switch reference {
    case .file(let path):
      if access(path, R_OK) == 0 { return true }
      let reason = errno == EACCES ? "may not be read by this user" : "is not here"
      missing = "the file \(path) \(reason)"
    case .environment(let name):
      if getenv(name) != nil { return true }
      missing = "the environment variable \(name) is not set here"
    }
    reader.problem(
      "C140", missing, at: place(setting), severity: .warning,
      help: ["mend the path, or put it there", "nothing to do here where it is only on the server"])
    return false
  }

  private func days(of facts: CertificateFacts, _ path: String) {
    let now = Int64(time(nil))
    let help = ["ask your authority for a new certificate, and put it into \(path)"]
    if facts.notAfter < now {
      reader.problem(
        "C142", "the certificate in \(path) expired on \(facts.lastDay): partners refuse it", at: place("certificate"),
        help: help)
    } else if facts.notBefore > now {
      reader.problem(
        "C142", "the certificate in \(path) is valid from \(facts.firstDay) on: partners refuse it before",
        at: place("certificate"), severity: .warning, help: ["see that this machine's clock is right"])
    } else if facts.notAfter - now < TLSIdentity.warningSeconds {
      reader.problem(
        "C142", "the certificate in \(path) expires on \(facts.lastDay)", at: place("certificate"), severity: .warning,
        help: help)
    }
  }

  private func unusable(_ setting: String, _ reason: String, _ help: [String]) {
    reader.problem("C141", reason, at: place(setting), help: help)
  }

  private static func help(_ setting: String) -> [String] {
    setting == "key"
      ? [
        "a PEM key begins with `-----BEGIN PRIVATE KEY-----`", "it belongs to the first certificate of `certificate`",
        "`openssl pkey -in OLD -out NEW` takes a passphrase off",
      ]
      : [
        "a PEM certificate begins with `-----BEGIN CERTIFICATE-----`",
        "`openssl x509 -inform der -in OLD -out NEW` makes one of a DER file",
      ]
  }

  private func place(_ setting: String) -> Place { (node[setting] ?? node).place }
}
