import Text

/// A written form of dates: `dd/MM/yyyy`, `yyyy-MM-dd'T'HH:mm:ss`.
struct DateForm: Sendable {
  /// What a form is for.
  enum Use: Sendable { case readingDate, readingTime, writing, writingTime }

  enum Part: Sendable, Equatable {
    case year, yearOfCentury
    /// `isPadded`: always two digits.
    case month(isPadded: Bool), day(isPadded: Bool), hour(isPadded: Bool), minute(isPadded: Bool)
    case second(isPadded: Bool)
    /// `Jan` to `Dec`, the English ones, read in any case.
    case monthName
    /// 1 to 12, with `halfOfDay` beside it.
    case hourOfHalf(isPadded: Bool)
    /// `AM` or `PM`, read in any case.
    case halfOfDay
    case fraction(digits: Int)
    /// `+01:00` or `+0100`; `Z` for none.
    case offset(hasColon: Bool)
    case literal([UInt8])

    /// How exact a date is that has it; `nil` for what adds nothing.
    var precision: Stamp.Precision? {
      switch self {
      case .year, .yearOfCentury: .year
      case .month, .monthName: .month
      case .day: .day
      case .hour, .hourOfHalf: .hour
      case .minute: .minute
      case .second: .second
      case .fraction: .fraction
      case .halfOfDay, .offset, .literal: nil
      }
    }

    /// It takes one digit or two.
    fileprivate var isOpen: Bool {
      switch self {
      case .month(false), .day(false), .hour(false), .hourOfHalf(false), .minute(false), .second(false): true
      default: false
      }
    }
  }

  let parts: [Part]

  init(_ text: String, for use: Use) throws(LiteralError) {
    var reader = DateFormReader(Array(text.utf8))
    let found = try reader.parts()
    parts = found.map(\.part)
    try Self.check(found, use)
  }

  private static func check(_ found: [(part: Part, range: Range<Int>)], _ use: Use) throws(LiteralError) {
    var precisions: [Stamp.Precision] = []
    for (index, (part, range)) in found.enumerated() {
      if let precision = part.precision {
        if precisions.contains(precision) {
          throw LiteralError("the \(precision.word) stands twice in this form", at: range)
        }
        if use == .readingTime || use == .writingTime, precision < .hour {
          throw LiteralError("a time of day has no \(precision.word)", at: range, help: ["HH:mm"])
        }
        precisions.append(precision)
      }
      guard use == .readingDate || use == .readingTime else { continue }
      if part == .yearOfCentury {
        throw LiteralError("two digits don't say which century is meant", at: range, help: ["yyyy"])
      }
      if part.isOpen, index + 1 < found.count, found[index + 1].part.precision != nil {
        throw LiteralError(
          "where a part has one digit or two, something must stand between it and the next", at: range,
          help: ["two letters for two digits"])
      }
    }
    try checkHalves(found)
    let whole = 0..<(found.last?.range.upperBound ?? 0)
    guard let finest = precisions.max() else {
      throw LiteralError("this form has no part of a date", at: whole, help: ["dd/MM/yyyy"])
    }
    guard use == .readingDate || use == .readingTime else { return }
    let first: Stamp.Precision = use == .readingDate ? .year : .hour
    if let missing = Stamp.Precision.allCases.first(where: { $0 >= first && $0 <= finest && !precisions.contains($0) })
    {
      throw LiteralError("this form reads a \(finest.word) and no \(missing.word)", at: whole, help: ["dd/MM/yyyy"])
    }
    if found.contains(where: { if case .offset = $0.part { true } else { false } }), finest < .hour {
      throw LiteralError("an offset without hours means nothing", at: whole)
    }
  }

  /// `hh` says nothing without `a`, and `a` nothing without it.
  private static func checkHalves(_ found: [(part: Part, range: Range<Int>)]) throws(LiteralError) {
    let half = found.first { $0.part == .halfOfDay }
    let hour = found.first { if case .hourOfHalf = $0.part { true } else { false } }
    if let hour, half == nil {
      throw LiteralError(
        "an hour up to 12 needs AM or PM beside it", at: hour.range, help: ["HH is the hour up to 23", "hh:mm a"])
    }
    if let half, hour == nil {
      throw LiteralError("AM and PM go with an hour up to 12", at: half.range, help: ["hh:mm a"])
    }
  }

  private static let monthNames = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  // MARK: Writing

  /// `nil` where the date is less exact than the form, or has no offset where one is wanted.
  func write(_ stamp: Stamp) -> String? {
    var text: [UInt8] = []
    func put(_ value: Int, _ isPadded: Bool) { text += Stamp.digits(value, isPadded ? 2 : 1).utf8 }
    for part in parts {
      if let needed = part.precision, stamp.precision < needed { return nil }
      switch part {
      case .year: text += Stamp.digits(Int(stamp.year), 4).utf8
      case .yearOfCentury: put(Int(stamp.year) % 100, true)
      case .month(let isPadded): put(Int(stamp.month), isPadded)
      case .monthName: text += Self.monthNames[Int(stamp.month) - 1].utf8
      case .day(let isPadded): put(Int(stamp.day), isPadded)
      case .hourOfHalf(let isPadded): put((Int(stamp.hour) + 11) % 12 + 1, isPadded)
      case .halfOfDay: text += (stamp.hour < 12 ? "AM" : "PM").utf8
      case .hour(let isPadded): put(Int(stamp.hour), isPadded)
      case .minute(let isPadded): put(Int(stamp.minute), isPadded)
      case .second(let isPadded): put(Int(stamp.second), isPadded)
      case .fraction(let digits): text += Stamp.digits(Int(stamp.microsecond), 6).utf8.prefix(digits)
      case .offset(let hasColon):
        guard let offset = stamp.offset else { return nil }
        guard offset != 0 else {
          text.append(UInt8(ascii: "Z"))
          break
        }
        text.append(UInt8(ascii: offset < 0 ? "-" : "+"))
        put(Int(offset.magnitude) / 60, true)
        if hasColon { text.append(UInt8(ascii: ":")) }
        put(Int(offset.magnitude) % 60, true)
      case .literal(let bytes): text += bytes
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  // MARK: Reading

  /// `nil` for a text of another form, and for days that no calendar has.
  func read(_ text: String) -> Stamp? {
    let bytes = Array(text.utf8)
    guard bytes.count <= 256 else { return nil }
    var next = 0
    /// Which of some words stands here, in any case.
    func word(_ words: [String]) -> Int? {
      let found = words.firstIndex { word in
        word.utf8.count <= bytes.count - next
          && zip(word.utf8, bytes[next...]).allSatisfy { $0 | 0x20 == $1 | 0x20 }
      }
      next += found.map { words[$0].utf8.count } ?? 0
      return found
    }
    func number(_ least: Int, _ most: Int) -> Int? {
      var value = 0
      let start = next
      while next < bytes.count, next - start < most, Lexer.isDigit(bytes[next]) {
        value = value * 10 + Int(bytes[next] - 0x30)
        next += 1
      }
      return next - start >= least ? value : nil
    }
    var values: [Stamp.Precision: Int] = [:]
    var fractionDigits = 0
    var isAfternoon: Bool?
    var offset: Int?
    for part in parts {
      switch part {
      case .literal(let literal):
        guard bytes[next...].starts(with: literal) else { return nil }
        next += literal.count
      case .offset(let hasColon):
        guard next < bytes.count else { return nil }
        next += 1
        switch bytes[next - 1] {
        case UInt8(ascii: "Z"): offset = 0
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
          let sign = bytes[next - 1] == UInt8(ascii: "-") ? -1 : 1
          guard let hours = number(2, 2) else { return nil }
          if hasColon {
            guard next < bytes.count, bytes[next] == UInt8(ascii: ":") else { return nil }
            next += 1
          }
          guard let minutes = number(2, 2), hours <= 14, minutes <= 59 else { return nil }
          offset = sign * (hours * 60 + minutes)
        default: return nil
        }
      case .monthName:
        guard let month = word(Self.monthNames) else { return nil }
        values[.month] = month + 1
      case .halfOfDay:
        guard let half = word(["AM", "PM"]) else { return nil }
        isAfternoon = half == 1
      case .fraction(let digits):
        guard var value = number(digits, digits) else { return nil }
        for _ in digits..<6 { value *= 10 }
        (values[.fraction], fractionDigits) = (value, digits)
      default:
        guard let precision = part.precision else { continue }
        let digits = part == .year ? 4 : 2
        guard let value = number(part.isOpen ? 1 : digits, digits) else { return nil }
        values[precision] = value
      }
    }
    guard next == bytes.count else { return nil }
    if let isAfternoon {
      guard let hour = values[.hour], (1...12).contains(hour) else { return nil }
      values[.hour] = hour % 12 + (isAfternoon ? 12 : 0)
    }
    return Self.stamp(values, fractionDigits, offset)
  }

  private static func stamp(_ values: [Stamp.Precision: Int], _ fractionDigits: Int, _ offset: Int?) -> Stamp? {
    let (year, month, day) = (values[.year] ?? 1, values[.month] ?? 1, values[.day] ?? 1)
    let (hour, minute, second) = (values[.hour] ?? 0, values[.minute] ?? 0, values[.second] ?? 0)
    guard (1...12).contains(month), day >= 1, day <= CivilCalendar.days(year, month), hour <= 23, minute <= 59,
      second <= 59, let precision = values.keys.max()
    else { return nil }
    return Stamp(
      year: year, month: month, day: day, hour: hour, minute: minute, second: second,
      microsecond: values[.fraction] ?? 0, fractionDigits: fractionDigits, precision: precision, offset: offset)
  }
}

private struct DateFormReader {
  private let bytes: [UInt8]
  private var next = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func parts() throws(LiteralError) -> [(part: DateForm.Part, range: Range<Int>)] {
    guard bytes.count <= 100 else { throw LiteralError("a date's form has at most 100 bytes", at: 0..<bytes.count) }
    var parts: [(part: DateForm.Part, range: Range<Int>)] = []
    while next < bytes.count {
      let start = next
      let part: DateForm.Part
      if bytes[next] == UInt8(ascii: "'") {
        part = .literal(try quoted())
      } else if Lexer.isWordStart(bytes[next]), bytes[next] != UInt8(ascii: "_") {
        part = try letters()
      } else {
        next += 1
        part = .literal([bytes[start]])
      }
      parts.append((part, start..<next))
    }
    return parts
  }

  /// `'T'`; two apostrophes are one.
  private mutating func quoted() throws(LiteralError) -> [UInt8] {
    let start = next
    next += 1
    let content = bytes[next...].prefix { $0 != UInt8(ascii: "'") }
    guard content.endIndex < bytes.count else {
      throw LiteralError("this apostrophe has no other", at: start..<bytes.count, help: ["'T'"])
    }
    next = content.endIndex + 1
    return content.isEmpty ? [UInt8(ascii: "'")] : Array(content)
  }

  /// A run of one letter.
  private mutating func letters() throws(LiteralError) -> DateForm.Part {
    let letter = bytes[next]
    let start = next
    while next < bytes.count, bytes[next] == letter { next += 1 }
    let count = next - start
    switch (Unicode.Scalar(letter), count) {
    case ("y", 4): return .year
    case ("y", 2): return .yearOfCentury
    case ("M", 3): return .monthName
    case ("h", 1...2): return .hourOfHalf(isPadded: count == 2)
    case ("a", 1): return .halfOfDay
    case ("M", 1...2): return .month(isPadded: count == 2)
    case ("d", 1...2): return .day(isPadded: count == 2)
    case ("H", 1...2): return .hour(isPadded: count == 2)
    case ("m", 1...2): return .minute(isPadded: count == 2)
    case ("s", 1...2): return .second(isPadded: count == 2)
    case ("S", 1...6): return .fraction(digits: count)
    case ("X", 2...3): return .offset(hasColon: count == 3)
    case ("T", 1), ("Z", 1): return .literal([letter])
    default:
      let slips: [Unicode.Scalar: String] = ["Y": "yyyy is the year", "D": "dd is the day", "A": "a is AM or PM"]
      throw LiteralError(
        "'\(String(decoding: bytes[start..<next], as: UTF8.self))' has no meaning in a date's form", at: start..<next,
        help: slips[Unicode.Scalar(letter)].map { [$0] } ?? ["yyyy MM dd HH mm ss SSS XXX", "'…' for letters"])
    }
  }
}
