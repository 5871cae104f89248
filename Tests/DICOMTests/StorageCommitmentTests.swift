import Testing

@testable import DICOM

@Suite struct StorageCommitmentTests {
  private static func reference(_ number: Int) -> StorageCommitment.Reference {
    StorageCommitment.Reference(sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3.\(number)")
  }

  @Test(arguments: [DICOMTransferSyntax.implicitLittle, .explicitLittle, .explicitBig])
  func `what is asked and what is reported is written and read`(syntax: DICOMTransferSyntax) throws {
    let many = StorageCommitment("1.2.3", (0..<500).map(Self.reference))
    let failed = [
      StorageCommitment.Failure(Self.reference(1), .noSuchInstance),
      StorageCommitment.Failure(Self.reference(2), CommitmentFailure(0x0131)),
    ]
    let odd = StorageCommitment("1.02.3", [StorageCommitment.Reference(sopClass: "1.2", sopInstance: "1.2.007.04")])
    for said in [many, odd, StorageCommitment("1.2.4", [Self.reference(3)], failed: failed)] {
      let bytes = try #require(said.bytes(syntax))
      #expect(StorageCommitment(bytes, syntax: syntax) == said)
    }
  }

  @Test func `what names nothing, or is cut off, is none; an item that names nothing is passed over`() throws {
    let syntax = DICOMTransferSyntax.explicitLittle
    #expect(StorageCommitment([], syntax: syntax) == nil)
    let empty = try #require(StorageCommitment("1.2.3", []).bytes(syntax))
    #expect(StorageCommitment(empty, syntax: syntax) == nil)
    let one = try #require(StorageCommitment("1.2.3", [Self.reference(1)]).bytes(syntax))
    for count in 0..<one.count - 1 { #expect(StorageCommitment(Array(one.prefix(count)), syntax: syntax) == nil) }
    var draft = DICOMDraft(new: syntax)
    try draft.set(DICOMPath(DICOMTag(0x0008, 0x1195)), .text("1.2.3"))
    for (item, uid) in [(1, "1.1"), (2, "1.2")] {
      let path = DICOMPath([
        .init(.standard(DICOMTag(0x0008, 0x1199)), item: item), .init(.standard(DICOMTag(0x0008, 0x1155))),
      ])
      try draft.set(path, .text(uid))
    }
    let named = DICOMPath([
      .init(.standard(DICOMTag(0x0008, 0x1199)), item: 2), .init(.standard(DICOMTag(0x0008, 0x1150))),
    ])
    try draft.set(named, .text("1.9"))
    let read = StorageCommitment(try draft.bytes(), syntax: syntax)
    #expect(read?.references == [StorageCommitment.Reference(sopClass: "1.9", sopInstance: "1.2")])
  }

  @Test func `a transaction has a name of its own`() {
    let names = (0..<1000).map { _ in StorageCommitment.newTransaction() }
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { DICOMUID.isValid($0) && $0.hasPrefix("2.25.") })
  }
}
