/// What the engine says became of a message that its partner has not taken.
package enum EngineState: String, Sendable, Hashable {
  /// It waits for its delivery, or for its next try.
  case waiting
  case held, dead
  /// A transform or a condition dropped it: it is not to be delivered.
  case filtered
  /// A transform failed on it; it is stored and waits for a person.
  case failed
}

/// What a history says of one message.
package enum HistoryVerdict: String, Sendable, Hashable, CaseIterable {
  /// The partner took it, once, or more often where that was allowed.
  case delivered
  case waiting, held, dead, filtered, failed
  /// The engine refused it (AE, AR, CE, CR) and the partner never took it.
  case refused
  /// It was sent and never answered, and the partner never took it: the sender knows that it must send it again.
  case unacknowledged
  /// It was acknowledged, and nobody knows of it.
  case lost
  /// The partner took it again though nothing allowed it.
  case duplicated
  /// The partner got what was never sent, what was refused, or what was to be filtered.
  case unexpected

  /// Whether an engine may end with such messages.
  package var isFault: Bool { self == .lost || self == .duplicated || self == .unexpected }
}

/// Lays what clients sent beside what one partner received and what the engine says it still has, and sorts every
/// message's key into one verdict.
package struct HistoryCheck: Sendable {
  /// Which of the partner's lanes is checked, where the events hold several destinations; `nil` takes all for one.
  package var receivedOn: String?
  /// Whether the engine sends the bytes that it got.
  package var bytesUnchanged: Bool
  /// Whether the lane keeps the order in which each connection was acknowledged.
  package var ordered: Bool
  /// What of a message's key names those among which the order is kept; all, where it gives nothing else.
  package var orderKey: @Sendable (String) -> String = { _ in "" }
  /// How many deliveries may be finished and not yet durably so when the engine dies.
  package var inFlightMax: Int

  package init(receivedOn: String? = nil, bytesUnchanged: Bool = false, ordered: Bool = true, inFlightMax: Int = 32) {
    self.receivedOn = receivedOn
    self.bytesUnchanged = bytesUnchanged
    self.ordered = ordered
    self.inFlightMax = inFlightMax
  }

  /// - Parameters:
  ///   - events: of clients, of the partner, and the incidents; in order of time.
  ///   - states: what the engine says of messages that it has not delivered, by control id.
  package func report(_ events: [HistoryEvent], states: [String: EngineState] = [:]) -> HistoryReport {
    var keys = KeyHistories(events, receivedOn: receivedOn)
    for key in states.keys { keys.note(key) }
    var report = HistoryReport()
    let repeats = RepeatCheck(keys, inFlightMax: inFlightMax)
    for key in keys.inOrder {
      guard let history = keys[key] else { continue }
      let judged = verdict(history, state: states[key], repeats: repeats)
      report.keys[judged, default: []].append(key)
      if history.receivedAt.count > 1, judged != .duplicated { report.repeated.append(key) }
      if bytesUnchanged, let sent = history.sentHash, history.receivedHashes.contains(where: { $0 != sent }) {
        report.altered.append(key)
      }
    }
    if ordered { report.disordered = disorder(keys) }
    return report
  }

  private func verdict(_ history: KeyHistory, state: EngineState?, repeats: RepeatCheck) -> HistoryVerdict {
    guard history.sentHash != nil else { return .unexpected }
    if history.isTaken {
      if state == .filtered || history.isRefused { return .unexpected }
      return repeats.allows(history) ? .delivered : .duplicated
    }
    switch state {
    case .waiting: return .waiting
    case .held: return .held
    case .dead: return .dead
    case .filtered: return history.receivedAt.isEmpty ? .filtered : .unexpected
    case .failed: return .failed
    case nil: break
    }
    if history.isAccepted { return .lost }
    return history.isRefused ? .refused : .unacknowledged
  }

  /// Each message that came before one that had been acknowledged before it on the same connection.
  private func disorder(_ keys: KeyHistories) -> [HistoryReport.Disorder] {
    var latest: [String: (key: String, position: Int)] = [:]
    var found: [HistoryReport.Disorder] = []
    for (lane, key) in keys.accepted {
      guard let position = keys[key]?.firstReceivedPosition else { continue }
      let row = "\(lane) \(orderKey(key))"
      if let before = latest[row], before.position > position {
        found.append(.init(lane: lane, key: key, overtaken: before.key))
      } else {
        latest[row] = (key, position)
      }
    }
    return found
  }
}
