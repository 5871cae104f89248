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
      let (first, second) = (one.values, two.values)
      let before = Dictionary(first) { first, _ in first }
      let after = Dictionary(second) { first, _ in first }
      let settings = (first.map(\.0) + second.map(\.0).filter { before[$0] == nil }).filter { before[$0] != after[$0] }
      guard !settings.isEmpty else { return nil }
      return ChannelSettingsDifference(
        name: name,
        settings: settings.map {
          ChannelSettingsDifference.Setting(setting: $0, first: before[$0], second: after[$0])
        })
    }
  }
}

extension SettingNode {
  /// Every text in it with the keys that lead to it.
  fileprivate var values: [(String, String)] {
    switch kind {
    case .scalar(let text): [("", text)]
    case .list(let nodes): nodes.enumerated().flatMap { index, node in Self.under("\(index + 1)", node) }
    case .map(let entries): entries.flatMap { Self.under($0.key, $0.value) }
    }
  }

  private static func under(_ key: String, _ node: SettingNode) -> [(String, String)] {
    node.values.map { path, text in (path.isEmpty ? key : key + "." + path, text) }
  }
}
