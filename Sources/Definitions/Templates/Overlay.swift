import ConnectorKit

extension SettingNode {
  /// These settings with others laid over them: blocks are joined key by key, anything else is replaced.
  func overlaid(with other: SettingNode) -> SettingNode {
    guard case .map(var entries) = kind, case .map(let others) = other.kind else { return other }
    for other in others {
      if let index = entries.firstIndex(where: { $0.key == other.key }) {
        entries[index].value = entries[index].value.overlaid(with: other.value)
        entries[index].keyPlace = other.keyPlace
      } else {
        entries.append(other)
      }
    }
    return SettingNode(.map(entries), at: place)
  }

  /// The block without some of its keys.
  func without(_ keys: Set<String>) -> SettingNode {
    guard case .map(let entries) = kind else { return self }
    return SettingNode(.map(entries.filter { !keys.contains($0.key) }), at: place)
  }

  /// The entry of a key.
  func entry(_ key: String) -> Entry? {
    guard case .map(let entries) = kind else { return nil }
    return entries.first { $0.key == key }
  }
}
