import Foundation
import HL7
import Hilt
import Messages
import Testing
import Text

@Suite("Any text as program, any bytes as message")
struct HostileTests {
  private static let seed = ProcessInfo.processInfo.environment["HILT_SEED"].flatMap { UInt64($0) } ?? 20_240_229

  /// Pieces of programs, which are put together at random.
  private static let words = [
    "transform", "t", "in", "hl7", "2.3", "..", "out", "let", "copy", "msg", "=", "==", "PID-5", ".1", "[1]", "[*",
    "where", "]", "{", "}", "(", ")", "\"a{", "}\"", "\"", "if", "else", "then", "match", "=>", "_", "|", "for", "x",
    "emit", "to", "meta", "drop", "reject", "AE", "101", "at", "none", "skip", "catch", "??", "and", "not", "is",
    "valued", "with", "XPN", "1:", "1.1:", ",", "upper", "(x)", "number(", "remove", "note", "\n", "\n", "\n", "15m",
    "-2", "- ", "/", "*", "/a/", "table", "from", "key", "value", "default", "param", ":", "text", "OBX[last]-5", "#",
    "message.id", "null", "absent", "1.5", "é", "\u{0}", "\\", "'", "first y in",
    "sort_by z in", "group_by z in", "extract(", "/(?<a>x)/", ").a", "<<T\n", "\n  T", "instant(", "date(", "\"dd/MM\"",
    "zip(",
    "each", "each OBR", ".each OBX", "out.each", "ORDER_OBSERVATION", "order", ".index", "out.add NTE", ".add OBX",
    "after", "after OBX[last]", "in PATIENT", "with {", "PATIENT_RESULT[1]/", "/ORDER_OBSERVATION", "/OBR-4", "new",
    "new ADT_A08", "number(out.OBX)", "fn f(", "fn g(x)", "-> text", "f(", "g(x: ", "import", "as", "\"a.hilt\"",
    "library",
    "var", "list of", "+=", "out.PID-3", "for x, i in", "delimited", "separator", "columns", "header yes", "bytes",
    "done", "retry", "dead", "hold", "answer", "sent", "original", "profile", "out", "msg.rows", "row", "charset",
    "list:", "base64(", "stable_id(", "matches", "/[/", "zone \"UTC\"", "xml", "h = \"urn:h\"", "find(msg,",
    "value(msg,", "values(", "find_all(", "\"//h:a[@b]\"", "\"h:a/text()", "\"count(*)\"", "element(\"h:a\",",
    "with_value(",
    "Modality", "PatientName", ".family", "PN {", "family:", "RequestAttributesSequence", ".StudyID", "out.PatientID",
    "out.ImageType", "remove out.", "tag(0019,\"M\",01)", "tag(0008,0060)", ".tag(", "CANNOT_UNDERSTAND", "PixelData",
    "without(msg,", "with_child(", "\".\"", "{ \"h:b\": ",
  ]

  @Test("Programs of random words compile or are refused, and never trap")
  func words() {
    var generator = SeededGenerator(seed: Self.seed)
    let message = Self.message
    for turn in 0..<3_000 {
      var text = turn % 2 == 0 ? "transform t\n  in hl7\nlet out = copy msg\n" : ""
      if turn % 6 == 3 { text = "transform t\n  in dicom\n  out dicom\nlet out = copy msg\n" }
      if turn % 6 == 1 { text = "transform t\n  in xml h = \"urn:h\"\n  out xml\nlet out = msg\n" }
      for _ in 0..<Int.random(in: 1...40, using: &generator) {
        text += (Self.words.randomElement(using: &generator) ?? "") + (Bool.random(using: &generator) ? " " : "")
      }
      Self.compileAndRun(text, message, turn)
    }
  }

  @Test("Programs with bytes changed, doubled or lost compile or are refused, and never trap")
  func mutated() {
    var generator = SeededGenerator(seed: Self.seed &+ 1)
    let programs = ConformanceCase.all.map(\.program)
    let message = Self.message
    for turn in 0..<3_000 {
      var bytes = Array((programs.randomElement(using: &generator) ?? "").utf8)
      for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes.remove(at: place)
        case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 2: bytes.insert(Array("{}[]()\"-.\n\\".utf8).randomElement(using: &generator) ?? 0, at: place)
        default:
          let end = min(bytes.count, place + Int.random(in: 1...40, using: &generator))
          bytes.insert(contentsOf: bytes[place..<end], at: place)
        }
      }
      Self.compileAndRun(String(decoding: bytes, as: UTF8.self), message, turn)
    }
  }

  @Test("Messages with bytes changed go through every conformance program, and never trap")
  func messages() throws {
    var generator = SeededGenerator(seed: Self.seed &+ 2)
    let programs = ConformanceCase.all.compactMap { HiltProgram.compile($0.program, file: "t.hilt").program }
    #expect(programs.count > 30)
    let original = Self.message.bytes
    for _ in 0..<1_000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...20, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[place] = Array("|^~\\&\r\n\"AZ09 é".utf8 + [0xFF, 0]).randomElement(using: &generator) ?? 0
      }
      guard let message = try? HL7Message(bytes) else { continue }
      let program = try #require(programs.randomElement(using: &generator))
      let result = program.run(HiltInput(message), tracing: Bool.random(using: &generator))
      for case .bytes(let output) in result.emitted.filter({ $0.format == .hl7v2 }).map(\.content) {
        #expect((try? HL7Message(output)) != nil, "what comes out can be read again; seed \(Self.seed)")
      }
    }
  }

  @Test("Documents with bytes changed go through every conformance program of XML, and never trap")
  func documents() throws {
    var generator = SeededGenerator(seed: Self.seed &+ 3)
    let cases = ConformanceCase.all.filter { $0.program.contains("in  xml") }
    let programs = cases.compactMap { test in
      HiltProgram.compile(test.program, file: "program").program.map { ($0, test.sections("input").first?.text ?? "") }
    }
    #expect(programs.count > 10)
    for _ in 0..<1_000 {
      let (program, input) = try #require(programs.randomElement(using: &generator))
      var bytes = Array(input.utf8)
      for _ in 0..<Int.random(in: 0...4, using: &generator) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[place] = Array("<>/=\"'&;: ax\n".utf8 + [0xFF, 0]).randomElement(using: &generator) ?? 0
      }
      let limits = HiltLimits(stepsMax: 20_000)
      let result = program.run(
        HiltInput(nil, bytes: bytes, limits: limits), tracing: Bool.random(using: &generator))
      for case .bytes(let output) in result.emitted.filter({ $0.format == .xml }).map(\.content) {
        #expect((try? XMLDocument(output)) != nil, "what comes out can be read again; seed \(Self.seed)")
      }
    }
  }

  @Test("Nesting of every kind is refused before the stack ends")
  func deep() {
    let openings = [
      "out.add NTE after ", "new A with {1: ", "any x in ", "f(",
      "sort_by x in y => ", "f(a: ", "(", "[", "{a: ", "not ", "- ", "if true then ", "upper(", "\"{", "x[where ",
      "for x in ", "a ?? ", "copy ",
    ]
    for opening in openings {
      let text = "transform t\n  in hl7\nlet a = " + String(repeating: opening, count: 20_000) + "1\nemit msg\n"
      let (program, problems) = HiltProgram.compile(text, file: "t.hilt")
      #expect(program == nil)
      #expect(!problems.isEmpty && problems.count <= 202)
    }
    let blocks = "transform t\n  in hl7\n" + String(repeating: "if true {\n", count: 20_000)
    #expect(HiltProgram.compile(blocks, file: "t.hilt").problems.contains { $0.code == "E104" })
  }

  @Test(
    "A long text of any kind is judged in a bounded time", .timeLimit(.minutes(2)),
    arguments: [
      "x\n", "let x = y\n", "PID-5", "{ ", "} ", "\"", "'", "if x is valued { emit msg }\n", "a.b.c.d ", "#", "((",
      "require PID-8 is valued else drop \"x\"\n", "match x { \"a\" => \n", "\"{x}\" ", "é", "note upper(q)\n",
      "let out = copy msg\n", "- ", "table t from \"t.csv\" key a value b\n", "x catch ", "\\", "1", "for a in b { ",
      "<<T\n", "<<T\nx\nT\n", "let x = y matches /a{900}/\n", "sort_by x in y => ", "f(a: ", "A_B/",
      "out.add NTE after ",
      ".each OBR", "for x in each OBR { ", "fn f(x) = f(", "import \"a.hilt\"\n", "x += ", "new ADT_A01 ",
    ])
  func large(_ piece: String) {
    let text = "transform t\n  in hl7\n" + String(repeating: piece, count: (50 << 10) / piece.utf8.count)
    let (program, problems) = HiltProgram.compile(text, file: "t.hilt")
    #expect(program == nil || problems.allSatisfy { $0.severity == .warning })
    #expect(problems.count <= 202)
  }

  @Test("A path of thousands of steps is refused", arguments: ["/PATIENT_RESULT", "[1]/PATIENT_RESULT", ".1", "-1"])
  func longPath(_ step: String) {
    let text =
      "transform t\n  in hl7\nlet a = for x in OBX[1]-5[*] => x\(String(repeating: step, count: 5_000))\n"
      + "note PATIENT_RESULT\(String(repeating: step, count: 5_000))/OBR-4.1 ?? \"\"\nemit msg\n"
    let (program, problems) = HiltProgram.compile(text, file: "t.hilt")
    #expect(program == nil)
    #expect(problems.contains { $0.code == "E104" })
  }

  @Test("Records that hold others twice, and lists in lists, end where types grow too large", .timeLimit(.minutes(1)))
  func largeTypes() {
    func doubling(_ name: String) -> String {
      (1...40).reduce("let \(name)0 = { v: PID-5[1].1 }\n") { text, index in
        text + "let \(name)\(index) = { v: \(name)\(index - 1), w: \(name)\(index - 1) }\n"
      }
    }
    let records =
      "transform t\n  in hl7\nfn f(x) = \"k\"\n" + doubling("a") + doubling("b")
      + "note f(a40)\nnote f(b40)\nemit msg\n"
    let lists = (1...5_000).reduce("transform t\n  in hl7\nlet a0 = [PID-5]\n") { "\($0)let a\($1) = [a\($1 - 1)]\n" }
    for text in [records, lists + "emit msg\n"] {
      #expect(HiltProgram.compile(text, file: "t.hilt").problems.contains { $0.code == "E104" })
    }
  }

  @Test("A file of separators or of line ends is refused before it is read", arguments: [";", "\n", "\r\n", "a\n"])
  func shortLines(_ piece: String) throws {
    let text =
      "transform t\n  in delimited separator \";\" columns a, b\n  out hl7 2.5.1\n"
      + "drop \"{count(msg.rows)}\"\n"
    let (compiled, problems) = HiltProgram.compile(text, file: "t.hilt")
    #expect(problems == [])
    let program = try #require(compiled)
    let bytes = Array(String(repeating: piece, count: 200_000).utf8)
    let result = program.run(HiltInput(nil, bytes: bytes, limits: HiltLimits(stepsMax: 20_000)))
    guard case .failed(let failure) = result.decision else {
      Issue.record("\(result.decision)")
      return
    }
    #expect(failure.problem.code == "E901")
  }

  /// Functions that call one another, as high as their bodies may be.
  @Test("Functions that call one another are no deeper than one expression may be", arguments: [2, 3, 60])
  func deepFunctions(_ count: Int) {
    let sums = ("", String(repeating: " + 1", count: 150))
    let brackets = (String(repeating: "(", count: 55), String(repeating: " + 1)", count: 55))
    for (left, right) in [sums, brackets] {
      var text = "transform t\n  in hl7\nfn f0(x) = x\n"
      for index in 1...count { text += "fn f\(index)(x) = \(left)f\(index - 1)(x)\(right)\n" }
      text += "note \"{f\(count)(1)}\"\nemit msg\n"
      let outcome = Self.onSmallStack(text)
      #expect(outcome.notes.isEmpty == outcome.isRefused)
      #expect(outcome.isRefused || count == 2 || count == 3)
    }
  }

  @Test("What the limits allow, a thread of 4 MiB can compile and run, without optimisation too")
  func smallStack() throws {
    let nested = String(repeating: "(", count: 55) + "1" + String(repeating: " + 1)", count: 55)
    let chain = Array(repeating: "1", count: 180).joined(separator: " + ")
    let text = "transform t\n  in hl7\nnote \"{\(nested)} {\(chain)}\"\nemit msg\n"
    #expect(Self.onSmallStack(text).notes == ["56 180"])
    let (open, close) = ("[{ url: \"urn:x\", extension: ", " }]")
    let records =
      "transform t\n  in  hl7\n  out fhir r4 Patient\nlet p = Patient { extension: "
      + String(repeating: open, count: 15) + "[{ url: \"urn:x\", valueBoolean: true }]"
      + String(repeating: close, count: 15) + " }\nnote \"{count(p.extension[*].extension[*].url)}\"\nemit p\n"
    #expect(Self.onSmallStack(records).notes == ["1"])
  }

  /// Compiles and runs a program on a thread of 4 MiB.
  private static func onSmallStack(_ text: String) -> Outcome {
    let done = DispatchSemaphore(value: 0)
    let outcome = Outcome()
    let thread = Thread {
      let (program, problems) = HiltProgram.compile(text, file: "t.hilt")
      outcome.isRefused = problems.contains { $0.code == "E104" }
      outcome.notes = program?.run(HiltInput(Self.message)).notes.map(\.text) ?? []
      done.signal()
    }
    thread.stackSize = 4 << 20
    thread.start()
    done.wait()
    return outcome
  }

  private final class Outcome: @unchecked Sendable {
    var notes: [String] = []
    var isRefused = false
  }

  private static let message: HL7Message = {
    let text = ConformanceCase.all.lazy.compactMap { $0.sections("input").first?.text }.first ?? ""
    let bytes = Array(text.utf8).map { $0 == 0x0A ? 0x0D : $0 }
    return (try? HL7Message(bytes)) ?? empty
  }()

  private static let document = Array(#"<h:a xmlns:h="urn:h" h:b="1">x<h:a><c/> y</h:a></h:a>"#.utf8)

  private static let empty = { () -> HL7Message in
    guard let message = try? HL7Message(Array("MSH|^~\\&|A\r".utf8)) else {
      preconditionFailure("MSH alone is a message")
    }
    return message
  }()

  private static func compileAndRun(_ text: String, _ message: HL7Message, _ turn: Int) {
    let (program, problems) = HiltProgram.compile(text, file: "t.hilt")
    #expect(program != nil || problems.contains { $0.severity == .error }, "seed \(seed), turn \(turn)")
    for problem in problems {
      #expect(problem.place.line >= 1 && problem.place.column >= 1 && problem.place.length >= 1)
      _ = problem.rendered(source: text)
    }
    let result = program?.run(
      HiltInput(message, bytes: document, limits: HiltLimits(stepsMax: 20_000)), tracing: true)
    if case .failed(let failure)? = result?.decision { _ = failure.problem.rendered(source: text) }
  }
}
