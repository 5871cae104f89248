import Testing

@testable import Text

@Suite struct DelimitedRecordsTests {
  private func records(_ text: String, separator: Character? = ";") -> [String] {
    let bytes = Array(text.utf8)
    return DelimitedRecords.ranges(in: bytes, separator: separator?.asciiValue)
      .map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  @Test func `lines are records, whatever ends them, and blank ones are none`() {
    #expect(records("a;b\r\nc;d\n\ne;f\rg") == ["a;b", "c;d", "e;f", "g"])
    #expect(records("") == [] && records("\r\n\r\n") == [])
    #expect(records("\u{FEFF}a;b\n") == ["a;b"])
  }

  @Test func `a line end in quotes ends no record`() {
    #expect(records("1;\"a\nb\";c\n2;x") == ["1;\"a\nb\";c", "2;x"])
    #expect(records("1;\"a \"\"b\"\"\n\"\n2") == ["1;\"a \"\"b\"\"\n\"", "2"])
    #expect(records("1;5\" tube\n2;x") == ["1;5\" tube", "2;x"])
    #expect(records("1;\"never closed\n2") == ["1;\"never closed\n2"])
    #expect(records("1;\"a\nb\"", separator: nil) == ["1;\"a", "b\""])
  }
}
