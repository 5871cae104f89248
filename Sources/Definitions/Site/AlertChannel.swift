package import ConnectorKit
package import Messages

/// The channel that alerts go to.
package struct AlertChannel: SettingValue, Hashable {
  package var name: String
  /// Where `hilum.yaml` names it.
  package var place: Place

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> AlertChannel? {
    guard let name = node.scalar else {
      reader.expected("the name of a channel", node, help: ["alerts"])
      return nil
    }
    guard Names.check(name, "a channel", at: node.place, reader) else { return nil }
    return AlertChannel(name: name, place: node.place)
  }

  package static var kind: SettingKind { .scalar("channel") }
  package var text: String { name }

  /// What is wrong with it beside these channels, which are all there are; `nil` where it can take alerts.
  package func problem(in loaded: LoadedChannels) -> Problem? {
    let help = ["a channel that takes alerts says `source: {channel: {}}` and `format: json`"]
    guard let file = loaded.files.first(where: { $0.name?.text == name }) else {
      let names = loaded.files.compactMap(\.name?.text)
      return Problem(
        "C134", "there is no channel `\(name)`", at: place,
        label: nearest(to: name, among: names).map { "did you mean `\($0)`?" }, help: help)
    }
    // What is wrong with the channel itself is reported where it stands.
    guard let definition = file.definition else { return nil }
    guard definition.source.takesFromChannels else {
      return Problem(
        "C134", "the channel `\(name)` takes messages from `\(definition.source.connector)`, not from this engine",
        at: place, help: help)
    }
    guard Self.formats.contains(definition.format) else {
      return Problem(
        "C130", "alerts are JSON, and the channel `\(name)` takes \(definition.format.rawValue)", at: place, help: help)
    }
    return nil
  }

  /// In which an alert can be taken: as what it is, or without looking into it.
  package static let formats: [Format] = [.json, .text, .bytes]
}
