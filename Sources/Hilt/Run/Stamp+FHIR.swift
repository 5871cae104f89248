import Text

/// Dates and times as FHIR and ISO 8601 write them: `2024-02-29`, `2024-02-29T08:30:00.250+01:00`.
extension Stamp {
  /// Reads a year, year-month, year-month-day, or a time with minutes and perhaps seconds and offset; `nil` for
  /// anything else and for days that no calendar has.
  init?(iso text: String) {
    var digits = text.utf8[...]
    func number(_ count: Int) -> Int? {
      guard digits.count >= count else { return nil }
      var value = 0
      for byte in digits.prefix(count) {
        guard byte &- 0x30 < 10 else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      digits = digits.dropFirst(count)
      return value
    }
    func take(_ sign: Unicode.Scalar) -> Bool {
      guard digits.first == UInt8(ascii: sign) else { return false }
      digits = digits.dropFirst()
      return true
    }
    guard let year = number(4), year > 0 else { return nil }
    var (month, day, hour, minute, second) = (1, 1, 0, 0, 0)
    var (micros, fractionDigits): (Int, Int) = (0, 0)
    var precision = Precision.year
    var offset: Int?
    if take("-") {
      guard let read = number(2), (1...12).contains(read) else { return nil }
      (month, precision) = (read, .month)
      if take("-") {
        guard let read = number(2), (1...CivilCalendar.days(year, month)).contains(read) else { return nil }
        (day, precision) = (read, .day)
        if take("T") {
          guard let hours = number(2), hours < 24, take(":"), let minutes = number(2), minutes < 60 else { return nil }
          (hour, minute, precision) = (hours, minutes, .minute)
          if take(":") {
            guard let seconds = number(2), seconds <= 60 else { return nil }
            // A leap second is the last one of its minute, as HL7 has none.
            (second, precision) = (min(seconds, 59), .second)
            if take(".") {
              while let digit = digits.first, digit &- 0x30 < 10 {
                digits = digits.dropFirst()
                // More than a microsecond isn't kept.
                if fractionDigits < 6 {
                  micros = micros * 10 + Int(digit - 0x30)
                  fractionDigits += 1
                }
              }
              guard fractionDigits > 0 else { return nil }
              for _ in fractionDigits..<6 { micros *= 10 }
              precision = .fraction
            }
          }
          if take("Z") {
            offset = 0
          } else if let sign = digits.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") {
            digits = digits.dropFirst()
            guard let hours = number(2), hours <= 14, take(":"), let minutes = number(2), minutes < 60 else {
              return nil
            }
            offset = (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 60 + minutes)
          }
        }
      }
    }
    guard digits.isEmpty else { return nil }
    self.init(
      year: year, month: month, day: day, hour: hour, minute: minute, second: second, microsecond: micros,
      fractionDigits: fractionDigits, precision: precision, offset: offset)
  }

  /// As FHIR writes it, cut to a precision: with hours it has minutes and seconds, zero where they were not said, and
  /// the offset that it has.
  func iso(upTo wanted: Precision = .fraction) -> String {
    let precision = min(wanted, self.precision)
    return String(unsafeUninitializedCapacity: 40) { buffer in
      var count = 0
      func put(_ byte: UInt8) {
        buffer[count] = byte
        count += 1
      }
      func put(_ number: Int, _ width: Int) {
        var rest = number
        for place in stride(from: count + width - 1, through: count, by: -1) {
          buffer[place] = UInt8(0x30 + rest % 10)
          rest /= 10
        }
        count += width
      }
      put(Int(year), 4)
      if precision >= .month {
        put(UInt8(ascii: "-"))
        put(Int(month), 2)
      }
      if precision >= .day {
        put(UInt8(ascii: "-"))
        put(Int(day), 2)
      }
      guard precision >= .hour else { return count }
      put(UInt8(ascii: "T"))
      put(Int(hour), 2)
      put(UInt8(ascii: ":"))
      put(Int(minute), 2)
      put(UInt8(ascii: ":"))
      put(Int(second), 2)
      if precision == .fraction {
        put(UInt8(ascii: "."))
        var fraction = Int(microsecond)
        for _ in Int(fractionDigits)..<6 { fraction /= 10 }
        put(fraction, max(1, Int(fractionDigits)))
      }
      guard let offset else { return count }
      if offset == 0 {
        put(UInt8(ascii: "Z"))
        return count
      }
      put(UInt8(ascii: offset < 0 ? "-" : "+"))
      put(Int(offset.magnitude) / 60, 2)
      put(UInt8(ascii: ":"))
      put(Int(offset.magnitude) % 60, 2)
      return count
    }
  }
}
