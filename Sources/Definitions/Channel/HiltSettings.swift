package import ConnectorKit
package import Messages

/// A Hilt expression in a channel file, not yet compiled.
package struct HiltSource: SettingValue, Hashable {
  package var source: String
  package var place: Place

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> HiltSource? {
    guard let text = node.scalar, !text.allSatisfy(\.isWhitespace) else {
      reader.expected("a Hilt expression", node, help: ["quote it as a whole where it has brackets or quotes in it"])
      return nil
    }
    return HiltSource(source: text, place: node.place)
  }

  package static var kind: SettingKind { .scalar("Hilt expression") }
  package var text: String { source }
}

/// `transform:` a file, a file with parameters, or the text itself.
package struct TransformSetting: SettingValue {
  package enum Program: Sendable {
    /// As it was written, relative to the file that names it.
    case file(String)
    case text(String)
  }
  package var program: Program
  package var place: Place
  /// The values of the transform's `param` declarations, with their places.
  package var parameters: [String: SettingNode]
  /// Where the keys are that the transform names, by their names.
  package var keys: [String: Key] = [:]

  package struct Key: Sendable {
    package var secret: Secret
    package var place: Place
  }

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> TransformSetting? {
    switch node.kind {
    case .scalar(let text) where isProgram(text):
      return TransformSetting(program: .text(text), place: node.place, parameters: [:])
    case .scalar:
      return file(node, reader).map { TransformSetting(program: .file($0), place: node.place, parameters: [:]) }
    case .map(let entries):
      let known = ["file", "with", "keys"]
      for entry in entries where !known.contains(entry.key) { reader.unknown(entry, known: known) }
      guard let named = node["file"] else {
        reader.problem("C102", "`file` is missing", at: node.place, help: ["transform: {file: ../Transforms/x.hilt}"])
        return nil
      }
      let parameters = node["with"].map { self.parameters($0, reader) } ?? [:]
      let keys = node["keys"].map { self.keys($0, reader) } ?? [:]
      guard let path = file(named, reader), let parameters, let keys else { return nil }
      return TransformSetting(program: .file(path), place: named.place, parameters: parameters, keys: keys)
    case .list:
      reader.expected(
        "one transform", node, help: ["a path, {file: …, with: {…}} or a block of Hilt under `transform: |`"])
      return nil
    }
  }

  /// Hilt itself, not a path: it has several lines, or begins as every transform does.
  private static func isProgram(_ text: String) -> Bool {
    text.contains { $0.isNewline } || text.hasPrefix("transform ")
  }

  private static func file(_ node: SettingNode, _ reader: SettingReader) -> String? {
    guard let text = node.scalar, !text.isEmpty, !text.utf8.contains(0) else {
      reader.expected("the path of a transform", node, help: ["../Transforms/adt-normalise.hilt"])
      return nil
    }
    return text
  }

  private static func parameters(_ node: SettingNode, _ reader: SettingReader) -> [String: SettingNode]? {
    guard case .map(let entries) = node.kind else {
      reader.expected("a block of parameters", node, help: ["with: {processing: P}"])
      return nil
    }
    for entry in entries where entry.value.scalar == nil {
      reader.expected("the value of a parameter, one text", entry.value)
    }
    return Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
  }

  private static func keys(_ node: SettingNode, _ reader: SettingReader) -> [String: Key]? {
    guard case .map(let entries) = node.kind else {
      reader.expected("names of keys, and where each is", node, help: ["keys: {research: {file: /run/secrets/NAME}}"])
      return nil
    }
    let keys = entries.compactMap { entry in
      Secret.read(entry.value, reader).map { (entry.key, Key(secret: $0, place: entry.value.place)) }
    }
    return keys.count < entries.count ? nil : Dictionary(keys) { first, _ in first }
  }

  package static var kind: SettingKind {
    .either([
      .scalar("path"), .scalar("`{file: path, with: {parameter: value}, keys: {name: secret}}`"),
      .scalar("a block of Hilt"),
    ])
  }
  package var text: String { if case .file(let path) = program { path } else { "" } }
}

/// A block that is read later, with the connectors at hand: `source:` and what stands under `destinations:`.
struct LaterBlock: SettingValue {
  let node: SettingNode

  static func read(_ node: SettingNode, _ reader: SettingReader) -> LaterBlock? { LaterBlock(node: node) }
  static var kind: SettingKind { .scalar("block") }
  var text: String { "" }
}
