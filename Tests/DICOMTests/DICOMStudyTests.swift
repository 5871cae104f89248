import Testing
import Text

@testable import DICOM

@Suite struct DICOMStudyTests {
  private let kept = DICOMStudy.Kept(message: "m", delivery: "d", byteCount: 7)

  private func object(_ elements: [Sample]) throws -> DICOMObject {
    try DICOMObject(SampleWriter(DICOMTransferSyntax.explicitLittle.encoding).bytes(elements), syntax: .explicitLittle)
  }

  private func image(
    _ number: Int, series: String = "1.2.1", study: String = "1.2", patient: String = "P"
  )
    throws -> DICOMObject
  {
    try object([
      .text(0x0008_0018, .ui, "9.\(number)"), .text(0x0008_0060, .cs, "CT"), .text(0x0010_0020, .lo, patient),
      .text(0x0020_000D, .ui, study), .text(0x0020_000E, .ui, series), .text(0x0020_0013, .is, "0\(number)"),
    ])
  }

  private func text(_ study: DICOMStudy) -> String { String(decoding: study.json(), as: UTF8.self) }

  @Test func `a study has its series, and these their instances, in the order in which they came`() throws {
    var study = DICOMStudy()
    for (number, series) in [(1, "1.2.1"), (2, "1.2.2"), (3, "1.2.1")] {
      let isAdded = study.add(try image(number, series: series), kept)
      #expect(isAdded)
    }
    func instance(_ number: Int) -> String {
      #"{"SOPInstanceUID":"9.\#(number)","InstanceNumber":\#(number),"#
        + #""AvailableTransferSyntaxUID":"1.2.840.10008.1.2.1","message":"m","delivery":"d","bytes":7}"#
    }
    #expect(
      text(study) == #"{"StudyInstanceUID":"1.2","PatientID":"P","ModalitiesInStudy":["CT"],"series":["#
        + #"{"SeriesInstanceUID":"1.2.1","Modality":"CT","instances":["# + instance(1) + "," + instance(3)
        + #"]},{"SeriesInstanceUID":"1.2.2","Modality":"CT","instances":["# + instance(2) + "]}]}")
  }

  @Test func `an instance that came twice stands there once, as it came last`() throws {
    var study = DICOMStudy()
    _ = study.add(try image(1), kept)
    _ = study.add(try image(1), DICOMStudy.Kept(message: "newer", delivery: "d", byteCount: 7))
    #expect(study.count == 2)
    #expect(text(study).contains("newer") && !text(study).contains("\"m\""))
  }

  @Test(arguments: [("1.3", "P"), ("1.2", "Q"), ("1.2", "")])
  func `one of another study or patient isn't taken`(study: String, patient: String) throws {
    var all = DICOMStudy()
    _ = all.add(try image(1), kept)
    let isAdded = all.add(try image(2, study: study, patient: patient), kept)
    #expect(!isAdded && all.count == 1 && !text(all).contains("9.2"))
  }

  @Test func `values are texts, numbers, lists and objects by keyword; bytes, long and unknown ones are left out`()
    throws
  {
    var study = DICOMStudy()
    _ = study.add(
      try object([
        .text(0x0008_0005, .cs, "ISO_IR 192"), .text(0x0008_0008, .cs, "ORIGINAL\\PRIMARY"),
        .text(0x0008_1030, .lo, "Schädel \"nativ\""), .text(0x0008_1040, .lo, ""),
        .sequence(
          0x0008_1032, undefined: true,
          [
            (true, [.text(0x0008_0100, .sh, "X"), .value(0x0009_1001, .ob, [1, 2]), .text(0x6000_0022, .lo, "a")]),
            (false, [.text(0x6000_0022, .lo, "a"), .text(0x6002_0022, .lo, "b")]),
          ]),
        .text(0x0010_0010, .pn, "Yamada^Tarou=山田^太郎"), .text(0x0010_1010, .as, "031Y"),
        .text(0x0010_1030, .ds, "70.50"), .text(0x0018_1030, .lo, String(repeating: "x", count: 2000)),
        .value(0x0028_0010, .us, [1, 2]),
      ]), kept)
    let root = try JSONDocument(study.json()).root
    #expect(root["StudyDescription"]?.text == "Schädel \"nativ\"")
    #expect(root["PatientName"]?.text == "Yamada^Tarou=山田^太郎")
    #expect(root["PatientWeight"]?.number == "70.50" && root["PatientAge"]?.text == "031Y")
    #expect(root["ProcedureCodeSequence"]?.list.count == 2)
    #expect(root["ProcedureCodeSequence"]?.list.first?["CodeValue"]?.text == "X")
    #expect(root["InstitutionName"] == nil && !text(study).contains("xxx") && !text(study).contains("0009"))
    let instance = try #require(root["series"]?.list.first?["instances"]?.list.first)
    #expect(instance["ImageType"]?.list.compactMap(\.text) == ["ORIGINAL", "PRIMARY"])
    #expect(instance["Rows"]?.number == "513")
  }

  @Test func `what is deep or too long for it costs nothing and is left out`() throws {
    var deep: [Sample] = [.text(0x0008_0100, .sh, "innermost")]
    for _ in 0..<30 { deep = [.sequence(0x0040_A170, undefined: true, [(true, deep)])] }
    let wide = (0..<3000).map { _ in (false, [Sample.text(0x0008_0100, .sh, "wide")]) }
    var study = DICOMStudy()
    _ = study.add(
      try object([
        .sequence(0x0008_1032, undefined: true, wide), .sequence(0x0010_1002, undefined: true, [(true, deep)]),
      ]), kept)
    #expect(study.json().count < DICOMStudy.bytesEach)
    #expect(!text(study).contains("innermost") && !text(study).contains("wide"))
  }

  @Test func `every attribute that is told of is in the dictionary`() {
    let all = DICOMStudyAttributes.study + DICOMStudyAttributes.series + DICOMStudyAttributes.instance
    #expect(all.filter { DICOMDictionary.attribute(keyword: $0) == nil } == [])
    #expect(Set(all).count == all.count)
  }
}

extension JSONNode {
  fileprivate var list: [JSONNode] { Array(elements) }
}
