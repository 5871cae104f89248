package import Text

/// When a source that fetches is at work, by the clock of a zone. Moments are milliseconds since 1970, UTC.
///
/// A time that the clock skips is at the next instant: the moment of the change. A time that comes twice is meant
/// once, the first time, unless the schedule asks for times in every hour.
package struct Schedule: Sendable {
  package enum Times: Sendable, Equatable {
    /// All the time, as far as the window goes.
    case always
    /// Where the zone's clock, counted from 1970 on, is a multiple of so many seconds.
    case every(seconds: Int)
    case cron(CronExpression)
  }

  /// A part of the day, on some days of the week.
  package struct Window: Sendable, Equatable {
    /// From the first minute to before the last; may go over midnight, and then belongs to the day on which it opens.
    package var hours: DayHours?
    /// 0 is Sunday.
    package var days: Set<Int>?

    package init(hours: DayHours?, days: Set<Int>?) {
      self.hours = hours
      self.days = days
    }
  }

  package let times: Times
  package let window: Window?
  package let zone: TimeZoneRules
  /// As a person says it: `every 5m, 06:00-20:00, mon-fri (Europe/London)`.
  package let words: String
  private let hasNone: Bool

  package init(_ times: Times, window: Window? = nil, zone: TimeZoneRules, words: String = "") {
    self.times = times
    self.window = window
    self.zone = zone
    self.words = words
    hasNone = Self.hasNone(times, in: window?.hours)
  }

  /// A schedule that has no time within so many years has none.
  private static let years = 50
  private static let triesMax = 1000

  /// The first planned moment behind one; `nil` where there is none, or where it works all the time.
  package func next(after moment: Int64) -> Int64? {
    if hasNone { return nil }
    var second = Self.second(moment)
    let last = second + Self.years * 366 * 86_400
    for _ in 0..<Self.triesMax {
      guard let planned = time(after: second, through: last) else { return nil }
      if isOpen(second: planned) { return Int64(planned) * 1000 }
      guard let opening = change(from: planned, toOpen: true) else { return nil }
      second = opening - 1
    }
    return nil
  }

  /// Its times are those of any day, and the window has none of them.
  private static func hasNone(_ times: Times, in hours: DayHours?) -> Bool {
    guard let hours else { return false }
    switch times {
    case .always: return false
    case .every(let period):
      if period <= 60 || period > 86_400 || 86_400 % period != 0 { return false }
      return !stride(from: 0, to: 86_400, by: period).contains { hours.contains(minute: $0 / 60) }
    case .cron(let cron):
      return !cron.hours.contains { hour in cron.minutes.contains { hours.contains(minute: hour * 60 + $0) } }
    }
  }

  /// The last planned moment behind one and up to another; `nil` where there is none between.
  package func latest(after start: Int64, through end: Int64) -> Int64? {
    guard var found = next(after: start), found <= end else { return nil }
    // What comes behind `found` is still within; what comes behind `high` is not.
    var high = end
    while let following = next(after: found), following <= end {
      let middle = found + (high - found) / 2
      if let later = next(after: middle), later <= end {
        found = max(later, following)
      } else {
        high = middle
        found = following
      }
    }
    return found
  }

  /// How many planned moments are behind one and up to another; never more than `most` are counted.
  package func count(after start: Int64, through end: Int64, most: Int = 1000) -> Int {
    var (count, at) = (0, start)
    while count < most, let planned = next(after: at), planned <= end { (count, at) = (count + 1, planned) }
    return count
  }

  /// The shortest time from one planned moment to the next, of the first hundred from 2026 on; `nil` where it works all
  /// the time, with or without a window.
  var shortestPause: Int64? {
    var moments: [Int64] = []
    while moments.count < 100, let planned = next(after: moments.last ?? Self.start) { moments.append(planned) }
    return zip(moments, moments.dropFirst()).map { $1 - $0 }.min()
  }

  /// The longest time over which the silence of a source can be counted: while the window is open, and from one planned
  /// moment to the next where no more than `pause` is between them. Where that is as long as `enough`, no more is
  /// looked for; else it is the longest of a year.
  func longestWatch(pause: Int64, enough: Int64) -> Int64 {
    var (longest, at) = (Int64(0), Self.start)
    for _ in 0..<400 {
      guard let begin = times == .always ? opening(from: at) : next(after: at) else { break }
      let close = window == nil ? nil : change(after: begin)
      var end = begin
      if times == .always {
        end = close ?? .max
      } else {
        // All that is behind `end` and no further than a pause is one step.
        while end - begin < enough, let later = latest(after: end, through: min(end + pause, close ?? .max)) {
          end = later
        }
      }
      longest = max(longest, end - begin)
      if longest >= enough { break }
      at = end
    }
    return longest
  }

  /// The first moment from one on at which the window is open.
  private func opening(from moment: Int64) -> Int64? { isOpen(at: moment) ? moment : change(after: moment) }

  /// From which it is tried whether there is a time.
  static let start = Int64(CivilCalendar.days(since1970: 2026, 1, 1)) * 86_400_000

  // MARK: The window

  package func isOpen(at moment: Int64) -> Bool { isOpen(second: Self.second(moment)) }

  /// When the window opens, or closes, behind a moment; `nil` where it does not.
  package func change(after moment: Int64) -> Int64? {
    let second = Self.second(moment)
    return change(from: second, toOpen: !isOpen(second: second)).map { Int64($0) * 1000 }
  }

  private func isOpen(second: Int) -> Bool {
    guard let window else { return true }
    let local = second + zone.offset(at: second)
    var day = CivilCalendar.flooredQuotient(local, 86_400)
    if let hours = window.hours {
      let minute = (local - day * 86_400) / 60
      if hours.from < hours.to {
        guard hours.from <= minute, minute < hours.to else { return false }
      } else if minute < hours.to {
        // The window opened the day before.
        day -= 1
      } else if minute < hours.from {
        return false
      }
    }
    return window.days?.contains(Self.weekday(day)) ?? true
  }

  /// The first second from one on at which the window is open, or closed. Offsets are whole minutes, and so are its
  /// edges.
  private func change(from second: Int, toOpen: Bool) -> Int? {
    guard let window, isOpen(second: second) != toOpen else { return window == nil && !toOpen ? nil : second }
    let edges = window.hours.map { [$0.from * 60, $0.to * 60] } ?? [0]
    var at = second
    while at < second + 9 * 86_400 {
      let local = at + zone.offset(at: at)
      let inDay = local - CivilCalendar.flooredQuotient(local, 86_400) * 86_400
      let far = edges.map { ($0 - inDay + 86_400) % 86_400 }.min() ?? 0
      // Only where the clock changes before the edge is it found minute by minute.
      let isPlain = far > 0 && zone.offset(at: at) == zone.offset(at: at + far)
      at = isPlain ? at + far : (CivilCalendar.flooredQuotient(at, 60) + 1) * 60
      if isOpen(second: at) == toOpen { return at }
    }
    return nil
  }

  // MARK: Times

  /// The first time behind a second, whatever the window says.
  private func time(after second: Int, through last: Int) -> Int? {
    switch times {
    case .always: nil
    case .every(let period): mark(after: second, every: period)
    case .cron(let cron): cronTime(cron, after: second, through: last)
    }
  }

  private func mark(after second: Int, every period: Int) -> Int {
    let offset = zone.offset(at: second)
    var mark = (CivilCalendar.flooredQuotient(second + offset, period) + 1) * period
    if period > 3600 {
      while true {
        let instant = instants(of: mark, isOfEveryHour: false)[0]
        if instant > second { return instant }
        mark += period
      }
    }
    let later = mark - offset
    let behind = zone.offset(at: later)
    if behind == offset { return later }
    let change = zone.change(after: second, through: later)
    // Forward: what the clock skips is now. Back: the marks come once more, for they are those of every hour.
    if behind > offset { return mark < change + behind ? change : mark - behind }
    return -CivilCalendar.flooredQuotient(-(change + behind), period) * period - behind
  }

  private func cronTime(_ cron: CronExpression, after second: Int, through last: Int) -> Int? {
    // What the clock skips on a day may come on the next.
    let first = CivilCalendar.flooredQuotient(second + zone.offset(at: second), 86_400) - 1
    for day in first...max(first, last / 86_400 + 1) {
      let civil = CivilCalendar.civil(days: day)
      guard cron.isMeant(month: civil.month, day: civil.day, weekday: Self.weekday(day)) else { continue }
      // A window over midnight is of the day before too.
      if let days = window?.days, !days.contains(Self.weekday(day)), !days.contains(Self.weekday(day - 1)) { continue }
      if let found = cronTime(cron, on: day, after: second) { return found }
    }
    return nil
  }

  private func cronTime(_ cron: CronExpression, on day: Int, after second: Int) -> Int? {
    let midnight = day * 86_400
    // No zone is further from UTC than 26 hours.
    let offset = zone.offset(at: midnight - 108_000)
    if offset == zone.offset(at: midnight + 86_400 + 108_000) {
      let from = second + offset - midnight
      for hour in cron.hours where hour * 3600 + 3599 > from {
        for minute in cron.minutes
        where hour * 3600 + minute * 60 > from && window?.hours?.contains(minute: hour * 60 + minute) != false {
          return midnight + hour * 3600 + minute * 60 - offset
        }
      }
      return nil
    }
    var found: Int?
    for hour in cron.hours {
      for minute in cron.minutes {
        let local = midnight + hour * 3600 + minute * 60
        for instant in instants(of: local, isOfEveryHour: cron.isOfEveryHour) where instant > second {
          found = min(found ?? instant, instant)
        }
      }
    }
    return found
  }

  /// When a time of the zone's clock is: once, or twice for what is of every hour.
  private func instants(of local: Int, isOfEveryHour: Bool) -> [Int] {
    switch zone.local(local) {
    case .once(let offset): [local - offset]
    case .twice(let first, let second): isOfEveryHour ? [local - first, local - second] : [local - first]
    case .never(let before, let behind): [zone.change(after: local - behind, through: local - before)]
    }
  }

  /// A moment by the zone's clock: `2026-11-22 06:00:00 +00:00`.
  package func text(_ moment: Int64) -> String {
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let second = Self.second(moment)
    let offset = zone.offset(at: second)
    let day = CivilCalendar.flooredQuotient(second + offset, 86_400)
    let (year, month, dayOfMonth) = CivilCalendar.civil(days: day)
    let rest = second + offset - day * 86_400
    let time = [rest / 3600, rest / 60 % 60, rest % 60].map(two).joined(separator: ":")
    let away = "\(offset < 0 ? "-" : "+")\(two(abs(offset) / 3600)):\(two(abs(offset) / 60 % 60))"
    return "\(year)-\(two(month))-\(two(dayOfMonth)) \(time) \(away)"
  }

  private static func second(_ moment: Int64) -> Int { CivilCalendar.flooredQuotient(Int(moment), 1000) }

  /// Of a day since 1970-01-01, which was a Thursday; 0 is Sunday.
  private static func weekday(_ day: Int) -> Int { ((day + 4) % 7 + 7) % 7 }
}
