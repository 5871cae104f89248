import Testing

@testable import DICOM

@Suite struct DICOMValueTests {
  private func element(
    _ tag: UInt32, _ vr: DICOMVR, _ bytes: [UInt8], _ syntax: DICOMTransferSyntax = .explicitLittle
  ) throws -> DICOMElement {
    let object = try DICOMObject(SampleWriter(syntax.encoding).bytes([.value(tag, vr, bytes)]), syntax: syntax)
    return try #require(object.dataSet[DICOMTag(rawValue: tag)])
  }

  @Test func `numbers are read in both byte orders`() throws {
    #expect(try element(0x0028_0010, .us, [1, 2, 0xFF, 0xFF]).integers() == [513, 65535])
    #expect(try element(0x0028_0010, .us, [1, 2], .explicitBig).integers() == [258])
    #expect(try element(0x0018_9219, .ss, [0xFE, 0xFF]).integers() == [-2])
    #expect(try element(0x0009_1001, .ul, [0, 0, 0, 0x80]).integers() == [2_147_483_648])
    #expect(try element(0x0009_1001, .sl, [0, 0, 0, 0x80]).integers() == [-2_147_483_648])
    #expect(try element(0x0009_1001, .uv, [UInt8](repeating: 255, count: 8)).integers() == [Int128(UInt64.max)])
    #expect(try element(0x0009_1001, .sv, [UInt8](repeating: 255, count: 8)).integers() == [-1])
    #expect(try element(0x0009_1001, .fl, [0, 0, 0xC0, 0x3F]).floats() == [1.5])
    #expect(try element(0x0009_1001, .fd, [0x3F, 0xF8, 0, 0, 0, 0, 0, 0], .explicitBig).floats() == [1.5])
    #expect(try element(0x0028_0009, .at, [0x18, 0, 0x63, 0x10]).tags() == [DICOMTag(0x0018, 0x1063)])
    #expect(try element(0x0020_0013, .is, Array("+12\\-3".utf8)).integers() == [12, -3])
  }

  @Test func `a value of the wrong size or kind is told`() throws {
    let cases: [(DICOMElement, DICOMError.Kind)] = [
      (try element(0x0028_0010, .us, [1, 2, 3, 4, 5, 6, 7].dropLast() + []), .size(.us)),
      (try element(0x0020_0013, .is, Array("1.5 ".utf8)), .malformed(.is)),
      (try element(0x0010_0010, .pn, Array("Doe ".utf8)), .kindOfValue(.pn)),
    ]
    for (element, kind) in cases.dropFirst() {
      #expect(throws: DICOMError(kind, offset: 0, path: element.path)) { try element.integers() }
    }
    let odd = try element(0x0009_1001, .ul, [1, 2, 3, 4, 5, 6])
    #expect(throws: DICOMError(.size(.ul), offset: 0, path: "(0009,1001)")) { try odd.integers() }
    #expect(throws: DICOMError(.kindOfValue(.ul), offset: 0, path: "(0009,1001)")) { try odd.texts() }
  }

  @Test func `UIDs are numbers and points, so that none leads to a file`() throws {
    for good in ["1.2.840.10008.1.2", "0", "2.25.0", String(repeating: "1", count: 64)] {
      #expect(DICOMUID.isValid(good), "\(good)")
    }
    for bad in ["", "../../x", "1..2", ".1", "1.", "1.02", "1.2\n", "1/2", String(repeating: "1", count: 65), "1.٢"] {
      #expect(!DICOMUID.isValid(bad), "\(bad)")
    }
    #expect(try element(0x0008_0018, .ui, Array("1.2.3\0".utf8)).uids() == ["1.2.3"])
    let hostile = try element(0x0008_0018, .ui, Array("../../x\0".utf8))
    #expect(throws: DICOMError(.malformed(.ui), offset: 0, path: "(0008,0018)")) { try hostile.uids() }
  }

  @Test func `dates and times keep what was said of them`() throws {
    let date = try #require(DICOMDate("20240229"))
    #expect(date.year == 2024 && date.month == 2 && date.day == 29)
    #expect(DICOMDate("2024.02.29") == date)
    for bad in ["20230229", "20241301", "20240001", "2024", "202402", "2024-02-29", "2024022", "", "2024022x"] {
      #expect(DICOMDate(bad) == nil, "\(bad)")
    }
    let time = try #require(DICOMTime("140559.250"))
    #expect(time.hour == 14 && time.minute == 5 && time.second == 59 && time.fraction == "250")
    #expect(DICOMTime("14")?.minute == nil && DICOMTime("1405")?.second == nil && DICOMTime("14:05:59")?.second == 59)
    #expect(DICOMTime("235960")?.second == 60)
    for bad in ["24", "1460", "140561", "1405.2", "140559.", "140559.1234567", "1", "", "14055"] {
      #expect(DICOMTime(bad) == nil, "\(bad)")
    }
    let moment = try #require(DICOMDateTime("20240229140559.25-0130"))
    #expect(moment.date == date && moment.time?.fraction == "25" && moment.offset == -90)
    #expect(DICOMDateTime("2024")?.date.month == nil && DICOMDateTime("2024+0100")?.offset == 60)
    #expect(DICOMDateTime("202402")?.time == nil && DICOMDateTime("2024022914")?.time?.hour == 14)
    for bad in ["", "202402291", "20240229140559+25", "2024-02-29", "20240230", "20240229+9900"] {
      #expect(DICOMDateTime(bad) == nil, "\(bad)")
    }
    #expect(try element(0x0008_0020, .da, Array("20240229\\20240301 ".utf8)).dates().count == 2)
    let wrong = try element(0x0008_0020, .da, Array("20240230".utf8))
    #expect(throws: DICOMError(.malformed(.da), offset: 0, path: "(0008,0020)")) { try wrong.dates() }
  }

  @Test func `names of people have writings and components`() {
    let name = DICOMPersonName("Adams^John Robert Quincy^^Rev.^B.A. M.Div.=山田=やまだ")
    #expect(name.components.family == "Adams" && name.components.given == "John Robert Quincy")
    #expect(name.components.middle.isEmpty && name.components.prefix == "Rev.")
    #expect(name.components.suffix == "B.A. M.Div." && name.ideographic == "山田" && name.phonetic == "やまだ")
    #expect(name.text == "Adams^John Robert Quincy^^Rev.^B.A. M.Div.=山田=やまだ")
    #expect(DICOMPersonName("Doe^^^^").components.text == "Doe" && DICOMPersonName("").text.isEmpty)
    #expect(DICOMPersonName("==x").phonetic == "x")
  }

  @Test func `what was passed on as UN is read as what it is`() throws {
    let name = try element(0x0010_0010, .un, Array("Doe ".utf8))
    #expect(name.writtenVR == .un && name.vr == .pn)
    #expect(try name.names().first?.alphabetic == "Doe")
    let own = try element(0x0009_1001, .un, [1, 2])
    #expect(own.vr == .un)
    #expect(throws: DICOMError.self) { try own.texts() }
    // A sequence of the standard as UN with its length: items are seen.
    let items = SampleWriter(.implicitLittle)
    let content = items.tag(0xFFFE_E000) + items.number(12, 4) + items.bytes([.text(0x0008_0100, .sh, "T1  ")])
    let sequence = try element(0x0040_A043, .un, content)
    #expect(sequence.isSequence && sequence.vr == .sq)
    #expect(try sequence.items.first?["CodeValue"]?.text() == "T1")
    #expect(try rewritten(DICOMDataSet(index: sequence.index, item: -1)) == sequence.index.store.bytes)
    // What only looks like one stays bytes.
    let bytes = try element(0x0040_A043, .un, Array(content.dropLast(2)))
    #expect(!bytes.isSequence && bytes.vr == .un)
  }

  @Test func `implicit elements get the VR that others decide`() throws {
    let writer = SampleWriter(.implicitLittle)
    func smallest(_ representation: UInt8) throws -> DICOMElement? {
      let bytes = writer.bytes([
        .value(0x0028_0103, .us, [representation, 0]), .value(0x0028_0106, .us, [0xFF, 0xFF]),
        .value(0x7FE0_0010, .ow, [0, 0]),
      ])
      return try DICOMObject(bytes, syntax: .implicitLittle).dataSet["SmallestImagePixelValue"]
    }
    #expect(try smallest(0)?.integers() == [65535])
    #expect(try smallest(1)?.integers() == [-1])
    let bytes = writer.bytes([.value(0x0009_0010, .lo, Array("ACME".utf8)), .value(0x0009_1001, .un, [1, 2])])
    let object = try DICOMObject(bytes, syntax: .implicitLittle)
    #expect(object.dataSet[DICOMTag(0x0009, 0x0010)]?.vr == .lo)
    #expect(object.dataSet[DICOMTag(0x0009, 0x1001)]?.privateCreator == "ACME")
  }
}
