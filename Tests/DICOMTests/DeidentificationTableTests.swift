import Foundation
import Testing

@testable import DICOM

/// Table E.1-1, row for row, against a copy of it that the engine doesn't read.
@Suite struct DeidentificationTableTests {
  private typealias Option = DICOMDeidentification.Option

  private struct Row {
    var tag: UInt32
    var vr: DICOMVR
    var basic: String
    /// What options demand instead.
    var demands: [Option: String]

    /// By the standard, of K and C the one that gives away less.
    func letters(_ options: Set<Option>) -> String {
      let demanded = Set(demands.filter { options.contains($0.key) }.values)
      return demanded.contains("C") ? "C" : demanded.contains("K") ? "K" : basic
    }
  }

  private static let columns: [String: Option] = [
    "rtnSafePrivOpt": .retainSafePrivate, "rtnUIDsOpt": .retainUIDs, "rtnDevIdOpt": .retainDeviceIdentity,
    "rtnInstIdOpt": .retainInstitutionIdentity, "rtnPatCharsOpt": .retainPatientCharacteristics,
    "rtnLongFullDatesOpt": .retainFullDates, "rtnLongModifDatesOpt": .retainModifiedDates,
    "cleanDescOpt": .cleanDescriptors, "cleanStructContOpt": .cleanStructuredContent, "cleanGraphOpt": .cleanGraphics,
  ]

  private static func table() throws -> [[String: String]] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Corpus/dicom/confidentiality_profile_attributes.json")
    return try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [[String: String]])
  }

  /// Rows of one attribute each: not those of groups that are always removed.
  private static func rows() throws -> [Row] {
    try table().compactMap { row in
      guard let id = row["id"], let tag = UInt32(id, radix: 16) else { return nil }
      let vr = try #require(DICOMDictionary.attribute(DICOMTag(rawValue: tag))?.vr, "\(id)")
      var demands: [Option: String] = [:]
      for (column, option) in columns { demands[option] = row[column] }
      return Row(tag: tag, vr: vr, basic: try #require(row["basicProfile"]), demands: demands)
    }
  }

  @Test func `the embedded table has every row`() throws {
    let table = try Self.table()
    var counts: [String: Int] = [:]
    for row in table { counts[row["basicProfile"] ?? "", default: 0] += 1 }
    #expect(
      counts == [
        "X": 384, "D": 92, "U": 54, "Z": 42, "X/D": 22, "X/Z": 11, "X/Z/D": 8, "Z/D": 6, "X/Z/U*": 2,
      ])
    let rows = try Self.rows()
    #expect(rows.count == table.count - 4, "curves, overlays and private attributes are groups")
    for row in rows {
      let known = try #require(DICOMConfidentialityTable.row(DICOMTag(rawValue: row.tag)))
      #expect(known.kept == Set(row.demands.filter { $0.value == "K" }.keys), "\(DICOMTag(rawValue: row.tag))")
      #expect(known.cleaned == Set(row.demands.filter { $0.value == "C" }.keys), "\(DICOMTag(rawValue: row.tag))")
    }
  }

  // MARK: Row for row

  /// A word that no other row has, nor one like it.
  private static func word(_ tag: UInt32) -> String {
    var generator = SeededGenerator(seed: UInt64(tag))
    return String(decoding: (0..<10).map { _ in UInt8.random(in: 0x42...0x5A, using: &generator) }, as: UTF8.self)
      .replacingOccurrences(of: "E", with: "B")
  }

  private static let (day, moment, time) = ("20200229", "20200229120000.5+0100", "120000")
  private static let series = DICOMTag(0x0008, 0x1115)

  private static func sample(_ row: Row, nested: Bool) -> Sample {
    let tag = row.tag
    switch row.vr {
    case .da: return .text(tag, .da, day)
    case .dt: return .text(tag, .dt, moment)
    case .tm: return .text(tag, .tm, time)
    case .as: return .text(tag, .as, "045Y")
    case .ds, .is: return .text(tag, row.vr, "7")
    case .us: return .value(tag, .us, [7, 0])
    case .ui: return .text(tag, .ui, "1.2.3.\(tag).\(nested ? 2 : 1)")
    case .ur: return .text(tag, .ur, "http://pacs/")
    case .sh where tag == 0x0008_0201: return .text(tag, .sh, "+0100")
    case .ob, .un: return .value(tag, row.vr, [1, 2, 3, 4])
    case .sq:
      return .sequence(
        tag, undefined: nested,
        [
          (
            !nested,
            [
              .text(0x0008_0104, .lo, word(tag)), .text(0x0008_1155, .ui, "1.2.3.77"), .text(0x0020_0013, .is, "5"),
            ]
          ), (nested, [.text(0x0008_0104, .lo, "SECOND")]),
        ])
    default: return .text(tag, row.vr, word(tag))
    }
  }

  private static func dataSet() throws -> [Sample] {
    let rows = try rows().sorted { $0.tag < $1.tag }
    var elements = rows.map { sample($0, nested: false) }
    elements.append(
      .sequence(series.rawValue, undefined: true, [(false, rows.map { sample($0, nested: true) })]))
    return elements.sorted { $0.tag < $1.tag }
  }

  private static let choices: [Set<Option>] = {
    let all = Set(columns.values)
    return [[], all.subtracting([.retainFullDates]), all.subtracting([.retainModifiedDates])] + all.map { [$0] }
  }()

  @Test func `each row is done as the table demands, at the top and in items, with each option`() throws {
    let object = try DICOMObject(try Self.dataSet())
    let rows = try Self.rows()
    for options in Self.choices {
      let rules = try deidentification(options)
      let result = try rules.apply(to: object).draft.dataSet()
      let nested = try #require(result[Self.series]?.items.first)
      let original = try #require(object.dataSet[Self.series]?.items.first)
      for row in rows {
        let tag = DICOMTag(rawValue: row.tag)
        let days = rules.pseudonyms.shiftDays(patient: Self.word(0x0010_0020))
        for (place, before, after) in [("top", object.dataSet[tag], result[tag]), ("item", original[tag], nested[tag])]
        {
          let said = "\(tag) \(row.vr) at \(place) with \(options.map(\.rawValue).sorted())"
          try Self.expect(row, options, try #require(before), after, days, "\(said)")
        }
      }
    }
  }

  private static func expect(
    _ row: Row, _ options: Set<Option>, _ before: DICOMElement, _ after: DICOMElement?, _ days: Int, _ said: Comment
  ) throws {
    let letters = row.letters(options)
    switch letters {
    case "C":
      switch row.vr {
      case .da, .dt:
        let text = try #require(try after?.text(), said)
        #expect(try shift(of: text) == days, said)
        #expect(text.dropFirst(8) == (row.vr == .dt ? moment.dropFirst(8) : ""), said)
      case .sq: try expectItems(after, options, keeps: true, said)
      case .ob: try expect(letters: row.basic, row, options, before, after, said)
      default: #expect(try after?.bytes() == before.bytes(), said)
      }
    default: try expect(letters: letters, row, options, before, after, said)
    }
  }

  private static func expect(
    letters: String, _ row: Row, _ options: Set<Option>, _ before: DICOMElement, _ after: DICOMElement?, _ said: Comment
  ) throws {
    switch letters {
    case "X": #expect(after == nil, said)
    case "Z", "X/Z":
      let after = try #require(after, said)
      let isOther = try after.bytes() != before.bytes()
      #expect(after.isEmpty || (row.tag == 0x0010_0010 && isOther), said)
    case "D", "Z/D", "X/D", "X/Z/D":
      if row.vr == .sq { return try expectItems(after, options, keeps: false, said) }
      let after = try #require(after, said)
      let isOther = try !after.isEmpty && after.bytes() != before.bytes()
      #expect(isOther && after.vr == row.vr, said)
    case "U":
      let uids = try #require(try after?.uids(), said)
      #expect(uids.count == 1 && uids[0].hasPrefix("2.25."), said)
    case "X/Z/U*": try expectItems(after, options, keeps: true, said)
    case "K":
      if row.vr == .sq { return try expectItems(after, options, keeps: true, said) }
      #expect(try after?.bytes() == before.bytes(), said)
    default: Issue.record("\(letters)")
    }
  }

  /// The text in the item, and the UID, which is mapped unless UIDs are kept.
  private static func expectItems(
    _ after: DICOMElement?, _ options: Set<Option>, keeps: Bool, _ said: Comment
  ) throws {
    let items = try #require(after, said).items
    #expect(items.count == (keeps ? 2 : 1), said)
    let item = try #require(items.first, said)
    let isKept = try item["CodeMeaning"]?.text() == word(try #require(after).tag.rawValue)
    #expect(isKept == keeps, said)
    let uid = try #require(try item["ReferencedSOPInstanceUID"]?.text(), said)
    #expect((uid == "1.2.3.77") == options.contains(.retainUIDs), said)
  }

  /// How many days a date lies behind the one that every row has, counted by another calendar.
  private static func shift(of text: String) throws -> Int {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
    func date(_ text: String) throws -> Date {
      let digits = try #require(Int(text.prefix(8)))
      let parts = DateComponents(year: digits / 10000, month: digits / 100 % 100, day: digits % 100)
      return try #require(calendar.date(from: parts))
    }
    return try #require(calendar.dateComponents([.day], from: date(day), to: date(text)).day)
  }

  @Test func `curves, overlays and private attributes are removed, whatever the options are`() throws {
    let elements: [Sample] = [
      .value(0x0019_1001, .un, [1, 2]), .text(0x0019_0010, .lo, "ACME"), .value(0x0019_0011, .un, [1, 2]),
      .value(0x5000_3000, .ow, [1, 2]), .text(0x5004_0022, .lo, "CURVE"), .value(0x6000_3000, .ow, [1, 2]),
      .text(0x6000_4000, .lt, "NOTE"), .text(0x6002_1500, .lo, "LABEL"), .value(0x6002_0010, .us, [1, 0]),
    ]
    for options in Self.choices {
      let result = try deidentified(elements, deidentification(options))
      #expect(result.elements.allSatisfy { !$0.tag.isPrivate && $0.tag.group < 0x5000 }, "\(options)")
    }
  }
}
