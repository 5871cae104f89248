package import ConnectorKit
import Messages

/// The settings of `mllp:` as a source.
package struct MLLPSourceSettings: AnsweringSettings {
  @Setting(
    """
    The address to listen on. Any other than this machine's own wants a `tls:` block, or `tls: none` together with \
    `allow:`.
    """, default: "127.0.0.1", example: "0.0.0.0")
  package var host: String
  @Setting("The port to listen on; 0 takes a free one.", example: "2575")
  package var port: Port
  @Setting("Encryption: a certificate and its key, and whose clients may come. `none` leaves it out on purpose.")
  package var tls: TLSSetting<ServerTLSSettings>?
  @Setting(
    "The senders that may connect, as addresses or blocks of them. Without it everybody may who reaches the port.",
    default: [], example: "[10.1.2.0/24]")
  package var allow: [AddressRange]
  @Setting("How many connections may be open at once; one more is closed at once.", default: 1_000)
  package var connections: Int
  @Setting("A connection on which nothing arrives for this long is closed.", default: .seconds(86_400))
  package var idle: Duration
  @Setting(
    "A message must have arrived whole this long after its first byte, or its connection is closed.",
    default: .seconds(60))
  package var frame: Duration
  @Setting("How senders are answered.", default: MLLPAckSettings())
  package var ack: MLLPAckSettings
  @Setting(
    """
    When the sender is answered: when the message is `accepted`, which is when it is on disk; or when a destination's \
    partner has taken it.
    """, default: .accepted, example: "{delivered: ehr, within: 20s, then: cancel}")
  package var acknowledge: Acknowledge

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    if connections == 0 {
      reader.problem("C106", "`connections: 0` lets nobody in", at: (node["connections"] ?? node).place)
    }
    if case .delivered = acknowledge, ack.mode == .none {
      reader.problem(
        "C150", "`ack: {mode: none}` answers nobody, and `acknowledge` says when to answer",
        at: (node["acknowledge"] ?? node).place, help: ["remove one of them"])
    }
    for (key, duration) in [("idle", idle), ("frame", frame)] where duration <= .zero {
      reader.problem("C106", "`\(key)` must be longer than nothing", at: (node[key] ?? node).place)
    }
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
      reader.problem(
        "C106", "`tls: none` on an address that other machines reach wants `allow`, so that not everybody can send",
        at: place, help: ["name the senders: `allow: [10.1.2.0/24]`"])
    case .unencrypted: break
    }
  }
}

/// The `ack:` block: the answers of a source.
package struct MLLPAckSettings: Settings {
  package enum Mode: String, SettingChoice { case auto, original, enhanced, none }
  package enum OnReject: String, SettingChoice {
    case error = "AE"
    case reject = "AR"
  }
  package enum ErrorForm: String, SettingChoice {
    case auto
    case location = "2.5"
    case code = "older"
    case none
  }

  @Setting(
    """
    `original` answers AA, AE, AR; `enhanced` CA, CE, CR; `auto` enhanced where MSH-15 or MSH-16 of the message say \
    so, else original; `none` never answers.
    """, default: .auto)
  package var mode: Mode
  @Setting(
    "MSH-3 of the answer. Without it the answer comes from whom the message was for (its MSH-5).", example: "HUB")
  package var from: String?
  @Setting(
    """
    What a message that is refused is answered with, whatever the reason. Without it AE where the sender can mend it \
    and AR where the message will never be taken.
    """, example: "AE")
  package var onReject: OnReject?
  @Setting(
    """
    The ERR segment of a refusal: as from version `2.5` on, as `older` versions have it, as the version of the message \
    has it (`auto`), or `none`.
    """, default: .auto)
  package var err: ErrorForm

  package init() {}
}

/// The settings of `mllp:` as a destination.
package struct MLLPDestinationSettings: Settings {
  @Setting("The partner's name or address.", example: "ehr.hospital.example")
  package var host: String
  @Setting("The partner's port.", example: "6661")
  package var port: Port
  @Setting("How long to wait for the partner's answer.", default: .seconds(30))
  package var timeout: Duration
  @Setting("How long a connection, with its TLS handshake, may take to come about.", default: .seconds(10))
  package var connectTimeout: Duration
  @Setting(
    """
    Encryption; `{}` verifies the partner against the authorities that the system trusts. Left out or `none`: messages \
    go unencrypted.
    """)
  package var tls: TLSSetting<ClientTLSSettings>?
  @Setting(
    """
    How long a connection without traffic is kept; `0s` closes it after each answer. Without it a connection is kept \
    as long as the partner keeps it.
    """, example: "5m")
  package var keepOpen: Duration?

  package init() {}

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    for (key, duration) in [("timeout", timeout), ("connect-timeout", connectTimeout)] where duration <= .zero {
      reader.problem("C106", "`\(key)` must be longer than nothing", at: (node[key] ?? node).place)
    }
    if port.number == 0 { reader.problem("C106", "a partner has no port 0", at: (node["port"] ?? node).place) }
    if host.isEmpty {
      return reader.problem(
        "C106", "`host` is empty", at: (node["host"] ?? node).place, help: ["the partner's name or address"])
    }
    guard tls == nil, !IPAddress.isLoopback(host: host) else { return }
    reader.problem(
      "C107", "messages to \(host) go unencrypted", at: (node["host"] ?? node).place, severity: .warning,
      help: ["add `tls: {}`, or say `tls: none` where that is meant"])
  }
}
