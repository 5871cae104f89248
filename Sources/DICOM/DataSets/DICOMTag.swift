import Text

/// The number of a data element: `(0010,0010)`.
package struct DICOMTag: Sendable, Hashable, Comparable, CustomStringConvertible {
  package let rawValue: UInt32

  package init(rawValue: UInt32) { self.rawValue = rawValue }
  package init(_ group: UInt16, _ element: UInt16) { rawValue = UInt32(group) << 16 | UInt32(element) }

  /// Reads `(0010,0010)`, `0010,0010` and `00100010`, in either case; `nil` for anything else.
  package init?(_ text: some StringProtocol) {
    var digits = Array(text.utf8)
    if digits.first == UInt8(ascii: "("), digits.last == UInt8(ascii: ")"), digits.count == 11 {
      digits = Array(digits[1..<10])
    }
    if digits.count == 9, digits[4] == UInt8(ascii: ",") { digits.remove(at: 4) }
    guard digits.count == 8 else { return nil }
    var value: UInt32 = 0
    for digit in digits {
      guard let nibble = HexText.digit(digit) else { return nil }
      value = value << 4 | UInt32(nibble)
    }
    self.init(rawValue: value)
  }

  package var group: UInt16 { UInt16(truncatingIfNeeded: rawValue >> 16) }
  package var element: UInt16 { UInt16(truncatingIfNeeded: rawValue) }

  /// Groups with an odd number belong to makers of devices.
  package var isPrivate: Bool { group & 1 == 1 }
  /// Says who owns a block of private elements: `(0019,0010)` for `(0019,10xx)`.
  package var isPrivateCreator: Bool { isPrivate && (0x10...0xFF).contains(element) }
  /// The element that owns the block of this one; `nil` where it is in none.
  package var privateCreator: DICOMTag? {
    guard isPrivate, element >= 0x1000 else { return nil }
    return DICOMTag(group, element >> 8)
  }
  package var isGroupLength: Bool { element == 0 }
  /// Groups that no data set may have (PS3.5 section 7.1): 0000 and 0002 stand in front of one, odd ones below 9 and
  /// FFFF nowhere.
  var isOutsideOfDataSets: Bool { group <= 0x0003 || group == 0x0005 || group == 0x0007 || group == 0xFFFF }

  /// Eight digits, as JSON has them: `00100010`.
  package var digits: String { DICOMHex.digits(group) + DICOMHex.digits(element) }
  package var description: String { "(\(DICOMHex.digits(group)),\(DICOMHex.digits(element)))" }

  package static func < (a: DICOMTag, b: DICOMTag) -> Bool { a.rawValue < b.rawValue }
}

/// Elements that the room itself looks at.
extension DICOMTag {
  static let groupLengthOfMeta = DICOMTag(0x0002, 0x0000)
  package static let transferSyntaxUID = DICOMTag(0x0002, 0x0010)
  package static let mediaStorageSOPClassUID = DICOMTag(0x0002, 0x0002)
  package static let mediaStorageSOPInstanceUID = DICOMTag(0x0002, 0x0003)
  package static let specificCharacterSet = DICOMTag(0x0008, 0x0005)
  package static let sopClassUID = DICOMTag(0x0008, 0x0016)
  package static let sopInstanceUID = DICOMTag(0x0008, 0x0018)
  static let patientName = DICOMTag(0x0010, 0x0010)
  static let patientID = DICOMTag(0x0010, 0x0020)
  static let patientAge = DICOMTag(0x0010, 0x1010)
  static let patientIdentityRemoved = DICOMTag(0x0012, 0x0062)
  static let deidentificationMethod = DICOMTag(0x0012, 0x0063)
  static let deidentificationMethodCodes = DICOMTag(0x0012, 0x0064)
  static let studyInstanceUID = DICOMTag(0x0020, 0x000D)
  static let longitudinalTemporalInformationModified = DICOMTag(0x0028, 0x0303)
  static let pixelRepresentation = DICOMTag(0x0028, 0x0103)
  package static let floatPixelData = DICOMTag(0x7FE0, 0x0008)
  package static let doubleFloatPixelData = DICOMTag(0x7FE0, 0x0009)
  package static let pixelData = DICOMTag(0x7FE0, 0x0010)
  package static let trailingPadding = DICOMTag(0xFFFC, 0xFFFC)
  package static let item = DICOMTag(0xFFFE, 0xE000)
  static let itemDelimiter = DICOMTag(0xFFFE, 0xE00D)
  static let sequenceDelimiter = DICOMTag(0xFFFE, 0xE0DD)
}

/// Tags of which some digits are any: `60xx3000`.
struct DICOMTagPattern {
  var mask: UInt32 = 0
  var value: UInt32 = 0

  /// `nil` for anything but eight hexadecimal digits and `x`.
  init?(_ text: some StringProtocol) {
    guard text.utf8.count == 8 else { return nil }
    for digit in text.utf8 {
      let nibble = HexText.digit(digit)
      guard nibble != nil || digit == UInt8(ascii: "x") else { return nil }
      mask = mask << 4 | (nibble == nil ? 0 : 15)
      value = value << 4 | UInt32(nibble ?? 0)
    }
  }
}

/// Hexadecimal digits.
enum DICOMHex {
  static let digits = Array("0123456789ABCDEF".utf8)

  static func digits(_ number: UInt16) -> String {
    String(decoding: [12, 8, 4, 0].map { digits[Int(number >> $0 & 15)] }, as: UTF8.self)
  }
}
