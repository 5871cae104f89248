import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// What commands print, for people and for programs.
  @Suite struct `What is printed` {
    /// A channel over MLLP that rejects a message without a patient, and one over a folder.
    private func start() async throws -> OneWay {
      let way = try await OneWay.make(
        channel: "transform: ../Transforms/adt.hilt\ncolumns: {mrn: \"PID-3[1].1\"}")
      try way.project.write(
        "Transforms/adt.hilt",
        """
        transform adt
          in  hl7 2.3..2.6 ADT_*
          out hl7
        require PID-3[1].1 is valued else reject AE 101 "no patient identifier" at PID-3
        when PV1-2 == "X" => fail "the class is unknown"
        note "seen"
        emit msg

        """)
      try way.project.write(
        "Channels/drop.yaml",
        """
        channel: drop
        source:
          file: {directory: ../in, poll: 100ms, complete: {by: rename}}
        format: hl7v2
        destinations:
          out: {file: {directory: ../out, name: "{MSH-10}.hl7"}}

        """)
      try await way.project.start()
      return way
    }

    @Test func `of a refusal is place, condition and text, and in the summary how many there were`() async throws {
      let way = try await start()
      try way.project.write(
        "bad.hl7", Sample.adt("BAD", patient: "") + Sample.adt("GOOD") + Sample.adt("BAD2", patient: ""))
      let url = "mllp://127.0.0.1:\(way.port)"
      let brief = try await way.project.hilum("send", url, "bad.hl7")
      #expect(brief.status == 1)
      #expect(brief.output.contains("2 refused, the first with AE, condition 101 at PID-3"), "\(brief)")
      let told = try await way.project.hilum("send", url, "bad.hl7", "--verbose")
      let line = "1  BAD  AE  101 Required field missing at PID-3: no patient identifier"
      #expect(told.status == 1 && told.output.contains(line), "\(told)")
    }

    @Test func `as JSON is plain JSON, whatever the command`() async throws {
      let way = try await start()
      let project = way.project
      _ = try await project.hilum("lane", "pause", "adt/ehr")
      let failing = String(decoding: Sample.adt("J2"), as: UTF8.self).replacing("PV1|1|I|", with: "PV1|1|X|")
      #expect(try await send([Sample.adt("J1"), Array(failing.utf8)], to: way.port).isAllAccepted)
      #expect(try await send([Sample.adt("J3", patient: "")], to: way.port).refused.count == 1)
      // The channel takes what is renamed into its folder, as a sender would.
      try project.write("a.hl7", Sample.adt("FILE"))
      try FileManager.default.moveItem(atPath: project.path("a.hl7"), toPath: project.path("in/a.hl7"))
      try await eventually("it is there") { project.names(in: "out") == ["FILE.hl7"] }
      let messages = try await project.messages()
      let routed = try #require(messages.first { $0.state == .routed && $0.channel == "adt" }).id
      let file = try #require(messages.first { $0.channel == "drop" }).id
      let failed = try #require(messages.first { $0.state == .failed }).id
      try project.write("Channels/wrong.yaml", "channel: wrong\n")

      var outputs: [String: String] = [:]
      for words in [
        ["check"], ["status"], ["status", "adt"], ["messages", "list"], ["messages", "show", routed],
        ["messages", "show", file], ["why", routed], ["audit"], ["failed", "list"], ["dead", "list"],
        ["lane", "list", "adt/ehr"], ["ping", "adt/ehr"], ["reprocess", routed, "--dry-run"],
        ["failed", "retry", failed], ["failed", "discard", failed, "--reason", "x"], ["pause", "adt"], ["stop", "adt"],
        ["start", "adt"], ["resend", file], ["lane", "cancel", "adt/ehr", "--all", "--reason", "x"],
      ] {
        let result = try await project.run([Project.binary] + words + ["--json"])
        let value = try? JSONSerialization.jsonObject(with: Data(result.output.utf8), options: .fragmentsAllowed)
        #expect(value != nil, "\(words): \(result)")
        #expect(!result.output.contains("\"_0\""), "\(words): \(result.output)")
        outputs[words.joined(separator: " ")] = result.output
      }
      #expect(outputs["messages show \(routed)"]?.contains("\"peer\" : \"127.0.0.1") == true, "\(outputs)")
      #expect(outputs["messages show \(file)"]?.contains("\"name\" : \"a.hl7\"") == true, "\(outputs)")
      #expect(outputs["messages list"]?.contains("\"mrn\" : \"123456\"") == true)
    }
  }
}
