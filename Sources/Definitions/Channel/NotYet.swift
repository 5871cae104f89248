import ConnectorKit

/// What channel files have by design and this engine does not act on yet. A check refuses it: what is written in a file
/// and silently does nothing is found out at the worst moment.
///
/// A key leaves its table when it is declared as a setting; nothing else has to change.
enum NotYet {
  /// Beside `channel:`.
  static let channel = [
    "encryption": "whether content is sealed is decided for the whole engine, in `hilum.yaml`"
  ]

  /// In `hilum.yaml`.
  static let engine = [
    "admin": "the engine is reached through its control socket in the data folder, and from nowhere else",
    "users": "who may use the control socket, the rights of its file decide",
    "oidc": "who may use the control socket, the rights of its file decide",
  ]

  /// Under `source:`.
  static let source = [
    "acknowledge": "it stands in the connector's block: `mllp: {port: 2575, acknowledge: {delivered: ehr}}`"
  ]

  /// Under a destination's name.
  static let destination = [
    "schedule": "a delivery goes as soon as it is its turn",
    "depends": "lanes work independently of each other",
    "alerts": "`alerts:` stands beside `channel:` and holds for each of the channel's lanes",
  ]

  /// In the block of any connector.
  static let connector = [
    "acknowledge": "only a source like `mllp` has a sender who waits for an answer",
    "schedule": "it stands beside a source's connector: `source: {file: {…}, schedule: {every: 5m}}`",
    "proxy": "the engine connects directly",
    "settle": "a study is gathered where it goes, beside `channel: {name: studies}`: "
      + "`collect: {by: \"{StudyInstanceUID}\", until: {idle: 30s}}`",
  ]

  /// Connectors that are foreseen.
  static let connectors = [
    "http": "only `mllp`, `dicom` and `file` are there yet",
    "fhir": "only `mllp`, `dicom` and `file` are there yet",
    "database": "only `mllp`, `dicom` and `file` are there yet",
  ]

  /// Reports the keys that are foreseen and gives the block without them.
  static func refuse(
    _ foreseen: [String: String], in node: SettingNode, declared: [String], _ reader: SettingReader
  ) -> SettingNode {
    guard case .map(let entries) = node.kind else { return node }
    let rest = entries.filter { entry in
      guard let instead = foreseen[entry.key], !declared.contains(entry.key) else { return true }
      report(entry.key, instead, at: entry.keyPlace, reader)
      return false
    }
    return SettingNode(.map(rest), at: node.place)
  }
}
