import Testing

@testable import DICOM

@Suite struct DICOMDictionaryTests {
  @Test func `an element is found by its tag, its keyword and in a repeating group`() throws {
    let name = try #require(DICOMDictionary.attribute(DICOMTag(0x0010, 0x0010)))
    #expect(name.keyword == "PatientName" && name.name == "Patient's Name")
    #expect(name.vrs == [.pn] && name.multiplicity == "1" && !name.isRetired)
    #expect(DICOMDictionary.attribute(keyword: "PatientName") == name)
    #expect(DICOMDictionary.attribute(DICOMTag(0x0020, 0x31F2))?.keyword == "SourceImageIDs")
    #expect(DICOMDictionary.attribute(DICOMTag(0x6002, 0x3000))?.vrs == [.ob, .ow])
    #expect(DICOMDictionary.attribute(DICOMTag(0x0028, 0x0106))?.vrs == [.us, .ss])
    #expect(DICOMDictionary.attribute(DICOMTag(0x0000, 0x0100))?.keyword == "CommandField")
    // Odd groups are nobody's but the maker's, also where a repeating group would have them.
    #expect(DICOMDictionary.attribute(DICOMTag(0x6001, 0x3000)) == nil)
    #expect(DICOMDictionary.attribute(DICOMTag(0x0009, 0x0010)) == nil)
    #expect(DICOMDictionary.attributes.count > 5_100)
  }

  @Test func `what was surely meant is said`() {
    #expect(DICOMDictionary.nearestKeyword(to: "PatientNmae") == "PatientName")
    #expect(DICOMDictionary.nearestKeyword(to: "patientid") == "PatientID")
    #expect(DICOMDictionary.nearestKeyword(to: "Klingon") == nil)
  }

  @Test func `UIDs have names`() {
    #expect(DICOMDictionary.name(ofUID: "1.2.840.10008.5.1.4.1.1.2")?.keyword == "CTImageStorage")
    #expect(DICOMDictionary.name(ofUID: "1.2.840.10008.5.1.4.1.1.2")?.isStorage == true)
    #expect(DICOMDictionary.name(ofUID: "1.2.840.10008.1.1")?.isStorage == false)
    #expect(DICOMDictionary.uid(keyword: "RLELossless")?.uid == "1.2.840.10008.1.2.5")
    #expect(DICOMDictionary.uidNames.count { $0.isStorage } > 150)
  }

  @Test func `transfer syntaxes say how they are read`() {
    #expect(DICOMTransferSyntax(uid: "1.2.840.10008.1.2") == .implicitLittle)
    #expect(DICOMTransferSyntax(uid: "1.2.840.10008.1.2.2") == .explicitBig)
    #expect(DICOMTransferSyntax(uid: "1.2.840.10008.1.2.1.99").isDeflated)
    let jpeg = DICOMTransferSyntax(uid: "1.2.840.10008.1.2.4.70")
    #expect(jpeg.isEncapsulated && jpeg.isKnown && jpeg.encoding == .explicitLittle)
    let own = DICOMTransferSyntax(uid: "1.3.46.670589.33.1.4.1")
    #expect(!own.isKnown && own.encoding == .explicitLittle)
    #expect(!own.description.contains("670589"), "what a sender wrote is not repeated")
  }

  @Test(
    arguments: [
      ("(0010,0010)", DICOMTag(0x0010, 0x0010)), ("0010,0010", DICOMTag(0x0010, 0x0010)),
      ("7fe00010", .pixelData), ("0010001", nil), ("(0010,001G)", nil), ("(0010;0010)", nil), ("", nil),
    ] as [(String, DICOMTag?)]) func `a tag is read in its spellings`(text: String, tag: DICOMTag?)
  {
    #expect(DICOMTag(text) == tag)
    if let tag { #expect(DICOMTag(tag.description) == tag && DICOMTag(tag.digits) == tag) }
  }

  @Test func `VRs are those of the standard`() {
    #expect(DICOMVR.allCases.count == 34)
    for vr in DICOMVR.allCases { #expect(DICOMVR(vr.name) == vr) }
    #expect(DICOMVR("ZZ") == nil && DICOMVR("pn") == nil && DICOMVR("P") == nil && DICOMVR("PNX") == nil)
    #expect(DICOMVR.allCases.filter(\.hasLongLength).count == 13)
  }
}
