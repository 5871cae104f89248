import ConnectorKit

/// Where a destination sends to, in the words of its settings that all connectors name alike.
func partnerAddress(_ node: SettingNode, of connector: String) -> String {
  if let host = node["host"]?.scalar { return "\(connector) \(host):\(node["port"]?.scalar ?? "")" }
  if let listen = node["listen"] {
    let (host, port) = (listen["host"]?.scalar ?? "127.0.0.1", listen["port"]?.scalar ?? "")
    return "\(connector) who connects to \(host):\(port)"
  }
  for key in ["url", "directory", "name"] {
    if let text = node[key]?.scalar { return "\(connector) \(text)" }
  }
  return connector
}

/// Whether a source takes what lies somewhere, or goes to a partner for it; others are sent to by who chose to.
func goesOut(_ node: SettingNode, of connector: String, _ kind: SettingKind) -> Bool {
  node["connect"] != nil || !kind.hasPort && connector != "channel"
}

extension SettingKind {
  /// Among the settings is a port: what has it is sent to.
  var hasPort: Bool {
    guard case .group(let entries) = self else { return false }
    return entries.contains { $0.key == "port" }
  }
}
