import Text

/// What a message says of itself in MSH. It is read from as little as a readable MSH, so that a message that is broken
/// behind it, or was cut, can still be answered by name.
package struct HL7Header: Sendable {
  /// The MSH segment alone.
  let segment: HL7Message
  /// Whether the message has an MSA segment, so far as it was seen.
  let hasMSA: Bool
  /// MSH-18 names a set that is not read here; the segment is read byte by byte as if it were another.
  let hasForeignCharset: Bool

  /// The header of a message.
  package init(_ message: HL7Message) {
    segment = message
    hasMSA = message.segment("MSA", occurrence: 1) != nil
    hasForeignCharset = false
  }

  /// The header of bytes that need not be a readable message: the start of a frame that was too long, a message with a
  /// broken segment. `nil` where not even MSH can be read; then there is nobody to answer.
  package init?(_ bytes: [UInt8], _ options: HL7ReadingOptions = HL7ReadingOptions()) {
    // Names and control ids are read even where the rest of the settings would refuse the message.
    var tolerant = options
    tolerant.segmentEnd = .any
    tolerant.fieldCountMax = max(options.fieldCountMax, 1_000)
    guard let start = try? HL7Opening(bytes[...], tolerant).start else { return nil }
    let end = bytes[start...].firstIndex { $0 == 0x0D || $0 == 0x0A } ?? bytes.count
    let header = Array(bytes[start..<end])
    if let segment = try? HL7Message(header, tolerant) {
      self.segment = segment
      hasForeignCharset = false
    } else {
      // MSH-18 names a set that is not read here. Every byte is a character of this one.
      tolerant.charsetDeclared = .ignore
      tolerant.charset = .iso8859Part1
      guard let segment = try? HL7Message(header, tolerant) else { return nil }
      self.segment = segment
      hasForeignCharset = true
    }
    hasMSA = Self.holdsMSA(bytes[end...], separator: segment.delimiters.field)
  }

  /// Looks at segments' ends only: CR, and LF where there are any.
  private static func holdsMSA(_ bytes: ArraySlice<UInt8>, separator: UInt8) -> Bool {
    bytes.withUnsafeBytes { bytes in
      [UInt8(0x0D), 0x0A].contains { lineEnd in
        var index = 0
        while let end = bytes.offset(of: lineEnd, from: index) {
          guard end + 4 < bytes.count else { return false }
          if bytes[end + 1] == UInt8(ascii: "M"), bytes[end + 2] == UInt8(ascii: "S"),
            bytes[end + 3] == UInt8(ascii: "A"), bytes[end + 4] == separator
          {
            return true
          }
          index = end + 1
        }
        return false
      }
    }
  }

  /// MSH-3.1, the sending application. `nil` where it is empty or can't be decoded; the same for all that follow.
  package var sendingApplication: String? { text(3) }
  /// MSH-4.1, the sending facility.
  package var sendingFacility: String? { text(4) }
  /// MSH-5.1, the receiving application.
  package var receivingApplication: String? { text(5) }
  /// MSH-6.1, the receiving facility.
  package var receivingFacility: String? { text(6) }
  /// MSH-9.1, such as `ADT`.
  package var messageCode: String? { text(9, 1) }
  /// MSH-9.2, such as `A01`.
  package var triggerEvent: String? { text(9, 2) }
  /// MSH-9.3, such as `ADT_A01`; absent before 2.3.1 and in much traffic since.
  package var messageStructure: String? { text(9, 3) }
  /// MSH-10. It names the message for acknowledgements and for the recognition of duplicates.
  package var controlID: String? { text(10) }
  /// MSH-11.1: `P`, `T` or `D`.
  package var processingID: String? { text(11) }
  /// MSH-12.1, such as `2.5.1`.
  package var version: String? { text(12) }
  /// MSH-13, where the sequence number protocol is in use.
  package var sequenceNumber: String? { text(13) }

  /// MSH-15: when an accept acknowledgement is wanted, of table 0155 (AL, NE, ER, SU).
  package var acceptCondition: String? { text(15) }
  /// MSH-16: when an application acknowledgement is.
  package var applicationCondition: String? { text(16) }

  /// An acknowledgement or a response: no application acknowledges it, and its receipt only where it asks for that.
  package var isAcknowledgment: Bool { hasMSA || messageCode == "ACK" }

  func text(_ field: Int, _ component: Int = 1) -> String? {
    guard let value = try? segment.field(field, of: 0).component(component).value() else { return nil }
    return value.text
  }

  /// MSH-12.1 as a number that can be compared: 2.5.1 is 20501. 0 where there is none that can be read.
  var versionNumber: Int {
    var number = 0
    var part = 0
    var weight = 10_000
    for byte in segment.field(12, of: 0).leaf.bytes {
      switch byte {
      case 0x30...0x39: part = min(part * 10 + Int(byte - 0x30), 99)
      case UInt8(ascii: "."):
        number += part * weight
        part = 0
        weight /= 100
      default: return 0
      }
    }
    return number + part * weight
  }
}

extension HL7Header: CustomStringConvertible, CustomReflectable {
  /// Size; never content.
  package var description: String { "MSH, \(segment.bytes.count) bytes" }
  package var customMirror: Mirror { Mirror(self, children: ["header": description]) }
}
