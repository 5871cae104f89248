import Testing

@testable import HL7

@Suite("The tables of HL7 v2")
struct HL7TablesTests {
  @Test(
    "A field is what its versions say",
    arguments: [
      ("PID", 3, "2.5.1", "CX", true), ("PID", 3, "2.1", "CK", false), ("PID", 8, "2.5", "IS", false),
      ("PID", 8, "2.7", "CWE", false), ("PID", 5, "2.3", "XPN", false), ("PID", 5, "2.3.1", "XPN", true),
      ("OBX", 5, "2.5.1", "varies", true), ("OBX", 3, "2.6", "CWE", false), ("PV1", 3, "2.4", "PL", false),
      ("MSH", 9, "2.3", "CM_MSG", false), ("MSH", 9, "2.3.1", "MSG", false), ("NTE", 3, "2.5", "FT", true),
      ("PID", 40, "2.7", "XTN", true), ("MSH", 7, "2.9", "DTM", false), ("ERR", 3, "2.7.1", "CWE", false),
    ])
  func field(_ segment: String, _ number: Int, _ version: String, _ type: String, _ repeats: Bool) throws {
    let versions = try #require(HL7Versions(version, upTo: version))
    let code = try #require(HL7SegmentCode(segment))
    let parts = try #require(HL7Tables.segment(code)).part(number, in: versions)
    #expect(parts.map(\.type) == [type] && parts.first?.repeats == repeats)
  }

  @Test("What a version withdrew is not there")
  func withdrawn() throws {
    let segment = try #require(HL7Tables.segment("PID"))
    for number in [2, 4, 9, 12, 19, 20] {
      #expect(try segment.part(number, in: #require(HL7Versions("2.7", upTo: "2.8.2"))).isEmpty, "PID-\(number)")
      #expect(try !segment.part(number, in: #require(HL7Versions("2.5", upTo: "2.5"))).isEmpty, "PID-\(number)")
    }
    #expect(HL7Tables.segment("XYZ") == nil && HL7Tables.segment("ZPV") == nil)
    #expect(segment.part(0).isEmpty && segment.part(-1).isEmpty && segment.part(99).isEmpty)
  }

  @Test("A segment has as many fields as the standard's chapter lists")
  func counts() throws {
    let versions = try #require(HL7Versions("2.5.1", upTo: "2.5.1"))
    let counts = [("MSH", 21), ("PID", 39), ("PV1", 52), ("OBR", 50), ("OBX", 25), ("ORC", 31), ("NK1", 39)]
    for (name, count) in counts {
      let code = try #require(HL7SegmentCode(name))
      #expect(HL7Tables.segment(code)?.lastNumber(in: versions) == count, "\(name)")
    }
    #expect(HL7Tables.type("CX")?.lastNumber(in: versions) == 10)
    #expect(HL7Tables.type("ST") == nil)
  }

  /// The types that have no components in any version.
  private static let primitives: Set = [
    "ST", "ID", "NM", "IS", "DTM", "DT", "SI", "TX", "FT", "varies", "TM", "TN", "CM", "SNM", "GTS",
  ]

  @Test("Every type that something has is there in the versions that use it")
  func closed() throws {
    let segments = HL7Tables.segmentNames.compactMap { HL7SegmentCode($0) }.compactMap { HL7Tables.segment($0) }
    #expect(segments.count == HL7Tables.segmentNames.count && segments.count > 180)
    let types = HL7Tables.typeNames.compactMap { HL7Tables.type($0) }
    for composite in segments + types {
      for part in composite.parts.joined() {
        #expect(!part.versions.isEmpty && part.versions.isSubset(of: .all), "\(composite.name)")
        guard !Self.primitives.contains(part.type) else { continue }
        let type = HL7Tables.type(part.type)
        #expect(type?.versions.isSuperset(of: part.versions) == true, "\(composite.name): \(part.type)")
      }
      // In one version a number means one thing.
      for variants in composite.parts {
        let all = variants.reduce(into: HL7Versions()) { all, part in
          #expect(all.isDisjoint(with: part.versions), "\(composite.name)")
          all.formUnion(part.versions)
        }
        #expect(all.isSubset(of: .all))
      }
    }
  }

  @Test(
    "A range of versions is said as a program says it",
    arguments: [
      ("2.3", "2.6", "2.3..2.6"), ("2.5.1", "2.5.1", "2.5.1"), ("2.7.1", "2.9", "2.7..2.8.2"),
      ("2.1", "2.8.2", "2.1..2.8.2"),
    ])
  func range(_ from: String, _ upTo: String, _ text: String) {
    #expect(HL7Versions(from, upTo: upTo)?.description == text)
  }

  @Test("A range that runs backwards, or names no version, is none")
  func noRange() {
    #expect(HL7Versions("2.6", upTo: "2.3") == nil && HL7Versions("2.0", upTo: "2.3") == nil)
  }

  @Test("One range lies behind another where all of its versions do")
  func after() throws {
    let (early, late) = (try #require(HL7Versions("2.1", upTo: "2.4")), try #require(HL7Versions("2.5", upTo: "2.6")))
    #expect(late.isAfter(early) && !early.isAfter(late) && !HL7Versions.all.isAfter(early))
    #expect(!HL7Versions().isAfter(early) && early.isAfter([]))
  }

  @Test(
    "A table has the codes that its versions list",
    arguments: [
      ("0085", "2.5.1", "C D F I N O P R S U W X"), ("0085", "2.8", "A B C D F I N O P R S U V W X"),
      ("0136", "2.3.1", "N Y"), ("0123", "2.6", "A C F I O P R S X Y Z"), ("0001", "2.4", "A F M N O U"),
    ])
  func codes(_ table: String, _ version: String, _ expected: String) throws {
    let versions = try #require(HL7Versions(version, upTo: version))
    #expect(HL7Tables.codes(table: table, in: versions)?.joined(separator: " ") == expected)
  }

  @Test("Of a table that is open, or that is not known for a version, there are no codes")
  func noCodes() throws {
    let range = try #require(HL7Versions("2.3", upTo: "2.5"))
    #expect(HL7Tables.codes(table: "0123", in: range) == nil && HL7Tables.codes(table: "0123", in: []) == nil)
    #expect(HL7Tables.versionsWithCodes(table: "0123").description == "2.3.1..2.8.2")
    for table in ["0203", "0396", "0003", "0104", "9999", ""] {
      #expect(HL7Tables.codes(table: table, in: try #require(HL7Versions("2.5.1", upTo: "2.5.1"))) == nil, "\(table)")
    }
    // The codes that HL7 prints with blanks inside, such as ISO IR87, are not among those known.
    #expect(HL7Tables.versionsWithCodes(table: "0211").isEmpty)
  }

  @Test("A field says which table its codes are of")
  func table() throws {
    let versions = try #require(HL7Versions("2.5.1", upTo: "2.5.1"))
    #expect(HL7Tables.segment("OBR")?.part(25, in: versions).map(\.table) == ["0123"])
    #expect(HL7Tables.segment("OBR")?.part(3, in: versions).map(\.table) == [nil])
    #expect(HL7Tables.type("XPN")?.part(7, in: versions).map(\.table) == ["0200"])
  }
}
