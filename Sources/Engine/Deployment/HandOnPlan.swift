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
    let targets = Dictionary(definitions.map { ($0.name, $0.destinations.compactMap(\.handsOnTo)) }) { first, _ in first
    }
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
        } else if shortestWay(from: name, to: channel.name, next: { targets[$0] ?? [] }) != nil {
          problems.append("\(lane) hands on to the channel \(name), from which messages come back to \(channel.name)")
        }
      }
    }
    return problems
  }
}
