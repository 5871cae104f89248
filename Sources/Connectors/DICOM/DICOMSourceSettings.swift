package import ConnectorKit
import DICOM

/// The settings of `dicom:` as a source.
package struct DICOMSourceSettings: AnsweringSettings, LookupSettings {
  @Setting(
    """
    The address to listen on. Any other than this machine's own wants a `tls:` block, or `tls: none` together with \
    `allow:`.
    """, default: "127.0.0.1", example: "0.0.0.0")
  package var host: String
  @Setting(
    "The port to listen on; 0 takes a free one. The registered ones are 11112, and 2762 with TLS.", example: "11112")
  package var port: Port
  @Setting("What this engine is called. Without it any name that a caller uses is right.", example: "HILUM")
  package var aeTitle: AETitle?
  @Setting("Encryption: a certificate and its key, and whose clients may come. `none` leaves it out on purpose.")
  package var tls: TLSSetting<ServerTLSSettings>?
  @Setting(
    "The machines that may connect, as addresses or blocks of them. Without it every one may that reaches the port.",
    default: [], example: "[10.1.2.0/24]")
  package var allow: [AddressRange]
  @Setting(
    """
    Who may call: AE titles, each perhaps bound to the machines it may call from and to a name in the certificate it \
    shows. Without it any AE title is let in; an AE title alone proves nothing, since anybody can use it.
    """, default: [], example: "[CT1, {ae-title: MR1, from: [10.1.2.7], certificate: mr1.hospital.example}]")
  package var callers: [DICOMCaller]
  @Setting(
    "The kinds of objects that are taken, by keyword or UID. Without it all storage classes of the standard.",
    default: [], example: "[CTImageStorage, MRImageStorage]")
  package var sopClasses: [DICOMName]
  @Setting(
    """
    How objects may be written, by keyword or UID. Without it every way of the standard; nothing is converted: what \
    comes is kept, and sent, as it came.
    """, default: [], example: "[ExplicitVRLittleEndian, JPEGBaseline8Bit]")
  package var transferSyntaxes: [DICOMName]
  @Setting(
    """
    Whether callers that ask are told which of their objects are kept (storage commitment). Kept is what was answered \
    with 0000H and is still on this engine's disk, dropped by no program and removed by no retention: a caller may \
    delete its own then. Messages get the columns `sop-instance` and `sop-class`, by which they are found; what came \
    before this was set is not.
    """, default: false)
  package var commitment: Bool
  @Setting("How many associations may be open at once; one more is refused for the moment.", default: 100)
  package var associations: Int
  @Setting("A caller that says nothing for this long, when it is its turn, is cut off.", default: .seconds(600))
  package var idle: Duration
  @Setting(
    """
    When the sender is answered: when the object is `accepted`, which is when it is on disk; or when a destination's \
    partner has taken it.
    """, default: .accepted, example: "{delivered: pacs, within: 60s, then: cancel}")
  package var acknowledge: Acknowledge

  package init() {}

  static let instanceColumn = "sop-instance"
  static let classColumn = "sop-class"
  package var lookupColumns: [(name: String, expression: String)] {
    commitment ? [(Self.instanceColumn, "SOPInstanceUID"), (Self.classColumn, "SOPClassUID")] : []
  }

  package func check(_ reader: SettingReader, _ node: SettingNode) {
    if associations == 0 {
      reader.problem("C106", "`associations: 0` lets nobody in", at: (node["associations"] ?? node).place)
    }
    if idle <= .zero {
      reader.problem("C106", "`idle` must be longer than nothing", at: (node["idle"] ?? node).place)
    }
    if let caller = callers.first(where: { $0.certificate != nil }), tls?.options?.clients == nil {
      reader.problem(
        "C106", "\(caller.aeTitle.text) must show a certificate, and clients are asked for none",
        at: (node["callers"] ?? node).place,
        help: ["say whose certificates count: `tls: {clients: tls/modalities.pem}`"])
    }
    if !commitment, let caller = callers.first(where: { $0.reportTo != nil }) {
      reader.problem(
        "C106", "\(caller.aeTitle.text) has `report-to`, and nothing is reported",
        at: (node["callers"] ?? node).place, help: ["commitment: yes"])
    }
    for (key, names, kind) in [
      ("sop-classes", sopClasses, DICOMUIDName.Kind.sopClass),
      ("transfer-syntaxes", transferSyntaxes, .transferSyntax),
    ] {
      for name in names {
        guard let known = DICOMDictionary.name(ofUID: name.uid), known.kind != kind else { continue }
        reader.problem(
          "C106", "\(known.keyword) is no \(kind == .sopClass ? "SOP class" : "transfer syntax")",
          at: (node[key] ?? node).place)
      }
    }
    OpenPort(host: host, tls: tls, allow: allow, guest: "send").check(reader, node)
  }
}

/// Who may call: `CT1`, or `{ae-title: CT1, from: [10.1.2.7], certificate: ct1.hospital.example}`.
package struct DICOMCaller: SettingValue {
  package var aeTitle: AETitle
  package var from: [AddressRange] = []
  package var certificate: String?
  package var reportTo: DICOMReportSettings?

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> DICOMCaller? {
    guard case .map = node.kind else { return AETitle.read(node, reader).map { DICOMCaller(aeTitle: $0) } }
    return DICOMCallerSettings.read(node, reader).map {
      DICOMCaller(aeTitle: $0.aeTitle, from: $0.from, certificate: $0.certificate, reportTo: $0.reportTo)
    }
  }

  package static var kind: SettingKind { .either([AETitle.kind, DICOMCallerSettings.kind]) }
  package var text: String { aeTitle.text }
}

/// A caller and what binds its AE title to a machine.
package struct DICOMCallerSettings: Settings {
  @Setting("What it calls itself.", example: "CT1")
  package var aeTitle: AETitle
  @Setting("The machines that it calls from; without it any.", default: [], example: "[10.1.2.7]")
  package var from: [AddressRange]
  @Setting("A name that the certificate it shows must hold.", example: "ct1.hospital.example")
  package var certificate: String?
  @Setting(
    """
    Where it is told what is committed, on an association that is made to it. Without it it hears that on the \
    association on which it asked, if that is still open.
    """, example: "{host: ct1.hospital.example, port: 104}")
  package var reportTo: DICOMReportSettings?

  package init() {}
}
