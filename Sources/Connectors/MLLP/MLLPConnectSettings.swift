package import ConnectorKit
import Messages

/// `connect:` of `mllp:` as a source: the partner listens, and its messages come on a connection that is made to it.
package struct MLLPConnectSettings: Settings {
  @Setting("The partner's name or address.", example: "pas.hospital.example")
  package var host: String
  @Setting("The partner's port.", example: "6661")
  package var port: Port
  @Setting("How long a connection, with its TLS handshake, may take to come about.", default: .seconds(10))
  package var connectTimeout: Duration
  @Setting(
    """
    Encryption; `{}` verifies the partner against the authorities that the system trusts. Left out or `none`: messages \
    come unencrypted.
    """)
  package var tls: TLSSetting<ClientTLSSettings>?

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    if connectTimeout <= .zero {
      reader.problem(
        "C106", "`connect-timeout` must be longer than nothing", at: (node["connect-timeout"] ?? node).place)
    }
    PartnerAddress(host: host, port: port, isTLSSaid: tls != nil).check(reader, node, "come")
  }
}

/// A partner that is connected to.
struct PartnerAddress {
  let host: String
  let port: Port
  let isTLSSaid: Bool

  /// - Parameter verb: what messages do without TLS: `go`, `come`.
  func check(_ reader: SettingReader, _ node: SettingNode, _ verb: String) {
    if port.number == 0 { reader.problem("C106", "a partner has no port 0", at: (node["port"] ?? node).place) }
    if host.isEmpty {
      return reader.problem(
        "C106", "`host` is empty", at: (node["host"] ?? node).place, help: ["the partner's name or address"])
    }
    guard !isTLSSaid, !IPAddress.isLoopback(host: host) else { return }
    reader.problem(
      "C107", "messages \(verb == "go" ? "to" : "from") \(host) \(verb) unencrypted", at: (node["host"] ?? node).place,
      severity: .warning, help: ["add `tls: {}`, or say `tls: none` where that is meant"])
  }
}
