/// How an operation ended (PS3.7 annex C; PS3.4 annex B.2.3 for storage).
package struct DIMSEStatus: Sendable, Hashable, CustomStringConvertible {
  package let code: UInt16

  package init(_ code: UInt16) { self.code = code }

  package static let success = DIMSEStatus(0x0000)
  /// Refused: out of resources.
  package static let outOfResources = DIMSEStatus(0xA700)
  /// Error: data set does not match SOP class.
  package static let dataSetDoesNotMatch = DIMSEStatus(0xA900)
  /// Error: cannot understand.
  package static let cannotUnderstand = DIMSEStatus(0xC000)
  package static let invalidSOPInstance = DIMSEStatus(0x0117)
  package static let sopClassNotSupported = DIMSEStatus(0x0122)
  package static let noSuchSOPClass = DIMSEStatus(0x0118)
  package static let notAuthorized = DIMSEStatus(0x0124)
  package static let duplicateInvocation = DIMSEStatus(0x0210)
  package static let unrecognizedOperation = DIMSEStatus(0x0211)
  package static let mistypedArgument = DIMSEStatus(0x0212)
  package static let processingFailure = DIMSEStatus(0x0110)
  package static let noSuchAction = DIMSEStatus(0x0123)
  package static let noSuchEvent = DIMSEStatus(0x0113)
  package static let noSuchInstance = DIMSEStatus(0x0112)
  package static let invalidArgument = DIMSEStatus(0x0115)

  package enum Class: Sendable, Hashable { case success, warning, failure, pending, cancel }

  /// PS3.7 annex C: ranges of codes.
  package var statusClass: Class {
    switch code {
    case 0x0000: .success
    case 0x0001, 0x0107, 0x0116, 0xB000...0xBFFF: .warning
    case 0xFE00: .cancel
    case 0xFF00, 0xFF01: .pending
    default: .failure
    }
  }

  /// Whether the same may go well another time: a lack of room or a fault at the peer, and nothing of the object.
  package var isTransient: Bool {
    switch code {
    case 0xA700...0xA7FF, 0x0110, 0x0213: true
    default: false
    }
  }

  /// `A700`
  package var hexadecimal: String { DIMSEError.hex(Int(code)) }

  package var description: String {
    let words =
      switch code {
      case 0x0000: "success"
      case 0x0107: "attribute list error"
      case 0x0110: "processing failure"
      case 0x0111: "duplicate SOP instance"
      case 0x0112: "no such SOP instance"
      case 0x0113: "no such event type"
      case 0x0115: "invalid argument value"
      case 0x0116: "attribute value out of range"
      case 0x0117: "invalid SOP instance"
      case 0x0118: "no such SOP class"
      case 0x0119: "class-instance conflict"
      case 0x0122: "SOP class not supported"
      case 0x0123: "no such action"
      case 0x0124: "not authorized"
      case 0x0210: "duplicate invocation"
      case 0x0211: "unrecognized operation"
      case 0x0212: "mistyped argument"
      case 0x0213: "resource limitation"
      case 0xA700...0xA7FF: "out of resources"
      case 0xA900...0xA9FF: "the data set does not match its SOP class"
      case 0xB000: "data elements were coerced"
      case 0xB006: "data elements were discarded"
      case 0xB007: "the data set does not match its SOP class, and was kept"
      case 0xC000...0xCFFF: "it can't be understood"
      case 0xFE00: "cancelled"
      case 0xFF00, 0xFF01: "pending"
      default: "status without a name"
      }
    return "\(hexadecimal)H, \(words)"
  }
}
