import Testing
import Text

@Suite struct CharacterSetTests {
  @Test func `every byte that a single-byte set has comes back as the same byte`() throws {
    for charset in Charset.allCases where charset != .utf8 && charset != .eucJP && charset != .eucKR {
      var known = 0
      for byte in UInt8.min...UInt8.max {
        guard let text = try? charset.decode([byte]) else { continue }
        known += 1
        #expect(try charset.encode(text) == [byte], "\(charset.name), byte \(byte)")
      }
      #expect(known >= (charset == .ascii ? 128 : 200), "\(charset.name) knows \(known) bytes")
    }
  }

  @Test(
    arguments: [
      (Charset.iso8859Part1, [0xE9], "é"), (.iso8859Part2, [0xB1], "ą"), (.iso8859Part5, [0xD6], "ж"),
      (.iso8859Part7, [0xE1], "α"),
      (.iso8859Part9, [0xFE], "ş"), (.iso8859Part15, [0xA4], "€"), (.windows1252, [0x80, 0x93, 0x99], "€“™"),
      (.windows1250, [0x9C], "ś"), (.windows1251, [0xC6], "Ж"), (.windows1257, [0xE0], "ą"),
      (.cp437, [0x81, 0xE1], "üß"),
      (.cp850, [0x84], "ä"), (.eucKR, [0xB0, 0xA1, 0x41], "가A"), (.eucJP, [0xC6, 0xFC], "日"),
      (.utf8, [0xE2, 0x82, 0xAC], "€"), (.ascii, [0x41], "A"),
    ] as [(Charset, [UInt8], String)]) func `known bytes are known characters`(
      charset: Charset, bytes: [UInt8], text: String
    ) throws
  {
    #expect(try charset.decode(bytes[...]) == text)
    #expect(try charset.encode(text) == bytes)
  }

  @Test func `the first bad byte is named`() {
    let cases: [(Charset, [UInt8], Int)] = [
      (.utf8, [0x41, 0xC3], 1), (.utf8, [0xC3, 0xA9, 0xFF, 0x41], 2), (.utf8, [0xE2, 0x82], 0),
      (.utf8, [0xC0, 0x80], 0),
      (.utf8, [0x41, 0xED, 0xA0, 0x80], 1), (.utf8, [0xF4, 0x90, 0x80, 0x80], 0), (.ascii, [0x41, 0x42, 0xE9], 2),
      (.windows1252, [0x80, 0x81], 1), (.iso8859Part7, [0xD2], 0), (.eucKR, [0xB0, 0xA1, 0xFF], 2),
      (.eucJP, [0x41, 0xA4], 1),
    ]
    for (charset, bytes, offset) in cases {
      // The slice does not begin at zero: offsets count from its start.
      let error = #expect(throws: CharsetError.self) { try charset.decode(([0x20, 0x20] + bytes)[2...]) }
      #expect(error == CharsetError(kind: .undecodable, charset: charset, offset: offset), "\(charset.name)")
    }
  }

  @Test func `a character that a set lacks is an error and leaves the output as it was`() {
    for charset in [Charset.ascii, .iso8859Part1, .windows1252, .cp437, .eucKR] {
      var bytes: [UInt8] = [1, 2, 3]
      let error = #expect(throws: CharsetError.self) { try charset.encode("ab\u{1F600}c", into: &bytes) }
      #expect(error == CharsetError(kind: .unencodable, charset: charset, offset: 2), "\(charset.name)")
      #expect(bytes == [1, 2, 3])
    }
  }

  @Test func `names are taken in the spellings that people use`() {
    let spellings: [(String, Charset)] = [
      ("UTF-8", .utf8), ("utf8", .utf8), ("ISO-8859-1", .iso8859Part1), ("iso_8859-1", .iso8859Part1),
      ("latin1", .iso8859Part1),
      ("8859/1", .iso8859Part1), ("Windows-1252", .windows1252), ("cp1252", .windows1252), ("US-ASCII", .ascii),
      ("ascii", .ascii), ("ibm437", .cp437), ("cp850", .cp850), ("EUC-KR", .eucKR),
    ]
    for (name, charset) in spellings { #expect(Charset(named: name) == charset, "\(name)") }
    for name in ["", "utf-16", "utf-7", "gb18030", "big5", "shift_jis", "klingon"] {
      #expect(Charset(named: name) == nil)
    }
    for charset in Charset.allCases { #expect(Charset(named: charset.name) == charset) }
    #expect(Charset.knownNames.contains("windows-1252"))
  }

  @Test func `many threads may convert at once`() async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 {
        group.addTask {
          for _ in 0..<200 {
            guard try Charset.eucJP.decode([0xC6, 0xFC]) == "日", try Charset.iso8859Part2.decode([0xB1]) == "ą" else {
              return false
            }
          }
          return true
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }
}
