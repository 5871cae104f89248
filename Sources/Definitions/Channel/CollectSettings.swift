import ConnectorKit
import Messages

/// `collect: {by: "{PID-3[1].1}", until: {idle: 30s, count: 500, at: "23:00"}}`
struct CollectSettings: Settings {
  @Setting(
    """
    What belongs together: messages for which this is the same become one, each group by itself. It is read from the \
    message as it comes to the destination, before its own transform. A message without a value for it goes by itself, \
    at once. Without `by` all that waits in the lane is one group.
    """, example: "{PID-3[1].1}")
  var by: Template?
  @Setting("When a group becomes a message: what comes first.")
  var until: CollectUntil

  init() {}

  static let countMax = 10_000
  /// Where nobody says how many.
  static func count(of format: Format?) -> Int { format == .dicom ? countMax : 1000 }

  /// Looked at in the file, where it is known what was written.
  static func checkNeighbours(_ reader: SettingReader, _ node: SettingNode, connector: (name: String, place: Place)?) {
    guard let collect = node["collect"] else { return }
    if let connector, connector.name != ChannelDestination.name {
      reader.problem(
        "C151", "what is gathered goes to another channel, not over `\(connector.name)`", at: collect.place,
        help: [
          "channel: {name: gathered}, and a channel `gathered` (`source: {channel: {}}`) that takes the one message "
            + "and sends it over `\(connector.name)`"
        ])
    }
    let instead = [
      "ask": "a question is asked by itself, at once",
      "order": "messages are gathered in the order in which they came; what belongs together, `by` says",
      "refused": "what the other channel rejects waits in the lane, and is tried again in a while",
      "reply": "the other channel's destination has the partner's answers",
      "retry": "what the other channel can't take waits in the lane, and is tried again every ten seconds",
      "unconfirmed": "groups are handed on one after the other",
      "window": "groups are handed on one after the other",
    ]
    for (key, help) in instead.sorted(by: { $0.key < $1.key }) {
      guard let written = node[key] else { continue }
      reader.problem("C151", "`\(key)` does not go with `collect`", at: written.place, help: [help])
    }
  }
}

/// `until: {idle: 30s, count: 500, at: "23:00"}`
struct CollectUntil: Settings {
  @Setting("No message of the group has come for so long.", example: "30s") var idle: Duration?
  @Setting(
    "So many are in the group; a further one begins the next. Without it 1,000, of DICOM objects 10,000.",
    example: "500")
  var count: Int?
  @Setting(
    "Every day at this time, in the `zone` of `hilum.yaml`. What was missed while the engine was down is made up for "
      + "at its start.", example: "23:00")
  var at: DailyTimeSetting?

  init() {}

  func check(_ reader: SettingReader, _ node: SettingNode) {
    reader.range("count", in: 1...CollectSettings.countMax, "from 1 to 10000", node)
    if let idle, idle < .milliseconds(100) || idle > .seconds(7 * 86_400) {
      reader.problem("C131", "`idle` goes from 100ms to 7d", at: (node["idle"] ?? node).place)
    }
    if node["idle"] == nil, node["at"] == nil {
      reader.problem(
        "C151", "a group that never gets full would wait for ever", at: node.place,
        help: ["until: {idle: 30s, count: 500}", "until: {at: \"23:00\"}"])
    }
  }
}

/// A time of day: `23:00`.
struct DailyTimeSetting: SettingValue {
  /// Since midnight.
  let minutes: Int

  static func read(_ node: SettingNode, _ reader: SettingReader) -> DailyTimeSetting? {
    let parts = (node.scalar ?? "").utf8.split(separator: 0x3A, omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy { (0x30...0x39).contains($0) } }),
      let hours = Int(String(parts[0]) ?? ""), let minutes = Int(String(parts[1]) ?? ""), hours < 24, minutes < 60
    else {
      reader.expected("a time of day", node, help: ["\"06:30\", \"23:00\""])
      return nil
    }
    return DailyTimeSetting(minutes: hours * 60 + minutes)
  }

  static var kind: SettingKind { .scalar("time of day") }
  var text: String {
    let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
    return "\(two(minutes / 60)):\(two(minutes % 60))"
  }
}
