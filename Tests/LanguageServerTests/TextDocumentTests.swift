import LanguageServer
import Messages
import Testing

@Suite struct TextDocumentTests {
  typealias Position = TextDocument.Position

  @Test func `places are lines and units of UTF-16, whatever ends a line`() {
    let text = "a\r\nbü𝄞c\n\rlast"
    let document = TextDocument(text)
    #expect(document.lineCount == 4)
    // Of two units the second is no place of its own.
    let places = [(0, 0, 0), (0, 1, 1), (0, 9, 1), (1, 0, 3), (1, 2, 6), (1, 3, 6), (1, 4, 10), (2, 0, 12), (3, 2, 15)]
    for (line, character, offset) in places {
      #expect(document.offset(of: Position(line: line, character: character)) == offset, "\(line):\(character)")
    }
    #expect(document.offset(of: Position(line: 99, character: 1)) == document.bytes.count)
    for offset in [0, 1, 3, 4, 6, 10, 11, 12, 13, 17] {
      let position = document.position(of: offset)
      #expect(document.offset(of: position) == offset, "\(offset) is \(position)")
    }
  }

  @Test func `changes give the text that an editor has`() {
    var document = TextDocument("let a = 1\nemit out\n")
    document.replace(Position(line: 0, character: 4), Position(line: 0, character: 5), with: "bü", version: 2)
    document.replace(Position(line: 1, character: 0), Position(line: 2, character: 0), with: "", version: 3)
    #expect(document.text == "let bü = 1\n")
    document.replace(Position(line: 9, character: 0), Position(line: 1, character: 7), with: "x", version: 4)
    #expect(document.text == "let bü = 1\nx" && document.version == 4)
  }

  @Test func `a problem's place is found by its characters`() {
    let document = TextDocument("# e\u{301}\u{301} 𝄞 x\r\ny")
    #expect(document.range(of: Place(file: "", line: 1, column: 7, length: 1)) == 13..<14)
    #expect(document.range(of: Place(file: "", line: 2, column: 1, length: 9)) == 16..<17)
    #expect(document.range(of: Place(file: "", line: 7, column: 3, length: 9)) == 17..<17)
  }

  @Test func `addresses name files with any signs`() {
    for path in ["/a/b c.hilt", "/ä/%41.hilt", "/x#y?z:.hilt"] {
      #expect(FileAddress.path(FileAddress.address(path)) == path)
    }
    #expect(FileAddress.address("/a b") == "file:///a%20b")
    #expect(FileAddress.path("file://localhost/a%3Ab") == "/a:b")
    #expect(FileAddress.path("untitled:Untitled-1") == nil && FileAddress.path("file://other/a") == nil)
  }
}
