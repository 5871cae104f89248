import Foundation
import Testing

extension Ways {
  /// What an analyst meets before anything runs.
  @Suite struct `An analyst` {
    private func project() throws -> Project {
      let project = try Project()
      try project.write(
        "Transforms/upper.hilt",
        """
        transform upper
          in  hl7 2.3..2.6 ADT_*
          out hl7

        let out = copy msg
        out.PID-5[1].1.1 = upper(PID-5[1].1.1)
        emit out

        """)
      try project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: 0}
          hl7: {charset: windows-1252, segment-end: any}
        transform: ../Transforms/upper.hilt
        destinations:
          ehr: {mllp: {host: 127.0.0.1, port: 6661}}
          admissions:
            when: MSH-9.2 == "A01"
            file: {directory: ../out, name: "{MSH-10}.hl7"}

        """)
      let message = Sample.adt("TRY1", event: "A08", name: "M?ller^Anna").flatMap { $0 == 0x0D ? [0x0D, 0x0A] : [$0] }
      // ü in Windows-1252, which is no UTF-8.
      try project.write("a08.hl7", message.map { $0 == UInt8(ascii: "?") ? 0xFC : $0 })
      return project
    }

    @Test func `that tries a channel sees its messages as the channel reads them, and where they would go`()
      async throws
    {
      let project = try project()
      let bare = try await project.hilum("try", "Transforms/upper.hilt", "a08.hl7")
      #expect(bare.status == 1 && bare.output.contains("E904"), "without the channel ü is not UTF-8: \(bare)")
      for channel in ["adt", "Channels/adt.yaml"] {
        let tried = try await project.hilum("try", "--channel", channel, "a08.hl7")
        #expect(tried.status == 0 && tried.output.contains("MÜLLER^Anna"), "\(tried)")
        #expect(
          tried.output.contains("out.PID-5[1].1.1 = upper(PID-5[1].1.1)"), "the channel's transform: \(tried.output)")
        #expect(tried.output.contains("goes to ehr"), "\(tried.output)")
        #expect(tried.output.contains("does not go to admissions: its `when` did not hold"), "\(tried.output)")
      }
    }

    @Test func `that tries a draft over a channel sees the draft`() async throws {
      let project = try project()
      try project.write("draft.hilt", "transform draft\n  in hl7 2.3..2.6 ADT_*\n  out hl7\ndrop \"not today\"\n")
      let tried = try await project.hilum("try", "--channel", "adt", "draft.hilt", "a08.hl7")
      #expect(tried.status == 0 && tried.output.contains("dropped: not today"), "\(tried)")
    }

    @Test func `that tries a message which the channel does not take sees the refusal`() async throws {
      let project = try project()
      try project.write(
        "orm.hl7", String(decoding: Sample.adt("X"), as: UTF8.self).replacing("ADT^A01", with: "ORM^O01"))
      let tried = try await project.hilum("try", "--channel", "adt", "orm.hl7")
      #expect(
        tried.output.contains("channel adt: rejected: AR 200 at MSH-9: this channel takes ADT_*, and MSH-9 is ORM_O01"),
        "\(tried)")
      #expect(!tried.output.contains("upper("), "the transform does not get it: \(tried.output)")
    }

    @Test func `reads which field is wrong and what kind of thing came`() async throws {
      let project = try project()
      let foreign = Sample.adt("F", name: "Müller^Anna", header: "P|2.5.1||||||GB 18030-2000")
      try project.write("foreign.hl7", foreign)
      let read = try await project.hilum("try", "--channel", "adt", "foreign.hl7")
      #expect(read.status == 1 && read.output.contains("MSH-18 declares GB 18030-2000"), "\(read)")
      try project.write(
        "strict.hilt",
        "transform strict\n  in hl7 2.3..2.6 ADT_*\n  out hl7\n"
          + "require PID-3[1].1 is valued else reject AE 101 \"no patient\" at PID-3\n"
          + "require PV2-3 is valued else reject AE 101 \"no reason\" at PV2-3\n"
          + "reject AR 207 \"not today\" at PID-5\n")
      try project.write("empty.hl7", Sample.adt("E", patient: ""))
      let refused = try await project.hilum("try", "strict.hilt", "empty.hl7")
      #expect(
        refused.output.contains("rejected: AE 101 at PID-3 no patient\n    PID-3 has component 4, 5 of 5, 10 bytes"),
        "\(refused)")
      let segment = try await project.hilum("try", "strict.hilt", "a08.hl7")
      #expect(segment.output.contains("has no such PV2 segment"), "\(segment)")
    }

    @Test func `that names no channel there is reads which there are`() async throws {
      let project = try project()
      let tried = try await project.hilum("try", "--channel", "atd", "a08.hl7")
      #expect(tried.status == 2 && tried.errors.contains("the channels are adt"), "\(tried)")
      let with = try await project.hilum("try", "--channel", "adt", "a08.hl7", "--with", "a=b")
      #expect(with.status == 2 && with.errors.contains("--with"), "\(with)")
      #expect(try await project.hilum("try", "--channel", "adt").status == 2)
      #expect(try await project.hilum("try", "Transforms/upper.hilt").status == 2)
    }

    @Test func `that tries a channel with its transform in the file sees the transform alone`() async throws {
      let project = try project()
      let text = String(decoding: project.read("Channels/adt.yaml"), as: UTF8.self)
      let block = """
        transform: |
          transform inline
            in  hl7 2.3..2.6 ADT_*
            out hl7
          let out = copy msg
          out.PID-8 = "O"
          emit out
        """
      try project.write(
        "Channels/adt.yaml", text.replacing("transform: ../Transforms/upper.hilt", with: block))
      let tried = try await project.hilum("try", "--channel", "adt", "a08.hl7")
      #expect(tried.status == 0 && tried.output.contains("out.PID-8 = \"O\""), "\(tried)")
      #expect(!tried.output.contains("port:") && !tried.output.contains("\n  \n  \n"), "\(tried.output)")
    }

    @Test(.enabled(if: Tools.schemas != nil, "python jsonschema and PyYAML are not installed"))
    func `has an editor that knows what stands in every file here, and what is misspelt`() async throws {
      let python = try #require(Tools.schemas)
      let project = try Project()
      func problems(_ schema: String, _ paths: [String]) async throws -> [String] {
        let text = try await project.hilum("schema", schema).output
        try project.write("\(schema).json", text)
        let script = Project.root + "/Tests/WayTests/Peers/schema_check.py"
        let said = try await project.run([python, script, project.path("\(schema).json")] + paths)
        #expect(said.status == 0, "\(said)")
        return said.output.split(separator: "\n").map(String.init)
      }
      func files(_ pattern: String) throws -> [String] {
        let all = FileManager.default.enumerator(atPath: Project.root)?.compactMap { $0 as? String } ?? []
        let mine = all.filter { $0.hasPrefix("Channels/") || $0.hasPrefix("Examples/") }
        return mine.filter { $0.range(of: pattern, options: .regularExpression) != nil }.map { "\(Project.root)/\($0)" }
      }
      let channels = try files("Channels/(templates/)?[^/]*\\.yaml$")
      #expect(channels.count > 7)
      #expect(try await problems("channel", channels) == [])
      #expect(try await problems("settings", files("/hilum\\.yaml$")) == [])
      #expect(try await problems("environment", files("/environments/[^/]*\\.yaml$")) == [])

      try project.write(
        "bad.yaml",
        """
        channel: adt
        surce: {mllp: {port: 2575}}
        source: {mllp: {prt: 2575, port: high}}
        destinations:
          ehr: {mllp: {host: h, port: "${PORT}", timeout: 30}, order: strct}
          pager: {smpt: {}}

        """)
      let found = try await problems("channel", [project.path("bad.yaml")]).joined(separator: "\n")
      for word in ["'surce' was unexpected", "'prt' was unexpected", "'high'", "30 is not", "'strct'", "'smpt'"] {
        #expect(found.contains(word), "\(word): \(found)")
      }
      #expect(!found.contains("PORT"))
    }
  }
}
