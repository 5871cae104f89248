package import ConnectorKit

/// The settings of `dicom:` as a destination.
package struct DICOMDestinationSettings: LaterAnswerSettings {
  @Setting("The partner's name or address.", example: "pacs.hospital.example")
  package var host: String
  @Setting("The partner's port.", example: "11112")
  package var port: Port
  @Setting("What the partner is called.", example: "PACS")
  package var aeTitle: AETitle
  @Setting("What this engine calls itself: a partner may know only some.", default: AETitle(known: "HILUM"))
  package var calling: AETitle
  @Setting(
    "How long the partner may take to answer: for an association, and for an object once it has all of it.",
    default: .seconds(60))
  package var timeout: Duration
  @Setting("How long a connection, with its TLS handshake, may take to come about.", default: .seconds(10))
  package var connectTimeout: Duration
  @Setting(
    "How long an association on which nothing is sent is kept; `0s` ends it after each object.", default: .seconds(20))
  package var keepOpen: Duration
  @Setting(
    """
    Encryption; `{}` verifies the partner against the authorities that the system trusts. Left out or `none`: objects \
    go unencrypted.
    """)
  package var tls: TLSSetting<ClientTLSSettings>?
  @Setting(
    """
    An object is delivered when the partner has committed itself to keep it (storage commitment), and not yet when it \
    has taken it: it is asked after C-STORE, and reports at once or hours later. `{}` waits an hour for the report. \
    With `window: 100` a hundred objects go before the first is committed, and are asked for at once.
    """, example: "{within: 4h, from: images}")
  package var commitment: DICOMCommitmentSettings?

  package init() {}

  package var answersFrom: ChannelNameReference? { commitment?.from }
  package static var answersAreUnique: Bool { true }

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    for (key, duration) in [("timeout", timeout), ("connect-timeout", connectTimeout)] where duration <= .zero {
      reader.problem("C106", "`\(key)` must be longer than nothing", at: (node[key] ?? node).place)
    }
    PartnerAddress(host: host, port: port, isTLSSaid: tls != nil).check(reader, node, "go")
  }
}
