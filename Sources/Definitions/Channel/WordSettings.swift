import ConnectorKit
import Messages

/// A setting with words of which the engine acts on some: the others are refused by name, not as unknown.
protocol PartlySupported: SettingChoice {
  /// The key that it is the value of, for people.
  static var key: String { get }
  /// What isn't acted on yet, with what to do instead.
  static var foreseen: [(word: Self, instead: String)] { get }
}

extension PartlySupported {
  static func read(_ node: SettingNode, _ reader: SettingReader) -> Self? {
    guard let text = node.scalar, let row = foreseen.first(where: { $0.word.rawValue == text }) else {
      return word(node, reader)
    }
    NotYet.report("\(key): \(text)", row.instead, at: node.place, reader)
    return nil
  }

  private static func word(_ node: SettingNode, _ reader: SettingReader) -> Self? {
    let words = supported
    guard let text = node.scalar else {
      reader.expected("one of " + words.joined(separator: ", "), node)
      return nil
    }
    if let value = Self(rawValue: text) { return value }
    reader.problem(
      "C104", "`\(text)` is not one of the words that may stand here", at: node.place,
      label: nearest(to: text, among: words).map { "did you mean `\($0)`?" },
      help: ["one of " + words.joined(separator: ", ")])
    return nil
  }

  private static var supported: [String] {
    allCases.map(\.rawValue).filter { word in !foreseen.contains { $0.word.rawValue == word } }
  }

  static var kind: SettingKind { .choice(supported) }
}

extension NotYet {
  /// Refuses one thing that is foreseen.
  static func report(_ what: String, _ instead: String, at place: Place, _ reader: SettingReader) {
    reader.problem("C122", "`\(what)` is not supported yet", at: place, help: [instead])
  }
}

enum OnFailSetting: String, PartlySupported {
  case pass, hold
  static let key = "on-fail"
  static var foreseen: [(word: OnFailSetting, instead: String)] {
    [(.hold, "`pass` lets later messages by; what failed waits in `hilum failed`")]
  }
}

enum ConflictSetting: String, PartlySupported {
  case process, reject
  static let key = "conflict"
  static var foreseen: [(word: ConflictSetting, instead: String)] {
    [(.reject, "`process` takes the message and marks it `control-id-reused`")]
  }
}

enum ThenSetting: String, PartlySupported {
  case dead, hold
  static let key = "then"
  static var foreseen: [(word: ThenSetting, instead: String)] {
    [(.hold, "`dead` puts the message aside (`hilum dead`) and goes on with the next")]
  }
}

/// `format:`
struct FormatSetting: SettingValue {
  let format: Format

  static func read(_ node: SettingNode, _ reader: SettingReader) -> FormatSetting? {
    if let text = node.scalar, let instead = NotYet.formats[text] {
      NotYet.report("format: \(text)", instead, at: node.place, reader)
      return nil
    }
    let words = supported
    let text = node.scalar ?? ""
    if let format = Format(rawValue: text) { return FormatSetting(format: format) }
    reader.problem(
      "C104", "`\(text)` is no format", at: node.place,
      label: nearest(to: text, among: words).map { "did you mean `\($0)`?" },
      help: ["one of " + words.joined(separator: ", ")])
    return nil
  }

  private static var supported: [String] {
    Format.allCases.map(\.rawValue).filter { NotYet.formats[$0] == nil }
  }
  static var kind: SettingKind { .choice(supported) }
  var text: String { format.rawValue }
}
