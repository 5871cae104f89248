import Testing
import Text

@testable import DICOM

@Suite struct DICOMJSONTests {
  private func json(
    _ dataSet: DICOMDataSet, bulk: (DICOMElement) throws -> DICOMJSON.Bulk = DICOMJSON.bulk
  ) throws -> String {
    var writer = JSONWriter()
    try DICOMJSON.write(dataSet, to: &writer, bulk: bulk)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private func json(_ sample: [Sample], _ syntax: DICOMTransferSyntax = .explicitLittle) throws -> String {
    try json(DICOMObject(SampleWriter(syntax.encoding).bytes(sample), syntax: syntax).dataSet)
  }

  @Test func `values are written as the annex has them`() throws {
    let cases: [(Sample, String)] = [
      (.text(0x0010_0010, .pn, "A^B=山=\\C"), ""),
      (.text(0x0020_0013, .is, "12"), "{\"00200013\":{\"vr\":\"IS\",\"Value\":[12]}}"),
      (.text(0x0028_0030, .ds, "1.10\\+2\\.5"), "{\"00280030\":{\"vr\":\"DS\",\"Value\":[1.10,\"+2\",\".5\"]}}"),
      (.value(0x0028_0010, .us, [1, 2]), "{\"00280010\":{\"vr\":\"US\",\"Value\":[513]}}"),
      (.value(0x0028_0009, .at, [0x18, 0, 0x63, 0x10]), "{\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\"]}}"),
      (.value(0x0009_1001, .fl, [0, 0, 0xC0, 0x7F]), "{\"00091001\":{\"vr\":\"FL\",\"Value\":[\"NaN\"]}}"),
      (.value(0x0009_1001, .fl, [0xCD, 0xCC, 0xCC, 0x3D]), "{\"00091001\":{\"vr\":\"FL\",\"Value\":[0.1]}}"),
      (
        .value(0x0009_1001, .uv, [UInt8](repeating: 255, count: 8)),
        "{\"00091001\":{\"vr\":\"UV\",\"Value\":[\"18446744073709551615\"]}}"
      ),
      (.value(0x0042_0011, .ob, [1, 2, 3, 4]), "{\"00420011\":{\"vr\":\"OB\",\"InlineBinary\":\"AQIDBA==\"}}"),
      (.value(0x7FE0_0010, .ow, [1, 2]), "{\"7FE00010\":{\"vr\":\"OW\"}}"),
      (.value(0x0010_0010, .pn, []), "{\"00100010\":{\"vr\":\"PN\"}}"),
      (.text(0x0008_0008, .cs, "A\\\\B"), "{\"00080008\":{\"vr\":\"CS\",\"Value\":[\"A\",null,\"B\"]}}"),
      (.value(0x0008_0000, .ul, [0, 0, 0, 0]), "{}"),
      (
        .sequence(0x0040_0275, undefined: true, [(true, []), (false, [.text(0x0040_0009, .sh, "x")])]),
        "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{},{\"00400009\":{\"vr\":\"SH\",\"Value\":[\"x\"]}}]}}"
      ),
    ]
    for (sample, expected) in cases.dropFirst() { #expect(try json([sample]) == expected) }
    #expect(
      try json([.text(0x0008_0005, .cs, "ISO_IR 192"), .text(0x0010_0010, .pn, "A^B=山\\C")])
        == "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":["
        + "{\"Alphabetic\":\"A^B\",\"Ideographic\":\"山\"},{\"Alphabetic\":\"C\"}]}}")
    // Words of big endian are turned round: JSON has little endian.
    #expect(
      try json([.value(0x0066_0040, .ol, [0, 0, 0, 1])], .explicitBig)
        == "{\"00660040\":{\"vr\":\"OL\",\"InlineBinary\":\"AQAAAA==\"}}")
  }

  @Test func `bulk data goes where the caller says`() throws {
    let bytes = SampleWriter(.explicitLittle).bytes([
      .value(0x0042_0011, .ob, [1, 2]), .value(0x5400_0100, .ob, [3, 4]), .value(0x7FE0_0010, .ow, [5, 6]),
    ])
    let dataSet = try DICOMObject(bytes, syntax: .explicitLittle).dataSet
    let text = try json(dataSet) { element in
      element.tag == .pixelData
        ? .uri("/bulk/\(element.valueRange.count)") : element.tag.group == 0x0042 ? .leftOut : .inline
    }
    #expect(
      text == "{\"00420011\":{\"vr\":\"OB\"},\"54000100\":{\"vr\":\"OB\",\"InlineBinary\":\"AwQ=\"},"
        + "\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"/bulk/2\"}}")
    let draft = try DICOMJSON.read(JSONDocument(Array(text.utf8)).root, as: .explicitBig) { uri in
      #expect(uri == "/bulk/2")
      return [5, 6]
    }
    #expect(try draft.dataSet()[.pixelData]?.bytes() == [6, 5])
  }

  @Test func `data sets of chance come back from JSON`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    for syntax in [DICOMTransferSyntax.explicitLittle, .explicitBig] {
      var maker = SampleMaker(generator: SeededGenerator(seed: seed), syntax: syntax)
      for _ in 0..<150 {
        let bytes = SampleWriter(syntax.encoding).bytes(maker.dataSet())
        let dataSet = try DICOMObject(bytes, syntax: syntax).dataSet
        let text = try json(dataSet) { _ in .inline }
        let again = try DICOMJSON.read(JSONDocument(Array(text.utf8)).root, as: syntax).dataSet()
        let second = try json(again) { _ in .inline }
        let isSecondSame = second == text
        #expect(isSecondSame, "seed \(seed)")
        // And as explicit little endian, whatever it was.
        let little = try DICOMJSON.read(JSONDocument(Array(text.utf8)).root, as: .explicitLittle).dataSet()
        let third = try json(little) { _ in .inline }
        let isThirdSame = third == text
        #expect(isThirdSame, "seed \(seed)")
      }
    }
  }

  @Test func `JSON of others is read, and what is no data set is told with its path`() throws {
    func read(_ text: String) throws -> DICOMDataSet {
      try DICOMJSON.read(JSONDocument(Array(text.utf8)).root, as: .explicitLittle).dataSet()
    }
    let dataSet = try read(
      "{\"00280030\":{\"vr\":\"DS\",\"Value\":[1.50,\"+2\",null]},"
        + "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Ä\"}]},"
        + "\"00081160\":{\"vr\":\"IS\",\"Value\":[\"7\"]},\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 100\"]},"
        + "\"00189073\":{\"vr\":\"FD\",\"Value\":[\"-inf\",1e3]}}")
    #expect(try dataSet["PixelSpacing"]?.texts() == ["1.50", "+2", ""])
    #expect(try dataSet["PatientName"]?.text() == "Ä")
    #expect(try dataSet["SpecificCharacterSet"]?.text() == "ISO_IR 192")
    #expect(try dataSet["ReferencedFrameNumber"]?.integers() == [7])
    #expect(try dataSet["AcquisitionDuration"]?.floats() == [-.infinity, 1000])
    #expect(dataSet.elements.map(\.tag) == dataSet.elements.map(\.tag).sorted())
    for (text, path) in [
      ("[]", ""), ("{\"x\":{}}", ""), ("{\"00100010\":[]}", "(0010,0010)"),
      ("{\"00100010\":{\"vr\":\"ZZ\"}}", "(0010,0010)"),
      ("{\"00280010\":{\"vr\":\"US\",\"Value\":[70000]}}", "(0028,0010)"),
      ("{\"00280010\":{\"vr\":\"US\",\"Value\":[\"x\"]}}", "(0028,0010)"),
      ("{\"00420011\":{\"vr\":\"OB\",\"InlineBinary\":\"A\"}}", "(0042,0011)"),
      ("{\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"/x\"}}", ""),
      (
        "{\"00400275\":{\"vr\":\"SQ\",\"Value\":[{},{\"00400009\":{\"vr\":\"SH\",\"Value\":[1]}}]}}",
        "(0040,0275)[2].(0040,0009)"
      ),
    ] {
      let error = #expect(throws: DICOMJSONError.self, "\(text)") { try read(text) }
      #expect(error?.path == path, "\(text)")
    }
  }

  @Test func `a data set is shown as a person reads it`() throws {
    let bytes = SampleWriter(.explicitLittle).bytes([
      .text(0x0008_0016, .ui, "1.2.840.10008.5.1.4.1.1.2"), .text(0x0009_0010, .lo, "ACME"),
      .value(0x0009_1001, .un, [1, 2]), .text(0x0010_0010, .pn, "Doe^Jane"),
      .text(0x0010_4000, .lt, "one\r\ntwo\u{1B}[31m" + String(repeating: "x", count: 80)),
      .value(0x0028_0010, .us, [1, 2]),
      .sequence(0x0040_0275, undefined: true, [(true, [.text(0x0040_0009, .sh, "S1")]), (true, [])]),
      .value(0x7FE0_0010, .ow, [1, 2, 3, 4]),
    ])
    let lines = DICOMDump().lines(of: try DICOMObject(bytes, syntax: .explicitLittle).dataSet)
    #expect(
      lines == [
        "(0008,0016) UI SOPClassUID                      [1.2.840.10008.5.1.4.1.1.2] CT Image Storage",
        "(0009,0010) LO PrivateCreator                   [ACME]",
        "(0009,1001) UN \"ACME\"                           2 bytes",
        "(0010,0010) PN PatientName                      [Doe^Jane]",
        "(0010,4000) LT PatientComments                  [one\\r\\ntwo\\x1B[31m"
          + "\(String(repeating: "x", count: 46))…] 93 bytes",
        "(0028,0010) US Rows                             513",
        "(0040,0275) SQ RequestAttributesSequence        2 items",
        "  [1]", "    (0040,0009) SH ScheduledProcedureStepID     [S1]", "  [2] empty",
        "(7FE0,0010) OW PixelData                        4 bytes",
      ])
  }
}
