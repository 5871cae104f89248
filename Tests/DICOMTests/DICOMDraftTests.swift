import Testing

@testable import DICOM

@Suite struct DICOMDraftTests {
  private let sample: [Sample] = [
    .value(0x0008_0000, .ul, [40, 0, 0, 0]), .text(0x0008_0018, .ui, "1.2.3.4"), .text(0x0008_0050, .sh, "A1"),
    .text(0x0008_0060, .cs, "CT"), .text(0x0010_0010, .pn, "Doe^Jane"),
    .sequence(
      0x0040_0275, undefined: true,
      [(true, [.text(0x0040_0007, .lo, "CHEST ")]), (false, [.text(0x0040_0009, .sh, "S1")])]),
    .value(0x7FE0_0010, .ow, [1, 2, 3, 4]),
  ]

  private func object(_ syntax: DICOMTransferSyntax = .explicitLittle) throws -> DICOMObject {
    try DICOMObject(file(syntax, SampleWriter(syntax.encoding).bytes(sample)))
  }

  /// The whole changed file, from its stretches.
  private func file(_ object: DICOMObject, _ draft: DICOMDraft) throws -> [UInt8] {
    try object.file(with: draft).flatMap { stretch in
      switch stretch {
      case .bytes(let bytes): return bytes
      case .range(let range): return Array(try #require(object.meta.bytes(range)))
      }
    }
  }

  private func file(_ syntax: DICOMTransferSyntax, _ bytes: [UInt8]) throws -> [UInt8] {
    try DICOMFile.head(sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3.4", syntax: syntax) + bytes
  }

  @Test func `what isn't changed stays a range of the source`() throws {
    let object = try object()
    var draft = DICOMDraft(object.dataSet)
    #expect(draft.stretches() == [.range(object.dataSet.range)])
    try draft.set(DICOMPath("PatientName"), .text("Roe"))
    let name = try #require(object.dataSet["PatientName"]).range
    let header = SampleWriter(.explicitLittle).bytes([.text(0x0010_0010, .pn, "Roe")])
    #expect(
      draft.stretches() == [
        .range(object.dataSet.range.lowerBound..<name.lowerBound), .bytes(header),
        .range(name.upperBound..<object.dataSet.range.upperBound),
      ])
  }

  @Test func `a data set without VRs in an explicit syntax gets new elements without VRs`() throws {
    let object = try DICOMObject(file(.explicitLittle, SampleWriter(.implicitLittle).bytes(sample)))
    #expect(object.notes.contains { $0.kind == .implicitElement })
    var draft = DICOMDraft(object.dataSet)
    try draft.set(DICOMPath("PatientName"), .text("Roe"))
    try draft.set(DICOMPath("RequestAttributesSequence[1].StudyID"), .text("1"))
    let bytes = try draft.bytes()
    // Without VRs all of it can be read as what it really is.
    let plain = try DICOMObject(bytes, syntax: .implicitLittle)
    #expect(plain.notes.isEmpty)
    #expect(try plain.dataSet["PatientName"]?.text() == "Roe")
    #expect(try plain.dataSet[path: DICOMPath("RequestAttributesSequence[1].StudyID")]?.text() == "1")
    #expect(try plain.dataSet["Modality"]?.text() == "CT")
  }

  @Test(arguments: [DICOMTransferSyntax.explicitLittle, .explicitBig, .implicitLittle])
  func `elements are set, made and removed at any depth`(syntax: DICOMTransferSyntax) throws {
    let object = try object(syntax)
    var draft = DICOMDraft(object.dataSet)
    try draft.set(DICOMPath("RequestAttributesSequence[2].ScheduledProcedureStepID"), .text("LONGER"))
    try draft.set(DICOMPath("RequestAttributesSequence[3].ScheduledProcedureStepID"), .text("NEW"))
    try draft.remove(DICOMPath("RequestAttributesSequence[1].ScheduledProcedureStepDescription"))
    try draft.set(DICOMPath("ProcedureCodeSequence.CodeValue"), .text("T1"))
    try draft.set(DICOMPath("Rows"), .integer(513))
    try draft.remove(DICOMPath("Modality"))
    try draft.remove(DICOMPath("StudyID"))
    let changed = try DICOMObject(try file(object, draft)).dataSet
    let items = try #require(changed["RequestAttributesSequence"]).items
    #expect(items.count == 3 && items[0].isEmpty)
    #expect(try items[1]["ScheduledProcedureStepID"]?.text() == "LONGER")
    #expect(try items[2]["ScheduledProcedureStepID"]?.text() == "NEW")
    #expect(try changed[path: DICOMPath("ProcedureCodeSequence[1].CodeValue")]?.text() == "T1")
    #expect(try changed["Rows"]?.integers() == [513])
    #expect(changed["Modality"] == nil)
    #expect(try changed[.pixelData]?.bytes() == [1, 2, 3, 4])
    #expect(changed.elements.map(\.tag) == changed.elements.map(\.tag).sorted())
    // The group's length is what it is now, and the form of the sequence and its items what it was.
    let group = changed.elements.filter { $0.tag.group == 8 && !$0.tag.isGroupLength }.reduce(0) { $0 + $1.range.count }
    #expect(try changed[DICOMTag(0x0008, 0x0000)]?.integers() == [Int128(group)])
    #expect(changed["RequestAttributesSequence"]?.hasUndefinedLength == true)
    #expect(items.map { changed.index.entries[$0.item].hasUndefinedLength } == [true, false, false])
    #expect(try rewritten(changed) == Array(try #require(changed.bytes(changed.range))))
  }

  @Test func `the meta group follows the data set`() throws {
    let object = try object()
    var draft = DICOMDraft(object.dataSet)
    try draft.set(DICOMPath("SOPInstanceUID"), .text("1.2.3.4.5.6"))
    let changed = try DICOMObject(try file(object, draft))
    #expect(try changed.meta[.mediaStorageSOPInstanceUID]?.uids() == ["1.2.3.4.5.6"])
    #expect(changed.notes.isEmpty, "(0002,0000) is right: \(changed.notes)")
  }

  @Test func `a changed deflated file is deflated anew`() throws {
    let deflater = try DICOMDeflater()
    let plain = SampleWriter(.explicitLittle).bytes(sample)
    let bytes = try file(.deflated, deflater.receive(plain) + deflater.finish())
    let object = try DICOMObject(bytes)
    var draft = DICOMDraft(object.dataSet)
    #expect(try object.file(with: draft) == [.range(0..<bytes.count)])
    try draft.set(DICOMPath("Modality"), .text("MR"))
    let changed = try DICOMObject(try file(object, draft))
    #expect(changed.syntax == .deflated)
    #expect(try changed.dataSet["Modality"]?.text() == "MR")
    #expect(try samples(changed.dataSet).count == sample.count)
  }

  @Test func `private elements are in the block of their maker, wherever that is`() throws {
    let writer = SampleWriter(.explicitLittle)
    let bytes = writer.bytes([
      .text(0x0019_0010, .lo, "OTHER "), .text(0x0019_0012, .lo, "ACME 1"), .value(0x0019_129C, .un, [1, 2]),
    ])
    let dataSet = try DICOMObject(bytes, syntax: .explicitLittle).dataSet
    let path = try DICOMPath("(0019,\"ACME 1\",9C)")
    #expect(dataSet[path: path]?.tag == DICOMTag(0x0019, 0x129C))
    #expect(dataSet[path: try DICOMPath("(0019,\"NOBODY\",9C)")] == nil)
    var draft = DICOMDraft(dataSet)
    try draft.set(path, .text("x"), vr: .lo)
    try draft.set(DICOMPath("(0019,\"NEW\",01)"), .integer(7), vr: .us)
    let changed = try draft.dataSet()
    #expect(try changed[path: path]?.text() == "x")
    #expect(changed[path: try DICOMPath("(0019,\"NEW\",01)")]?.tag == DICOMTag(0x0019, 0x1301))
    #expect(throws: DICOMError.self, "without a VR") { try draft.set(DICOMPath("(0019,\"NEW\",02)"), .text("x")) }
  }

  @Test func `paths are read, shown, and explained where they are wrong`() throws {
    for text in ["PatientName", "RequestAttributesSequence[2].ScheduledProcedureStepID", "(0019,\"GEMS_ACQU_01\",9C)"] {
      #expect(try DICOMPath(text).description == text)
    }
    #expect(try DICOMPath("(0010,0010)").description == "PatientName")
    #expect(try DICOMPath("(0040,0275)[1].00400009").steps.count == 2)
    let slips = [
      "PatientNmae", "", "PatientName[0]", "PatientName[x]", "PatientName.", "(0010)", "(0019,\"A\",9)",
      "(0018,\"A\",99)",
    ]
    for text in slips {
      #expect(throws: DICOMPath.Mistake.self, "\(text)") { try DICOMPath(text) }
    }
    let mistake = #expect(throws: DICOMPath.Mistake.self) { try DICOMPath("PatientNmae") }
    #expect(mistake?.description.contains("PatientName") == true)
  }

  @Test func `what a VR can't hold is refused and changes nothing`() throws {
    var draft = DICOMDraft(try object().dataSet)
    let cases: [(String, DICOMValue, DICOMError.Kind)] = [
      ("Rows", .integer(65536), .malformed(.us)), ("Rows", .text("5"), .kindOfValue(.us)),
      ("PatientName", .text("Łukasz"), .unencodable), ("SOPInstanceUID", .text("../../x"), .malformed(.ui)),
      ("InstanceNumber", .text("one"), .malformed(.is)), ("Modality", .text("Ä"), .malformed(.cs)),
      (
        "PatientName", .bytes([UInt8](repeating: 32, count: 65535)),
        .cannot("a value of PN may have 65534 bytes at most in an explicit transfer syntax")
      ),
      ("ImageType", .texts(["A\\B"]), .cannot("a backslash parts values: there can be none in a value of CS")),
      ("PatientComments", .texts(["a", "b"]), .cannot("an element of LT has one value")),
      (
        "RequestAttributesSequence[5].ScheduledProcedureStepID", .text("x"),
        .cannot("the sequence has 2 items, and items are made one behind the other")
      ),
    ]
    for (path, value, kind) in cases {
      let error = #expect(throws: DICOMError.self, "\(path)") { try draft.set(DICOMPath(path), value) }
      #expect(error?.kind == kind, "\(path)")
    }
    #expect(!draft.isChanged)
  }

  @Test func `another character set is declared where no text would change by it`() throws {
    let writer = SampleWriter(.explicitLittle)
    let bytes = writer.bytes([.text(0x0008_0005, .cs, "ISO_IR 100"), .value(0x0010_0010, .pn, [0xC4, 0x20])])
    let dataSet = try DICOMObject(bytes, syntax: .explicitLittle).dataSet
    var draft = DICOMDraft(dataSet)
    #expect(throws: DICOMError.self) { try draft.set(DICOMPath("SpecificCharacterSet"), .text("ISO_IR 192")) }
    try draft.relabel(characterSets: ["ISO_IR 144"])
    #expect(try draft.dataSet()["PatientName"]?.text() == "Ф")
    var plain = DICOMDraft(try object().dataSet)
    try plain.set(DICOMPath("SpecificCharacterSet"), .text("ISO_IR 192"))
    try plain.set(DICOMPath("PatientName"), .text("Łukasz"))
    #expect(try plain.dataSet()["PatientName"]?.text() == "Łukasz")
  }

  @Test func `elements are copied from other data sets, with their texts and byte order`() throws {
    let source = try DICOMObject(
      SampleWriter(.explicitBig).bytes([
        .text(0x0008_0005, .cs, "ISO_IR 100"), .value(0x0010_0010, .pn, [0xC4, 0x20]),
        .value(0x0028_0010, .us, [1, 2]),
        .sequence(0x0040_0275, undefined: false, [(true, [.value(0x0040_0007, .lo, [0xE9, 0x20])])]),
      ]), syntax: .explicitBig
    ).dataSet
    var draft = DICOMDraft(new: .implicitLittle)
    try draft.set(DICOMPath("SpecificCharacterSet"), .text("ISO_IR 192"))
    for element in source.elements.dropFirst() { try draft.copy(element, to: DICOMPath(element.tag)) }
    let copy = try draft.dataSet()
    #expect(try copy["PatientName"]?.text() == "Ä")
    #expect(try copy["Rows"]?.integers() == [258])
    #expect(
      try copy[path: DICOMPath("RequestAttributesSequence.ScheduledProcedureStepDescription")]?.text() == "é")
    var other = DICOMDraft(new: .explicitLittle)
    #expect(throws: DICOMError.self) {
      try other.copy(try #require(source["PatientName"]), to: DICOMPath("PatientName"))
    }
  }

  @Test func `data sets of chance go to other transfer syntaxes and back`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var maker = SampleMaker(generator: SeededGenerator(seed: seed), syntax: .implicitLittle)
    for _ in 0..<150 {
      let sample = maker.dataSet()
      let source = try DICOMObject(SampleWriter(.implicitLittle).bytes(sample), syntax: .implicitLittle).dataSet
      let little = try DICOMDraft(source, as: .explicitLittle).dataSet()
      let big = try DICOMDraft(little, as: .explicitBig).dataSet()
      let back = try DICOMDraft(big, as: .implicitLittle).bytes()
      #expect(back == SampleWriter(.implicitLittle).bytes(sample), "seed \(seed)")
    }
    let jpeg = DICOMTransferSyntax(uid: "1.2.840.10008.1.2.4.70")
    let pixels = try object().dataSet
    #expect(throws: DICOMError.self) { try DICOMDraft(pixels, as: jpeg) }
  }

  @Test func `items are made and removed`() throws {
    var draft = DICOMDraft(try object().dataSet)
    try draft.remove(DICOMPath("RequestAttributesSequence[1]"))
    try draft.setItems(DICOMPath("ProcedureCodeSequence"), count: 2)
    #expect(draft.contains(try DICOMPath("ProcedureCodeSequence[2]")))
    #expect(!draft.contains(try DICOMPath("ProcedureCodeSequence[3]")))
    let changed = try draft.dataSet()
    #expect(changed["RequestAttributesSequence"]?.items.count == 1)
    #expect(changed["ProcedureCodeSequence"]?.items.map(\.isEmpty) == [true, true])
  }
}
