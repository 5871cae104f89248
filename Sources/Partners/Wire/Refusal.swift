/// Why an answerer did not take a message, as its MSA and ERR segments say. Read by counting separators, as everything
/// of a test partner is, and not with the engine's reader.
package struct Refusal: Sendable, Hashable {
  /// MSA-3, or where that is empty what the first ERR says to people (ERR-8, else ERR-7). May quote the message.
  package private(set) var text: String?
  /// Where, of the first ERR: `PID-3`, `OBX[2]-5[1].2`.
  package private(set) var place: String?
  /// HL7 table 0357: `101`.
  package private(set) var condition: String?
  /// The words beside that code.
  package private(set) var conditionText: String?

  /// - Parameter acknowledgement: the answer without its frame, as it came.
  init(_ acknowledgement: [UInt8]) {
    guard acknowledgement.count > 4 else { return }
    let separator = acknowledgement[3]
    // MSH-2: component, repetition, escape, subcomponent.
    let encoding = acknowledgement.dropFirst(4).prefix { $0 != separator && $0 != 0x0D && $0 != 0x0A }
    let component = encoding.first ?? UInt8(ascii: "^")
    let repetition = encoding.dropFirst().first ?? UInt8(ascii: "~")
    let subcomponent = encoding.dropFirst(3).first ?? UInt8(ascii: "&")
    var hasError = false
    for line in acknowledgement.split(whereSeparator: { $0 == 0x0D || $0 == 0x0A }) {
      let fields = line.split(separator: separator, omittingEmptySubsequences: false)
      func field(_ number: Int) -> ArraySlice<UInt8> {
        guard number < fields.count else { return [] }
        return fields[number].prefix { $0 != repetition }
      }
      func parts(_ number: Int) -> [ArraySlice<UInt8>] {
        field(number).split(separator: component, omittingEmptySubsequences: false)
      }
      let name = fields.first.map(Self.text) ?? ""
      if name == "MSA" {
        text = Self.valued(Self.text(field(3)))
        if let code = parts(6).first { take(code, parts(6).dropFirst().first ?? []) }
      } else if name == "ERR", !hasError {
        hasError = true
        if field(2).isEmpty, field(3).isEmpty {
          let older = parts(1)
          place = Self.place(older.prefix(3) + [])
          let code = older.dropFirst(3).first?.split(separator: subcomponent, omittingEmptySubsequences: false) ?? []
          if let number = code.first { take(number, code.dropFirst().first ?? []) }
        } else {
          place = Self.place(parts(2))
          if let code = parts(3).first { take(code, parts(3).dropFirst().first ?? []) }
          text = text ?? Self.valued(Self.text(field(8))) ?? Self.valued(Self.text(field(7)))
        }
      }
    }
  }

  /// Code, place and text on one line, for the eyes of who sent the message.
  package var words: String {
    var words = [condition.map { code in conditionText.map { "\(code) \($0)" } ?? code }, place.map { "at \($0)" }]
      .compactMap(\.self).joined(separator: " ")
    if let text { words += words.isEmpty ? text : ": \(text)" }
    return words
  }

  private mutating func take(_ code: ArraySlice<UInt8>, _ words: ArraySlice<UInt8>) {
    guard !code.isEmpty, code.count <= 8, code.allSatisfy(Self.isWord) else { return }
    condition = Self.text(code)
    conditionText = Self.valued(Self.text(words))
  }

  /// Segment, its occurrence, field, repetition, component, subcomponent, as far as they are there.
  private static func place(_ parts: [ArraySlice<UInt8>]) -> String? {
    guard let segment = parts.first, segment.count == 3, segment.allSatisfy(isWord) else { return nil }
    let numbers = parts.dropFirst().prefix(5).map { Int(text($0)) ?? 0 } + [0, 0, 0, 0, 0]
    var place = text(segment)
    if numbers[0] > 1 { place += "[\(numbers[0])]" }
    guard numbers[1] > 0 else { return place }
    place += "-\(numbers[1])"
    if numbers[2] > 0 { place += "[\(numbers[2])]" }
    if numbers[3] > 0 { place += ".\(numbers[3])" }
    if numbers[3] > 0, numbers[4] > 0 { place += ".\(numbers[4])" }
    return place
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
  private static func valued(_ text: String) -> String? { text.isEmpty ? nil : text }
  private static func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}
