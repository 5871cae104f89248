import Foundation
import HL7
import Hilt
import Messages
import Partners

/// What reading and transforming cost, on one core and without an engine: `hilum bench --language`.
///
/// Messages of about 1 KB, all different, because a processor learns one that repeats. Index and transform take turns,
/// and the ratio is the median of the turns' ratios.
struct LanguageBench {
  /// How long each of them works in a turn.
  let seconds: Double
  let turns: Int

  /// Copies a message and writes ten places that it names.
  static let program = """
    transform bench
      in  hl7 2.3..2.6 ADT_*
      out hl7 2.5.1

    let out = copy msg
    out.MSH-3 = "HUB"
    out.MSH-5 = "EHR"
    out.PID-3[1].4 = "RXX"
    out.PID-5[1].1.1 = upper(PID-5[1].1.1)
    out.PID-5[1].2 = trim(PID-5[1].2)
    out.PID-8 = match PID-8 { "1" => "M", "2" => "F", _ => "U" }
    out.PID-19 = absent
    out.PV1-2 = PV1-2 ?? "I"
    out.PV1-3.1 = "W{PV1-3.1}"
    out.PV1-10 = "SUR"
    emit out

    """

  func run() throws -> String {
    let messages = Self.messages(2_000)
    let (compiled, problems) = HiltProgram.compile(Self.program, file: "bench.hilt")
    guard let program = compiled else { throw Failure(problems.first?.message ?? "the program has an error") }
    let whole = try messages.map { try HL7Message($0) }
    let inputs = whole.map { HiltInput($0) }
    var indexes: [Double] = []
    var changes: [Double] = []
    for _ in 0..<turns {
      indexes.append(try rate(messages.count) { _ = try HL7Message(messages[$0]) })
      changes.append(
        rate(inputs.count) { number in
          precondition(program.run(inputs[number]).decision == .routed)
        })
    }
    let ratios = zip(indexes, changes).map { $0 / $1 }
    let size = messages.map(\.count).reduce(0, +) / messages.count
    return """
      messages of \(size) bytes, one core, \(turns) turns of \(Self.decimal(seconds)) s
      index                      \(Self.shown(indexes)) messages/s
      copy and ten changes       \(Self.shown(changes)) messages/s, \(Self.decimal(Self.median(ratios))) times its cost
      \(try check())
      \(try large())
      \(try results())
      \(try JSONBench(seconds: seconds, turns: turns).run())
      \(try EditorBench().run())
      """
  }

  /// Passes over messages until the time is up; gives how many in a second of one core.
  private func rate(_ count: Int, _ body: (Int) throws -> Void) rethrows -> Double {
    try CoreRate.measure(seconds, of: count) { for number in 0..<count { try body(number) } }
  }

  // MARK: Checking

  /// Two hundred transforms, each with an import, a table and the changes above.
  private func check() throws -> String {
    struct Files: HiltFiles {
      func read(_ path: String) throws -> [UInt8] {
        if path == "lib/names.hilt" { return Array("library names\n\nfn whole(n) = \"{n.2} {n.1.1}\"\n".utf8) }
        return Array("local,hl7\n1,M\n2,F\n".utf8)
      }
    }
    let clock = ContinuousClock()
    var count = 0
    let elapsed = clock.measure {
      for number in 1...200 {
        let head =
          "out hl7 2.5.1\n  import \"lib/names.hilt\"\n\ntable sex from \"sex.csv\" key local value hl7 default \"U\"\n"
        let loop = "note whole(PID-5[1])\nfor i in each IN1 { note \"{i.IN1-\(number % 40 + 1)}\" }\nlet out"
        let source = Self.program.replacing("out hl7 2.5.1\n", with: head).replacing("let out", with: loop)
          .replacing("transform bench", with: "transform bench\(number)").replacing("upper(PID", with: "lower(PID")
        count += HiltProgram.compile(source, file: "bench\(number).hilt", files: Files()).problems.count
      }
    }
    return "check of 200 transforms    \(Self.decimal(elapsed / .seconds(1))) s (\(count) problems found in them)"
  }

  // MARK: Results as FHIR

  /// An ORU^R01 with ten OBX to a transaction bundle, by the program that ships: `Transforms` of the project is read.
  private func results() throws -> String {
    struct Files: HiltFiles {
      func read(_ path: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: "Transforms/\(path)")))
      }
    }
    guard let source = try? String(contentsOfFile: "Transforms/oru-to-fhir.hilt", encoding: .utf8) else {
      return "ORU to a FHIR bundle       not measured: run it where Transforms/oru-to-fhir.hilt is"
    }
    let (compiled, problems) = HiltProgram.compile(source, file: "oru-to-fhir.hilt", files: Files())
    guard let program = compiled else { throw Failure(problems.first?.message ?? "the program has an error") }
    let inputs = try (0..<500).map { number in
      let results = (1...10).map {
        "OBX|\($0)|NM|\(2000 + $0)-\(number % 10)^Analyte \($0)^LN||\(number % 90 + $0).10|mmol/L^mmol/L^UCUM|3.5-5.1|N"
          + "|||F|||20240229084\($0 % 10)\r"
      }
      let head =
        "MSH|^~\\&|LAB|RXX|HUB|RXX|20240229103000+0000||ORU^R01^ORU_R01|\(number)|P|2.5.1\r"
        + "PID|1||\(number + 10_000)^^^RXX^MR||Name\(number)^Anna^^^^^L||19800229|F|||1 High St^^London^^E1^GBR^H\r"
        + "ORC|RE|P\(number)|F\(number)\r"
        + "OBR|1|P\(number)|F\(number)|24323-8^Metabolic panel^LN|||20240229083000|||||||||||||||20240229102900||CH|F\r"
      return HiltInput(try HL7Message(Array((head + results.joined()).utf8)), attributes: ["id": .text("\(number)")])
    }
    guard case .bytes(let bytes)? = program.run(inputs[0]).emitted.first?.content else {
      throw Failure("the result was not routed")
    }
    let rates = (0..<turns).map { _ in rate(inputs.count) { precondition(program.run(inputs[$0]).emitted.count == 1) } }
    return "ORU to a FHIR bundle       \(Self.shown(rates)) messages/s, of ten OBX, to \(bytes.count) bytes"
  }

  // MARK: A large message

  /// A message of 10 MB is read, copied, changed and written.
  private func large() throws -> String {
    var bytes = Array(
      "MSH|^~\\&|LAB|RXX|EHR|RXX|20240229103000||ADT^A01|1|P|2.5.1\rPID|1||1^^^A^MR||a^b\rPV1|1|I|W1\r".utf8)
    var number = 1
    while bytes.count < 10 << 20 {
      bytes += Array("OBX|\(number)|TX|C^Comment||\(String(repeating: "word ", count: 40))||||||F\r".utf8)
      number += 1
    }
    let before = try ProcessUsage(of: ProcessInfo.processInfo.processIdentifier).rssBytes
    let (program, _) = HiltProgram.compile(Self.program, file: "bench.hilt")
    let clock = ContinuousClock()
    let start = clock.now
    let message = try HL7Message(bytes)
    let result = program?.run(HiltInput(message))
    let elapsed = (clock.now - start) / .seconds(1)
    guard result?.decision == .routed else { throw Failure("the large message was not routed") }
    let used = max(0, try ProcessUsage(of: ProcessInfo.processInfo.processIdentifier).rssBytesMax - before)
    return "one message of 10 MB       \(Self.decimal(elapsed)) s, \(used >> 20) MB of memory beside it at most"
  }

  // MARK: Messages and figures

  /// Admissions of about 1 KB that differ in names, numbers and lengths. The same in every run.
  private static func messages(_ count: Int) -> [[UInt8]] {
    var state: UInt64 = 20_240_229
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    func word() -> String {
      String((0..<next(9) + 3).map { _ in Character(Unicode.Scalar(UInt8(97 + next(26)))) })
    }
    func address(_ kind: String) -> String { "\(next(200)) \(word()) \(kind)^^\(word())^^\(next(99_999))" }
    return (0..<count).map { number in
      let lines =
        [
          "MSH|^~\\&|PAS|RXX|EHR|\(word())|20240229103000||ADT^A01^ADT_A01|\(number)|P|2.5.1", "EVN|A01|20240229103000",
          "PID|1||\(next(1_000_000))^^^RXX^MR~\(next(1_000_000_000))^^^NHS^NH||\(word())^\(word())^\(word())||"
            + "19\(next(90) + 10)0\(next(9) + 1)1\(next(9))|\(next(2) + 1)|||\(address("St"))"
            + "||\(next(10_000_000))|||M|\(word())|\(next(1_000_000))",
          "PD1||||\(word())^\(word())",
        ] + (0..<3).map { "NK1|\($0 + 1)|\(word())^\(word())|SPO|\(next(99)) \(word())^^\(word())|\(next(10_000_000))" }
        + [
          "PV1|1|\(next(2) == 0 ? "I" : "")|W\(next(20))^R\(next(9))^B\(next(4))||||\(word())^\(word())|||SUR||||||||"
            + "\(next(1_000_000))",
          "PV2|||\(word())^\(word()) \(word())", "AL1|1|DA|\(word())^\(word())|MO|\(word())",
          "DG1|1||\(word())^\(word()) \(word()) \(word())|||A",
          "IN1|1|\(word())|\(next(9_999))|\(word()) \(word())|\(address("Rd"))||||\(word())",
          "GT1|1||\(word())^\(word())||\(address("Ave"))|\(next(10_000_000))|||||SEL",
          "OBX|1|NM|8302-2^\(word()) height^LN||1\(next(99))|cm|||||F|||20240229103000",
          "OBX|2|NM|3141-9^\(word()) weight^LN||\(next(99) + 30)|kg|||||F|||20240229103000",
          "ZPV|1|\(word())|\(word())|\(String(repeating: word(), count: next(20)))",
        ]
      return Array(lines.map { $0 + "\r" }.joined().utf8)
    }
  }

  static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
  static func decimal(_ value: Double) -> String { String(format: "%.2f", value) }
  private static func shown(_ rates: [Double]) -> String {
    let text = String(Int(median(rates)))
    return String(repeating: " ", count: max(0, 9 - text.count)) + text
  }
}
