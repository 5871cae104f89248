import ConnectorKit
import Messages

/// What a parameter of a template may be: the types that settings have.
enum ParameterType: SettingValue, Hashable {
  case text, number, port, duration, size, path
  case yesNo
  /// One of a few words.
  case choice([String])

  private static let names: [(word: String, type: ParameterType)] = [
    ("text", .text), ("number", .number), ("port", .port), ("duration", .duration), ("size", .size), ("path", .path),
    ("yes-no", .yesNo),
  ]

  static func read(_ node: SettingNode, _ reader: SettingReader) -> ParameterType? {
    if case .list(let nodes) = node.kind {
      let words = nodes.compactMap(\.scalar)
      guard words.count == nodes.count, !words.isEmpty else {
        reader.expected("a list of words", node, help: ["type: [P, T, D]"])
        return nil
      }
      return .choice(words)
    }
    let words = names.map(\.word)
    let text = node.scalar ?? ""
    if let type = names.first(where: { $0.word == text })?.type { return type }
    reader.problem(
      "C104", "`\(text)` is no type of a parameter", at: node.place,
      label: nearest(to: text, among: words).map { "did you mean `\($0)`?" },
      help: ["one of " + words.joined(separator: ", "), "the words that may be given: [P, T, D]"])
    return nil
  }

  static var kind: SettingKind {
    .either([.choice(names.map(\.word)), .scalar("list of the words that may be given")])
  }
  var text: String { words }

  /// Reports a value that isn't of this type.
  func check(_ node: SettingNode, _ reader: SettingReader) -> Bool {
    switch self {
    case .text: return String.read(node, reader) != nil
    case .number: return Int.read(node, reader) != nil
    case .port: return Port.read(node, reader) != nil
    case .duration: return Duration.read(node, reader) != nil
    case .size: return ByteSize.read(node, reader) != nil
    case .path: return FilePath.read(node, reader) != nil
    case .yesNo: return Bool.read(node, reader) != nil
    case .choice(let words):
      let text = node.scalar ?? ""
      if words.contains(text) { return true }
      reader.problem(
        "C104", "`\(text)` is not one of the words that may be given here", at: node.place,
        label: nearest(to: text, among: words).map { "did you mean `\($0)`?" },
        help: ["one of " + words.joined(separator: ", ")])
      return false
    }
  }

  /// Stands for a value that isn't known, while a template is looked at by itself.
  var placeholder: String {
    switch self {
    case .text, .path: "x"
    case .number: "1"
    // No two channels are in each other's way with it.
    case .port: "0"
    case .duration: "1s"
    case .size: "1MiB"
    case .yesNo: "yes"
    case .choice(let words): words[0]
    }
  }

  /// For people: `port`, `P | T | D`.
  var words: String {
    if case .choice(let words) = self { return words.joined(separator: " | ") }
    return Self.names.first { $0.type == self }?.word ?? ""
  }
}

/// One of `parameters:` of a template.
struct ParameterSettings: Settings {
  @Setting("What may be given.", example: "port") var type: ParameterType
  @Setting(
    "What it is where nothing is given. A parameter without one must be given, unless `required: no`.", example: "2575")
  var `default`: String?
  @Setting(
    """
    `no`: it may be left out though it has no default. A setting that is this parameter and nothing else is left out \
    with it.
    """, default: true)
  var required: Bool
  @Setting("What it is for.", example: "Where the analyser connects to.") var about: String?

  init() {}
}

/// A parameter as a template declares it.
struct ParameterDeclaration: Sendable {
  let name: String
  let place: Place
  let type: ParameterType
  /// The default, where it stands.
  let standard: SettingNode?
  let isRequired: Bool

  /// Always there: the name of the channel that is made.
  static let channel = "channel"

  /// What `parameters:` declares: a block for each, or its type alone.
  static func read(_ node: SettingNode, _ reader: SettingReader) -> [ParameterDeclaration] {
    guard case .map(let entries) = node.kind else {
      reader.expected("a block of parameters", node, help: ["parameters: {port: {type: port}}", "parameters: {}"])
      return []
    }
    return entries.compactMap { entry in
      guard Names.check(entry.key, "a parameter", at: entry.keyPlace, reader) else { return nil }
      guard entry.key != channel else {
        reader.problem(
          "C160", "`channel` is the name of the channel that is made, and always there", at: entry.keyPlace,
          help: ["${channel} without declaring it", "give the parameter another name"])
        return nil
      }
      return declaration(entry, reader)
    }
  }

  private static func declaration(_ entry: SettingNode.Entry, _ reader: SettingReader) -> ParameterDeclaration? {
    if case .map = entry.value.kind {
      guard let settings = ParameterSettings.read(entry.value, reader) else { return nil }
      let standard = entry.value["default"]
      if let standard, !settings.type.check(standard, reader) { return nil }
      return ParameterDeclaration(
        name: entry.key, place: entry.keyPlace, type: settings.type, standard: standard,
        isRequired: settings.required && standard == nil)
    }
    return ParameterType.read(entry.value, reader).map {
      ParameterDeclaration(name: entry.key, place: entry.keyPlace, type: $0, standard: nil, isRequired: true)
    }
  }
}
