import ConnectorKit
import Foundation
import Messages
import Testing
import Text

@testable import Definitions

@Suite struct ScheduleTests {
  private static func schedule(
    _ times: Schedule.Times, _ zone: String = "Europe/London", between: DayHours? = nil, days: String? = nil
  ) throws -> Schedule {
    let window =
      between == nil && days == nil
      ? nil : Schedule.Window(hours: between, days: try days.map { try CronExpression.weekdays($0) })
    return Schedule(times, window: window, zone: try TimeZoneRules(named: zone))
  }

  private static func cron(_ text: String, _ zone: String = "Europe/London") throws -> Schedule {
    try schedule(.cron(CronExpression(text)), zone)
  }

  /// A time of UTC, in milliseconds.
  private static func utc(_ text: String) throws -> Int64 {
    Int64(try Date(text + ":00Z", strategy: .iso8601).timeIntervalSince1970) * 1000
  }

  /// The next planned moments, as the zone's clock shows them.
  private static func next(_ count: Int, of schedule: Schedule, after: String) throws -> [String] {
    var moments: [String] = []
    var at = try utc(after)
    while moments.count < count, let planned = schedule.next(after: at) {
      moments.append(schedule.text(planned).replacing(":00 +", with: " +").replacing(":00 -", with: " -"))
      at = planned
    }
    return moments
  }

  // MARK: Marks

  @Test func `marks are those of the zone's clock, whenever the engine started`() throws {
    let five = try Self.schedule(.every(seconds: 300))
    #expect(
      try Self.next(3, of: five, after: "2026-11-22T10:02")
        == ["2026-11-22 10:05 +00:00", "2026-11-22 10:10 +00:00", "2026-11-22 10:15 +00:00"])
    #expect(five.next(after: try Self.utc("2026-11-22T10:05") - 1) == (try Self.utc("2026-11-22T10:05")))
    #expect(five.next(after: try Self.utc("2026-11-22T10:05")) == (try Self.utc("2026-11-22T10:10")))
    let hour = try Self.schedule(.every(seconds: 3600), "Asia/Kolkata")
    #expect(try Self.next(1, of: hour, after: "2026-11-22T10:02") == ["2026-11-22 16:00 +05:30"])
    let day = try Self.schedule(.every(seconds: 86_400), "America/New_York")
    #expect(
      try Self.next(2, of: day, after: "2026-12-31T10:02") == ["2027-01-01 00:00 -05:00", "2027-01-02 00:00 -05:00"])
  }

  @Test func `where the clock goes forward the marks of the lost hour are its end, once`() throws {
    let half = try Self.schedule(.every(seconds: 1800))
    #expect(
      try Self.next(4, of: half, after: "2026-03-29T00:10")
        == [
          "2026-03-29 00:30 +00:00", "2026-03-29 02:00 +01:00", "2026-03-29 02:30 +01:00", "2026-03-29 03:00 +01:00",
        ])
    let two = try Self.schedule(.every(seconds: 7200), "America/New_York")
    #expect(
      try Self.next(3, of: two, after: "2026-03-08T04:10")
        == ["2026-03-08 00:00 -05:00", "2026-03-08 03:00 -04:00", "2026-03-08 04:00 -04:00"])
    let island = try Self.schedule(.every(seconds: 3600), "Australia/Lord_Howe")
    #expect(
      try Self.next(3, of: island, after: "2026-10-03T14:45")
        == ["2026-10-04 02:30 +11:00", "2026-10-04 03:00 +11:00", "2026-10-04 04:00 +11:00"])
  }

  @Test func `where it goes back short marks come in both hours, long ones once`() throws {
    let half = try Self.schedule(.every(seconds: 1800))
    #expect(
      try Self.next(5, of: half, after: "2026-10-25T00:10")
        == [
          "2026-10-25 01:30 +01:00", "2026-10-25 01:00 +00:00", "2026-10-25 01:30 +00:00", "2026-10-25 02:00 +00:00",
          "2026-10-25 02:30 +00:00",
        ])
    // In Havana the clock goes from 01:00 back to 00:00.
    let six = try Self.schedule(.every(seconds: 6 * 3600), "America/Havana")
    #expect(
      try Self.next(2, of: six, after: "2026-11-01T03:50") == ["2026-11-01 00:00 -04:00", "2026-11-01 06:00 -05:00"])
  }

  // MARK: Cron

  @Test func `fields are numbers, names, lists, ranges and steps`() throws {
    #expect(
      try Self.next(4, of: Self.cron("0 6 * * mon-fri"), after: "2026-11-19T10:00")
        == [
          "2026-11-20 06:00 +00:00", "2026-11-23 06:00 +00:00", "2026-11-24 06:00 +00:00", "2026-11-25 06:00 +00:00",
        ])
    #expect(
      try Self.next(3, of: Self.cron("5,35 8-18/5 1 jan,JUL *"), after: "2026-11-19T10:00")
        == ["2027-01-01 08:05 +00:00", "2027-01-01 08:35 +00:00", "2027-01-01 13:05 +00:00"])
    #expect(try Self.next(1, of: Self.cron("59 23 31 12 *"), after: "2026-12-31T23:59") == ["2027-12-31 23:59 +00:00"])
    #expect(try Self.next(2, of: Self.cron("0 0 29 2 *"), after: "2026-01-01T00:00").last == "2032-02-29 00:00 +00:00")
    // Sunday is 0 and 7.
    #expect(try Self.next(1, of: Self.cron("0 0 * * 7"), after: "2026-11-19T10:00") == ["2026-11-22 00:00 +00:00"])
  }

  @Test func `two restricted day fields mean either, one that begins with a star means both`() throws {
    #expect(
      try Self.next(3, of: Self.cron("0 12 13 * fri"), after: "2026-11-10T00:00")
        == ["2026-11-13 12:00 +00:00", "2026-11-20 12:00 +00:00", "2026-11-27 12:00 +00:00"])
    #expect(
      try Self.next(2, of: Self.cron("0 12 */2 * mon"), after: "2026-11-10T00:00")
        == ["2026-11-23 12:00 +00:00", "2026-12-07 12:00 +00:00"])
  }

  @Test func `a time that the clock skips is at the next instant, one that comes twice is once`() throws {
    #expect(
      try Self.next(2, of: Self.cron("30 1 * * *"), after: "2026-03-28T12:00")
        == ["2026-03-29 02:00 +01:00", "2026-03-30 01:30 +01:00"])
    #expect(
      try Self.next(2, of: Self.cron("30 1 * * *"), after: "2026-10-24T12:00")
        == ["2026-10-25 01:30 +01:00", "2026-10-26 01:30 +00:00"])
    #expect(
      try Self.next(3, of: Self.cron("*/30 * * * *"), after: "2026-10-25T00:30")
        == ["2026-10-25 01:00 +00:00", "2026-10-25 01:30 +00:00", "2026-10-25 02:00 +00:00"])
    #expect(
      try Self.next(2, of: Self.cron("15 2 * * *", "Australia/Lord_Howe"), after: "2026-10-03T14:00")
        == ["2026-10-04 02:30 +11:00", "2026-10-05 02:15 +11:00"])
  }

  @Test func `lists and ranges of names are read, and a week may end with Sunday`() throws {
    #expect(try CronExpression.weekdays("mon,wed") == [1, 3])
    #expect(try CronExpression.weekdays("SAT-sun") == [6, 0])
    #expect(try CronExpression.weekdays("mon-sun") == Set(0...6))
    #expect(try CronExpression.weekdays("sun-tue") == [0, 1, 2])
    #expect(
      try Self.next(2, of: Self.cron("0 6 * jan-mar mon,wed"), after: "2026-11-19T10:00")
        == ["2027-01-04 06:00 +00:00", "2027-01-06 06:00 +00:00"])
  }

  @Test func `whatever stands there is read or refused`() {
    var random = ScheduleRandom(state: 17)
    let pieces = ["*", "/", "-", ",", " ", "0", "1", "59", "7", "mon", "jan", "99999", "ü", "\t", "x", "* * * *"]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random)! }
        .joined()
      guard let cron = try? CronExpression(text) else { continue }
      #expect(cron.minutes.allSatisfy { 0...59 ~= $0 } && cron.hours.allSatisfy { 0...23 ~= $0 }, "\(text)")
    }
  }

  @Test func `another program for such times gives the same`() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Schedules/cronsim.txt")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines.count > 200)
    for line in lines {
      let parts = line.split(separator: "|").map(String.init)
      let schedule = try Self.cron(parts[2], parts[0])
      var at = try #require(Int64(parts[1])) * 1000
      for word in parts[3].split(separator: " ") {
        let found = schedule.next(after: at)
        #expect(found == Int64(word).map { $0 * 1000 }, "\(line)")
        at = found ?? at
      }
    }
  }

  // MARK: Windows

  @Test func `in a window only times that lie in it are meant`() throws {
    let work = try Self.schedule(.every(seconds: 3600), between: DayHours(from: 8 * 60, to: 10 * 60), days: "mon-fri")
    #expect(
      try Self.next(4, of: work, after: "2026-11-20T08:30")
        == [
          "2026-11-20 09:00 +00:00", "2026-11-23 08:00 +00:00", "2026-11-23 09:00 +00:00", "2026-11-24 08:00 +00:00",
        ])
    let night = try Self.schedule(.always, between: DayHours(from: 22 * 60, to: 6 * 60), days: "fri")
    // Saturday's early hours belong to Friday's night.
    #expect(night.isOpen(at: try Self.utc("2026-11-21T05:59")))
    #expect(!night.isOpen(at: try Self.utc("2026-11-21T06:00")))
    #expect(!night.isOpen(at: try Self.utc("2026-11-20T05:59")))
    #expect(night.next(after: 0) == nil)
    #expect(night.change(after: try Self.utc("2026-11-21T05:00")) == (try Self.utc("2026-11-21T06:00")))
    #expect(night.change(after: try Self.utc("2026-11-21T07:00")) == (try Self.utc("2026-11-27T22:00")))
    // Half past two does not come in this night: the window begins when the clock has gone on.
    let skipped = try Self.schedule(.always, between: DayHours(from: 90, to: 180))
    #expect(skipped.change(after: try Self.utc("2026-03-28T12:00")) == (try Self.utc("2026-03-29T01:00")))
    let every = try Self.schedule(.always)
    #expect(every.isOpen(at: 0) && every.change(after: 0) == nil)
  }

  @Test func `what lies between two moments is found and counted`() throws {
    let second = try Self.schedule(.every(seconds: 1), between: DayHours(from: 8 * 60, to: 10 * 60))
    let (start, end) = (try Self.utc("2025-01-01T00:00"), try Self.utc("2026-11-22T12:00"))
    #expect(second.latest(after: start, through: end) == (try Self.utc("2026-11-22T10:00")) - 1000)
    #expect(second.count(after: start, through: end) == 1000)
    let daily = try Self.cron("0 6 * * *")
    #expect(daily.latest(after: end, through: end + 3_600_000) == nil)
    #expect(daily.latest(after: start, through: end) == (try Self.utc("2026-11-22T06:00")))
    #expect(daily.count(after: try Self.utc("2026-11-19T06:00"), through: end) == 3)
  }

  @Test func `how long silence can be counted ends with the window, and with a pause that is too long`() throws {
    func watch(_ schedule: Schedule, pause: Int64, enough: Int64 = 30 * 24 * 60) -> Int64 {
      schedule.longestWatch(pause: pause * 60_000, enough: enough * 60_000) / 60_000
    }
    let short = DayHours(from: 360, to: 390)
    #expect(watch(try Self.schedule(.always, between: short), pause: 60) == 30)
    #expect(watch(try Self.schedule(.every(seconds: 300), between: short), pause: 60) == 25)
    #expect(
      watch(try Self.schedule(.always, between: DayHours(from: 1080, to: 1440), days: "sat,sun"), pause: 60) == 360)
    #expect(watch(try Self.schedule(.every(seconds: 60)), pause: 60) >= 30 * 24 * 60)
    #expect(watch(try Self.schedule(.every(seconds: 1)), pause: 60, enough: 60) >= 60)
    #expect(watch(try Self.cron("0,10,20 6 * * *"), pause: 30) == 20)
    #expect(watch(try Self.cron("0 6 * * mon-fri"), pause: 25 * 60) == 4 * 24 * 60)
    #expect(watch(try Self.cron("0 6 * * *"), pause: 60) == 0)
    // On the day on which the clock goes back it is open for an hour more.
    #expect(watch(try Self.schedule(.always, between: DayHours(from: 0, to: 360)), pause: 60) == 420)
  }

  // MARK: Files

  @Test func `templates and environments say it like any setting, and another zone is another source`() throws {
    let template = """
      parameters: {often: {type: duration}}
      source: {file: {directory: in}, schedule: {every: "${often}", zone: Europe/London}}
      format: text
      destinations: {out: {file: {directory: out, name: a}}}
      """
    let texts = [
      "Channels/templates/lab.yaml": template,
      "Channels/lab-1.yaml": "channel: lab-1\ntemplate: templates/lab.yaml\nwith: {often: 5m}\n",
      "Channels/lab-2.yaml":
        "channel: lab-2\ntemplate: templates/lab.yaml\nwith: {often: 1h}\nsource: {schedule: {days: [sat, sun]}}\n",
      "environments/test.yaml": "channels: {lab-1: {source: {schedule: {zone: UTC, between: 22:00-06:00}}}}\n",
    ]
    let plain = loadFolder(texts)
    #expect(plain.rendered() == "")
    #expect(
      plain.definitions.map { $0.source.schedule?.words } == [
        "every 5m (Europe/London)", "every 1h, sat sun (Europe/London)",
      ])
    let test = loadFolder(texts, environmentName: "test")
    #expect(test.rendered() == "")
    #expect(test.definitions.first?.source.schedule?.words == "every 5m, 22:00-06:00 (UTC)")
    #expect(test.definitions.first?.source.written != plain.definitions.first?.source.written)
  }

  // MARK: By brute force

  /// Ten thousand random schedules, each beside a walk from minute to minute.
  @Test(arguments: ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
  func `a walk from minute to minute finds the same`(zone: String) throws {
    var random = ScheduleRandom(state: zone.utf8.reduce(20_261_122) { $0 &* 31 &+ UInt64($1) })
    let seed = random.state
    let rules = try TimeZoneRules(named: zone)
    let changes = ScheduleWalk.changes(of: rules)
    for _ in 0..<2500 {
      var walk = ScheduleWalk(rules)
      let schedule = try walk.fill(&random)
      // Most of them near a change of the clock.
      let near = changes[Int.random(in: 0..<changes.count, using: &random)]
      let start = near + Int.random(in: -100_000...20_000, using: &random)
      let found = schedule.next(after: Int64(start) * 1000).map { Int($0 / 1000) }
      if let expected = walk.next(after: start) {
        #expect(found == expected, "\(schedule.words) in \(zone) after \(start), seed \(seed)")
      } else {
        #expect(found ?? .max > start + ScheduleWalk.minutesMax * 60, "\(schedule.words) in \(zone) after \(start)")
      }
    }
  }
}

/// The meaning of a schedule, minute by minute.
private struct ScheduleWalk {
  static let minutesMax = 2000
  private let rules: TimeZoneRules
  private var period: Int?
  private var minutes: Set<Int> = []
  private var hours: Set<Int> = []
  private var days: Set<Int> = []
  private var weekdays: Set<Int> = []
  private var isEither = false
  private var window: DayHours?

  init(_ rules: TimeZoneRules) { self.rules = rules }

  /// The seconds at which the clock changes, in two years.
  static func changes(of rules: TimeZoneRules) -> [Int] {
    let hours = stride(from: 1_767_225_600, to: 1_830_297_600, by: 1800)
    return hours.filter { rules.offset(at: $0) != rules.offset(at: $0 - 1800) }
  }

  /// Becomes a schedule of which the text is read as a person's.
  mutating func fill(_ random: inout ScheduleRandom) throws -> Schedule {
    if Int.random(in: 0..<4, using: &random) == 0 {
      let from = Int.random(in: 0..<1440, using: &random)
      window = DayHours(from: from, to: (from + Int.random(in: 1..<1440, using: &random)) % 1440)
    }
    let shown = window.map { ", \($0.text)" } ?? ""
    let inner = window.map { Schedule.Window(hours: $0, days: nil) }
    if Int.random(in: 0..<4, using: &random) == 0 {
      let period = 60 * [1, 5, 7, 15, 20, 30, 60, 90, 120, 240, 360, 720, 1440].randomElement(using: &random)!
      self.period = period
      return Schedule(.every(seconds: period), window: inner, zone: rules, words: "every \(period)s\(shown)")
    }
    var words: [String] = []
    (minutes, hours, days, weekdays) = ([], [], [], [])
    for (range, star) in [(0...59, 3), (0...23, 2), (1...31, 1), (0...6, 1)] {
      let (word, set) = field(range, isStar: Int.random(in: 0..<3, using: &random) < 3 - star, &random)
      words.append(word)
      switch words.count {
      case 1: minutes = set
      case 2: hours = set
      case 3: days = set
      default: weekdays = set
      }
    }
    isEither = words[2] != "*" && words[3] != "*"
    let text = "\(words[0]) \(words[1]) \(words[2]) * \(words[3])"
    return Schedule(.cron(try CronExpression(text)), window: inner, zone: rules, words: text + shown)
  }

  private func field(
    _ range: ClosedRange<Int>, isStar: Bool, _ random: inout ScheduleRandom
  ) -> (String, Set<Int>) {
    if isStar { return ("*", Set(range)) }
    let first = Int.random(in: range, using: &random)
    let last = Int.random(in: first...range.upperBound, using: &random)
    let step = Int.random(in: 1...max(1, range.count / 3), using: &random)
    switch Int.random(in: 0..<3, using: &random) {
    case 0: return ("\(first)", [first])
    case 1: return ("\(last),\(first)", [first, last])
    default: return ("\(first)-\(last)/\(step)", Set(stride(from: first, through: last, by: step)))
    }
  }

  func next(after start: Int) -> Int? {
    // What the window has no time of never comes, though the clock may skip one into it.
    if let window, period ?? 0 <= 86_400 {
      let minutes = (0..<1440).filter { minute in
        period.map { (minute * 60).isMultiple(of: $0) }
          ?? (hours.contains(minute / 60) && self.minutes.contains(minute % 60))
      }
      if !minutes.contains(where: { window.contains(minute: $0) }), period.map({ 86_400 % $0 == 0 }) ?? true {
        return nil
      }
    }
    let first = (start / 60 + 1) * 60
    for at in stride(from: first, to: first + Self.minutesMax * 60, by: 60) where isDue(at) { return at }
    return nil
  }

  private func isDue(_ at: Int) -> Bool {
    let offset = rules.offset(at: at)
    if let window {
      if !window.contains(minute: Self.inDay(at + offset) / 60) { return false }
    }
    let before = rules.offset(at: at - 60)
    if offset > before, stride(from: at + before, to: at + offset, by: 60).contains(where: isMeant) { return true }
    guard isMeant(at + offset) else { return false }
    // Has the clock shown this time before?
    let isSecond = stride(from: 60, through: 7200, by: 60).contains { rules.offset(at: at - $0) == offset + $0 }
    return !isSecond || (period.map { $0 <= 3600 } ?? (hours.count == 24))
  }

  private func isMeant(_ local: Int) -> Bool {
    if let period { return local % period == 0 }
    let minute = Self.inDay(local) / 60
    let day = local / 86_400
    guard minutes.contains(minute % 60), hours.contains(minute / 60) else { return false }
    let fits = (days.contains(CivilCalendar.civil(days: day).day), weekdays.contains((day + 4) % 7))
    return isEither ? fits.0 || fits.1 : fits.0 && fits.1
  }

  private static func inDay(_ local: Int) -> Int { local % 86_400 }
}

private struct ScheduleRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
