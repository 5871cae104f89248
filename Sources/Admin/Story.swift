import Messages
package import Store

/// One message's story in plain sentences, made from what was stored: what came, what each step decided, who got
/// what, what waits and until when.
package struct Story {
  /// One sentence each. May quote the message.
  let lines: [String]

  /// - Parameter now: milliseconds since 1970.
  init(_ answer: MessageAnswer, now: Int64, time: LocalTime) {
    let message = answer.message
    var lines = answer.before.map { Self.arrival($0, time) } + [Self.arrival(message, time)]
    if let due = message.attributes["schedule"]?["due"]?.text {
      lines.append("Flagged: it came with a run that made up for the one that was due at \(due) and was missed.")
    }
    for step in message.steps { if let line = Self.sentence(step, time) { lines.append(line) } }
    lines.append(Self.outcome(message, destinations: Set(answer.deliveries.map(\.destination)).count))
    for place in answer.places {
      lines.append("It keeps its place in the lane of \(place): what comes later waits there behind it.")
    }
    for delivery in answer.deliveries {
      lines.append(Self.accepted(delivery, answer, time) ?? Self.sentence(delivery, now: now, time))
      guard let onward = answer.onward.first(where: { $0.delivery == delivery.id }) else { continue }
      lines += Self.there(onward, answer, now: now, time)
    }
    if !message.hasRaw {
      lines.append(
        message.state == .duplicate
          ? "Its bytes are those of the first and stand there." : "The bytes that came in are not kept any more.")
    }
    self.lines = lines
  }

  /// What became of it in the channel that it was handed on to, and in those behind that.
  private static func there(
    _ onward: MessageAnswer.Onward, _ answer: MessageAnswer, now: Int64, _ time: LocalTime
  ) -> [String] {
    let place = "In channel \(onward.message.channel): "
    let destinations = Set(onward.deliveries.map(\.destination)).count
    var lines = [place + outcome(onward.message, destinations: destinations)]
    for delivery in onward.deliveries {
      lines.append(place + (accepted(delivery, answer, time) ?? sentence(delivery, now: now, time)))
      guard let next = answer.onward.first(where: { $0.delivery == delivery.id }) else { continue }
      lines += there(next, answer, now: now, time)
    }
    return lines
  }

  private static func arrival(_ message: MessageRecord, _ time: LocalTime) -> String {
    var origin = ""
    if let channel = message.attributes["channel"]?.text, let id = message.attributes["message"]?.text {
      origin = " from channel \(channel), where it is \(id)"
    }
    if let channel = message.attributes["channel"]?.text, let gathered = message.attributes["gathered"] {
      origin = " from channel \(channel), " + Self.gathered(gathered)
    }
    if let peer = message.attributes["peer"]?.text { origin = " from \(peer)" }
    if let file = message.attributes["file.name"]?.text ?? message.attributes["file"]?["name"]?.text {
      origin = " from file \(file)"
    }
    if let batch = message.attributes["batch"], let id = batch["id"]?.text, let number = batch["number"]?.text,
      let count = batch["count"]?.text
    {
      origin += ", part \(number) of \(count) of the batch \(id)"
    }
    return "\(time.text(message.receivedAt)) Channel \(message.channel) received \(message.byteCount) bytes"
      + " of \(message.format)\(origin)."
  }

  /// So many of the messages that one was gathered from are named.
  private static let gatheredMax = 50

  private static func gathered(_ value: Value) -> String {
    guard case .list(let messages)? = value["messages"] else { return "gathered there" }
    let ids = messages.prefix(gatheredMax).compactMap(\.text).joined(separator: ", ")
    let others = messages.count > gatheredMax ? " and \(messages.count - gatheredMax) more" : ""
    return "gathered from \(messages.count) there: \(ids)\(others)"
  }

  private static func sentence(_ step: Step, _ time: LocalTime) -> String? {
    let at = step.at.map { time.text($0) + " " } ?? ""
    let lane = step.lane.map { " for \($0)" } ?? ""
    return switch step.kind {
    case .received, .dropped, .rejected, .held, .failed: nil
    case .note: "\(at)Note: \(step.text)."
    case .emitted: "\(at)The transform gave \(step.text)\(lane)."
    case .unrouted: "\(at)It did not go to \(step.lane ?? "a destination"): \(step.text)."
    case .flagged: "\(at)Flagged: \(step.text)."
    case .retried: "\(at)It was tried again by hand\(lane): \(step.text)."
    case .discarded: "\(at)It was discarded by hand\(lane): \(step.text)."
    case .reprocessed: "\(at)It \(step.text)."
    }
  }

  private static func outcome(_ message: MessageRecord, destinations: Int) -> String {
    let reason = message.reason.map { ": \($0)" } ?? ""
    switch message.state {
    case .routed:
      return destinations == 0
        ? "It was accepted and routed to nobody."
        : "It was accepted and routed to \(destinations) destination\(destinations == 1 ? "" : "s")."
    case .dropped: return "It was accepted and dropped\(reason)."
    case .held:
      return "It was accepted and is held\(reason). It waits for a person: `hilum held release` or `discard`."
    case .failed:
      return "It was accepted and is safe, but could not be processed\(reason). It waits for `hilum failed retry`."
    case .rejected: return "It was not accepted\(reason)."
    case .duplicate:
      return "It is a duplicate of \(message.duplicateOf ?? "an earlier message") and was not processed again."
    case .discarded: return "It was discarded by a person\(reason)."
    }
  }

  /// At a partner that has it and has not told what came of it.
  private static func accepted(_ delivery: DeliveryRecord, _ answer: MessageAnswer, _ time: LocalTime) -> String? {
    guard delivery.state == .waiting, let until = answer.accepted[delivery.id] else { return nil }
    let twice = delivery.possibleDuplicate ? " It may have reached the partner more than once." : ""
    return "\(delivery.destination) has accepted it; what comes of it there is awaited until "
      + "\(time.text(until)).\(twice)"
  }

  /// What a delivery waits for that is gathered: the same in its message's story and in the list of its lane.
  package static func text(_ gathered: DeliveryRecord.Gathered, _ time: LocalTime) -> String {
    let others = gathered.others == 0 ? "" : " with \(gathered.others) other\(gathered.others == 1 ? "" : "s")"
    guard let refusal = gathered.refusal else {
      let until = gathered.closedAt.map { ", its group is closed at \(time.text($0))" } ?? ""
      return "it is gathered\(others)\(until)"
    }
    let times = gathered.refusals == 1 ? "once" : "\(gathered.refusals) times"
    let next = gathered.closedAt.map { ", next try at \(time.text($0))" } ?? ""
    return "its group\(others) was refused \(times): \(refusal)\(next)"
  }

  private static func sentence(_ delivery: DeliveryRecord, now: Int64, _ time: LocalTime) -> String {
    let who = delivery.destination
    let tries = delivery.attempts == 1 ? "at the first try" : "after \(delivery.attempts) tries"
    let summary = delivery.summary.map { ": \($0)" } ?? ""
    let again = delivery.resendOf == nil ? "" : " (sent again)"
    let twice = delivery.possibleDuplicate ? " It may have reached the partner more than once." : ""
    switch delivery.state {
    case .delivered:
      let at = delivery.endedAt.map { time.text($0) + " " } ?? ""
      return "\(at)\(who) took it \(tries)\(again)\(summary).\(twice)"
    case .waiting:
      if let gathered = delivery.gathered {
        return "\(who) has not got it yet\(again): \(Self.text(gathered, time)).\(twice)"
      }
      if delivery.attempts == 0 { return "\(who) has not got it yet: it waits in the lane\(again).\(twice)" }
      let until = delivery.dueAt.map { $0 > now ? ", next try at \(time.text($0))" : "" } ?? ""
      return "\(who) has not got it \(tries)\(again)\(summary)\(until).\(twice)"
    case .dead:
      let at = delivery.endedAt.map { time.text($0) + " " } ?? ""
      return "\(at)\(who) did not get it; given up \(tries)\(again)\(summary). It waits for `hilum dead retry`.\(twice)"
    case .held:
      return "\(who) has not got it \(tries)\(again)\(summary). It keeps its place and waits for a person: "
        + "`hilum held release` or `discard`.\(twice)"
    case .discarded: return "\(who) did not get it: discarded by a person\(again)\(summary).\(twice)"
    case .cancelled where delivery.isWithdrawn:
      return "\(who) has not taken it, and its sender was told so\(again)\(summary).\(twice)"
    case .cancelled: return "\(who) did not get it: cancelled by a person\(again)\(summary).\(twice)"
    }
  }

}
