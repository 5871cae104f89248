import ConnectorKit

extension SettingNode {
  /// What was written, in one form: two blocks that say the same in another order, on other lines or with other
  /// comments are alike.
  var written: String { written(without: []) }

  /// The same without some of the keys of a block.
  func written(without left: Set<String>) -> String {
    switch kind {
    case .scalar(let text): "\(text.utf8.count):\(text)"
    case .list(let nodes): "[" + nodes.map(\.written).joined(separator: ",") + "]"
    case .map(let entries):
      "{"
        + entries.filter { !left.contains($0.key) }.map { "\($0.key.utf8.count):\($0.key)=\($0.value.written)" }
        .sorted().joined(separator: ",") + "}"
    }
  }
}
