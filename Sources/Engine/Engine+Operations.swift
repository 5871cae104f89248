package import ConnectorKit
import Definitions
package import Messages
package import Store

/// What a person asked for can't be done; the text says why and what could be done instead.
package struct OperationError: Error, Sendable, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// What came of one item of a list that a person acts on.
package struct ItemOutcome: Sendable, Codable, Equatable {
  package var id: String
  package var done: Bool
  package var text: String
}

extension Engine {
  func lane(_ name: String) throws -> Lane {
    guard let parsed = LaneName(name) else { throw OperationError("\(name) is not CHANNEL/LANE") }
    if let lane = leaving.first(where: { $0.lane.name == parsed })?.lane { return lane }
    guard let channel = channel(parsed.channel.text) else {
      throw OperationError("no channel \(parsed.channel) is running")
    }
    guard let lane = channel.lanes.first(where: { $0.name == parsed }) else {
      let known = channel.lanes.map { $0.name.destination }.joined(separator: ", ")
      throw OperationError("channel \(parsed.channel) has no lane \(parsed.destination); it has \(known)")
    }
    return lane
  }

  func lane(of record: DeliveryRecord) -> Lane? {
    channel(record.channel)?.lanes.first { $0.name.destination == record.destination }
      ?? leaving.map(\.lane).first {
        $0.name.channel.text == record.channel && $0.name.destination == record.destination
      }
  }

  /// Deliveries as people see them: of what is gathered the store doesn't know what it waits for.
  package func withGroups(_ records: [DeliveryRecord]) -> [DeliveryRecord] {
    var records = records
    let open = records.indices.filter { records[$0].state == .waiting && !records[$0].isPlace }
    for (_, indices) in Dictionary(grouping: open, by: { [records[$0].channel, records[$0].destination] }) {
      guard let lane = lane(of: records[indices[0]]), let gatherer = lane.gatherer else { continue }
      let waits = gatherer.waits(of: Set(indices.map { records[$0].sequence }), isHeld: lane.holdsGathering)
      for index in indices { records[index].gathered = waits[records[index].sequence] }
    }
    return records
  }

  // MARK: Channels and lanes

  package func set(_ name: String, _ work: ChannelRuntime.Work) async throws {
    try await gate.beside {
      guard let channel = channel(name) else { throw OperationError("no channel \(name) is running") }
      try await channel.change(to: work)
      for lane in leaving.map(\.lane) where lane.name.channel.text == name {
        if work == .stopped { lane.stopWithChannel() } else { lane.goOnWithChannel() }
      }
    }
    if work == .running { watch?.channelsCameUp() }
  }

  /// Makes the source of a channel with a schedule look now.
  package func fetch(_ name: String, by: String) throws {
    guard let channel = channel(name) else { throw OperationError("no channel \(name) is running") }
    guard let schedule = channel.schedule else {
      throw OperationError("channel \(name) has no `schedule`: its source works all the time")
    }
    guard channel.work == .running else {
      throw OperationError("channel \(name) is \(channel.work.rawValue): hilum start \(name)")
    }
    if channel.sourceAwaitsRelease { throw OperationError("channel \(name) fetches nothing before hilum release") }
    try schedule.fetch(by: by)
  }

  package func setLane(_ name: String, paused: Bool) async throws {
    try await gate.beside {
      let lane = try lane(name)
      try await lane.turns.take { [shared] in
        try await shared.change(.lanePaused(lane: lane.key, paused: paused, at: shared.clock.now().wall))
        if paused { lane.pause() } else { lane.resume() }
      }
    }
  }

  package func ping(_ name: String) async throws -> PingReport { try await lane(name).ping() }

  /// Can the partner be reached that a channel's source connects to.
  package func pingSource(_ name: String) async throws -> PingReport {
    guard let channel = channel(name) else { throw OperationError("no channel \(name) is at work") }
    if let report = await channel.pingSource() { return report }
    throw OperationError("the source of \(name) connects to nobody: senders come to it")
  }

  // MARK: Dead deliveries

  package func retryDead(_ ids: [DeliveryID]) async throws -> [ItemOutcome] {
    try await forEachDead(ids) { id, record in
      guard lane(of: record) != nil else {
        let name = record.destination
        throw OperationError("channel \(record.channel) has no destination \(name) at work: it would wait for ever")
      }
      guard record.sequence >= 0 else {
        throw OperationError(
          "it was dead from the start: a value of its settings is absent; mend that and reprocess the message")
      }
      guard try await shared.change(.retryDead([id], at: shared.clock.now().wall)) == 1 else { return nil }
      lane(of: record)?.grown(by: 1, bytes: record.byteCount)
      return "goes to the end of \(record.channel)/\(record.destination)"
    }
  }

  package func discardDead(_ ids: [DeliveryID], reason: String) async throws -> [ItemOutcome] {
    try await forEachDead(ids) { id, _ in
      try await shared.change(.discardDead([id], reason: reason, at: shared.clock.now().wall)) == 1 ? "discarded" : nil
    }
  }

  private func forEachDead(
    _ ids: [DeliveryID], _ act: (DeliveryID, DeliveryRecord) async throws -> String?
  ) async throws -> [ItemOutcome] {
    var outcomes: [ItemOutcome] = []
    for id in ids {
      var done: String?
      var reason: String?
      do {
        done = try await gate.beside {
          if let record = try await store.delivery(id), record.state == .dead { try await act(id, record) } else { nil }
        }
      } catch let error as OperationError {
        reason = error.description
      }
      if done == nil, reason == nil { reason = try await whyNotDead(id) }
      outcomes.append(ItemOutcome(id: id.description, done: done != nil, text: done ?? reason ?? ""))
    }
    return outcomes
  }

  // MARK: Messages

  /// Sends the stored outgoing bytes of a message once more: to each of its destinations, or to one.
  package func resend(_ id: MessageID, to destination: String?) async throws -> [ItemOutcome] {
    try await gate.beside { try await sendAgain(id, to: destination) }
  }

  private func sendAgain(_ id: MessageID, to destination: String?) async throws -> [ItemOutcome] {
    var records = Self.newestEnded(try await store.deliveries(of: id))
    if let destination { records = records.filter { $0.destination == destination } }
    guard !records.isEmpty else {
      return [
        ItemOutcome(
          id: id.description, done: false, text: "it has no ended delivery\(destination.map { " to \($0)" } ?? "")")
      ]
    }
    var outcomes: [ItemOutcome] = []
    for record in records {
      guard let delivery = Identifier(record.id), let lane = lane(of: record) else {
        outcomes.append(ItemOutcome(id: record.id, done: false, text: "lane \(record.destination) is not running"))
        continue
      }
      let again = store.mint()
      let done = try await shared.change(.resend(delivery, as: again, at: shared.clock.now().wall)) == 1
      if done { lane.grown(by: 1, bytes: record.byteCount) }
      outcomes.append(
        ItemOutcome(
          id: done ? again.description : record.id, done: done,
          text: done ? "the same bytes go to \(record.destination) again" : "what was sent is not kept any more"))
    }
    return outcomes
  }

  /// The newest ended delivery of each destination. A resend is a delivery too: were each of them sent again, every
  /// call would double what the partner gets.
  private static func newestEnded(_ records: [DeliveryRecord]) -> [DeliveryRecord] {
    var newest: [String: DeliveryRecord] = [:]
    var destinations: [String] = []
    for record in records where record.state != .waiting && record.state != .held {
      if newest[record.destination] == nil { destinations.append(record.destination) }
      // Ids grow with time.
      if record.id > newest[record.destination]?.id ?? "" { newest[record.destination] = record }
    }
    return destinations.compactMap { newest[$0] }
  }

  /// Runs stored inputs through the newest revision. With `dryRun` nothing is stored or sent.
  ///
  /// - Parameter isReleased: a person releases what was held: `hold` is passed over.
  package func reprocess(
    _ ids: [MessageID], from states: Set<MessageState>, dryRun: Bool, isReleased: Bool = false
  ) async throws -> [ItemOutcome] {
    var outcomes: [ItemOutcome] = []
    for id in ids {
      outcomes.append(ItemOutcome(id: id.description, done: false, text: ""))
      let last = outcomes.count - 1
      guard let record = try await store.message(id) else {
        outcomes[last].text = "there is no such message"
        continue
      }
      guard states.contains(record.state) else {
        outcomes[last].text = "it is \(record.state.rawValue)"
        continue
      }
      guard channel(record.channel) != nil else {
        outcomes[last].text = "channel \(record.channel) is not running"
        continue
      }
      guard let raw = try await store.kept(id) else {
        outcomes[last].text = "what came in is not kept any more"
        continue
      }
      try await gate.beside {
        // A deployment may have taken it out of work meanwhile.
        guard let channel = channel(record.channel) else { return outcomes[last].text = "its channel is not running" }
        if dryRun {
          let version = channel.passage.version
          let decided = version.preview(
            raw, record.attributes, id: id, receivedAt: record.receivedAt, isReleased: isReleased)
          outcomes[last] = ItemOutcome(id: id.description, done: true, text: "would be " + decided.summary(version))
          return
        }
        let (result, state, summary) = try await channel.leavingPlaces(of: id) {
          await channel.process(
            again: id, raw, record.attributes, receivedAt: record.receivedAt, from: states, isReleased: isReleased)
        }
        switch result {
        case .accepted:
          // A hold that nothing follows, or that stands for a value, stays.
          let isDone = !(isReleased && state == .held)
          outcomes[last] = ItemOutcome(id: id.description, done: isDone, text: summary)
        case .unavailable(let reason): outcomes[last].text = reason
        case .duplicate, .awaited, .conflict, .stale: outcomes[last].text = "it changed meanwhile"
        }
      }
    }
    return outcomes
  }

  package func discardMessages(_ ids: [MessageID], reason: String) async throws -> [ItemOutcome] {
    var outcomes: [ItemOutcome] = []
    for id in ids {
      let done = try await gate.beside {
        try await leavingPlaces(of: id) { [shared] in
          try await shared.change(.discardMessages([id], reason: reason, at: shared.clock.now().wall)) == 1
        }
      }
      outcomes.append(
        ItemOutcome(id: id.description, done: done, text: done ? "discarded" : "it is neither failed nor held"))
    }
    return outcomes
  }
}

extension Decided {
  /// `routed to ehr, archive`, `dropped: not wanted`.
  func summary(_ version: ChannelVersion) -> String {
    if state == .routed {
      let names = deliveries.map { version.lanes[$0.lane].name.destination }
      return names.isEmpty ? "routed to nobody" : "routed to " + names.joined(separator: ", ")
    }
    return state.rawValue + (reason.map { ": \($0)" } ?? "")
  }
}
