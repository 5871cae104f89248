package import ConnectorKit

/// `tls:` where one may also say `none`: encryption is left out on purpose, never by forgetting a line.
package enum TLSSetting<Options: Settings>: SettingValue {
  /// `none`.
  case unencrypted
  case with(Options)

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> TLSSetting? {
    switch node.kind {
    case .scalar("none"):
      return .unencrypted
    case .map:
      return Options.read(node, reader).map { .with($0) }
    default:
      reader.expected("a block of TLS settings, or `none`,", node)
      return nil
    }
  }

  package static var kind: SettingKind { .either([Options.kind, .choice(["none"])]) }
  package var text: String {
    switch self {
    case .unencrypted: "none"
    case .with: ""
    }
  }

  package func look(_ node: SettingNode, _ reader: SettingReader) { options?.look(node, reader) }

  /// The settings; `nil` for `none`.
  package var options: Options? {
    switch self {
    case .unencrypted: nil
    case .with(let options): options
    }
  }
}

/// TLS where others connect to us.
package struct ServerTLSSettings: Settings {
  @Setting(
    "The certificate that is shown, PEM, followed by those between it and its authority.", example: "tls/server.pem")
  package var certificate: FilePath
  @Setting("Its private key, PEM and not encrypted.", example: "{file: /run/secrets/mllp.key}")
  package var key: Secret
  @Setting(
    """
    The authorities, PEM, of which one must have signed the client's certificate. Without it clients show none; with \
    it a client without a certificate is refused.
    """, example: "tls/partners.pem")
  package var clients: FilePath?

  package init() {}

  package func look(_ node: SettingNode, _ reader: SettingReader) {
    let look = TLSLook(node, reader)
    look.identity(certificate: certificate, key: key)
    if let clients { look.authorities(clients, "clients") }
  }
}

/// TLS where we connect to others. The partner's certificate is always verified, and so is its name.
package struct ClientTLSSettings: Settings {
  @Setting(
    """
    The authorities, PEM, of which one must have signed the partner's certificate. Without it those that the system \
    trusts.
    """,
    example: "tls/partner-ca.pem")
  package var ca: FilePath?
  @Setting("Our own certificate, PEM, for a partner that asks for one.", example: "tls/hub.pem")
  package var certificate: FilePath?
  @Setting("Its private key, PEM and not encrypted.", example: "{file: /run/secrets/hub.key}")
  package var key: Secret?
  @Setting(
    "The name that the partner's certificate must hold, where it isn't `host`.", example: "ehr.hospital.example")
  package var serverName: String?

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    guard (certificate == nil) != (key == nil) else { return }
    let (there, missing) = key == nil ? ("certificate", "key") : ("key", "certificate")
    reader.problem("C106", "`\(there)` wants `\(missing)` beside it", at: node.place)
  }
  package func look(_ node: SettingNode, _ reader: SettingReader) {
    let look = TLSLook(node, reader)
    if let ca { look.authorities(ca, "ca") }
    if let certificate, let key { look.identity(certificate: certificate, key: key) }
  }
}
