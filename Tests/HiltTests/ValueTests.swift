import HL7
import Testing
import Text

@testable import Hilt

@Suite("Values of the language")
struct ValueTests {
  @Test(
    "Decimals are read and written exactly",
    arguments: [
      ("0", "0"), ("-0.50", "-0.50"), ("+3", "3"), ("3.", "3"), (".5", "0.5"), ("007", "7"),
      ("999999999999999999", "999999999999999999"), ("0.000000000000000001", "0.000000000000000001"),
    ])
  func decimals(_ text: String, _ written: String) {
    #expect(Decimal(text)?.description == written)
  }

  @Test(
    "What is no decimal is none",
    arguments: [
      "", "-", ".", "1e5", "1,5", "0x10", "1.2.3", " 1", "1 ", "--1", "٣", "1000000000000000000",
    ])
  func noDecimals(_ text: String) {
    #expect(Decimal(text) == nil)
  }

  @Test(
    "Dates of ISO 8601 are read and written as they stand",
    arguments: [
      "2024", "2024-02", "2024-02-29", "2024-02-29T08:30:00Z", "2024-02-29T08:30:59.250+01:00",
      "0001-01-01T00:00:00-14:00", "9999-12-31T23:59:59.000001+05:45",
    ])
  func iso(_ text: String) {
    #expect(Stamp(iso: text)?.iso() == text)
    #expect(Stamp(iso: text)?.iso(upTo: .day) == String(text.prefix(10)))
  }

  @Test(
    "What is no such date is none",
    arguments: [
      "", "24", "0000", "2024-13", "2024-2-1", "2023-02-29", "2024-02-29T", "2024-02-29T24:00:00Z", "2024-02-29T08",
      "2024-02-29T08:30:00.Z", "2024-02-29T08:30:00+1:00", "2024-02-29 08:30", "2024-02-29T08:30:61Z", "2024-02-29Z",
      "2024-02-29T08:30:00Zx",
    ])
  func noISO(_ text: String) {
    #expect(Stamp(iso: text) == nil)
  }

  @Test("Arithmetic agrees with whole numbers, and says when it has no room")
  func arithmetic() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<500 {
      let (a, b) = (
        Int.random(in: -99_999...99_999, using: &generator), Int.random(in: -99_999...99_999, using: &generator)
      )
      #expect(Decimal.sum(Decimal(a), Decimal(b)) == Decimal(a + b))
      #expect(Decimal.product(Decimal(a), Decimal(b)) == Decimal(a * b))
      #expect((Decimal(a) < Decimal(b)) == (a < b))
      if b != 0, let quotient = Decimal.quotient(Decimal(a * b), Decimal(b)) { #expect(quotient == Decimal(a)) }
    }
    let most = Decimal("999999999999999999")
    #expect(most.flatMap { Decimal.sum($0, Decimal(1)) } == nil)
    #expect(most.flatMap { Decimal.product($0, $0) } == nil)
    #expect(Decimal.quotient(Decimal(1), Decimal(0)) == nil)
    #expect(Decimal.quotient(Decimal(2), Decimal(3))?.description == "0.666666666666666667")
    #expect(Decimal("2.50") == Decimal("2.5"))
  }

  @Test(
    "Stamps keep their precision and offset",
    arguments: [
      "1980", "198002", "20240229", "2024022910", "202402291030", "20240229103059", "20240229103059.1",
      "20240229103059.1234", "20240229103059+0100", "202402291030-0530",
    ])
  func stamps(_ text: String) {
    #expect(Stamp(hl7: text)?.hl7() == text)
  }

  @Test(
    "What no calendar has is no stamp",
    arguments: [
      "", "198", "19801", "20230229", "20241301", "20240100", "2024022924", "202402291060", "20240229103060",
      "2024-02-29",
      "20240229+9999", "20240229103059.", "20240229103059.1234567", "unknown", "00000000",
    ])
  func noStamps(_ text: String) {
    #expect(Stamp(hl7: text) == nil)
  }

  @Test("Days are counted through leap years, backwards and forwards")
  func days() {
    for days in stride(from: -719_162, through: 2_932_896, by: 997) {
      let date = CivilCalendar.civil(days: days)
      #expect(CivilCalendar.days(since1970: date.year, date.month, date.day) == days)
    }
    #expect(Stamp(milliseconds: -1).hl7() == "19691231235959.999+0000")
    #expect(Stamp(hl7: "20240228235900")?.adding(seconds: 3600)?.hl7() == "20240229005900")
    #expect(Stamp(hl7: "2024")?.adding(seconds: 60) == nil)
  }

  @Test("Which stamp is earlier is said only where it is known")
  func order() throws {
    func order(_ a: String, _ b: String) throws -> Int? {
      try #require(Stamp(hl7: a)).order(try #require(Stamp(hl7: b)))
    }
    #expect(try order("2023", "20240101") == -1)
    #expect(try order("2024", "20240101") == nil)
    #expect(try order("202401011200+0100", "202401011130+0000") == -1)
    #expect(try order("202401011200+0100", "202401011130") == nil)
    #expect(try order("20240101", "20240101") == 0)
  }

  @Test(
    "A glob takes the whole text, and never takes long",
    arguments: [
      ("*", "", true), ("a*c", "abbbc", true), ("a*c", "abbb", false), ("?", "é", true), ("??", "é", false),
      ("*a*b*", "xxaxxbxx", true), ("", "", true), ("", "a", false), ("a**b", "ab", true), ("A", "a", false),
    ])
  func glob(_ pattern: String, _ text: String, _ fits: Bool) {
    #expect(Glob(pattern).matches(text) == fits)
  }

  @Test("A copy with changes is the same, spliced or put together")
  func splice() throws {
    let bodies = [
      "with { 1: \"x\" }", "with { 9: \"x\" }", "with { 2: absent }", "with { 4.2: \"y\", 1: \"x\" }",
      "with { 4: HD { 1: \"q\" } }", "with { 5: absent, 6: absent, 7: absent }", "with { 1: null }",
      "with { 4.3: null }",
    ]
    for body in bodies {
      let plain = try emitted(body.replacing("\"x\"", with: "\"xx\""))
      if body.contains("HD") { continue }
      // The accent in what is written forces the longer way.
      let long = try emitted(
        body.replacing("}", with: ", 10: \"é\" }", maxReplacements: 1).replacing("\"x\"", with: "\"xx\""))
      #expect(long.hasPrefix(plain), "\(body): \(plain) / \(long)")
    }
  }

  private func emitted(_ body: String) throws -> String {
    let source = "transform t\n  in hl7\nlet out = copy msg\nout.PID-3 = PID-3[1] \(body)\nemit out\n"
    let (program, problems) = HiltProgram.compile(source, file: "t.hilt")
    #expect(problems == [], "\(body)")
    let message = try HL7Message(
      Array("MSH|^~\\&|A|B|C|D|20240229||ADT^A01|1|P|2.5\rPID|1||1^2^3^a&b^5^^\r".utf8))
    guard case .bytes(let bytes)? = try #require(program).run(HiltInput(message)).emitted.first?.content else {
      return ""
    }
    return String(decoding: bytes.split(separator: 0x0D)[1], as: UTF8.self)
  }
}
