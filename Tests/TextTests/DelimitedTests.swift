import Testing
import Text

@Suite("Delimited text")
struct DelimitedTests {
  private func texts(_ text: String, separator: Character = ",") -> [[String]] {
    Delimited(Array(text.utf8), separator: separator.asciiValue ?? 0x2C).rows.map { $0.map(\.text) }
  }

  @Test("Fields stand between separators, rows between line ends of any kind")
  func rows() {
    #expect(texts("a,b\r\nc,d\ne,f\rg,h") == [["a", "b"], ["c", "d"], ["e", "f"], ["g", "h"]])
    #expect(texts("a;b,c\n", separator: ";") == [["a", "b,c"]])
  }

  @Test("A byte-order mark and blank lines are passed over")
  func blank() {
    #expect(texts("\u{FEFF}a,b\n\n\r\nc,d\n\n") == [["a", "b"], ["c", "d"]])
    #expect(texts("") == [])
    #expect(texts("\u{FEFF}") == [])
  }

  @Test("An empty field is a field, also at the end of a row and of the text")
  func empty() {
    #expect(texts("a,,c\n,\nx,") == [["a", "", "c"], ["", ""], ["x", ""]])
    #expect(texts("\"\"\n") == [[""]])
  }

  @Test("A field in quotes holds separators, line ends and doubled quotes")
  func quoted() {
    #expect(
      texts("\"a,b\",\"say \"\"no\"\"\"\n\"two\r\nlines\",x") == [["a,b", "say \"no\""], ["two\r\nlines", "x"]])
  }

  @Test("White space belongs to the field")
  func space() {
    #expect(texts(" a , b\n") == [[" a ", " b"]])
  }

  @Test("Every field knows its line and column, counted in characters")
  func places() {
    let rows = Delimited(Array("\u{FEFF}código,b\r\n\"x\ny\",\"z\"\nq".utf8)).rows
    let places = rows.map { $0.map { [$0.line, $0.column, $0.length] } }
    #expect(places == [[[1, 1, 6], [1, 8, 1]], [[2, 1, 2], [3, 4, 3]], [[4, 1, 1]]])
  }

  @Test("Mistakes are all reported, with their places")
  func mistakes() {
    let text = Delimited(Array("a\"b,c\n\"d\"e,f\ng,\"open\nto the end".utf8))
    #expect(text.mistakes.map(\.kind) == [.quoteInside, .behindQuote, .openQuote])
    #expect(text.mistakes.map { [$0.line, $0.column] } == [[1, 2], [2, 4], [3, 3]])
  }

  @Test("Bytes that are no UTF-8 are a mistake at their field")
  func notUTF8() {
    let text = Delimited([0x61, 0x2C, 0xE9, 0x0A])
    #expect(text.mistakes == [Delimited.Mistake(kind: .notUTF8, line: 1, column: 3)])
  }

  @Test("No bytes make the reader stop short or trap")
  func anything() {
    var generator = SystemRandomNumberGenerator()
    let seed = generator.next()
    var state = seed
    let alphabet = Array("a,\"\r\n\u{FEFF}é".utf8) + [0xFF, 0x00]
    for _ in 0..<2_000 {
      var bytes: [UInt8] = []
      for _ in 0..<24 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      let text = Delimited(bytes)
      let fields = text.rows.reduce(0) { $0 + $1.count }
      #expect(fields <= bytes.count + 1, "seed \(seed)")
    }
  }
}
