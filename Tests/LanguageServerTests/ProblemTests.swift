import Foundation
import Hilt
@testable import LanguageServer
import Messages
import Testing
import Text

/// Problems, and what mends them.
@Suite struct ProblemTests {
  static let head = "transform t\n  in  hl7 2.5.1\n  out hl7 2.5.1\n\n"

  @Test func `problems have the codes, places and help of the checker`() throws {
    let editor = try Editor()
    let text =
      Self.head
      + "let out = copy msg\nout.PID-40 = \"ü𝄞\"\nout.PID-3 = \"ü𝄞{PID-3}\"\nlet a = number(PID-1)\nemit out\n"
    try editor.open("t.hilt", text)
    let shown = try #require(try editor.problems()["t.hilt"])
    let (_, problems) = HiltProgram.compile(text, file: "t.hilt")
    #expect(shown.count == problems.count && shown.count >= 4)
    for problem in problems {
      let found = shown.first {
        $0.contains(" \(problem.code) \(problem.message)") && $0.hasPrefix("\(problem.place.line):")
      }
      #expect(found != nil, "\(problem)")
      for help in problem.help { #expect(found?.contains(help) == true, "\(problem)") }
    }
    #expect(shown.contains { $0.hasPrefix("6:1-6:11 E201 PID has no field 40") })
    // The text before it has two signs, of which one is two units.
    #expect(shown.contains { $0.hasPrefix("7:18-7:23 E120 ") }, "\(shown)")
  }

  @Test func `what is open in the editor is what is checked, libraries too`() throws {
    let editor = try Editor()
    try editor.write("lib/names.hilt", "library names\n\nfn other(n) = n.1\n")
    let text = "transform t\n  in hl7 2.5.1\n  import \"lib/names.hilt\"\n\nnote whole(PID-5[1])\nemit msg\n"
    try editor.open("t.hilt", text)
    #expect(try editor.problems()["t.hilt"]?.first?.contains("E113") == true)
    try editor.open("lib/names.hilt", "library names\n\nfn whole(n: XPN) = n.2\n")
    #expect(try editor.problems() == ["t.hilt": [], "lib/names.hilt": []])
    // A mistake in the library is shown where it is, and where the program names it.
    try editor.change("lib/names.hilt", "library names\n\nfn whole(n: XPN) = n.99\n")
    let found = try editor.problems()
    #expect(found["lib/names.hilt"]?.first?.hasPrefix("3:20-3:24 E201") == true, "\(found)")
    #expect(found["t.hilt"]?.first?.hasPrefix("3:10-3:26 E201 lib/names.hilt:3:20: ") == true, "\(found)")
    // Closed again, the file on the disk counts.
    try editor.tell("textDocument/didClose", editor.of("lib/names.hilt"))
    #expect(try editor.problems()["t.hilt"]?.contains { $0.contains("E113") } == true)
  }

  @Test func `tables and profiles are read from beside the program, and once more when they change`() throws {
    let editor = try Editor()
    try editor.open(
      "in/t.hilt",
      "transform t\n  in hl7 2.5.1\n\n"
        + "table sex from \"codes/sex.csv\" key a value b default \"U\"\nnote sex[PID-8]\nemit msg\n"
    )
    let missing = try #require(try editor.problems()["in/t.hilt"])
    #expect(missing.count == 1 && missing[0].hasPrefix("4:16-4:31 E501"), "\(missing)")
    try editor.write("in/codes/sex.csv", "a,b\nM,m\nM,n\n")
    try editor.tell("workspace/didChangeWatchedFiles", #"{"changes": []}"#)
    #expect(editor.said.last?.root["method"]?.text == "workspace/inlayHint/refresh")
    let twice = try #require(try editor.problems()["in/t.hilt"])
    #expect(twice.count == 1 && twice[0].contains("E503 in/codes/sex.csv:3:1"), "\(twice)")
  }

  @Test func `mends are offered where the problem is, and all at once`() throws {
    let editor = try Editor()
    let text = Self.head + "let out = copy msg\nlet count = 2\nif PID-8 = \"M\" { note \"{count-1}\" }\nemit out\n"
    try editor.open("t.hilt", text)
    let range =
      #", "range": {"start": {"line": 6, "character": 9}, "end": {"line": 6, "character": 9}}"#
      + #", "context": {"diagnostics": []}"#
    let actions = Array(try editor.ask("textDocument/codeAction", editor.of("t.hilt", range)).elements)
    let titles = actions.compactMap { $0["title"]?.text }
    #expect(titles.first == "Write == (E102)" && titles.contains("Explain E102"), "\(titles)")
    let mended = try editor.applied(actions.first?["edit"], to: ["t.hilt": text])
    #expect(mended["t.hilt"]?.contains("if PID-8 == \"M\"") == true)
    let all = try #require(actions.first { $0["kind"]?.text == "source.fixAll.hilum" })
    let whole = try #require(try editor.applied(all["edit"], to: ["t.hilt": text])["t.hilt"])
    #expect(
      whole.contains("PID-8 == \"M\"")
        && HiltProgram.compile(whole, file: "t.hilt").problems.filter { $0.fix != nil }.isEmpty, "\(whole)")
    let only = try editor.ask("textDocument/codeAction", editor.of("t.hilt", #", "context": {"only": ["refactor"]}"#))
    #expect(only.count == 0)
  }

  @Test func `a code leads to its page`() throws {
    let editor = try Editor()
    try editor.open("t.hilt", Self.head + "emit nothing\n")
    let message = try #require(editor.server.work().first)
    let diagnostic = try #require(
      try JSONDocument(message).root["params"]?["diagnostics"]?.elements.first { _ in true })
    let address = try #require(diagnostic["codeDescription"]?["href"]?.text)
    let path = try #require(FileAddress.path(address))
    #expect(String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self).hasPrefix("# E111"))
    let page = try editor.ask("workspace/executeCommand", #"{"command": "hilum.explain", "arguments": ["e111"]}"#)
    #expect(page.text?.hasPrefix("# E111") == true)
    #expect(editor.said.last?.root["method"]?.text == "window/showDocument")
    let bad = try editor.answer("workspace/executeCommand", #"{"command": "hilum.explain", "arguments": ["E999"]}"#)
    #expect(bad["error"]?["message"]?.text == "there is no code E999")
  }

  @Test func `channel files have the problems of the checker`() throws {
    let editor = try Editor()
    try editor.write("Transforms/t.hilt", Self.head + "emit msg\n")
    let text = """
      channel: a
      source: {mllp: {port: 2575}}
      transform: ../Transforms/t.hilt
      destinations:
        out: {file: {directry: out}}
      """
    try editor.open("Channels/a.yaml", text, language: "yaml")
    let found = try #require(try editor.problems()["Channels/a.yaml"])
    #expect(found.contains { $0.hasPrefix("5:16-5:24 ") && $0.contains("directory") }, "\(found)")
    // What is open counts for a channel's transform as well.
    try editor.open("Transforms/t.hilt", Self.head + "emit none_such\n")
    #expect(try editor.problems()["Channels/a.yaml"]?.contains { $0.contains("E111") } == true)
    try editor.open("other.yaml", "a: b\n", language: "yaml")
    #expect(try editor.problems()["other.yaml"] == [])
  }

  @Test func `the layout is that of fmt, in one small change`() throws {
    let editor = try Editor()
    let text = Self.head + "let out=copy msg\nemit out\n"
    try editor.open("t.hilt", text)
    let edits = try editor.ask("textDocument/formatting", editor.of("t.hilt", #", "options": {}"#))
    #expect(edits.count == 1)
    let edit = try #require(edits.elements.first { _ in true })
    #expect(Editor.range(edit) == "5:1-6:1" && edit["newText"]?.text == "let out = copy msg\n")
    try editor.open("t.hilt", Self.head + "emit msg\n")
    #expect(try editor.ask("textDocument/formatting", editor.of("t.hilt")).count == 0)
    try editor.open("t.hilt", "note \"open\n")
    #expect(try editor.ask("textDocument/formatting", editor.of("t.hilt")).count == 0)
  }

  @Test func `a text that grows at its beginning is changed there`() throws {
    let old = TextDocument("emit msg\n")
    let change = try #require(Workspace(channels: nil).replacement(of: old, with: "note \"x\" emit msg\n"))
    let range = #"{"start":{"line":0,"character":0},"end":{"line":0,"character":0}}"#
    #expect(
      String(decoding: change.bytes, as: UTF8.self) == #"{"range":\#(range),"newText":"note \"x\" "}"#, "\(change)")
  }

  @Test func `a parameter has the value of the sample, as it has one in a channel`() throws {
    let editor = try Editor()
    let text = "transform t\n  in hl7 2.5.1\n  param place: text\n\nnote place\nemit msg\n"
    try editor.write("t.hilt", text)
    try editor.open("t.hilt", text)
    #expect(try editor.problems()["t.hilt"]?.first?.contains("E160") == true)
    try editor.write("t.tests/one/in.hl7", Samples.admission)
    try editor.write("t.tests/one/params.yaml", "parameters: {place: north, other: x}\n")
    try editor.tell("textDocument/didSave", editor.of("t.hilt"))
    #expect(try editor.problems()["t.hilt"] == [])
    let hints = try editor.ask("textDocument/inlayHint", editor.of("t.hilt"))
    let labels = hints.elements.compactMap { $0["label"]?.text }
    #expect(labels.contains("= \"north\""), "\(labels)")
  }
}

enum Samples {
  static let admission = """
    MSH|^~\\&|PAS|RXX|EHR|RXX|20240229103000||ADT^A01^ADT_A01|1|P|2.5.1
    EVN|A01|20240229103000
    PID|1||123^^^RXX^MR~999^^^NHS^NH||Müller^Anna||19800229|F
    PV1|1|I|W1

    """
}
