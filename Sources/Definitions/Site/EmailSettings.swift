package import ConnectorKit
import Messages

/// To whom alerts are mailed, and by which server.
package struct EmailRule: Sendable, Hashable {
  package enum Security: String, SettingChoice { case starttls, implicit, none }

  package var host: String
  package var port: Int
  package var security: Security
  package var ca: FilePath?
  package var from: String
  package var to: [String]
  package var user: String?
  package var password: Secret?
  package var timeout: Duration
}

/// `name@domain`, in plain ASCII and without anything that would mean something in a mail's dialog or header.
struct MailAddress: SettingValue, Hashable {
  let address: String

  static func read(_ node: SettingNode, _ reader: SettingReader) -> MailAddress? {
    guard let text = node.scalar, isAddress(text) else {
      reader.expected("an e-mail address", node, help: ["hilum@hospital.example"])
      return nil
    }
    return MailAddress(address: text)
  }

  /// RFC 5321's Dot-string and Domain; no quoted names.
  private static func isAddress(_ text: String) -> Bool {
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, text.utf8.count <= 254, parts[0].utf8.count <= 64 else { return false }
    func isFine(_ part: Substring, _ others: String) -> Bool {
      part.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        !label.isEmpty
          && label.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
              || others.utf8.contains($0)
          }
      }
    }
    return isFine(parts[0], "!#$%&'*+-/=?^_`{|}~") && isFine(parts[1], "-")
  }

  static var kind: SettingKind { .scalar("e-mail address") }
  var text: String { address }
}

/// `notify: email:`
struct EmailSettings: Settings {
  @Setting("The mail server.", example: "mail.hospital.example") var host: String
  @Setting("Its port: 587 for `starttls`, 465 for `implicit`, 25 for `none` unless said.", example: "587")
  var port: Port?
  @Setting(
    """
    `starttls` begins TLS within the dialog, or nothing is sent; `implicit` is TLS from the first byte; `none` goes in \
    clear, without a password.
    """, default: .starttls)
  var tls: EmailRule.Security
  @Setting("The authorities, PEM, that its certificate must come from; the system's unless said.") var ca: FilePath?
  @Setting("The sender.", example: "hilum@hospital.example") var from: MailAddress
  @Setting("The recipients.", example: "[on-call@hospital.example]") var to: [MailAddress]
  @Setting("Who signs in at the server.", example: "hilum") var user: String?
  @Setting("With which password.", example: "{file: /run/secrets/mail}") var password: Secret?
  @Setting("How long one try may take. It is tried again until it is taken.", default: .seconds(30))
  var timeout: Duration

  init() {}

  func check(_ reader: SettingReader, _ node: SettingNode) {
    if (user == nil) != (password == nil) {
      let (there, missing) = user == nil ? ("password", "user") : ("user", "password")
      reader.problem("C106", "`\(there)` wants `\(missing)` beside it", at: node.place)
    }
    if tls == .none, password != nil {
      reader.problem(
        "C106", "a password does not go in clear", at: (node["tls"] ?? node).place, help: ["tls: starttls"])
    }
    if to.isEmpty { reader.expected("the recipients", node["to"] ?? node, help: ["[on-call@hospital.example]"]) }
    if timeout < .seconds(1) || timeout > .seconds(120) {
      reader.problem("C131", "`timeout` goes from 1s to 120s", at: (node["timeout"] ?? node).place)
    }
  }

  var rule: EmailRule {
    let standard =
      switch tls {
      case .starttls: 587
      case .implicit: 465
      case .none: 25
      }
    return EmailRule(
      host: host, port: port.map { Int($0.number) } ?? standard, security: tls, ca: ca, from: from.address,
      to: to.map(\.address), user: user, password: password, timeout: timeout)
  }
}
