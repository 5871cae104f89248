/// An exact decimal number of up to 18 digits: `digits` × 10^-`scale`. `1.50` and `1.5` are equal; each keeps its form.
package struct Decimal: Sendable {
  /// More digits than this are an error of kind range, never rounded away.
  static let digitsMax = 18

  let digits: Int64
  /// Digits behind the point, 0 to 18.
  let scale: Int

  init(_ number: Int) {
    digits = Int64(number)
    scale = 0
  }

  /// `nil` where the number has more than 18 digits.
  init?(digits: Int128, scale: Int) {
    var digits = digits
    var scale = scale
    // Zeros behind the point make room before the number is refused.
    while scale > 0, digits % 10 == 0, digits.magnitude > Self.limit || scale > Self.digitsMax {
      digits /= 10
      scale -= 1
    }
    guard digits.magnitude <= Self.limit, (0...Self.digitsMax).contains(scale) else { return nil }
    self.digits = Int64(digits)
    self.scale = scale
  }

  private static let limit: UInt128 = 999_999_999_999_999_999

  /// Reads `12`, `-0.50`, `+3.`, `.5`: a sign, digits, at most one point, at most 18 digits; nothing else, no exponent.
  init?(_ text: some StringProtocol) {
    var digits: Int128 = 0
    var count = 0
    var scale = 0
    var seen = false
    var point = false
    var negative = false
    for (index, byte) in text.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "-") where index == 0: negative = true
      case UInt8(ascii: "+") where index == 0: break
      case UInt8(ascii: ".") where !point: point = true
      case 0x30...0x39:
        seen = true
        if digits != 0 || byte != 0x30 { count += 1 }
        if point { scale += 1 }
        guard count <= Self.digitsMax, scale <= Self.digitsMax else { return nil }
        digits = digits * 10 + Int128(byte - 0x30)
      default: return nil
      }
    }
    guard seen else { return nil }
    self.init(digits: negative ? -digits : digits, scale: scale)
  }

  static func power(_ exponent: Int) -> Int128 {
    var power: Int128 = 1
    for _ in 0..<max(0, exponent) { power *= 10 }
    return power
  }

  /// Both with the greater scale of the two.
  private static func aligned(_ a: Decimal, _ b: Decimal) -> (a: Int128, b: Int128, scale: Int) {
    let scale = max(a.scale, b.scale)
    return (Int128(a.digits) * power(scale - a.scale), Int128(b.digits) * power(scale - b.scale), scale)
  }

  static func sum(_ a: Decimal, _ b: Decimal) -> Decimal? {
    let both = aligned(a, b)
    return Decimal(digits: both.a + both.b, scale: both.scale)
  }

  static func product(_ a: Decimal, _ b: Decimal) -> Decimal? {
    Decimal(digits: Int128(a.digits) * Int128(b.digits), scale: a.scale + b.scale)
  }

  /// Rounded half away from zero where it does not come out even within 18 digits; `nil` for a division by zero.
  static func quotient(_ a: Decimal, _ b: Decimal) -> Decimal? {
    guard b.digits != 0 else { return nil }
    let both = aligned(a, b)
    var scale = 0
    var digits = both.a / both.b
    var rest = both.a % both.b
    while rest != 0, scale < digitsMax, digits.magnitude <= limit / 10 {
      let (shifted, over) = rest.multipliedReportingOverflow(by: 10)
      guard !over else { break }
      let digit = shifted / both.b
      digits = digits * 10 + digit
      rest = shifted % both.b
      scale += 1
    }
    if rest != 0, rest.magnitude >= (both.b.magnitude + 1) / 2 { digits += (both.a < 0) == (both.b < 0) ? 1 : -1 }
    return Decimal(digits: digits, scale: scale)
  }

  var negated: Decimal { Decimal(digits: -digits, scale: scale) }
  private init(digits: Int64, scale: Int) {
    self.digits = digits
    self.scale = scale
  }

  /// Half away from zero, as people round.
  func rounded(places: Int) -> Decimal {
    guard places < scale else { return self }
    let power = Self.power(scale - max(0, places))
    var whole = Int128(digits) / power
    let rest = Int128(digits) % power
    if rest.magnitude * 2 >= power.magnitude { whole += digits < 0 ? -1 : 1 }
    return Decimal(digits: Int64(whole), scale: max(0, places))
  }

  /// Exactly so many digits behind the point; `nil` where it has no room for them.
  func fixed(places: Int) -> Decimal? {
    guard (0...Self.digitsMax).contains(places) else { return nil }
    let rounded = rounded(places: places)
    return Decimal(
      digits: Int128(rounded.digits) * Self.power(places - rounded.scale), scale: rounded.scale, to: places)
  }

  private init?(digits: Int128, scale: Int, to places: Int) {
    guard digits.magnitude <= Self.limit, (0...Self.digitsMax).contains(places) else { return nil }
    self.init(digits: Int64(digits), scale: max(scale, places))
  }

  /// The whole number, where it is one.
  var integer: Int? {
    let power = Self.power(scale)
    return Int128(digits) % power == 0 ? Int(Int128(digits) / power) : nil
  }
}

extension Decimal: Equatable, Comparable {
  package static func == (a: Decimal, b: Decimal) -> Bool {
    if a.scale == b.scale { return a.digits == b.digits }
    let both = aligned(a, b)
    return both.a == both.b
  }
  package static func < (a: Decimal, b: Decimal) -> Bool {
    let both = aligned(a, b)
    return both.a < both.b
  }
}

extension Decimal: CustomStringConvertible {
  package var description: String {
    guard scale > 0 else { return String(digits) }
    var text = String(digits.magnitude)
    if text.utf8.count <= scale { text = String(repeating: "0", count: scale + 1 - text.utf8.count) + text }
    let point = text.index(text.endIndex, offsetBy: -scale)
    return (digits < 0 ? "-" : "") + text[..<point] + "." + text[point...]
  }
}
