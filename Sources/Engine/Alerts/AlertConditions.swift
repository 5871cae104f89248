package import ConnectorKit
package import Definitions
package import Store

/// What one look says of one thing that may be wrong.
package enum AlertVerdict: Sendable, Equatable {
  /// In our words, without content.
  case wrong(String)
  case well
  /// Neither: not wrong enough to raise it, not well enough to clear it, or not known.
  case between
}

/// What a look says of everything that may be wrong.
package struct AlertFindings: Sendable {
  package var verdicts: [AlertKey: AlertVerdict] = [:]
  /// Of these nothing could be found out: what is raised stays raised.
  package var unknown: Set<AlertKind> = []
}

/// What is asked of one channel.
package struct WatchedChannel: Sendable {
  package var rules: AlertRules
  /// Whom to call, for people.
  package var contact: String?
  package init(_ rules: AlertRules, contact: String? = nil) {
    self.rules = rules
    self.contact = contact
  }
}

/// Judges looks at an engine, one after the other: pure but for what it remembers of the looks before. Times are those
/// of the steady clock, but for what people mean by day and night and by a certificate's days.
package struct AlertConditions: Sendable {
  /// A source must have been down for so long, in milliseconds.
  package static let sourceDownMin: Int64 = 60_000
  /// The wall clock jumped when it went this much further, or less far, than the steady one.
  package static let jumpMin: Int64 = 10_000
  /// A jump is told for so long.
  static let jumpShown: Int64 = 15 * 60_000

  private struct Heard: Sendable {
    var received: Int
    var at: Int64
    /// Something came since this engine started, or since the source last rested.
    var isSure = false
  }
  private var heard: [String: Heard] = [:]
  private var troubled: [String: Int64] = [:]
  private var last: Moment?
  private var jump: (at: Int64, milliseconds: Int64)?
  /// Seconds east of UTC where the people are, at a moment in milliseconds since 1970.
  private let offset: @Sendable (Int64) -> Int

  /// - Parameter savedAt: when the engine before this one last wrote its alerts, by the wall clock.
  package init(savedAt: Int64? = nil, offset: @escaping @Sendable (Int64) -> Int) {
    self.offset = offset
    self.savedAt = savedAt
  }
  private let savedAt: Int64?

  package mutating func judge(
    _ look: EngineLook, _ watched: [String: WatchedChannel], certificates: [CertificateStatus]?
  ) -> AlertFindings {
    var findings = AlertFindings()
    engine(look, &findings)
    clock(look.now, &findings)
    for channel in look.status.channels {
      source(of: channel, look.now, &findings)
      guard let rules = watched[channel.name]?.rules else { continue }
      silence(channel, rules, look, &findings)
      messages(channel, rules, &findings)
      for lane in channel.lanes { judge(lane, of: channel, rules, &findings) }
      // What a deployment took out and is not empty yet.
      for leaving in look.status.leaving where leaving.channel == channel.name {
        judge(leaving.lane, of: channel, rules, &findings)
      }
    }
    if look.ledgers == nil { findings.unknown.formUnion([.dead, .failed, .held, .silence]) }
    if let certificates {
      for certificate in certificates { judge(certificate, look.now, &findings) }
    } else {
      findings.unknown.formUnion([
        .certificateMonth, .certificateWeek, .certificateExpired, .certificateUnusable,
      ])
    }
    last = look.now
    return findings
  }

  // MARK: The engine

  private func engine(_ look: EngineLook, _ findings: inout AlertFindings) {
    findings.verdicts[AlertKey(.store)] =
      look.condition == .open ? .well : .wrong("nothing is taken: \(look.condition.text)")
    findings.verdicts[AlertKey(.unreleased)] =
      look.status.hold.map { .wrong("nothing is sent: \($0.reason) (hilum release)") } ?? .well
    let gone = look.status.gone.map { ($0.name, $0.lanes) }
    for (channel, lanes) in look.status.channels.map({ ($0.name, $0.stranded) }) + gone {
      for lane in lanes where lane.waiting > 0 {
        findings.verdicts[AlertKey(.stranded, channel: channel, lane: lane.name)] = .wrong(
          "\(Self.count(lane.waiting, "delivery waits", "deliveries wait")) where nothing is sent any more: no channel "
            + "file names this lane (hilum lane move, or cancel)")
      }
    }
    if look.ledgers == nil { findings.unknown.insert(.stranded) }
    for broken in look.status.broken {
      findings.verdicts[AlertKey(.channelBroken, channel: broken.name)] = .wrong("it is not at work: \(broken.reason)")
    }
    guard let facts = look.facts else {
      findings.unknown.insert(.diskLow)
      return
    }
    let (free, least) = (facts.diskFreeBytes, facts.diskFreeBytesMin)
    let verdict: AlertVerdict
    if free < 2 * least {
      verdict = .wrong(
        "the disk of the data folder has \(free >> 20) MiB free; below \(least >> 20) MiB nothing is taken")
    } else {
      verdict = free * 2 >= 5 * least ? .well : .between
    }
    findings.verdicts[AlertKey(.diskLow)] = verdict
  }

  private mutating func clock(_ now: Moment, _ findings: inout AlertFindings) {
    if let last {
      let moved = (now.wall - last.wall) - (now.steady - last.steady)
      if abs(moved) >= Self.jumpMin { jump = (now.steady, moved) }
    } else if let savedAt, now.wall < savedAt - Self.jumpMin {
      jump = (now.steady, now.wall - savedAt)
    }
    if let known = jump, now.steady - known.at < Self.jumpShown {
      let way = known.milliseconds < 0 ? "back" : "forward"
      findings.verdicts[AlertKey(.clock)] = .wrong(
        "the clock went \(way) by \(Self.text(abs(known.milliseconds))), or the machine slept")
    } else {
      jump = nil
      findings.verdicts[AlertKey(.clock)] = .well
    }
  }

  private func judge(_ certificate: CertificateStatus, _ now: Moment, _ findings: inout AlertFindings) {
    func set(_ kind: AlertKind, _ verdict: AlertVerdict) {
      findings.verdicts[AlertKey(kind, file: certificate.file)] = verdict
    }
    set(.certificateUnusable, certificate.problem.map { .wrong($0) } ?? .well)
    guard let end = certificate.notAfter else {
      findings.unknown.formUnion([.certificateMonth, .certificateWeek, .certificateExpired])
      return
    }
    let left = end - now.wall / 1000
    let days = max(0, left / 86_400)
    let name = certificate.subject.map { " (\($0))" } ?? ""
    let isOurs = certificate.use == .shown
    let who = isOurs ? "the certificate\(name)" : "the last authority in it\(name)"
    let what = isOurs ? "partners will refuse it" : "no partner will be trusted"
    let soon = AlertVerdict.wrong("\(who) expires in \(days) days: \(what)")
    set(.certificateMonth, left <= 30 * 86_400 ? soon : .well)
    set(.certificateWeek, left <= 7 * 86_400 ? soon : .well)
    let ended = isOurs ? "partners refuse it" : "no partner is trusted"
    set(.certificateExpired, left <= 0 ? .wrong("\(who) has expired: \(ended)") : .well)
  }

  // MARK: A channel

  private mutating func source(of channel: ChannelStatus, _ now: Moment, _ findings: inout AlertFindings) {
    let key = AlertKey(.sourceDown, channel: channel.name)
    guard let trouble = channel.trouble else {
      troubled[channel.name] = nil
      findings.verdicts[key] = .well
      return
    }
    let since = troubled[channel.name] ?? now.steady
    troubled[channel.name] = since
    findings.verdicts[key] =
      now.steady - since >= Self.sourceDownMin ? .wrong("the source is not running: \(trouble)") : .between
  }

  private mutating func silence(
    _ channel: ChannelStatus, _ rules: AlertRules, _ look: EngineLook, _ findings: inout AlertFindings
  ) {
    guard let ledgers = look.ledgers else { return }
    let received = ledgers.first { $0.channel == channel.name }?.received ?? 0
    let isRunning = channel.state == ChannelRuntime.Work.running.rawValue
    let isResting = rules.silence.map { Self.isResting(channel.schedule, $0, look.now.wall) } ?? false
    var known = heard[channel.name] ?? Heard(received: received, at: look.now.steady)
    if known.received != received {
      known = Heard(received: received, at: look.now.steady, isSure: true)
    } else if !isRunning || isResting {
      // Nobody could be heard.
      known.at = look.now.steady
      // What is raised is over when something comes, and not because there is somebody again who listens.
      if isResting { known.isSure = false }
    }
    heard[channel.name] = known
    if isResting {
      // What is raised is not over because nobody listens.
      findings.verdicts[AlertKey(.silence, channel: channel.name)] = .between
      return
    }
    guard let silence = rules.silence, isRunning else { return }
    let silent = look.now.steady - known.at
    let part = partOfDay(silence.hours, look.now.wall)
    let limit = (part.isDay ? silence.day : silence.night)?.milliseconds
    // What is too long by day is not yet so in the first minute of the day.
    let inPart = min(silent, part.since)
    let limits = [silence.day, silence.night].compactMap { $0?.milliseconds }
    let longest = limits.count == 2 ? limits.max() : nil
    let isWrong = limit.map { inPart >= $0 } ?? false || longest.map { silent >= $0 } ?? false
    findings.verdicts[AlertKey(.silence, channel: channel.name)] =
      isWrong ? .wrong("no message came for \(Self.text(silent))") : known.isSure ? .well : .between
  }

  /// A source whose window is closed, or that looks at planned times only, and from one to the next for longer than may
  /// be silent: that nothing came meanwhile says nothing.
  private static func isResting(_ schedule: ScheduleStatus?, _ silence: AlertRules.Silence, _ wall: Int64) -> Bool {
    guard let schedule else { return false }
    if !schedule.isOpen { return true }
    // A look that is overdue is no rest.
    guard schedule.runningSince == nil, let next = schedule.nextAt, next > wall else { return false }
    // Before its first look nobody could be heard.
    guard let last = schedule.last.map({ $0.beganAt + $0.milliseconds }) else { return true }
    let limit = [silence.day, silence.night].compactMap { $0?.milliseconds }.max() ?? .max
    return next - min(wall, last) > limit
  }

  /// Whether it is day, and for how many milliseconds it has been day or night.
  private func partOfDay(_ hours: DayHours, _ wall: Int64) -> (isDay: Bool, since: Int64) {
    let day: Int64 = 86_400_000
    let local = (wall % day + Int64(offset(wall)) * 1000 % day + 2 * day) % day
    let from = Int64(hours.from) * 60_000
    let to = Int64(hours.to) * 60_000
    let sinceFrom = (local - from + day) % day
    let length = (to - from + day) % day
    return sinceFrom < length ? (true, sinceFrom) : (false, sinceFrom - length)
  }

  private func messages(_ channel: ChannelStatus, _ rules: AlertRules, _ findings: inout AlertFindings) {
    func set(_ kind: AlertKind, _ limit: Int?, _ count: Int?, _ text: (Int) -> String) {
      guard let limit, let count else { return }
      findings.verdicts[AlertKey(kind, channel: channel.name)] = count >= limit ? .wrong(text(count)) : .well
    }
    set(.failed, rules.failed, channel.failed) { "\(Self.count($0, "message")) failed (hilum failed list)" }
    set(.held, rules.held, channel.held) { "\(Self.count($0, "message")) held for a person (hilum held list)" }
  }

  // MARK: A lane

  private func judge(
    _ lane: LaneStatus, of channel: ChannelStatus, _ rules: AlertRules, _ findings: inout AlertFindings
  ) {
    func set(_ kind: AlertKind, _ verdict: AlertVerdict) {
      findings.verdicts[AlertKey(kind, channel: channel.name, lane: lane.name)] = verdict
    }
    // What is gathered waits for its group, and nothing is wrong with that.
    let isGathered = lane.gathering != nil && lane.unreachable == nil
    if let limit = rules.backlog {
      // It is over when a fifth of it is gone.
      let isWell = lane.waiting < limit - limit / 5
      set(
        .backlog,
        lane.waiting >= limit && !isGathered
          ? .wrong("\(Self.count(lane.waiting, "delivery", "deliveries")) waiting")
          : isWell || isGathered ? .well : .between)
    }
    if let limit = rules.oldest?.milliseconds {
      if isGathered {
        set(.oldest, .well)
      } else if let age = lane.oldestFor {
        let text = "the oldest delivery has waited for \(Self.text(age))"
        set(.oldest, age >= limit ? .wrong(text) : age < limit - limit / 5 ? .well : .between)
      } else {
        set(.oldest, lane.waiting == 0 ? .well : .between)
      }
    }
    if let limit = rules.laneDown?.milliseconds {
      if let down = lane.downFor {
        let text = "the partner has not been reached for \(Self.text(down)): \(lane.unreachable ?? "")"
        // Nothing is tried in a lane that an operator holds.
        let isTried = !lane.paused && channel.state != ChannelRuntime.Work.stopped.rawValue
        set(.laneDown, down >= limit && isTried ? .wrong(text) : .between)
      } else {
        // Just started, nothing is known of the partner before the first answer.
        set(.laneDown, lane.waiting == 0 || lane.lastAnswerAt != nil ? .well : .between)
      }
    }
    if let limit = rules.dead, let dead = lane.dead {
      let text = "\(Self.count(dead, "delivery", "deliveries")) dead (hilum dead list)"
      set(.dead, dead >= limit ? .wrong(text) : .well)
    }
    if let limit = rules.held, let held = lane.held {
      let text = "\(Self.count(held, "delivery", "deliveries")) held for a person (hilum held list)"
      set(.held, held >= limit ? .wrong(text) : .well)
    }
  }

  private static func count(_ count: Int, _ one: String, _ many: String? = nil) -> String {
    "\(count) \(count == 1 ? one : many ?? one + "s")"
  }

  /// `40 s`, `31 min`, `26 h`.
  static func text(_ milliseconds: Int64) -> String {
    let seconds = milliseconds / 1000
    if seconds < 120 { return "\(seconds) s" }
    return seconds < 7200 ? "\(seconds / 60) min" : "\(seconds / 3600) h"
  }
}
