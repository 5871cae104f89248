import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A sender that waits for the partner, and deployments` {
    private static func source(_ within: String = "20s") -> String {
      ", acknowledge: {delivered: ehr, within: \(within), then: cancel}"
    }

    private static func answer(_ code: String, _ text: String, to id: String) -> ReceiverBehaviour {
      let message = "MSH|^~\\&|EHR|H|HUB|H|20260101||ACK^A01^ACK|A-\(id)|P|2.5.1\rMSA|\(code)|\(id)|\(text)\r"
      return ReceiverBehaviour(.bytes([0x0B] + Array(message.utf8) + [0x1C, 0x0D]))
    }

    @Test func `what was withdrawn goes when it is sent again, although nobody waits for it any more`()
      async throws
    {
      let way = try await OneWay.make(source: Self.source("300ms"), partner: try await Partner.away())
      try await way.project.start()
      let report = try await send([Sample.adt("M1")], to: way.port)
      #expect(!report.isAllAccepted)
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing(Self.source("300ms"), with: ""))
      #expect(try await way.project.hilum("deploy").status == 0)
      #expect(try await send([Sample.adt("M1")], to: way.port).isAllAccepted)
      try await way.partner.receiver.start()
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["M1"])
      let lane = try await way.project.ledger("adt").lanes[0]
      #expect(lane.deliveries == ["created": 2, "delivered": 1, "cancelled": 1])
    }

    @Test func `what was withdrawn goes to the lane that a deployment moved the others to`() async throws {
      let way = try await OneWay.make(source: Self.source("300ms"), partner: try await Partner.away())
      try await way.project.start()
      let report = try await send([Sample.adt("M1")], to: way.port)
      #expect(!report.isAllAccepted)
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/adt.yaml",
        file.replacing("delivered: ehr", with: "delivered: his").replacing("  ehr:", with: "  his:"))
      // Nothing waits at this moment; the word holds for what comes again all the same.
      #expect(try await way.project.hilum("deploy", "--waiting", "move:his").status == 0)
      try await way.partner.receiver.start()
      #expect(try await send([Sample.adt("M1")], to: way.port) { $0.timeout = .seconds(5) }.isAllAccepted)
      #expect(way.partner.controlIDs == ["M1"])
      #expect(try await way.project.lane("adt/his").waiting == 0)
    }

    @Test
    func `what was refused is never called accepted when it is sent again after that: it goes first, or AR stays`()
      async throws
    {
      let way = try await OneWay.make(source: Self.source(), lane: "retry: {for: 300ms, first: 20ms, factor: 1}")
      way.partner.answer { Self.answer($0.controlID == "E" ? "AE" : "AR", "no", to: $0.controlID) }
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("E")).code == "AE")
      #expect(try await wire.exchange(Sample.adt("R")).code == "AR")
      await way.partner.receiver.stop()
      // Not delivered in the time of `retry`.
      #expect(try await wire.exchange(Sample.adt("T")).code == "AE")
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing(Self.source(), with: ""))
      #expect(try await way.project.hilum("deploy").status == 0)
      way.partner.answer(.code(.AA))
      try await way.partner.receiver.start()
      let again = try await Wire.connect(to: way.port)
      #expect(try await again.exchange(Sample.adt("E")).code == "AA")
      #expect(try await again.exchange(Sample.adt("T")).code == "AA")
      #expect(try await again.exchange(Sample.adt("R")).code == "AR")
      try await eventually("both went again") {
        try await way.project.ledger("adt").lanes[0].deliveries
          == ["created": 5, "delivered": 2, "dead": 1, "discarded": 2]
      }
      #expect(way.partner.controlIDs == ["E", "R", "E", "T"])
      // What a person has decided on is a duplicate as any.
      let dead = try #require(try await way.project.dead().first)
      #expect(try await way.project.hilum("dead", "discard", dead.id, "--reason", "not wanted").status == 0)
      #expect(try await again.exchange(Sample.adt("R")).code == "AA")
    }

    @Test func `what was acknowledged before is never withdrawn by who repeats it`() async throws {
      let way = try await OneWay.make(partner: try await Partner.away())
      try await way.project.start()
      #expect(try await send([Sample.adt("O1")], to: way.port).isAllAccepted)
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/adt.yaml",
        file.replacing("port: \(way.port)}", with: "port: \(way.port)\(Self.source("300ms"))}"))
      #expect(try await way.project.hilum("deploy").status == 0)
      #expect(try await !send([Sample.adt("O1")], to: way.port).isAllAccepted)
      #expect(try await way.project.lane("adt/ehr").waiting == 1)
      try await way.partner.receiver.start()
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["O1"])
    }

    @Test func `what a sender was told of in another lane isn't withdrawn when its time in the first is over`()
      async throws
    {
      let way = try await OneWay.make(
        source: Self.source("4s"),
        lane: """
          retry: {first: 20ms, factor: 1, longest: 20ms}
            standby:
              mllp: {host: 127.0.0.1, port: 9, timeout: 2s}
              when: MSH-10 == "NEVER"
          """, partner: try await Partner.away())
      try await way.project.start()
      let first = try await Wire.connect(to: way.port)
      try await first.send(Wire.frame(Sample.adt("M1")))
      try await eventually("it waits") { try await way.project.lane("adt/ehr").waiting == 1 }
      #expect(try await way.project.hilum("lane", "pause", "adt/ehr").status == 0)
      let said = try await way.project.hilum("lane", "move", "adt/ehr", "--to", "standby", "--all")
      #expect(said.output.contains("1 moved to standby"), "\(said)")
      let report = try await send([Sample.adt("M1")], to: way.port)
      #expect(report.isAllAccepted, "\(report)")
      #expect(try await first.receive() == .closed)
      #expect(try await way.project.lane("adt/standby").waiting == 1)
    }

    @Test func `a deployment that changes the lane meanwhile loses no sender`() async throws {
      let way = try await OneWay.make(source: Self.source("20s"))
      await way.partner.receiver.stop()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(Wire.frame(Sample.adt("L")))
      try await eventually("it waits") { try await way.project.lane("adt/ehr").waiting == 1 }
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing("timeout: 2s", with: "timeout: 3s"))
      #expect(try await way.project.hilum("deploy").status == 0)
      try await way.partner.receiver.start()
      #expect(try await wire.receive().code == "AA")
      #expect(way.partner.controlIDs == ["L"])
    }

    @Test func `a deployment that waits for another partner keeps no sender waiting`() async throws {
      let silent = try await Partner.start()
      silent.answer(ReceiverBehaviour(.none))
      let way = try await OneWay.make(
        source: Self.source("700ms"),
        channel: "  copy:\n    mllp: {host: 127.0.0.1, port: \(silent.port), timeout: 20s}")
      await way.partner.receiver.stop()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(Wire.frame(Sample.adt("K")))
      try await eventually("it is at the other partner") { silent.controlIDs == ["K"] }
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing("timeout: 20s", with: "timeout: 19s"))
      let deployment = Task { (try await way.project.hilum("deploy").status, ContinuousClock.now) }
      #expect(try await wire.receive() == .closed)
      let closedAt = ContinuousClock.now
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 1, "cancelled": 1])
      let (status, deployedAt) = try await deployment.value
      #expect(status == 0 && closedAt < deployedAt)
    }
  }
}
