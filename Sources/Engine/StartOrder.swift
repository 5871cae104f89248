import Definitions
import Messages

/// In which order channels start and stop: `depends`.
enum StartOrder {
  /// Channels that may start at once, those that others depend on first; within a level in the order given. What a
  /// channel depends on and isn't there is passed over, and what is left of a circle (which `hilum check` refuses, and
  /// an earlier revision may have) comes last.
  static func levels(_ channels: [(name: ChannelName, dependsOn: [ChannelName])]) -> [[ChannelName]] {
    let known = Set(channels.map(\.name))
    var started: Set<ChannelName> = []
    var rest = channels
    var levels: [[ChannelName]] = []
    while !rest.isEmpty {
      let ready = rest.filter { channel in
        channel.dependsOn.allSatisfy { started.contains($0) || !known.contains($0) }
      }.map(\.name)
      guard !ready.isEmpty else { return levels + [rest.map(\.name)] }
      levels.append(ready)
      started.formUnion(ready)
      rest.removeAll { started.contains($0.name) }
    }
    return levels
  }

  /// Running channels by level.
  static func levels(of channels: [ChannelRuntime]) -> [[ChannelRuntime]] {
    levels(channels.map { ($0.name, $0.definition.dependsOn) }).map { names in
      channels.filter { names.contains($0.name) }
    }
  }
}
