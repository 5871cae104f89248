import Foundation
import LanguageServer

/// What a key costs in an editor: a program of 300 lines is changed again and again, and its problems and what may
/// stand at the cursor are asked for. `hilum bench --language`.
struct EditorBench {
  private static let count = 200

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
    var server = LanguageServer(version: "bench", pagesFolder: nil)
    _ = send(&server, #""id":1,"method":"initialize","params":{"capabilities":{}}"#)
    let text = Self.program.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    let name = #""uri":"file:///bench/bench.hilt""#
    _ = send(
      &server,
      #""method":"textDocument/didOpen","params":{"textDocument":{\#(name),"languageId":"hilt","version":1,"#
        + #""text":"\#(text)"}}"#)
    let problems = server.work().first.map { String(decoding: $0, as: UTF8.self) } ?? ""
    guard problems.contains(#""diagnostics":[]"#) else {
      throw Failure("the editor's program has a problem: \(problems)")
    }
    let lines = Self.program.split(separator: "\n", omittingEmptySubsequences: false)
    let line = lines.firstIndex { $0.hasPrefix("  let words_9 ") } ?? 0
    let place = #"{"textDocument":{\#(name)},"position":{"line":\#(line),"character":\#(lines[line].utf16.count - 5)}}"#
    let clock = ContinuousClock()
    var checks: [Double] = []
    var completions: [Double] = []
    for number in 0..<Self.count {
      // A digit comes into a text, and another goes.
      let start = #"{"line":\#(line + 2),"character":\#(lines[line + 2].utf16.count - 3)}"#
      let end = #"{"line":\#(line + 2),"character":\#(lines[line + 2].utf16.count - 2)}"#
      let change = #"{"range":{"start":\#(start),"end":\#(end)},"text":"\#(number % 10)"}"#
      let checked = clock.measure {
        _ = send(
          &server,
          #""method":"textDocument/didChange","params":{"textDocument":{\#(name),"version":\#(number + 2)},"#
            + #""contentChanges":[\#(change)]}"#)
        _ = server.work()
      }
      let completed = clock.measure {
        _ = send(&server, #""id":2,"method":"textDocument/completion","params":\#(place)"#)
      }
      checks.append(checked / .milliseconds(1))
      completions.append(completed / .milliseconds(1))
    }
    return "a key in \(lines.count) lines        problems after \(Self.shown(checks)) ms, "
      + "completion \(Self.shown(completions)) ms (half of the keys, and 99 of 100); "
      + "the server waits \(LanguageSession.pauseMilliseconds) ms for the next key first"
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
