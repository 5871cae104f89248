import Foundation
import Partners
import Testing

extension Ways {
  @Suite struct `Resources of FHIR are checked` {
    @Test func `with places for people, and an OperationOutcome for programs`() async throws {
      let project = try Project()
      try project.write("good.json", #"{"resourceType": "Patient", "birthDate": "1980-02-29"}"#)
      try project.write(
        "bad.json",
        """
        {
          "resourceType": "Patient",
          "name": [{"famly": "Müller", "use": "offical"}]
        }
        """)
      let good = try await project.hilum("check", "--fhir", "good.json")
      #expect(good.status == 0 && good.output == "1 file checked: 0 errors\n", "\(good)")
      let bad = try await project.hilum("check", "--fhir", "bad.json", "good.json")
      #expect(bad.status == 1)
      let lines = bad.output.split(separator: "\n").map(String.init)
      #expect(
        lines[0] == "bad.json:3:13: error structure: HumanName (R4) has no such element: did you mean \"family\"?")
      #expect(lines[1] == "  at Patient.name[0]" && lines[3] == "    |             ^")
      #expect(lines[4] == "bad.json:3:39: error code-invalid: not a code of use: did you mean \"official\"?")
      #expect(lines.last == "2 files checked: 2 errors")
      let outcome = try await project.hilum("check", "--fhir", "--json", "bad.json")
      try project.write("outcome.json", outcome.output)
      #expect(outcome.status == 1 && outcome.output.contains("OperationOutcome") && !outcome.output.contains("Müller"))
      #expect(try await project.hilum("check", "--fhir", "outcome.json").status == 0)
      #expect(try await project.hilum("check", "--fhir", "none.json").status == 2)
      // What can't be read keeps nothing else from being checked.
      let some = try await project.hilum("check", "--fhir", "none.json", "bad.json", ".")
      #expect(some.status == 2 && some.output.contains("1 file checked: 2 errors"), "\(some)")
      #expect(some.errors.contains("there is no file none.json") && some.errors.contains(". is a folder"), "\(some)")
      try project.write("steering.json", "{\"resourceType\": \"Patient\",\r\n\t\"id\": \"\u{1B}[2Jx\"}\r\n")
      let steering = try await project.hilum("check", "--fhir", "steering.json")
      #expect(!steering.output.contains("\u{1B}") && steering.output.contains("  2 | \t\"id\": \"\u{FFFD}[2Jx\"}\n"))
      #expect(steering.output.contains("    | \t       ^"), "\(steering)")
      #expect(try await project.hilum("check", "--fhir").status == 2)
    }

    @Test(.enabled(if: Tools.resources != nil, "python fhir.resources is not installed"))
    func `and whatever fhir.resources refuses is refused`() async throws {
      let python = try #require(Tools.resources)
      let project = try Project()
      try project.makeFolder("made")
      let seed = Int.random(in: 1...999_999)
      let judge = Project.root + "/Tests/WayTests/Peers/fhir_judge.py"
      let tables = Project.root + "/Sources/CFHIRTables/r4.tables"
      let said = try await project.run([python, judge, Project.binary, tables, project.path("made"), "\(seed)", "300"])
      #expect(said.status == 0 && said.output.hasPrefix("600 judged, "), "seed \(seed): \(said)")
    }
  }
}
