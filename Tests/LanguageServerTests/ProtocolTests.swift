import LanguageServer
import Testing
import Text

/// How the server begins, ends, and takes what it doesn't expect.
@Suite struct ProtocolTests {
  private func code(_ messages: [JSONDocument]) -> Int? {
    messages.first?.root["error"]?["code"]?.number.flatMap { Int($0) }
  }

  @Test func `it begins with initialize and ends with shutdown and exit`() throws {
    let editor = try Editor(initialized: false)
    #expect(code(try editor.receive(#"{"jsonrpc":"2.0","id":1,"method":"textDocument/hover"}"#)) == -32_002)
    let first = try editor.ask("initialize", #"{"capabilities": {}}"#)
    #expect(first["capabilities"]?["hoverProvider"]?.boolean == true)
    #expect(try editor.answer("initialize", "{}")["error"]?["code"]?.number == "-32600")
    #expect(try editor.ask("shutdown", "{}").kind == .null)
    #expect(code(try editor.receive(#"{"jsonrpc":"2.0","id":"x","method":"textDocument/hover"}"#)) == -32_600)
    #expect(editor.server.exitCode == nil)
    try editor.tell("exit", "{}")
    #expect(editor.server.exitCode == 0)
  }

  @Test func `an exit without a shutdown is none in order`() throws {
    let editor = try Editor()
    try editor.tell("exit", "null")
    #expect(editor.server.exitCode == 1)
  }

  @Test func `what is malformed is answered and changes nothing`() throws {
    let editor = try Editor()
    try editor.open("t.hilt", "transform t\n")
    let bad: [(String, Int?)] = [
      ("{", -32_700), ("", -32_700), ("[]", -32_600), ("\"x\"", -32_600), (#"{"jsonrpc":"2.0"}"#, -32_600),
      (#"{"jsonrpc":"2.0","id":1}"#, -32_600), (#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32_600),
      (#"{"jsonrpc":"2.0","id":{},"method":"x"}"#, -32_600), (#"{"jsonrpc":"2.0","id":1.5,"method":"x"}"#, -32_600),
      (#"{"jsonrpc":"2.0","id":1,"method":"nothing/there"}"#, -32_601),
      (#"{"jsonrpc":"2.0","id":1,"method":"textDocument/hover"}"#, -32_602),
      (
        #"{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///no"}}}"#,
        -32_602
      ),
      (
        #"{"jsonrpc":"2.0","id":1,"method":"workspace/executeCommand","params":{"command":"rm","arguments":[1]}}"#,
        -32_602
      ),
      (#"{"jsonrpc":"2.0","method":"nothing/there"}"#, nil),
      (#"{"jsonrpc":"2.0","method":"textDocument/didChange"}"#, nil),
      (#"{"jsonrpc":"2.0","id":1,"result":null}"#, nil),
      (#"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":[]}"#, nil),
    ]
    for (text, expected) in bad { #expect(code(try editor.receive(text)) == expected, "\(text)") }
    let deep = String(repeating: "[", count: 100_000)
    #expect(code(try editor.receive(deep)) == -32_700)
    for position in [
      #"{"line": -1, "character": 0}"#, #"{"line": "a"}"#, "7", #"{"line": 99999999999999999999, "character": 0}"#,
    ] {
      let answer = try editor.answer("textDocument/hover", editor.of("t.hilt", #", "position": \#(position)"#))
      #expect(answer["error"]?["code"]?.number == "-32602", "\(position)")
    }
    #expect(try editor.answer("textDocument/hover", editor.place("t.hilt", "tran‸"))["result"] != nil)
  }

  @Test func `what is malformed is never repeated`() throws {
    let editor = try Editor()
    let messages = try editor.receive(#"{"jsonrpc": "2.0", "params": {"text": "PID|1||SECRET"},,}"#)
    let text = String(decoding: messages.first?.bytes ?? [], as: UTF8.self)
    #expect(text.contains("-32700") && !text.contains("SECRET"))
  }

  @Test func `a request that was taken back is answered so`() throws {
    let editor = try Editor()
    let messages = try editor.receive(#"{"jsonrpc":"2.0","id":7,"method":"shutdown"}"#, isCancelled: true)
    #expect(code(messages) == -32_800)
    #expect(try editor.ask("shutdown", "{}").kind == .null)
  }

  @Test func `half of a character keeps the places behind it`() throws {
    let editor = try Editor()
    try editor.open("t.hilt", "transform t\n  in hl7 2.5.1\n\nnote \"\"\nemit msg\n")
    func change(_ start: Int, _ end: Int, _ text: String) throws {
      let range = #"{"start": {"line": 3, "character": \#(start)}, "end": {"line": 3, "character": \#(end)}}"#
      let change = #"{"range": \#(range), "text": "\#(text)"}"#
      try editor.tell("textDocument/didChange", editor.of("t.hilt", #", "contentChanges": [\#(change)]"#))
    }
    try change(6, 6, #"\ud83d{PID-3}\ude00x"#)
    #expect(try editor.problems()["t.hilt"]?.first?.hasPrefix("4:9-4:14 E120") == true)
    // The halves go, the rest stays.
    try change(6, 7, "")
    try change(13, 14, "")
    try change(12, 12, "[1].1")
    #expect(try editor.problems() == ["t.hilt": []])
  }

  @Test func `the newest text is the one that is checked, once`() throws {
    let editor = try Editor()
    try editor.open("t.hilt", "transform t\n")
    for number in 0..<50 { try editor.change("t.hilt", "transform t\nnote \"\(number)\n") }
    try editor.change("t.hilt", "transform t\n  in hl7 2.5.1\n\nemit msg\n")
    #expect(editor.server.hasWork)
    #expect(try editor.problems() == ["t.hilt": []])
    #expect(!editor.server.hasWork && editor.server.work().isEmpty)
  }

  @Test func `any text cut anywhere is answered for`() throws {
    let editor = try Editor()
    let text = """
      transform t
        in hl7 2.3..2.5.1 ORU_R01
        out hl7 2.5.1
        import "lib/names.hilt" as names
      table sex from "sex.csv" key local value hl7 default "U"
      fn whole(n: XPN) -> text = "{n.2} {n.1.1}"
      let out = copy msg
      for order, i in each OBR where order.OBR-4.1 is valued {
        out.PID-5[1] = XPN { 1.1: upper(order.OBX[1]-5[1]), 2: "ü{i}" }   # c
      }
      if PID-8 in ["M", "F"] { note whole(PID-5[where .7 == "L"]) } else { note sex["a"] catch "x" }
      emit out to "ehr"

      """
    try editor.write("sex.csv", "local,hl7\na,b\n")
    let whole = TextDocument(text)
    for end in stride(from: 0, through: whole.bytes.count, by: 7) {
      let cut = String(decoding: whole.bytes[..<end], as: UTF8.self)
      let name = "t.hilt"
      try editor.open(name, cut)
      for method in ["completion", "hover", "definition", "signatureHelp", "references", "documentHighlight"] {
        _ = try editor.answer("textDocument/\(method)", editor.place(name, cut))
      }
      for method in ["documentSymbol", "inlayHint", "formatting", "codeAction"] {
        _ = try editor.answer("textDocument/\(method)", editor.of(name))
      }
      _ = try editor.answer("textDocument/rename", editor.place(name, cut, #", "newName": "b""#))
      _ = try editor.problems()
    }
  }
}
