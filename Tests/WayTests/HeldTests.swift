import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `What waits for a person` {
    private static let transform = """
      transform adt
        in  hl7 2.3..2.6 ADT_*
        out hl7

      when PV1-2 == "H" => hold "a person must look at it"
      when PV1-2 == "X" => fail "the class is unknown"
      if PV1-2 == "N" { hold "nothing follows" } else { emit msg }

      """

    private func make(
      _ channel: String = "", lane: String = "retry: {first: 20ms, factor: 1, longest: 20ms}"
    )
      async throws -> OneWay
    {
      let way = try await OneWay.make(lane: lane, channel: "transform: ../Transforms/adt.hilt\n\(channel)")
      try way.project.write("Transforms/adt.hilt", Self.transform)
      try await way.project.start()
      return way
    }

    private func message(_ id: String, class word: String = "I", patient: String = "1") -> [UInt8] {
      let text = String(decoding: Sample.adt(id, patient: patient), as: UTF8.self)
      return Array(text.replacing("PV1|1|I|", with: "PV1|1|\(word)|").utf8)
    }

    private func crash(_ way: OneWay) async throws {
      await way.project.running?.kill()
      try await way.project.start()
    }

    /// What the engine doesn't know to be delivered when it dies goes twice.
    private func delivered(_ count: Int, _ way: OneWay) async throws {
      try await eventually("\(count) are delivered") {
        try await way.project.ledger("adt").lanes[0].delivered == count
      }
    }

    // MARK: Messages

    @Test func `a held message goes past its hold when released, and stays where nothing follows`()
      async throws
    {
      let way = try await make()
      #expect(
        try await send(
          [
            message("HOLD-1", class: "H"), message("OK-1"), message("NONE-1", class: "N"),
            message("HOLD-2", class: "H"),
          ],
          to: way.port
        ).isAllAccepted)
      #expect(try await way.partner.waits(for: 1).map(\.controlID) == ["OK-1"])
      try await delivered(1, way)
      try await crash(way)
      let listed = try await way.project.hilum("held", "list")
      #expect(listed.output.contains("2 × adt, messages: a person must look at it"), "\(listed)")
      #expect(try await way.project.hilum("failed", "list").output.contains("Nothing has failed"))
      #expect(try await way.project.hilum("status").output.contains("3 held (hilum held list)"))
      let held = try await way.project.messages(.held).sorted { $0.id < $1.id }

      let released = try await way.project.hilum("held", "release", held[0].id)
      #expect(released.status == 0 && released.output.contains("routed to ehr"), "\(released)")
      #expect(try await way.partner.waits(for: 2).map(\.controlID) == ["OK-1", "HOLD-1"])
      let story = try await way.project.story(held[0].id)
      #expect(story.contains("released by hand and ran through the newest revision"), "\(story)")
      #expect(story.contains("released by a person, past: a person must look at it"), "\(story)")
      let stays = try await way.project.hilum("held", "release", held[1].id)
      #expect(stays.status == 1 && stays.output.contains("held: nothing follows"), "\(stays)")
      let discarded = try await way.project.hilum("held", "discard", held[1].id, held[2].id, "--reason", "by hand")
      #expect(discarded.status == 0, "\(discarded)")

      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 4, "accepted": 4, "routed": 2, "discarded": 2])
      let again = try await way.project.hilum("held", "release", held[0].id)
      #expect(again.status == 1 && again.output.contains("it is routed"), "\(again)")
    }

    // MARK: Failed messages

    @Test func `with on-fail hold a failed message keeps its place, and its retry goes out from there`()
      async throws
    {
      let way = try await make("on-fail: hold")
      #expect(
        try await send(
          [message("OK-1"), message("FAIL-1", class: "X"), message("OK-2"), message("FAIL-2", class: "X")]
            + (3...40).map { message("OK-\($0)") }, to: way.port
        ).isAllAccepted)
      #expect(try await way.partner.waits(for: 1).map(\.controlID) == ["OK-1"])
      try await delivered(1, way)
      let failed = try await way.project.messages(.failed).sorted { $0.id < $1.id }
      try await eventually("the status says what the lane stands at") {
        try await way.project.lane("adt/ehr").standsAt?.message == failed[0].id
      }
      let status = try await way.project.hilum("status").output
      #expect(status.contains("stands at failed message \(failed[0].id)") && status.contains("the class is unknown"))
      try await crash(way)
      let lane = try await way.project.ledger("adt").lanes[0]
      #expect(lane.deliveries == ["created": 40, "delivered": 1, "waiting": 39, "places": 2])
      #expect(try await way.project.story(failed[1].id).contains("It keeps its place in the lane of ehr"))
      let list = try await way.project.hilum("lane", "list", "adt/ehr").output
      #expect(list.contains("its message failed and keeps its place: the class is unknown"), "\(list)")
      // What fails again stays where it is.
      #expect(try await way.project.hilum("failed", "retry", failed[0].id).output.contains("failed: the class is"))
      #expect(way.partner.got.count == 1)

      try way.project.write(
        "Transforms/adt.hilt",
        Self.transform.replacing("when PV1-2 == \"X\" => fail \"the class is unknown\"", with: ""))
      try await way.project.restart()
      #expect(try await way.project.hilum("failed", "retry", failed[0].id).status == 0)
      #expect(try await way.partner.waits(for: 3).map(\.controlID) == ["OK-1", "FAIL-1", "OK-2"])
      try await delivered(3, way)
      try await crash(way)
      #expect(try await way.project.hilum("failed", "discard", failed[1].id, "--reason", "by hand").status == 0)
      try await way.project.drained()

      #expect(way.partner.controlIDs == ["OK-1", "FAIL-1"] + (2...40).map { "OK-\($0)" })
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 42, "accepted": 42, "routed": 41, "discarded": 1])
      #expect(ledger.lanes[0].deliveries == ["created": 41, "delivered": 41])
      #expect(try await way.project.lane("adt/ehr").standsAt == nil)
    }

    // MARK: Deliveries

    @Test func `a strict lane with then hold stands at what is refused until a person releases it`()
      async throws
    {
      let way = try await make(lane: "refused: {AR: 0, then: hold}")
      way.partner.answer {
        $0.controlID.hasPrefix("BAD") && $0.occurrence == 1 ? ReceiverBehaviour(.code(.AR)) : ReceiverBehaviour()
      }
      #expect(
        try await send(["OK-1", "BAD-1", "OK-2", "BAD-2", "OK-3"].map { message($0) }, to: way.port).isAllAccepted)
      try await way.partner.waits(for: 2)
      try await eventually("it is held") { try await way.project.ledger("adt").lanes[0].held == 1 }
      try await crash(way)
      let held: [DeliveryRecord] = try await way.project.heldDeliveries()
      #expect(held.count == 1 && held[0].summary?.contains("AR") == true && held[0].attempts == 1)
      try await eventually("the status says so") {
        try await way.project.lane("adt/ehr").standsAt?.delivery == held[0].id
      }
      #expect(try await way.project.hilum("status").output.contains("1 held (hilum held list), stands at delivery"))
      #expect(way.partner.controlIDs == ["OK-1", "BAD-1"])
      #expect(
        try await way.project.ledger("adt").lanes[0].deliveries
          == ["created": 5, "delivered": 1, "held": 1, "waiting": 3])
      #expect(try await way.project.story(held[0].message).contains("It keeps its place and waits for a person"))

      let released = try await way.project.hilum("held", "release", held[0].id)
      #expect(released.status == 0 && released.output.contains("in its place in adt/ehr"), "\(released)")
      #expect(
        try await way.partner.waits(for: 5).map(\.controlID) == ["OK-1", "BAD-1", "BAD-1", "OK-2", "BAD-2"])
      try await eventually("the next is held") { try await way.project.ledger("adt").lanes[0].held == 1 }
      let next: [DeliveryRecord] = try await way.project.heldDeliveries()
      #expect(
        try await way.project.hilum("held", "discard", next[0].id, "--reason", "telephoned").status == 0)
      try await way.project.drained()
      #expect(try await way.partner.waits(for: 6).last?.controlID == "OK-3")
      try await eventually("it is delivered") { try await way.project.ledger("adt").lanes[0].delivered == 4 }
      #expect(
        try await way.project.ledger("adt").lanes[0].deliveries == ["created": 5, "delivered": 4, "discarded": 1])
      #expect(try await way.project.story(next[0].message).contains("telephoned"))
    }

    @Test func `in a lane by key a held delivery holds what shares its key, and nobody else`() async throws {
      let way = try await make(
        lane: """
          order: {by: ["PID-3[1].1"], in-flight: 4}
              refused: {AR: 0, then: hold}
          """)
      way.partner.answer {
        $0.controlID == "A-1" && $0.occurrence == 1 ? ReceiverBehaviour(.code(.AR)) : ReceiverBehaviour()
      }
      var messages = [message("A-1", patient: "a")]
      for number in 2...5 { messages += [message("A-\(number)", patient: "a"), message("B-\(number)", patient: "b")] }
      #expect(try await send(messages, to: way.port).isAllAccepted)
      try await way.partner.waits(for: 5)
      try await eventually("only what shares its key waits") {
        let lane = try await way.project.ledger("adt").lanes[0]
        return lane.held == 1 && lane.waiting == 4 && lane.delivered == 4
      }
      #expect(try await way.project.hilum("held", "release", "--channel", "adt").status == 0)
      try await way.project.drained()
      let got = way.partner.controlIDs.filter { $0.hasPrefix("A") }
      #expect(got == ["A-1", "A-1", "A-2", "A-3", "A-4", "A-5"])
    }

    // MARK: Duplicates

    @Test func `with conflict reject another message under a used control id is refused and kept`() async throws {
      let way = try await make("duplicates: {conflict: reject}")
      let first = message("ID-1")
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(first).code == "AA")
      let refusal = try #require(try await wire.exchange(message("ID-1", patient: "2")).message)
      #expect(Sample.field("MSA", 1, of: refusal) == "AR")
      #expect(Sample.field("ERR", 3, of: refusal)?.hasPrefix("205") == true)
      #expect(try await wire.exchange(first).code == "AA")
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["ID-1"])
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 3, "accepted": 1, "routed": 1, "duplicate": 1, "rejected": 1])
      let rejected = try await way.project.messages(.rejected)
      #expect(rejected.count == 1 && rejected[0].reason?.contains("AR 205") == true && rejected[0].hasRaw)
    }
  }
}

extension Project {
  func heldDeliveries() async throws -> [DeliveryRecord] {
    struct Held: Decodable { var deliveries: [DeliveryRecord] }
    let held: Held = try await json("held", "list")
    return held.deliveries
  }
}
