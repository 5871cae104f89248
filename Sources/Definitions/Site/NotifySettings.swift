package import ConnectorKit
import Messages

/// Where alerts are posted.
package struct WebhookRule: Sendable, Hashable {
  package var url: WebhookURL
  /// The name of a header and where its value is; sent with each post.
  package var header: String
  package var secret: Secret?
  /// Authorities, PEM, instead of the system's.
  package var ca: FilePath?
  package var timeout: Duration

  package init(
    url: WebhookURL, header: String = "Authorization", secret: Secret? = nil, ca: FilePath? = nil,
    timeout: Duration = .seconds(10)
  ) {
    self.url = url
    self.header = header
    self.secret = secret
    self.ca = ca
    self.timeout = timeout
  }
}

/// `https://host[:port]/path`; `http` only to this machine itself. The address may hold a secret: only its host is ever
/// shown.
package struct WebhookURL: SettingValue, Hashable {
  package var address: String
  package var host: String

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> WebhookURL? {
    guard let text = node.scalar, let (scheme, host) = parts(text) else {
      reader.expected("the address of a web hook", node, help: ["https://alerts.hospital.example/hilum"])
      return nil
    }
    if scheme == "http", !["127.0.0.1", "localhost", "[::1]"].contains(host) {
      reader.problem(
        "C106", "`http` goes in clear, and only to this machine itself", at: node.place, help: ["https://\(host)/…"])
      return nil
    }
    return WebhookURL(address: text, host: host)
  }

  private static func parts(_ text: String) -> (scheme: String, host: String)? {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    for scheme in ["https", "http"] where text.hasPrefix(scheme + "://") {
      let authority = text.dropFirst(scheme.utf8.count + 3).prefix { !"/?#".contains($0) }
      // A name and password belong into a header, by reference.
      guard !authority.contains("@") else { return nil }
      let isNumbered = authority.hasPrefix("[")
      let host = isNumbered ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
      let rest = authority.dropFirst(host.count)
      guard host.count > (isNumbered ? 2 : 0), rest.isEmpty || rest.hasPrefix(":") && UInt16(rest.dropFirst()) != nil
      else { return nil }
      return (scheme, host.lowercased())
    }
    return nil
  }

  package static var kind: SettingKind { .scalar("address") }
  package var text: String { "" }
}

/// `notify:` of `hilum.yaml`.
struct NotifySettings: Settings {
  @Setting("Posts each alert, and its end, as JSON to an address.") var webhook: WebhookSettings?
  @Setting("Mails each alert, and its end, to people.") var email: EmailSettings?
  @Setting(
    """
    Hands each alert, and its end, as JSON to a channel of this engine, which sends it on as any message. The channel \
    says `source: {channel: {}}` and `format: json`.
    """, example: "alerts")
  var channel: AlertChannel?
  init() {}
}

/// `notify: webhook:`
struct WebhookSettings: Settings {
  @Setting(
    """
    Where to: `https`, or `http` to this machine itself. An address that is itself a secret comes from the \
    environment: `${NAME}`.
    """, example: "https://alerts.hospital.example/hilum")
  var url: WebhookURL
  @Setting("The header that `secret` is the value of.", default: "Authorization") var header: String
  @Setting("The value of that header, such as `Bearer …`.", example: "{file: /run/secrets/hook}") var secret: Secret?
  @Setting("The authorities, PEM, that its certificate must come from; the system's unless said.") var ca: FilePath?
  @Setting("How long one try may take. It is tried again until it is taken.", default: .seconds(10))
  var timeout: Duration

  init() {}

  func check(_ reader: SettingReader, _ node: SettingNode) {
    // RFC 9110, a token.
    let isToken = { (byte: UInt8) in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
    if header.isEmpty || !header.utf8.allSatisfy(isToken) {
      reader.expected("the name of a header", node["header"] ?? node, help: ["Authorization", "X-Api-Key"])
    }
    if timeout < .seconds(1) || timeout > .seconds(120) {
      reader.problem("C131", "`timeout` goes from 1s to 120s", at: (node["timeout"] ?? node).place)
    }
  }

  var rule: WebhookRule { WebhookRule(url: url, header: header, secret: secret, ca: ca, timeout: timeout) }
}
