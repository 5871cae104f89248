import ConnectorKit
import Messages
import Text

/// `schedule:` beside a source's connector.
struct ScheduleSettings: Settings {
  @Setting(
    """
    The source looks so often, by the marks of the zone's clock: `5m` is at :00, :05, :10 of every hour, `1h` on the \
    hour, `1d` at midnight. A restart moves nothing. From 1s to 31d, in whole seconds.
    """, example: "5m")
  var every: Duration?
  @Setting(
    """
    The source looks at these times: minute, hour, day of the month, month and day of the week as in crontab(5), with \
    names (`jan`, `mon-fri`), lists (`mon,wed`), ranges and steps. Where neither day field begins with `*`, a day is \
    meant that fits either.
    """, example: "\"0 6 * * mon-fri\"")
  var cron: CronSetting?
  @Setting(
    """
    The source works in this part of the day only, up to the minute before the last; may go over midnight \
    (`22:00-06:00`), and end with the day (`18:00-24:00`). Without `every` and `cron` it looks all the time while it \
    is open.
    """, example: "06:00-20:00")
  var between: DayHours?
  @Setting(
    "The days of the week on which it works; a part of the day that goes over midnight is of the day it begins on.",
    example: "mon-fri")
  var days: WeekdaysSetting?
  @Setting("By whose clock; `zone` of `hilum.yaml` unless said, else the machine's.", example: "Europe/London")
  var zone: ZoneSetting?

  init() {}

  func check(_ reader: SettingReader, _ node: SettingNode) {
    if every != nil, let cron = node["cron"] {
      reader.problem(
        "C137", "`every` and `cron` both say when", at: cron.place,
        help: [
          "remove one of them",
          "a template and what is laid over it are joined key by key: say it with the same key there",
        ])
    }
    if every == nil, cron == nil, between == nil, days == nil {
      reader.problem(
        "C137", "this says no time", at: node.place,
        help: ["{every: 5m}", "{cron: \"0 6 * * mon-fri\"}", "{between: 06:00-20:00}"])
    }
    guard let every, let place = node["every"]?.place else { return }
    if every < .seconds(1) || every > .seconds(31 * 86_400) {
      reader.problem("C131", "`every` goes from 1s to 31d", at: place)
    } else if every.milliseconds % 1000 != 0 {
      reader.problem("C131", "`every` is in whole seconds", at: place)
    }
  }
}

/// Beside a source's connector: when it is at work.
struct ScheduleBeside: Settings {
  @Setting(
    """
    When a source that fetches looks; without it, it looks all the time. Each time it takes all that is there and \
    ready, and what comes later waits for the next. A time that the clock skips is at the next instant, one that comes \
    twice is once; one that is missed while the engine is down is made up for once, at its start, and flagged.
    """, example: "{every: 5m}")
  var schedule: ScheduleSettings?

  init() {}

  /// `nil` where there is none, or where it can't be.
  ///
  /// - Parameter zone: the name of the zone that holds where the schedule says none.
  static func read(
    beside source: SettingNode, polls: Bool, of connector: String, zone: String, _ reader: SettingReader
  ) -> Schedule? {
    guard let node = source["schedule"] else { return nil }
    guard polls else {
      reader.problem(
        "C138", "a schedule is for a source that looks for messages, and to `\(connector)` they are brought",
        at: node.place, help: ["remove it", "`hilum pause` and `hilum start` close and open a source by hand"])
      return nil
    }
    if let text = node.scalar {
      reader.expected("a block of settings", node, help: ScheduleSettings.block(of: text, node))
      return nil
    }
    guard let settings = ScheduleSettings.read(node, reader) else { return nil }
    return settings.schedule(node, zone: zone, reader)
  }
}

extension ScheduleSettings {
  /// How a time is written that stands in the place of the block.
  fileprivate static func block(of text: String, _ node: SettingNode) -> [String] {
    let quiet = SettingReader(folder: "")
    if Duration.read(node, quiet) != nil { return ["{every: \(text)}"] }
    if DayHours.read(node, quiet) != nil { return ["{between: \(text)}"] }
    if (try? CronExpression.weekdays(text)) != nil { return ["{days: \(text)}"] }
    do {
      return ["{cron: \"\(try CronExpression(text).text)\"}"]
    } catch {
      let isTime = text.hasPrefix("@") || text.split(separator: " ").count == 5
      return isTime ? error.all.map(\.help) : ["{every: 5m}", "{cron: \"0 6 * * mon-fri\"}", "{between: 06:00-20:00}"]
    }
  }

  fileprivate func schedule(_ node: SettingNode, zone standard: String, _ reader: SettingReader) -> Schedule? {
    let name = zone?.name ?? standard
    guard let rules = try? TimeZoneRules(named: name) else {
      reader.problem(
        "C102", "`zone` is missing: the zone `\(name)` of this machine is not in its time zone database",
        at: node.place, help: ["zone: Europe/London"])
      return nil
    }
    var times = Schedule.Times.always
    if let every { times = .every(seconds: Int(every.milliseconds / 1000)) }
    if let cron { times = .cron(cron.expression) }
    let window = between == nil && days == nil ? nil : Schedule.Window(hours: between, days: days?.days)
    let parts = [every.map { "every \($0.text)" }, cron.map { "cron \($0.text)" }, between?.text, days?.text]
    let schedule = Schedule(
      times, window: window, zone: rules, words: parts.compactMap(\.self).joined(separator: ", ") + " (\(name))")
    if times != .always, schedule.next(after: Schedule.start) == nil {
      let isDay = window == nil
      reader.problem(
        "C137", isDay ? "no day is meant by this: it never comes" : "none of its times is in the part that is open",
        at: (node[cron == nil ? "every" : "cron"] ?? node).place,
        help: isDay
          ? ["say a day that its months have: no year has a 30 February"]
          : ["widen `between` or `days`, or plan times that lie in them"])
      return nil
    }
    return schedule
  }
}

/// Times as in crontab(5).
struct CronSetting: SettingValue {
  let expression: CronExpression

  static func read(_ node: SettingNode, _ reader: SettingReader) -> CronSetting? {
    guard let text = node.scalar else {
      reader.expected("a text of five fields", node, help: ["\"0 6 * * mon-fri\""])
      return nil
    }
    do {
      return CronSetting(expression: try CronExpression(text))
    } catch {
      for mistake in error.all { reader.problem("C137", mistake.text, at: node.place, help: [mistake.help]) }
      return nil
    }
  }

  static var kind: SettingKind { .scalar("text") }
  var text: String { expression.text }
}

/// Days of the week: `mon-fri`, `[sat, sun]`.
struct WeekdaysSetting: SettingValue {
  /// 0 is Sunday.
  let days: Set<Int>

  static func read(_ node: SettingNode, _ reader: SettingReader) -> WeekdaysSetting? {
    guard let words = [String].read(node, SettingReader(folder: "")), !words.isEmpty else {
      reader.expected("days of the week", node, help: ["mon-fri", "[sat, sun]"])
      return nil
    }
    do {
      return WeekdaysSetting(days: try CronExpression.weekdays(words.joined(separator: ",")))
    } catch {
      reader.problem("C137", error.text, at: node.place, help: [error.help])
      return nil
    }
  }

  static var kind: SettingKind { .scalar("days of the week") }

  var text: String {
    let names = CronExpression.weekdayNames
    // A week begins on Monday where days are listed.
    let ordered = [1, 2, 3, 4, 5, 6, 0].filter(days.contains)
    let isRun = zip(ordered, ordered.dropFirst()).allSatisfy { $0 + 1 == $1 }
    if ordered.count > 2, isRun { return "\(names[ordered[0]])-\(names[ordered[ordered.count - 1]])" }
    return ordered.map { names[$0] }.joined(separator: " ")
  }
}
