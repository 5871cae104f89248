import Text

/// Writes segments of our own from left to right: an answer, which must go out whatever the message holds.
///
/// What can't be written is left out (a field of the sender's) or has question marks (text of ours).
struct HL7SegmentWriter {
  private(set) var bytes: [UInt8] = []
  private let encoder: HL7Encoder
  /// Separators that are written once something follows them.
  private var waiting = 0

  init(delimiters: HL7Delimiters, charset: Charset) {
    encoder = HL7Encoder(delimiters: delimiters, charset: charset)
    bytes.reserveCapacity(256)
  }

  mutating func begin(_ code: StaticString) {
    code.withUTF8Buffer { bytes.append(contentsOf: $0) }
    waiting = 0
  }

  mutating func end() { bytes.append(0x0D) }

  /// MSH-1 and MSH-2.
  mutating func encodingCharacters() {
    bytes.append(encoder.delimiters.field)
    encoder.delimiters.appendEncodingCharacters(to: &bytes)
  }

  /// Leaves fields empty.
  mutating func skip(_ count: Int) { waiting += count }

  mutating func content(_ content: HL7Content) {
    write { encoder, bytes throws(HL7EditError.Kind) in try encoder.append(content, at: .field, to: &bytes) }
  }

  mutating func copy(_ number: Int, of message: HL7Message) {
    let piece = message.field(number, of: 0)
    write { encoder, bytes throws(HL7EditError.Kind) in try encoder.append(piece, at: .field, to: &bytes) }
  }

  mutating func text(_ text: String) {
    let isWritten = write { encoder, bytes throws(HL7EditError.Kind) in try encoder.append(text, to: &bytes) }
    guard !isWritten else { return }
    waiting -= 1
    let plain = String(text.unicodeScalars.map { $0.isASCII ? Character($0) : "?" })
    write { encoder, bytes throws(HL7EditError.Kind) in try encoder.append(plain, to: &bytes) }
  }

  @discardableResult
  private mutating func write(
    _ body: (HL7Encoder, inout [UInt8]) throws(HL7EditError.Kind) -> Void
  ) -> Bool {
    waiting += 1
    let start = bytes.count
    for _ in 0..<waiting { bytes.append(encoder.delimiters.field) }
    let contentStart = bytes.count
    var isWritten = true
    do { try body(encoder, &bytes) } catch { isWritten = false }
    if !isWritten || bytes.count == contentStart {
      bytes.removeSubrange(start...)
    } else {
      waiting = 0
    }
    return isWritten
  }
}
