import FHIR
import Foundation
import HL7
import Hilt
import Messages
import Testing

@testable import Authoring

@Suite struct TransformDraftTests {
  /// The tables of a draft, and the library that it imports as it ships.
  private struct Files: HiltFiles {
    let draft: TransformDraft

    func read(_ path: String) throws -> [UInt8] {
      if let file = draft.files.first(where: { $0.path == path }) { return Array(file.text.utf8) }
      return Array(try Data(contentsOf: TransformDraftTests.root.appending(path: "Transforms/\(path)")))
    }
  }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func program(_ draft: TransformDraft) -> (HiltProgram?, [String]) {
    let (program, problems) = HiltProgram.compile(draft.text, file: draft.name, files: Files(draft: draft))
    return (program, problems.map { "\($0.place): \($0.code): \($0.message)" })
  }

  @Test(
    arguments: GuideTables.structures, ["2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.2"])
  func `of each structure of the guide has no problem in any version that has it`(structure: String, version: String) {
    guard let draft = TransformDraft(of: structure, version: version) else {
      // Those that came later, and the order that 2.7 withdrew.
      let missing = ["2.2", "2.3", "2.3.1", "2.7", "2.8", "2.8.2"]
      #expect(missing.contains(version), "\(structure) \(version)")
      return
    }
    let (program, problems) = program(draft)
    #expect(problems == [] && program != nil)
    #expect(draft.draftedCount > 50 && !draft.malformed.isEmpty)
    #expect(TransformDraft(of: structure, version: version)?.text == draft.text)
  }

  /// The bundle that a draft makes of a message.
  private func bundle(_ structure: String, _ version: String, _ message: [String]) throws -> String {
    let draft = try #require(TransformDraft(of: structure, version: version))
    let program = try #require(program(draft).0)
    let bytes = Array(message.joined(separator: "\r").utf8) + [0x0D]
    let result = program.run(HiltInput(try HL7Message(bytes), bytes: bytes))
    switch result.decision {
    case .rejected(let rejection): return rejection.reason
    case .dropped(let reason): return reason
    case .failed(let failure): return failure.problem.message
    default: break
    }
    guard case .bytes(let made)? = result.emitted.first?.content else { return "nothing" }
    #expect(FHIRValidation.issues(made).map { "\($0.expression): \($0.text)" } == [])
    return String(decoding: made, as: UTF8.self)
  }

  @Test(arguments: ["2.3", "2.5.1", "2.8"]) func `of results makes patients, reports and observations`(
    version: String
  ) throws {
    let made = try bundle(
      "ORU_R01", version,
      [
        "MSH|^~\\&|LAB|H|HUB|H|20260101120000||ORU^R01^ORU_R01|1|P|\(version)",
        "PID|1||4711^^^H^MR~99^^^N^SS||Müller^Anna^B||19800229|F|||Road 1^^Bern^^3000^CH~Way 2^^Basel||031 1^PRN^PH",
        "PV1|1|I|W1^2^3", "ORC|RE|P1|F1",
        "OBR|1|P1|F1|24323-8^Panel^LN|||20260101" + String(repeating: "|", count: 15) + "20260101120000|||F",
        "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L^^UCUM|135-145|N|||F", "NTE|1||a note", "OBX|2|ST|x^Text^L||b||||||F",
      ])
    for words in [
      #""resourceType":"Patient""#, #""family":"Müller""#, #""gender":"female""#, #""birthDate":"1980-02-29""#,
      #""city":"Bern""#, #""city":"Basel""#, #""value":"4711""#, #""resourceType":"DiagnosticReport""#,
      #""valueQuantity":{"value":140"#, #""valueString":"b""#, #""text":"a note""#, #""status":"final""#, #""class":{"#,
    ] { #expect(made.contains(words), "\(words) in \(made)") }
    #expect(made.components(separatedBy: #""resourceType":"Observation""#).count == 3)
    #expect(made.components(separatedBy: #""result":[{"reference":"#).count == 2)
  }

  @Test func `of a patient without an identifier is refused`() throws {
    let made = try bundle(
      "ORU_R01", "2.5.1",
      ["MSH|^~\\&|LAB|H|HUB|H|20260101||ORU^R01^ORU_R01|1|P|2.5.1", "PID|1", "OBR|1", "OBX|1|ST|x||y"])
    #expect(made.contains("no identifier of the patient"))
  }

  @Test func `takes an event whose structure has another's name, and no other`() throws {
    let draft = try #require(TransformDraft(of: "ADT_A11", version: "2.5.1"))
    #expect(draft.text.contains("in hl7 2.5.1 ADT_A09") && draft.text.contains("when MSH-9.2 != \"A11\" => drop"))
    let segments = ["EVN||20260101", "PID|1||4711^^^H^MR", "PV1|1|I|W1"]
    let made = { (event: String) in
      try bundle("ADT_A11", "2.5.1", ["MSH|^~\\&|P|H|X|H|20260101||ADT^\(event)^ADT_A09|1|P|2.5.1"] + segments)
    }
    #expect(try made("A11").contains(#""resourceType":"Patient""#))
    #expect(try made("A09").contains("not A11"))
  }

  @Test func `of real messages is valid`() throws {
    for (name, structure, version) in [
      ("whistle/adt_a01_ex1", "ADT_A01", "2.8"), ("whistle/oml_o21_ex1", "OML_O21", "2.5.1"),
      ("msft-fhir-converter/MDM-T02-01", "MDM_T02", "2.8"),
      ("msft-fhir-converter/SIU-S12_1", "SIU_S12", "2.8"), ("msft-fhir-converter/ORU-R01-RMGEAD", "ORU_R01", "2.4"),
    ] {
      let text = try String(
        contentsOf: Self.root.appending(path: "Tests/Corpus/hl7/\(name).hl7"), encoding: .isoLatin1)
      let segments = text.split(whereSeparator: \.isNewline).map(String.init)
      #expect(try bundle(structure, version, segments).contains(#""resourceType":"Patient""#), "\(name)")
    }
  }

  @Test func `what must be there and isn't is said when a message lacks it`() throws {
    let made = { (visit: [String]) in
      try bundle(
        "ORU_R01", "2.5.1",
        ["MSH|^~\\&|P|H|X|H|20260101||ORU^R01^ORU_R01|1|P|2.5.1", "PID|1||4711^^^H^MR"] + visit
          + ["OBR|1|P1|F1|x", "OBX|1|ST|y||z"])
    }
    // What comes from segments that aren't there isn't made; what comes from one of them is.
    let plain = try made([])
    #expect(plain.contains(#""resourceType":"DiagnosticReport""#) && !plain.contains(#""resourceType":"Encounter""#))
    #expect(try made(["PV1|1||W1"]) == "an Encounter needs its class, which is absent here")
    #expect(try made(["PV1|1|Q|W1"]) == "a code that codes/patient_class_encounter_class.csv doesn't have")
    #expect(try made(["PV1|1|I|W1"]).contains(#""class":{"system":"#))
  }

  @Test func `makes nothing of what isn't there`() throws {
    let made = { (account: String) in
      try bundle(
        "ADT_A01", "2.5.1",
        [
          "MSH|^~\\&|P|H|X|H|20260101||ADT^A01^ADT_A01|1|P|2.5.1", "EVN||20260101",
          "PID|1||4711^^^H^MR|||||||||||||||\(account)|078-05-1120", "PV1|1|I|W1",
        ])
    }
    #expect(try !made("").contains(#""resourceType":"Account""#))
    #expect(try made("A7").contains(#""resourceType":"Account""#))
    // The guide ends the address with a full stop.
    #expect(try made("").contains(#""system":"http://hl7.org/fhir/sid/us-ssn""#))
  }

  @Test func `says what of the guide can't be read, and where`() throws {
    let draft = try #require(TransformDraft(of: "ORU_R01", version: "2.5.1"))
    let said = draft.malformed.map { "\($0.place): \($0.reason): \($0.text)" }
    #expect(
      said.contains("ORU_R01, row 13: PID-33 stands there without a test of its own: IF PID-33 AND PID-34 VALUED"))
    #expect(
      said.contains(
        "XON[Organization], row 5: `XON-10`: XON is a data type, whose components are written XON.10: "
          + "IF XON-10 NOT VALUED"
      ))
    #expect(draft.text.contains("IF PV1-20 VALUE (ORU_R01, row 33)"))
    #expect(TransformDraft(of: "ORU_R01", version: "9") == nil && TransformDraft(of: "ACK", version: "2.5.1") == nil)
  }
}
