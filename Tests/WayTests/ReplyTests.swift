import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A reply transform says what an answer means` {
    private static let answers = """
      transform answers
        in  hl7
        out hl7 2.5.1

      match MSA-3 {
        "later" => retry "not yet"
        "never" => dead "never {sent.MSH-10}"
        "ask"   => hold "about {original.PID-3[1].1}"
        "wrong" => fail "nobody knows this answer"
        _ => {
          if MSA-1 != "AA" { dead "refused" }
          note "taken by the partner"
          emit msg to "copy"
          done
        }
      }

      """

    private func make(
      _ lane: String = "retry: {first: 20ms, factor: 1, longest: 20ms}", name: String = "{MSA-2}"
    ) async throws -> OneWay {
      let way = try await OneWay.make(
        lane: """
          \(lane)
              reply: ../Transforms/answers.hilt
            copy:
              file: {directory: ../out, name: "\(name).hl7"}
              when: "MSA-1 is valued"
          """, channel: "transform: ../Transforms/adt.hilt")
      try way.project.write("Transforms/answers.hilt", Self.answers)
      try way.project.write(
        "Transforms/adt.hilt", "transform adt\n  in hl7\n  out hl7\nemit msg to \"ehr\"\n")
      return way
    }

    /// An answer with a text.
    private static func answer(_ code: String, _ text: String, to id: String) -> ReceiverBehaviour {
      let message = "MSH|^~\\&|EHR|H|HUB|H|20260101||ACK|A-\(id)|P|2.5.1\rMSA|\(code)|\(id)|\(text)\r"
      return ReceiverBehaviour(.bytes([0x0B] + Array(message.utf8) + [0x1C, 0x0D]))
    }

    @Test func `deployed anew it reads what comes then, and what waits goes where the new one says`() async throws {
      let way = try await make()
      try await way.project.start()
      #expect(try await send([Sample.adt("D1")], to: way.port).isAllAccepted)
      try await eventually("the first is copied") { way.project.names(in: "out") == ["D1.hl7"] }
      _ = try await way.project.hilum("lane", "pause", "adt/ehr")
      #expect(try await send([Sample.adt("D2")], to: way.port).isAllAccepted)
      let program = Self.answers.replacing("emit msg to \"copy\"", with: "")
      #expect(program != Self.answers)
      try way.project.write("Transforms/answers.hilt", program)
      #expect(try await way.project.hilum("deploy").status == 0)
      _ = try await way.project.hilum("lane", "resume", "adt/ehr")
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["D1", "D2"] && way.project.names(in: "out") == ["D1.hl7"])
      #expect(try await way.project.ledger("adt").lanes.map(\.delivered) == [2, 1])
    }

    @Test func `it ends the delivery, tries again, gives up or holds, and what it emits is delivered`() async throws {
      let way = try await make()
      way.partner.answer { reception in
        let id = reception.controlID
        if reception.occurrence > 1 { return Self.answer("AA", "", to: id) }
        return switch id.split(separator: "-").first {
        case "LATER": Self.answer("AA", "later", to: id)
        case "NEVER": Self.answer("AE", "never", to: id)
        case "ASK": Self.answer("AR", "ask", to: id)
        case "WRONG": Self.answer("AA", "wrong", to: id)
        default: Self.answer("AA", "", to: id)
        }
      }
      try await way.project.start()
      let ids = ["OK-1", "LATER-1", "NEVER-1", "WRONG-1", "OK-2", "ASK-1", "OK-3"]
      #expect(try await send(ids.map { Sample.adt($0) }, to: way.port).isAllAccepted)

      try await eventually("it stands at what its reply transform holds") {
        let lane = try await way.project.ledger("adt").lanes[0]
        return lane.held == 1 && lane.waiting == 1 && lane.dead == 2 && lane.delivered == 3
      }
      #expect(
        way.partner.controlIDs == ["OK-1", "LATER-1", "LATER-1", "NEVER-1", "WRONG-1", "OK-2", "ASK-1"])
      let reasons = try await way.project.dead().map { $0.summary ?? "" }
      #expect(reasons.contains { $0 == "AE: never NEVER-1" }, "\(reasons)")
      #expect(
        reasons.contains { $0.hasPrefix("AA, and the reply transform failed: nobody knows this answer") }, "\(reasons)")
      let held = try #require(try await way.project.heldDeliveries().first)
      #expect(held.summary == "AR: about 123456")
      // What quotes a message is in no log.
      #expect(!way.project.log.contains("about 123456") && way.project.log.contains("its reply transform said hold"))

      await way.project.running?.kill()
      try await way.project.start()
      #expect(try await way.project.hilum("held", "release", held.id).status == 0)
      try await way.project.drained()
      try await eventually("every answer that was taken has its copy") {
        way.project.names(in: "out") == ["ASK-1.hl7", "LATER-1.hl7", "OK-1.hl7", "OK-2.hl7", "OK-3.hl7"]
      }
      #expect(String(decoding: way.project.read("out/OK-1.hl7"), as: UTF8.self).contains("MSA|AA|OK-1"))
      try await eventually("all is durable") { try await way.project.ledger("adt").lanes[1].delivered == 5 }
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 7, "accepted": 7, "routed": 7])
      #expect(ledger.lanes[0].deliveries == ["created": 7, "delivered": 5, "dead": 2])
      #expect(ledger.lanes[1].deliveries == ["created": 5, "delivered": 5])
      let first = try #require(try await way.project.messages().last)
      let story = try await way.project.story(first.id)
      #expect(
        story.contains("ehr answered: taken by the partner") && story.contains("the answer of ehr sends to copy")
          && story.contains("copy took it"), "\(story)")
    }

    @Test func `killed before its decision is durable: the partner is asked again, and what follows goes once`()
      async throws
    {
      let way = try await make()
      way.partner.answer { Self.answer("AA", "", to: $0.controlID) }
      let id = try await way.diesAtTheEndOfADelivery()
      #expect(way.project.names(in: "out") == [])
      try await way.project.start()
      try await eventually("it is sent again") {
        way.partner.controlIDs.filter { $0 == id }.count == 2
      }
      try await eventually("what follows is delivered") {
        try await way.project.ledger("adt").lanes[1].deliveries == ["created": 1, "delivered": 1]
      }
      #expect(way.project.names(in: "out") == ["\(id).hl7"])
    }

    @Test func `one that fails holds the lane where it says so, and the retry is marked as a possible duplicate`()
      async throws
    {
      let way = try await make("refused: {AE: 0, then: hold}")
      way.partner.answer { Self.answer("AA", $0.occurrence == 1 ? "wrong" : "", to: $0.controlID) }
      try await way.project.start()
      #expect(try await send([Sample.adt("W-1")], to: way.port).isAllAccepted)
      try await eventually("it is held") { try await way.project.ledger("adt").lanes[0].held == 1 }
      let held = try #require(try await way.project.heldDeliveries().first)
      #expect(held.possibleDuplicate)
      #expect(try await way.project.hilum("held", "release", held.id).status == 0)
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["W-1", "W-1"])
    }

    @Test func `what its emission can't fill is dead from the start, and in the ledger`() async throws {
      let way = try await make(name: "{MSA-4}")
      way.partner.answer { Self.answer("AA", "", to: $0.controlID) }
      try await way.project.start()
      #expect(try await send([Sample.adt("D-1")], to: way.port).isAllAccepted)
      try await eventually("the copy is dead") {
        try await way.project.ledger("adt").lanes[1].deliveries == ["created": 1, "dead": 1]
      }
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 1, "delivered": 1])
    }
  }
}
