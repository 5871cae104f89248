/// The failures that a program refuses an object with, by their names.
extension DIMSEStatus {
  package static let names: [(name: String, status: DIMSEStatus)] = [
    ("OUT_OF_RESOURCES", .outOfResources), ("DATA_SET_DOES_NOT_MATCH", .dataSetDoesNotMatch),
    ("CANNOT_UNDERSTAND", .cannotUnderstand), ("PROCESSING_FAILURE", .processingFailure),
    ("NOT_AUTHORIZED", .notAuthorized), ("SOP_CLASS_NOT_SUPPORTED", .sopClassNotSupported),
    ("NO_SUCH_SOP_CLASS", .noSuchSOPClass), ("DUPLICATE_SOP_INSTANCE", DIMSEStatus(0x0111)),
    ("INVALID_ARGUMENT", DIMSEStatus(0x0115)), ("INVALID_SOP_INSTANCE", DIMSEStatus(0x0117)),
    ("RESOURCE_LIMITATION", DIMSEStatus(0x0213)),
  ]

  /// By a name of these, or by four hexadecimal digits; `nil` for anything else.
  package init?(_ word: String) {
    if let known = Self.names.first(where: { $0.name == word }) {
      self = known.status
    } else if word.utf8.count == 4, let code = UInt16(word, radix: 16) {
      self.init(code)
    } else {
      return nil
    }
  }

  /// `C000`
  package var digits: String { DICOMHex.digits(code) }
}
