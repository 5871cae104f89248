import Engine
import Partners
import Store
import Testing

extension Ways {
  /// What is wrong is seen without looking for it: in the status, in the log, in the answer to a wrong name.
  @Suite struct `Trouble is seen` {
    @Test func `and so is a start: which engine, with what, and where it listens`() async throws {
      let way = try await OneWay.start()
      let lines = way.project.log.split(separator: "\n")
      let start = try #require(lines.first)
      #expect(start.contains(" INFO Hilum ") && start.contains("data=\"\(way.project.path("data"))\""), "\(start)")
      #expect(start.contains("/Channels\""), "\(start)")
      let ready = lines.filter { $0.contains(" INFO Ready: 1 of 1 channels, listening on 127.0.0.1:\(way.port).") }
      #expect(ready.count == 1, "\(lines)")
    }

    @Test func `a message that is too large to be taken is seen beside its sender`() async throws {
      let way = try await OneWay.start(channel: "limits: {message: 1KiB}")
      let large = Sample.adt("BIG", more: (1...40).map { "NTE|\($0)|L|a line of some length" })
      for _ in 1...2 { #expect(try await send([large], to: way.port).refused.count == 1) }
      let shown = try await way.project.hilum("status").output
      #expect(shown.contains("refused 2, the last: a message has more than 1024 bytes"), "\(shown)")
    }

    @Test func `what waits for a person, in the status and in the log`() async throws {
      let way = try await OneWay.make(channel: "transform: ../Transforms/adt.hilt")
      try way.project.write(
        "Transforms/adt.hilt",
        "transform adt\n  in hl7\n  out hl7\nwhen MSH-9.2 == \"A05\" => fail \"no\"\n"
          + "when MSH-9.2 == \"A06\" => hold \"look\"\nemit msg\n")
      way.partner.answer(.code(.AR))
      try await way.project.start()
      let messages = [Sample.adt("F1", event: "A05"), Sample.adt("H1", event: "A06"), Sample.adt("D1")]
      #expect(try await send(messages, to: way.port).isAllAccepted)
      try await eventually(within: 60, "one is dead") { try await way.project.lane("adt/ehr").dead == 1 }

      let channel = try await way.project.channel("adt")
      #expect(channel.failed == 1 && channel.held == 1)
      let shown = try await way.project.hilum("status").output
      #expect(shown.contains("1 dead (hilum dead list)"), "\(shown)")
      #expect(shown.contains("1 failed (hilum failed list), 1 held (hilum held list)"), "\(shown)")
      let dead = try #require(try await way.project.dead().first)
      let line = try #require(way.project.log.split(separator: "\n").first { $0.contains(dead.id) })
      #expect(line.contains("WARNING A delivery is dead") && line.contains("lane=\"ehr\""), "\(line)")

      // The id at hand is often the message's.
      let retried = try await way.project.hilum("dead", "retry", dead.message)
      #expect(
        retried.status == 1 && retried.output.contains("it is a message's id; its dead delivery is \(dead.id) (ehr)"),
        "\(retried)")
    }

    @Test func `a partner that goes and comes back`() async throws {
      let way = try await OneWay.start()
      await way.partner.receiver.stop()
      #expect(try await send([Sample.adt("W1")], to: way.port).isAllAccepted)
      try await eventually(within: 60, "the log says that the partner is away") {
        way.project.log.contains("WARNING The partner can't be reached")
      }
      try await way.partner.receiver.start()
      try await way.partner.waits(for: 1)
      try await eventually(within: 60, "and that it is back") { way.project.log.contains("INFO The partner is back") }
      #expect(way.project.log.split(separator: "\n").count { $0.contains("can't be reached") } == 1)
    }

    @Test func `what waits in a lane whose destination has another name now, or whose channel is gone`() async throws {
      let way = try await OneWay.start()
      let project = way.project
      _ = try await project.hilum("lane", "pause", "adt/ehr")
      #expect(try await send(["N1", "N2"].map { Sample.adt($0) }, to: way.port).isAllAccepted)
      let old = String(decoding: project.read("Channels/adt.yaml"), as: UTF8.self)
      try project.write("Channels/adt.yaml", old.replacing("channel: adt", with: "channel: other"))
      try await project.restart()

      #expect(project.log.contains("channel adt: 2 deliveries wait (ehr 2), and no channel file has this name any"))
      #expect(try await project.status().gone.map(\.name) == ["adt"])
      #expect(try await project.hilum("status").output.contains("no channel file has this name any more"))

      try project.write("Channels/adt.yaml", old.replacing("  ehr:", with: "  emr:"))
      try await project.restart()
      #expect(project.log.contains("lane ehr: 2 deliveries wait, and channel adt has no destination ehr any more"))
      #expect(try await project.channel("adt").stranded.map(\.waiting) == [2])
      #expect(try await project.hilum("status").output.contains("ehr: 2 waiting, the channel has no destination ehr"))
      let cancelled = try await project.hilum("lane", "cancel", "adt/ehr", "--all", "--reason", "sent by hand")
      #expect(cancelled.output.contains("2 cancelled"), "\(cancelled)")
      #expect(try await project.channel("adt").stranded.isEmpty)
      let lanes = try await project.ledger("adt").lanes
      #expect(lanes.first { $0.name == "ehr" }?.deliveries == ["created": 2, "cancelled": 2])
      #expect(way.partner.got.isEmpty)
    }

    @Test func `a name that is not there`() async throws {
      let way = try await OneWay.start(channel: "columns: {mrn: \"PID-3[1].1\", event: MSH-9.2}")
      for (words, says) in [
        (["messages", "list", "--channel", "nix"], "there is no channel nix; there are adt"),
        (["messages", "list", "--where", "mrm=1"], "no channel has a column mrm; there are event, mrn"),
        (
          ["messages", "list", "--channel", "adt", "--where", "mrm=1"],
          "channel adt has no column mrm; it has event, mrn"
        ),
        (["lane", "list", "adt/nix"], "channel adt has no lane nix; it has ehr"),
        (["dead", "retry", "--channel", "nix"], "there is no channel nix; there are adt"),
        (["failed", "list", "--channel", "nix"], "there is no channel nix; there are adt"),
      ] {
        let result = try await way.project.run([Project.binary] + words)
        #expect(result.status == 1 && result.errors.contains(says), "\(words) \(result)")
      }
      for words in [
        ["messages", "list", "--channel", "adt", "--where", "mrn=1"], ["lane", "list", "adt/ehr"],
        ["dead", "list", "--channel", "adt"],
      ] {
        #expect(try await way.project.run([Project.binary] + words).status == 0, "\(words)")
      }
    }
  }
}
