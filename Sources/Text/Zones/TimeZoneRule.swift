/// The rule of a zone for all years, as POSIX writes it: `GMT0BST,M3.5.0/1,M10.5.0`.
struct TimeZoneRule: Sendable {
  /// A day of any year, and a second of that day by the clock before the change.
  private struct Change: Sendable {
    enum Day: Sendable {
      /// Weekday (0 is Sunday) of a week of a month; week 5 is the last.
      case month(Int, week: Int, weekday: Int)
      /// Day 1 to 365; February 29th is never counted.
      case julian(Int)
      /// Day 0 to 365.
      case ordinal(Int)
    }
    var day: Day
    var second: Int

    func seconds(in year: Int) -> Int {
      let newYear = CivilCalendar.days(since1970: year, 1, 1)
      let days: Int
      switch day {
      case .month(let month, let week, let weekday):
        let start = CivilCalendar.days(since1970: year, month, 1)
        // 1970-01-01 was a Thursday.
        let startsOn = ((start + 4) % 7 + 7) % 7
        var day = (weekday - startsOn + 7) % 7 + (week - 1) * 7
        while day >= CivilCalendar.days(year, month) { day -= 7 }
        days = start + day
      case .julian(let day):
        days = newYear + day - 1 + (day > 59 && CivilCalendar.days(year, 2) == 29 ? 1 : 0)
      case .ordinal(let day): days = newYear + day
      }
      return days * 86_400 + second
    }
  }

  private let standard: Int
  private let summer: (offset: Int, start: Change, end: Change)?

  /// `nil` for anything that is no such rule.
  init?(_ text: [UInt8]) {
    var reader = Reader(bytes: text)
    guard reader.name(), let standard = reader.offset() else { return nil }
    self.standard = -standard
    guard !reader.isAtEnd else {
      summer = nil
      return
    }
    guard reader.name() else { return nil }
    var offset = self.standard + 3600
    if !reader.isAt(","), let given = reader.offset() { offset = -given }
    guard let start = reader.change(), let end = reader.change(), reader.isAtEnd else { return nil }
    summer = (offset, start, end)
  }

  /// Seconds east of UTC at a moment.
  func offset(at moment: Int) -> Int {
    guard let summer else { return standard }
    let year = CivilCalendar.civil(days: CivilCalendar.flooredQuotient(moment + standard, 86_400)).year
    let start = summer.start.seconds(in: year) - standard
    let end = summer.end.seconds(in: year) - summer.offset
    let isSummer = start < end ? (start..<end).contains(moment) : !(end..<start).contains(moment)
    return isSummer ? summer.offset : standard
  }

  private struct Reader {
    let bytes: [UInt8]
    var next = 0
    var isAtEnd: Bool { next == bytes.count }

    func isAt(_ character: Unicode.Scalar) -> Bool { next < bytes.count && bytes[next] == UInt8(ascii: character) }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      guard isAt(character) else { return false }
      next += 1
      return true
    }

    /// `GMT` or `<+01>`
    mutating func name() -> Bool {
      let start = next
      if take("<") {
        while !isAtEnd, !isAt(">") { next += 1 }
        return take(">")
      }
      while !isAtEnd, (0x41...0x5A).contains(bytes[next] & 0xDF) { next += 1 }
      return next - start >= 3
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int? {
      var value: Int?
      while !isAtEnd, (0x30...0x39).contains(bytes[next]), value ?? 0 < 10_000 {
        value = (value ?? 0) * 10 + Int(bytes[next] - 0x30)
        next += 1
      }
      return value.flatMap { range.contains($0) ? $0 : nil }
    }

    /// `[+-]hh[:mm[:ss]]`, in seconds.
    mutating func offset() -> Int? {
      let sign = take("-") ? -1 : 1
      if sign == 1 { _ = take("+") }
      guard let hours = number(0...167) else { return nil }
      var seconds = hours * 3600
      for unit in [60, 1] where isAt(":") {
        next += 1
        guard let part = number(0...59) else { return nil }
        seconds += part * unit
      }
      return sign * seconds
    }

    /// `,M3.5.0/1`
    mutating func change() -> Change? {
      guard take(",") else { return nil }
      let day: Change.Day
      if take("M") {
        guard let month = number(1...12), take("."), let week = number(1...5), take("."), let weekday = number(0...6)
        else { return nil }
        day = .month(month, week: week, weekday: weekday)
      } else if take("J") {
        guard let number = number(1...365) else { return nil }
        day = .julian(number)
      } else {
        guard let number = number(0...365) else { return nil }
        day = .ordinal(number)
      }
      guard take("/") else { return Change(day: day, second: 7200) }
      return offset().map { Change(day: day, second: $0) }
    }
  }
}
