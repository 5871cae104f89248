import HL7
import Testing
import Text

@Suite struct HL7CharacterSetTests {
  private func header(_ declared: String, _ name: [UInt8]) -> [UInt8] {
    Array("MSH|^~\\&|||||||ADT^A01|1|P|2.5||||||\(declared)\rPID|1||||".utf8) + name + [0x0D]
  }

  private func name(
    _ declared: String, _ bytes: [UInt8], _ options: HL7ReadingOptions = HL7ReadingOptions()
  ) throws -> String? {
    try HL7Message(header(declared, bytes), options).value(at: path("PID-5")).text
  }

  @Test func `MSH-18 decides where it is trusted`() throws {
    #expect(try name("8859/1", [0x4D, 0xFC]) == "Mü")
    #expect(try name("8859/15", [0xA4]) == "€")
    #expect(try name("8859/5", [0xB0]) == "А")
    #expect(try name("UNICODE UTF-8", Array("Mü".utf8)) == "Mü")
    #expect(try name("UNICODE", Array("Mü".utf8)) == "Mü")
    #expect(try name("KS X 1001", [0xB0, 0xA1]) == "가")
    #expect(try name("windows-1252", [0x80]) == "€")
    #expect(try name("8859/1~ISO IR87", [0xFC]) == "ü")
  }

  @Test func `the channel's set decides where MSH-18 is empty, null or ignored`() throws {
    let trust = HL7ReadingOptions(charset: .windows1252)
    let ignore = HL7ReadingOptions(charset: .windows1252, charsetDeclared: .ignore)
    #expect(try name("", [0x80], trust) == "€")
    #expect(try name("\"\"", [0x80], trust) == "€")
    #expect(try name("UNICODE UTF-8", [0x80], ignore) == "€")
    #expect(try name("8859/1", [0xFC], trust) == "ü")
  }

  @Test func `bytes that are not of the set are an error with their place`() throws {
    let bytes = header("UNICODE UTF-8", [0x4D, 0xFC, 0x6C])
    let message = try HL7Message(bytes)
    let error = #expect(throws: HL7TextError.self) { try message.value(at: path("PID-5")) }
    #expect(error?.path == HL7Path("PID-5"))
    #expect(error?.offset == bytes.firstIndex(of: 0xFC))
    #expect(error?.kind == .characters(CharsetError(kind: .undecodable, charset: .utf8, offset: 1)))
    #expect(throws: HL7TextError.self) { try name("ASCII", [0xFC]) }
    #expect(throws: HL7TextError.self) { try name("8859/7", [0xFF]) }
    // The rest of the message is read all the same.
    #expect(try message.value(at: path("MSH-9.2")) == .text("A01"))
  }

  @Test func `no replacement character is made up from any bytes`() throws {
    var generator = SeededGenerator(seed: 5)
    for charset in Charset.allCases {
      for _ in 0..<200 {
        let bytes = (0..<6).map { _ in UInt8.random(in: 0x80...0xFF, using: &generator) }
        let text = try? charset.decode(bytes[...])
        #expect(text?.unicodeScalars.contains("\u{FFFD}") != true, "seed 5, \(charset.name)")
      }
    }
  }

  @Test func `a set that is not supported is refused unless the message is ASCII`() throws {
    for declared in ["GB 18030-2000", "BIG-5", "ISO IR87", "UNICODE UTF-16", "nonsense"] {
      // A value of the sender's own is not repeated.
      let standard = declared == "nonsense" ? nil : declared
      let kind = HL7ParseError.Kind.characterSet(standard: standard)
      let error = try #require(parseError(header(declared, [0xB0, 0xA1])))
      #expect(error.kind == kind && error.field?.description == "MSH-18")
      #expect(error.description.contains("MSH-18 declares \(standard ?? "a character set that")"))
      #expect(!error.description.contains("nonsense"))
      #expect(parseError(header(declared, [0x1B, 0x24, 0x42, 0x30, 0x6C, 0x1B, 0x28, 0x42]))?.kind == kind)
      #expect(try name(declared, Array("DOE".utf8)) == "DOE")
      let ignore = HL7ReadingOptions(charset: .iso8859Part1, charsetDeclared: .ignore)
      #expect(try name(declared, [0xFC], ignore) == "ü")
    }
  }

  @Test func `table 0211 and its declarations agree`() {
    for charset in Charset.allCases {
      let declared = HL7CharacterSet.declaration(of: charset)
      #expect(HL7CharacterSet.charset(declared: declared) == charset)
    }
    #expect(HL7CharacterSet.declaration(of: .utf8) == "UNICODE UTF-8")
    #expect(HL7CharacterSet.charset(declared: "ISO IR6") == .ascii)
    #expect(HL7CharacterSet.charset(declared: "ISO IR14") == nil)
  }
}
