import Foundation
import HL7
import Hilt
import Messages
import Testing

@Suite("What a run tells of itself")
struct ObservedTests {
  private let message = try? HL7Message(
    Array(
      [
        #"MSH|^~\&|PAS|RXX|EHR|RXX|20240229103000||ADT^A01|42|P|2.5.1"#, "PID|1||12345^^^RXX^MR||Miller^Anna||1980|F",
        "NK1|1|a", "NK1|2|b", "PV1|1|I|WARD",
      ].map { $0 + "\r" }.joined().utf8))

  private func run(_ body: String, observing: Bool = true) throws -> HiltResult {
    let text = "transform t\n  in hl7 2.3..2.6\n  out hl7\n" + body
    let (program, problems) = HiltProgram.compile(text, file: "t.hilt")
    #expect(problems.filter { $0.severity == .error } == [])
    return try #require(program).run(HiltInput(try #require(message)), observing: observing)
  }

  private func origins(_ body: String) throws -> [String] {
    try run(body).origins.map { "\($0.output) \($0.segment) \($0.path) \($0.line) \($0.inputs.joined(separator: " "))" }
  }

  @Test("Each place that a program wrote names its line and the input it came from")
  func origins() throws {
    #expect(
      try origins(
        """
        let out = copy msg
        out.PID-8 = match PID-8 { "F" => "2", _ => PV1-2 }
        let name = upper(PID-5[1].1.1)
        out.PID-5[1].1.1 = "{name}!"
        out.MSH-3 = "HUB"
        out.PV1-3.1 = PV1-3.1
        emit out

        """) == [
          "0 1 MSH-3 8 ", "0 2 PID-5[1].1.1 7 PID-5[1].1.1", "0 2 PID-8 5 PID-8 PV1-2", "0 5 PV1-3[1].1 9 PV1-3.1",
        ])
  }

  @Test("What is written over has the later line, and what is emitted before has the earlier one")
  func later() throws {
    #expect(
      try origins(
        """
        let out = copy msg
        out.PID-5[1].2 = "A"
        emit out to "a"
        out.PID-5 = PID-5
        emit out to "b"

        """) == ["0 2 PID-5[1].2 5 ", "1 2 PID-5 7 PID-5"])
  }

  @Test("Of a segment that is written as a whole each field has its own")
  func segments() throws {
    #expect(
      try origins(
        """
        let out = copy msg
        out.NK1[1] = NK1[2] with { 1: PID-8, 3: "X" }
        out.NK1[2] = NK1 { 1: "1", 2: PID-5[*] }
        out.add NTE after PID with NTE { 3: [MSH-3.1] }
        let k = out.add NK1 with NK1[1]
        k-3 = "Y"
        emit out

        """) == [
          "0 3 NTE-3 7 MSH-3.1", "0 4 NK1-1 5 PID-8", "0 4 NK1-2 5 NK1[2]-2", "0 4 NK1-3 5 ", "0 5 NK1[2]-1 6 ",
          "0 5 NK1[2]-2 6 PID-5", "0 6 NK1[3]-1 8 NK1[1]-1", "0 6 NK1[3]-2 8 NK1[1]-2", "0 6 NK1[3]-3 9 ",
        ])
  }

  @Test("In a loop each segment has its own")
  func loops() throws {
    #expect(
      try origins(
        """
        let out = copy msg
        for k in out.NK1[*] { k-3 = PID-8 }
        for id in PID-3[*] { out.PID-4 = id.5 }
        out.ZZZ-1 = "new"
        emit out

        """) == [
          "0 2 PID-4 6 PID-3", "0 3 NK1-3 5 PID-8", "0 4 NK1[2]-3 5 PID-8", "0 6 ZZZ-1 7 ",
        ])
  }

  @Test("A message that is made in each turn has only what its own turn wrote, and a copy of one has what that has")
  func turns() throws {
    #expect(
      try origins(
        """
        for k in NK1[*] {
          let out = copy msg
          if k-1 == "1" { out.PID-8 = k-2[1].1.1 }
          let more = copy out
          more.PID-7 = absent
          emit more
        } none => drop "none"

        """) == [
          "0 2 PID-7 8 ", "0 2 PID-8 6 NK1 NK1-2[1].1.1", "1 2 PID-7 8 ",
        ])
  }

  @Test("Nothing is kept unless it is asked for, and nothing of what was not sent")
  func none() throws {
    let body = "let out = copy msg\nout.PID-8 = \"U\"\nemit out\n"
    let result = try run(body, observing: false)
    #expect(result.origins.isEmpty && result.statements.isEmpty)
    #expect(try run(body + "drop \"no\"\n").origins.isEmpty)
  }

  @Test("Statements have numbers and lines, and those that ran are told")
  func statements() throws {
    let text = "transform t\n  in hl7\n  out hl7\nif PID-8 == \"F\" { note \"a\" }\nelse { note \"b\" }\nemit msg\n"
    let program = try #require(HiltProgram.compile(text, file: "t.hilt").program)
    let ran = program.run(HiltInput(try #require(message)), observing: true).statements
    #expect(ran.map { program.statementLines[$0] }.sorted() == [4, 4, 6])
    #expect(program.statementLines.sorted() == [4, 4, 5, 6])
  }
}
