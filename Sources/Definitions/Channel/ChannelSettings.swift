import ConnectorKit
import Messages

/// The keys of a channel file.
struct ChannelSettings: Settings {
  @Setting(
    "The channel's name: small letters, digits and `-`. Messages are kept under it, so it never changes.",
    example: "adt-to-ehr")
  var channel: String
  @Setting(
    """
    The template that the channel is made from. What stands beside it is laid over what the template says: blocks are \
    joined key by key, anything else is replaced.
    """, example: "templates/lab.yaml")
  var template: FilePath?
  @Setting(
    "What the parameters of the template are in this channel, or in all of its `instances`.", example: "{port: 2601}")
  var with: [String: String]?
  @Setting(
    """
    A table (CSV) that makes one channel of each row: the column `channel` gives its name, the others are named after \
    the parameters of the template. A cell with nothing in it gives nothing.
    """, example: "sites.csv")
  var instances: FilePath?
  @Setting("What the channel is for, in a sentence or two.", example: "Admissions from the PAS to the EHR.")
  var about: String?
  @Setting("Whom to call when something is wrong with it.")
  var contact: ContactSettings?
  @Setting(
    "Channels of this engine that start before this one, and stop after it. It doesn't wait for one that can't start.",
    example: "[lab-to-ehr]")
  var depends: [String]?
  @Setting("Where messages come from: one connector, and `hl7:` for how HL7 is read.")
  var source: LaterBlock
  @Setting("What the messages are; most sources know it themselves.", example: "hl7v2")
  var format: FormatSetting?
  @Setting(
    """
    What becomes of a message whose type or version the transform does not take: `reject` refuses it (AR 200, 201 or \
    203), `pass` sends it on unchanged, `fail` accepts it and keeps it for a person. It holds for the transform of a \
    destination too; what the channel's own transform made and a destination's does not take fails, unless `pass`.
    """, default: .reject)
  var unexpected: ChannelDefinition.Unexpected
  @Setting(
    """
    The program that changes and routes each message: a path, a path with parameters, or the program itself. Without \
    one the message goes on unchanged to every destination whose `when` holds.
    """, example: "../Transforms/adt-normalise.hilt")
  var transform: TransformSetting?
  @Setting(
    """
    What a message does that failed, and waits in `hilum failed`: `pass` lets later ones by; with `hold` it keeps its \
    place in every lane that has an order, and what comes later waits behind it until it was retried or discarded.
    """, default: .pass)
  var onFail: OnFailSetting
  @Setting("Where messages go: a name for each, and under it one connector and how it is used.")
  var destinations: LaterBlock
  @Setting(
    """
    When a message counts as one that came before. HL7 v2 and DICOM have it unless `within` is `0s`, other formats \
    where they say a `key`.
    """
  )
  var duplicates: DuplicateSettings?
  @Setting("How long content is kept. What waits, is held, failed or dead is never removed.")
  var keep: KeepSettings?
  @Setting(
    "Values of each message as it came that are indexed, shown and searched: a name and an expression each.",
    example: "{mrn: \"PID-3[1].1\", event: MSH-9.2}")
  var columns: ColumnSettings?
  @Setting("What one message may cost, and how much may wait.")
  var limits: LimitSettings?
  @Setting("When people are told that something is wrong: in the log, in `hilum status` and through `notify:`.")
  var alerts: AlertSettings?

  init() {}
}

/// `contact:`
struct ContactSettings: Settings {
  @Setting("The team or person at the other end.", example: "PAS team")
  var partner: String?
  @Setting("A telephone number.", example: "\"4711\"")
  var phone: String?
  @Setting("When somebody answers.", example: "24/7")
  var hours: String?
  @Setting("Where it is written what to do.", example: "../docs/runbooks/pas.md")
  var runbook: String?
  @Setting("Whether patients depend on it at this moment.", default: false)
  var critical: Bool

  init() {}
}

/// `duplicates:`
struct DuplicateSettings: Settings {
  @Setting(
    """
    What makes two messages the same, beside their bytes: text with Hilt in `{…}` over the message as it came. For HL7 \
    v2 it is `{MSH-3}|{MSH-4}|{MSH-10}` unless said, for DICOM `{SOPInstanceUID}`.
    """, example: "\"{MSH-4}|{MSH-10}\"")
  var key: Template?
  @Setting("How long a message is remembered; `0s` turns this off.", default: .seconds(3600))
  var within: Duration
  @Setting(
    """
    The same key with other bytes: `process` takes it and marks it `control-id-reused`, because many senders restart \
    their counter; `reject` refuses it (AR 205).
    """, default: .process)
  var conflict: ConflictSetting

  init() {}
}

/// `keep:` of a channel; what isn't there comes from the engine's own settings.
struct KeepSettings: Settings {
  @Setting("Messages as they came; 30 days unless `hilum.yaml` says otherwise.", example: "30d") var raw: Duration?
  @Setting("Messages as they were sent; 30 days.", example: "30d") var sent: Duration?
  @Setting("What partners answered; 30 days.", example: "30d") var replies: Duration?
  @Setting("Content that is a file of its own, from 256 KiB on, of DICOM from 64 KiB; 7 days.", example: "7d")
  var blobs: Duration?
  @Setting("That the message was there, and what became of it; 400 days.", example: "400d") var record: Duration?
  @Setting(
    """
    What the pseudonyms and UIDs stand for that a transform makes with a key, since they were last used: sealed, and \
    told by `hilum identity`. Without it nothing leads back. `0s` removes what was kept.
    """, example: "3650d")
  var identities: Duration?

  init() {}
}

/// `limits:`
struct LimitSettings: Settings {
  @Setting(
    """
    The largest message that is taken; 64MiB unless `hilum.yaml` says otherwise, and 4GiB of what comes over DICOM, \
    which is never whole in memory.
    """, example: "64MiB")
  var message: ByteSize?
  @Setting("Steps that a transform may take for one message; 2000000.", example: "2000000") var steps: Int?
  @Setting("Messages that a transform may emit for one that came; 4096.", example: "4096") var emits: Int?
  @Setting(
    "Deliveries that may wait; then senders get no answer and their connection is closed, so that they send again.",
    example: "100000")
  var waiting: Int?
  @Setting("Bytes that may wait; without it a fifth of the disk.", example: "10GiB") var bytes: ByteSize?

  init() {}

  static func checkRanges(_ reader: SettingReader, _ node: SettingNode) {
    reader.range("message", in: 1024...(1 << 30), "from 1KiB to 1GiB", node)
    reader.range("steps", in: 1000...1_000_000_000, "from 1000 to 1000000000", node)
    reader.range("emits", in: 1...1_000_000, "from 1 to 1000000", node)
    reader.range("waiting", in: 1...Int.max, "from 1", node)
    reader.range("bytes", in: (1 << 20)...Int.max, "from 1MiB", node)
  }
}

/// `columns:` any names, each with an expression; their order is kept.
struct ColumnSettings: SettingValue {
  /// So many values are indexed for each message at most: every one costs a write.
  static let countMax = 16
  var columns: [(name: String, place: Place, expression: HiltSource)]

  static func read(_ node: SettingNode, _ reader: SettingReader) -> ColumnSettings? {
    guard case .map(let entries) = node.kind else {
      reader.expected("a block of `name: expression` lines", node, help: ["{mrn: \"PID-3[1].1\"}"])
      return nil
    }
    if entries.count > countMax {
      reader.problem(
        "C131", "\(entries.count) columns; at most \(countMax) are kept", at: node.place,
        help: ["every column is written and indexed with every message"])
    }
    for entry in entries { Names.check(entry.key, "a column", at: entry.keyPlace, reader) }
    let columns = entries.compactMap { entry in
      HiltSource.read(entry.value, reader).map { (entry.key, entry.keyPlace, $0) }
    }
    return ColumnSettings(columns: columns)
  }

  static var kind: SettingKind { .dictionary(HiltSource.kind) }
  var text: String { "" }
}

extension SettingReader {
  /// Reports a number or size outside its range. Looked at apart from the rest of its group, so that no other mistake
  /// hides it; what is neither is reported where it is read.
  func range(_ key: String, in range: ClosedRange<Int>, _ words: String, _ node: SettingNode) {
    guard let value = node[key] else { return }
    let quiet = SettingReader(folder: folder)
    guard let number = Int.read(value, quiet) ?? ByteSize.read(value, quiet)?.bytes, !range.contains(number) else {
      return
    }
    problem("C131", "`\(key)` goes \(words)", at: value.place)
  }
}
