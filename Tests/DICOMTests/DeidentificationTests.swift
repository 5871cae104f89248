import Synchronization
import Testing

@testable import DICOM

/// What was hashed.
private final class Asked: Sendable {
  let bytes = Mutex<[[UInt8]]>([])
}

/// What a data set without identity says and keeps, besides the rows of the table.
@Suite struct DeidentificationTests {
  private let header: [Sample] = [
    .text(0x0008_0016, .ui, "1.2.840.10008.5.1.4.1.1.2"), .text(0x0008_0018, .ui, "1.2.3.4"),
    .text(0x0008_0060, .cs, "CT"), .text(0x0008_0070, .lo, "ACME"), .text(0x0010_0010, .pn, "Doe^Jane"),
    .text(0x0010_0020, .lo, "P-4711"), .text(0x0010_0030, .da, "19700131"), .text(0x0020_000D, .ui, "1.2.3"),
    .value(0x0028_0010, .us, [0, 2]),
  ]

  private func file(_ object: DICOMObject, _ draft: DICOMDraft) throws -> [UInt8] {
    try object.file(with: draft).flatMap { stretch in
      switch stretch {
      case .bytes(let bytes): return bytes
      case .range(let range): return Array(try #require(object.meta.bytes(range)))
      }
    }
  }

  // MARK: What is written

  @Test func `it says that identity was removed, how, and what became of dates`() throws {
    let said = try deidentified(header, deidentification([.cleanDescriptors, .retainModifiedDates]))
    #expect(try said["PatientIdentityRemoved"]?.text() == "YES")
    #expect(try said["DeidentificationMethod"]?.texts() == [DICOMDeidentification.method])
    let codes = try #require(said["DeidentificationMethodCodeSequence"]).items
    #expect(try codes.map { try $0["CodeValue"]?.text() } == ["113100", "113105", "113107"])
    #expect(try codes.allSatisfy { try $0["CodingSchemeDesignator"]?.text() == "DCM" })
    #expect(
      try codes.last?["CodeMeaning"]?.text() == "Retain Longitudinal Temporal Information Modified Dates Option")
    #expect(try said["LongitudinalTemporalInformationModified"]?.text() == "MODIFIED")
    #expect(said.elements.map(\.tag) == said.elements.map(\.tag).sorted())
  }

  @Test(
    arguments: [
      ([], nil, "REMOVED"), ([.retainFullDates], nil, "UNMODIFIED"), ([.retainFullDates], "MODIFIED", "MODIFIED"),
      ([.retainFullDates], "REMOVED", "REMOVED"), ([.retainModifiedDates], "REMOVED", "REMOVED"),
      ([.retainModifiedDates], "UNMODIFIED", "MODIFIED"), ([], "MODIFIED", "REMOVED"),
    ] as [(Set<DICOMDeidentification.Option>, String?, String)])
  func `what was done to dates before stays done`(
    options: Set<DICOMDeidentification.Option>, before: String?, after: String
  ) throws {
    let elements = header + (before.map { [.text(0x0028_0303, .cs, $0)] } ?? [])
    let said = try deidentified(elements, deidentification(options))
    #expect(try said["LongitudinalTemporalInformationModified"]?.text() == after)
  }

  @Test func `what others said who did it before stays, and twice says the same as once`() throws {
    let elements =
      header + [
        .text(0x0012_0063, .lo, "CTP"),
        .sequence(
          0x0012_0064, undefined: true,
          [(true, [.text(0x0008_0100, .sh, "113100"), .text(0x0008_0102, .sh, "DCM")])]),
      ]
    let rules = try deidentification([.retainUIDs])
    let once = try deidentified(elements, rules)
    #expect(try once["DeidentificationMethod"]?.texts() == ["CTP", DICOMDeidentification.method])
    let codes = try #require(once["DeidentificationMethodCodeSequence"]).items
    #expect(try codes.map { try $0["CodeValue"]?.text() } == ["113100", "113110"])
    let bytes = Array(try #require(once.bytes(once.range)))
    let twice = try rules.apply(to: try DICOMObject(bytes, syntax: .explicitLittle)).draft.dataSet()
    #expect(try twice["DeidentificationMethod"]?.texts() == ["CTP", DICOMDeidentification.method])
    #expect(twice["DeidentificationMethodCodeSequence"]?.items.count == 2)
  }

  @Test func `of the file nothing goes along but elements`() throws {
    var bytes = try DICOMFile.head(
      sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3.4", syntax: .explicitLittle, source: "DOEJANE")
    bytes.replaceSubrange(0..<8, with: "Doe^Jane".utf8)
    bytes += SampleWriter(.explicitLittle).bytes([.value(0x0008_0000, .ul, [9, 9, 0, 0])] + header)
    // What stands behind the last element is none.
    bytes += "Doe^J".utf8
    let object = try DICOMObject(bytes, limits: DICOMLimits(acceptsTruncated: true))
    let (draft, report) = try deidentification().apply(to: object)
    let written = try file(object, draft)
    let again = try DICOMObject(written)
    #expect(!String(decoding: written, as: UTF8.self).uppercased().contains("DOE"))
    #expect(again.notes.isEmpty, "\(again.notes)")
    let uid = try #require(try again.dataSet["SOPInstanceUID"]?.text())
    #expect(try again.meta[.mediaStorageSOPInstanceUID]?.text() == uid)
    #expect(uid == report.replacements.first { $0.original == "1.2.3.4" }?.replacement)
    #expect(again.dataSet[DICOMTag(0x0008, 0x0000)] == nil)
    let alone = try DICOMObject(header)
    let bare = try deidentification().apply(to: alone).draft
    #expect(try alone.file(with: bare) == bare.stretches(), "a data set without a file stays one")
  }

  @Test(arguments: syntaxes)
  func `pixels stay where they are, and files are written in their transfer syntax`(
    syntax: DICOMTransferSyntax
  ) throws {
    let pixels: Sample =
      syntax.isEncapsulated
      ? .fragments(0x7FE0_0010, [[], [UInt8](repeating: 7, count: 5000)])
      : .value(0x7FE0_0010, .ow, [UInt8](repeating: 7, count: 5000))
    var data = SampleWriter(syntax.encoding).bytes(header + [pixels, .value(0xFFFC_FFFC, .ob, [0, 0])])
    if syntax.isDeflated {
      let deflater = try DICOMDeflater()
      data = deflater.receive(data) + deflater.finish()
    }
    let object = try DICOMObject(
      try DICOMFile.head(sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3.4", syntax: syntax) + data)
    let draft = try deidentification().apply(to: object).draft
    let range = try #require(object.dataSet[.pixelData]).range
    #expect(
      draft.stretches().contains {
        if case .range(let kept) = $0 { kept.contains(range.upperBound - 1) } else { false }
      })
    let again = try DICOMObject(try file(object, draft))
    #expect(again.syntax == syntax)
    #expect(try again.dataSet["Rows"]?.integers() == object.dataSet["Rows"]?.integers())
    #expect(again.dataSet[.pixelData]?.range.count == range.count)
    #expect(again.dataSet[.trailingPadding] == nil)
  }

  @Test func `a stream whose pixels were never kept is de-identified`() throws {
    let bytes =
      try DICOMFile.head(
        sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3.4", syntax: .explicitLittle)
      + SampleWriter(.explicitLittle).bytes(header + [.value(0x7FE0_0010, .ow, [UInt8](repeating: 7, count: 50_000))])
    var reader = DICOMReader()
    try reader.receive(bytes)
    let object = try reader.finish()
    let stretches = try object.file(with: try deidentification().apply(to: object).draft)
    #expect(stretches.last == .range(bytes.count - 50_000 - 12..<bytes.count))
  }

  @Test func `a data set that was changed is de-identified as it is now`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    let rules = try deidentification([.cleanDescriptors, .retainModifiedDates])
    for syntax in syntaxes {
      var maker = SampleMaker(generator: generator, syntax: syntax)
      for _ in 0..<40 {
        let plain = syntax.isDeflated ? DICOMTransferSyntax.explicitLittle : syntax
        let other = DICOMObject.init(_:syntax:limits:)
        let source = try other(SampleWriter(syntax.encoding).bytes(maker.dataSet()), plain, DICOMLimits())
        var draft = DICOMDraft(source.dataSet)
        #expect(try rules.apply(to: draft).draft.bytes() == rules.apply(to: source).draft.bytes(), "seed \(seed)")
        try draft.set(DICOMPath("PatientName"), .text("Roe^Ann"))
        try draft.set(DICOMPath("SoftwareVersions"), .text("Roe 1"))
        try draft.set(DICOMPath("Manufacturer"), .text("ACME"))
        try draft.set(DICOMPath("StudyDate"), .text("20200229"))
        try draft.set(DICOMPath("AnatomicRegionSequence.CodeMeaning"), .text("Head"))
        try draft.set(DICOMPath("RequestAttributesSequence[1].ScheduledProcedureStepDescription"), .text("by Roe"))
        try draft.remove(DICOMPath("ReferencedImageSequence[1]"))
        let known = source.dataSet.elements.filter { !$0.isEncapsulated && $0.tag != .patientName }.randomElement(
          using: &generator)
        if let known { try draft.remove(DICOMPath(known.tag)) }
        let again = try other(draft.bytes(), plain, DICOMLimits())
        let expected = try rules.apply(to: again).draft
        #expect(try rules.apply(to: draft).draft.bytes() == expected.bytes(), "seed \(seed), \(syntax)")
        #expect(!String(decoding: try expected.bytes(), as: UTF8.self).contains("Roe"), "seed \(seed)")
      }
      generator = maker.generator
    }
  }

  @Test func `of a changed stream the pixels are still a range`() throws {
    let bytes =
      try DICOMFile.head(
        sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3.4", syntax: .explicitLittle)
      + SampleWriter(.explicitLittle).bytes(header + [.value(0x7FE0_0010, .ow, [UInt8](repeating: 7, count: 50_000))])
    var reader = DICOMReader()
    try reader.receive(bytes)
    let object = try reader.finish()
    var draft = DICOMDraft(object.dataSet)
    try draft.set(DICOMPath("Manufacturer"), .text("Nobody"))
    let stretches = try object.file(with: try deidentification().apply(to: draft).draft)
    let ranges = stretches.compactMap { if case .range(let range) = $0 { range } else { nil } }
    #expect(ranges.allSatisfy { $0.upperBound <= bytes.count })
    #expect(ranges.last == bytes.count - 50_000 - 12..<bytes.count)
    var new = DICOMDraft(new: .explicitLittle)
    try new.set(DICOMPath("PatientID"), .text("P-4711"))
    try new.set(DICOMPath("Manufacturer"), .text(""))
    let made = try deidentification().apply(to: new).draft.dataSet()
    #expect(try made["PatientID"]?.text() == deidentification().pseudonyms.pseudonym("P-4711"))
    #expect(made["Manufacturer"]?.isEmpty == true)
    // Moved to another syntax, only its value is.
    let moved = try deidentification().apply(to: try DICOMDraft(object.dataSet, as: .implicitLittle)).draft
    #expect(moved.syntax == .implicitLittle && moved.stretches().last == .range(bytes.count - 50_000..<bytes.count))
  }

  // MARK: UIDs and the patient

  @Test func `UIDs that refer to each other still do, in every data set, and those of the standard are what they are`()
    throws
  {
    let references: [Sample] = [
      .sequence(
        0x0008_1140, undefined: true,
        [
          (
            true,
            [.text(0x0008_1150, .ui, "1.2.840.10008.5.1.4.1.1.2"), .text(0x0008_1155, .ui, "1.2.3.4")]
          )
        ]),
      .text(0x0020_0052, .ui, "1.2.840.10008.1.4.1.1"), .text(0x0008_0058, .ui, "1.2.3.4\\1.2.3.5"),
      .text(0x0020_9312, .ui, "1.2.3.9"), .text(0x0008_010C, .ui, "1.2.3.10"),
    ]
    let rules = try deidentification()
    let (draft, report) = try rules.apply(to: try DICOMObject(header + references))
    let result = try draft.dataSet()
    let instance = try #require(try result["SOPInstanceUID"]?.uids().first)
    let reference = try DICOMPath("ReferencedImageSequence[1].ReferencedSOPInstanceUID")
    #expect(try result[path: reference]?.uids() == [instance])
    #expect(try result["FailedSOPInstanceUIDList"]?.uids().first == instance)
    #expect(try result["FrameOfReferenceUID"]?.uids() == ["1.2.840.10008.1.4.1.1"])
    #expect(try result["SOPClassUID"]?.uids() == ["1.2.840.10008.5.1.4.1.1.2"])
    #expect(try result["VolumeFrameOfReferenceUID"]?.uids() == [rules.pseudonyms.uid("1.2.3.9")], "not in the table")
    #expect(try result["CodingSchemeUID"]?.uids() == ["1.2.3.10"], "says what it is, and not which")
    #expect(report.replacements.filter { $0.original == "1.2.3.4" }.map(\.replacement) == [instance])
    let other = try deidentified(header, rules)
    #expect(try other["SOPInstanceUID"]?.uids() == [instance])
    let otherKey = try deidentified(header, deidentification(key: "2027"))
    #expect(try otherKey["SOPInstanceUID"]?.uids() != [instance])
    #expect(try otherKey["PatientID"]?.text() != other["PatientID"]?.text())
  }

  @Test func `pseudonyms, UIDs and days depend on the key and on what they are for`() throws {
    let names = DICOMPseudonyms(hash: keyed("a"))
    let pseudonym = names.pseudonym("P-4711", prefix: "RS")
    let letters = Set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    #expect(pseudonym.count == 18 && pseudonym.hasPrefix("RS") && pseudonym.dropFirst(2).allSatisfy(letters.contains))
    #expect(names.pseudonym("P-4711") == String(pseudonym.dropFirst(2)), "the prefix stands before it and nothing else")
    #expect(DICOMPseudonyms(hash: keyed("b")).pseudonym("P-4711") != names.pseudonym("P-4711"))
    let uid = names.uid("1.2.3")
    let number = try #require(UInt128(uid.dropFirst(5)))
    #expect(DICOMUID.isValid(uid) && uid.hasPrefix("2.25."))
    #expect(number >> 76 & 15 == 8 && number >> 62 & 3 == 2, "a UUID of version 8")
    #expect(names.uid("") == "")
    let days = (0..<4000).map { names.shiftDays(patient: "\($0)") }
    #expect(days.allSatisfy { (-3650 ... -1).contains($0) } && Set(days).count > 2000)
    #expect(Set((0..<4000).map { names.pseudonym("\($0)") }).count == 4000)
    let asked = Asked()
    let watched = DICOMPseudonyms { bytes in
      asked.bytes.withLock { $0.append(bytes) }
      return [UInt8](repeating: 1, count: 32)
    }
    _ = (watched.pseudonym("1.2.3"), watched.uid("1.2.3"), watched.shiftDays(patient: "1.2.3"))
    let hashed = asked.bytes.withLock { Set($0) }
    #expect(hashed.count == 3, "one key never hashes the same for two purposes")
  }

  @Test func `the patient is a pseudonym, in name and number, and nobody stays nobody`() throws {
    let rules = try deidentification(prefix: "RS")
    let (draft, report) = try rules.apply(to: try DICOMObject(header))
    let result = try draft.dataSet()
    let pseudonym = rules.pseudonyms.pseudonym("P-4711", prefix: "RS")
    #expect(try result["PatientID"]?.text() == pseudonym)
    #expect(try result["PatientName"]?.text() == pseudonym)
    #expect(report.replacements.first { $0.kind == .patientID }?.replacement == pseudonym)
    let nobody = try deidentified(header.filter { $0.tag != 0x0010_0020 } + [.text(0x0010_0020, .lo, "")], rules)
    #expect(nobody["PatientID"]?.isEmpty == true && nobody["PatientName"]?.isEmpty == true)
  }

  // MARK: Refusals and the report

  @Test func `what can't be done is refused by name`() throws {
    for option in [DICOMDeidentification.Option.cleanPixelData, .cleanRecognizableVisualFeatures] {
      let refusal = #expect(throws: DICOMDeidentification.Refusal.self) { try deidentification([option]) }
      #expect(refusal?.description.contains(option.rawValue) == true)
    }
    let dates = #expect(throws: DICOMDeidentification.Refusal.self) {
      try deidentification([.retainFullDates, .retainModifiedDates])
    }
    #expect(dates == .twoKindsOfDates)
    for prefix in ["A\\B", "A^B", "ABCDEFGHIJKLMNOPQ", "Ä"] {
      #expect(throws: DICOMDeidentification.Refusal.prefix) { try deidentification(prefix: prefix) }
    }
    let directory = try DICOMObject(header + [.sequence(0x0004_1220, undefined: false, [])])
    #expect(throws: DICOMError.self) { try deidentification().apply(to: directory) }
  }

  @Test func `the report counts, and shows nothing of what was there`() throws {
    let elements =
      header + [
        .text(0x0019_0010, .lo, "ACME"), .value(0x0019_1001, .un, [1, 2]), .text(0x0018_1030, .lo, "HEAD"),
        .value(0x0018_FFF1, .un, [1, 2]), .text(0x0008_0020, .da, "20200229"), .text(0x0018_1020, .lo, "Doe 1.0"),
      ]
    let rules = try deidentification([.cleanDescriptors, .retainModifiedDates], prefix: "RS")
    let report = try rules.apply(to: try DICOMObject(elements)).report
    #expect(
      report.counts == [
        .kept: 4, .cleaned: 1, .emptied: 1, .replaced: 2, .mapped: 2, .shifted: 1, .privateRemoved: 1,
        .unknownRemoved: 1, .found: 1,
      ])
    #expect(report.replacements.map(\.original) == ["1.2.3.4", "P-4711", "1.2.3"])
    let shown = "\(report) \(report.replacements) " + String(reflecting: report)
    for secret in ["4711", "1.2.3", "2.25", "Doe", "RS"] { #expect(!shown.contains(secret)) }
  }

  @Test(
    arguments: [
      ([.text(0x0028_0301, .cs, "YES")], .declared),
      ([.text(0x0028_0301, .cs, "NO"), .text(0x0008_0064, .cs, "WSD")], .no),
      ([], .no), ([.text(0x0028_0302, .cs, "YES")], .recognizable),
      ([.text(0x0008_0064, .cs, "DF")], .possible(.captured)),
      ([.text(0x0008_0060, .cs, "US")], .possible(.ultrasound)),
      ([.text(0x0008_0016, .ui, "1.2.840.10008.5.1.4.1.1.7.2")], .possible(.captured)),
      ([.text(0x0008_0016, .ui, "1.2.840.10008.5.1.4.1.1.77.1.4")], .possible(.photograph)),
      ([.text(0x0008_0016, .ui, "1.2.840.10008.5.1.4.1.1.104.1")], .no),
      ([.text(0x0008_0008, .cs, "DERIVED\\SECONDARY\\SCREEN SAVE")], .possible(.captured)),
      ([.value(0x6000_0102, .us, [12, 0])], .possible(.overlay)),
    ] as [([Sample], DICOMBurnedIn)])
  func `text in the pixels is told where it is likely`(elements: [Sample], expected: DICOMBurnedIn) throws {
    let others = header.filter { sample in !elements.contains { $0.tag == sample.tag } }
    let report = try deidentification().apply(to: try DICOMObject(others + elements)).report
    #expect(report.burnedIn == expected)
    #expect(report.burnedIn.isPossible == (expected != .no))
  }
}
