import Testing

@testable import DICOM

/// Dates, ages, texts, private elements, and what is malformed.
@Suite struct DeidentificationValueTests {
  private let patient: [Sample] = [
    .text(0x0008_0005, .cs, "ISO_IR 100"), .text(0x0008_0018, .ui, "1.2.826.99.4"),
    .text(0x0008_0050, .sh, "ACC 99871"), .text(0x0008_0080, .lo, "St. Elsewhere Clinic"),
    .text(0x0008_0090, .pn, "Meier-Lansky^Ute^^Dr."),
    .value(0x0010_0010, .pn, Array("M".utf8) + [0xFC] + Array("ller^Jo ".utf8)), .text(0x0010_0020, .lo, "0004711"),
    .text(0x0010_0030, .da, "19700131"),
  ]

  private func left(
    _ element: Sample, _ options: Set<DICOMDeidentification.Option>, allowedTexts: [String] = []
  ) throws -> DICOMElement? {
    let others = patient.filter { $0.tag != element.tag }
    return try deidentified(others + [element], deidentification(options, allowedTexts: allowedTexts))[
      DICOMTag(rawValue: element.tag)]
  }

  // MARK: Dates and ages

  @Test func `dates are shifted together, and what is malformed is replaced`() throws {
    let rules = try deidentification([.retainModifiedDates])
    let days = rules.pseudonyms.shiftDays(patient: "0004711")
    for (vr, text) in [
      (DICOMVR.da, "20200229"), (.da, "2020.03.01"), (.da, "19700101"), (.dt, "20200229235959.999999-0330"),
      (.dt, "202002"),
      (.dt, "2020"), (.da, "20200229\\\\20200301"),
    ] {
      let tag: UInt32 = vr == .da ? 0x0008_0020 : 0x0008_002A
      let after = try #require(try left(.text(tag, vr, text), [.retainModifiedDates])).texts()
      let parts = text.split(separator: "\\", omittingEmptySubsequences: false).map { String($0) }
      #expect(after == parts.map { $0.isEmpty ? "" : DICOMShiftedDates.shifted($0, vr, days: days) ?? "?" })
      #expect(after.joined(separator: "\\").count == text.filter { vr == .dt || $0 != "." }.count && after != parts)
    }
    for text in ["20200230", "2020", "Doe^Jane", "20200101-20200202", "99999999"] {
      #expect(try left(.text(0x0008_0020, .da, text), [.retainModifiedDates])?.text() == "19000101", "\(text)")
      #expect(try left(.text(0x0008_0020, .da, text), [.retainFullDates])?.text() == "19000101", "\(text)")
    }
    #expect(try left(.text(0x0008_0030, .tm, "DoeJane"), [.retainModifiedDates])?.text() == "000000")
    #expect(try left(.text(0x0008_0030, .tm, "0815"), [.retainModifiedDates])?.text() == "0815")
    #expect(try left(.text(0x0008_0201, .sh, "Ulm"), [.retainModifiedDates]) == nil)
    #expect(try left(.text(0x0010_0030, .da, "19700131"), [.retainFullDates])?.isEmpty == true)
    // Not in the table.
    #expect(try left(.text(0x0014_1020, .da, "20200229"), [])?.text() == "19000101")
    #expect(try left(.text(0x0014_1020, .da, "20200229"), [.retainFullDates])?.text() == "20200229")
  }

  @Test(
    arguments: [
      ("20200301", DICOMVR.da, -1, "20200229"), ("20200229", .da, -366, "20190228"), ("20000101", .da, -1, "19991231"),
      ("202003", .dt, -1, "202002"), ("2020", .dt, -1, "2019"),
      ("20200301101112.5+0200", .dt, -1, "20200229101112.5+0200"),
      ("00010101", .da, -1, nil), ("20200301", .da, -3650, "20100304"),
    ] as [(String, DICOMVR, Int, String?)])
  func `days are counted by the calendar`(text: String, vr: DICOMVR, days: Int, shifted: String?) {
    #expect(DICOMShiftedDates.shifted(text, vr, days: days) == shifted)
  }

  @Test(arguments: [
    ("045Y", "045Y"), ("089Y", "089Y"), ("090Y", "090Y"), ("091Y", "090Y"), ("117Y", "090Y"), ("999M", "999M"),
    ("007D", "007D"),
  ])
  func `ages above 89 are one`(age: String, left: String) throws {
    #expect(try self.left(.text(0x0010_1010, .as, age), [.retainPatientCharacteristics])?.text() == left)
    #expect(try self.left(.text(0x0010_1010, .as, "Doe"), [.retainPatientCharacteristics])?.isEmpty == true)
  }

  // MARK: Texts

  @Test(arguments: [
    "CHEST ROUTINE", "T2 TSE sag 3.0 mm", "Abdomen (native)", "CT Thorax 1.5 B30f", "512x512", "", "Isovue 300/100",
    "0.5/0.25", "Sch\u{e4}del",
  ])
  func `descriptions without anybody are kept`(text: String) throws {
    let bytes = text.unicodeScalars.map { UInt8($0.value) }
    let element = Sample.value(0x0008_103E, .lo, bytes.count % 2 == 0 ? bytes : bytes + [0x20])
    #expect(try left(element, [.cleanDescriptors])?.text() ?? "" == text)
    #expect(try left(element, []) == nil, "without the option it goes")
  }

  @Test(arguments: [
    "CHEST M\u{fc}ller", "chest MUELLER", "Chest muller", "Chest Mullr", "prior of Jo M\u{fc}ller", "pt 4711",
    "pt 0004711",
    "MRN:0004711", "acc-99871", "ACC99871", "seen by Meyer", "for Lansky", "Elsewhere", "born 31.01.1970",
    "31 Jan 1970",
    "see 1.2.826.99.4", "2024-03-01", "3/12/2024", "2024-03", "call 555123", "555-1234", "a@b.org", "for Mrs X",
    "Doe^Jane", "http://pacs",
  ])
  func `descriptions that may hold somebody go`(text: String) throws {
    let bytes = text.unicodeScalars.map { UInt8($0.value) }
    let element = Sample.value(0x0008_103E, .lo, bytes.count % 2 == 0 ? bytes : bytes + [0x20])
    #expect(try left(element, [.cleanDescriptors]) == nil)
    // What must be there is replaced.
    let needed = Sample.value(0x3006_0002, .sh, bytes.count % 2 == 0 ? bytes : bytes + [0x20])
    #expect(try left(needed, [.cleanDescriptors])?.text() == "ANONYMIZED")
    #expect(try left(element, [.cleanDescriptors], allowedTexts: [text.uppercased()]) != nil, "somebody vouches for it")
  }

  @Test func `what the table leaves goes too where somebody stands in it`() throws {
    for text in ["Mueller 1.0", "v 4711", "Jo M\u{fc}ller", "1.2.826.99.4"] {
      let bytes = text.unicodeScalars.map { UInt8($0.value) }
      let element = Sample.value(0x0018_1020, .lo, bytes.count % 2 == 0 ? bytes : bytes + [0x20])
      #expect(try left(element, [])?.text() == "ANONYMIZED", "\(text)")
    }
    #expect(try left(.text(0x0018_1020, .lo, "VB 40.1"), [])?.text() == "VB 40.1")
    #expect(try left(.text(0x0018_0015, .cs, "MULLER"), [])?.text() == "MULLER", "a code may be a word")
    #expect(try left(.text(0x0018_0015, .cs, "JO_MULLER"), [])?.text() == "ANONYMIZED")
    #expect(try left(.text(0x0018_0015, .cs, "4711"), [])?.text() == "ANONYMIZED")
    #expect(try left(.text(0x0018_0050, .ds, "1.25"), [])?.text() == "1.25")
    #expect(try left(.text(0x0018_0050, .ds, "Doe"), [])?.isEmpty == true)
    #expect(try left(.text(0x0008_1190, .ur, "http://pacs/studies/1"), [])?.text() == "about:blank")
    #expect(try left(.text(0x0014_0104, .pn, "Roe^Max"), [])?.text() == "ANONYMIZED", "no name is left")
    #expect(try left(.text(0x0010_0033, .lo, "1389"), []) == nil, "a birthday in another calendar is one")
  }

  @Test func `names in writings without spaces are found`() throws {
    let elements: [Sample] = [
      .text(0x0008_0005, .cs, "ISO_IR 192"), .text(0x0008_103E, .lo, "胸部検査"), .text(0x0008_1030, .lo, "山田太郎の胸部"),
      .text(0x0010_0010, .pn, "Yamada^Tarou=山田^太郎=やまだ^たろう"), .text(0x0018_1020, .lo, "やまだ"),
      .text(0x0018_1030, .lo, "ЯМАДА"),
    ]
    let result = try deidentified(elements, deidentification([.cleanDescriptors]))
    #expect(try result["SeriesDescription"]?.text() == "胸部検査")
    #expect(result["StudyDescription"] == nil)
    #expect(try result["SoftwareVersions"]?.text() == "ANONYMIZED")
    #expect(try result["ProtocolName"]?.text() == "ЯМАДА")
    let undecodable = try deidentified(
      [.text(0x0008_0005, .cs, "ISO_IR 192"), .value(0x0018_1020, .lo, [0xFF, 0x41])], deidentification())
    #expect(try undecodable["SoftwareVersions"]?.text() == "ANONYMIZED", "what can't be read can't be looked at")
  }

  @Test func `structured content is kept without those that it names`() throws {
    func item(_ concept: String, _ value: Sample) -> (Bool, [Sample]) {
      (
        true,
        [
          .sequence(
            0x0040_A043, undefined: true,
            [(true, [.text(0x0008_0100, .sh, concept), .text(0x0008_0104, .lo, "Finding 12345678")])]), value,
        ].sorted { $0.tag < $1.tag }
      )
    }
    let content = Sample.sequence(
      0x0040_A730, undefined: true,
      [
        item("121071", .text(0x0040_A160, .ut, "No focal lesion")),
        item("121071", .text(0x0040_A160, .ut, "Mr. Moller")),
        item("121009", .text(0x0040_A160, .ut, "Somewhere")), item("121008", .text(0x0040_A123, .pn, "Roe^Max")),
        item("39607008", .text(0x0040_A30A, .ds, "12.5")),
      ])
    let items = try #require(try left(content, [.cleanStructuredContent])).items
    #expect(try items.map { try $0["TextValue"]?.text() } == ["No focal lesion", "ANONYMIZED", "ANONYMIZED", nil, nil])
    #expect(try items[3]["PersonName"]?.text() == "ANONYMIZED")
    let code = try #require(items[4]["ConceptNameCodeSequence"]?.items.first)
    #expect(try code["CodeValue"]?.text() == "39607008", "codes are long numbers")
    #expect(try code["CodeMeaning"]?.text() == "ANONYMIZED")
    #expect(try items[4]["NumericValue"]?.text() == "12.5")
    let form = try #require(try left(content, [])).items
    #expect(try form.count == 1 && form[0]["TextValue"]?.text() == "ANONYMIZED", "only the form is left")
  }

  // MARK: Private elements

  @Test func `private elements are kept where somebody vouches for them, in whatever block they are`() throws {
    let safe = [
      DICOMDeidentification.SafePrivate(group: 0x0019, creator: "ACME 1", element: 0x9C),
      DICOMDeidentification.SafePrivate(group: 0x0019, creator: "ACME 1", element: 0x9D),
      DICOMDeidentification.SafePrivate(group: 0x0019, creator: "ACME 1", element: 0x9E),
    ]
    let elements: [Sample] = [
      .text(0x0019_0010, .lo, "OTHER"), .text(0x0019_0012, .lo, "ACME 1"), .text(0x0019_0013, .lo, "ACME 1"),
      .value(0x0019_109C, .un, [1, 2]), .value(0x0019_129B, .un, [1, 2]), .value(0x0019_129C, .ds, [0x31, 0x20]),
      .value(0x0019_129D, .un, Array("M ller 0004711".utf8)), .text(0x0019_139E, .ui, "1.2.3"),
      .text(0x0021_0012, .lo, "ACME 1"), .value(0x0021_129C, .un, [1, 2]), .value(0x0023_129C, .un, [1, 2]),
    ]
    let rules = try deidentification([.retainSafePrivate], safePrivate: safe)
    let result = try deidentified(patient + elements, rules)
    #expect(
      result.elements.map(\.tag.rawValue).filter { DICOMTag(rawValue: $0).isPrivate }
        == [0x0019_0012, 0x0019_0013, 0x0019_129C, 0x0019_139E])
    #expect(try result[DICOMTag(0x0019, 0x129C)]?.text() == "1")
    #expect(try result[DICOMTag(0x0019, 0x139E)]?.text() == rules.pseudonyms.uid("1.2.3"))
    let without = try deidentified(patient + elements, deidentification(safePrivate: safe))
    #expect(!without.elements.contains { $0.tag.isPrivate }, "without the option nobody vouches")
  }

  // MARK: Malformed data sets

  @Test func `what is new is written as what it stands beside, whatever the file declares`() throws {
    let bytes = SampleWriter(.implicitLittle).bytes(patient.sorted { $0.tag < $1.tag })
    let file = try file(DICOMTransferSyntax(uid: "1.2.840.10008.1.2.4.50"), bytes)
    let object = try DICOMObject(file)
    #expect(object.notes.contains { $0.kind == .implicitElement })
    let left = try deidentification().apply(to: object).draft.bytes()
    let again = try DICOMObject(left, syntax: .implicitLittle).dataSet
    #expect(try again["PatientIdentityRemoved"]?.text() == "YES")
    #expect(try again["PatientID"]?.text() == deidentification().pseudonyms.pseudonym("0004711"))
  }

  @Test func `what isn't as the standard has it is removed or replaced`() throws {
    let elements: [Sample] = [
      .text(0x0008_0016, .ui, "not a uid"), .text(0x0008_0018, .lo, "Jo Muller"), .text(0x0010_0010, .lt, "Muller^Jo"),
      .sequence(0x0010_0020, undefined: false, [(false, [.text(0x0008_0104, .lo, "Jo")])]),
      .text(0x0028_0010, .lo, "Jo"), .text(0x0010_21C0, .lt, "Jo"), .text(0x0008_1115, .lo, "Jo"),
      .value(0x0018_FFFE, .un, [0x4A, 0x6F]),
      .value(0x0010_1010, .un, Array("099Y".utf8)), .value(0x0008_0104, .un, Array("Jo Muller ".utf8)),
      .text(0x0004_1130, .cs, "JO"), .sequence(0x0028_0030, undefined: true, [(true, [.text(0x0008_0104, .lo, "Jo")])]),
    ]
    let rules = try deidentification([.retainPatientCharacteristics])
    let left = try deidentified(patient.filter { p in !elements.contains { $0.tag == p.tag } } + elements, rules)
    #expect(try left["SOPClassUID"]?.text() == rules.pseudonyms.uid("not a uid"))
    #expect(try left["SOPInstanceUID"]?.uids() == [rules.pseudonyms.uid("Jo Muller")])
    #expect(try left["PatientAge"]?.text() == "090Y")
    for tag in [0x0028_0010, 0x0010_21C0, 0x0008_1115, 0x0018_FFFE, 0x0004_1130, 0x0028_0030] as [UInt32] {
      #expect(left[DICOMTag(rawValue: tag)] == nil, "\(DICOMTag(rawValue: tag))")
    }
    #expect(!String(decoding: try #require(left.bytes(left.range)), as: UTF8.self).contains("Jo"))
  }
}
