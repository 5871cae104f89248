import HL7
import Hilt
import Messages
import Testing

@Suite("A compiled program")
struct ProgramTests {
  private struct Files: HiltFiles {
    func read(_ path: String) throws -> [UInt8] { Array("a,b\nx,y\n".utf8) }
  }

  @Test("It says what it takes, gives, reads and where it sends")
  func says() throws {
    let source = """
      transform demo
        in  hl7 2.3..2.6 ADT_*, ORU_R01
        out hl7 2.5.1
        zone "Europe/London"
      table t from "codes/t.csv" key a value b default "z"
      let out = copy msg
      out.PV1-2 = t[PV1-2]
      if PV1-2 == "I" { emit out to "ehr", "lab" } else { emit out to "ehr" }
      """
    let (compiled, problems) = HiltProgram.compile(source, file: "Transforms/demo.hilt", files: Files())
    #expect(problems == [])
    let program = try #require(compiled)
    #expect(program.name == "demo")
    #expect(program.input.versionFrom == "2.3" && program.input.versionUpTo == "2.6")
    #expect(program.input.structures == ["ADT_*", "ORU_R01"])
    #expect(program.outputs.map(\.versionFrom) == ["2.5.1"])
    #expect(program.zone == "Europe/London")
    #expect(program.destinations.map(\.name) == ["ehr", "lab", "ehr"])
    #expect(program.destinations.map(\.place.line) == [8, 8, 8])
    #expect(program.files.map(\.path) == ["codes/t.csv"])
    #expect(program.files.first?.bytes.count == 8)
  }

  private struct Library: HiltFiles {
    func read(_ path: String) throws -> [UInt8] {
      Array("library l\n\nconst unused = \"1\"\nfn sure(d: text) = date(d) catch fail \"no date\"\n".utf8)
    }
  }

  @Test("What fails in a library is shown with the library's line")
  func libraryLine() throws {
    let source = "transform t\n  in hl7\n  import \"l.hilt\"\nnote \"{sure(PID-7)}\"\nemit msg\n"
    let program = try #require(HiltProgram.compile(source, file: "t.hilt", files: Library()).program)
    let message = try HL7Message(Array("MSH|^~\\&|A|B|C|D|20240229||ADT^A01|1|P|2.5\rPID|||1||||x\r".utf8))
    guard case .failed(let failure) = program.run(HiltInput(message)).decision else { throw TestTrouble() }
    let place = failure.problem.place
    #expect(place.line == 4 && place.file.hasSuffix("l.hilt"))
    #expect(failure.problem.rendered(source: program.text(of: place)).contains("fn sure(d: text)"))
  }

  private struct TestTrouble: Error {}

  @Test(
    "Every fix mends its problem",
    arguments: [
      "let n = count(OBX[*])\nnote \"{n-1}\"", "let n = 2\nnote \"{n -1}\"", "when PID-8 = \"F\" => drop \"x\"",
      "let a = 'text'\nnote a",
    ])
  func fixes(_ body: String) throws {
    var source = "transform t\n  in hl7\n\(body)\nemit msg\n"
    let problems = HiltProgram.compile(source, file: "t.hilt").problems
    let fix = try #require(problems.compactMap(\.fix).first)
    var lines = source.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0) }
    let start = fix.place.column - 1
    lines[fix.place.line - 1].replaceSubrange(start..<start + fix.place.length, with: Array(fix.replacement))
    source = lines.map { String($0) }.joined(separator: "\n")
    #expect(HiltProgram.compile(source, file: "t.hilt").problems == [], "\(source)")
  }

  @Test("The same message gives the same bytes, steps and trace, run after run and thread after thread")
  func deterministic() async throws {
    let test = try #require(ConformanceCase.all.first { $0.description == "trace/each-line-shows-its-value" })
    let program = try #require(HiltProgram.compile(test.program, file: "t.hilt").program)
    let text = try #require(test.sections("input").first).text
    let message = try HL7Message(Array(text.utf8).map { $0 == 0x0A ? 0x0D : $0 })
    let first = program.run(HiltInput(message), tracing: true)
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 {
        group.addTask {
          let next = program.run(HiltInput(message), tracing: true)
          return next.emitted == first.emitted && next.steps == first.steps && next.trace == first.trace
        }
      }
      for await same in group { #expect(same) }
    }
  }

  @Test("What an error at run time says holds nothing of the message")
  func noContent() throws {
    let secret = "Zyxwvut"
    let message = try HL7Message(
      Array("MSH|^~\\&|A|B|C|D|20240229||ADT^A01|1|P|2.5\rPID|1|\(secret)^b~\(secret)||||||\(secret)^x\r".utf8))
    for body in ["note PID-2.1", "note PID-2", "let out = copy msg\nout.PID-2.1 = PID-8\nemit out"] {
      let program = try #require(
        HiltProgram.compile("transform t\n  in hl7\n\(body)\nemit msg\n", file: "t.hilt").program)
      guard case .failed(let failure) = program.run(HiltInput(message)).decision else {
        Issue.record("it should fail: \(body)")
        continue
      }
      #expect(!"\(failure)".contains(secret))
    }
  }

  @Test("What is printed of a run holds nothing of the message, nor of the reasons made of it")
  func nothingPrinted() throws {
    let secret = "Zyxwvut"
    let message = try HL7Message(
      Array("MSH|^~\\&|A|B|C|D|20240229||ADT^A01|1|P|2.5\rPID|1||1||\(secret)^b\r".utf8))
    for last in [
      "emit out meta { name: PID-5[1].1.1 }", "drop \"{PID-5[1].1.1}\"", "fail \"{PID-5[1].1.1}\"",
      "hold \"{PID-5[1].1.1}\"",
      "reject AE 101 \"{PID-5[1].1.1}\" at PID-5",
    ] {
      let source = "transform t\n  in hl7\nlet out = copy msg\nout.PID-8 = PID-5[1].1.1\nnote PID-5[1].1.1\n\(last)\n"
      let program = try #require(HiltProgram.compile(source, file: "t.hilt").program)
      let input = HiltInput(message)
      let result = program.run(input, tracing: true)
      var dumped = "\(result) \(input) \(result.decision) \(result.emitted) \(result.notes) \(result.trace)"
      dump(result, to: &dumped)
      dump(result.emitted, to: &dumped)
      dump(result.notes, to: &dumped)
      dump(result.trace, to: &dumped)
      dump(result.decision, to: &dumped)
      #expect(!dumped.contains(secret), "\(last)")
    }
  }
}
