/// What was raised, acknowledged and cleared, and what people were told of it: a value that is written as it is.
///
/// Each alert is raised once and cleared once. Cleared only when all was well for a while; what comes back soon must be
/// well for longer each time.
package struct AlertBook: Sendable, Codable, Equatable {
  package private(set) var active: [Alert] = []
  /// The oldest first.
  package private(set) var cleared: [Alert] = []
  package private(set) var downtimes: [Downtime] = []
  /// What was not told yet, the oldest first.
  package private(set) var notices: [AlertNotice] = []
  /// Notices that were given up because too many waited.
  package private(set) var lostNotices = 0
  private var lastAlert = 0
  private var lastNotice = 0
  /// When it was last written, by the wall clock.
  package var savedAt: Int64?

  /// Since when all has been well again with what is raised, on the steady clock of this run; not written.
  private var wellSince: [AlertKey: Int64] = [:]

  private enum CodingKeys: CodingKey {
    case active, cleared, downtimes, notices, lostNotices, lastAlert, lastNotice, savedAt
  }

  static let clearedMax = 200
  static let noticesMax = 500
  /// What comes back within this after it was cleared is the same trouble, in milliseconds; nothing has to be well for
  /// longer.
  package static let relapse: Int64 = 3_600_000

  package init() {}

  /// Whether both say the same, but for when they were written and how long what is raised has lasted.
  func isSame(as other: AlertBook) -> Bool { withoutMoment == other.withoutMoment }

  /// What the next engine reads of it.
  var afterRestart: AlertBook {
    var book = self
    book.wellSince = [:]
    return book
  }

  private var withoutMoment: AlertBook {
    var book = self
    book.savedAt = nil
    book.wellSince = [:]
    for index in book.active.indices { book.active[index].text = "" }
    return book
  }

  // MARK: Looks

  /// Takes what a look found.
  ///
  /// - Parameters:
  ///   - tells: who is told of it, by the targets' names.
  ///   - settle: for how many milliseconds all must be well with a channel; `nil` for what has no channel.
  /// - Returns: what was raised and cleared by it, in this order.
  package mutating func note(
    _ findings: AlertFindings, _ now: Moment, tells: [String] = [], contact: (String) -> String? = { _ in nil },
    settle: (String?) -> Int64 = { _ in 60_000 }
  ) -> [(event: AlertNotice.Event, alert: Alert)] {
    downtimes.removeAll { $0.until <= now.wall }
    var events: [(AlertNotice.Event, Alert)] = []
    for (key, verdict) in findings.verdicts.sorted(by: { $0.key < $1.key }) {
      guard case .wrong(let text) = verdict else { continue }
      wellSince[key] = nil
      if let index = active.firstIndex(where: { $0.key == key }) {
        active[index].text = text
      } else if !isDown(key.channel) {
        events.append(
          (.raised, raise(key, text, contact: key.channel.flatMap(contact), settle: settle(key.channel), now)))
      }
    }
    for alert in active {
      // What is no longer looked at, as a channel that is gone, is well.
      let verdict = findings.verdicts[alert.key] ?? (findings.unknown.contains(alert.key.kind) ? .between : .well)
      guard verdict == .well else {
        wellSince[alert.key] = nil
        continue
      }
      let since = wellSince[alert.key] ?? now.steady
      wellSince[alert.key] = since
      if now.steady - since >= alert.settle { events.append((.cleared, clear(alert, now))) }
    }
    if !tells.isEmpty { for (event, alert) in events { tell(event, alert, tells) } }
    return events
  }

  private func isDown(_ channel: String?) -> Bool {
    channel.map { name in downtimes.contains { $0.channel == name } } ?? false
  }

  private mutating func raise(
    _ key: AlertKey, _ text: String, contact: String?, settle: Int64, _ now: Moment
  ) -> Alert {
    lastAlert += 1
    var hold = settle
    if let before = cleared.last(where: { $0.key == key }), let at = before.clearedAt,
      (0..<Self.relapse).contains(now.wall - at)
    {
      hold = max(hold, min(Self.relapse, max(60_000, 2 * before.settle)))
    }
    let alert = Alert(
      id: lastAlert, key: key, text: text, contact: contact, raisedAt: now.wall, clearedAt: nil, acknowledged: nil,
      settle: hold)
    active.append(alert)
    return alert
  }

  private mutating func clear(_ alert: Alert, _ now: Moment) -> Alert {
    var alert = alert
    alert.clearedAt = now.wall
    wellSince[alert.key] = nil
    active.removeAll { $0.id == alert.id }
    cleared.append(alert)
    if cleared.count > Self.clearedMax { cleared.removeFirst(cleared.count - Self.clearedMax) }
    return alert
  }

  // MARK: What people do

  /// Somebody looks after it.
  ///
  /// - Returns: `nil` where no such alert is raised.
  package mutating func acknowledge(_ id: Int, by: String, why: String?, _ now: Moment) -> Alert? {
    guard let index = active.firstIndex(where: { $0.id == id }) else { return nil }
    active[index].acknowledged = Alert.Acknowledgement(by: by, why: why, at: now.wall)
    return active[index]
  }

  /// The channel raises nothing until then; what is raised stays. Replaces the downtime that the channel has.
  package mutating func plan(_ downtime: Downtime) {
    downtimes.removeAll { $0.channel == downtime.channel }
    downtimes.append(downtime)
  }

  /// - Returns: whether there was one.
  package mutating func endDowntime(of channel: String) -> Bool {
    let before = downtimes.count
    downtimes.removeAll { $0.channel == channel }
    return downtimes.count < before
  }

  // MARK: Notices

  private mutating func tell(_ event: AlertNotice.Event, _ alert: Alert, _ targets: [String]) {
    lastNotice += 1
    notices.append(AlertNotice(id: lastNotice, event: event, alert: alert, untold: targets))
    guard notices.count > Self.noticesMax else { return }
    lostNotices += notices.count - Self.noticesMax
    notices.removeFirst(notices.count - Self.noticesMax)
  }

  /// The oldest that a target was not told of.
  func next(for target: String) -> AlertNotice? { notices.first { $0.untold?.contains(target) == true } }

  /// A target has taken a notice.
  package mutating func told(_ id: Int, to target: String) {
    guard let index = notices.firstIndex(where: { $0.id == id }) else { return }
    notices[index].untold?.removeAll { $0 == target }
    if notices[index].untold?.isEmpty != false { notices.remove(at: index) }
  }

  /// These are told from now on. What only others were to be told of is forgotten.
  package mutating func tell(only targets: [String]) {
    for index in notices.indices {
      notices[index].untold = (notices[index].untold ?? targets).filter { targets.contains($0) }
    }
    notices.removeAll { $0.untold?.isEmpty != false }
  }
}
