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

/// From when to when it is day: `07:00-19:00`, in minutes after midnight. May go over midnight.
package struct DayHours: SettingValue, Hashable {
  package var from: Int
  package var to: Int
  package init(from: Int, to: Int) {
    self.from = from
    self.to = to
  }
  package static let standard = DayHours(from: 7 * 60, to: 19 * 60)

  package static func read(_ node: SettingNode, _ reader: SettingReader) -> DayHours? {
    let parts = node.scalar?.split(separator: "-", omittingEmptySubsequences: false).map { minutes(String($0)) } ?? []
    guard parts.count == 2, let from = parts[0], let to = parts[1], from != to else {
      reader.expected("a part of the day", node, help: ["from and to: 07:00-19:00"])
      return nil
    }
    return DayHours(from: from, to: to)
  }

  /// - Parameter minute: of the day.
  func contains(minute: Int) -> Bool {
    from < to ? from <= minute && minute < to : from <= minute || minute < to
  }

  private static func minutes(_ text: String) -> Int? {
    let digits = Array(text.utf8)
    guard digits.count == 5, digits[2] == UInt8(ascii: ":"),
      digits.enumerated().allSatisfy({ $0.offset == 2 || (0x30...0x39).contains($0.element) }),
      let hour = Int(text.prefix(2)), let minute = Int(text.suffix(2)), hour < 24, minute < 60
    else { return nil }
    return hour * 60 + minute
  }

  package static var kind: SettingKind { .scalar("part of a day") }
  package var text: String {
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
    return "\(two(from / 60)):\(two(from % 60))-\(two(to / 60)):\(two(to % 60))"
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
