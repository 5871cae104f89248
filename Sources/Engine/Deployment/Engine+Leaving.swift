import ConnectorKit
import Definitions
import Logging
import Messages
import Store
import Synchronization

/// A lane whose destination is gone, with what still waits in it.
struct LeavingLane: Sendable {
  let lane: Lane
  let choice: LeavingChoice
}

// Lanes that a deployment took away while something waited in them. What becomes of it was said with the deployment, is
// kept in the store, and is done also where the engine dies in between.

extension Engine {
  /// So many go in one unit of the store; between two of them everybody else has a turn.
  private static let leaveStepMax = 500

  /// Lanes leave their channel.
  func leave(_ lanes: [Lane], _ choice: LeavingChoice) {
    state.withLock { state in state.leaving += lanes.map { LeavingLane(lane: $0, choice: choice) } }
  }

  /// What follows from answers that a leaving lane still gets goes to the lanes that work now.
  func tellLeaving(of channel: ChannelName, _ lanes: [Lane]) {
    let readers = leaving.filter { $0.lane.name.channel == channel }.compactMap(\.lane.replies)
    if readers.isEmpty { return }
    for reader in readers { reader.know(lanes) }
    for lane in lanes { lane.grown(by: 0, bytes: 0) }
  }

  /// A channel whose file is gone: its source has stopped.
  func remove(_ channel: ChannelRuntime, _ waiting: LeavingChoice?) async -> DeploymentReport.Channel {
    let version = channel.passage.version
    let choice = waiting ?? .drain
    let left = version.lanes.filter { $0.waiting.count > 0 }
    var note = state.withLock { $0.notes[channel.name.text] } ?? DeploymentNote()
    note.run(DeploymentNote.Run(revision: nil, since: shared.clock.now().wall, by: "deploy", file: ""))
    note.rolledBackOver = nil
    note.leaving += left.map {
      DeploymentNote.Leaving(
        lane: $0.name.destination, waiting: choice.text, revision: version.definition.revision.hex)
    }
    // Before anything ends: an engine that dies here goes on with what was said.
    await keep(note, of: channel.name.text, key: version.keys.channel)
    await Lane.stop(
      version.lanes.filter { lane in choice != .drain || !left.contains { $0 === lane } }, within: Self.answerSecondsMax
    )
    state.withLock { state in state.channels.removeAll { $0 === channel } }
    leave(left, choice)
    let lines = left.map { "lane \($0.name.destination): what waits: \(choice.text)" }
    return Self.shown(version.definition, .removed, lines)
  }

  private func keep(_ note: DeploymentNote, of channel: String, key: Int64) async {
    state.withLock { $0.notes[channel] = note }
    do throws(StoreError) {
      try await shared.change(.note(channel: key, note))
    } catch {
      log.error("What a deployment did could not be noted.", metadata: ["reason": "\(error)"])
    }
  }

  /// A destination is there again: the lane that was leaving ends, and what waits in it is the new lane's.
  func stopLeaving(of definition: ChannelDefinition) async {
    let names = definition.destinations.map { LaneName(channel: definition.name, destination: $0.name) }
    let back = leaving.map(\.lane).filter { names.contains($0.name) }
    await Lane.stop(back, within: Self.answerSecondsMax)
    state.withLock { state in state.leaving.removeAll { one in back.contains { $0 === one.lane } } }
  }

  /// Does at once what doesn't have to wait for a partner.
  func settleLeaving() async {
    for one in leaving where one.choice != .drain {
      if await empty(one.lane.key, of: one.lane.name, one.choice) { await hasLeft(one.lane) }
    }
  }

  /// Buries or moves everything that waits in a lane nothing sends from any more; whether nothing is left.
  private func empty(_ key: Int64, of name: LaneName, _ choice: LeavingChoice) async -> Bool {
    var target: Lane?
    if case .move(let lane) = choice {
      target = channel(name.channel.text)?.lanes.first { $0.name.destination == lane }
      guard let target else { return false }
      // What waits for its release doesn't get past it by another lane.
      if let hold = store.outgoingHold, hold.holds(key), !hold.holds(target.key) { return false }
    }
    while !gate.isClosed {
      let change: Change =
        if let target {
          .moveWaiting(lane: key, to: target.key, countMax: Self.leaveStepMax)
        } else {
          .buryWaiting(
            lane: key, countMax: Self.leaveStepMax,
            reason: "its destination \(name.destination) was taken out of the channel", at: shared.clock.now().wall)
        }
      guard let step = try? await shared.taking(change) else { return false }
      if step.count > 0 { target?.grown(by: step.count, bytes: step.bytes) }
      if step.count < Self.leaveStepMax { return true }
    }
    return false
  }

  /// Ends the lanes that have drained, when nobody is in the way; returns at once.
  func endLeft() {
    let empty = leaving.filter { $0.choice == .drain && $0.lane.waiting.count == 0 }
    let begins = state.withLock { state in
      defer { state.isEndingLeft = state.isEndingLeft || !empty.isEmpty }
      return !state.isEndingLeft && !empty.isEmpty
    }
    guard begins else { return }
    Task {
      try? await gate.alone { for one in empty where one.lane.waiting.count == 0 { await hasLeft(one.lane) } }
      state.withLock { $0.isEndingLeft = false }
    }
  }

  private func hasLeft(_ lane: Lane) async {
    await Lane.stop([lane], within: 1)
    state.withLock { state in state.leaving.removeAll { $0.lane === lane } }
    await forget(lane.name)
  }

  /// Nothing is left to do for a lane.
  private func forget(_ name: LaneName) async {
    guard var note = state.withLock({ $0.notes[name.channel.text] }) else { return }
    note.leaving.removeAll { $0.lane == name.destination }
    guard let key = try? await store.channelKey(name.channel) else { return }
    await keep(note, of: name.channel.text, key: key)
  }

  // MARK: After a start

  /// Goes on with what a former engine had begun: lanes that drain are made of the revision that had them.
  func goOnLeaving() async {
    for (channel, note) in state.withLock({ $0.notes }) {
      for one in note.leaving {
        let name = LaneName(channel: ChannelName(channel), destination: one.lane)
        guard let choice = LeavingChoice(one.waiting), let key = try? await store.laneKey(name) else { continue }
        if self.channel(channel)?.lanes.contains(where: { $0.name == name }) == true { continue }
        guard choice == .drain else {
          // A long lane takes its time; channels work meanwhile.
          Task {
            try? await gate.alone { if await empty(key, of: name, choice) { await forget(name) } }
          }
          continue
        }
        do {
          try await drain(name, revision: one.revision)
        } catch {
          log.error(
            "A lane that was to drain can't: its deliveries wait.",
            metadata: ["lane": "\(name)", "reason": "\(error)"])
        }
      }
    }
  }

  private func drain(_ name: LaneName, revision: String) async throws {
    let definition = try await definition(of: name.channel.text, revision: revision)
    guard let destination = definition.destinations.first(where: { $0.name == name.destination }),
      let connector = try prepare(definition).destinations[name.destination],
      let keys = try await store.laneKeys(name)
    else { throw OperationError("revision \(revision.prefix(16)) has no destination \(name.destination)") }
    let lane = makeLane(name, destination, of: definition, keys, connector, try await replies(of: name, definition))
    leave([lane], .drain)
    if let channel = channel(name.channel.text) { tellLeaving(of: channel.name, channel.lanes) }
    lane.start()
  }

  /// What reads the answers to a lane of a revision that doesn't run any more.
  private func replies(of name: LaneName, _ definition: ChannelDefinition) async throws -> ReplyReader? {
    guard let index = definition.destinations.firstIndex(where: { $0.name == name.destination && $0.reply != nil }),
      let channel = try await store.channelKey(name.channel)
    else { return nil }
    var lanes: [ChannelKeys.Lane] = []
    for destination in definition.destinations {
      let other = LaneName(channel: name.channel, destination: destination.name)
      guard let keys = try await store.laneKeys(other) else { return nil }
      lanes.append(keys)
    }
    let revision = self.channel(name.channel.text)?.keys.revision ?? 0
    let keys = ChannelKeys(channel: channel, revision: revision, state: "running", lanes: lanes, columns: [])
    return ReplyReader(destination: index, Pipeline(definition), keys, shared)
  }
}
