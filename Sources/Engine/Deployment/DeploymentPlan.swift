package import Definitions
import Messages

/// Where an engine reads its channels from. Each of them blocks while it reads.
package struct ChannelFiles: Sendable {
  /// The environment in which they are read first.
  let environment: String?
  /// All channel files, anew, as they are in an environment.
  let load: @Sendable (_ environment: String?) -> LoadedChannels
  /// The first file that was written since these were loaded.
  let changedSince: @Sendable (LoadedChannels) -> String?
  /// A channel of an earlier revision: its files, and which of them is the channel file.
  let restore: @Sendable (_ files: [Revision.File], _ channelFile: String, _ environment: String?) -> LoadedChannels
  /// Keeps, beyond the end of the process, in which environment the engine runs.
  let remember: @Sendable (_ environment: String?) throws -> Void

  /// - Parameter remember: writes down in which environment the engine runs.
  package init(
    _ loader: ChannelLoader, folder: String, remember: @escaping @Sendable (String?) throws -> Void = { _ in }
  ) {
    environment = loader.environmentName
    load = { Self.in($0, loader).load(folder: folder) }
    changedSince = { loader.changedSince($0) }
    restore = { Self.in($2, loader).load($0, channelFile: $1, folder: folder) }
    self.remember = remember
  }

  private static func `in`(_ environment: String?, _ loader: ChannelLoader) -> ChannelLoader {
    var loader = loader
    loader.environmentName = environment
    return loader
  }
}

/// What differs between two revisions of a channel, as far as it says what must be done.
struct ChannelDifference {
  /// The source is closed in order and opened anew.
  let source: Bool
  /// Destinations, and so lanes.
  let added: [String]
  let removed: [String]
  /// What its lane works with is another one: address, certificates, times, retries, order.
  let changed: [String]
  /// In those, what is said otherwise.
  private let settings: [String: [ChannelSettingsDifference.Setting]]
  /// Paths of files with another content, new ones and those that are reached no more.
  let files: [String]

  init(_ old: ChannelDefinition, _ new: ChannelDefinition) {
    let hasOtherSurroundings =
      old.source.writtenHL7 != new.source.writtenHL7 || old.limits.messageBytesMax != new.limits.messageBytesMax
    source =
      old.source.connector != new.source.connector || old.source.written != new.source.written || hasOtherSurroundings
    let before = old.destinations.map(\.name)
    let after = new.destinations.map(\.name)
    added = after.filter { !before.contains($0) }
    removed = before.filter { !after.contains($0) }
    changed = new.destinations.filter { destination in
      guard let former = old.destinations.first(where: { $0.name == destination.name }) else { return false }
      // What an answer means, and where it sends, is of one revision with its lanes.
      let readsAnswers = former.reply != nil || destination.reply != nil
      return former.connector.written != destination.connector.written || hasOtherSurroundings || readsAnswers
    }.map(\.name)
    settings = Dictionary(
      changed.map { lane in
        (lane, ChannelSettingsDifference.Setting.between(old.laneValues[lane] ?? [], new.laneValues[lane] ?? []))
      }
    ) { first, _ in first }
    let contents = Dictionary(old.revision.files.map { ($0.path, $0.bytes) }) { first, _ in first }
    let next = Dictionary(new.revision.files.map { ($0.path, $0.bytes) }) { first, _ in first }
    files = Set(contents.keys).union(next.keys).filter { contents[$0] != next[$0] }.sorted()
  }

  /// Lanes start, end or are made anew: no message may be under way between pipeline and lane meanwhile.
  var touchesLanes: Bool { !added.isEmpty || !removed.isEmpty || !changed.isEmpty }

  private static func shown(_ one: ChannelSettingsDifference.Setting) -> String {
    // A program that stands in the channel file; its lines are shown with the file's.
    let isLong = (one.first ?? "").contains("\n") || (one.second ?? "").contains("\n")
    let change = isLong ? "has another text" : "\(one.first ?? "-")  ->  \(one.second ?? "-")"
    // Its key is computed when a message is accepted.
    let waits = one.setting == "collect.by" ? "; what waits was not gathered by this, and goes message by message" : ""
    return "\(one.setting)  \(change)\(waits)"
  }

  /// One line each, for people.
  func lines(waiting: LeavingChoice?) -> [String] {
    var lines =
      files.isEmpty ? ["its variables have other values"] : ["changed files: " + files.joined(separator: ", ")]
    if source { lines.append("source: closed in order, and opened anew with its new settings") }
    for lane in changed {
      lines.append("lane \(lane): takes its new settings, for what waits too")
      lines += (settings[lane] ?? []).map { "lane \(lane): \(Self.shown($0))" }
    }
    lines += added.map { "lane \($0): starts" }
    lines += removed.map { "lane \($0): ends" + (waiting.map { ", what waits: \($0.text)" } ?? "") }
    if !source, !touchesLanes { lines.append("swapped between two messages; no connection is closed") }
    return lines
  }
}

/// What is to be done so that the channels run as they were told.
struct DeploymentPlan {
  struct Change {
    let channel: ChannelRuntime
    let definition: ChannelDefinition
    let difference: ChannelDifference
  }
  var added: [ChannelDefinition] = []
  var changes: [Change] = []
  var removed: [ChannelRuntime] = []
  var unchanged: [ChannelRuntime] = []

  /// - Parameter wanted: all channels that shall run.
  init(_ running: [ChannelRuntime], wanted: [ChannelDefinition]) {
    for definition in wanted {
      guard let channel = running.first(where: { $0.name == definition.name }) else {
        added.append(definition)
        continue
      }
      let former = channel.definition
      if former.revision == definition.revision {
        unchanged.append(channel)
      } else {
        changes.append(
          Change(channel: channel, definition: definition, difference: ChannelDifference(former, definition)))
      }
    }
    removed = running.filter { channel in !wanted.contains { $0.name == channel.name } }
  }

  /// Why it can't be done: deliveries wait where no destination would be any more, and nobody said what becomes of
  /// them.
  func refusals(_ waiting: LeavingChoice?) -> [String] {
    var refusals: [String] = []
    for change in changes {
      for lane in change.channel.lanes where change.difference.removed.contains(lane.name.destination) {
        refusals += refusal(lane, waiting, in: change)
      }
    }
    for channel in removed { for lane in channel.lanes { refusals += refusal(lane, waiting, in: nil) } }
    return refusals
  }

  private func refusal(_ lane: Lane, _ waiting: LeavingChoice?, in change: Change?) -> [String] {
    let count = lane.waiting.count
    guard count > 0 else { return [] }
    switch waiting {
    case nil:
      let deliveries = count == 1 ? "1 delivery waits" : "\(count) deliveries wait"
      let move = change == nil ? "" : " | move:LANE"
      return ["\(lane.name): \(deliveries), and its destination is gone. Say what becomes of them: drain\(move) | dead"]
    case .drain, .dead: return []
    case .move(let target):
      guard let change else { return ["\(lane.name): its channel is gone, and with it the lanes to move to"] }
      return change.reasonNotToMove(lane.name.destination, to: target).map { ["\(lane.name): \($0)"] } ?? []
    }
  }
}

extension DeploymentPlan.Change {
  /// Why what was made for a lane that ends can't go to another one; `nil` where it can.
  func reasonNotToMove(_ lane: String, to name: String) -> String? {
    guard let target = definition.destinations.first(where: { $0.name == name }) else {
      let known = definition.destinations.map(\.name).joined(separator: ", ")
      return "there is no lane \(name) to move to; there are \(known)"
    }
    let former = channel.definition.destinations.first { $0.name == lane }
    if let asked = [former, target].compactMap(\.self).first(where: { $0.question != nil }) {
      return "what waits can't go to \(name): \(asked.name) asks questions (`ask`), and a question is asked once and "
        + "not queued"
    }
    let values = Set(former?.templates.map(\.setting) ?? [])
    let missing = target.templates.map(\.setting).filter { !values.contains($0) }
    if former?.connector.connector == target.connector.connector, missing.isEmpty { return nil }
    return "what waits was made for `\(former?.connector.connector ?? "")` and its settings, and can't go to \(name)"
  }
}
