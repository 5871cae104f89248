import ConnectorKit
@testable import Definitions
import Messages
import Testing

@Suite struct YAMLReaderTests {
  private func read(_ text: String) -> YAMLReader.Outcome { YAMLReader.read(Array(text.utf8), file: "x.yaml") }
  private func codes(_ text: String) -> [String] {
    read(text).problems.map { "\($0.code) \($0.place.line):\($0.place.column)" }
  }

  @Test func `scalars are text, whatever YAML would make of them`() throws {
    let node = try #require(read("a: no\nb: 1:30\nc: 0x1F\nd: ~\ne: '1'\nf:\n").node)
    #expect(node["a"]?.scalar == "no")
    #expect(node["b"]?.scalar == "1:30")
    #expect(node["c"]?.scalar == "0x1F")
    #expect(node["d"]?.scalar == "~")
    #expect(node["e"]?.scalar == "1")
    #expect(node["f"]?.scalar == "")
  }

  @Test func `places count characters, not bytes or scalars`() throws {
    let node = try #require(read("e\u{301}té: {ü: \"x y\"}\n").node)
    guard case .map(let entries) = node.kind else { return #expect(Bool(false), "a block") }
    #expect(entries[0].keyPlace == Place(file: "x.yaml", line: 1, column: 1, length: 3))
    #expect(entries[0].value["ü"]?.place == Place(file: "x.yaml", line: 1, column: 10, length: 5))
  }

  @Test func `a block shows itself at its key, a value at its own place`() throws {
    let node = try #require(read("source:\n  mllp:\n    port: 2575\n").node)
    #expect(node["source"]?["mllp"]?.place == Place(file: "x.yaml", line: 2, column: 3, length: 4))
    #expect(node["source"]?["mllp"]?["port"]?.place == Place(file: "x.yaml", line: 3, column: 11, length: 4))
  }

  @Test func `a block of text keeps its lines`() throws {
    #expect(read("a: |\n  one\n    two ${X}\n").node?["a"]?.scalar == "one\n  two ${X}\n")
  }

  @Test func `every key that stands twice is reported, and hides nothing else`() {
    #expect(
      codes("a: 1\nb: 2\na: 3\nb:\n  c: 1\n  c: 2\n  d: !x 1\n") == ["C113 3:1", "C113 4:1", "C113 6:3", "C114 7:6"])
    #expect(codes("a: {x: 1, y: {x: 2}, x: 3}\n") == ["C113 1:22"])
    #expect(codes("1: a\n\"1\": b\n") == ["C113 2:1"])
  }

  @Test func `many keys that stand twice, and many values, come to an end with a reason`() {
    let twice = (0..<60).map { "k\($0): v\nk\($0): w\n" }.joined()
    #expect(codes(twice).count == 60)
    let blocks = (0..<40).map { "b\($0):\n  x: 1\n  x: 2\n" }.joined()
    #expect(codes(blocks) == ["C113 1:1"])
    let list = "a:\n" + String(repeating: "- x\n", count: 21_000)
    #expect(codes(list).map { $0.prefix(4) } == ["C115"])
  }

  @Test(
    arguments: [
      ("a: &x 1\nb: *x\n", ["C114 1:4"]), ("a: *x\n", ["C114 1:4"]), ("a: !!str 1\n", ["C114 1:4"]),
      ("<<: {a: 1}\n", ["C114 1:1"]), ("? [a]\n: 1\n", ["C114 1:3"]), ("a: 1\n---\nb: 2\n", ["C116 2:1"]),
      ("a:\n\tb: 1\n", ["C111 2:1"]), ("", ["C119 1:1"]), ("# nothing\n", ["C119 1:1"]), ("a: \"x\n", ["C110 1:4"]),
      ("a: {b: 1\nc: 2\n", ["C110 1:4"]), ("a: 1\nb\nc: 2\n", ["C110 2:1"]), ("a: x\u{1}\n", ["C110 1:5"]),
    ])
  func `what channel files don't use of YAML is refused where it stands`(text: String, expected: [String]) {
    #expect(codes(text) == expected)
  }

  @Test(
    arguments: [
      ("a: {when: MSH-9.2 in [\"A01\"], b: 1}\n", "MSH-9.2 in [\"A01\"]"), ("name: {MSH-10}.hl7\n", "{MSH-10}.hl7"),
      ("a: {name: {MSH-10}}\n", "{MSH-10}"), ("when: \"A01\" == MSH-9.2\n", "\"A01\" == MSH-9.2"),
      ("a: {when: any(x, y)}\n", "any(x, y)"), ("a: {columns: {mrn: PID-3[1].1, e: x}}\n", "PID-3[1].1"),
    ])
  func `Hilt that YAML would cut is shown whole`(text: String, hilt: String) throws {
    let outcome = read(text)
    let problem = try #require(outcome.problems.first)
    #expect(outcome.problems.count == 1)
    #expect(problem.code == "C112")
    #expect(outcome.source.rest(at: problem.place).prefix(problem.place.length) == hilt)
  }

  @Test func `Hilt that YAML reads whole may stand without quotes`() {
    let text = "when: MSH-9.2 in [\"A01\", \"A03\"]\na: {event: MSH-9.2, x: PID-3.1}\nb: any(x, y)\n"
    #expect(read(text).problems.isEmpty)
    #expect(read(text).node?["when"]?.scalar == "MSH-9.2 in [\"A01\", \"A03\"]")
  }

  @Test func `a file that is too large, too deep or not text is refused with a reason`() {
    let large = YAMLReader.read([UInt8](repeating: 0x61, count: 10 << 20), file: "x.yaml")
    #expect(large.node == nil)
    #expect(large.problems.map(\.message) == ["this file has 10485760 bytes; at most 1MiB are read"])
    let deep = String(repeating: "{a: ", count: 33) + "1" + String(repeating: "}", count: 33)
    #expect(read("b: " + deep).problems.map(\.code) == ["C115"])
    #expect(codes(String(repeating: "[", count: 100_000)) == ["C110 1:1"])
    #expect(YAMLReader.read([0x61, 0x3A, 0x20, 0xFF], file: "x.yaml").problems.map(\.code) == ["C118"])
  }

  @Test func `aliases that would unfold without end are refused before they unfold`() {
    var text = "a0: &a0 x\n"
    for level in 1...40 { text += "a\(level): &a\(level) {? *a\(level - 1) : [*a\(level - 1), *a\(level - 1)]}\n" }
    #expect(read(text).problems.map(\.code) == ["C114"])
  }

  @Test func `no cut or changed byte of a file makes the reader stop`() {
    let whole = Array(
      "channel: a\nabout: 'x \"y\"'\nsource: {mllp: {port: ${P:-1}}}\nd:\n  - \"{MSH-10}.hl7\"\n  - |\n    transform\n"
        .utf8)
    for count in 0...whole.count {
      _ = YAMLReader.read(Array(whole.prefix(count)), file: "x.yaml")
    }
    let seed = UInt64.random(in: 0 ... .max)
    var state = seed
    for _ in 0..<2000 {
      var bytes = whole
      for _ in 0..<3 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let hostile = Array("{}[]\"':&*!|>-?%@`#\t\n\r,\u{0} a".utf8)
        bytes[Int(state >> 33) % bytes.count] = hostile[Int(state >> 20) % hostile.count]
      }
      let outcome = YAMLReader.read(bytes, file: "x.yaml")
      #expect(
        outcome.node != nil || !outcome.problems.isEmpty, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
      for problem in outcome.problems { _ = problem.rendered(source: outcome.source.text) }
    }
  }
}

@Suite struct VariablesTests {
  private func read(_ text: String) -> YAMLReader.Outcome {
    YAMLReader.read(Array(text.utf8), file: "x.yaml") { ["HOST": "ehr", "EMPTY": ""][$0] }
  }

  @Test func `a variable, a default and a dollar that means itself`() {
    let outcome = read("a: ${HOST}.example:${PORT:-6661}\nb: $${HOST} $5 a$\nc: ${EMPTY:-x}${EMPTY}\n")
    #expect(outcome.node?["a"]?.scalar == "ehr.example:6661")
    #expect(outcome.node?["b"]?.scalar == "${HOST} $5 a$")
    #expect(outcome.node?["c"]?.scalar == "x")
    #expect(outcome.variables == ["HOST": "ehr", "EMPTY": ""])
    #expect(outcome.problems.isEmpty)
  }

  @Test func `what is missing or no name is shown where it stands`() {
    let outcome = read("a: x ${PORT} ${1X} ${HOST\n")
    #expect(
      outcome.problems.map { "\($0.code) \($0.place.column)+\($0.place.length)" } == [
        "C117 6+7", "C117 14+5", "C117 20+6",
      ])
  }

  @Test func `a value of the environment is text and can't become settings`() {
    let outcome = YAMLReader.read(Array("a: ${X}\n".utf8), file: "x.yaml") { _ in "{b: 1}\nc: 2" }
    #expect(outcome.node?["a"]?.scalar == "{b: 1}\nc: 2")
  }
}
