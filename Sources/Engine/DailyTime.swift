import Text

/// A time of day at a place, such as 23:00 in London: once every day, however that place sets its clock.
struct DailyTime: Sendable {
  /// Minutes since midnight.
  let minutes: Int
  let zone: TimeZoneRules

  /// The first moment behind another at which it is so late; milliseconds since 1970.
  ///
  /// A time that the clock never shows is the moment at which it springs over it; of one that it shows twice, the
  /// first.
  func next(after moment: Int64) -> Int64 {
    let seconds = CivilCalendar.flooredQuotient(Int(moment), 1000)
    let today = CivilCalendar.flooredQuotient(seconds + zone.offset(at: seconds), 86_400)
    for day in (today - 1)...(today + 2) {
      let found = Int64(instant(onDay: day)) * 1000
      if found > moment { return found }
    }
    return moment + 86_400_000
  }

  /// When it is so late on a day, given in days since 1970; seconds since 1970.
  private func instant(onDay day: Int) -> Int {
    let local = day * 86_400 + minutes * 60
    switch zone.local(local) {
    case .once(let offset): return local - offset
    case .twice(let first, _): return local - first
    case .never(let before, let behind):
      var (early, late) = (local - max(before, behind), local - min(before, behind))
      // The clock changes between them: `late` is the first second that shows the new time.
      while late - early > 1 {
        let middle = (early + late) / 2
        if zone.offset(at: middle) == behind { late = middle } else { early = middle }
      }
      return late
    }
  }
}
