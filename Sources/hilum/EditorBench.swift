import Foundation
import LanguageServer

/// What a key costs in an editor: programs are changed again and again, and their problems and what may stand at the
/// cursor are asked for. `hilum bench --language`.
struct EditorBench {
  private static let count = 200

  /// A program in an editor, and where a key is struck.
  private struct Opened {
    let name: String
    let address: String
    let lines: [Substring]
    /// One character of this line is changed, and a name asked for at its end.
    let line: Int
    let column: Int

    /// - Parameter typed: the character before which one is changed stands behind this in the line.
    init?(_ name: String, _ text: String, address: String, at start: String, behind typed: String) {
      (self.name, self.address) = (name, address)
      lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      guard let line = lines.firstIndex(where: { $0.hasPrefix(start) }),
        let found = lines[line].range(of: typed)
      else { return nil }
      self.line = line
      column = lines[line][..<found.upperBound].utf16.count
    }
  }

  /// About 300 lines of what transforms are made of: loops, groups, records, choices, texts, functions.
  static let program: String = {
    var lines = [
      "transform bench", "  in  hl7 2.3..2.6 ORU_R01", "  out hl7 2.5.1", "", "fn whole(n) = \"{n.2} {n.1.1}\"", "",
    ]
    lines += ["let out = copy msg"]
    var number = 0
    while lines.count < 292 {
      number += 1
      lines += [
        "let mrn_\(number) = PID-3[where .5 == \"MR\" and .1 is valued] ?? PID-3[1]",
        "require mrn_\(number) is valued else reject AE 101 \"no MRN in PID-3\" at PID-3",
        "for order in out.each OBR where order.OBR-4.1 is valued {",
        "  let words_\(number) = for o in order.OBX[* where -2 in [\"TX\", \"FT\"]] => plain(o-5[1])",
        "  order.OBR-15 = SPS { 1: match order.OBR-24 { \"LAB\" => \"a\", \"RAD\" => \"b\", _ => \"c\" } }",
        "  order.OBR-2 = EI { 1: \"{mrn_\(number).1}-{MSH-10}\", 2: \"HUB\" }",
        "  if count(words_\(number)) > \(number) { note join(words_\(number), \"\\n\") }", "}",
        "out.PID-5 = for n in PID-5[*] => n with { 1.1: upper(n.1.1), 2: whole(n) }",
      ]
    }
    return (lines + ["emit out", ""]).joined(separator: "\n")
  }()

  func run() throws -> String {
    let folder = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
    let shipped = folder.appendingPathComponent("Transforms/v2-to-fhir.hilt")
    let opened = [
      Opened(
        "HL7", Self.program, address: "file:///bench/bench.hilt", at: "  order.OBR-2 = EI { 1: \"{mrn_9.1}",
        behind: "2: \"HU"),
      (try? String(contentsOf: shipped, encoding: .utf8)).flatMap {
        Opened("v2-to-fhir", $0, address: shipped.absoluteString, at: "require mrn.1 is valued", behind: "AE 10")
      },
    ]
    let figures = try opened.compactMap(\.self).map { try measure($0) }
    return figures.joined(separator: "\n") + "\nhalf of the keys and 99 of 100, of \(Self.count); "
      + "the server waits \(LanguageSession.pauseMilliseconds) ms for the next key first"
  }

  private func measure(_ opened: Opened) throws -> String {
    var server = LanguageServer(version: "bench", pagesFolder: nil)
    _ = send(&server, #""id":1,"method":"initialize","params":{"capabilities":{}}"#)
    let text = opened.lines.joined(separator: "\n").replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      .replacing("\n", with: "\\n")
    let name = #""uri":"\#(opened.address)""#
    _ = send(
      &server,
      #""method":"textDocument/didOpen","params":{"textDocument":{\#(name),"languageId":"hilt","version":1,"#
        + #""text":"\#(text)"}}"#)
    let problems = server.work().first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    guard problems.contains(#""diagnostics":[]"#) else {
      throw Failure("the editor's program has a problem: \(problems)")
    }
    let line = #""line":\#(opened.line)"#
    let place =
      #"{"textDocument":{\#(name)},"position":{\#(line),"character":\#(opened.lines[opened.line].utf16.count)}}"#
    let clock = ContinuousClock()
    var checks: [Double] = []
    var completions: [Double] = []
    for number in 0..<Self.count {
      let start = #"{\#(line),"character":\#(opened.column)}"#
      let end = #"{\#(line),"character":\#(opened.column + 1)}"#
      let checked = clock.measure {
        _ = send(
          &server,
          #""method":"textDocument/didChange","params":{"textDocument":{\#(name),"version":\#(number + 2)},"#
            + #""contentChanges":[{"range":{"start":\#(start),"end":\#(end)},"text":"\#(number % 10)"}]}"#)
        _ = server.work()
      }
      let completed = clock.measure {
        _ = send(&server, #""id":2,"method":"textDocument/completion","params":\#(place)"#)
      }
      checks.append(checked / .milliseconds(1))
      completions.append(completed / .milliseconds(1))
    }
    return "a key in \(opened.name), \(opened.lines.count) lines: problems after \(Self.shown(checks)) ms, "
      + "completion \(Self.shown(completions)) ms"
  }

  private func send(_ server: inout LanguageServer, _ message: String) -> [[UInt8]] {
    server.receive(Incoming(Array((#"{"jsonrpc":"2.0","# + message + "}").utf8)))
  }

  private static func shown(_ times: [Double]) -> String {
    let sorted = times.sorted()
    return
      "\(LanguageBench.decimal(sorted[sorted.count / 2])) and \(LanguageBench.decimal(sorted[sorted.count * 99 / 100]))"
  }
}
