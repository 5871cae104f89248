/// Sixteen bytes that name a message, a delivery or a blob; they sort in the order in which one engine minted them.
///
/// `high` holds 48 bits of milliseconds since 1970 and 15 bits of a counter (its top bit is zero, so that it fits a
/// signed 64-bit key and is unique within one store); `low` holds 64 random bits, which keep the ids of several
/// stores apart. The text form is 26 letters and digits of Crockford's base 32 (no I, L, O, U), lower case, like a
/// ULID.
public struct Identifier: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let high: UInt64
  public let low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Sixteen bytes, most significant first.
  public init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for (index, byte) in bytes.enumerated() {
      if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
    }
    self.init(high: high, low: low)
  }

  /// The text form, in either case; `nil` where it isn't one.
  public init?(_ text: some StringProtocol) {
    let letters = text.utf8
    guard letters.count == 26 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for letter in letters {
      let value = Self.values[Int(letter)]
      guard value < 32, high >> 59 == 0 else { return nil }
      high = high << 5 | low >> 59
      low = low << 5 | UInt64(value)
    }
    self.init(high: high, low: low)
  }

  /// Sixteen bytes, most significant first.
  public var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(16)
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: high >> UInt64(shift))) }
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: low >> UInt64(shift))) }
    return bytes
  }

  /// Milliseconds since 1970 (UTC) at which it was minted, to the precision of the clock it was minted with.
  public var milliseconds: Int64 { Int64(high >> 15) }

  public var description: String {
    var high = high
    var low = low
    var letters = [UInt8](repeating: 0, count: 26)
    for index in stride(from: 25, through: 0, by: -1) {
      letters[index] = Self.alphabet[Int(low & 31)]
      low = low >> 5 | high << 59
      high >>= 5
    }
    return String(decoding: letters, as: UTF8.self)
  }

  public static func < (a: Identifier, b: Identifier) -> Bool {
    a.high == b.high ? a.low < b.low : a.high < b.high
  }

  /// What its text is made of.
  public static let letters: [Character] = alphabet.map { Character(Unicode.Scalar($0)) }
  private static let alphabet = [UInt8]("0123456789abcdefghjkmnpqrstvwxyz".utf8)
  /// The value of each letter; 255 where it has none.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, letter) in alphabet.enumerated() {
      values[Int(letter)] = UInt8(value)
      if letter >= 0x61 { values[Int(letter) - 32] = UInt8(value) }
    }
    return values
  }()
}

/// Names one message that the engine took in.
public typealias MessageID = Identifier
/// Names one delivery: one message to one destination.
public typealias DeliveryID = Identifier

/// Mints identifiers that grow, even when the clock is set back or more than 32,768 are wanted in one millisecond.
///
/// Not safe to share without a lock: its owner guards it.
public struct IdentifierMint: Sendable {
  private var last: UInt64

  /// - Parameter last: the `high` of the greatest identifier that exists already; what is minted is greater.
  public init(after last: UInt64 = 0) {
    self.last = last
  }

  /// - Parameter milliseconds: the clock, since 1970.
  public mutating func next(milliseconds: Int64, random: UInt64) -> Identifier {
    let clock = UInt64(max(0, milliseconds)) << 15
    last = max(last &+ 1, clock)
    return Identifier(high: last, low: random)
  }
}
