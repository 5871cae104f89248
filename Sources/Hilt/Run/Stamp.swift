import Text

/// A point in time as HL7 writes it (`YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`): a value, how exact it is, and
/// an offset or none. What was not said is never made up.
package struct Stamp: Sendable, Hashable {
  enum Precision: UInt8, Sendable, Comparable, CaseIterable {
    case year, month, day, hour, minute, second, fraction
    static func < (a: Precision, b: Precision) -> Bool { a.rawValue < b.rawValue }

    /// The word a program uses: `hl7(d, second)`.
    init?(word: String) {
      guard let found = Self.allCases.first(where: { $0.word == word }) else { return nil }
      self = found
    }
    var word: String {
      switch self {
      case .year: "year"
      case .month: "month"
      case .day: "day"
      case .hour: "hour"
      case .minute: "minute"
      case .second: "second"
      case .fraction: "fraction"
      }
    }
  }

  let year: Int16
  let month: UInt8
  let day: UInt8
  let hour: UInt8
  let minute: UInt8
  let second: UInt8
  /// How many digits the fraction has, 0 to 6.
  let fractionDigits: UInt8
  let microsecond: Int32
  let precision: Precision
  /// Minutes east of UTC.
  let offset: Int16?

  /// From parts that are known to be of the calendar; those beyond the precision are the least there are.
  init(
    year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int, microsecond: Int, fractionDigits: Int,
    precision: Precision, offset: Int?
  ) {
    self.year = Int16(year)
    self.month = UInt8(month)
    self.day = UInt8(day)
    self.hour = UInt8(hour)
    self.minute = UInt8(minute)
    self.second = UInt8(second)
    self.microsecond = Int32(microsecond)
    self.fractionDigits = UInt8(fractionDigits)
    self.precision = precision
    self.offset = offset.map { Int16($0) }
  }

  /// Reads the form above; `nil` for anything else and for days that no calendar has.
  init?(hl7 text: some StringProtocol) {
    var reader = DigitReader(bytes: Array(text.utf8))
    guard let year = reader.number(4) else { return nil }
    var parts = [1, 1, 0, 0, 0]
    let ranges = [1...12, 1...31, 0...23, 0...59, 0...59]
    var precision = Precision.year
    for index in parts.indices where reader.isAtDigit {
      guard let part = reader.number(2), ranges[index].contains(part) else { return nil }
      parts[index] = part
      precision = Precision(rawValue: UInt8(index + 1)) ?? .second
    }
    guard parts[1] <= CivilCalendar.days(year, parts[0]) else { return nil }
    var fraction = (value: 0, digits: 0)
    if precision == .second, reader.take(UInt8(ascii: ".")) {
      guard let read = reader.fraction(digitsMax: 6) else { return nil }
      fraction = read
      precision = .fraction
    }
    guard let offset = reader.offset(), reader.isAtEnd else { return nil }
    self.init(
      year: year, month: parts[0], day: parts[1], hour: parts[2], minute: parts[3], second: parts[4],
      microsecond: fraction.value, fractionDigits: fraction.digits, precision: precision, offset: offset)
  }

  /// A moment of the engine's clock, in UTC, to the millisecond.
  init(milliseconds: Int64) {
    let days = CivilCalendar.flooredQuotient(Int(milliseconds), 86_400_000)
    let rest = Int(milliseconds - Int64(days) * 86_400_000)
    let date = CivilCalendar.civil(days: max(-719_162, min(days, 2_932_896)))
    self.init(
      year: date.year, month: date.month, day: date.day, hour: rest / 3_600_000, minute: rest / 60_000 % 60,
      second: rest / 1000 % 60, microsecond: rest % 1000 * 1000, fractionDigits: 3, precision: .fraction, offset: 0)
  }

  /// The form of HL7, cut to `precision` where it is more exact; an offset only where there are hours.
  func hl7(_ wanted: Precision? = nil) -> String {
    let precision = min(wanted ?? self.precision, self.precision)
    var text = Self.digits(Int(year), 4)
    if precision >= .month { text += Self.digits(Int(month), 2) }
    if precision >= .day { text += Self.digits(Int(day), 2) }
    guard precision >= .hour else { return text }
    text += Self.digits(Int(hour), 2)
    if precision >= .minute { text += Self.digits(Int(minute), 2) }
    if precision >= .second { text += Self.digits(Int(second), 2) }
    if precision == .fraction {
      // HL7 knows four digits of a second at most.
      let count = min(Int(fractionDigits), 4)
      text += "." + Self.digits(Int(microsecond), 6).prefix(max(1, count))
    }
    guard let offset else { return text }
    let size = Int(offset.magnitude)
    return text + (offset < 0 ? "-" : "+") + Self.digits(size / 60, 2) + Self.digits(size % 60, 2)
  }

  /// Less exact; what was less exact already stays as it is.
  func truncated(_ wanted: Precision) -> Stamp {
    guard wanted < precision else { return self }
    func keep(_ value: Int, _ from: Precision, else zero: Int) -> Int { wanted >= from ? value : zero }
    return Stamp(
      year: Int(year), month: keep(Int(month), .month, else: 1), day: keep(Int(day), .day, else: 1),
      hour: keep(Int(hour), .hour, else: 0), minute: keep(Int(minute), .minute, else: 0),
      second: keep(Int(second), .second, else: 0), microsecond: 0, fractionDigits: 0, precision: wanted,
      offset: wanted >= .hour ? offset.map { Int($0) } : nil)
  }

  /// Later by so many seconds, to the same precision; `nil` beyond the years 1 to 9999, or where the stamp is less
  /// exact than what is added.
  func adding(seconds: Int) -> Stamp? {
    let unit: Precision =
      seconds % 86_400 == 0 ? .day : seconds % 3600 == 0 ? .hour : seconds % 60 == 0 ? .minute : .second
    guard precision >= unit else { return nil }
    let (sum, over) = secondsSinceEpoch.addingReportingOverflow(seconds)
    guard !over else { return nil }
    let days = CivilCalendar.flooredQuotient(sum, 86_400)
    guard (-719_162...2_932_896).contains(days) else { return nil }
    let rest = sum - days * 86_400
    let date = CivilCalendar.civil(days: days)
    return Stamp(
      year: date.year, month: date.month, day: date.day, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60,
      microsecond: Int(microsecond), fractionDigits: Int(fractionDigits), precision: precision,
      offset: offset.map { Int($0) })
  }

  /// Seconds since 1970 by this stamp's own clock; its offset is not looked at.
  var secondsSinceEpoch: Int {
    daysSinceEpoch * 86_400 + Int(hour) * 3600 + Int(minute) * 60 + Int(second)
  }

  /// Where it begins on the line of time; without an offset, by its own clock.
  var beginning: (seconds: Int, microsecond: Int) {
    (secondsSinceEpoch - Int(offset ?? 0) * 60, Int(microsecond))
  }

  /// Days since 1970-01-01 of the proleptic Gregorian calendar.
  var daysSinceEpoch: Int { CivilCalendar.days(since1970: Int(year), Int(month), Int(day)) }

  /// Which is earlier; `nil` where it can't be said: one is less exact than the other and they agree so far, or only
  /// one has an offset.
  func order(_ other: Stamp) -> Int? {
    let least = min(precision, other.precision)
    if least >= .hour, (offset == nil) != (other.offset == nil) { return nil }
    let a = truncated(least)
    let b = other.truncated(least)
    let shift = least >= .hour ? (Int(a.offset ?? 0), Int(b.offset ?? 0)) : (0, 0)
    let left = (a.secondsSinceEpoch - shift.0 * 60, Int(a.microsecond))
    let right = (b.secondsSinceEpoch - shift.1 * 60, Int(b.microsecond))
    if left < right { return -1 }
    if left > right { return 1 }
    return precision == other.precision ? 0 : nil
  }
}

// MARK: - Digits

extension Stamp {
  static func digits(_ number: Int, _ count: Int) -> String {
    let text = String(number)
    return text.utf8.count >= count ? text : String(repeating: "0", count: count - text.utf8.count) + text
  }
}

/// Reads fixed numbers of digits.
private struct DigitReader {
  let bytes: [UInt8]
  var next = 0
  var isAtEnd: Bool { next == bytes.count }
  var isAtDigit: Bool { next < bytes.count && (0x30...0x39).contains(bytes[next]) }

  mutating func number(_ count: Int) -> Int? {
    guard next + count <= bytes.count else { return nil }
    var value = 0
    for byte in bytes[next..<next + count] {
      guard (0x30...0x39).contains(byte) else { return nil }
      value = value * 10 + Int(byte - 0x30)
    }
    next += count
    return value
  }

  mutating func take(_ byte: UInt8) -> Bool {
    guard next < bytes.count, bytes[next] == byte else { return false }
    next += 1
    return true
  }

  /// The digits of a fraction of a second, as microseconds.
  mutating func fraction(digitsMax: Int) -> (value: Int, digits: Int)? {
    var value = 0
    var digits = 0
    while isAtDigit, digits < digitsMax, let digit = number(1) {
      value = value * 10 + digit
      digits += 1
    }
    guard digits > 0 else { return nil }
    for _ in digits..<6 { value *= 10 }
    return (value, digits)
  }

  /// `+0100` in minutes; nothing: `.some(nil)`; anything else: `nil`.
  mutating func offset() -> Int?? {
    let sign: Int
    if take(UInt8(ascii: "+")) { sign = 1 } else if take(UInt8(ascii: "-")) { sign = -1 } else { return .some(nil) }
    guard let hours = number(2), let minutes = number(2), hours <= 14, minutes <= 59 else { return nil }
    return sign * (hours * 60 + minutes)
  }
}
