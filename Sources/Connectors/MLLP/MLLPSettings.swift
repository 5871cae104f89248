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
  @Setting("The port to listen on; 0 takes a free one. Required unless `connect` is there.", example: "2575")
  package var port: Port?
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
    Instead of listening: the partner listens, and its messages come on a connection that is made to it, and made \
    again when it ends.
    """, example: "{host: pas.hospital.example, port: 6661, tls: {}}")
  package var connect: MLLPConnectSettings?
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
    if connect != nil {
      return EitherWay(
        other: "connect", own: ["host", "port", "tls", "allow", "connections"], meaning: "how this engine listens"
      ).check(reader, node)
    }
    if port == nil {
      reader.problem(
        "C102", "`port` is missing", at: node.place,
        help: ["The port to listen on; 0 takes a free one.", "port: 2575", "connect: {host: …, port: …}"])
    }
    OpenPort(host: host, tls: tls, allow: allow, guest: "send").check(reader, node)
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
    `auto` answers once: CA, CE or CR where MSH-15 of the message asks for that, else AA, AE or AR, where MSH-16 does \
    or neither says anything. `original` answers AA, AE, AR. `enhanced` gives a sender that reads two answers both: CA \
    when the message is on disk (CE or CR where it is refused and MSH-16 wants no more), without MSH-15 always, and \
    behind it AA, AE or AR when it is known what became of it, where MSH-16 asks for that. `none` never answers. An \
    acknowledgement that comes as a message is answered where its MSH-15 says so, or the mode `original` or `enhanced` \
    does.
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
package struct MLLPDestinationSettings: LaterAnswerSettings {
  @Setting("The partner's name or address. Required unless `listen` is there.", example: "ehr.hospital.example")
  package var host: String?
  @Setting("The partner's port. Required unless `listen` is there.", example: "6661")
  package var port: Port?
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
  @Setting(
    """
    Instead of connecting: the partner connects to this port to fetch its messages, and answers each on that \
    connection. While none is connected, messages wait. The newest connection is used: an older one ends when nothing \
    is under way on it.
    """, example: "{port: 7000}")
  package var listen: MLLPListenSettings?
  @Setting(
    """
    In enhanced mode: a message is delivered when the partner's application acknowledgement (AA) has come, and its \
    accept acknowledgement (CA) alone says only that it is safe there. It is not awaited where MSH-16 of the message \
    says `NE`; MSH-15 and MSH-16 are for a transform to set. Without this block CA is delivered, and what comes behind \
    it is passed over.
    """, example: "{within: 5m}")
  package var applicationAck: MLLPApplicationSettings?

  package init() {}

  package var answersFrom: ChannelNameReference? { applicationAck?.from }

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    if let keepOpen, keepOpen == .zero, let applicationAck, applicationAck.from == nil {
      reader.problem(
        "C106", "`keep-open: 0s` closes the connection, and the application acknowledgement comes on it",
        at: (node["keep-open"] ?? node).place, help: ["remove it", "application-ack: {from: CHANNEL}"])
    }
    for (key, duration) in [("timeout", timeout), ("connect-timeout", connectTimeout)] where duration <= .zero {
      reader.problem("C106", "`\(key)` must be longer than nothing", at: (node[key] ?? node).place)
    }
    if listen != nil {
      return EitherWay(
        other: "listen", own: ["host", "port", "tls", "connect-timeout", "keep-open"],
        meaning: "how this engine connects"
      ).check(reader, node)
    }
    for (key, isMissing, about, example) in [
      ("host", host == nil, "The partner's name or address.", "ehr.hospital.example"),
      ("port", port == nil, "The partner's port.", "6661"),
    ] where isMissing {
      reader.problem(
        "C102", "`\(key)` is missing", at: node.place,
        help: [about, "\(key): \(example)", "listen: {port: 7000}"])
    }
    guard let host, let port else { return }
    PartnerAddress(host: host, port: port, isTLSSaid: tls != nil).check(reader, node, "go")
  }
}
