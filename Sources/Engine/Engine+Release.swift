import Definitions
import Logging
import Messages
package import Store

/// What a person must know before a store that was held sends anything. Times are milliseconds since 1970.
package struct ReleaseOverview: Sendable, Codable, Equatable {
  package struct Lane: Sendable, Codable, Equatable {
    package var channel: String
    package var lane: String
    /// Where it goes: `mllp ehr.hospital.example:6661`; `nil` where nothing sends from the lane.
    package var partner: String?
    package var waiting: Int
    /// So many of them the partner may have had already.
    package var possiblySent: Int
    package var oldestAt: Int64?
    package var newestAt: Int64?
    /// It still waits for its release.
    package var awaitsRelease: Bool
    /// What else keeps it from sending: an operator paused it, or the channel is stopped.
    package var stays: String?
  }

  /// Why nothing is sent; `nil` where the store is released.
  package var hold: OutgoingHold?
  package var lanes: [Lane]
  /// Of a store that comes from a backup: where its numbers stand. The engine that it is of may have given more since.
  package var sequences: [NumberSequence] = []
}

// A store that comes from a backup, or that was opened under another name, sends nothing until somebody has looked.

extension Engine {
  /// What would go where.
  package func releaseOverview() async throws -> ReleaseOverview {
    let counts = try await store.outgoing()
    let hold = store.outgoingHold
    var overview = ReleaseOverview(hold: hold, lanes: [])
    if hold?.copy != nil { overview.sequences = try await sequences() }
    var known: Set<Int64> = []
    for channel in channels {
      for (destination, lane) in zip(channel.definition.destinations, channel.lanes) {
        known.insert(lane.key)
        var shown = Self.shown(lane.name, counts[lane.key], hold, lane.key)
        shown.partner = destination.connector.partner
        if lane.status().paused { shown.stays = "paused" }
        if channel.work == .stopped { shown.stays = "its channel is stopped" }
        overview.lanes.append(shown)
      }
    }
    for lane in leaving.map(\.lane) where known.insert(lane.key).inserted {
      var shown = Self.shown(lane.name, counts[lane.key], hold, lane.key)
      shown.partner = "the partner it had: its destination was taken out"
      overview.lanes.append(shown)
    }
    for ledger in try await store.ledger() {
      for lane in ledger.lanes where lane.waiting > 0 {
        let name = LaneName(channel: ChannelName(ledger.channel), destination: lane.name)
        guard let key = try await store.laneKey(name), known.insert(key).inserted else { continue }
        overview.lanes.append(Self.shown(name, counts[key], hold, key))
      }
    }
    return overview
  }

  private static func shown(
    _ name: LaneName, _ count: OutgoingCount?, _ hold: OutgoingHold?, _ key: Int64
  ) -> ReleaseOverview.Lane {
    ReleaseOverview.Lane(
      channel: name.channel.text, lane: name.destination, partner: nil, waiting: count?.waiting ?? 0,
      possiblySent: count?.possiblySent ?? 0, oldestAt: count?.oldestAt, newestAt: count?.newestAt,
      awaitsRelease: hold?.holds(key) ?? false)
  }

  /// Lets lanes send that the store holds: those of these names, `CHANNEL` or `CHANNEL/LANE`, or all there are and will
  /// be. When every lane at work was released, and every other one in which something waits, so is the store.
  ///
  /// Durable before anything is sent.
  package func releaseOutgoing(_ names: [String]) async throws -> ReleaseOverview {
    guard store.outgoingHold != nil else { return try await releaseOverview() }
    try await gate.beside {
      let atWork = channels.flatMap(\.lanes) + leaving.map(\.lane)
      var chosen = atWork
      if !names.isEmpty { chosen = try names.flatMap { try lanes(of: $0) } }
      let keys = chosen.map(\.key)
      var isAll = names.isEmpty
      if !isAll, broken.isEmpty { isAll = try await !isHeld(anyBeside: Set(keys), atWork) }
      _ = try await shared.change(.releaseOutgoing(lanes: isAll ? nil : keys))
      for lane in isAll ? atWork : chosen { lane.releaseOutgoing() }
      log.notice(
        "Released by hand: what waits is sent.",
        metadata: ["lanes": "\(isAll ? "all" : chosen.map { "\($0.name)" }.joined(separator: ", "))"])
    }
    for channel in channels { await channel.sourceWasReleased() }
    // What a deployment was to move may go there now.
    try? await gate.alone { await settleLeaving() }
    return try await releaseOverview()
  }

  /// Whether the store holds another lane: one at work, or one in which something waits though nothing sends from it.
  private func isHeld(anyBeside chosen: Set<Int64>, _ atWork: [Lane]) async throws -> Bool {
    guard let hold = store.outgoingHold else { return false }
    if atWork.contains(where: { !chosen.contains($0.key) && hold.holds($0.key) }) { return true }
    for ledger in try await store.ledger() {
      for lane in ledger.lanes where lane.waiting > 0 || lane.held > 0 {
        let name = LaneName(channel: ChannelName(ledger.channel), destination: lane.name)
        if let key = try await store.laneKey(name), !chosen.contains(key), hold.holds(key) { return true }
      }
    }
    return false
  }

  private func lanes(of name: String) throws -> [Lane] {
    if name.contains("/") { return [try lane(name)] }
    let leaving = leaving.map(\.lane).filter { $0.name.channel.text == name }
    guard let channel = channel(name) else {
      if leaving.isEmpty { throw OperationError("no channel \(name) is running") }
      return leaving
    }
    return channel.lanes + leaving
  }
}
