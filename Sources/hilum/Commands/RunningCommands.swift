import Admin
import ArgumentParser
import ConnectorKit
import Engine
import Foundation
import Glibc
import Store

struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "What every channel and lane is doing.",
    discussion: "Example:\n  hilum status\n  hilum status adt-to-ehr --json")
  @OptionGroup var engine: EngineOptions
  @Argument(help: "Only this channel.") var channel: String?

  func run() async throws {
    var status = try await engine.client.get("status", as: EngineStatus.self)
    if let channel {
      status.channels = status.channels.filter { $0.name == channel }
      status.broken = status.broken.filter { $0.name == channel }
      status.gone = status.gone.filter { $0.name == channel }
      status.alerts = status.alerts.filter { $0.key.channel == nil || $0.key.channel == channel }
      status.downtimes = status.downtimes.filter { $0.channel == channel }
      status.leaving = status.leaving.filter { $0.channel == channel }
      guard !status.channels.isEmpty || !status.broken.isEmpty || !status.gone.isEmpty else {
        throw Failure("There is no channel \(channel).")
      }
    }
    if engine.json { return try Terminal.json(status) }
    show(status)
  }

  private func show(_ status: EngineStatus) {
    let now = Terminal.nowMilliseconds
    let store = status.store == "open" ? "" : Terminal.red("  nothing is taken: \(status.store)")
    let place = status.environment.map { " (\(Terminal.safe($0)))" } ?? ""
    Terminal.line("\(Terminal.safe(status.site))\(place): running for \(Terminal.age(now - status.startedAt))\(store)")
    if let hold = status.hold {
      Terminal.line(
        Terminal.red("  nothing is sent: \(Terminal.safe(hold.reason)) (hilum release shows what would go where)"))
    }
    show(status.alerts, status.downtimes, now)
    for channel in status.channels {
      let about = channel.about.map { "  \($0)" } ?? ""
      Terminal.line()
      Terminal.line(Terminal.bold(channel.name) + about)
      if let trouble = channel.trouble {
        Terminal.line("  source   " + Terminal.red("not running: \(Terminal.safe(trouble))"))
      } else {
        let place = channel.source.listening.map { " on \(Terminal.safe($0))" } ?? ""
        Terminal.line("  source   \(channel.state)\(place), \(channel.perMinute) in the last minute")
      }
      if let schedule = channel.schedule { show(schedule, now) }
      if channel.isRolledBack == true {
        let since = channel.revisionSince.map { " since \(Terminal.time($0))" } ?? ""
        Terminal.line("  revision " + Terminal.yellow("rolled back to \(channel.revision ?? "")\(since)"))
      }
      for peer in channel.source.peers { show(peer, now) }
      if let sequence = channel.sequence {
        let counts = [(sequence.gaps, "gaps"), (sequence.repeats, "repeats"), (sequence.resets, "resets")]
        let text = counts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        Terminal.line(Terminal.yellow("  sequence \(text) in MSH-13, the last: \(sequence.last ?? "")"))
      }
      showOpen(channel)
      for lane in channel.lanes { show(lane, now) }
      for lane in channel.stranded {
        let ways = "hilum lane move, or hilum lane cancel, \(channel.name)/\(lane.name)"
        let why = "the channel has no destination \(lane.name) any more (\(ways))"
        Terminal.line("  lane     \(lane.name): \(lane.waiting) waiting\(held(lane)), " + Terminal.red(why))
      }
    }
    for one in status.leaving {
      Terminal.line()
      Terminal.line(Terminal.bold(one.channel) + "  a lane whose destination is gone: \(one.waiting)")
      show(one.lane, now)
    }
    for broken in status.broken {
      Terminal.line()
      Terminal.line(Terminal.bold(broken.name) + "  " + Terminal.red("not started: \(Terminal.safe(broken.reason))"))
    }
    for channel in status.gone {
      Terminal.line()
      Terminal.line(Terminal.bold(channel.name) + "  " + Terminal.red("no channel file has this name any more"))
      for lane in channel.lanes {
        let cancel = "hilum lane cancel \(channel.name)/\(lane.name)"
        Terminal.line("  lane     \(lane.name): \(lane.waiting) waiting\(held(lane)) (\(cancel))")
      }
    }
  }

  private func show(_ alerts: [Alert], _ downtimes: [Downtime], _ now: Int64) {
    for alert in alerts {
      let by = alert.acknowledged.map { ", \(Terminal.safe($0.by)) looks after it" } ?? ""
      let line = "  alert \(alert.id)  \(Terminal.safe(alert.key.place)): \(Terminal.safe(alert.text))"
      Terminal.line(
        (by.isEmpty ? Terminal.red(line) : Terminal.yellow(line)) + ", for \(Terminal.age(now - alert.raisedAt))\(by)")
    }
    for downtime in downtimes {
      Terminal.line(
        Terminal.yellow("  downtime \(Terminal.safe(downtime.channel)) until \(Terminal.time(downtime.until)): ")
          + Terminal.safe(downtime.why))
    }
  }

  private func show(_ schedule: ScheduleStatus, _ now: Int64) {
    let time = LocalTime(zone: schedule.zone)
    var line = "  schedule \(Terminal.safe(schedule.words))"
    if let since = schedule.runningSince {
      line += ", looks for \(Terminal.age(now - since))"
    } else if let next = schedule.nextAt {
      line += ", \(schedule.isOpen ? "next" : "closed, next") \(time.text(next))"
    }
    if schedule.missed > 0 { line += Terminal.yellow(", \(schedule.missed) missed") }
    if schedule.skipped > 0 { line += Terminal.yellow(", \(schedule.skipped) skipped") }
    Terminal.line(line)
    guard let last = schedule.last else { return }
    let messages = last.messages == 1 ? "1 message" : "\(last.messages) messages"
    let by = last.by.map { ", by \(Terminal.safe($0))" } ?? ""
    let late = last.missed > 0 ? Terminal.yellow(", made up for a missed run") : ""
    Terminal.line("    last   \(time.text(last.beganAt)), \(messages) in \(last.milliseconds) ms\(by)\(late)")
  }

  private func held(_ lane: StrandedLane) -> String {
    lane.held > 0 ? ", \(lane.held) held (hilum held discard)" : ""
  }

  /// What waits for a person.
  private func showOpen(_ channel: ChannelStatus) {
    let counts = [(channel.failed ?? 0, "failed"), (channel.held ?? 0, "held")].filter { $0.0 > 0 }
    if counts.isEmpty { return }
    let text = counts.map { "\($0.0) \($0.1) (hilum \($0.1) list)" }.joined(separator: ", ")
    Terminal.line("  messages " + Terminal.red(text))
  }

  private func show(_ peer: SourceStatus.Peer, _ now: Int64) {
    var line = "    from   \(Terminal.safe(peer.address)), \(peer.messages) messages"
    if let at = peer.lastMessageAt { line += ", last \(Terminal.age(now - at)) ago" }
    if let refusal = peer.lastRefusal {
      line += Terminal.yellow(", refused \(peer.refusals), the last: \(Terminal.safe(refusal))")
    }
    Terminal.line(line)
  }

  private func show(_ lane: LaneStatus, _ now: Int64) {
    var line = "  lane     \(lane.name): \(lane.waiting) waiting"
    if let asked = lane.questions {
      line = "  asks     \(lane.name): \(asked.answered) answered, \(asked.unanswered) not"
      if let time = asked.milliseconds { line += ", in about \(time) ms" }
      if lane.waiting > 0 { line += ", \(lane.waiting) under way" }
    }
    if let gathering = lane.gathering, gathering.groups > 0 {
      line += " in \(gathering.groups) \(gathering.groups == 1 ? "group" : "groups")"
      if let next = gathering.nextIn, !lane.paused { line += ", the next is closed in \(Terminal.age(next))" }
    }
    if let senders = lane.sendersWaiting { line += ", \(senders) \(senders == 1 ? "sender waits" : "senders wait")" }
    if let accepted = lane.accepted {
      let left = Terminal.age(max(0, accepted.until - now))
      line += ", \(accepted.count) accepted by the partner, its outcome awaited for \(left) more"
    }
    if lane.paused { line += Terminal.yellow(", paused") }
    if lane.awaitsRelease { line += Terminal.yellow(", held until hilum release") }
    if let dead = lane.dead, dead > 0 { line += Terminal.red(", \(dead) dead (hilum dead list)") }
    if let held = lane.held, held > 0 { line += Terminal.red(", \(held) held (hilum held list)") }
    if let stands = lane.standsAt {
      let what =
        stands.isPlace
        ? "stands at failed message \(stands.message) (hilum failed)" : "stands at delivery \(stands.delivery)"
      line += Terminal.red(", \(what): \(Terminal.safe(stands.reason))")
    }
    if lane.resting > 0 {
      let refusal = lane.lastRefusal.map { " (last refusal \(Terminal.safe($0)))" } ?? ""
      line += Terminal.yellow(", \(lane.resting) tried again later\(refusal)")
      if lane.unreachable == nil, let next = lane.nextTryIn { line += ", next try in \(Terminal.age(next))" }
    }
    if lane.keysWaiting > 0 {
      let keys = lane.keysWaiting == 1 ? "1 key" : "\(lane.keysWaiting) keys"
      line += Terminal.yellow(", messages of \(keys) wait for their turn")
    }
    if let why = lane.unreachable {
      line += Terminal.red(", unreachable \(lane.failures) times: \(Terminal.safe(why))")
      if let next = lane.nextTryIn { line += ", next try in \(Terminal.age(next))" }
    } else if let why = lane.lastFailure, let at = lane.lastFailureAt {
      line += Terminal.yellow(", last failure \(Terminal.age(now - at)) ago: \(Terminal.safe(why))")
    } else if let answer = lane.lastAnswer, let at = lane.lastAnswerAt {
      line += ", last answer \(Terminal.safe(answer)) \(Terminal.age(now - at)) ago"
    }
    if let partner = lane.partner {
      line +=
        partner.listening.map { ", on \(Terminal.safe($0))" }
        ?? Terminal.red(", not listening: \(Terminal.safe(partner.trouble ?? "starting"))")
    }
    Terminal.line(line)
    for peer in lane.partner?.peers ?? [] { show(partner: peer, now) }
  }

  private func show(partner: SourceStatus.Peer, _ now: Int64) {
    let since = partner.connectedAt.map { "connected for \(Terminal.age(now - $0))" } ?? "not connected"
    var line = "    by     \(Terminal.safe(partner.address)), \(since)"
    if let refusal = partner.lastRefusal {
      line += Terminal.yellow(", refused \(partner.refusals), the last: \(Terminal.safe(refusal))")
    }
    Terminal.line(line)
  }
}

private func change(_ channels: [String], to state: String, _ engine: EngineOptions) async throws {
  var isAsTold = true
  for channel in channels {
    let status = try await engine.client.post(
      "channels/\(pathPart(channel))/state", StateRequest(state: state), as: EngineStatus.self)
    // The engine has waited for the source: it listens by now, or has said why it doesn't.
    let trouble = status.channels.first { $0.name == channel }?.trouble
    if trouble != nil { isAsTold = false }
    if engine.json {
      try Terminal.json(status)
    } else if let trouble {
      Terminal.line(
        "\(channel) shall run, but its source does not: " + Terminal.red(Terminal.safe(trouble))
          + " (the engine tries again)")
    } else {
      Terminal.line("\(channel) is \(state)")
    }
  }
  if !isAsTold { throw ExitCode(1) }
}

/// One part of a path of the control API.
func pathPart(_ text: String) -> String {
  text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._"))) ?? ""
}

struct StartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Lets a channel work: source and lanes.",
    discussion: """
      What was set stays so over a restart of the engine. Exits 1 where a source does not come up, and says why; the
      engine goes on trying.

      Example:
        hilum start adt-to-ehr
      """)
  @OptionGroup var engine: EngineOptions
  @Argument(help: "The channels.") var channels: [String]
  func run() async throws { try await change(channels, to: "running", engine) }
}

struct PauseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Stops a channel's source; what was accepted is delivered.",
    discussion: "What was set stays so over a restart of the engine.\n\nExample:\n  hilum pause adt-to-ehr")
  @OptionGroup var engine: EngineOptions
  @Argument(help: "The channels.") var channels: [String]
  func run() async throws { try await change(channels, to: "paused", engine) }
}

struct StopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stops a channel's source and its lanes.",
    discussion:
      "What waits stays in the store. What was set stays so over a restart.\n\nExample:\n  hilum stop adt-to-ehr")
  @OptionGroup var engine: EngineOptions
  @Argument(help: "The channels.") var channels: [String]
  func run() async throws { try await change(channels, to: "stopped", engine) }
}

struct PingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ping", abstract: "Can a lane's partner be reached: name, route, TLS. Sends no message.",
    discussion: """
      Exits 1 where it can't. A partner that connects to us can't be called: says whether it is connected. CHANNEL \
      alone asks for the partner that its source connects to.

      Example:
        hilum ping adt-to-ehr/ehr
      """)
  @OptionGroup var engine: EngineOptions
  @Argument(help: "CHANNEL/LANE, or CHANNEL") var lane: String

  func run() async throws {
    let path = lane.contains("/") ? "lanes/\(try laneParts(lane))" : "channels/\(pathPart(lane))"
    let report = try await engine.client.post("\(path)/ping", IDsRequest(ids: []), as: PingReport.self)
    if engine.json {
      try Terminal.json(report)
    } else {
      for line in report.lines { Terminal.line(Terminal.safe(line)) }
    }
    if !report.reached { throw ExitCode(1) }
  }
}

func laneParts(_ lane: String) throws -> String {
  let parts = lane.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
  guard parts.count == 2, !parts.contains("") else {
    throw Failure("\(lane) is not CHANNEL/LANE, such as adt-to-ehr/ehr.", code: 2)
  }
  return parts.map(pathPart).joined(separator: "/")
}

struct LogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "The engine's log. It never holds content of messages.",
    discussion: "Example:\n  hilum logs -n 100\n  hilum logs -f")
  @Option(name: .long, help: "The engine's data folder.") var data = "data"
  @Option(name: .short, help: "How many of the last lines.") var number = 50
  @Flag(name: .short, help: "Goes on with new lines as they come.") var follow = false

  func run() async throws {
    let path = data + "/hilum.log"
    guard let handle = FileHandle(forReadingAtPath: path) else { throw Failure("There is no log \(path).") }
    let end = try handle.seekToEnd()
    try handle.seek(toOffset: end > 1 << 20 ? end - 1 << 20 : 0)
    let lines = String(decoding: try handle.readToEnd() ?? Data(), as: UTF8.self).split(separator: "\n")
    for line in lines.suffix(number) { Terminal.line(String(line)) }
    while follow {
      try await Task.sleep(for: .milliseconds(300))
      if let more = try handle.readToEnd(), !more.isEmpty { Terminal.write(Array(more)) }
    }
  }
}
