import Foundation
import Testing
import Text

/// Names: where they are given, used and changed; and what a place means.
@Suite struct NameTests {
  static let program = """
    transform t
      in  hl7 2.5.1 ORU_R01
      out hl7 2.5.1
      import "lib/names.hilt"
      import "lib/more.hilt" as more
      param place: text = "P"

    table wards from "codes/wards.csv" key ward value pas default "X"
    const hub = "HUB"
    fn twice(n) = "{n}{n}"

    let out = copy msg
    for o, i in out.each OBR where o.OBR-4.1 is valued {
      let name = "{i} {hub}"
      note name
      o.OBR-2 = EI { 1: whole(PID-5[1]), 2: twice(n: more.short(name)) }
    }
    note wards["W2"]
    note place
    emit out

    """

  private func editor() throws -> Editor {
    let editor = try Editor()
    try editor.write("lib/names.hilt", "library names\n\nfn whole(n: XPN) = n.2\n")
    try editor.write("lib/more.hilt", "library more\n\nfn short(x) = left(x, 2)\n")
    try editor.write("codes/wards.csv", "ward,pas\nW1,a\nW2,b\n")
    try editor.write(
      "other.hilt", "transform other\n  in hl7 2.5.1\n  import \"lib/names.hilt\"\n\nnote whole(PID-5[1])\nemit msg\n")
    try editor.write("t.hilt", Self.program)
    try editor.open("t.hilt", Self.program)
    let problems = try editor.problems()
    #expect(problems == ["t.hilt": []], "\(problems)")
    return editor
  }

  /// A place of the program by what stands around it.
  private func at(_ marked: String) -> String {
    let plain = marked.replacing("‸", with: "")
    guard let range = Self.program.firstRange(of: plain) else { return "" }
    let inner = marked.prefix { $0 != "‸" }.count
    var text = Self.program
    text.insert("‸", at: text.index(range.lowerBound, offsetBy: inner))
    return text
  }

  private func definition(_ editor: Editor, _ marked: String) throws -> String {
    let found = try editor.ask("textDocument/definition", "t.hilt", at: at(marked))
    let file = found["uri"]?.text.flatMap { FileAddressName.name($0, editor) } ?? "nothing"
    return found.kind == .null ? "nothing" : "\(file) \(Editor.range(found))"
  }

  @Test func `a definition is found in the file, in a library, in a table`() throws {
    let editor = try editor()
    #expect(try definition(editor, "note na‸me") == "t.hilt 14:7-14:11")
    #expect(try definition(editor, "{h‸ub}") == "t.hilt 9:7-9:10")
    #expect(try definition(editor, "1: who‸le(") == "lib/names.hilt 3:4-3:9")
    #expect(try definition(editor, "more.sho‸rt(") == "lib/more.hilt 3:4-3:9")
    #expect(try definition(editor, "note pla‸ce") == "t.hilt 6:9-6:14")
    #expect(try definition(editor, "[\"W‸2\"]") == "codes/wards.csv 3:1-3:5")
    #expect(try definition(editor, "\"lib/na‸mes.hilt\"") == "lib/names.hilt 1:1-1:1")
    #expect(try definition(editor, "PID‸-5") == "nothing")
  }

  @Test func `a file that is open is called as the editor calls it`() throws {
    let editor = try editor()
    let address = editor.address("lib/names.hilt").replacing("names.hilt", with: "names%2Ehilt")
    try editor.tell(
      "textDocument/didOpen",
      #"{"textDocument": {"uri": "\#(address)", "languageId": "hilt", "version": 1, "text": "library names\n"}}"#)
    let found = try editor.ask("textDocument/definition", "t.hilt", at: at("\"lib/na‸mes.hilt\""))
    #expect(found["uri"]?.text == address)
  }

  @Test func `uses are all there are, texts and loops included`() throws {
    let editor = try editor()
    let found = try editor.ask(
      "textDocument/references", "t.hilt", at: at("let na‸me"), #", "context": {"includeDeclaration": true}"#)
    #expect(found.elements.map { Editor.range($0) } == ["14:7-14:11", "15:8-15:12", "16:61-16:65"])
    let marks = try editor.ask("textDocument/documentHighlight", "t.hilt", at: at("for ‸o, i"))
    #expect(marks.count == 3)
    // A library's names are used by other programs as well.
    let shared = try editor.ask(
      "textDocument/references", "t.hilt", at: at("1: who‸le("), #", "context": {"includeDeclaration": false}"#)
    let files = shared.elements.compactMap { $0["uri"]?.text.flatMap { FileAddressName.name($0, editor) } }
    #expect(files.sorted() == ["other.hilt", "t.hilt"])
  }

  @Test func `a name is changed wherever it stands`() throws {
    let editor = try editor()
    func renamed(_ marked: String, _ new: String) throws -> [String: String] {
      let edit = try editor.ask("textDocument/rename", "t.hilt", at: at(marked), #", "newName": "\#(new)""#)
      let other = "transform other\n  in hl7 2.5.1\n  import \"lib/names.hilt\"\n\nnote whole(PID-5[1])\nemit msg\n"
      return try editor.applied(
        edit,
        to: [
          "t.hilt": Self.program, "other.hilt": other, "lib/names.hilt": "library names\n\nfn whole(n: XPN) = n.2\n",
        ])
    }
    let variable = try #require(try renamed("let na‸me", "label")["t.hilt"])
    #expect(variable.contains("let label = ") && variable.contains("note label\n") && variable.contains("short(label)"))
    let argument = try #require(try renamed("twice(‸n)", "value")["t.hilt"])
    #expect(argument.contains("fn twice(value) = \"{value}{value}\"") && argument.contains("twice(value: more"))
    let table = try #require(try renamed("table wa‸rds", "places")["t.hilt"])
    #expect(table.contains("table places from") && table.contains("note places[\"W2\"]"))
    let shared = try renamed("1: who‸le(", "entire")
    #expect(
      shared["lib/names.hilt"]?.contains("fn entire(") == true && shared["other.hilt"]?.contains("entire(PID") == true)
    #expect(shared["t.hilt"]?.contains("1: entire(PID-5[1])") == true)
  }

  @Test func `a new name that means something already is refused`() throws {
    let editor = try editor()
    func refusal(_ marked: String, _ new: String) throws -> String? {
      try editor.answer("textDocument/rename", editor.place("t.hilt", at(marked), #", "newName": "\#(new)""#))[
        "error"]?["message"]?.text
    }
    #expect(try refusal("let na‸me", "hub")?.contains("has a meaning already") == true)
    #expect(try refusal("let na‸me", "Label")?.contains("can't be a name") == true)
    #expect(try refusal("let na‸me", "where")?.contains("can't be a name") == true)
    #expect(try refusal("fn twi‸ce", "upper")?.contains("function of the language") == true)
    #expect(try refusal("PI‸D-5", "label")?.contains("only names") == true)
    try editor.change("t.hilt", Self.program + "let x = \n")
    #expect(try refusal("let na‸me", "label")?.hasPrefix("mend E102 in line 2") == true)
  }

  @Test func `a library's name keeps its meaning in every program, or the new one is refused`() throws {
    let editor = try editor()
    func refusal(_ marked: String, _ new: String) throws -> String? {
      try editor.answer("textDocument/rename", editor.place("t.hilt", at(marked), #", "newName": "\#(new)""#))[
        "error"]?["message"]?.text
    }
    // A function of the other program would go before the library's.
    let own = "transform other\n  in hl7 2.5.1\n  import \"lib/names.hilt\"\n\nfn entire(n) = n.1\n\n"
    try editor.write("other.hilt", own + "note whole(PID-5[1])\nnote entire(PID-3[1])\nemit msg\n")
    #expect(try refusal("1: who‸le(", "entire")?.hasPrefix("other.hilt: 'entire' would be a function of") == true)
    #expect(try refusal("1: who‸le(", "complete") == nil)
    // A constant of a program that doesn't even use the library's name.
    try editor.write(
      "lib/names.hilt", "library names\n\nconst hospital = \"H\"\nfn whole(n: XPN) = \"{n.2}{hospital}\"\n")
    try editor.write("other.hilt", own + "const ward = \"W\"\nnote \"{ward}{entire(PID-3[1])}\"\nemit msg\n")
    let library = "library names\n\nconst hospi‸tal = \"H\"\nfn whole(n: XPN) = \"{n.2}{hospital}\"\n"
    try editor.open("lib/names.hilt", library)
    let said = try editor.answer(
      "textDocument/rename", editor.place("lib/names.hilt", library, #", "newName": "ward""#))
    #expect(
      said["error"]?["message"]?.text?.contains("other.hilt:") == true, "\(said["error"]?["message"]?.text ?? "")")
    // What can't be read may use it.
    try editor.write("other.hilt", own + "note (whole(PID-5[1])\nemit msg\n")
    #expect(try refusal("1: who‸le(", "complete")?.hasPrefix("mend E102 in other.hilt:") == true)
  }

  @Test func `an outline has what the file declares`() throws {
    let editor = try editor()
    let outline = try editor.ask("textDocument/documentSymbol", editor.of("t.hilt"))
    let root = try #require(outline.elements.first { _ in true })
    #expect(root["name"]?.text == "t")
    let names = root["children"]?.elements.compactMap { $0["name"]?.text }
    #expect(names == ["more", "place", "wards", "hub", "twice(n)", "out", "o", "name"])
  }

  @Test func `a place says what it means, and what it is in the sample`() throws {
    let editor = try Editor()
    try editor.write("t.tests/one/in.hl7", Samples.admission)
    let head = "transform t\n  in  hl7 2.5.1\n  out hl7 2.5.1\n\n"
    let field = try editor.hover(head + "note PID-‸7\nemit msg\n")
    #expect(
      field.contains("**PID-7**") && field.contains("TS, 0..1") && field.contains("`19800229` in the sample one"),
      "\(field)")
    let component = try editor.hover(head + "note PID-5[1].1.‸1\nemit msg\n")
    #expect(component.contains("surname, ST") && component.contains("`Müller`"), "\(component)")
    let table = try editor.hover(head + "let out = copy msg\nout.PV1-‸2 = \"I\"\nemit out\n")
    #expect(table.contains("Table 0004"), "\(table)")
    let name = try editor.hover(head + "let born = PID-7\nnote bo‸rn\nemit msg\n")
    #expect(
      name.contains("**born** (a value)") && name.contains("PID-7") && name.contains("`19800229` in the sample one"),
      "\(name)")
    #expect(try editor.hover(head + "note upp‸er(PID-8)\nemit msg\n").contains("`upper(text)`"))
    #expect(
      try editor.hover(head + "if an‸y x in PID-3[*] where x.1 == \"a\" { }\nemit msg\n").contains("any x in list"))
    #expect(try editor.hover(head + "‸note \"x\"\nemit msg\n").isEmpty)
    // What comes from a message is no markup.
    try editor.write("t.tests/one/in.hl7", Samples.admission.replacing("Anna", with: "`*a*`<b>"))
    #expect(try editor.hover(head + "note PID-5[1].‸2\nemit msg\n").contains("`` `*a*`<b> `` in the sample"))
  }

  @Test func `each line shows what it gives for the sample and the turn that are chosen`() throws {
    let editor = try Editor()
    let text = """
      transform t
        in hl7 2.5.1

      for id, i in PID-3[*] {
        note "{i}: {id.1}"
      }
      let family = PID-5[1].1.1
      emit msg

      """
    try editor.write("t.hilt", text)
    try editor.write("t.tests/a/in.hl7", Samples.admission)
    try editor.write("t.tests/b/in.hl7", Samples.admission.replacing("Müller", with: "Meier"))
    try editor.open("t.hilt", text)
    func hints() throws -> [String] {
      try editor.ask("textDocument/inlayHint", editor.of("t.hilt")).elements.map { hint in
        let line = Int(hint["position"]?["line"]?.number ?? "") ?? -1
        return "\(line + 1) \(hint["label"]?.text ?? "")"
      }
    }
    #expect(
      try hints() == [
        "1 sample a: routed, 1 emitted", "5 = \"2: 999\"  (2 times)", "7 = Müller", "8 = \"to every destination\"",
      ])
    _ = try editor.ask(
      "workspace/executeCommand",
      #"{"command": "hilum.chooseTurn", "arguments": ["\#(editor.address("t.hilt"))", "1"]}"#)
    #expect(try hints()[1] == "5 = \"1: 123\"  (2 times)")
    let samples = try editor.ask(
      "workspace/executeCommand", #"{"command": "hilum.samples", "arguments": ["\#(editor.address("t.hilt"))"]}"#)
    #expect(samples.elements.compactMap(\.text) == ["a", "b"])
    _ = try editor.ask(
      "workspace/executeCommand",
      #"{"command": "hilum.chooseSample", "arguments": ["\#(editor.address("t.hilt"))", "b"]}"#)
    #expect(try hints()[2] == "7 = Meier" && editor.said.last?.root["method"]?.text == "workspace/inlayHint/refresh")
    // What is typed counts, saved or not.
    try editor.change("t.hilt", text.replacing("PID-5[1].1.1", with: "upper(PID-5[1].1.1)"))
    #expect(try hints()[2] == "7 = \"MEIER\"")
    try editor.change("t.hilt", text.replacing("emit msg", with: "emit nothing"))
    #expect(try hints().isEmpty)
  }

  @Test func `a run that fails says where`() throws {
    let editor = try Editor()
    try editor.write("t.tests/a/in.hl7", Samples.admission)
    let text = "transform t\n  in hl7 2.5.1\n\nrequire PID-3[9] is valued else fail \"no ninth\"\nemit msg\n"
    try editor.open("t.hilt", text)
    let hints = try editor.ask("textDocument/inlayHint", editor.of("t.hilt")).elements.compactMap { $0["label"]?.text }
    #expect(hints == ["sample a: failed: no ninth", "✗ no ninth"])
  }
}

enum FileAddressName {
  /// The name of a file in the editor's folder.
  static func name(_ address: String, _ editor: Editor) -> String? {
    address.removingPercentEncoding.map { String($0.dropFirst("file://".count + editor.folder.count + 1)) }
  }
}
