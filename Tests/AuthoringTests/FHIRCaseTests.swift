import Connectors
import Definitions
import Foundation
import Testing

@testable import Authoring

@Suite struct FHIRCaseTests {
  private let workshop: Workshop

  init() throws { workshop = try Workshop() }

  private func run(_ path: String = "", accepts: Bool = false) throws -> CaseReport {
    let registry = ConnectorRegistry(
      sources: [MLLPSource.self, FileSource.self], destinations: [MLLPDestination.self, FileDestination.self])
    let folders = try CaseFolder.find(["\(workshop.path)\(path)"])
    return CaseTrial(accepts: accepts) { ChannelLoader(registry: registry).load([$0]) }.run(folders)
  }

  // MARK: Comparing

  private func differences(_ expected: String, _ actual: String) -> [String]? {
    JSONComparison.differences(Array(expected.utf8), Array(actual.utf8))?.map { "\($0.line): \($0.text)" }
  }

  @Test func `JSON is compared by its values, and a decimal by its digits`() {
    #expect(differences(#"{"a": 1.10, "b": "ü"}"#, "{\"b\":\"\\u00fc\",\n\"a\":1.10}") == [])
    #expect(differences(#"{"a": 1.10}"#, #"{"a": 1.1}"#) == ["1: a: expected 1.10, got 1.1"])
    #expect(
      differences("{\"a\": [1, {\"b\": true}],\n\"c\": {}}", #"{"a": [1, {"b": null}, 3], "d": "x"}"#) == [
        "1: a[2].b: expected true, got null", "1: a[3]: not expected: 3",
        "2: c: expected an object, and it did not come", "1: d: not expected: \"x\"",
      ])
    #expect(differences("[1, 2]", "[1]") == ["1: [2]: expected 2, and it did not come"])
    #expect(differences("1", #""1""#) == [#"1: the whole: expected 1, got "1""#])
    #expect(differences("{", "{}") == nil)
  }

  // MARK: Transforms

  private func transform(_ body: String) throws {
    try workshop.write("t.hilt", "transform t\n  in  fhir r4 Observation\n  out fhir r4 Observation\n\n\(body)\n")
    try workshop.write(
      "t.tests/one/in.json",
      #"{"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueInteger": 1}"#)
  }

  @Test func `what is accepted has a line for each value, and passes from then on`() throws {
    try transform("emit msg with { status: \"amended\" }")
    #expect(try run(accepts: true).failedCount == 0)
    #expect(workshop.read("t.tests/one/out.1.json")?.contains("\n  \"status\": \"amended\",\n") == true)
    #expect(try run().failedCount == 0)
    try transform("emit msg with { status: \"final\" }")
    #expect(try run().results.first?.failures == ["out.1.json:3: status: expected \"amended\", got \"final\""])
  }

  @Test func `a resource that R4 does not allow fails its case, also where it is expected`() throws {
    try transform("emit msg with { dataAbsentReason: { text: \"why\" } }")
    // Whoever accepts it is told at once.
    let before = try run(accepts: true)
    #expect(before.results.first?.failures.first?.contains("out.1.json: Observation: obs-6") == true)
    let failures = try run().results.first?.failures ?? []
    #expect(failures.count == 1)
    #expect(failures.first?.contains("out.1.json: Observation: obs-6") == true)
  }

  // MARK: Channels

  private func channel(_ unexpected: String) throws {
    try transform("emit msg with { status: \"amended\" }")
    try workshop.write(
      "c.yaml",
      """
      channel: c
      source: {file: {directory: in, pattern: "*.json"}}
      format: fhir
      unexpected: \(unexpected)
      transform: t.hilt
      destinations:
        out: {file: {directory: out, name: "{message.id}.json"}}

      """)
    for (name, text) in [
      ("good", #"{"resourceType": "Observation", "status": "final", "code": {"text": "x"}}"#),
      ("other", #"{"resourceType": "Patient", "active": true}"#),
      ("invalid", #"{"resourceType": "Observation", "status": "finall", "code": {"text": "x"}}"#),
      ("no-json", #"{"resourceType": "Observation","#),
    ] {
      try workshop.write("c.tests/\(name)/in.json", text)
    }
  }

  private func outcomes() throws -> [String: String] {
    let report = try run("/c.yaml", accepts: true)
    #expect(report.failedCount == 0)
    var outcomes: [String: String] = [:]
    for result in report.results {
      let outcome = workshop.read("c.tests/\(result.folder.name)/outcome.txt") ?? ""
      outcomes[result.folder.name] = outcome.split(separator: "\n").first.map(String.init)
    }
    return outcomes
  }

  private static let other = "this channel takes Observation, and this is a resource of type Patient"
  private static let invalid =
    "this is no Observation of R4: line 1, column 43: Observation.status: not a code of status: did you mean "
    + "\"final\"?"
  private static let noJSON =
    "rejected AR 207: this is no FHIR in JSON that can be read: line 1, column 32: it ends in the middle of a value"

  @Test func `what is no such resource is refused`() throws {
    try channel("reject")
    #expect(
      try outcomes() == [
        "good": "routed", "other": "rejected AR 200: \(Self.other)",
        "invalid": "rejected AE 207 at Observation.status: \(Self.invalid)", "no-json": Self.noJSON,
      ])
  }

  @Test func `or fails, where the channel says so`() throws {
    try channel("fail")
    let outcomes = try outcomes()
    #expect(outcomes["other"] == "failed: \(Self.other)")
    #expect(outcomes["invalid"] == "failed: \(Self.invalid)")
    #expect(outcomes["no-json"] == Self.noJSON)
  }

  @Test func `or goes on as it came, where the channel says so`() throws {
    try channel("pass")
    let outcomes = try outcomes()
    #expect(outcomes["other"] == "routed")
    #expect(workshop.read("c.tests/other/out.out.1.json")?.contains("Patient") == true)
    #expect(workshop.read("c.tests/good/out.out.1.json")?.contains("amended") == true)
    // What is wrong with it is its sender's.
    #expect(try run("/c.yaml").failedCount == 0)
    #expect(outcomes["no-json"] == Self.noJSON)
  }
}
