import Text

/// A day, or as much of one as was said: DA, and the beginning of DT.
package struct DICOMDate: Sendable, Hashable {
  package var year: Int
  package var month, day: Int?

  /// `20261122`, or `2026.11.22` as before 1993; `nil` where it is neither, or no day of the calendar.
  package init?(_ text: String) {
    var digits = Array(text.utf8)
    if digits.count == 10, digits[4] == UInt8(ascii: "."), digits[7] == UInt8(ascii: ".") {
      digits.remove(at: 7)
      digits.remove(at: 4)
    }
    guard digits.count == 8 else { return nil }
    self.init(digits: digits[...])
  }

  /// Four, six or eight digits.
  fileprivate init?(digits: ArraySlice<UInt8>) {
    guard [4, 6, 8].contains(digits.count), let year = DICOMDigits.number(digits.prefix(4)) else { return nil }
    self.year = year
    if digits.count >= 6 {
      guard let month = DICOMDigits.number(digits.dropFirst(4).prefix(2)), (1...12).contains(month) else { return nil }
      self.month = month
    }
    if digits.count == 8, let month {
      guard let day = DICOMDigits.number(digits.dropFirst(6)), day >= 1, day <= CivilCalendar.days(year, month) else {
        return nil
      }
      self.day = day
    }
  }
}

/// A time of day, or as much of one as was said: TM, and the end of DT.
package struct DICOMTime: Sendable, Hashable {
  package var hour: Int
  package var minute, second: Int?
  /// Digits behind the second, as they were written: `25`, `250000`.
  package var fraction: String?

  /// `14`, `1405`, `140559`, `140559.25`, or `14:05:59` as before 1993; `nil` for anything else. 60 seconds are a leap
  /// second.
  package init?(_ text: String) {
    var bytes = Array(text.utf8)
    if bytes.count >= 5, bytes[2] == UInt8(ascii: ":") { bytes.removeAll { $0 == UInt8(ascii: ":") } }
    let parts = bytes.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    let digits = parts[0]
    guard [2, 4, 6].contains(digits.count), let hour = DICOMDigits.number(digits.prefix(2)), hour < 24 else {
      return nil
    }
    self.hour = hour
    if digits.count >= 4 {
      guard let minute = DICOMDigits.number(digits.dropFirst(2).prefix(2)), minute < 60 else { return nil }
      self.minute = minute
    }
    if digits.count == 6 {
      guard let second = DICOMDigits.number(digits.dropFirst(4)), second <= 60 else { return nil }
      self.second = second
    }
    if parts.count == 2 {
      guard second != nil, (1...6).contains(parts[1].count), DICOMDigits.number(parts[1]) != nil else { return nil }
      fraction = String(decoding: parts[1], as: UTF8.self)
    }
  }
}

/// A moment, or as much of one as was said: DT.
package struct DICOMDateTime: Sendable, Hashable {
  package var date: DICOMDate
  package var time: DICOMTime?
  /// Minutes ahead of UTC; `nil`: (0008,0201) says it, or nobody does.
  package var offset: Int?

  /// `2026`, `20261122140559.25+0100`; `nil` for anything else.
  package init?(_ text: String) {
    var bytes = Array(text.utf8)[...]
    if bytes.count > 5, let sign = bytes.dropLast(4).last, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
      let hours = DICOMDigits.number(bytes.suffix(4).prefix(2)), let minutes = DICOMDigits.number(bytes.suffix(2))
    {
      guard hours <= 14, minutes < 60 else { return nil }
      offset = (hours * 60 + minutes) * (sign == UInt8(ascii: "-") ? -1 : 1)
      bytes = bytes.dropLast(5)
    }
    let day = bytes.prefix { (0x30...0x39).contains($0) }.prefix(8)
    guard let date = DICOMDate(digits: day) else { return nil }
    self.date = date
    let rest = bytes.dropFirst(day.count)
    if !rest.isEmpty {
      guard day.count == 8, let time = DICOMTime(String(decoding: rest, as: UTF8.self)),
        !rest.contains(UInt8(ascii: ":"))
      else { return nil }
      self.time = time
    }
  }
}

private enum DICOMDigits {
  static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
  }
}

extension DICOMElement {
  /// DA
  package func dates() throws(DICOMError) -> [DICOMDate] { try parsed(.da) { DICOMDate($0) } }
  /// TM
  package func times() throws(DICOMError) -> [DICOMTime] { try parsed(.tm) { DICOMTime($0) } }
  /// DT
  package func dateTimes() throws(DICOMError) -> [DICOMDateTime] { try parsed(.dt) { DICOMDateTime($0) } }

  private func parsed<Part>(_ wanted: DICOMVR, _ parse: (String) -> Part?) throws(DICOMError) -> [Part] {
    guard vr == wanted else { throw error(.kindOfValue(vr)) }
    var parts: [Part] = []
    for text in try texts() {
      guard let part = parse(text) else { throw error(.malformed(wanted)) }
      parts.append(part)
    }
    return parts
  }
}
