/// The name of a segment, three characters of ASCII: `PID`, `ZPV`, `NK1`.
package struct HL7SegmentCode: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// The three bytes, the first highest.
  package let rawValue: UInt32

  @inline(__always)
  init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `nil` unless it is a capital letter and two capital letters or digits.
  package init?(_ text: some StringProtocol) {
    var value: UInt32 = 0
    var count = 0
    for byte in text.utf8 {
      guard count < 3, count == 0 ? Self.isCapital(byte) : Self.isCapitalOrDigit(byte) else { return nil }
      value = value << 8 | UInt32(byte)
      count += 1
    }
    guard count == 3 else { return nil }
    rawValue = value
  }

  /// For names written in our own program text; a name that is not one becomes `___`, which no message has.
  package init(stringLiteral text: String) { self = HL7SegmentCode(text) ?? HL7SegmentCode(rawValue: 0x5F5F5F) }

  package var description: String {
    String(
      decoding: [UInt8(rawValue >> 16 & 0xFF), UInt8(rawValue >> 8 & 0xFF), UInt8(rawValue & 0xFF)], as: UTF8.self)
  }

  package static let msh: HL7SegmentCode = "MSH"
  /// Whether the first field is the separator itself: MSH, FHS and BHS.
  package var declaresDelimiters: Bool { Self.headers.contains(self) }
  private static let headers: [HL7SegmentCode] = ["MSH", "FHS", "BHS"]
  /// A segment of a site's own making.
  package var isLocal: Bool { rawValue >> 16 == UInt32(UInt8(ascii: "Z")) }

  /// A capital letter and two capital letters or digits.
  var isWellFormed: Bool {
    Self.isCapital(UInt8(rawValue >> 16 & 0xFF)) && Self.isCapitalOrDigit(UInt8(rawValue >> 8 & 0xFF))
      && Self.isCapitalOrDigit(UInt8(rawValue & 0xFF))
  }

  private static func isCapital(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
  private static func isCapitalOrDigit(_ byte: UInt8) -> Bool {
    isCapital(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}

/// A place within a segment: `-3[1].4.1`. All numbers count from 1.
package struct HL7Position: Sendable, Hashable, CustomStringConvertible {
  package var field: Int
  /// `nil`: the field with all its repetitions. Where a component is given, `nil` means the first.
  package var repetition: Int?
  package var component: Int?
  package var subcomponent: Int?

  package init(_ field: Int, repetition: Int? = nil, component: Int? = nil, subcomponent: Int? = nil) {
    self.field = field
    self.repetition = repetition
    self.component = component
    self.subcomponent = subcomponent
  }

  /// `3[1].4.1`, without the dash.
  package var description: String {
    var text = String(field)
    if let repetition { text += "[\(repetition)]" }
    if let component { text += ".\(component)" }
    if let subcomponent { text += (component == nil ? ".1" : "") + ".\(subcomponent)" }
    return text
  }
}

/// A place in a message: `PID-3[1].4.1`, `OBX[2]-5`. All numbers count from 1.
package struct HL7Path: Sendable, Hashable, CustomStringConvertible {
  package var segment: HL7SegmentCode
  /// Which segment of that name.
  package var occurrence: Int
  package var position: HL7Position

  package init(_ segment: HL7SegmentCode, _ occurrence: Int = 1, _ position: HL7Position) {
    self.segment = segment
    self.occurrence = occurrence
    self.position = position
  }

  /// Reads `PID-3[1].4.1` or `OBX[2]-5[1]`; `nil` where it is anything else.
  package init?(_ text: String) {
    var reader = PathReader(bytes: Array(text.utf8))
    guard let code = HL7SegmentCode(text.prefix(3)) else { return nil }
    reader.next = 3
    guard let occurrence = reader.index(), reader.take("-"), let field = reader.number(),
      let repetition = reader.index()
    else { return nil }
    var position = HL7Position(field, repetition: repetition)
    if reader.take(".") {
      guard let component = reader.number() else { return nil }
      position.component = component
      if reader.take(".") {
        guard let subcomponent = reader.number() else { return nil }
        position.subcomponent = subcomponent
      }
    }
    guard reader.isAtEnd else { return nil }
    self.init(code, occurrence ?? 1, position)
  }

  package var description: String {
    "\(segment)\(occurrence == 1 ? "" : "[\(occurrence)]")-\(position)"
  }
}

private struct PathReader {
  let bytes: [UInt8]
  var next = 0
  var isAtEnd: Bool { next == bytes.count }

  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard next < bytes.count, bytes[next] == UInt8(ascii: character) else { return false }
    next += 1
    return true
  }

  /// Digits that make a number from 1 to 99,999,999.
  mutating func number() -> Int? {
    var value = 0
    let start = next
    while next < bytes.count, next - start < 8, (0x30...0x39).contains(bytes[next]) {
      value = value * 10 + Int(bytes[next] - 0x30)
      next += 1
    }
    return value > 0 ? value : nil
  }

  /// `[n]`: the number; nothing: `.some(nil)`; anything else: `nil`.
  mutating func index() -> Int?? {
    guard take("[") else { return .some(nil) }
    guard let value = number(), take("]") else { return nil }
    return value
  }
}
