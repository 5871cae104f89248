import ConnectorKit
import Messages

/// What is another in a channel between two environments.
package struct ChannelSettingsDifference: Sendable, Encodable {
  package struct Setting: Sendable, Encodable, Equatable {
    /// `destinations.ehr.mllp.host`
    package let setting: String
    /// What it is in each; `nil` where it isn't said.
    package let first: String?
    package let second: String?
  }
  package let name: String
  package let settings: [Setting]
}

extension LoadedChannels {
  /// The channels of which something is another in the other set, with what that is.
  package func differences(to other: LoadedChannels) -> [ChannelSettingsDifference] {
    let others = Dictionary(other.files.map { ($0.name?.text ?? "", $0.settings) }) { first, _ in first }
    return files.compactMap { file in
      guard let name = file.name?.text, let one = file.settings, let two = others[name] ?? nil else { return nil }
      let settings = ChannelSettingsDifference.Setting.between(one.values, two.values)
      return settings.isEmpty ? nil : ChannelSettingsDifference(name: name, settings: settings)
    }
  }
}

extension ChannelSettingsDifference.Setting {
  /// What is another in the second, in the order of the first; what only the second says comes behind.
  package static func between(
    _ first: [(setting: String, text: String)], _ second: [(setting: String, text: String)]
  ) -> [Self] {
    let before = Dictionary(first.map { ($0.setting, $0.text) }) { first, _ in first }
    let after = Dictionary(second.map { ($0.setting, $0.text) }) { first, _ in first }
    return (first.map(\.setting) + second.map(\.setting).filter { before[$0] == nil })
      .filter { before[$0] != after[$0] }.map { Self(setting: $0, first: before[$0], second: after[$0]) }
  }
}

extension SettingNode {
  /// Every text in it with the keys that lead to it; a list of texts is one text.
  var values: [(setting: String, text: String)] {
    switch kind {
    case .scalar(let text): return [("", text)]
    case .list(let nodes):
      let texts = nodes.compactMap(\.scalar)
      if texts.count == nodes.count { return [("", "[" + texts.joined(separator: ", ") + "]")] }
      return nodes.enumerated().flatMap { index, node in Self.under("\(index + 1)", node) }
    case .map(let entries): return entries.flatMap { Self.under($0.key, $0.value) }
    }
  }

  private static func under(_ key: String, _ node: SettingNode) -> [(setting: String, text: String)] {
    node.values.map { path, text in (path.isEmpty ? key : key + "." + path, text) }
  }
}
