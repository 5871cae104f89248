import HL7
import Hilt
import Messages
import Testing

/// What becomes of `hold` where a person released the message.
@Suite struct ReleaseTests {
  private static let message = "MSH|^~\\&|PAS|RXX|EHR|RXX|20240229103000||ADT^A01|42|P|2.5.1\rPV1|1|I\r"

  private func run(_ body: String, isReleased: Bool) throws -> HiltResult {
    let source = "transform t\n  in hl7 2.3..2.6\n  out hl7\n\(body)\n"
    let (compiled, problems) = HiltProgram.compile(source, file: "t.hilt")
    #expect(problems.filter { $0.severity == .error } == [])
    var input = HiltInput(try HL7Message(Array(Self.message.utf8)))
    input.isReleased = isReleased
    return try #require(compiled).run(input)
  }

  @Test(
    "A hold as a statement is passed over, and noted",
    arguments: [
      "when PV1-2 == \"I\" => hold \"look\"\nemit msg",
      "require PV1-3 is valued else hold \"look\"\nemit msg",
      "if PV1-2 == \"I\" { hold \"look\" }\nemit msg",
      "emit msg\nhold \"look\"",
    ])
  func passed(body: String) throws {
    let held = try run(body, isReleased: false)
    #expect(held.decision == .held(reason: "look") && held.emitted.isEmpty)
    let released = try run(body, isReleased: true)
    #expect(released.decision == .routed && released.emitted.count == 1)
    #expect(released.notes.map(\.text) == ["released by a person, past: look"])
  }

  @Test(
    "Where nothing follows it, or where it stands for a value, the message stays held",
    arguments: [
      "hold \"look\"",
      "if PV1-2 == \"I\" { hold \"look\" } else { emit msg }",
      "let out = copy msg\nout.PV1-2 = match PV1-2 { \"O\" => \"X\", _ => hold \"look\" }\nemit out",
    ])
  func stays(body: String) throws {
    let released = try run(body, isReleased: true)
    #expect(released.decision == .held(reason: "look") && released.emitted.isEmpty)
  }
}
