import HL7
import Hilt
import Messages
import Testing

@Suite("What a run may cost")
struct LimitsTests {
  private func run(_ body: String, _ message: HL7Message, _ limits: HiltLimits = HiltLimits()) throws -> HiltResult {
    let (program, problems) = HiltProgram.compile("transform t\n  in hl7\n" + body, file: "t.hilt")
    #expect(problems == [])
    return try #require(program).run(HiltInput(message, limits: limits))
  }

  private func message(repetitions: Int = 3, of text: String = "a^b") throws -> HL7Message {
    let field = Array(repeating: text, count: repetitions).joined(separator: "~")
    return try HL7Message(Array("MSH|^~\\&|A|B|C|D|20240229||ADT^A01|1|P|2.5\rPID|1||\(field)\r".utf8))
  }

  private func code(_ result: HiltResult) -> String? {
    if case .failed(let failure) = result.decision { return failure.problem.code }
    return nil
  }

  @Test("A loop in a loop over a long list ends with E901, each time at the same step")
  func steps() throws {
    let message = try message(repetitions: 500)
    let limits = HiltLimits(stepsMax: 100_000)
    let body = "for a in PID-3[*] { for b in PID-3[*] { if a.1 == b.2 { note \"x\" } } }\nemit msg\n"
    let first = try run(body, message, limits)
    #expect(code(first) == "E901")
    #expect(first.steps == limits.stepsMax)
    #expect(first.emitted == [])
    #expect(try run(body, message, limits).steps == first.steps)
  }

  @Test("Emits are counted, and nothing emitted is left when there are too many")
  func emits() throws {
    let result = try run(
      "for a in PID-3[*] { emit msg to \"x\"  note a.1 } none => drop \"x\"\n", try message(repetitions: 20),
      HiltLimits(emitsMax: 10))
    #expect(code(result) == "E901")
    #expect(result.emitted == [])
  }

  @Test("Outputs are limited in bytes, and one copy of a large input is free")
  func bytes() throws {
    let large = try message(repetitions: 1, of: String(repeating: "x", count: 100_000))
    let limits = HiltLimits(outputBytesMax: 50_000)
    let once = try run("let out = copy msg\nout.PID-8 = \"F\"\nemit out\n", large, limits)
    #expect(once.decision == .routed)
    let twice = try run("let out = copy msg\nout.PID-8 = \"F\"\nemit out\nout.PID-8 = \"M\"\nemit out\n", large, limits)
    #expect(code(twice) == "E901")
    let unchanged = try run("emit msg to \"a\"\nemit msg to \"b\"\nemit msg to \"c\"\n", large, limits)
    #expect(unchanged.decision == .routed)
  }

  @Test("A text that doubles itself ends with E901 before memory does")
  func texts() throws {
    var body = "let a0 = \"{PID-3[1].1}{PID-3[1].2}\"\n"
    for index in 1...40 { body += "let a\(index) = \"{a\(index - 1)}{a\(index - 1)}\"\n" }
    body += "note a40\nemit msg\n"
    #expect(code(try run(body, try message())) == "E901")
    var replaced = "let a0 = \"{PID-3[1].1}aaaaaaaaaaaaaaa\"\n"
    for index in 1...12 { replaced += "let a\(index) = replace(a\(index - 1), \"a\", a\(index - 1)) ?? \"\"\n" }
    replaced += "note a12\nemit msg\n"
    #expect(code(try run(replaced, try message())) == "E901")
  }

  @Test("Adding to the small groups of a large message costs what the large message does")
  func additions() throws {
    let orders = (1...6_000).map { "OBR|\($0)||F1\rOBX|1|ST|X||a\r" }.joined()
    let message = try HL7Message(Array("MSH|^~\\&|A|B|C|D|20240229||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1\r\(orders)".utf8))
    let body = "let out = copy msg\nfor o in out.each OBR { o.add NTE after OBX }\nemit out\n"
    #expect(code(try run(body, message, HiltLimits(stepsMax: 900_000))) == "E901")
  }

  @Test("Writing many repetitions one by one costs what it costs")
  func writes() throws {
    let message = try message(repetitions: 2_000)
    let body = "let out = copy msg\nfor id in out.PID-3[*] { id.2 = \"c\" }\nemit out\n"
    let result = try run(body, message, HiltLimits(stepsMax: 100_000))
    #expect(code(result) == "E901")
  }

  @Test("Removing and adding in loops over a long message is far from the limit")
  func changes() throws {
    var text = "MSH|^~\\&|A|B|C|D|20240229||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1\rOBR|1\r"
    for number in 1...1_000 { text += "OBX|\(number)|ST|x||5\rNTE|1||note\r" }
    let message = try HL7Message(Array(text.utf8))
    let body = """
      let out = copy msg
      for o in out.each OBR {
        for x in o.each OBX {
          remove x.NTE[*]
          x.add NTE after OBX with { 1: "1" }
        }
      }
      emit out

      """
    let result = try run(body, message)
    #expect(result.decision == .routed)
    #expect(result.steps < 1_000_000, "\(result.steps) steps")
  }
}
