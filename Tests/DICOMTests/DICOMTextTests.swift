import Testing
import Text

@testable import DICOM

@Suite struct DICOMTextTests {
  private static func element(
    _ sets: String?, _ tag: UInt32, _ vr: DICOMVR, _ bytes: [UInt8], _ syntax: DICOMTransferSyntax = .explicitLittle
  ) throws -> DICOMElement {
    var sample: [Sample] = sets.map { [.text(0x0008_0005, .cs, $0)] } ?? []
    sample.append(.value(tag, vr, bytes))
    let object = try DICOMObject(SampleWriter(syntax.encoding).bytes(sample), syntax: syntax)
    return try #require(object.dataSet[DICOMTag(rawValue: tag)])
  }

  /// PS3.5 annexes H, I, J and K: the names of the standard's own examples.
  static let names: [(sets: String, bytes: [UInt8], text: String)] = [
    (
      "\\ISO 2022 IR 87",
      Array("Yamada^Tarou=".utf8) + [
        0x1B, 0x24, 0x42, 0x3B, 0x33, 0x45, 0x44, 0x1B, 0x28, 0x42, 0x5E, 0x1B, 0x24, 0x42,
      ]
        + [0x42, 0x40, 0x4F, 0x3A, 0x1B, 0x28, 0x42, 0x3D, 0x1B, 0x24, 0x42, 0x24, 0x64, 0x24, 0x5E, 0x24, 0x40, 0x1B]
        + [0x28, 0x42, 0x5E, 0x1B, 0x24, 0x42, 0x24, 0x3F, 0x24, 0x6D, 0x24, 0x26, 0x1B, 0x28, 0x42],
      "Yamada^Tarou=山田^太郎=やまだ^たろう"
    ),
    (
      "ISO 2022 IR 13\\ISO 2022 IR 87",
      [
        0xD4, 0xCF, 0xC0, 0xDE, 0x5E, 0xC0, 0xDB, 0xB3, 0x3D, 0x1B, 0x24, 0x42, 0x3B, 0x33, 0x45, 0x44, 0x1B, 0x28,
        0x4A,
      ]
        + [0x5E, 0x1B, 0x24, 0x42, 0x42, 0x40, 0x4F, 0x3A, 0x1B, 0x28, 0x4A, 0x3D, 0x1B, 0x24, 0x42, 0x24, 0x64, 0x24]
        + [0x5E, 0x24, 0x40, 0x1B, 0x28, 0x4A, 0x5E, 0x1B, 0x24, 0x42, 0x24, 0x3F, 0x24, 0x6D, 0x24, 0x26, 0x1B, 0x28]
        + [0x4A],
      "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"
    ),
    (
      "\\ISO 2022 IR 149",
      Array("Hong^Gildong=".utf8) + [
        0x1B, 0x24, 0x29, 0x43, 0xFB, 0xF3, 0x5E, 0x1B, 0x24, 0x29, 0x43, 0xD1, 0xCE, 0xD4,
      ]
        + [0xD7, 0x3D, 0x1B, 0x24, 0x29, 0x43, 0xC8, 0xAB, 0x5E, 0x1B, 0x24, 0x29, 0x43, 0xB1, 0xE6, 0xB5, 0xBF],
      "Hong^Gildong=洪^吉洞=홍^길동"
    ),
    (
      "ISO_IR 192",
      Array("Wang^XiaoDong=王^小東=".utf8), "Wang^XiaoDong=王^小東="
    ),
    (
      "GB18030",
      Array("Wang^XiaoDong=".utf8) + [0xCD, 0xF5, 0x5E, 0xD0, 0xA1, 0xB6, 0xAB, 0x3D], "Wang^XiaoDong=王^小东="
    ),
    (
      "\\ISO 2022 IR 58",
      Array("Zhang^XiaoDong=".utf8) + [0x1B, 0x24, 0x29, 0x41, 0xD5, 0xC5, 0x5E, 0x1B, 0x24, 0x29, 0x41, 0xD0, 0xA1]
        + [0xB6, 0xAB, 0x3D],
      "Zhang^XiaoDong=张^小东="
    ),
    (
      "ISO 2022 IR 6\\ISO 2022 IR 159",
      Array("A^B=".utf8) + [0x1B, 0x24, 0x28, 0x44, 0x30, 0x21, 0x1B, 0x28, 0x42], "A^B=丂"
    ),
    ("ISO 2022 IR 100\\ISO 2022 IR 144", [0xC4, 0x6E, 0x1B, 0x2D, 0x4C, 0xBB, 0xEE], "ÄnЛю"),
  ]

  @Test(arguments: names.indices) func `names of the standard's examples are read and written as they stand there`(
    index: Int
  ) throws {
    let (sets, bytes, text) = Self.names[index]
    let padded = bytes.count % 2 == 0 ? bytes : bytes + [0x20]
    let element = try Self.element(sets, 0x0010_0010, .pn, padded)
    #expect(try element.texts() == [text])
    let names = sets.split(separator: "\\", omittingEmptySubsequences: false).map(String.init)
    #expect(DICOMCharacterSets(names: names).encode([text], isName: true) == bytes)
  }

  @Test(
    arguments: [
      ("ISO_IR 100", [0xC4], "Ä"), ("ISO_IR 101", [0xA1], "Ą"), ("ISO_IR 109", [0xA1], "Ħ"),
      ("ISO_IR 110", [0xA1], "Ą"),
      ("ISO_IR 144", [0xBB], "Л"), ("ISO_IR 127", [0xC7], "ا"), ("ISO_IR 126", [0xC1], "Α"),
      ("ISO_IR 138", [0xE0], "א"),
      ("ISO_IR 148", [0xD0], "Ğ"), ("ISO_IR 203", [0xA4], "€"), ("ISO_IR 166", [0xA1], "ก"), ("ISO_IR 13", [0xB1], "ｱ"),
      ("ISO-IR 100", [0xC4], "Ä"), ("iso_ir 100", [0xC4], "Ä"), ("GBK", [0xD6, 0xD0], "中"),
    ] as [(String, [UInt8], String)]) func `single sets are read and written`(
      set: String, bytes: [UInt8], text: String
    ) throws
  {
    let padded = bytes.count % 2 == 0 ? bytes : bytes + [0x20]
    let element = try Self.element(set, 0x0008_0080, .lo, padded)
    #expect(try element.texts() == [text])
    #expect(DICOMCharacterSets(names: [set]).encode([text], isName: false) == bytes)
  }

  @Test func `half of a character parts no values`() throws {
    // 0x5C is the second byte of 兺 in GBK, and of の's neighbours in JIS X 0208.
    let gbk = try Self.element("GBK", 0x0008_0080, .lo, [0x83, 0x5C, 0x5C, 0x41])
    let texts = try gbk.texts()
    #expect(texts.count == 2 && texts[1] == "A")
    let jis = try Self.element(
      "\\ISO 2022 IR 87", 0x0008_0080, .lo, [0x1B, 0x24, 0x42, 0x30, 0x5C, 0x1B, 0x28, 0x42, 0x5C, 0x42])
    let parts = try jis.texts()
    #expect(parts.count == 2 && parts[1] == "B" && parts[0].unicodeScalars.count == 1)
    let wide = try Self.element("GB18030", 0x0008_0080, .lo, [0x81, 0x30, 0x81, 0x30, 0x5C, 0x41])
    #expect(try wide.texts() == ["\u{80}", "A"])
  }

  @Test func `a backslash is a character where a VR has one value`() throws {
    for (tag, vr) in [(0x0040_A160 as UInt32, DICOMVR.ut), (0x0032_4000, .lt), (0x0008_0081, .st), (0x0008_0120, .ur)] {
      #expect(try Self.element(nil, tag, vr, Array("a\\b ".utf8)).texts() == ["a\\b"])
    }
    #expect(try Self.element(nil, 0x0008_0119, .uc, Array("a\\ b".utf8)).texts() == ["a", " b"])
    #expect(try Self.element(nil, 0x0008_0080, .lo, Array(" a \\ b\\".utf8)).texts() == ["a", "b", ""])
    // In JIS X 0201 the byte is a yen sign, where it parts nothing.
    #expect(try Self.element("ISO_IR 13", 0x0008_0081, .st, Array("5\\~ ".utf8)).texts() == ["5¥‾"])
    #expect(try Self.element("ISO_IR 13", 0x0008_0080, .lo, Array("5\\6 ".utf8)).texts() == ["5", "6"])
  }

  @Test func `padding is taken off as the VR says`() throws {
    #expect(try Self.element(nil, 0x0020_000D, .ui, Array("1.2.3\0".utf8)).texts() == ["1.2.3"])
    #expect(try Self.element(nil, 0x0032_4000, .lt, Array("  a  ".utf8) + [0x20]).texts() == ["  a"])
    #expect(try Self.element(nil, 0x0008_0060, .cs, Array(" CT ".utf8)).texts() == ["CT"])
    #expect(try Self.element(nil, 0x0008_0060, .cs, Array("    ".utf8)).texts() == [])
    #expect(try Self.element(nil, 0x0008_0060, .cs, []).texts() == [])
  }

  @Test func `text that isn't in the declared set is told with its place`() throws {
    let cases: [(String?, [UInt8], DICOMError.Kind)] = [
      (nil, [0x41, 0xE9], .undecodable(at: 1)), ("ISO_IR 192", [0x41, 0xE9], .undecodable(at: 1)),
      ("ISO_IR 126", [0x41, 0xD2], .undecodable(at: 1)), ("KLINGON", [0x41, 0xE9], .characterSet),
      ("\\ISO 2022 IR 87", [0x1B, 0x24, 0x42, 0x30], .undecodable(at: 3)),
      ("\\ISO 2022 IR 87", [0x41, 0x1B, 0x7A, 0x7A], .undecodable(at: 1)),
      ("GB18030", [0x41, 0x81], .undecodable(at: 1)),
      ("\\ISO 2022 IR 149", [0x1B, 0x24, 0x29, 0x43, 0xFB, 0x20], .undecodable(at: 4)),
    ]
    for (sets, bytes, kind) in cases {
      let element = try Self.element(sets, 0x0008_0080, .lo, bytes)
      let error = #expect(throws: DICOMError.self, "\(sets ?? "-")") { try element.texts() }
      #expect(error?.kind == kind && error?.path == "(0008,0080)", "\(sets ?? "-")")
    }
    // What is ASCII needs no set.
    #expect(try Self.element("KLINGON", 0x0008_0080, .lo, Array("ABCD".utf8)).texts() == ["ABCD"])
  }

  @Test func `an item may have a character set of its own, and else has the one around it`() throws {
    let name: Sample = .value(0x0010_0010, .pn, [0xC4, 0x20])
    let sample: [Sample] = [
      .text(0x0008_0005, .cs, "ISO_IR 100"),
      .sequence(
        0x0008_1140, undefined: true, [(true, [name]), (false, [.text(0x0008_0005, .cs, "ISO_IR 144"), name])]),
      name,
    ]
    let object = try DICOMObject(SampleWriter(.explicitLittle).bytes(sample), syntax: .explicitLittle)
    let items = try #require(object.dataSet[DICOMTag(0x0008, 0x1140)]).items
    #expect(try object.dataSet["PatientName"]?.text() == "Ä")
    #expect(try items[0]["PatientName"]?.text() == "Ä")
    #expect(try items[1]["PatientName"]?.text() == "Ф")
  }

  @Test func `what the declared sets lack is not written`() {
    #expect(DICOMCharacterSets(names: ["ISO_IR 100"]).encode(["Лю"], isName: true) == nil)
    #expect(DICOMCharacterSets.standard.encode(["Ä"], isName: true) == nil)
    #expect(DICOMCharacterSets.utf8.encode(["山", "Ä"], isName: true) == Array("山\\Ä".utf8))
    #expect(DICOMCharacterSets(names: ["GBK"]).encode(["\u{1F600}"], isName: true) == nil)
  }

  @Test func `texts of chance come back from every set`() throws {
    let seed = UInt64.random(in: 0..<1 << 40)
    var generator = SeededGenerator(seed: seed)
    let sets = [
      ["ISO_IR 192"], ["GB18030"], ["", "ISO 2022 IR 87", "ISO 2022 IR 159"], ["ISO 2022 IR 13", "ISO 2022 IR 87"],
      ["", "ISO 2022 IR 149"], ["", "ISO 2022 IR 58"], ["ISO 2022 IR 100", "ISO 2022 IR 144", "ISO 2022 IR 126"],
    ]
    let alphabet = Array("aB ^=Äß山田太郎ﾔﾏЛюΑ홍길동王小东丂\n".unicodeScalars)
    var written = 0
    for _ in 0..<2_000 {
      let names = sets[Int.random(in: 0..<sets.count, using: &generator)]
      var text = "x"
      for _ in 0..<Int.random(in: 0...6, using: &generator) {
        text.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)])
      }
      text += "x"
      let charsets = DICOMCharacterSets(names: names)
      guard let bytes = charsets.encode([text, "y"], isName: true) else { continue }
      written += 1
      let element = try Self.element(
        names.joined(separator: "\\"), 0x0010_0010, .pn, bytes.count % 2 == 0 ? bytes : bytes + [0x20])
      #expect(try element.texts() == [text, "y"], "seed \(seed), \(names)")
    }
    #expect(written > 300)
  }
}
