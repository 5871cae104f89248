import FHIR
import Foundation
import HL7
import Hilt
import Messages
import Testing
import Text

@Suite("Results as FHIR")
struct FHIROutputTests {
  /// One result of one order, as it is sent again and again while it becomes final.
  private static func message(_ id: String, _ status: String, _ value: String) -> String {
    """
    MSH|^~\\&|LAB|RXX|HUB|RXX|20240229103000+0000||ORU^R01^ORU_R01|\(id)|P|2.5.1
    PID|1||12345^^^RXX^MR||Müller^Anna||19800229|F
    OBR|1|P1|F1|24331-1^Lipids^LN|||20240229083000|||||||||||||||20240229102900||CH|\(status)
    OBX|1|NM|2093-3^Cholesterol^LN||\(value)|mmol/L^mmol/L^UCUM|||||\(status)|||202402290845
    """
  }

  private static func program() throws -> HiltProgram {
    try #require(try Corpus.transform("oru-to-fhir.hilt").program)
  }

  private static func run(_ text: String) throws -> (result: HiltResult, bytes: [UInt8]) {
    let message = try HL7Message(Array(text.utf8).map { $0 == 0x0A ? 0x0D : $0 })
    let result = try program().run(HiltInput(message))
    guard case .bytes(let bytes)? = result.emitted.first?.content else { return (result, []) }
    return (result, bytes)
  }

  /// The entry of a kind of resource.
  private static func entry(_ type: String, _ bytes: [UInt8]) throws -> JSONNode {
    let entries = try JSONDocument(bytes).root["entry"]?.elements.map(\.self) ?? []
    return try #require(entries.first { $0["resource"]?["resourceType"]?.text == type })
  }

  @Test("Preliminary, final, corrected and withdrawn are one Observation and one report")
  func corrections() throws {
    let stages = [
      ("P", "5.0", "preliminary", "preliminary"), ("F", "5.10", "final", "final"),
      ("C", "5.2", "corrected", "corrected"), ("W", "", "entered-in-error", "unknown"),
    ]
    var asked: Set<String> = []
    for (index, stage) in stages.enumerated() {
      let (result, bytes) = try Self.run(Self.message("M\(index)", stage.0, stage.1))
      #expect(result.decision == .routed)
      #expect(result.emitted.map(\.format) == [.fhir])
      #expect(FHIRValidation.issues(bytes) == [], "\(stage.0)")
      let observation = try Self.entry("Observation", bytes)
      let report = try Self.entry("DiagnosticReport", bytes)
      #expect(observation["resource"]?["status"]?.text == stage.2)
      #expect(report["resource"]?["status"]?.text == stage.3)
      #expect(observation["resource"]?["valueQuantity"]?["value"]?.number ?? "" == stage.1)
      asked.insert("\(observation["request"]?["url"]?.text ?? "") \(observation["fullUrl"]?.text ?? "")")
      asked.insert("\(report["request"]?["url"]?.text ?? "") \(report["fullUrl"]?.text ?? "")")
      #expect(observation["request"]?["method"]?.text == "PUT")
      // The resource has the identifier by which it is looked for, or the receiver would make another each time.
      let identifier = try #require(observation["resource"]?["identifier"]?.elements.first { _ in true })
      let (system, value) = (identifier["system"]?.text ?? "", identifier["value"]?.text ?? "")
      #expect(observation["request"]?["url"]?.text == "Observation?identifier=\(system)|\(value)")
    }
    #expect(asked.count == 2)
  }

  @Test("Another order, another test and another part of it are other Observations")
  func others() throws {
    let base = Self.message("M", "F", "5.0")
    let others = [
      base, base.replacing("|P1|F1|", with: "|P1|F2|"), base.replacing("2093-3^", with: "2571-8^"),
      base.replacing("^LN||5.0", with: "^LN|2|5.0"),
    ]
    let urls = try others.map { try Self.entry("Observation", Self.run($0).bytes)["request"]?["url"]?.text }
    #expect(Set(urls).count == others.count)
  }

  @Test("The same result twice in a message is one entry, the later, and that is noted")
  func twice() throws {
    let line = "\nOBX|2|NM|2093-3^Cholesterol^LN||9.9|mmol/L^mmol/L^UCUM|||||F|||202402290845"
    let (result, bytes) = try Self.run(Self.message("M", "F", "5.0") + line)
    let entries = try JSONDocument(bytes).root["entry"]?.count
    #expect(entries == 3)
    #expect(try Self.entry("Observation", bytes)["resource"]?["valueQuantity"]?["value"]?.number == "9.9")
    #expect(
      result.notes.map(\.text) == ["a second Observation with the same identifier: the bundle holds the later one"])
    #expect(FHIRValidation.issues(bytes) == [])
  }

  @Test("Every ORU of the corpus is a valid bundle, or is refused or fails with its reason")
  func corpus() throws {
    let program = try Self.program()
    var routed = 0
    for message in Corpus.allMessages() + (try Corpus.simulatedHospital()) {
      guard (try? message.value(at: HL7Path("MSH", 1, HL7Position(9)))) == .text("ORU") else { continue }
      let result = program.run(HiltInput(message))
      guard result.decision == .routed, case .bytes(let bytes)? = result.emitted.first?.content else { continue }
      routed += 1
      #expect(FHIRValidation.issues(bytes).map { "\($0.expression): \($0.text)" } == [])
    }
    #expect(routed > 20)
  }
}
