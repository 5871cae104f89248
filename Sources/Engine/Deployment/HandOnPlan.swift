import Definitions
import Messages

/// Whether channels that would run together hand on to each other as they can. `hilum check` sees to it for the files;
/// a channel that was rolled back is of other files.
enum HandOnPlan {
  /// Why the channels that are wanted can't run together, where those that run now could.
  static func refusals(_ running: [ChannelDefinition], wanted: [ChannelDefinition]) -> [String] {
    let before = problems(running)
    return problems(wanted).filter { !before.contains($0) }
  }

  private static func problems(_ definitions: [ChannelDefinition]) -> [String] {
    var problems: [String] = []
    for channel in definitions {
      for destination in channel.destinations {
        guard let name = destination.handsOnTo else { continue }
        let lane = LaneName(channel: channel.name, destination: destination.name)
        guard let target = definitions.first(where: { $0.name == name }) else {
          problems.append("\(lane) hands on to the channel \(name), which would not be there")
          continue
        }
        if !target.source.takesFromChannels {
          problems.append("\(lane) hands on to the channel \(name), which takes messages from elsewhere")
        } else if reaches(channel.name, from: name, definitions) {
          problems.append("\(lane) hands on to the channel \(name), from which messages come back to \(channel.name)")
        }
      }
    }
    return problems
  }

  private static func reaches(_ end: ChannelName, from start: ChannelName, _ definitions: [ChannelDefinition]) -> Bool {
    var open = [start]
    var seen: [ChannelName] = []
    while let next = open.popLast() {
      if next == end { return true }
      if seen.contains(next) { continue }
      seen.append(next)
      open += definitions.first { $0.name == next }?.destinations.compactMap(\.handsOnTo) ?? []
    }
    return false
  }
}
