@testable import HL7
import Testing
import Text

@Suite struct HL7DraftTests {
  private func draft(_ source: String = adt) throws -> HL7Draft { HL7Draft(try message(source)) }

  @Test func `a draft without changes gives the bytes of its message`() throws {
    let draft = try draft()
    #expect(draft.serialized() == segments(adt))
    #expect(!draft.isChanged)
  }

  @Test(arguments: [
    ("PID-8", "F", "|M|", "|F|"), ("PID-5.1", "ROE", "DOE^JOHN^^^", "ROE^JOHN^^^"), ("MSH-3", "X", "|PAS|", "|X|"),
    ("PID-3[2].1", "7", "~99^", "~7^"), ("PID-3[1].4.2", "9", "NORTH&1.2.3&ISO", "NORTH&9&ISO"),
    ("PID-3[3].1", "8", "NHS^NH||", "NHS^NH~8||"), ("PID-3[4]", "8", "NHS^NH||", "NHS^NH~~8||"),
    ("PID-8.3", "x", "|M|", "|M^^x|"), ("PID-8.2.2", "x", "|M|", "|M^&x|"), ("PID-8.1.2", "x", "|M|", "|M&x|"),
    ("PID-2", "2", "|1||1234", "|1|2|1234"), ("EVN-5", "x", "|20260131\n", "|20260131|||x\n"),
    ("MSH-18", "8859/1", "|AL|NE\n", "|AL|NE||8859/1\n"), ("PID-5", "A", "|DOE^JOHN^^^|", "|A|"),
    ("ZPV-2", "x", "local|\"\"", "local|x"), ("OBX[2]-5", "x", "|three|", "|x|"), ("PID-2.3", "x", "|1||1", "|1|^^x|1"),
  ]) func `one place is written and the rest stays as it came`(
    place: String, value: String, before: String, after: String
  ) throws {
    var draft = try draft()
    let place = try path(place)
    try draft.set(.text(value), at: place)
    #expect(text(draft.serialized()) == text(segments(adt)).replacing(before, with: after, maxReplacements: 1))
    #expect(try draft.value(at: place) == .text(value))
    #expect(try HL7Message(draft.serialized()).value(at: place) == .text(value))
  }

  @Test func `a field that is written over and over leaves nothing of what stood there before`() throws {
    var draft = try draft()
    try draft.set(.text("DOE"), at: path("PID-5.1"))
    let before = draft.piece(at: try path("PID-5.1"))
    for number in 0..<2_000 {
      try draft.set(.text(String(repeating: "x", count: 1_000) + String(number)), at: path("PID-3"))
      try draft.set(.text(String(number)), at: path("PID-8"))
    }
    #expect(draft.content.written.count < 20_000)
    #expect(try draft.value(at: path("PID-3")).text?.hasSuffix("x1999") == true)
    #expect(try draft.value(at: path("PID-8")) == .text("1999"))
    #expect(try before.value() == .text("DOE"))
    #expect(text(draft.serialized()).contains("|DOE^JOHN^^^|"))
  }

  @Test func `what was written is read back, and written again`() throws {
    var draft = try draft()
    try draft.set(.text("a|b^c&d~e\\f\r\n"), at: path("PID-5.1"))
    #expect(try draft.value(at: path("PID-5.1")) == .text("a|b^c&d~e\\f\r\n"))
    #expect(try draft.value(at: path("PID-5.2")) == .text("JOHN"))
    try draft.set(.text("second"), at: path("PID-5.1"))
    try draft.set(.text("third"), at: path("PID-5[2].2"))
    #expect(text(draft.piece(at: try path("PID-5")).bytes) == "second^JOHN^^^~^third")
    #expect(draft.repetitionCount(ofField: 5, of: 2) == 2)
  }

  @Test func `null and absent are written`() throws {
    var draft = try draft()
    try draft.set(.null, at: path("PID-8"))
    try draft.set(.null, at: path("PID-5.2"))
    try draft.set(.absent, at: path("PID-7"))
    try draft.set(.absent, at: path("PID-3[1].4.2"))
    try draft.set(.absent, at: path("PID-3[9].4.2"))
    try draft.set(.absent, at: path("PID-30"))
    #expect(
      text(draft.serialized()).contains(
        "PID|1||1234^^^NORTH&&ISO^MR~99^^^NHS^NH||DOE^\"\"^^^|||\"\"|||1 Road^^Town\n"))
    try draft.set(.absent, at: path("PID-8"))
    #expect(try draft.value(at: path("PID-8")) == .absent)
  }

  @Test func `the text of two quotes is not null`() throws {
    var draft = try draft()
    try draft.set(.text("\"\""), at: path("PID-8"))
    #expect(try draft.value(at: path("PID-8")) == .text("\"\""))
    #expect(try HL7Message(draft.serialized()).value(at: path("PID-8")) == .text("\"\""))
  }

  @Test func `written text can never make a segment, a field or a frame`() throws {
    var draft = try draft()
    let hostile = "x\rZZZ|injected\n\u{0B}\u{1C}\r|^~\\&"
    for place in ["PID-2", "PID-5.1", "PID-3[2].4.2", "ZPV-9"] {
      try draft.set(.text(hostile), at: path(place))
      try draft.set(.formatted(hostile), at: path("OBX-5"))
    }
    let bytes = draft.serialized()
    let message = try HL7Message(bytes)
    #expect(message.segmentCount == 7)
    #expect(!bytes.contains(0x0B) && !bytes.contains(0x1C) && !bytes.contains(0x0A))
    #expect(bytes.count { $0 == 0x0D } == 7)
    for place in ["PID-2", "PID-5.1", "PID-3[2].4.2", "ZPV-9"] {
      #expect(try message.value(at: path(place)) == .text(hostile))
    }
  }

  @Test func `formatting stands for itself only where it is said to be formatting`() throws {
    var draft = try draft()
    try draft.set(.formatted(#"a\.br\b\H\c\N\ C:\dir |"#), at: path("OBX-5"))
    #expect(text(draft.piece(at: try path("OBX-5")).bytes) == #"a\.br\b\H\c\N\ C:\E\dir \F\"#)
    try draft.set(.text(#"a\.br\b"#), at: path("OBX-5"))
    #expect(text(draft.piece(at: try path("OBX-5")).bytes) == #"a\E\.br\E\b"#)
  }

  @Test func `composites are built from parts, without separators that hang at the end`() throws {
    var draft = try draft()
    let identifier = HL7Content.parts([
      .text("1"), .absent, .absent, .parts([.text("HUB"), .absent, .text("ISO"), .absent]), .text("MR"), .absent,
    ])
    try draft.set(.repetitions([identifier, .absent, .text("2"), .absent]), at: path("PID-3"))
    #expect(text(draft.piece(at: try path("PID-3")).bytes) == "1^^^HUB&&ISO^MR~~2")
    try draft.set(.parts([.text("a"), .text("b")]), at: path("PID-3[2].4"))
    #expect(text(draft.piece(at: try path("PID-3")).bytes) == "1^^^HUB&&ISO^MR~^^^a&b~2")
    try draft.set(.repetitions([.null]), at: path("PID-3"))
    #expect(draft.piece(at: try path("PID-3")).presence == .null)
    try draft.set(.parts([.absent, .absent]), at: path("PID-3"))
    #expect(draft.piece(at: try path("PID-3")).bytes.isEmpty)
  }

  @Test func `a composite of a message with other delimiters is written with the draft's own`() throws {
    let other = try message("MSH*:!?%*A\nPID*1*a|b:c%d?F?e?S?!x^y?T??.br??X0D?*\"\":n")
    var draft = try draft()
    try draft.set(.piece(other.piece(at: path("PID-2"))), at: path("PID-3"))
    #expect(text(draft.piece(at: try path("PID-3")).bytes) == #"a\F\b^c&d*e:~x\S\y%\.br\\X0D\"#)
    #expect(try draft.value(at: path("PID-3[1].1")) == .text("a|b"))
    #expect(try draft.value(at: path("PID-3[1].2.2")) == .text("d*e:"))
    try draft.set(.piece(other.piece(at: path("PID-3"))), at: path("PID-4"))
    #expect(text(draft.piece(at: try path("PID-4")).bytes) == "\"\"^n")
  }

  @Test func `levels follow the place that is written`() throws {
    var draft = try draft()
    let identifier = try draft.piece(at: path("PID-3[1]"))
    try draft.set(.piece(identifier.component(4)), at: path("PV1-3"))
    #expect(text(draft.piece(at: try path("PV1-3")).bytes) == "NORTH^1.2.3^ISO")
    try draft.set(.piece(draft.piece(at: path("PV1-3"))), at: path("PID-3[2].4"))
    #expect(try draft.value(at: path("PID-3[2].4.3")) == .text("ISO"))
    try draft.set(.piece(draft.piece(at: path("PID-8"))), at: path("PID-3[2].4.3"))
    #expect(try draft.value(at: path("PID-3[2].4.3")) == .text("M"))
    // What has more levels than its place is refused.
    for (source, place) in [("PID-3[1]", "PV1-3.1"), ("PID-3[1]", "PV1-3.1.1"), ("PID-5", "PV1-3.1.1")] {
      let piece = try draft.piece(at: path(source))
      let error = #expect(throws: HL7EditError.self) { try draft.set(.piece(piece), at: path(place)) }
      #expect(error?.kind == .tooDeep)
    }
    let repeating = try draft.piece(at: path("PID-3"))
    let error = #expect(throws: HL7EditError.self) { try draft.set(.piece(repeating), at: path("PV1-3.1")) }
    #expect(error?.kind == .repeats)
  }

  @Test func `repetitions are removed and those behind move up`() throws {
    for (number, left) in [(1, "b~c"), (2, "a~c"), (3, "a~b"), (4, "a~b~c"), (0, nil), (-1, nil)] as [(Int, String?)] {
      var draft = try draft("MSH|^~\\&|\nPID|a~b~c")
      if let left {
        try draft.removeRepetition(number, ofField: 1, of: 1)
        #expect(text(draft.piece(at: try path("PID-1")).bytes) == left)
      } else {
        #expect(throws: HL7EditError.self) { try draft.removeRepetition(number, ofField: 1, of: 1) }
      }
    }
    var draft = try draft("MSH|^~\\&|\nPID|only")
    try draft.removeRepetition(1, ofField: 1, of: 1)
    #expect(text(draft.serialized()) == "MSH|^~\\&|\nPID|\n")
  }

  @Test func `segments are added, addressed and removed by ids that stay`() throws {
    var draft = try draft()
    let note = try draft.insertSegment("NTE", after: 4)
    let last = try draft.insertSegment("ZDS")
    try draft.set(.text("1"), at: HL7Position(1), of: note)
    try draft.set(.text("hello"), at: HL7Position(3), of: note)
    try draft.set(.text("z"), at: HL7Position(2, component: 2), of: last)
    try draft.removeSegment(4)
    let second = try draft.insertSegment("NTE", after: note)
    #expect(draft.segmentIDs == [0, 1, 2, 3, note, second, 5, 6, last])
    #expect(
      text(draft.serialized()).hasSuffix(
        "WARD^1^2\nNTE|1||hello\nNTE|\nOBX|2|TX|code^Text||three||||||F\nZPV|local|\"\"\nZDS||^z\n"))
    #expect(draft.segments(named: "OBX") == [5])
    #expect(try draft.value(at: path("OBX-5")) == .text("three"))
    #expect(draft.code(of: 4) == nil)
    #expect(draft.field(5, of: 4).bytes.isEmpty)
    #expect(throws: HL7EditError.self) { try draft.set(.text("x"), at: HL7Position(1), of: 4) }
    #expect(throws: HL7EditError.self) { try draft.removeSegment(4) }
    #expect(throws: HL7EditError.self) { try draft.insertSegment("NTE", after: 4) }
    #expect(throws: HL7EditError.self) { try draft.removeSegment(99) }
    #expect(try HL7Message(draft.serialized()).segmentCount == 9)
  }

  @Test func `a new segment ends as the message's segments do`() throws {
    for (source, expected) in [
      ("MSH|^~\\&|A\r\nPID|1\r\n", "MSH|^~\\&|A\r\nPID|1\r\nZZ1|\r\n"),
      ("MSH|^~\\&|A\nPID|1", "MSH|^~\\&|A\nPID|1\nZZ1|\n"),
      ("MSH|^~\\&|A", "MSH|^~\\&|A\rZZ1|\r"), ("MSH|^~\\&|A\rPID|1\r\r", "MSH|^~\\&|A\rPID|1\r\rZZ1|\r"),
    ] {
      var draft = HL7Draft(try HL7Message(Array(source.utf8)))
      try draft.insertSegment("ZZ1")
      #expect(draft.serialized().elementsEqual(expected.utf8))
    }
    var draft = HL7Draft(try HL7Message(Array("MSH|^~\\&|A\rPID|1".utf8)))
    try draft.removeSegment(1)
    #expect(draft.serialized().elementsEqual("MSH|^~\\&|A\r".utf8))
  }

  @Test func `a segment is copied from another message`() throws {
    let other = try message("MSH*:!?%*A\nOBX*1*ST*c:t**x!y?F?**%")
    var draft = try draft()
    let id = try draft.insertSegment(copying: 1, of: other, after: 3)
    #expect(text(draft.serialized()).contains("2\nOBX|1|ST|c^t||x~y*||&\nOBX|1|ST"))
    #expect(draft.segmentIDs.firstIndex(of: id) == 4)
    #expect(throws: HL7EditError.self) { try draft.insertSegment(copying: 0, of: other) }
    #expect(throws: HL7EditError.self) { try draft.insertSegment(copying: 9, of: other) }
  }

  @Test func `places that can't be written are refused and change nothing`() throws {
    let cases: [(HL7Path, HL7EditError.Kind)] = [
      (HL7Path("MSH", 1, HL7Position(1)), .fixedHeader), (HL7Path("MSH", 1, HL7Position(2)), .fixedHeader),
      (HL7Path("MSH", 1, HL7Position(0)), .fixedHeader), (HL7Path("PID", 1, HL7Position(0)), .outOfRange),
      (HL7Path("PID", 1, HL7Position(Int.max)), .outOfRange), (HL7Path("PID", 2, HL7Position(3)), .noSegment),
      (HL7Path("PID", 1, HL7Position(3, repetition: 0)), .outOfRange),
      (HL7Path("PID", 1, HL7Position(3, repetition: Int.max)), .outOfRange),
      (HL7Path("PID", 1, HL7Position(3, component: -4)), .outOfRange),
      (HL7Path("PID", 1, HL7Position(3, component: 1, subcomponent: 100_000)), .outOfRange),
    ]
    for (place, kind) in cases {
      var draft = try draft()
      let error = #expect(throws: HL7EditError.self) { try draft.set(.text("x"), at: place) }
      #expect(error?.kind == kind, "\(place)")
      #expect(draft.serialized() == segments(adt))
    }
    var draft = try draft()
    #expect(throws: HL7EditError.self) { try draft.removeSegment(0) }
    #expect(throws: HL7EditError.self) { try draft.insertSegment("MSH") }
    let error = #expect(throws: HL7EditError.self) {
      try draft.set(.parts([.text("a"), .text("b")]), at: path("PID-3.1.1"))
    }
    #expect(error?.kind == .tooDeep)
    #expect(throws: HL7EditError.self) { try draft.set(.repetitions([.text("a"), .text("b")]), at: path("PID-3[1]")) }
  }

  @Test func `what MSH-2 does not declare can't be written`() throws {
    var draft = try draft("MSH|^|A\nPID|1")
    #expect(throws: HL7EditError.self) { try draft.set(.text("x"), at: path("PID-1[2]")) }
    #expect(throws: HL7EditError.self) { try draft.set(.text("x"), at: path("PID-1.1.2")) }
    #expect(throws: HL7EditError.self) { try draft.set(.text("a|b"), at: path("PID-1")) }
    try draft.set(.text("a~b&c\\"), at: path("PID-1[1].2"))
    #expect(text(draft.serialized()) == "MSH|^|A\nPID|1^a~b&c\\\n")
  }

  @Test func `text is written in the message's character set or refused`() throws {
    let options = HL7ReadingOptions(charset: .windows1252)
    var draft = HL7Draft(try message("MSH|^~\\&|A\nPID|1", options))
    try draft.set(.text("Mü€"), at: path("PID-1"))
    #expect(draft.piece(at: try path("PID-1")).bytes.elementsEqual([0x4D, 0xFC, 0x80]))
    let before = draft.serialized()
    let error = #expect(throws: HL7EditError.self) { try draft.set(.text("Łukasz"), at: path("PID-1")) }
    #expect(error?.position == HL7Position(1))
    #expect(error.map { !"\($0)".contains("Ł") } == true)
    #expect(draft.serialized() == before)
  }

  @Test func `writing MSH-18 recodes what was there`() throws {
    let options = HL7ReadingOptions(charset: .iso8859Part1)
    var bytes = segments("MSH|^~\\&|A\nPID|1|Mu\\XFC\\|x|plain")
    bytes.insert(0xE9, at: bytes.count - 8)
    var draft = HL7Draft(try HL7Message(bytes, options))
    try draft.set(.text("É"), at: path("PID-1"))
    try draft.set(.text("UNICODE UTF-8"), at: path("MSH-18"))
    try draft.set(.text("Ł"), at: path("PID-5"))
    #expect(draft.charset == .utf8)
    let message = try HL7Message(draft.serialized())
    #expect(message.charset == .utf8)
    #expect(try message.value(at: path("PID-1")) == .text("É"))
    #expect(try message.value(at: path("PID-2")) == .text("Muü"))
    #expect(try message.piece(at: path("PID-3")).text().contains("é"))
    #expect(try message.value(at: path("PID-5")) == .text("Ł"))
    // The other way a character is lost, so it is refused and nothing changes.
    let before = draft.serialized()
    #expect(throws: HL7EditError.self) { try draft.set(.text("8859/1"), at: path("MSH-18")) }
    #expect(throws: HL7EditError.self) { try draft.set(.text("BIG-5"), at: path("MSH-18")) }
    #expect(draft.serialized() == before)
  }

  @Test func `a composite of another character set is recoded`() throws {
    var latin = segments("MSH|^~\\&|A\nPID|M^\\XFC\\|")
    latin.insert(0xFC, at: latin.count - 8)
    let source = try HL7Message(latin, HL7ReadingOptions(charset: .iso8859Part1))
    var draft = try draft()
    try draft.set(.piece(source.piece(at: path("PID-1"))), at: path("PID-5"))
    #expect(text(draft.piece(at: try path("PID-5")).bytes) == "Mü^ü")
  }

  @Test func `a blank draft is a header to be filled`() throws {
    var draft = try HL7Draft.blank()
    #expect(text(draft.serialized()) == "MSH|^~\\&\n")
    try draft.set(.parts([.text("ORM"), .text("O01")]), at: path("MSH-9"))
    let pid = try draft.insertSegment("PID")
    try draft.set(.text("1"), at: HL7Position(3, repetition: 1, component: 1), of: pid)
    #expect(text(draft.serialized()) == "MSH|^~\\&|||||||ORM^O01\nPID|||1\n")
  }

  @Test func `copies of a draft do not see each other's changes`() throws {
    var first = try draft()
    try first.set(.text("a"), at: path("PID-8"))
    var second = first
    try second.set(.text("b"), at: path("PID-8"))
    try second.removeSegment(6)
    #expect(try first.value(at: path("PID-8")) == .text("a"))
    #expect(try second.value(at: path("PID-8")) == .text("b"))
    #expect(first.segment("ZPV", occurrence: 1) == 6)
  }

  @Test func `the first segment of a name is found, and whether it is the only one`() throws {
    var draft = try draft()
    let found = try #require(draft.firstSegment("OBX"))
    #expect(found.segment == draft.segments(named: "OBX").first)
    #expect(!found.isOnly)
    for segment in draft.segments(named: "OBX").dropFirst() { try draft.removeSegment(segment) }
    #expect(try #require(draft.firstSegment("OBX")).isOnly)
    try draft.insertSegment("OBX", after: 0)
    let again = try #require(draft.firstSegment("OBX"))
    #expect(again.segment == draft.segments(named: "OBX").first)
    #expect(!again.isOnly)
    #expect(draft.firstSegment("ZZZ") == nil)
    #expect(try #require(draft.firstSegment("PID")).isOnly)
  }
}
