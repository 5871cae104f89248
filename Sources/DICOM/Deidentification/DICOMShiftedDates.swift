import Text

/// Dates so many days earlier or later.
enum DICOMShiftedDates {
  /// A value of DA or DT; `nil` where it is none, or no year of four digits is left.
  ///
  /// Time and offset stay as they are written. Where only a year or a month was said, its first day is shifted, and as
  /// much said of the outcome.
  static func shifted(_ text: String, _ vr: DICOMVR, days: Int) -> String? {
    if vr == .da { return DICOMDate(text).flatMap { shifted($0, days) } }
    guard let moment = DICOMDateTime(text), let date = shifted(moment.date, days) else { return nil }
    let digits = text.utf8.prefix { (0x30...0x39).contains($0) }.prefix(8).count
    return date + String(decoding: text.utf8.dropFirst(digits), as: UTF8.self)
  }

  private static func shifted(_ date: DICOMDate, _ days: Int) -> String? {
    let day = CivilCalendar.days(since1970: date.year, date.month ?? 1, date.day ?? 1) + days
    let shifted = CivilCalendar.civil(days: day)
    guard (1...9999).contains(shifted.year) else { return nil }
    let digits = "\(shifted.year * 10000 + shifted.month * 100 + shifted.day)"
    let padded = String(repeating: "0", count: 8 - digits.utf8.count) + digits
    return String(padded.prefix(date.day != nil ? 8 : date.month != nil ? 6 : 4))
  }
}
