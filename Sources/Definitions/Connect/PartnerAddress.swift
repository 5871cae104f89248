import ConnectorKit

/// Where a destination sends to, in the words of its settings that all connectors name alike.
func partnerAddress(_ node: SettingNode, of connector: String) -> String {
  if let host = node["host"]?.scalar { return "\(connector) \(host):\(node["port"]?.scalar ?? "")" }
  for key in ["url", "directory", "name"] {
    if let text = node[key]?.scalar { return "\(connector) \(text)" }
  }
  return connector
}

extension SettingKind {
  /// Among the settings is a port: what has it is sent to.
  var hasPort: Bool {
    guard case .group(let entries) = self else { return false }
    return entries.contains { $0.key == "port" }
  }
}
