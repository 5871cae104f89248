import HL7
import Testing
import Text

@Suite struct HL7ReadingTests {
  @Test(arguments: [
    ("PID-3", "1234"), ("PID-3[1]", "1234"), ("PID-3[2].1", "99"), ("PID-3[2].5", "NH"), ("PID-3.4", "NORTH"),
    ("PID-3[1].4.2", "1.2.3"), ("PID-3[1].4.3", "ISO"), ("PID-8.1", "M"), ("PID-8[1].1.1", "M"), ("PID-5.2", "JOHN"),
    ("OBX[2]-5[1]", "three"), ("OBX-5[2]", "two"), ("MSH-9.2", "A01"), ("ZPV-1", "local"), ("PV1-3.3", "2"),
  ]) func `a path names one value`(source: String, expected: String) throws {
    #expect(try message(adt).value(at: path(source)) == .text(expected))
  }

  @Test(arguments: [
    "PID-3[3]", "PID-3[1].9", "PID-3[1].4.4", "PID-8.2", "PID-8.1.2", "PID-2", "PID-5.3", "PID-40", "PID[2]-3", "NK1-2",
    "OBX-5[3].1",
  ]) func `what is not there is absent`(source: String) throws {
    #expect(try message(adt).value(at: path(source)) == .absent)
  }

  @Test func `two quotes are null, at every level`() throws {
    let message = try message("MSH|^~\\&|\nPID|\"\"|a^\"\"|\"\"^b&\"\"|\"\"\"|\\X2222\\")
    #expect(try message.value(at: path("PID-1")) == .null)
    #expect(try message.value(at: path("PID-1.1")) == .null)
    #expect(try message.value(at: path("PID-1.2")) == .absent)
    #expect(try message.value(at: path("PID-2.2")) == .null)
    #expect(try message.value(at: path("PID-3.2.2")) == .null)
    #expect(try message.value(at: path("PID-4")) == .text("\"\"\""))
    #expect(try message.value(at: path("PID-5")) == .text("\"\""))
    #expect(message.piece(at: try path("PID-1")).presence == .null)
    #expect(message.piece(at: try path("PID-2")).presence == .valued)
  }

  @Test func `separators alone are absent`() throws {
    let message = try message("MSH|^~\\&|\nPID|^^~&|~~|")
    #expect(message.piece(at: try path("PID-1")).presence == .absent)
    #expect(message.piece(at: try path("PID-2")).presence == .absent)
    #expect(message.piece(at: try path("PID-3")).presence == .absent)
    #expect(message.repetitionCount(ofField: 2, of: 1) == 3)
    #expect(message.repetitionCount(ofField: 3, of: 1) == 0)
  }

  @Test func `parts are counted and listed in order`() throws {
    let field = try message(adt).piece(at: path("PID-3"))
    #expect(field.repetitionCount == 2)
    #expect(field.repetitions.map { text($0.bytes) } == ["1234^^^NORTH&1.2.3&ISO^MR", "99^^^NHS^NH"])
    #expect(field.repetition(1).componentCount == 5)
    #expect(field.componentCount == 5)
    #expect(field.repetition(2).components.map { text($0.bytes) } == ["99", "", "", "NHS", "NH"])
    #expect(field.component(4).subcomponentCount == 3)
    #expect(field.component(4).subcomponents.map { text($0.bytes) } == ["NORTH", "1.2.3", "ISO"])
    #expect(field.component(1).subcomponents.count == 1)
    #expect(field.repetition(3).repetitionCount == 0)
    #expect(field.repetition(3).components.isEmpty)
  }

  @Test func `a slice of a message is a place in its bytes`() throws {
    let message = try message(adt)
    let slice = message.piece(at: try path("PID-3[2].5")).bytes
    #expect(slice.elementsEqual(message.bytes[slice.startIndex..<slice.endIndex]))
    #expect(message.bytes[..<slice.startIndex].last == UInt8(ascii: "^"))
  }

  @Test(arguments: [
    (#"a\F\b\S\c\T\d\R\e\E\f"#, #"a|b^c&d~e\f"#), (#"\P\"#, "#"), (#"\X41\\X4243\"#, "ABC"), (#"\XC3A9\"#, "é"),
    (#"\X0D0a\"#, "\r\n"), (#"one\.br\two"#, #"one\.br\two"#), (#"\H\bold\N\"#, #"\H\bold\N\"#),
    (#"\.sp+2\x\.in-4\"#, #"\.sp+2\x\.in-4\"#), (#"C:\dir\file"#, #"C:\dir\file"#), (#"end\r"#, #"end\r"#),
    (#"\\F\\"#, #"\|\"#), (#"\X4\"#, #"\X4\"#), (#"\X4G\"#, #"\X4G\"#), (#"\X\"#, #"\X\"#), ("\\", "\\"),
    ("\\\\", "\\\\"), (#"\f\"#, #"\f\"#), (#"\C2842\x"#, #"\C2842\x"#), (#"a\E\.br\E\"#, #"a\.br\"#),
  ]) func `escape sequences are decoded and formatting is kept`(raw: String, expected: String) throws {
    let message = try message("MSH|^~\\&|\(raw)|end")
    #expect(try message.value(at: path("MSH-3")) == .text(expected))
    #expect(try message.value(at: path("MSH-4")) == .text("end"))
  }

  @Test func `escapes stand for the message's own delimiters`() throws {
    let message = try message("MSH*:!?%*a?F??S??T??R??E?b?.br?c\\F\\")
    #expect(try message.value(at: path("MSH-3")) == .text("a*:%!?b\\.br\\c\\F\\"))
  }

  @Test func `a stretch can be read as one text, separators included`() throws {
    let message = try message("MSH|^~\\&|SMITH & SONS \\T\\ CO")
    #expect(try message.value(at: path("MSH-3")) == .text("SMITH "))
    #expect(try message.piece(at: path("MSH-3")).text() == "SMITH & SONS & CO")
  }

  @Test func `paths read and print`() throws {
    for source in ["PID-3", "PID-3[1]", "PID-3[1].4", "PID-3[1].4.2", "OBX[2]-5[1].1", "ZPV-10.3", "NK1[12]-2"] {
      #expect(try path(source).description == source)
    }
    for source in [
      "", "PID", "PID-", "PID-0", "PID-3.", "PID-3[0]", "PID-3[", "PID-3[1", "PID-3.1.2.3", "pid-3", "PID3", "1ID-3",
      "PID-3 ", "PID-999999999", "PID-3[-1]", "PID[1]", "PI-3", "PID--3", "PID-3[1][1]", "É12-3",
    ] {
      #expect(HL7Path(source) == nil, "\(source)")
    }
  }

  @Test func `names of segments are three capitals or digits`() {
    for name in ["PID", "NK1", "ZZ9"] { #expect(HL7SegmentCode(name)?.description == name) }
    for name in ["", "PI", "PIDD", "pid", "1AB", "P D", "PÄ"] { #expect(HL7SegmentCode(name) == nil) }
    #expect(HL7SegmentCode("ZPV").isLocal == true)
    #expect(HL7SegmentCode("PID").isLocal == false)
  }

  @Test func `formatted text has lines and a plain form`() {
    #expect(HL7FormattedText.lines(#"one\.br\two\.sp2\\H\three\N\"#) == ["one", "two", "", "three"])
    #expect(HL7FormattedText.lines("a\r\nb\rc\nd") == ["a", "b", "c", "d"])
    #expect(HL7FormattedText.lines("") == [""])
    #expect(HL7FormattedText.plain(#"one\.br\two\.in+4\ C:\dir"#) == "one\ntwo C:\\dir")
    #expect(HL7FormattedText.lines(#"\.sp999999\"#).count == 101)
    #expect(HL7FormattedText.joined(["a", "b"]) == #"a\.br\b"#)
    #expect(HL7FormattedText.formatted("a\nb") == #"a\.br\b"#)
  }
}
