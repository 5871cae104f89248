import Testing

@testable import DICOM

/// A hash that depends on a key; what a caller has is HMAC-SHA-256.
func keyed(_ key: String) -> DICOMPseudonyms.KeyedHash {
  { bytes in
    var generator = SeededGenerator(seed: 7)
    var state: UInt64 = 0
    for byte in Array(key.utf8) + [0] + bytes {
      var next = SeededGenerator(seed: state &* 31 &+ UInt64(byte) ^ generator.next())
      state = next.next()
    }
    generator = SeededGenerator(seed: state)
    return (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }
}

func deidentification(
  _ options: Set<DICOMDeidentification.Option> = [], prefix: String = "",
  safePrivate: [DICOMDeidentification.SafePrivate] = [],
  allowedTexts: [String] = [], key: String = "research-2026"
) throws -> DICOMDeidentification {
  try DICOMDeidentification(
    options: options, prefix: prefix, safePrivate: safePrivate, allowedTexts: allowedTexts, hash: keyed(key))
}

extension DICOMObject {
  /// Of elements that a test says, without a file.
  init(_ elements: [Sample], _ encoding: DICOMEncoding = .explicitLittle) throws {
    let syntax: DICOMTransferSyntax =
      encoding.isExplicit ? encoding.isBigEndian ? .explicitBig : .explicitLittle : .implicitLittle
    self = try DICOMObject(
      SampleWriter(encoding).bytes(elements.sorted { $0.tag < $1.tag }), syntax: syntax)
  }
}

/// What is left of elements that a test says.
func deidentified(_ elements: [Sample], _ rules: DICOMDeidentification) throws -> DICOMDataSet {
  try rules.apply(to: try DICOMObject(elements)).draft.dataSet()
}
