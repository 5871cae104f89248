/// A time of day as HL7 writes it (`HH[MM[SS[.S[S[S[S]]]]]][+/-ZZZZ]`), of no day.
struct TimeOfDay: Sendable, Hashable {
  /// On the first day of the calendar.
  let stamp: Stamp

  private static let day = "00010101"

  init?(hl7 text: String) {
    // A text without hours would be read as that day alone.
    guard text.utf8.count <= 24, let stamp = Stamp(hl7: Self.day + text), stamp.precision >= .hour else { return nil }
    self.stamp = stamp
  }

  /// The time of day of a date; `nil` where it has none.
  init?(_ stamp: Stamp) {
    guard stamp.precision >= .hour, let time = TimeOfDay(hl7: String(stamp.hl7().dropFirst(8))) else { return nil }
    self = time
  }

  func hl7(_ precision: Stamp.Precision? = nil) -> String { String(stamp.hl7(precision).dropFirst(8)) }

  func order(_ other: TimeOfDay) -> Int? { stamp.order(other.stamp) }
}
