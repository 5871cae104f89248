import Testing

@testable import DICOM

/// What a draft says of itself, and which texts a VR takes.
@Suite struct DICOMHeldTests {
  private func draft() throws -> DICOMDraft {
    var base = DICOMDraft(new: .explicitLittle)
    try base.set(DICOMPath(.specificCharacterSet), .text("ISO_IR 192"))
    try base.set(DICOMPath("PatientName"), .text("Müller"))
    try base.set(DICOMPath("RequestAttributesSequence[1].StudyID"), .text("1"))
    try base.set(DICOMPath("RequestAttributesSequence[2].StudyID"), .text("2"))
    return DICOMDraft(try base.dataSet())
  }

  private func text(_ draft: DICOMDraft, _ path: String) throws -> String? {
    guard case .value(let element)? = draft.held(try DICOMPath(path)) else { return nil }
    return try element.text()
  }

  @Test func `what was not touched, what was set and what is gone`() throws {
    var draft = try draft()
    #expect(try text(draft, "PatientName") == "Müller")
    #expect(try text(draft, "RequestAttributesSequence[2].StudyID") == "2")
    try draft.set(DICOMPath("PatientName"), .text("Größe^Ö"))
    try draft.set(DICOMPath("RequestAttributesSequence[2].RequestedProcedureDescription"), .text("Schädel"))
    #expect(try text(draft, "PatientName") == "Größe^Ö")
    // The character set of the whole holds in an item.
    #expect(try text(draft, "RequestAttributesSequence[2].RequestedProcedureDescription") == "Schädel")
    #expect(try text(draft, "RequestAttributesSequence[2].StudyID") == "2")
    try draft.remove(DICOMPath("RequestAttributesSequence[1]"))
    #expect(try text(draft, "RequestAttributesSequence[1].StudyID") == "2")
    #expect(try draft.held(DICOMPath("RequestAttributesSequence[2].StudyID")) == nil)
    #expect(try draft.held(DICOMPath("PatientID")) == nil)
    guard case .sequence(1)? = try draft.held(DICOMPath("RequestAttributesSequence")) else {
      Issue.record("no sequence of one item")
      return
    }
    #expect(try draft.siblingCount(DICOMPath("RequestAttributesSequence[1].StudyID")) == 3 + 1 + 2)
  }

  @Test(arguments: [
    ("CS", "ORIGINAL", true), ("CS", "original", false), ("SH", "sixteen letters!", true),
    ("SH", "seventeen letters", false), ("DA", "20261122", true), ("DA", "2026.11.22", false),
    ("DA", "20260230", false), ("TM", "101530.25", true), ("TM", "10:15", false), ("DT", "2026", true),
    ("AS", "045Y", true),
    ("AS", "45", false), ("UI", "1.2.3", true), ("UI", "1.02", false), ("IS", "-12", true), ("IS", "1.5", false),
    ("DS", "1.5E3", true), ("DS", "1.23456789012345678", false), ("DS", "x", false), ("LO", "a\\b", false),
    ("LO", "a\nb", false), ("LT", "a\nb", true), ("PN", "a^b^c^d^e", true), ("PN", "a^b^c^d^e^f", false),
    ("PN", "a=b=c=d", false), ("AE", "Ä", false), ("LO", "Ä", true), ("US", "1", false), ("LO", "", true),
  ])
  func `a text is one that its VR takes`(vr: String, text: String, fits: Bool) throws {
    #expect((try #require(DICOMVR(vr)).refusal(of: text) == nil) == fits)
  }

  @Test func `a status has a name or four digits`() {
    #expect(DIMSEStatus("CANNOT_UNDERSTAND") == .cannotUnderstand)
    #expect(DIMSEStatus("A701")?.code == 0xA701)
    #expect(DIMSEStatus("0110")?.digits == "0110")
    #expect(DIMSEStatus("AE") == nil && DIMSEStatus("12345") == nil)
    for (_, status) in DIMSEStatus.names { #expect(status.statusClass == .failure) }
  }
}
