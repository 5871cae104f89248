import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A destination that is asked` {
    /// A query for identifiers (PIX, QBP^Q23) or for patients (QBP^Q22).
    private static func query(_ id: String, name: String = "MILLER") -> [UInt8] {
      Array(
        """
        MSH|^~\\&|WARD|HOSP|MPI|HOSP|20260101120000||QBP^Q22^QBP_Q21|\(id)|P|2.5\r\
        QPD|IHE PDQ Query|\(id)|@PID.5.1^\(name)\rRCP|I|10^RD\r
        """.utf8)
    }

    /// The answer of a patient index.
    private static func response(_ code: String, to id: String, name: String = "MILLER") -> ReceiverBehaviour {
      let message =
        "MSH|^~\\&|MPI|HOSP|HUB|HOSP|20260101120001||RSP^K22^RSP_K21|R\(id)|P|2.5\rMSA|\(code)|\(id)\r"
        + "QAK|\(id)|OK\rQPD|IHE PDQ Query|\(id)|@PID.5.1^\(name)\rPID|1||4711^^^MPI||\(name)^ANNA\r"
      return ReceiverBehaviour(.bytes([0x0B] + Array(message.utf8) + [0x1C, 0x0D]))
    }

    private func make(
      ask: String = "{within: 2s, in-flight: 4}", reply: String = "answer msg", source: String = "",
      destination: String = ", timeout: 10s", channel: String = ""
    ) async throws -> OneWay {
      let way = try await OneWay.make(
        source: source, destination: destination,
        lane: """
          ask: \(ask)
              reply: ../Transforms/answer.hilt
          """, channel: channel)
      try way.project.write(
        "Transforms/answer.hilt", "transform answer\n  in  hl7\n  out hl7\n\n\(reply)\n")
      way.partner.answer { Self.response("AA", to: $0.controlID) }
      return way
    }

    @Test func `answers the sender's query on the sender's own connection, and the ledger tells of both`() async throws
    {
      let way = try await make()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      let answer = try await wire.exchange(Self.query("Q1"))
      let bytes = try #require(answer.message)
      #expect(answer.code == "AA" && answer.controlID == "Q1")
      #expect(Sample.field("MSH", 9, of: bytes) == "RSP^K22^RSP_K21")
      #expect(Sample.field("PID", 5, of: bytes) == "MILLER^ANNA")
      #expect(Sample.field("MSH", 5, of: bytes) == "WARD" && Sample.field("MSH", 3, of: bytes) == "MPI")
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 1, "accepted": 1, "routed": 1])
      #expect(ledger.lanes[0].deliveries == ["created": 1, "delivered": 1])
      let lane = try await way.project.lane("adt/ehr")
      #expect(lane.questions?.answered == 1 && lane.questions?.unanswered == 0)
      // An asker that lost the answer gets it again.
      #expect(try await wire.exchange(Self.query("Q1")).controlID == "Q1")
      #expect(way.partner.controlIDs == ["Q1"])
      #expect(try await way.project.hilum("status").output.contains("asks     ehr: 1 answered, 0 not"))
      let metrics = try await way.project.hilum("metrics").output
      #expect(metrics.contains("hilum_questions_total{channel=\"adt\",lane=\"ehr\",outcome=\"answered\"} 1\n"))
      #expect(metrics.contains("hilum_question_seconds{channel=\"adt\",lane=\"ehr\"} "))
    }

    @Test func `answers an asker in enhanced mode with CA and then the response, or AE where nobody answers`()
      async throws
    {
      let way = try await make(ask: "{within: 600ms}", source: ", ack: {mode: enhanced}")
      way.partner.answer {
        $0.controlID == "SILENT" ? ReceiverBehaviour(.none) : Self.response("AA", to: $0.controlID)
      }
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      for (id, codes) in [("Q1", ["CA", "AA"]), ("SILENT", ["CA", "AE"])] {
        let query = String(decoding: Self.query(id), as: UTF8.self).replacing("|P|2.5\r", with: "|P|2.5|||AL|AL\r")
        try await wire.send(Wire.frame(Array(query.utf8)))
        for code in codes {
          let answer = try await wire.receive()
          #expect(answer.code == code && answer.controlID == id)
          if code == "AA" { #expect(answer.message.flatMap { Sample.field("PID", 5, of: $0) } == "MILLER^ANNA") }
        }
      }
    }

    @Test func `refuses at once what the partner refuses, or nobody answers, and asks again for who asks again`()
      async throws
    {
      let way = try await make(ask: "{within: 600ms}", destination: ", timeout: 10s")
      way.partner.answer { reception in
        if reception.controlID == "SILENT", reception.occurrence == 1 { return ReceiverBehaviour(.none) }
        return Self.response(reception.controlID == "BAD" ? "AE" : "AA", to: reception.controlID)
      }
      try way.project.write(
        "Transforms/answer.hilt",
        "transform answer\n  in  hl7\n  out hl7\n\nif MSA-1 != \"AA\" { dead \"no\" }\nanswer msg\n")
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      // The partner's own words, with its query segments.
      let refused = try await wire.exchange(Self.query("BAD"))
      #expect(refused.code == "AE" && refused.controlID == "BAD")
      #expect(refused.message.flatMap { Sample.field("QAK", 2, of: $0) } == "OK")
      let silent = try await wire.exchange(Self.query("SILENT"))
      #expect(silent.code == "AE" && silent.controlID == "SILENT")
      try await eventually("who asks again is answered") {
        try await wire.exchange(Self.query("SILENT")).code == "AA"
      }
      await way.partner.receiver.stop()
      #expect(try await wire.exchange(Self.query("AWAY")).code == "AE")
      try await way.partner.receiver.start()
      #expect(try await wire.exchange(Self.query("AWAY")).code == "AA")
      // Nothing waits for anybody.
      let lane = try await way.project.ledger("adt").lanes[0]
      #expect(lane.delivered == 2 && lane.cancelled == 3 && lane.waiting == 0 && lane.dead == 0)
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test func `is asked many things at once, and none gets the answer of another`() async throws {
      let way = try await make(ask: "{within: 900ms, in-flight: 4}")
      way.partner.answer { reception in
        var behaviour = Self.response("AA", to: reception.controlID, name: "N\(reception.controlID)")
        // Every third one comes too late.
        behaviour.delay = .milliseconds(reception.number % 3 == 0 ? 1400 : 30)
        return behaviour
      }
      try await way.project.start()
      try await withThrowingTaskGroup(of: (String, Wire.Reception).self) { group in
        for asker in 0..<4 {
          group.addTask {
            let wire = try await Wire.connect(to: way.port)
            var last: (String, Wire.Reception) = ("", .nothing)
            for turn in 0..<4 {
              let id = "M\(asker)-\(turn)"
              last = (id, try await wire.exchange(Self.query(id)))
              let bytes = try #require(last.1.message)
              #expect(last.1.controlID == id)
              if last.1.code == "AA" { #expect(Sample.field("PID", 5, of: bytes) == "N\(id)^ANNA") }
            }
            return last
          }
        }
        for try await (id, answer) in group { #expect(answer.controlID == id) }
      }
      let lane = try await way.project.ledger("adt").lanes[0]
      #expect(lane.created == 16 && lane.delivered >= 4 && lane.cancelled >= 1 && lane.waiting == 0)
    }

    @Test func `and is not asked again after a kill: the asker asks again`() async throws {
      let way = try await make(ask: "{within: 20s}", destination: ", timeout: 20s")
      way.partner.answer(ReceiverBehaviour(.none))
      let engine = try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(Wire.frame(Self.query("K1")))
      try await way.partner.waits(for: 1)
      await engine.kill()
      way.partner.answer { Self.response("AA", to: $0.controlID) }
      try await way.project.start()
      try await eventually("it is over") {
        try await way.project.ledger("adt").lanes[0].deliveries == ["created": 1, "cancelled": 1]
      }
      #expect(way.partner.controlIDs == ["K1"])
      let again = try await Wire.connect(to: way.port)
      #expect(try await again.exchange(Self.query("K1")).code == "AA")
      #expect(way.partner.controlIDs == ["K1", "K1"])
    }

    @Test func `looks something up for a message whose sender does not wait: unanswered it is dead, and asked by hand`()
      async throws
    {
      let way = try await make(
        reply: "let found = copy original\nfound.PID-3[1].1 = msg.PID-3[1].1\nemit found to \"copy\"\ndone",
        channel: """
            copy:
              when: PID-3[1].1 == "4711"
              file: {directory: ../out, name: "{MSH-10}.hl7"}
          """)
      try await way.project.start()
      await way.partner.receiver.stop()
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("L1")).code == "AA")
      try await eventually("it is dead") { try await way.project.dead().count == 1 }
      try await way.partner.receiver.start()
      let dead = try #require(try await way.project.dead().first)
      #expect(try await way.project.hilum("dead", "retry", dead.id).status == 0)
      try await eventually("it is answered") {
        try await way.project.ledger("adt").lanes[0].deliveries == ["created": 1, "delivered": 1]
      }
      try await eventually("what was found goes on") { way.project.names(in: "out") == ["L1.hl7"] }
      #expect(String(decoding: way.project.read("out/L1.hl7"), as: UTF8.self).contains("PID|1||4711^^^HOSP^MR"))
    }
  }
}
