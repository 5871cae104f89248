import HL7
import Hilt
import Messages
import Testing

@Suite("Expressions of channel files")
struct ExpressionTests {
  private let place = Place(file: "adt.yaml", line: 12, column: 10)

  private func context(_ format: Format = .hl7v2, hasOriginal: Bool = false) -> HiltExpressionContext {
    HiltExpressionContext(format: format, hasOriginal: hasOriginal, place: place)
  }

  private func message(_ event: String = "A01") throws -> HL7Message {
    try HL7Message(
      Array("MSH|^~\\&|PAS|RXX|C|D|20240229||ADT^\(event)|4711|P|2.5\rPID|1|9~8|1^^^A^MR~2^^^B^NH||X^Y||\"\"\r".utf8))
  }

  @Test("A condition holds or does not, over what is sent and what came")
  func condition() throws {
    let (condition, problems) = HiltCondition.compile(
      #"MSH-9.2 in ["A01", "A03"] and original.MSH-3 == "PAS""#, context(hasOriginal: true))
    #expect(problems == [])
    let compiled = try #require(condition)
    #expect(try compiled.holds(HiltInput(message(), original: message())))
    #expect(try !compiled.holds(HiltInput(message("A08"), original: message())))
  }

  @Test("A key or column gives text, absent or null")
  func value() throws {
    func text(_ source: String) throws -> HiltText {
      let (value, problems) = HiltValue.compile(source, context())
      #expect(problems == [])
      return try #require(value).text(HiltInput(message()))
    }
    #expect(try text("PID-3[1].1") == .text("1"))
    #expect(try text("PID-7") == .null)
    #expect(try text("MRG-1[1].1") == .absent)
    #expect(try text("upper(PID-5[1].2) ?? \"-\"") == .text("Y"))
    #expect(try text("count(PID-3[*])") == .text("2"))
  }

  @Test("Of JSON a place is a text where a text, a number or a boolean stands there, and else absent")
  func document() throws {
    let bytes = Array(#"{"id": "A\u0042", "n": 1.50, "ok": true, "no": null, "list": [{"x": "y"}], "o": {}}"#.utf8)
    for format in [Format.json, .fhir] {
      func text(_ source: String) throws -> HiltText {
        let (value, problems) = HiltValue.compile(source, context(format))
        #expect(problems == [])
        return try #require(value).text(HiltInput(nil, bytes: bytes))
      }
      #expect(try text("msg.id") == .text("AB") && text("msg.n") == .text("1.50") && text("msg.ok") == .text("true"))
      #expect(try text("msg.list[1].x") == .text("y"))
      for absent in ["msg.no", "msg.list", "msg.o", "msg.other", "msg.other.deeper", "msg.id.x"] {
        #expect(try text(absent) == .absent, "\(absent)")
      }
    }
    let condition = try #require(HiltCondition.compile(#""{msg.id}" == "AB" and msg.list is list"#, context(.json)).0)
    #expect(try condition.holds(HiltInput(nil, bytes: bytes)))
    let torn = HiltInput(nil, bytes: Array("{".utf8))
    #expect(throws: HiltFailure.self) { try condition.holds(torn) }
    let template = try #require(HiltTemplate.compile("{msg.id}-{msg.o}.json", context(.json)).template)
    #expect(
      try template.pieces(HiltInput(nil, bytes: bytes)) == [
        .value(.text("AB"), of: "msg.id"), .literal("-"), .value(.absent, of: "msg.o"), .literal(".json"),
      ])
  }

  @Test("A template renders into pieces, so that who uses them can make each value safe")
  func template() throws {
    let (template, problems) = HiltTemplate.compile(#"C:\new\{x\}\{MSH-10}-{PID-19}{PID-7}.hl7"#, context())
    #expect(problems == [])
    let compiled = try #require(template)
    #expect(!compiled.isLiteral)
    #expect(
      try compiled.pieces(HiltInput(message())) == [
        .literal(#"C:\new{x}{MSH-10}-"#), .value(.absent, of: "PID-19"), .value(.null, of: "PID-7"), .literal(".hl7"),
      ])
    let plain = try #require(HiltTemplate.compile("{MSH-3}|{message.source.file.name}", context()).template)
    let input = HiltInput(
      try message(), attributes: ["source": .record(["file": .record(["name": .text("a.txt")])])])
    #expect(
      try plain.pieces(input) == [
        .value(.text("PAS"), of: "MSH-3"), .literal("|"), .value(.text("a.txt"), of: "message.source.file.name"),
      ])
    #expect(try #require(HiltTemplate.compile("out.hl7", context()).template).isLiteral)
  }

  @Test("A number of the commit is a piece of its own, where one is given")
  func number() throws {
    var context = context()
    context.givesNumbers = true
    let source = #"{sequence("lab")}-{sequence("a.b", width: 6)}"#
    let template = try #require(HiltTemplate.compile(source, context).template)
    #expect(!template.isLiteral)
    #expect(
      try template.pieces(HiltInput(message())) == [
        .number(of: "lab", width: 1), .literal("-"), .number(of: "a.b", width: 6),
      ])
    for (source, code) in [
      (#"{upper(sequence("lab"))}"#, "E161"), (#"{sequence(MSH-10)}"#, "E117"), (#"{sequence("a b")}"#, "E114"),
      (#"{sequence("lab", 19)}"#, "E114"), (#"{sequence()}"#, "E114"),
    ] {
      #expect(HiltTemplate.compile(source, context).problems.map(\.code) == [code], "\(source)")
    }
    context.givesNumbers = false
    #expect(HiltTemplate.compile(#"{sequence("lab")}"#, context).problems.map(\.code) == ["E161"])
    #expect(HiltValue.compile(#"sequence("lab")"#, context).problems.map(\.code) == ["E161"])
  }

  @Test("What was attached to an emit is read as meta")
  func meta() throws {
    let template = try #require(HiltTemplate.compile("{meta.name}", context()).template)
    #expect(
      try template.pieces(HiltInput(message(), meta: ["name": .text("n")])) == [.value(.text("n"), of: "meta.name")])
  }

  @Test("Of XML, lines, texts and bytes only what the engine knows can be used")
  func otherFormats() throws {
    #expect(HiltCondition.compile("message.source.peer == \"10.1.1.1\"", context(.bytes)).problems == [])
    let (condition, problems) = HiltCondition.compile("MSH-9.2 == \"A01\"", context(.xml))
    #expect(condition == nil)
    #expect(problems.map(\.code) == ["E001"])
  }

  @Test(
    "Problems stand in the channel's file",
    arguments: [
      ("PID-8 == 5", "E130", 12, 19), ("upper(PID-8", "E102", 12, 21), ("original.MSH-3 == \"X\"", "E111", 12, 10),
      ("PID-8 == \"A\" or\n  PID-9 == 7", "E130", 13, 12), ("number(PID-8) == 7", "E301", 12, 10),
      ("PID-8 == \"A\" catch drop \"x\"", "E130", 12, 29), ("", "E102", 12, 10),
      ("PID-8 == \"A\" PID-9", "E102", 12, 23),
    ])
  func places(_ source: String, _ code: String, _ line: Int, _ column: Int) {
    let (condition, problems) = HiltCondition.compile(source, context())
    #expect(condition == nil)
    let found = problems.first { $0.code == code }
    #expect(found?.place.line == line && found?.place.column == column, "\(problems)")
  }

  @Test("A failure at run time stands in the channel's file too, with the place in the message")
  func failure() throws {
    let value = try #require(HiltValue.compile("PID-2.1", context()).value)
    #expect {
      try value.text(HiltInput(message()))
    } throws: { error in
      guard let failure = error as? HiltFailure else { return false }
      return failure.problem.code == "E120" && failure.problem.place.description == "adt.yaml:12:10"
        && failure.path == "PID-2"
    }
  }
}
