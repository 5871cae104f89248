import ConnectorKit
import Messages

extension NotYet {
  /// Refuses one thing that is foreseen.
  static func report(_ what: String, _ instead: String, at place: Place, _ reader: SettingReader) {
    reader.problem("C122", "`\(what)` is not supported yet", at: place, help: [instead])
  }
}

enum OnFailSetting: String, SettingChoice { case pass, hold }

enum ConflictSetting: String, SettingChoice { case process, reject }

enum ThenSetting: String, SettingChoice { case dead, hold }

/// `format:`
struct FormatSetting: SettingValue {
  let format: Format

  static func read(_ node: SettingNode, _ reader: SettingReader) -> FormatSetting? {
    let words = Format.allCases.map(\.rawValue)
    let text = node.scalar ?? ""
    if let format = Format(rawValue: text) { return FormatSetting(format: format) }
    reader.problem(
      "C104", "`\(text)` is no format", at: node.place,
      label: nearest(to: text, among: words).map { "did you mean `\($0)`?" },
      help: ["one of " + words.joined(separator: ", ")])
    return nil
  }

  static var kind: SettingKind { .choice(Format.allCases.map(\.rawValue)) }
  var text: String { format.rawValue }
}
