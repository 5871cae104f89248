import FHIR
import Foundation
import HL7
import Hilt
import Messages
import Testing
import Text

/// The transform that follows HL7's guide, over every message of the corpus and beside what others make of them.
@Suite("HL7 v2 to FHIR")
struct V2ToFHIRTests {
  private static let program = Result { try #require(try Corpus.transform("v2-to-fhir.hilt").program) }

  private static func run(_ message: HL7Message) throws -> (result: HiltResult, bytes: [UInt8]) {
    let result = try program.get().run(HiltInput(message))
    guard case .bytes(let bytes)? = result.emitted.first?.content else { return (result, []) }
    return (result, bytes)
  }

  private static func run(_ text: String) throws -> [JSONNode] {
    let message = try HL7Message(Array(text.utf8).map { $0 == 0x0A ? 0x0D : $0 })
    return try entries(run(message).bytes)
  }

  private static func entries(_ bytes: [UInt8]) throws -> [JSONNode] {
    try JSONDocument(bytes).root["entry"]?.elements.map(\.self) ?? []
  }

  private static func entry(_ type: String, _ entries: [JSONNode]) -> JSONNode? {
    entries.first { $0["resource"]?["resourceType"]?.text == type }
  }

  @Test("Every message of the corpus that names its patient is a valid transaction")
  func corpus() throws {
    #expect(try Corpus.transform("v2-to-fhir.hilt").problems == [])
    let known = ["ADT", "ORU", "ORM", "OML", "SIU", "VXU", "MDM"]
    var kinds: [String: Int] = [:]
    for message in Corpus.allMessages() + (try Corpus.simulatedHospital()) {
      guard case .text(let kind)? = try? message.value(at: HL7Path("MSH", 1, HL7Position(9))), known.contains(kind),
        case .text? = try? message.value(at: HL7Path("PID", 1, HL7Position(3)))
      else { continue }
      let (result, bytes) = try Self.run(message)
      #expect(result.decision == .routed, "\(kind): \(result.decision)")
      #expect(FHIRValidation.issues(bytes).map { "\($0.expression): \($0.text)" } == [])
      kinds[kind, default: 0] += 1
    }
    #expect(Set(kinds.keys) == Set(known) && kinds.values.reduce(0, +) > 110, "\(kinds)")
  }

  @Test("References lead to entries of the same bundle")
  func references() throws {
    for message in Corpus.allMessages() {
      let bytes = try Self.run(message).bytes
      guard !bytes.isEmpty else { continue }
      let urls = Set(try Self.entries(bytes).compactMap { $0["fullUrl"]?.text })
      let text = String(decoding: bytes, as: UTF8.self)
      for match in text.matches(of: /"reference":"(urn:uuid:[^"]+)"/) {
        #expect(urls.contains(String(match.1)))
      }
    }
  }

  private static func result(_ status: String, _ value: String) -> String {
    """
    MSH|^~\\&|LAB|RXX|HUB|RXX|20240229103000+0000||ORU^R01|M\(status)|P|2.5.1
    PID|1||12345^^^RXX^MR||Müller^Anna||19800229|F
    OBR|1|P1^EHR|F1^LAB|24331-1^Lipids^LN|||20240229083000|||||||||||||||20240229102900||CH|\(status)
    OBX|1|NM|2093-3^Cholesterol^LN||\(value)|mmol/L^mmol/L^UCUM|||||\(status)|||202402290845
    """
  }

  @Test("Preliminary, final, corrected, deleted and withdrawn end as one Observation")
  func corrections() throws {
    var asked: Set<String> = []
    for (status, value, expected) in [
      ("P", "5.0", "preliminary"), ("F", "5.10", "final"), ("C", "5.2", "corrected"), ("D", "", "entered-in-error"),
      ("W", "", "entered-in-error"),
    ] {
      let entry = try #require(Self.entry("Observation", Self.run(Self.result(status, value))))
      #expect(entry["resource"]?["status"]?.text == expected)
      #expect(entry["resource"]?["valueQuantity"]?["value"]?.number ?? "" == value)
      asked.insert("\(entry["request"]?["method"]?.text ?? "") \(entry["request"]?["url"]?.text ?? "")")
    }
    #expect(asked.count == 1 && asked.first?.hasPrefix("PUT Observation?identifier=") == true)
  }

  @Test("Only ADT overwrites a patient and a visit")
  func whoTells() throws {
    let visit = "\nPV1|1|I|||||||||||||||||V1^^^RXX"
    let lab = try Self.run(Self.result("F", "5.0").replacing("\nOBR", with: visit + "\nOBR"))
    let desk = try Self.run(
      "MSH|^~\\&|PAS|RXX|HUB|RXX|20240229103000+0000||ADT^A08|A8|P|2.5.1\nPID|1||12345^^^RXX^MR||Müller^Anna" + visit)
    for (type, search) in [("Patient", "urn:hl7v2:authority:RXX|12345"), ("Encounter", "urn:hl7v2:authority:RXX|V1")] {
      let (told, found) = (Self.entry(type, desk)?["request"], Self.entry(type, lab)?["request"])
      #expect(told?["method"]?.text == "PUT" && told?["url"]?.text == "\(type)?identifier=\(search)")
      #expect(found?["method"]?.text == "POST" && found?["url"]?.text == type)
      #expect(found?["ifNoneExist"]?.text == "identifier=\(search)")
      #expect(Self.entry(type, desk)?["fullUrl"]?.text == Self.entry(type, lab)?["fullUrl"]?.text)
    }
  }

  @Test("A merge leaves the old patient with a link to the one who stays")
  func merge() throws {
    let entries = try Self.run(
      """
      MSH|^~\\&|PAS|RXX|HUB|RXX|20240229103000+0000||ADT^A40|A40|P|2.5.1
      PID|1||12345^^^RXX^MR||Müller^Anna
      MRG|999^^^RXX^MR
      """)
    let patients = entries.filter { $0["resource"]?["resourceType"]?.text == "Patient" }
    #expect(
      patients.map { $0["request"]?["url"]?.text }
        == ["12345", "999"].map {
          "Patient?identifier=urn:hl7v2:authority:RXX|\($0)"
        })
    let old = try #require(patients.last?["resource"])
    #expect(old["active"]?.boolean == false)
    let link = old["link"]?.elements.first { _ in true }
    #expect(link?["type"]?.text == "replaced-by")
    #expect(link?["other"]?["reference"]?.text == patients.first?["fullUrl"]?.text)
  }

  @Test(
    "The page for a new site shows what works", arguments: (try? PageExample.read("docs/v2-to-fhir.md").examples) ?? [])
  func page(_ example: PageExample) throws {
    example.check()
    #expect(try PageExample.read("docs/v2-to-fhir.md").others == [])
  }

  // MARK: Beside other converters

  /// What a bundle says, a line for each fact, in order.
  private static func facts(_ bytes: [UInt8]) throws -> [String] {
    var facts: Set<String> = []
    for entry in try entries(bytes) {
      guard let resource = entry["resource"], let type = resource["resourceType"]?.text else { continue }
      switch type {
      case "Patient":
        for name in resource["name"]?.elements.map(\.self) ?? [] {
          let given = name["given"]?.elements.compactMap(\.text).joined(separator: " ") ?? ""
          facts.insert("patient: \(name["family"]?.text ?? ""), \(given)")
        }
        facts.insert("patient: \(resource["gender"]?.text ?? "-") \(resource["birthDate"]?.text ?? "-")")
        for id in resource["identifier"]?.elements.map(\.self) ?? [] {
          facts.insert("patient number \(id["value"]?.text ?? "-")")
        }
      case "Observation":
        facts.insert("result \(code(resource["code"])): \(value(resource)) \(resource["status"]?.text ?? "-")")
      case "DiagnosticReport", "Condition", "ServiceRequest":
        facts.insert("\(type) \(code(resource["code"])) \(resource["status"]?.text ?? "")")
      case "Encounter":
        facts.insert("visit \(resource["class"]?["code"]?.text ?? "-") \(resource["status"]?.text ?? "-")")
      default: break
      }
    }
    return facts.sorted()
  }

  private static func code(_ concept: JSONNode?) -> String {
    concept?["coding"]?.elements.compactMap { $0["code"]?.text }.first { _ in true } ?? concept?["text"]?.text ?? "-"
  }

  private static func value(_ resource: JSONNode) -> String {
    let quantity = resource["valueQuantity"]
    let value = quantity?["value"]?.number ?? resource["valueString"]?.text ?? code(resource["valueCodeableConcept"])
    let time = resource["effectiveDateTime"]?.text ?? "-"
    return "\(value) \(quantity?["unit"]?.text ?? "-") at \(time)"
  }

  /// What only the other converter says (`-`) and what only ours does (`+`).
  @Test(arguments: ["ADT04-251", "LAB-ORU-1", "ORU-R01-RMGEAD", "oru_r01_ex6", "orm_o01_ex1"])
  func `other converters say the same`(name: String) throws {
    let folder = name.contains("_ex") ? "whistle" : "msft-fhir-converter"
    let corpus = Corpus.root.appending(path: "Tests/Corpus")
    let message = try HL7Message([UInt8](Data(contentsOf: corpus.appending(path: "hl7/\(folder)/\(name).hl7"))))
    let ours = try Self.facts(Self.run(message).bytes)
    let others = try Self.facts([UInt8](Data(contentsOf: corpus.appending(path: "fhir/\(name).json"))))
    let differences =
      others.filter { !ours.contains($0) }.map { "- \($0)" }
      + ours.filter { !others.contains($0) }.map {
        "+ \($0)"
      }
    let file = corpus.appending(path: "fhir/\(name).differences.txt")
    let known = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    #expect(differences == known.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }, "\(ours)")
  }
}
