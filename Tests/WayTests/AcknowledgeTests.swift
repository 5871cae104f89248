import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A sender is answered when the partner has taken its message` {
    private static let quick = "retry: {first: 20ms, factor: 1, longest: 20ms}"

    private static func source(_ within: String = "20s", _ then: String = "cancel") -> String {
      ", acknowledge: {delivered: ehr, within: \(within), then: \(then)}"
    }

    /// An answer with a text, from a partner that was sent something else than the sender sent.
    private static func answer(_ code: String, _ text: String, to id: String, more: String = "") -> ReceiverBehaviour {
      let message = "MSH|^~\\&|EHR|H|HUB|H|20260101||ACK^A01^ACK|A-\(id)|P|2.5.1\rMSA|\(code)|\(id)|\(text)\r\(more)"
      return ReceiverBehaviour(.bytes([0x0B] + Array(message.utf8) + [0x1C, 0x0D]))
    }

    /// A transform that gives the message a control id and a sender of its own.
    private static func renaming(_ way: OneWay) throws {
      try way.project.write(
        "Transforms/own.hilt",
        """
        transform own
          in  hl7
          out hl7
        let out = copy msg
        out.MSH-3 = "HUB2"
        out.MSH-10 = "X{msg.MSH-10}"
        emit out

        """)
    }

    @Test func `with the partner's AA, AE and AR in the words of the partner, addressed to the sender`() async throws {
      let way = try await OneWay.make(
        source: Self.source(), channel: "transform: ../Transforms/own.hilt")
      try Self.renaming(way)
      way.partner.answer { reception in
        switch reception.controlID {
        case "XE": Self.answer("AE", "no such ward", to: "XE", more: "ERR|||103^Table value not found^HL70357|E\r")
        case "XR": Self.answer("AR", "not for us", to: "XR")
        default: Self.answer("AA", "", to: reception.controlID)
        }
      }
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      let taken = try await wire.exchange(Sample.adt("T"))
      let bytes = try #require(taken.message)
      #expect(taken.code == "AA" && taken.controlID == "T")
      #expect(Sample.field("MSH", 3, of: bytes) == "HUB" && Sample.field("MSH", 5, of: bytes) == "PAS")
      #expect(way.partner.controlIDs == ["XT"])

      let error = try await wire.exchange(Sample.adt("E"))
      let refusal = try #require(error.message)
      #expect(error.code == "AE" && error.controlID == "E")
      #expect(Sample.field("MSA", 3, of: refusal) == "no such ward")
      #expect(Sample.field("ERR", 3, of: refusal)?.hasPrefix("103^") == true)
      let rejected = try await wire.exchange(Sample.adt("R"))
      #expect(rejected.code == "AR" && rejected.controlID == "R")
      // A refusal goes to the sender at once: it was sent once.
      #expect(way.partner.controlIDs == ["XT", "XE", "XR"])
      // The same again is answered like the first, and not sent again.
      #expect(try await wire.exchange(Sample.adt("T")).code == "AA")
      #expect(try await wire.exchange(Sample.adt("R")).code == "AR")
      #expect(way.partner.controlIDs.count == 3)
      // But what an AE refused may pass: who sends it again has it tried again.
      way.partner.answer { Self.answer("AA", "", to: $0.controlID) }
      #expect(try await wire.exchange(Sample.adt("E")).code == "AA")
      #expect(way.partner.controlIDs == ["XT", "XE", "XR", "XE"])
      try await eventually("all is durable") {
        try await way.project.ledger("adt").lanes[0].deliveries
          == ["created": 4, "delivered": 2, "dead": 1, "discarded": 1]
      }
      #expect(
        try await way.project.ledger("adt").arrivals == [
          "received": 6, "accepted": 3, "routed": 3, "duplicate": 3,
        ])
    }

    @Test func `in the order of its messages, however many it sends ahead`() async throws {
      let way = try await OneWay.start(
        source: Self.source(), lane: "order: {by: none, in-flight: 8}\n    \(Self.quick)")
      // The first comes back last.
      way.partner.answer { reception in
        var behaviour = ReceiverBehaviour()
        behaviour.delay = .milliseconds(reception.controlID == "P0" ? 600 : 20)
        return behaviour
      }
      let wire = try await Wire.connect(to: way.port)
      let ids = (0..<8).map { "P\($0)" }
      try await wire.send(ids.flatMap { Wire.frame(Sample.adt($0)) })
      for id in ids {
        let answer = try await wire.receive()
        #expect(answer.code == "AA" && answer.controlID == id)
      }
    }

    @Test func `and not in time it is told to try again, its delivery is withdrawn, and what it sends again goes anew`()
      async throws
    {
      let way = try await OneWay.make(
        source: Self.source("700ms"), channel: "  copy:\n    file: {directory: ../out, name: \"{MSH-10}.hl7\"}")
      await way.partner.receiver.stop()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(["A", "B", "C"].flatMap { Wire.frame(Sample.adt($0)) })
      #expect(try await wire.receive() == .closed)
      try await eventually("all three are withdrawn") {
        try await way.project.ledger("adt").lanes[0].deliveries == ["created": 3, "cancelled": 3]
      }
      // Other lanes are not affected.
      #expect(way.project.names(in: "out") == ["A.hl7", "B.hl7", "C.hl7"])
      try await way.partner.receiver.start()
      let again = try await Wire.connect(to: way.port)
      try await again.send(["A", "B", "C", "D"].flatMap { Wire.frame(Sample.adt($0)) })
      for id in ["A", "B", "C", "D"] {
        let answer = try await again.receive()
        #expect(answer.code == "AA" && answer.controlID == id)
      }
      #expect(way.partner.controlIDs == ["A", "B", "C", "D"])
      try await eventually("all is durable") {
        let lanes = try await way.project.ledger("adt").lanes
        return lanes[0].deliveries == ["created": 7, "cancelled": 3, "delivered": 4]
          && lanes[1].deliveries == ["created": 4, "delivered": 4]
      }
      let first = try #require(try await way.project.messages().last)
      let story = try await way.project.story(first.id)
      #expect(story.contains("withdrawn") && story.contains("its sender sent it again"), "\(story)")
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test func `or is accepted when the time is over, where the channel keeps it`() async throws {
      let way = try await OneWay.make(source: Self.source("300ms", "keep"))
      await way.partner.receiver.stop()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("K1")).code == "AA")
      #expect(try await way.project.lane("adt/ehr").waiting == 1)
      try await way.partner.receiver.start()
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["K1"])
    }

    @Test func `at once where the message does not go there, and in the words of the transform where it is rejected`()
      async throws
    {
      let way = try await OneWay.make(
        source: Self.source(), lane: "when: MSH-9.2 == \"A01\"\n    \(Self.quick)",
        channel: "transform: ../Transforms/some.hilt\n")
      try way.project.write(
        "Transforms/some.hilt",
        """
        transform some
          in  hl7
          out hl7
        if starts_with(MSH-10, "D") { drop "not wanted" }
        if starts_with(MSH-10, "J") { reject AE 101 "no" at PID-3 }
        if starts_with(MSH-10, "H") { hold "look" }
        emit msg

        """)
      way.partner.answer(.code(.AE))
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("N1", event: "A08")).code == "AA")
      #expect(try await wire.exchange(Sample.adt("D1")).code == "AA")
      #expect(try await wire.exchange(Sample.adt("H1")).code == "AA")
      #expect(try await wire.exchange(Sample.adt("J1")).code == "AE")
      #expect(way.partner.controlIDs == [])
      #expect(try await wire.exchange(Sample.adt("A1")).code == "AE")
    }

    @Test func `with what the reply transform answers, kept for the sender that asks again`() async throws {
      let way = try await OneWay.make(
        source: Self.source(), lane: "reply: ../Transforms/answers.hilt\n    \(Self.quick)",
        channel: "transform: ../Transforms/own.hilt")
      try Self.renaming(way)
      try way.project.write(
        "Transforms/answers.hilt",
        """
        transform answers
          in  hl7
          out hl7

        if MSA-1 != "AA" { dead "refused: {MSA-3}" }
        if MSA-3 == "as it is" { answer msg }
        let out = copy msg
        out.MSA-3 = "for {original.PID-3[1].1}"
        answer out

        """)
      way.partner.answer { Self.answer("AA", $0.controlID == "XU" ? "as it is" : "", to: $0.controlID) }
      let engine = try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      for _ in 0..<2 {
        let answer = try await wire.exchange(Sample.adt("M"))
        let bytes = try #require(answer.message)
        #expect(answer.code == "AA" && answer.controlID == "M")
        #expect(Sample.field("MSA", 3, of: bytes) == "for 123456")
        #expect(Sample.field("MSH", 3, of: bytes) == "HUB" && Sample.field("MSH", 5, of: bytes) == "PAS")
      }
      let unchanged = try await wire.exchange(Sample.adt("U"))
      #expect(unchanged.controlID == "U" && unchanged.message.flatMap { Sample.field("MSA", 3, of: $0) } == "as it is")
      await engine.kill()
      try await way.project.start()
      let later = try await Wire.connect(to: way.port)
      let answer = try await later.exchange(Sample.adt("M"))
      #expect(answer.message.flatMap { Sample.field("MSA", 3, of: $0) } == "for 123456")
      #expect(way.partner.controlIDs == ["XM", "XU"])
    }

    @Test func `a sender that hangs up, or an engine that is killed, loses nothing: who sends again waits on`()
      async throws
    {
      let way = try await OneWay.make(source: Self.source("10s"))
      await way.partner.receiver.stop()
      let engine = try await way.project.start()
      let first = try await Wire.connect(to: way.port)
      try await first.send(Wire.frame(Sample.adt("G")))
      try await eventually("it waits") { try await way.project.lane("adt/ehr").waiting == 1 }
      #expect(try await way.project.lane("adt/ehr").sendersWaiting == 1)
      first.finish()
      await engine.kill()
      try await way.project.start()
      let second = try await Wire.connect(to: way.port)
      try await second.send(Wire.frame(Sample.adt("G")))
      try await eventually("the sender waits") { try await way.project.lane("adt/ehr").sendersWaiting == 1 }
      try await way.partner.receiver.start()
      let answer = try await second.receive()
      #expect(answer.code == "AA" && answer.controlID == "G")
      #expect(way.partner.controlIDs == ["G"])
    }

    @Test func `what is at the partner when the time is over is not taken back, and who sends again gets its verdict`()
      async throws
    {
      let way = try await OneWay.start(source: Self.source("400ms"), destination: ", timeout: 10s")
      way.partner.answer(ReceiverBehaviour(.code(.AA), delay: .milliseconds(1500)))
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("S")) == .closed)
      let again = try await Wire.connect(to: way.port)
      #expect(try await again.exchange(Sample.adt("S")) == .closed)
      let last = try await Wire.connect(to: way.port)
      try await eventually("the partner has answered") {
        try await way.project.ledger("adt").lanes[0].delivered == 1
      }
      #expect(try await last.exchange(Sample.adt("S")).code == "AA")
      #expect(way.partner.controlIDs == ["S"])
    }

    @Test func `what comes back from the partner untaken, and nobody waits for, is withdrawn`() async throws {
      let way = try await OneWay.start(source: Self.source("400ms"), destination: ", timeout: 1200ms")
      way.partner.answer(ReceiverBehaviour(.none))
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("W")) == .closed)
      try await eventually("it is withdrawn") {
        try await way.project.ledger("adt").lanes[0].deliveries == ["created": 1, "cancelled": 1]
      }
      #expect(way.partner.controlIDs == ["W"])
      // What is sent again may have reached the partner before.
      way.partner.answer(.code(.AA))
      let again = try await Wire.connect(to: way.port)
      #expect(try await again.exchange(Sample.adt("W")).code == "AA")
    }

    @Test func `a person who cancels or discards what it waits for refuses it`() async throws {
      let way = try await OneWay.make(source: Self.source("20s"))
      await way.partner.receiver.stop()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(Wire.frame(Sample.adt("C")))
      try await eventually("it waits") { try await way.project.lane("adt/ehr").waiting == 1 }
      // What is being tried at that moment is left.
      _ = try await way.project.hilum("lane", "pause", "adt/ehr")
      try await eventually("it is cancelled") {
        _ = try await way.project.hilum("lane", "cancel", "adt/ehr", "--all", "--reason", "x")
        return try await way.project.lane("adt/ehr").waiting == 0
      }
      #expect(try await wire.receive().code == "AE")
    }

    @Test func `or another channel, which makes it durable`() async throws {
      let way = try await OneWay.make(
        source: ", acknowledge: {delivered: next, within: 5s}",
        channel: "  next:\n    channel: {name: second}")
      try way.project.write(
        "Channels/second.yaml",
        """
        channel: second
        source:
          channel: {}
        format: hl7v2
        transform: |
          transform second
            in  hl7
            out hl7
          if starts_with(MSH-10, "N") { reject AE 101 "not so" at PID-3 }
          emit msg
        destinations:
          copy:
            file: {directory: ../out, name: "{MSH-10}.hl7"}

        """)
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("Y1")).code == "AA")
      #expect(try await wire.exchange(Sample.adt("N1")).code == "AE")
    }
  }
}
