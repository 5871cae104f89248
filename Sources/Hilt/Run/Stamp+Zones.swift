import Text

extension Stamp {
  /// The same time of the clock, with another offset in minutes.
  func with(offset: Int) -> Stamp {
    Stamp(
      year: Int(year), month: Int(month), day: Int(day), hour: Int(hour), minute: Int(minute), second: Int(second),
      microsecond: Int(microsecond), fractionDigits: Int(fractionDigits), precision: precision, offset: offset)
  }

  /// The same moment by the clock of a zone. A day alone is the same day everywhere. `nil` where there is no offset,
  /// where the hours alone don't say which minute it is there, and beyond the years 1 to 9999.
  func moved(to zone: TimeZoneRules) -> Stamp? {
    guard precision >= .hour else { return self }
    guard let offset else { return nil }
    let moment = secondsSinceEpoch - Int(offset) * 60
    let minutes = Self.minutes(zone.offset(at: moment))
    if precision == .hour, (minutes - Int(offset)) % 60 != 0 { return nil }
    return Stamp(moment: moment, minutes: minutes, like: self)
  }

  /// What became of a time of a zone's clock.
  enum Placing: Sendable { case once, twice, skipped(minutes: Int) }

  /// The moment that a time of a zone's clock is; its own offset is not looked at. One that comes twice is the first of
  /// the two; one that is skipped moves forward by what is skipped. `nil` beyond the years 1 to 9999.
  func placed(in zone: TimeZoneRules) -> (stamp: Stamp, placing: Placing)? {
    switch zone.local(secondsSinceEpoch) {
    case .once(let offset): return (with(offset: Self.minutes(offset)), .once)
    case .twice(let first, _): return (with(offset: Self.minutes(first)), .twice)
    case .never(let before, let behind):
      let minutes = Self.minutes(behind)
      let moment = secondsSinceEpoch - before
      guard let stamp = Stamp(moment: moment, minutes: minutes, like: self) else { return nil }
      return (stamp, .skipped(minutes: (behind - before) / 60))
    }
  }

  /// HL7 writes offsets in minutes. Those of the years before standard time have seconds too, which are rounded.
  private static func minutes(_ seconds: Int) -> Int { CivilCalendar.flooredQuotient(seconds + 30, 60) }

  private init?(moment: Int, minutes: Int, like other: Stamp) {
    let local = moment + minutes * 60
    let days = CivilCalendar.flooredQuotient(local, 86_400)
    guard (-719_162...2_932_896).contains(days) else { return nil }
    let date = CivilCalendar.civil(days: days)
    let rest = local - days * 86_400
    self.init(
      year: date.year, month: date.month, day: date.day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60,
      microsecond: Int(other.microsecond), fractionDigits: Int(other.fractionDigits), precision: other.precision,
      offset: minutes)
  }

  /// Whole years from a birth to another date, by their own days; `nil` where they are not exact enough to say, and
  /// where the other date lies before the birth.
  func age(at other: Stamp) -> Int? {
    let years = Int(other.year) - Int(year)
    let least = min(precision, other.precision)
    let completed: Bool
    switch least {
    case .year: return nil
    case .month:
      if month == other.month { return nil }
      completed = other.month > month
    default: completed = (other.month, other.day) >= (month, day)
    }
    let age = completed ? years : years - 1
    return age >= 0 ? age : nil
  }
}
