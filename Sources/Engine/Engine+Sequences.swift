import Definitions
import Hilt
import Logging
import Messages
package import Store

// Numbers that commits give (`sequence("name")`).

extension Engine {
  /// Those that were given, and those that channels at work will give.
  package func sequences() async throws -> [NumberSequence] {
    var found = try await store.sequences()
    for channel in channels {
      for name in Set(channel.definition.destinations.flatMap(\.templates).flatMap(\.template.numberNames)).sorted()
      where !found.contains(where: { $0.channel == channel.name.text && $0.name == name }) {
        found.append(NumberSequence(channel: channel.name.text, name: name, last: 0))
      }
    }
    return found.sorted { ($0.channel, $0.name) < ($1.channel, $1.name) }
  }

  /// The next number is the one behind `last`. Forward only: a partner takes a number that it has seen for a repeat.
  package func setSequence(_ name: String, of channel: String, to last: Int64) async throws -> NumberSequence {
    let known = try await sequences().filter { $0.channel == channel }
    guard let sequence = known.first(where: { $0.name == name }) else {
      let names = known.map(\.name).joined(separator: ", ")
      throw OperationError(
        "channel \(channel) gives no number of the name \(name)" + (names.isEmpty ? "" : "; it gives \(names)"))
    }
    let key = try await store.channelKey(ChannelName(channel))
    guard last > sequence.last, let key,
      try await shared.change(.sequence(channel: key, name: name, last: last)) == 1
    else {
      throw OperationError("\(name) of \(channel) stands at \(sequence.last), and a number is never given twice")
    }
    log.notice(
      "Numbers go on behind another one, by hand.",
      metadata: ["channel": "\(channel)", "sequence": "\(name)", "last": "\(last)"])
    return NumberSequence(channel: channel, name: name, last: last)
  }
}
