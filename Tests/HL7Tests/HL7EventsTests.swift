import Testing

@testable import HL7

@Suite("Structures of events")
struct HL7EventsTests {
  @Test(
    "An event has the structure that its version gives it",
    arguments: [
      ("ADT", "A04", "2.5.1", "ADT_A01"), ("ADT", "A04", "2.3", "ADT_A01"), ("ADT", "A04", "2.2", "ADT_A04"),
      ("ADT", "A01", "2.8", "ADT_A01"), ("ADT", "A28", "2.3.1", "ADT_A01"), ("ADT", "A28", "2.4", "ADT_A05"),
      ("ADT", "A31", "2.9", "ADT_A05"), ("ADT", "A22", "2.3", "ADT_A02"), ("ADT", "A40", "2.5", "ADT_A39"),
      ("ADT", "A12", "2.5.1", "ADT_A09"), ("ADT", "A12", "2.7", "ADT_A12"), ("ADT", "A55", "2.5.1", "ADT_A52"),
      ("ADT", "A55", "2.7.1", "ADT_A54"), ("ADT", "A47", "2.6", "ADT_A30"), ("ADT", "A47", "2.7", "ADT_A44"),
      ("SIU", "S15", "2.5.1", "SIU_S12"), ("MDM", "T08", "2.5", "MDM_T02"), ("MDM", "T11", "2.5", "MDM_T01"),
      ("ORU", "R01", "2.3", "ORU_R01"), ("ORU", "R32", "2.5.1", "ORU_R30"), ("LSR", "U13", "2.5", "LSU_U12"),
      ("ACK", "A01", "2.5.1", "ACK"), ("RPI", "I04", "2.3", "RPI_I01"), ("RPI", "I04", "2.5", "RPI_I04"),
    ])
  func event(_ code: String, _ event: String, _ version: String, _ expected: String) {
    #expect(HL7Events.structure(code: code, event: event, version: version) == expected)
  }

  @Test("What no version has, has no structure")
  func none() {
    #expect(HL7Events.structure(code: "ADT", event: "A99", version: "2.5") == nil)
    #expect(HL7Events.structure(code: "ADT", event: nil, version: "2.5") == nil)
    #expect(HL7Events.structure(code: "ORM", event: "O01", version: "2.7") == nil)
    #expect(HL7Events.structure(code: "ADT", event: "A01", version: "3") == nil)
    #expect(HL7Events.structure(code: "", event: "", version: "2.5") == nil)
    #expect(HL7Events.structure(code: "ACK", event: nil, version: "2.1") == "ACK")
  }

  @Test("Every structure that an event shares is one of its version, and no event has two")
  func closed() {
    for name in HL7Tables.structureNames {
      let code = String(name.prefix(3))
      for version in HL7Versions.names {
        guard let known = HL7Events.structure(code: code, event: String(name.dropFirst(4)), version: version) else {
          continue
        }
        #expect(HL7Tables.structure(known, version: version) != nil, "\(name) \(version)")
      }
    }
  }

  @Test(
    "A message names its structure, or its event does",
    arguments: [
      ("ADT^A04", "2.3", "ADT_A01"), ("ADT^A01^ADT_A01", "2.5.1", "ADT_A01"),
      ("ADT^A04^ADT_A04", "2.5.1", "ADT_A01"), ("ADT^A40^ADT_A40", "2.8", "ADT_A39"),
      ("ADT^A08", "", "ADT_A01"), ("ADT^A08", "7.7", "ADT_A01"), ("ORM^O01", "2.8", "ORM_O01"),
      ("SIU^S14", "2.2", "SIU_S12"), ("ACK", "2.5", "ACK"), ("ADT^A37", "2.3", "ADT_A37"),
    ])
  func declared(_ type: String, _ version: String, _ name: String) throws {
    let message = try message("MSH|^~\\&|A|B|C|D|2026||\(type)|1|P|\(version)")
    let structure = try #require(HL7Tables.structure(of: message))
    #expect(structure.name == name && HL7Tables.structure(of: HL7Draft(message))?.name == name)
  }

  @Test("A message of no kind that HL7 has is of no structure")
  func noStructure() throws {
    for type in ["ADT", "XXX^A01", "ADT^A99^ADT_A99", "^^"] {
      #expect(HL7Tables.structure(of: try message("MSH|^~\\&|A|B|C|D|2026||\(type)|1|P|2.5")) == nil, "\(type)")
    }
  }
}
