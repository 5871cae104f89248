import ConnectorKit
import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A person is in charge` {
    @Test func `of a lane: pause, list, cancel, resume, over a restart`() async throws {
      let way = try await OneWay.start()
      let project = way.project
      #expect(try await project.hilum("lane", "pause", "adt/ehr").status == 0)
      let ids = (1...6).map { "L\($0)" }
      #expect(try await send(ids.map { Sample.adt($0) }, to: way.port).isAllAccepted)
      #expect(try await project.lane("adt/ehr").paused)

      try await project.restart()

      let lane = try await project.lane("adt/ehr")
      #expect(lane.paused && lane.waiting == 6)
      #expect(way.partner.got.isEmpty)
      let waiting: [DeliveryRecord] = try await project.json("lane", "list", "adt/ehr")
      #expect(waiting.map(\.sequence) == [1, 2, 3, 4, 5, 6])
      let one = try await project.hilum(
        "lane", "cancel", "adt/ehr", waiting[1].id, waiting[3].id, "--reason", "sent by hand")
      #expect(one.output.contains("2 cancelled"), "\(one)")
      #expect(try await project.hilum("lane", "resume", "adt/ehr").status == 0)

      #expect(try await way.partner.waits(for: 4).map(\.controlID) == ["L1", "L3", "L5", "L6"])
      try await project.drained()
      let sums = try await project.ledger("adt").lanes[0]
      #expect(sums.deliveries == ["created": 6, "delivered": 4, "cancelled": 2])

      _ = try await project.hilum("lane", "pause", "adt/ehr")
      #expect(try await send(["L7", "L8"].map { Sample.adt($0) }, to: way.port).isAllAccepted)
      let all = try await project.hilum("lane", "cancel", "adt/ehr", "--all", "--reason", "not wanted")
      #expect(all.output.contains("2 cancelled"))
      _ = try await project.hilum("lane", "resume", "adt/ehr")
      #expect(try await send([Sample.adt("L9")], to: way.port).isAllAccepted)
      #expect(try await way.partner.waits(for: 5).map(\.controlID).last == "L9")
    }

    @Test func `of what is sent again: the same bytes, the same control id, and the story says so`() async throws {
      let way = try await OneWay.start()
      #expect(try await send([Sample.adt("R1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      try await way.project.drained()
      let id = try #require(try await way.project.messages().first).id

      let resent = try await way.project.hilum("resend", id, "--to", "ehr")
      #expect(resent.status == 0 && resent.output.contains("the same bytes go to ehr again"), "\(resent)")

      let got = try await way.partner.waits(for: 2)
      #expect(got[0].bytes == got[1].bytes && got[1].controlID == "R1")
      try await way.project.drained()
      #expect(try await way.project.story(id).contains("sent once more by hand"))
      let lane = try await way.project.ledger("adt").lanes[0]
      #expect(lane.deliveries == ["created": 2, "delivered": 2])

      // Once for each call, however often it was sent again before.
      for call in 2...4 {
        let again = try await way.project.hilum("resend", id)
        #expect(again.output.split(separator: "\n").count == 1, "\(again)")
        try await way.partner.waits(for: 1 + call)
        try await way.project.drained()
      }
      #expect(way.partner.got.count == 5)
      #expect(try await way.project.story(id).contains("routed to 1 destination."))
      let nowhere = try await way.project.hilum("resend", id, "--to", "nobody")
      #expect(nowhere.status == 1)
      let unknown = try await way.project.hilum("resend", "00000000000000000000000000")
      #expect(unknown.status == 1)
      #expect(try await way.project.hilum("resend", "what").status == 1)
    }

    @Test func `of what goes through the newest transform: a dry run shows it, the run does it`() async throws {
      let way = try await OneWay.make(channel: "transform: ../Transforms/adt.hilt")
      let transform = "transform adt\n  in hl7\n  out hl7\nlet out = copy msg\nout.PV1-3.1 = \"OLD\"\nemit out\n"
      try way.project.write("Transforms/adt.hilt", transform)
      try await way.project.start()
      #expect(try await send([Sample.adt("P1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      try await way.project.drained()
      let id = try #require(try await way.project.messages().first).id
      try way.project.write("Transforms/adt.hilt", transform.replacing("OLD", with: "NEW"))
      try await way.project.restart()

      let dry = try await way.project.hilum("reprocess", id, "--dry-run")
      #expect(dry.status == 0 && dry.output.contains("would be routed to ehr"), "\(dry)")
      #expect(way.partner.got.count == 1)
      #expect(try await way.project.hilum("reprocess", id).status == 0)

      let got = try await way.partner.waits(for: 2)
      #expect(Sample.field("PV1", 3, of: try #require(got[0].bytes))?.hasPrefix("OLD") == true)
      #expect(Sample.field("PV1", 3, of: try #require(got[1].bytes))?.hasPrefix("NEW") == true)
      #expect(got[1].controlID == "P1")
      try await way.project.drained()
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 1, "accepted": 1, "routed": 1])
      #expect(ledger.lanes[0].deliveries == ["created": 2, "delivered": 2])
    }

    @Test func `of a channel: paused and stopped stay so over a restart`() async throws {
      let way = try await OneWay.start()
      let project = way.project
      #expect(try await project.hilum("pause", "adt").status == 0)
      #expect(try await project.channel("adt").state == "paused")
      await #expect(throws: (any Error).self) { try await Wire.connect(to: way.port) }
      try await project.restart()
      #expect(try await project.channel("adt").state == "paused")
      await #expect(throws: (any Error).self) { try await Wire.connect(to: way.port) }

      #expect(try await project.hilum("start", "adt").status == 0)
      try await eventually("it listens") { try await project.channel("adt").source.listening != nil }
      await way.partner.receiver.stop()
      #expect(try await send([Sample.adt("S1")], to: way.port).isAllAccepted)
      #expect(try await project.hilum("stop", "adt").status == 0)
      try await way.partner.receiver.start()
      try await project.restart()
      let stopped = try await project.channel("adt")
      #expect(stopped.state == "stopped" && stopped.lanes[0].waiting == 1)
      #expect(way.partner.got.isEmpty)

      #expect(try await project.hilum("start", "adt").status == 0)
      #expect(try await way.partner.waits(for: 1).map(\.controlID) == ["S1"])
      #expect(try await project.hilum("pause", "nobody").status == 1)
    }

    @Test func `of a channel that is started while it still stops: it sends`() async throws {
      let way = try await OneWay.start()
      let project = way.project
      // Half a message keeps the source from ending at once.
      let wire = try await Wire.connect(to: way.port)
      try await wire.send([0x0B] + Sample.adt("T1"))
      try await eventually("the engine sees the sender") {
        try await !project.channel("adt").source.peers.isEmpty
      }
      async let stopped = project.hilum("stop", "adt")
      try await eventually("it stops") { try await project.channel("adt").state == "stopped" }
      #expect(try await project.hilum("start", "adt").status == 0)
      #expect(try await stopped.status == 0)

      #expect(try await project.channel("adt").state == "running")
      #expect(try await send([Sample.adt("T2")], to: way.port).isAllAccepted)
      #expect(try await way.partner.waits(for: 1).map(\.controlID) == ["T2"])
    }

    @Test func `and a bad channel file or transform never stops the good channels`() async throws {
      let way = try await OneWay.make()
      let project = way.project
      try project.write("Channels/broken.yaml", "channel: broken\nsource:\n  mlp: {port: 1}\n")
      try project.write("Channels/torn.yaml", "channel: torn\nsource: {mllp: {port")
      try project.write(
        "Channels/wrong-transform.yaml",
        "channel: wrong-transform\nsource: {mllp: {port: 0}}\ntransform: ../Transforms/wrong.hilt\n")
      try project.write("Transforms/wrong.hilt", "transform wrong\n  in hl7\n  out hl7\nemit msgg\n")
      try project.write(
        "Channels/taken.yaml",
        "channel: taken\nsource: {mllp: {port: \(way.partner.port)}}\n"
          + "destinations:\n  out: {file: {directory: ../out, name: \"{MSH-10}\"}}\n"
      )

      let engine = try await project.start(someBroken: true)

      #expect(engine.launch.output.contains("2 of 5 channels"), "\(engine.launch.output)")
      #expect(
        engine.launch.errors.contains("Channels/broken.yaml:3:3")
          && engine.launch.errors.contains("Channels/torn.yaml:2"))
      #expect(engine.launch.errors.contains("Transforms/wrong.hilt:4:6"))
      let status = try await project.status()
      #expect(Set(status.broken.map(\.name)) == ["broken", "Channels/torn.yaml", "wrong-transform"])
      try await eventually("the port that is taken is named") {
        try await project.channel("taken").trouble?.contains("the port is taken") == true
      }
      for words in [["stop", "taken"], ["start", "taken"], ["start", "taken", "--json"]] {
        let told = try await project.run([Project.binary] + words)
        #expect(told.status == (words[0] == "stop" ? 0 : 1), "\(words): \(told)")
        #expect(words[0] == "stop" || told.output.contains("the port is taken"), "\(told)")
        #expect(!told.output.contains("taken is running"), "\(told)")
      }
      #expect(try await send([Sample.adt("G1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      #expect(try await project.hilum("check").status == 1)

      // The source whose port was taken comes up by itself.
      await way.partner.receiver.stop()
      try await eventually(within: 40, "it listens") { try await project.channel("taken").source.listening != nil }
    }

    @Test func `and knows what happens: status, ping, logs`() async throws {
      let way = try await OneWay.start()
      #expect(try await send([Sample.adt("K1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      try await way.project.drained()
      let channel = try await way.project.channel("adt")
      #expect(channel.source.peers.first?.messages == 1 && channel.lanes[0].lastAnswer == "AA")
      let shown = try await way.project.hilum("status")
      #expect(
        shown.output.contains("adt") && shown.output.contains("ehr: 0 waiting, last answer AA"), "\(shown.output)")
      #expect(try await way.project.hilum("ping", "adt/ehr").status == 0)
      await way.partner.receiver.stop()
      let away = try await way.project.hilum("ping", "adt/ehr")
      #expect(away.status == 1 && !away.output.isEmpty)
      #expect(try await way.project.hilum("logs", "-n", "5").status == 0)
      #expect(try await send([Sample.adt("K2")], to: way.port).isAllAccepted)
      try await eventually("the lane says why it waits") {
        try await way.project.lane("adt/ehr").unreachable?.contains("refused") == true
      }
      #expect(try await way.project.hilum("status").output.contains("unreachable"))
    }
  }
}
