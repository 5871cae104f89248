import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `In order by key` {
    private static let order = """
      order: {by: ["PID-3[1].1", "MRG-1[1].1"], in-flight: 8}
          refused: {AE: 1000}
          retry: {first: 20ms, factor: 1, longest: 20ms}
      """

    private func send(_ messages: [[UInt8]], _ way: OneWay) async throws {
      #expect(try await WayTests.send(messages, to: way.port).isAllAccepted)
    }

    @Test func `one dead key holds nobody else up, and its own messages come in order when it is well again`()
      async throws
    {
      let way = try await OneWay.make(lane: Self.order)
      way.partner.answer { $0.controlID.hasPrefix("D") ? ReceiverBehaviour(.code(.AE)) : ReceiverBehaviour() }
      try await way.project.start()
      // More behind the dead one than a lane keeps in memory.
      var messages: [[UInt8]] = []
      for number in 1...700 {
        messages.append(Sample.adt("D\(number)", patient: "dead"))
        messages.append(Sample.adt("W\(number)", patient: "well\(number % 7)"))
      }
      try await send(messages, way)

      try await eventually("all others are delivered") {
        Set(way.partner.controlIDs.filter { $0.hasPrefix("W") }).count == 700
      }
      #expect(Set(way.partner.controlIDs.filter { $0.hasPrefix("D") }) == ["D1"])
      let lane = try await way.project.lane("adt/ehr")
      #expect(lane.waiting == 700)
      try await eventually("the status says what holds them up") {
        try await way.project.hilum("status").output.contains("messages of 1 key wait for their turn")
      }

      way.partner.answer(ReceiverBehaviour())
      try await way.project.drained()
      let got = way.partner.got
      let dead = got.filter { $0.controlID.hasPrefix("D") }.map(\.controlID)
      #expect(Array(dead.drop { $0 == "D1" }) == (2...700).map { "D\($0)" })
      for patient in 0..<7 {
        let well = got.filter { $0.controlID.hasPrefix("W") }.compactMap { Int($0.controlID.dropFirst()) }
          .filter { $0 % 7 == patient }
        #expect(well == well.sorted() && well.count == 100)
      }
      #expect(Set(got.map(\.connection)).count > 1, "several are under way at once")
    }

    @Test func `a merge waits for both of its patients, and holds back what follows with either`() async throws {
      let way = try await OneWay.make(lane: Self.order)
      way.partner.answer { $0.controlID == "A1" ? ReceiverBehaviour(.code(.AE)) : ReceiverBehaviour() }
      try await way.project.start()
      try await send(
        [
          Sample.adt("A1", patient: "old"), Sample.adt("B1", patient: "kept"),
          Sample.adt("M", event: "A40", patient: "kept", more: ["MRG|old"]), Sample.adt("B2", patient: "kept"),
          Sample.adt("C1", patient: "other"),
        ], way)
      try await eventually("what shares no key is delivered") { Set(way.partner.controlIDs) == ["A1", "B1", "C1"] }

      way.partner.answer(ReceiverBehaviour())
      try await way.project.drained()
      let order = way.partner.controlIDs.filter { ["M", "B2"].contains($0) }
      #expect(order == ["M", "B2"])
    }

    @Test func `a partner that serves one connection gets everything over that one`() async throws {
      let way = try await OneWay.make(
        destination: ", timeout: 300ms",
        lane: "order: {by: [\"PID-3[1].1\"], in-flight: 4}\n    retry: {first: 20ms, factor: 1, longest: 20ms}")
      // The others are connected and never answered.
      way.partner.answer { $0.connection == 0 ? ReceiverBehaviour() : ReceiverBehaviour(.none) }
      try await way.project.start()
      try await send((1...60).map { Sample.adt("S\($0)", patient: "P\($0 % 9)") }, way)
      try await way.project.drained()
      #expect(try await way.project.ledger("adt").lanes.map(\.dead) == [0])
      #expect(Set(way.partner.got.filter { $0.connection == 0 }.map(\.controlID)) == Set((1...60).map { "S\($0)" }))
    }

    @Test func `a lane is changed from strict to keys: what waited goes first, in its order`() async throws {
      let way = try await OneWay.make(partner: try await Partner.away())
      let engine = try await way.project.start()
      try await send((1...20).map { Sample.adt("O\($0)", patient: "P\($0 % 3)") }, way)
      _ = await engine.stop()
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/adt.yaml",
        file.replacing("    retry:", with: "    order: {by: [\"PID-3[1].1\"], in-flight: 4}\n    retry:"))
      try await way.partner.receiver.start()
      try await way.project.start()
      try await send((1...20).map { Sample.adt("N\($0)", patient: "P\($0 % 3)") }, way)
      try await way.project.drained()
      #expect(Array(way.partner.controlIDs.prefix(20)) == (1...20).map { "O\($0)" })
      #expect(way.partner.got.count == 40)
    }
  }
}
