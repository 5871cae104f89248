import HL7
import Hilt
import Messages
import Testing
import Text

@Suite("XML in and out of a program")
struct XMLTests {
  private func run(
    _ body: String, _ document: String, head: String = "in xml\n  out xml\n  out text\n  out bytes",
    limits: HiltLimits = HiltLimits()
  ) throws -> HiltResult {
    let (program, problems) = HiltProgram.compile("transform t\n  \(head)\n" + body, file: "t.hilt")
    #expect(problems.map(\.message) == [])
    return try #require(program).run(HiltInput(nil, bytes: Array(document.utf8), limits: limits))
  }

  private func bytes(_ result: HiltResult) -> [UInt8] {
    guard case .bytes(let bytes)? = result.emitted.first?.content else { return [] }
    return bytes
  }

  private func code(_ result: HiltResult) -> String? {
    if case .failed(let failure) = result.decision { return failure.problem.code }
    return nil
  }

  @Test("What is given out is a document in UTF-8, with its namespaces at the beginning")
  func written() throws {
    let result = try run(
      "emit element(\"a\", [element(\"b\", { \"x:c\": \"<ü>\" }), element(\"x:d\", \"1 < 2\")])\n", "<a/>",
      head: "in xml\n  out xml \"urn:a\" x = \"urn:x\"")
    #expect(
      String(decoding: bytes(result), as: UTF8.self)
        == #"<?xml version="1.0" encoding="UTF-8"?><a xmlns="urn:a" xmlns:x="urn:x"><b x:c="&lt;ü&gt;"/>"#
        + "<x:d>1 &lt; 2</x:d></a>")
  }

  @Test("A document of megabytes in one text costs what it is long", .timeLimit(.minutes(1)))
  func large() throws {
    let content = Array(repeating: UInt8(ascii: "x"), count: 6 << 20)
    let text = Self.base64(content)
    let document = "<a><b>\n  \(text)\n</b></a>"
    let decoded = try run("emit base64(value(msg, \"b\")) catch fail \"none\"\n", document)
    #expect(decoded.decision == .routed)
    #expect(bytes(decoded) == content)
    #expect(decoded.steps < 6 * document.utf8.count / 64)
    let changed = try run("emit with_child(msg, \".\", element(\"c\", value(msg, \"b\")))\n", document)
    #expect(bytes(changed).count > 16 << 20)
    #expect(changed.steps < 12 * document.utf8.count / 64)
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    // Of three equal bytes four equal ones come.
    String(repeating: "eHh4", count: bytes.count / 3)
  }

  @Test("A path that looks at each node for each node ends with E901, each time at the same step")
  func steps() throws {
    let document = "<a>" + String(repeating: "<b>1</b>", count: 5_000) + "</a>"
    let limits = HiltLimits(stepsMax: 100_000)
    for body in [
      "note \"{value(msg, \"count(//b[. = //b])\")}\"\nemit \"x\"\n",
      "for b in find_all(msg, \"b\") { note value(b, \"string(//b)\") ?? \"\" }\nemit \"x\"\n",
    ] {
      let result = try run(body, document, limits: limits)
      #expect(code(result) == "E901", "\(body)")
      #expect(result.steps == limits.stepsMax)
    }
  }

  @Test("Elements in one another are made as deep as they are read, and no deeper", arguments: [127, 128])
  func depth(_ count: Int) throws {
    var body = "let a0 = element(\"z\")\n"
    for index in 1...count { body += "let a\(index) = element(\"a\", a\(index - 1))\n" }
    let result = try run(body + "emit a\(count)\n", "<a/>")
    #expect(code(result) == (count == 127 ? nil : "E901"))
    #expect(((try? XMLDocument(bytes(result))) != nil) == (count == 127))
  }

  @Test("What doubles itself ends before memory does", .timeLimit(.minutes(1)))
  func doubling() throws {
    var body = "let a0 = element(\"z\", \"0123456789\")\n"
    for index in 1...60 { body += "let a\(index) = element(\"a\", [a\(index - 1), a\(index - 1)])\n" }
    #expect(code(try run(body + "emit a60\n", "<a/>")) == "E901")
  }

  @Test("Signs in an output that would grow beyond its limit are not all written", .timeLimit(.minutes(1)))
  func escapes() throws {
    let document = "<a>" + String(repeating: "<b>&lt;&lt;&lt;&lt;</b>", count: 2_000) + "</a>"
    let result = try run(
      "emit with_value(msg, \"@c\", \"1\")\n", document, limits: HiltLimits(outputBytesMax: 10_000))
    #expect(code(result) == "E901")
  }
}
