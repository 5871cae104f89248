package import ConnectorKit
import Messages

/// When people are told that something is wrong with a channel.
package struct AlertRules: Sendable, Hashable {
  /// Nothing came for so long.
  package var silence: Silence?
  /// So many deliveries wait in one lane.
  package var backlog: Int?
  /// The oldest delivery of a lane has waited for so long.
  package var oldest: Duration?
  /// A lane's partner has not been reached for so long.
  package var laneDown: Duration?
  /// So many deliveries of a lane are dead, messages failed or held.
  package var dead: Int?
  package var failed: Int?
  package var held: Int?
  /// How long all must be well before it is said to be over.
  package var settle: Duration = .seconds(60)

  /// How long a channel may be silent, by day and by night; `nil` where it doesn't matter.
  package struct Silence: Sendable, Hashable {
    package var day: Duration?
    package var night: Duration?
    package var hours: DayHours
    package init(day: Duration?, night: Duration?, hours: DayHours = .standard) {
      self.day = day
      self.night = night
      self.hours = hours
    }
  }

  package init() {}

  /// With what a file says in the place of what was there.
  func overlaid(with settings: AlertSettings?) -> AlertRules {
    var rules = self
    rules.silence = settings?.silence?.silence ?? silence
    rules.backlog = settings?.backlog ?? backlog
    rules.oldest = settings?.oldest ?? oldest
    rules.laneDown = settings?.laneDown ?? laneDown
    rules.dead = settings?.dead ?? dead
    rules.failed = settings?.failed ?? failed
    rules.held = settings?.held ?? held
    rules.settle = settings?.settle ?? settle
    return rules
  }
}

/// `alerts:` of a channel; what isn't there comes from the engine's own settings.
struct AlertSettings: Settings {
  @Setting(
    "No message came for so long, while the source runs; a block says it for day and night.",
    example: "{day: 30m, night: 4h}")
  var silence: SilenceSetting?
  @Setting("So many deliveries wait in one lane.", example: "1000") var backlog: Int?
  @Setting("The oldest delivery of a lane has waited for so long.", example: "15m") var oldest: Duration?
  @Setting("The partner of a lane has not been reached for so long, while something waits for it.", example: "5m")
  var laneDown: Duration?
  @Setting("So many deliveries of a lane are dead.", example: "1") var dead: Int?
  @Setting("So many messages failed and wait for a person.", example: "1") var failed: Int?
  @Setting("So many messages are held for a person.", example: "1") var held: Int?
  @Setting(
    """
    How long all must be well again before an alert is cleared; 1m. What comes back within the hour must be well for \
    twice as long each time, up to an hour, so that what comes and goes does not alert each time.
    """, example: "1m")
  var settle: Duration?

  init() {}

  /// Looked at apart from the rest of the block, so that no other mistake hides it.
  static func checkRanges(_ reader: SettingReader, _ node: SettingNode) {
    for key in ["backlog", "dead", "failed", "held"] {
      reader.range(key, in: 1...Int.max, "from 1", node)
    }
    for key in ["silence", "oldest", "lane-down"] { checkSeconds(key, reader, node) }
    if let silence = node["silence"] { for key in ["day", "night"] { checkSeconds(key, reader, silence) } }
    if let settle = node["settle"], (Duration.read(settle, SettingReader(folder: "")) ?? .zero) > .seconds(3600) {
      reader.problem("C131", "`settle` goes up to 1h", at: settle.place)
    }
  }

  private static func checkSeconds(_ key: String, _ reader: SettingReader, _ node: SettingNode) {
    guard let value = node[key], let duration = Duration.read(value, SettingReader(folder: "")) else { return }
    if duration < .seconds(1) { reader.problem("C131", "`\(key)` goes from 1s", at: value.place) }
  }
}

/// `silence:` a duration, or a block of day and night.
struct SilenceSetting: SettingValue {
  var silence: AlertRules.Silence

  static func read(_ node: SettingNode, _ reader: SettingReader) -> SilenceSetting? {
    if case .map = node.kind {
      return SilenceBlock.read(node, reader).map { block in
        SilenceSetting(silence: AlertRules.Silence(day: block.day, night: block.night, hours: block.hours))
      }
    }
    return Duration.read(node, reader).map { SilenceSetting(silence: AlertRules.Silence(day: $0, night: $0)) }
  }

  static var kind: SettingKind { .either([Duration.kind, SilenceBlock.kind]) }
  var text: String { silence.day?.text ?? "" }
}

/// `silence: {day: 30m, night: 4h, hours: 07:00-19:00}`
struct SilenceBlock: Settings {
  @Setting("So long by day; without it silence by day is nothing.", example: "30m") var day: Duration?
  @Setting("So long by night; without it silence by night is nothing.", example: "4h") var night: Duration?
  @Setting("When it is day, by the clock of `zone` in `hilum.yaml`.", default: .standard) var hours: DayHours

  init() {}

  func check(_ reader: SettingReader, _ node: SettingNode) {
    if day == nil, night == nil {
      reader.problem("C102", "`day` or `night` is missing", at: node.place, help: ["{day: 30m, night: 4h}"])
    }
  }
}
