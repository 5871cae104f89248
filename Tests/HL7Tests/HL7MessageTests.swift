import HL7
import Testing
import Text

@Suite struct HL7MessageTests {
  private let strict = HL7ReadingOptions(segmentEnd: .cr)

  @Test func `a message keeps its bytes and knows its segments`() throws {
    let bytes = segments(adt)
    let message = try HL7Message(bytes)
    #expect(message.bytes == bytes)
    #expect(message.segmentCount == 7)
    #expect(
      message.segmentIDs.compactMap { message.code(of: $0)?.description }
        == ["MSH", "EVN", "PID", "PV1", "OBX", "OBX", "ZPV"])
    #expect(message.segments(named: "OBX") == [4, 5])
    #expect(message.segment("OBX", occurrence: 2) == 5)
    #expect(message.segment("OBX", occurrence: 3) == nil)
    #expect(message.segment("OBX", occurrence: 0) == nil)
    #expect(message.oddSegments.isEmpty)
  }

  @Test func `the field separator is MSH-1 and the encoding characters are MSH-2`() throws {
    let message = try message(adt)
    #expect(text(message.field(1, of: 0).bytes) == "|")
    #expect(text(message.field(2, of: 0).bytes) == "^~\\&")
    #expect(try message.value(at: path("MSH-2")) == .text("^~\\&"))
    #expect(try message.value(at: path("MSH-2.1")) == .text("^~\\&"))
    #expect(try message.value(at: path("MSH-2.2")) == .absent)
    #expect(message.repetitionCount(ofField: 2, of: 0) == 1)
    #expect(try message.value(at: path("MSH-3")) == .text("PAS"))
    #expect(try message.value(at: path("MSH-9.3")) == .text("ADT_A01"))
    #expect(message.fieldCount(of: 0) == 16)
    #expect(message.fieldCount(of: 1) == 2)
  }

  @Test func `other delimiters than the recommended ones are taken from MSH`() throws {
    let message = try message("MSH*:!?%#*A:B*C\nPID*1*x:y%z!w")
    #expect(message.delimiters.truncation == UInt8(ascii: "#"))
    #expect(try message.value(at: path("MSH-3.2")) == .text("B"))
    #expect(try message.value(at: path("PID-2[1].2.2")) == .text("z"))
    #expect(try message.value(at: path("PID-2[2]")) == .text("w"))
  }

  @Test func `what MSH-2 does not declare has no meaning`() throws {
    let message = try message("MSH|^|a~b&c\\F\\|x")
    #expect(try message.value(at: path("MSH-3")) == .text("a~b&c\\F\\"))
    #expect(message.repetitionCount(ofField: 3, of: 0) == 1)
  }

  @Test func `a doubled backslash in MSH-2 counts once`() throws {
    let message = try message("MSH|^~\\\\&|a&b^c")
    #expect(message.delimiters == .standard)
    #expect(try message.value(at: path("MSH-3.1.2")) == .text("b"))
    #expect(try message.value(at: path("MSH-2")) == .text("^~\\\\&"))
  }

  @Test(arguments: ["\r", "\n", "\r\n", "\r\r", "\n\r\n"]) func `any line end ends a segment where it may`(
    end: String
  ) throws {
    let bytes = Array(("\u{FEFF}" + ["MSH|^~\\&|A", "PID|1", "PV1|2"].joined(separator: end)).utf8)
    let message = try HL7Message(bytes)
    #expect(message.segmentCount == 3)
    #expect(try message.value(at: path("MSH-3")) == .text("A"))
    #expect(try message.value(at: path("PID-1")) == .text("1"))
    #expect(try message.value(at: path("PV1-1")) == .text("2"))
    #expect(HL7Draft(message).serialized() == bytes)
  }

  @Test func `a strict channel refuses line feeds and byte-order marks by place`() {
    #expect(
      parseError(Array("MSH|^~\\&|A\r\nPID|1\r".utf8), strict) == HL7ParseError(.lineFeed, offset: 11, segment: 2))
    #expect(parseError(Array("MSH|^~\\&|A\nPID|1\n".utf8), strict) == HL7ParseError(.lineFeed, offset: 10, segment: 1))
    #expect(parseError([0xEF, 0xBB, 0xBF] + segments(adt), strict)?.kind == .byteOrderMark)
    #expect(parseError(segments(adt), strict) == nil)
  }

  @Test func `a line feed within a field is content where only CR ends a segment`() throws {
    let message = try HL7Message(Array("MSH|^~\\&|A\rOBX|1|a\nb\r".utf8), strict)
    #expect(message.segmentCount == 2)
    #expect(try message.value(at: path("OBX-2")) == .text("a\nb"))
  }

  @Test func `what is no message is refused with its reason`() {
    let cases: [(String, HL7ParseError.Kind)] = [
      ("", .empty), ("\r\n\r\n", .empty), ("PID|1", .noHeader), ("MS", .truncatedHeader), ("MSH", .truncatedHeader),
      ("MSH|", .truncatedHeader), ("MSH||", .truncatedHeader), ("MSH\rPID|1", .truncatedHeader),
      ("MSH|\r", .truncatedHeader), ("MSHA^~\\&A", .delimiters), ("MSH|^^\\&|A", .delimiters),
      ("MSH|^a\\&|", .delimiters), ("MSH|^~\\&#@|", .delimiters),
      ("MSH ^~\\& A", .delimiters), ("MSH\"^~\\&\"", .delimiters), ("MSH|^~\\\u{7}|", .delimiters),
      ("FHS|^~\\&|", .batch), ("BHS|^~\\&|", .batch), ("MSH|^~\\&|A\rMSH|^~\\&|B", .secondHeader),
      ("GET / HTTP/1.1", .noHeader), ("msh|^~\\&|", .noHeader),
    ]
    for (source, kind) in cases {
      #expect(parseError(Array(source.utf8))?.kind == kind, "\(source.utf8.count) bytes")
    }
  }

  @Test func `MSH with nothing but its delimiters is a message`() throws {
    let message = try HL7Message(Array("MSH|^~\\&".utf8))
    #expect(message.segmentCount == 1)
    #expect(try message.value(at: path("MSH-10")) == .absent)
    #expect(message.fieldCount(of: 0) == 2)
  }

  @Test func `UTF-16 and UTF-32 are refused as such`() {
    let units = Array("MSH|^~\\&|A\r".utf16)
    let little = units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let big = units.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }
    for bytes in [little, big, [0xFF, 0xFE] + little, [0xFE, 0xFF] + big, [0, 0, 0] + little] {
      #expect(parseError(bytes)?.kind == .wideCharacters)
    }
  }

  @Test func `a segment count and a field count beyond the limit are refused`() {
    let many = Array("MSH|^~\\&|".utf8) + [UInt8](repeating: UInt8(ascii: "|"), count: 5_000)
    let options = HL7ReadingOptions(fieldCountMax: 1_000)
    #expect(parseError(many, options)?.kind == .tooManyFields(fieldCountMax: 1_000))
    #expect(parseError(many, HL7ReadingOptions(fieldCountMax: 6_000)) == nil)
  }

  @Test func `every length around a block of 64 bytes is indexed alike`() throws {
    for length in 0...200 {
      let filler = String(repeating: "x", count: length)
      for end in ["", "\r"] {
        let bytes = Array("MSH|^~\\&|\(filler)|b\rPID|\(filler)|c|\(end)".utf8)
        let message = try HL7Message(bytes)
        #expect(message.segmentCount == 2)
        #expect(try message.value(at: path("MSH-4")) == .text("b"))
        #expect(try message.value(at: path("PID-2")) == .text("c"))
        #expect(message.fieldCount(of: 1) == 3)
      }
    }
  }

  @Test func `the index equals what splitting gives`() throws {
    var generator = SeededGenerator(seed: 11)
    for round in 0..<300 {
      let alphabet = Array("||||||\r\nab\u{7D}\u{0C}\u{0E}".utf8) + [0x00, 0x80, 0xFC, 0x8D, 0x8A, 0xFF]
      let count = Int.random(in: 0...400, using: &generator)
      let tail = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
      let bytes = Array("MSH|^~\\&|".utf8) + tail
      let message = try HL7Message(bytes, HL7ReadingOptions(charsetDeclared: .ignore))
      let expected = bytes.split(whereSeparator: { $0 == 0x0D || $0 == 0x0A })
        .map { $0.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false) }
      #expect(message.segmentCount == expected.count, "seed 11, round \(round)")
      for (segment, fields) in expected.enumerated() {
        let shift = segment == 0 ? 1 : 0
        #expect(message.fieldCount(of: segment) == fields.count - 1 + shift)
        for (number, field) in fields.enumerated().dropFirst() {
          #expect(message.field(number + shift, of: segment).bytes.elementsEqual(field), "seed 11, round \(round)")
        }
        #expect(message.segmentRange(segment).map { bytes[$0].elementsEqual(fields.joined(separator: [0x7C])) } == true)
      }
    }
  }

  @Test func `places outside of the message are absent`() throws {
    let message = try message(adt)
    #expect(message.code(of: -1) == nil)
    #expect(message.code(of: 7) == nil)
    for segment in [-1, 0, 3, 7, Int.max] {
      for field in [-1, 0, 99, Int.max] {
        #expect(message.field(field, of: segment).bytes.isEmpty)
        #expect(try message.value(at: HL7Position(field, repetition: 0, component: -1), of: segment) == .absent)
      }
    }
    #expect(try message.value(at: path("NK1-1")) == .absent)
  }

  @Test func `a line broken within a field is a segment with an odd name`() throws {
    let message = try HL7Message(Array("MSH|^~\\&|A\nOBX|1|FT|x\nmore text|y\nOBX|2\n".utf8))
    #expect(message.oddSegments == [2])
    #expect(message.code(of: 2) == nil)
    #expect(message.segments(named: "OBX") == [1, 3])
  }

  @Test func `nothing of the content shows in a description`() throws {
    let message = try message(adt)
    let piece = message.piece(at: try path("PID-5"))
    var dumped = ""
    dump([message], to: &dumped)
    dump(piece, to: &dumped)
    dump(HL7Draft(message), to: &dumped)
    dump(HL7Header(message), to: &dumped)
    dump(MLLPFraming.Action.frame(message.bytes), to: &dumped)
    for shown in ["\(message)", "\(piece)", "\(HL7Draft(message))", String(reflecting: message), dumped] {
      #expect(!shown.contains("DOE") && !shown.contains("NORTH") && !shown.contains(": 124"))
    }
    #expect("\(message)".hasPrefix("hl7v2, "))
  }
}
