import ConnectorKit
import HL7
import Hilt
import Testing

@testable import Engine

@Suite("Messages that a transform does not take")
struct UnexpectedTests {
  @Test(
    "A structure takes the messages that name it, or whose event has it",
    arguments: [
      ("ADT_A01", "ADT^A01", true), ("ADT_A01", "ADT^A04", true), ("ADT_A01", "ADT^A04^ADT_A01", true),
      ("ADT_A01", "ADT^A02", false), ("ADT_A08", "ADT^A08", true), ("ADT_A08", "ADT^A04", false),
      ("ADT_A08", "ADT^A08^ADT_A01", true), ("ADT_A39", "ADT^A40^ADT_A40", true), ("ADT_*", "ADT^A40^ADT_A40", true),
      ("ADT_*", "ORU^R01", false), ("ADT_A01", "ADT", false),
    ])
  func structures(_ structure: String, _ type: String, _ isTaken: Bool) throws {
    let text = "transform t\n  in hl7 2.3..2.6 \(structure)\n  out hl7\nemit msg\n"
    let program = try #require(HiltProgram.compile(text, file: "t.hilt").0)
    let bytes = Array("MSH|^~\\&|A|B|C|D|2026||\(type)|1|P|2.5.1\r".utf8)
    let header = try #require(HL7Header(bytes))
    #expect((Unexpected.refusal(of: header, by: program.input) == nil) == isTaken)
  }

  @Test("A type that isn't taken is 200, an event of a type that is 201, a version 203")
  func codes() throws {
    let text = "transform t\n  in hl7 2.3..2.6 ADT_A01\n  out hl7\nemit msg\n"
    let program = try #require(HiltProgram.compile(text, file: "t.hilt").0)
    func number(_ type: String, _ version: String = "2.5.1") -> Int? {
      HL7Header(Array("MSH|^~\\&|A|B|C|D|2026||\(type)|1|P|\(version)\r".utf8))
        .flatMap { Unexpected.refusal(of: $0, by: program.input)?.number }
    }
    #expect(number("ORU^R01") == 200 && number("ADT^A40^ADT_A39") == 201 && number("ADT^A01", "2.7") == 203)
    #expect(number("ADT^A01") == nil && number("") == 200)
  }
}
