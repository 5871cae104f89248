/// What is said of objects in storage commitment (PS3.4 annex J): which are asked for or, in a report, which are
/// committed and which are not.
package struct StorageCommitment: Sendable, Hashable {
  package struct Reference: Sendable, Hashable {
    package var sopClass: String
    package var sopInstance: String

    package init(sopClass: String, sopInstance: String) {
      self.sopClass = sopClass
      self.sopInstance = sopInstance
    }
  }

  package struct Failure: Sendable, Hashable {
    package var reference: Reference
    package var reason: CommitmentFailure

    package init(_ reference: Reference, _ reason: CommitmentFailure) {
      self.reference = reference
      self.reason = reason
    }
  }

  private static let transactionTag = DICOMTag(0x0008, 0x1195)
  private static let failureReason = DICOMTag(0x0008, 0x1197)
  private static let failedSequence = DICOMTag(0x0008, 0x1198)
  private static let referencedSequence = DICOMTag(0x0008, 0x1199)
  private static let referencedClass = DICOMTag(0x0008, 0x1150)
  private static let referencedInstance = DICOMTag(0x0008, 0x1155)

  /// Joins what is asked and its report, which may come on another association and much later.
  package var transaction: String
  package var references: [Reference]
  package var failed: [Failure]

  /// A transaction's name that nobody has used, and nobody guesses (PS3.5 annex B.2, of a UUID of version 4).
  package static func newTransaction() -> String {
    let high = UInt64.random(in: .min ... .max) & ~0xF000 | 0x4000
    let low = UInt64.random(in: .min ... .max) >> 2 | 1 << 63
    return "2.25.\(UInt128(high) << 64 | UInt128(low))"
  }

  package init(_ transaction: String, _ references: [Reference], failed: [Failure] = []) {
    self.transaction = transaction
    self.references = references
    self.failed = failed
  }

  /// `nil`: it isn't one.
  package init?(_ bytes: [UInt8], syntax: DICOMTransferSyntax) {
    guard let dataSet = try? DICOMObject(bytes, syntax: syntax).dataSet else { return nil }
    self.init(dataSet)
  }

  package init?(_ dataSet: DICOMDataSet) {
    guard let transaction = (try? dataSet[Self.transactionTag]?.text()) ?? nil else { return nil }
    func items(_ tag: DICOMTag) -> [(Reference, DICOMDataSet)] {
      (dataSet[tag]?.items).map { items in items.compactMap { item in Self.reference(item).map { ($0, item) } } } ?? []
    }
    self.transaction = transaction
    references = items(Self.referencedSequence).map(\.0)
    failed = items(Self.failedSequence).map { reference, item in
      let code = (try? item[Self.failureReason]?.integers().first).flatMap { $0 }.flatMap { UInt16(exactly: $0) }
      return Failure(reference, code.map { CommitmentFailure($0) } ?? .processing)
    }
    if references.isEmpty, failed.isEmpty { return nil }
  }

  private static func reference(_ item: DICOMDataSet) -> Reference? {
    guard let sopClass = (try? item[referencedClass]?.text()) ?? nil,
      let sopInstance = (try? item[referencedInstance]?.text()) ?? nil
    else { return nil }
    return Reference(sopClass: sopClass, sopInstance: sopInstance)
  }

  /// The data set; `nil` where what it names can't be written.
  package func bytes(_ syntax: DICOMTransferSyntax) -> [UInt8]? {
    var draft = DICOMDraft(new: syntax)
    do {
      try draft.set(DICOMPath(Self.transactionTag), Self.uid(transaction), vr: .ui)
      for (place, failure) in failed.enumerated() {
        try Self.write(failure.reference, Self.failedSequence, place, to: &draft)
        try draft.set(
          Self.path(Self.failedSequence, place, Self.failureReason), .integers([Int128(failure.reason.code)]))
      }
      for (place, reference) in references.enumerated() {
        try Self.write(reference, Self.referencedSequence, place, to: &draft)
      }
      return try draft.bytes()
    } catch {
      return nil
    }
  }

  private static func write(
    _ reference: Reference, _ sequence: DICOMTag, _ place: Int, to draft: inout DICOMDraft
  ) throws(DICOMError) {
    try draft.set(path(sequence, place, referencedClass), uid(reference.sopClass), vr: .ui)
    try draft.set(path(sequence, place, referencedInstance), uid(reference.sopInstance), vr: .ui)
  }

  /// As it was said: senders exist whose UIDs have leading zeros.
  private static func uid(_ text: String) -> DICOMValue {
    .bytes(Array(text.utf8) + (text.utf8.count % 2 == 0 ? [] : [0]))
  }

  private static func path(_ sequence: DICOMTag, _ place: Int, _ element: DICOMTag) -> DICOMPath {
    DICOMPath([.init(.standard(sequence), item: place + 1), .init(.standard(element))])
  }
}

/// Why an object is not committed (PS3.3 C.14.1.1).
package struct CommitmentFailure: Sendable, Hashable, CustomStringConvertible {
  package let code: UInt16

  package init(_ code: UInt16) { self.code = code }

  package static let processing = CommitmentFailure(0x0110)
  package static let noSuchInstance = CommitmentFailure(0x0112)
  package static let classConflict = CommitmentFailure(0x0119)

  /// Whether the object may be committed when it is sent again and asked for anew: it has gone lost there, or room or
  /// luck was lacking. Of a kind of object that isn't kept there nothing becomes better.
  package var isTransient: Bool { [0x0110, 0x0112, 0x0131, 0x0213].contains(code) || 0xA700...0xA7FF ~= code }

  /// `0112`
  package var hexadecimal: String { DICOMHex.digits(code) }

  package var description: String {
    let words =
      switch code {
      case 0x0110: "processing failure"
      case 0x0112: "no such object instance"
      case 0x0119: "it is of another SOP class there"
      case 0x0122: "its SOP class is not committed to"
      case 0x0131: "duplicate transaction UID"
      case 0x0213: "resource limitation"
      default: "a reason without a name"
      }
    return "\(hexadecimal)H, \(words)"
  }
}
