import Foundation
import Testing

extension Ways {
  /// Who writes a transform: layout, cases, fixes, and where each value comes from.
  @Suite struct `An author` {
    private func project() throws -> Project {
      let project = try Project()
      try project.write(
        "Transforms/kin.hilt",
        """
        transform kin
          in  hl7 2.3..2.6 ADT_*
          out hl7

        let out = copy msg
        for k in out.NK1[*] {
          k-3 = upper(k-2[1].1.1)
        }
        out.PID-8 = PID-8 ?? "U"
        emit out

        """)
      try project.write(
        "a.hl7",
        "MSH|^~\\&|PAS|X|Y|Z|2026||ADT^A01|1|P|2.5.1\nPID|1||42||Miller^Anna||1980|F\nNK1|1|Kay\nNK1|2|Lee\n")
      return project
    }

    @Test func `lays programs out, and CI sees which are not`() async throws {
      let project = try project()
      #expect(try await project.hilum("fmt", "--check").status == 0)
      let laidOut = project.read("Transforms/kin.hilt")
      try project.write(
        "Transforms/kin.hilt", String(decoding: laidOut, as: UTF8.self).replacing(" = copy", with: "=  copy"))
      let check = try await project.hilum("fmt", "--check")
      #expect(check.status == 1 && check.output == "Transforms/kin.hilt\n", "\(check)")
      let done = try await project.hilum("fmt")
      #expect(done.status == 0 && done.output == "Transforms/kin.hilt\n", "\(done)")
      #expect(project.read("Transforms/kin.hilt") == laidOut)
      try project.write("Transforms/bad.hilt", "transform bad\n  in hl7\nnote \"x\n")
      let bad = try await project.hilum("fmt", "Transforms/bad.hilt")
      #expect(bad.status == 1 && bad.errors.contains("bad.hilt:3:6: error E101"), "\(bad)")
      #expect(try await project.hilum("fmt", "nowhere").status == 2)
    }

    @Test func `has a transform drafted from the guide, and nothing of theirs is written over`() async throws {
      let project = try project()
      let list = try await project.hilum("scaffold", "v2-to-fhir")
      #expect(list.status == 0 && list.output.split(separator: "\n").contains("ORU_R01"), "\(list)")
      let made = try await project.hilum("scaffold", "v2-to-fhir", "ORU_R01")
      #expect(made.status == 0 && made.output.contains("ORU_R01, row 13: PID-33 stands there"), "\(made)")
      #expect(made.output.contains("imports Transforms/lib/v2fhir.hilt, which isn't there"), "\(made)")
      #expect(String(decoding: project.read("Transforms/oru-r01-to-fhir.hilt"), as: UTF8.self).contains("# open: "))
      #expect(project.names(in: "Transforms/codes").contains("administrative_sex.csv"))
      let again = try await project.hilum("scaffold", "v2-to-fhir", "ORU_R01")
      #expect(again.status == 2 && again.errors.contains("is there already"), "\(again)")
      // Another draft shares its tables, as somebody has left them.
      let table = "code,fhir\nW,female\n"
      try project.write("Transforms/codes/administrative_sex.csv", table)
      let other = try await project.hilum("scaffold", "v2-to-fhir", "ADT_A01")
      #expect(
        other.status == 0 && other.output.contains("administrative_sex.csv is there already, and stays"), "\(other)")
      #expect(String(decoding: project.read("Transforms/codes/administrative_sex.csv"), as: UTF8.self) == table)
      #expect(try await project.hilum("scaffold", "v2-to-fhir", "ORU_R01", "--force", "--hl7", "2.8").status == 0)
      #expect(try await project.hilum("scaffold", "v2-to-fhir", "ACK").status == 2)
      let event = try await project.hilum("scaffold", "v2-to-fhir", "adt^a04")
      #expect(event.status == 2 && event.errors.contains("adt^a04 has the structure ADT_A01"), "\(event)")
      let none = try await project.hilum("try", "Transforms/none.hilt", "a.hl7")
      #expect(none.errors.contains("there is no file Transforms/none.hilt"), "\(none)")
      #expect(try await project.hilum("scaffold", "v2-to-fhir", "ORU_R01", "--hl7", "3").status == 2)
    }

    @Test func `is told at once of a resource that R4 doesn't allow`() async throws {
      let project = try project()
      try project.write(
        "Transforms/obs.hilt",
        """
        transform obs
          in  hl7 2.3..2.6 ADT_*
          out fhir r4 Observation

        emit Observation { status: "final", code: { text: "x" }, value: PID-8, dataAbsentReason: { text: "y" } }

        """)
      let tried = try await project.hilum("try", "Transforms/obs.hilt", "a.hl7")
      #expect(tried.output.contains("R4 doesn't allow this: Observation: obs-6"), "\(tried)")
      try project.makeFolder("Transforms/obs.tests/one")
      try project.write("Transforms/obs.tests/one/in.hl7", project.read("a.hl7"))
      let accepted = try await project.hilum("test", "--accept", "Transforms/obs.hilt")
      #expect(accepted.status == 1 && accepted.output.contains("out.1.json: Observation: obs-6"), "\(accepted)")
    }

    @Test func `writes an input, accepts what comes, and sees what changes it`() async throws {
      let project = try project()
      try project.makeFolder("Transforms/kin.tests/two")
      try project.write("Transforms/kin.tests/two/in.hl7", project.read("a.hl7"))
      let first = try await project.hilum("test")
      #expect(first.status == 1 && first.output.contains("--accept") && first.output.contains("0 passed, 1 failed"))
      let accepted = try await project.hilum("test", "--accept")
      #expect(
        accepted.status == 0 && accepted.output.contains("wrote Transforms/kin.tests/two/out.1.hl7"), "\(accepted)")
      let again = try await project.hilum("test", "--junit", "results.xml")
      #expect(
        again.status == 0
          && again.output == "Transforms/kin.hilt: 5 of 5 statements reached\n1 passed, 0 failed\n", "\(again)")
      let text = String(decoding: project.read("Transforms/kin.hilt"), as: UTF8.self)
      try project.write("Transforms/kin.hilt", text.replacing("upper", with: "lower"))
      let broken = try await project.hilum("test", "--junit", "results.xml")
      #expect(
        broken.status == 1
          && broken.output.contains("  out.1.hl7:3: NK1-3: expected \"KAY\", got \"kay\"\n"), "\(broken)")
      let xml = String(decoding: project.read("results.xml"), as: UTF8.self)
      #expect(xml.contains("<testcase classname=\"Transforms/kin.hilt\" name=\"two\""), "\(xml)")
      #expect(xml.contains("failures=\"1\""), "\(xml)")
    }

    @Test func `has slips mended that are sure, in what a channel names too`() async throws {
      let project = try project()
      let text = String(decoding: project.read("Transforms/kin.hilt"), as: UTF8.self)
      try project.write(
        "Transforms/kin.hilt", text.replacing("upper", with: "uper").replacing("\"U\"", with: "'U'"))
      try project.write(
        "Channels/kin.yaml",
        "channel: kin\nsource:\n  mllp: {port: 0}\ntransform: ../Transforms/kin.hilt\n"
          + "destinations:\n  ehr:\n    mllp: {host: 127.0.0.1, port: 6661}\n")
      #expect(try await project.hilum("check").status == 1)
      let told = try await project.hilum("check", "--json")
      #expect(told.output.contains("\"replacement\" : \"upper\""), "\(told)")
      let fixed = try await project.hilum("check", "--fix")
      #expect(fixed.status == 0 && fixed.output.contains("fixed Transforms/kin.hilt:7:9: E113"), "\(fixed)")
      #expect(String(decoding: project.read("Transforms/kin.hilt"), as: UTF8.self) == text)
    }

    @Test func `picks a turn of a loop, and sees which line wrote what`() async throws {
      let project = try project()
      let last = try await project.hilum("try", "Transforms/kin.hilt", "a.hl7")
      #expect(last.output.contains("│ LEE (2 times)"), "\(last)")
      let first = try await project.hilum("try", "Transforms/kin.hilt", "a.hl7", "--turn", "1", "--origins")
      #expect(first.output.contains("│ KAY") && !first.output.contains("│ LEE"), "\(first)")
      #expect(first.output.contains("NK1[2]-3 ← line 7\n"), "\(first)")
      #expect(first.output.contains("PID-8 ← line 9, from PID-8\n"), "\(first)")
      #expect(try await project.hilum("try", "Transforms/kin.hilt", "a.hl7", "--turn", "x").status == 2)
    }

    @Test func `tries a file of lines`() async throws {
      let project = try project()
      try project.write(
        "Transforms/rows.hilt",
        "transform rows\n  in  delimited separator \";\" header yes columns mrn, family\n  out hl7 2.5.1 ADT_A08\n\n"
          + "for row in msg.rows {\n  let m = new ADT_A08\n  m.PID-5 = [XPN { 1.1: row.family }]\n  emit m\n} "
          + "none => drop \"no row\"\n")
      try project.write("rows.csv", "mrn;family\n1;Miller\n2;Murphy\n")
      let tried = try await project.hilum("try", "Transforms/rows.hilt", "rows.csv")
      #expect(tried.status == 0 && tried.output.contains("routed: 2 emitted"), "\(tried)")
      #expect(tried.output.contains("|Murphy"), "\(tried)")
      #expect(try await project.hilum("try", "Transforms/rows.hilt", "rows.csv", "--json").status == 0)
      #expect(try await project.hilum("try", "Transforms/rows.hilt", "none.csv").status == 2)
    }

    @Test func `tries a document of XML, and says where the head does not name its namespace`() async throws {
      let project = try project()
      let body = "\n  out xml\n\nemit element(\"a\", [element(\"b\", value(msg, \"title\")), element(\"c\")])\n"
      try project.write("Transforms/blind.hilt", "transform blind\n  in  xml" + body)
      try project.write("Transforms/sees.hilt", "transform sees\n  in  xml \"urn:d\"" + body)
      try project.write("d.xml", "<doc xmlns=\"urn:d\"><title>T</title></doc>\n")
      let blind = try await project.hilum("try", "Transforms/blind.hilt", "d.xml")
      #expect(blind.status == 0 && blind.output.contains("in xml \"urn:d\""), "\(blind)")
      let sees = try await project.hilum("try", "Transforms/sees.hilt", "d.xml")
      #expect(sees.status == 0 && !sees.output.contains("in xml \"urn:d\""), "\(sees)")
      // A line for each element.
      #expect(sees.output.contains("  <b>T</b>\n"), "\(sees)")
      try project.write("broken.xml", "<doc>")
      let broken = try await project.hilum("try", "Transforms/sees.hilt", "broken.xml")
      #expect(broken.output.contains("no XML that can be read: line 1"), "\(broken)")
    }

    @Test func `gives an editor all of it as JSON`() async throws {
      let project = try project()
      let tried = try await project.hilum("try", "Transforms/kin.hilt", "a.hl7", "--json")
      let all = try #require(try JSONSerialization.jsonObject(with: Data(tried.output.utf8)) as? [[String: Any]])
      let one = try #require(all.first)
      #expect(one["outcome"] as? String == "routed")
      let trace = try #require(one["trace"] as? [[String: Any]])
      #expect(
        trace.contains { $0["line"] as? Int == 7 && $0["turns"] as? [Int] == [2] && $0["value"] as? String == "LEE" })
      let origins = try #require(one["origins"] as? [[String: Any]])
      #expect(origins.map { $0["path"] as? String } == ["PID-8", "NK1-3", "NK1[2]-3"])
      let emitted = try #require(one["emitted"] as? [[String: Any]])
      #expect((emitted.first?["lines"] as? [String])?.count == 4)
      #expect(one["refusal"] == nil)
    }

    @Test func `says in JSON too what a channel would refuse`() async throws {
      let project = try project()
      try project.write("old.hl7", "MSH|^~\\&|A|B|C|D|20240101||ADT^A01|1|P|2.1\rPID|1||1^^^A^MR||a^b\r")
      let tried = try await project.hilum("try", "Transforms/kin.hilt", "old.hl7", "--json")
      let all = try #require(try JSONSerialization.jsonObject(with: Data(tried.output.utf8)) as? [[String: Any]])
      #expect((all.first?["refusal"] as? String)?.contains("MSH-12 is 2.1") == true, "\(tried)")
    }

    @Test func `reads how the work of a transform grows`() async throws {
      let checked = try await project().hilum("check", "--cost", "Transforms/kin.hilt")
      #expect(checked.status == 0 && checked.output.contains("Transforms/kin.hilt: O(NK1)\n"), "\(checked)")
    }

    @Test func `prints and writes the reference`() async throws {
      let project = try project()
      let codes = try await project.hilum("reference", "codes")
      #expect(codes.status == 0 && codes.output.contains("| E301 |"), "\(codes)")
      let written = try await project.hilum("reference", "--write", "pages")
      #expect(written.output == "pages/hilt-functions.md\npages/channel-files.md\npages/problem-codes.md\n")
      #expect(String(decoding: project.read("pages/hilt-functions.md"), as: UTF8.self).hasPrefix("# Functions of Hilt"))
      #expect(try await project.hilum("reference", "nothing").status == 2)
    }
  }
}
