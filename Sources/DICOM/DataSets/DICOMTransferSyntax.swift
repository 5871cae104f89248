/// How the elements of a data set are written.
package struct DICOMEncoding: Sendable, Hashable {
  /// Each element says how its value is read.
  package let isExplicit: Bool
  package let isBigEndian: Bool

  package static let implicitLittle = DICOMEncoding(isExplicit: false, isBigEndian: false)
  package static let explicitLittle = DICOMEncoding(isExplicit: true, isBigEndian: false)
  package static let explicitBig = DICOMEncoding(isExplicit: true, isBigEndian: true)
}

/// A transfer syntax: encoding of the elements, and what was done to pixels or to the whole.
package struct DICOMTransferSyntax: Sendable, Hashable, CustomStringConvertible {
  package let uid: String
  package let encoding: DICOMEncoding
  /// The data set is compressed as a whole.
  package let isDeflated: Bool
  /// Pixel data is compressed, in fragments.
  package let isEncapsulated: Bool
  /// PS3.6 has it. What isn't known is read as PS3.5 annex A.4 has all but the oldest be: explicit, little endian.
  package let isKnown: Bool

  private init(
    _ uid: String, _ encoding: DICOMEncoding, isDeflated: Bool = false, isEncapsulated: Bool = false,
    isKnown: Bool = true
  ) {
    self.uid = uid
    self.encoding = encoding
    self.isDeflated = isDeflated
    self.isEncapsulated = isEncapsulated
    self.isKnown = isKnown
  }

  package static let implicitLittle = DICOMTransferSyntax("1.2.840.10008.1.2", .implicitLittle)
  package static let explicitLittle = DICOMTransferSyntax("1.2.840.10008.1.2.1", .explicitLittle)
  package static let explicitBig = DICOMTransferSyntax("1.2.840.10008.1.2.2", .explicitBig)
  package static let deflated = DICOMTransferSyntax("1.2.840.10008.1.2.1.99", .explicitLittle, isDeflated: true)

  package init(uid: String) {
    switch uid {
    case Self.implicitLittle.uid, "1.2.840.10008.1.20": self.init(uid, .implicitLittle)
    case Self.explicitLittle.uid: self = .explicitLittle
    case Self.explicitBig.uid: self = .explicitBig
    case Self.deflated.uid: self = .deflated
    // JPIP: pixels are elsewhere, the data set may be deflated.
    case "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.204": self.init(uid, .explicitLittle)
    case "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205": self.init(uid, .explicitLittle, isDeflated: true)
    default:
      let isKnown = DICOMDictionary.name(ofUID: uid)?.kind == .transferSyntax
      self.init(uid, .explicitLittle, isEncapsulated: true, isKnown: isKnown)
    }
  }

  package var name: String { DICOMDictionary.name(ofUID: uid)?.name ?? "an unknown transfer syntax" }
  package var description: String { isKnown ? "\(name) (\(uid))" : name }
}
