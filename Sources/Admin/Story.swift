import Messages
import Store

/// One message's story in plain sentences, made from what was stored: what came, what each step decided, who got what, what waits and
/// until when.
struct Story {
  /// One sentence each. May quote the message.
  let lines: [String]

  /// - Parameter now: milliseconds since 1970.
  init(_ answer: MessageAnswer, now: Int64) {
    let message = answer.message
    var lines = [Self.arrival(message)]
    for step in message.steps { if let line = Self.sentence(step) { lines.append(line) } }
    lines.append(Self.outcome(message, deliveries: answer.deliveries.count))
    for delivery in answer.deliveries { lines.append(Self.sentence(delivery, now: now)) }
    if !message.hasRaw { lines.append("The bytes that came in are not kept any more.") }
    self.lines = lines
  }

  private static func arrival(_ message: MessageRecord) -> String {
    var origin = ""
    if let peer = message.attributes["peer"]?.text { origin = " from \(peer)" }
    if let file = message.attributes["file.name"]?.text ?? message.attributes["file"]?["name"]?.text {
      origin = " from file \(file)"
    }
    return "\(time(message.receivedAt)) Channel \(message.channel) received \(message.byteCount) bytes"
      + " of \(message.format)\(origin)."
  }

  private static func sentence(_ step: Step) -> String? {
    let at = step.at.map { time($0) + " " } ?? ""
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

  private static func outcome(_ message: MessageRecord, deliveries: Int) -> String {
    let reason = message.reason.map { ": \($0)" } ?? ""
    switch message.state {
    case .routed:
      return deliveries == 0
        ? "It was accepted and routed to nobody."
        : "It was accepted and routed to \(deliveries) destination\(deliveries == 1 ? "" : "s")."
    case .dropped: return "It was accepted and dropped\(reason)."
    case .held: return "It was accepted and waits for a person\(reason)."
    case .failed: return "It was accepted and is safe, but could not be processed\(reason). It waits for `hilum failed retry`."
    case .rejected: return "It was not accepted\(reason)."
    case .duplicate: return "It is a duplicate of \(message.duplicateOf ?? "an earlier message") and was not processed again."
    case .discarded: return "It was discarded by a person\(reason)."
    }
  }

  private static func sentence(_ delivery: DeliveryRecord, now: Int64) -> String {
    let who = delivery.destination
    let tries = delivery.attempts == 1 ? "at the first try" : "after \(delivery.attempts) tries"
    let summary = delivery.summary.map { ": \($0)" } ?? ""
    let again = delivery.resendOf == nil ? "" : " (sent again by hand)"
    let twice = delivery.possibleDuplicate ? " It may have reached the partner more than once." : ""
    switch delivery.state {
    case .delivered:
      let at = delivery.endedAt.map { time($0) + " " } ?? ""
      return "\(at)\(who) took it \(tries)\(again)\(summary).\(twice)"
    case .waiting:
      if delivery.attempts == 0 { return "\(who) has not got it yet: it waits in the lane\(again).\(twice)" }
      let until = delivery.dueAt.map { $0 > now ? ", next try at \(time($0))" : "" } ?? ""
      return "\(who) has not got it \(tries)\(again)\(summary)\(until).\(twice)"
    case .dead:
      let at = delivery.endedAt.map { time($0) + " " } ?? ""
      return "\(at)\(who) did not get it; given up \(tries)\(again)\(summary). It waits for `hilum dead retry`.\(twice)"
    case .discarded: return "\(who) did not get it: discarded by a person\(again)\(summary).\(twice)"
    case .cancelled: return "\(who) did not get it: cancelled by a person\(again)\(summary).\(twice)"
    }
  }

  /// `2026-11-21 03:12:55.120Z`.
  static func time(_ milliseconds: Int64) -> String { UTC(milliseconds).text }
}

/// A moment as people read it, in UTC.
package struct UTC {
  package let text: String

  package init(_ milliseconds: Int64) {
    let days = milliseconds.flooredQuotient(86_400_000)
    let rest = milliseconds - days * 86_400_000
    // Days to a civil date, after the usual shift of the year's start to March.
    let z = days + 719_468
    let era = z.flooredQuotient(146_097)
    let day = z - era * 146_097
    let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
    let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let thousandths = rest % 1000
    let tail = thousandths < 10 ? "00\(thousandths)" : thousandths < 100 ? "0\(thousandths)" : "\(thousandths)"
    text =
      "\(year)-\(two(month))-\(two(dayOfYear - (153 * shifted + 2) / 5 + 1)) "
      + "\(two(rest / 3_600_000)):\(two(rest / 60_000 % 60)):\(two(rest / 1000 % 60)).\(tail)Z"
  }
}

extension Int64 {
  fileprivate func flooredQuotient(_ divisor: Int64) -> Int64 {
    self >= 0 ? self / divisor : -((-self + divisor - 1) / divisor)
  }
}
