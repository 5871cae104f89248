import ConnectorKit
import Messages

/// Finds the one connector among the keys of a block.
struct ConnectorChoice {
  /// The connectors that may stand here.
  let names: [String]
  /// Connectors of the other direction.
  let others: [String]
  /// `source` or `destination`.
  let role: String
  /// The keys that may stand beside it.
  let settings: [String]

  /// The connector's entry, and the block without it and without what was taken for one.
  func find(in node: SettingNode, _ reader: SettingReader) -> (chosen: SettingNode.Entry?, rest: SettingNode) {
    guard case .map(let entries) = node.kind else { return (nil, node) }
    let chosen = entries.filter { names.contains($0.key) }
    for second in chosen.dropFirst() {
      reader.problem(
        "C121", "a \(role) has one connector; `\(chosen[0].key)` stands here already", at: second.keyPlace,
        help: role == "destination" ? ["give `\(second.key)` a destination of its own"] : ["write a second channel"])
    }
    if let first = chosen.first {
      return (first, SettingNode(.map(entries.filter { !names.contains($0.key) }), at: node.place))
    }
    let mistaken = entries.first { meansConnector($0) }
    if let mistaken {
      report(mistaken, reader)
    } else {
      reader.problem(
        "C121", "this \(role) names no connector", at: node.place, help: ["one of " + names.joined(separator: ", ")])
    }
    return (nil, SettingNode(.map(entries.filter { $0.key != mistaken?.key }), at: node.place))
  }

  /// A key that is none of the settings, and is spelt like a connector or has a block under it.
  private func meansConnector(_ entry: SettingNode.Entry) -> Bool {
    guard !settings.contains(entry.key) else { return false }
    if NotYet.connectors[entry.key] != nil || others.contains(entry.key) || nearest(to: entry.key, among: names) != nil
    {
      return true
    }
    guard case .map = entry.value.kind else { return false }
    return nearest(to: entry.key, among: settings) == nil
  }

  private func report(_ entry: SettingNode.Entry, _ reader: SettingReader) {
    if let instead = NotYet.connectors[entry.key] {
      NotYet.report(entry.key, instead, at: entry.keyPlace, reader)
    } else if others.contains(entry.key) {
      reader.problem(
        "C120", "`\(entry.key)` can't be a \(role)", at: entry.keyPlace,
        help: ["one of " + names.joined(separator: ", ")])
    } else {
      reader.problem(
        "C120", "there is no connector `\(entry.key)`", at: entry.keyPlace,
        label: nearest(to: entry.key, among: names).map { "did you mean `\($0)`?" },
        help: ["one of " + names.joined(separator: ", ")])
    }
  }
}
