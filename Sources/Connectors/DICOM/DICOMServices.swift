import DICOM

/// What a source takes: kinds of objects, and how they may be written.
struct DICOMServices: Sendable {
  private let classes: Set<String>?
  private let syntaxes: Set<String>?
  /// Callers are told what is kept.
  let commits: Bool

  init(_ settings: DICOMSourceSettings) {
    commits = settings.commitment
    classes = settings.sopClasses.isEmpty ? nil : Set(settings.sopClasses.map(\.uid))
    syntaxes = settings.transferSyntaxes.isEmpty ? nil : Set(settings.transferSyntaxes.map(\.uid))
  }

  func serves(_ abstractSyntax: String) -> Bool {
    if abstractSyntax == DICOMUID.verification { return true }
    if abstractSyntax == DICOMUID.storageCommitment { return commits }
    if let classes { return classes.contains(abstractSyntax) }
    return DICOMDictionary.name(ofUID: abstractSyntax)?.isStorage ?? false
  }

  func takes(_ transferSyntax: String, for abstractSyntax: String) -> Bool {
    // There is no object to keep as it comes.
    if [DICOMUID.verification, DICOMUID.storageCommitment].contains(abstractSyntax) {
      return [DICOMTransferSyntax.implicitLittle.uid, DICOMTransferSyntax.explicitLittle.uid].contains(transferSyntax)
    }
    return syntaxes?.contains(transferSyntax) ?? DICOMTransferSyntax(uid: transferSyntax).isKnown
  }
}
