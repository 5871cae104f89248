package import ConnectorKit

/// `listen:` of `mllp:` as a destination: the partner connects to fetch its messages.
package struct MLLPListenSettings: Settings {
  @Setting(
    """
    The address to listen on. Any other than this machine's own wants a `tls:` block, or `tls: none` together with \
    `allow:`.
    """, default: "127.0.0.1", example: "0.0.0.0")
  package var host: String
  @Setting("The port that the partner connects to; 0 takes a free one.", example: "7000")
  package var port: Port
  @Setting("Encryption: a certificate and its key, and whose clients may come. `none` leaves it out on purpose.")
  package var tls: TLSSetting<ServerTLSSettings>?
  @Setting(
    "The partners that may connect, as addresses or blocks of them. Without it everybody may who reaches the port.",
    default: [], example: "[10.1.2.7]")
  package var allow: [AddressRange]

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    OpenPort(host: host, tls: tls, allow: allow, guest: "fetch messages").check(reader, node)
  }
}

/// A port of ours that others may connect to.
struct OpenPort {
  let host: String
  let tls: TLSSetting<ServerTLSSettings>?
  let allow: [AddressRange]
  /// What everybody could do who connects: `send`.
  let guest: String

  func check(_ reader: SettingReader, _ node: SettingNode) {
    guard !IPAddress.isLoopback(host: host) else { return }
    let place = (node["host"] ?? node).place
    if host.isEmpty {
      return reader.problem(
        "C106", "`host` is empty", at: place, help: ["127.0.0.1 is this machine alone, 0.0.0.0 every address of it"])
    }
    switch tls {
    case .with: break
    case nil:
      reader.problem(
        "C106", "\(host) can be reached from other machines, so messages need encryption", at: place,
        help: ["add `tls: {certificate: …, key: {file: …}}`", "or say `tls: none` and whom to `allow: [10.1.2.0/24]`"])
    case .unencrypted where allow.isEmpty:
      let whom = guest == "send" ? "the senders" : "the partners"
      reader.problem(
        "C106", "`tls: none` on an address that other machines reach wants `allow`, so that not everybody can \(guest)",
        at: place, help: ["name \(whom): `allow: [10.1.2.0/24]`"])
    case .unencrypted: break
    }
  }
}

/// Two ways to come to a connection, of which a block has one.
struct EitherWay {
  /// The key of the other way, which is there: `connect`, `listen`.
  let other: String
  /// Keys that have no meaning beside it.
  let own: [String]
  /// What those say: `how this engine listens`.
  let meaning: String

  func check(_ reader: SettingReader, _ node: SettingNode) {
    guard case .map(let entries) = node.kind else { return }
    for entry in entries where own.contains(entry.key) {
      reader.problem(
        "C106", "`\(entry.key)` says \(meaning), and `\(other)` stands beside it", at: entry.keyPlace,
        help: ["remove it, or write what is meant under `\(other):`", "leave `\(other)` out"])
    }
  }
}
