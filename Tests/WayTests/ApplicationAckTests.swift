import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A message is delivered when the partner's application acknowledgement has come` {
    private static let quick = "retry: {first: 20ms, factor: 1, longest: 20ms}"
    /// Of what the partner says the sender hears nothing.
    private static let original = ", ack: {mode: original}"
    private static let enhanced = "P|2.5.1|||AL|AL"

    private static func committed(
      _ code: AcknowledgementCode?, after: Duration = .zero, to port: Int? = nil
    )
      -> ReceiverBehaviour
    {
      var behaviour = ReceiverBehaviour(.code(.CA))
      behaviour.application = code.map {
        ReceiverBehaviour.Application(code: $0, after: after, to: port.map { PartnerEndpoint(port: $0) })
      }
      return behaviour
    }

    private static func message(_ id: String) -> [UInt8] { Sample.adt(id, header: enhanced) }

    /// A way whose partner's application acknowledgements come to the channel `acks`, which keeps what nobody waits
    /// for.
    private static func answeredElsewhere(
      within: String = "60s", lane: String = quick, partner: Partner? = nil
    ) async throws -> (way: OneWay, port: Int) {
      let way = try await OneWay.make(
        source: original, destination: ", timeout: 5s, application-ack: {within: \(within), from: acks}", lane: lane,
        partner: partner)
      let port = try way.project.port()
      try way.project.write(
        "Channels/acks.yaml",
        """
        channel: acks
        source:
          mllp: {port: \(port)}
        destinations:
          stray:
            file: {directory: ../out, name: "{MSA-2}.hl7"}

        """)
      return (way, port)
    }

    @Test func `AA, AE and AR on the connection, one message after the other, with what the reply program says`()
      async throws
    {
      let way = try await OneWay.make(
        source: Self.original, destination: ", timeout: 5s, application-ack: {within: 60s}",
        lane: "reply: ../Transforms/reads.hilt\n    \(Self.quick)")
      try way.project.write(
        "Transforms/reads.hilt",
        """
        transform reads
          in  hl7
          out hl7
        if MSA-1 == "AE" { dead "the application says {MSA-1}" }
        done

        """)
      way.partner.answer { reception in
        Self.committed(reception.controlID == "E" ? .AE : .AA, after: .milliseconds(150))
      }
      try await way.project.start()
      #expect(try await send(["A", "E", "B"].map(Self.message), to: way.port).isAllAccepted)
      try await way.project.drained()
      let got = way.partner.got
      #expect(got.map(\.controlID) == ["A", "E", "B"])
      // The next goes when the application has spoken, not when the message was accepted.
      for (one, next) in zip(got, got.dropFirst()) { #expect(next.at - one.at >= 140_000_000) }
      let dead = try await way.project.dead()
      #expect(dead.map(\.summary) == ["AE: the application says AE"])
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 3, "delivered": 2, "dead": 1])
      let first = try #require(try await way.project.messages().last)
      #expect(try await way.project.story(first.id).contains("AA after CA"))
    }

    @Test func `until then it is accepted, as people see, and a stop does not wait for it: it goes again, marked`()
      async throws
    {
      let way = try await OneWay.make(
        source: Self.original, destination: ", timeout: 5s, application-ack: {within: 5m}")
      way.partner.answer(Self.committed(nil))
      let engine = try await way.project.start()
      let sent = try await send([Self.message("S")], to: way.port)
      #expect(sent.isAllAccepted)
      try await eventually("it is accepted") { try await way.project.lane("adt/ehr").accepted?.count == 1 }
      let status = try await way.project.hilum("status").output
      #expect(status.contains("1 accepted by the partner, its outcome awaited for"), "\(status)")
      let id = try #require(try await way.project.messages().first).id
      #expect(try await way.project.story(id).contains("ehr has accepted it; what comes of it there is awaited"))

      // A deployment that changes the lane.
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing("timeout: 5s", with: "timeout: 6s"))
      let began = Date()
      #expect(try await way.project.hilum("deploy").status == 0)
      #expect(Date().timeIntervalSince(began) < 10)
      try await way.partner.waits(for: 2)
      try await eventually("it is accepted again") { try await way.project.lane("adt/ehr").accepted?.count == 1 }
      // And the end of the engine.
      let stopped = Date()
      #expect(await engine.stop() == .exited(0))
      #expect(Date().timeIntervalSince(stopped) < 10)
      way.partner.answer(Self.committed(.AA))
      try await way.project.start()
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["S", "S", "S"])
      #expect(try await way.project.story(id).contains("more than once"))
    }

    @Test func `killed between CA and the application's answer it goes again, marked, and nothing is lost`()
      async throws
    {
      let way = try await OneWay.make(
        source: Self.original, destination: ", timeout: 5s, application-ack: {within: 5m}")
      way.partner.answer(Self.committed(nil))
      let engine = try await way.project.start()
      #expect(try await send([Self.message("K1"), Self.message("K2")], to: way.port).isAllAccepted)
      try await eventually("it is accepted") { try await way.project.lane("adt/ehr").accepted?.count == 1 }
      await engine.kill()
      way.partner.answer(Self.committed(.AA))
      try await way.project.start()
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["K1", "K1", "K2"])
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 2, "delivered": 2])
    }

    @Test func `a partner that never says it leaves the message dead, or tried again, and the next go on`() async throws
    {
      let way = try await OneWay.start(
        source: Self.original, destination: ", timeout: 5s, application-ack: {within: 1s}",
        lane: "refused: {unanswered: 1}\n    \(Self.quick)")
      way.partner.answer { Self.committed($0.controlID == "N" ? nil : .AA) }
      #expect(try await send([Self.message("N"), Self.message("O")], to: way.port).isAllAccepted)
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["N", "N", "O"])
      let dead = try await way.project.dead()
      #expect(dead.map(\.possibleDuplicate) == [true])
      #expect(dead.first?.summary?.contains("no application acknowledgement came within 1 s") == true)
      way.partner.answer(Self.committed(.AA))
      let id = try #require(dead.first?.id)
      #expect(try await way.project.hilum("dead", "retry", id).status == 0)
      try await way.partner.waits(for: 4)
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["N", "N", "O", "N"])
      let first = try #require(try await way.project.messages().last)
      #expect(try await way.project.story(first.id).contains("more than once"))
    }

    @Test func `with a window several are accepted at once, and their answers come in any order`() async throws {
      let way = try await OneWay.start(
        source: Self.original, destination: ", timeout: 5s, application-ack: {within: 60s}",
        lane: "window: 4\n    \(Self.quick)")
      way.partner.answer { Self.committed(.AA, after: .milliseconds($0.controlID == "W0" ? 600 : 50)) }
      let ids = (0..<8).map { "W\($0)" }
      #expect(try await send(ids.map(Self.message), to: way.port).isAllAccepted)
      try await way.project.drained()
      #expect(way.partner.controlIDs == ids)
    }

    @Test func `as a message of its own to another channel, which answers it when the delivery's end is durable`()
      async throws
    {
      let (way, acks) = try await Self.answeredElsewhere()
      way.partner.answer { Self.committed($0.controlID == "E" ? .AR : .AA, after: .milliseconds(50), to: acks) }
      try await way.project.start()
      #expect(try await send(["A", "E", "B"].map(Self.message), to: way.port).isAllAccepted)
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["A", "E", "B"])
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 3, "delivered": 2, "dead": 1])
      // They did not go through the channel that took them.
      #expect(try await way.project.ledger("acks").arrivals.isEmpty)
      // What nobody waits for does, and its sender hears that it is safe.
      let wire = try await Wire.connect(to: acks)
      let stray = "MSH|^~\\&|EHR|H|HUB|H|2026||ACK|Z1|P|2.5.1|||AL|NE\rMSA|AA|NOBODY\r"
      let answer = try await wire.exchange(Array(stray.utf8))
      #expect(answer.code == "CA" && answer.controlID == "Z1")
      try await eventually("it is kept") { way.project.names(in: "out") == ["NOBODY.hl7"] }
      // A second time what was taken, because the answer was lost: answered, and nothing more.
      let again = "MSH|^~\\&|PARTNER|PARTNER|HILUM|HUB|20260101000000||ACK|Q0|P|2.5.1|||AL|NE\rMSA|AA|A\r"
      #expect(try await wire.exchange(Array(again.utf8)).code == "CA")
      #expect(way.project.names(in: "out") == ["NOBODY.hl7"])
      let first = try #require(try await way.project.messages().last { $0.channel == "adt" })
      #expect(try await way.project.story(first.id).contains("AA after CA"))
    }

    @Test func `and what comes after a restart ends the delivery that waits to be sent again`() async throws {
      let (way, acks) = try await Self.answeredElsewhere()
      way.partner.answer(Self.committed(nil))
      let engine = try await way.project.start()
      #expect(try await send([Self.message("R1")], to: way.port).isAllAccepted)
      try await eventually("it is accepted") { try await way.project.lane("adt/ehr").accepted?.count == 1 }
      await engine.kill()
      await way.partner.receiver.stop()
      try await way.project.start()
      try await eventually("it waits") { try await way.project.lane("adt/ehr").unreachable != nil }
      let wire = try await Wire.connect(to: acks)
      let answer = "MSH|^~\\&|EHR|H|HUB|H|2026||ACK|Z1|P|2.5.1|||AL|NE\rMSA|AA|R1\r"
      // What is being tried at that moment is tried to its end.
      var taken: Wire.Reception = .closed
      try await eventually("the delivery has ended") {
        taken = try await wire.exchange(Array(answer.utf8))
        return try await way.project.ledger("adt").lanes[0].delivered == 1
      }
      #expect(taken.code == "CA")
      #expect(way.partner.controlIDs == ["R1"])
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test
    func `killed again and again while answers come on a way of their own, nothing is lost and the order is kept`()
      async throws
    {
      let (way, acks) = try await Self.answeredElsewhere(within: "5m", lane: "window: 4\n    \(Self.quick)")
      way.partner.answer {
        Self.committed(.AA, after: .milliseconds([0, 30, 120][$0.number % 3]), to: acks)
      }
      let ids = (0..<60).map { "Z\($0 + 100)" }
      var engine = try await way.project.start()
      async let report = send(ids.map(Self.message), to: way.port) {
        $0.resend = SendPlan.Resend(pause: .milliseconds(20), giveUpAfter: .seconds(60))
      }
      for kill in 1...4 {
        try await way.partner.waits(for: kill * 12)
        await engine.kill()
        engine = try await way.project.start()
      }
      let isAllAccepted = try await report.isAllAccepted
      #expect(isAllAccepted)
      try await way.project.drained(within: 60)
      var seen: Set<String> = []
      #expect(way.partner.controlIDs.filter { seen.insert($0).inserted } == ids)
      let lane = try await way.project.ledger("adt").lanes[0]
      #expect(lane.deliveries == ["created": 60, "delivered": 60])
      // What a second sending was answered with as well is kept, and nothing of it was taken for another message.
      #expect(Set(way.project.names(in: "out").map { String($0.prefix(4)) }).isSubset(of: Set(ids)))
    }

    @Test func `from end to end: CA at once, and what the partner's application says in the end`() async throws {
      let way = try await OneWay.make(
        source: ", ack: {mode: enhanced}, acknowledge: {delivered: ehr, within: 1s}",
        destination: ", timeout: 5s, application-ack: {within: 60s}")
      way.partner.answer { Self.committed($0.controlID == "E" ? .AE : .AA, after: .milliseconds(1500)) }
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(Wire.frame(Self.message("A")) + Wire.frame(Self.message("E")))
      var codes: [String] = []
      for _ in 0..<4 {
        let answer = try await wire.receive()
        codes.append("\(answer.code ?? "") \(answer.controlID ?? "")")
      }
      #expect(codes == ["CA A", "CA E", "AA A", "AE E"])
      #expect(way.partner.controlIDs == ["A", "E"])
    }

    @Test func `two destinations each wait for their own`() async throws {
      let other = try await Partner.start()
      let way = try await OneWay.make(
        source: Self.original, destination: ", timeout: 5s, application-ack: {within: 60s}",
        channel: """
            lab:
              mllp: {host: 127.0.0.1, port: \(other.port), timeout: 5s, application-ack: {within: 1s}}
              \(Self.quick)
          """)
      way.partner.answer(Self.committed(.AA, after: .milliseconds(100)))
      other.answer(Self.committed(nil))
      try await way.project.start()
      #expect(try await send([Self.message("T")], to: way.port).isAllAccepted)
      try await way.project.drained()
      let lanes = try await way.project.ledger("adt").lanes
      #expect(lanes.map(\.deliveries) == [["created": 1, "delivered": 1], ["created": 1, "dead": 1]])
    }

    @Test func `and a partner can be tried from the command line`() async throws {
      let away = try await Partner.away()
      let (way, acks) = try await Self.answeredElsewhere(partner: away)
      try await way.project.start()
      for options in [
        ["AA", "--application-ack-after", "200"], ["AR", "--application-ack-to", "mllp://127.0.0.1:\(acks)"],
      ] {
        let before = try await way.project.ledger("adt").lanes[0].deliveries["created"] ?? 0
        let receiver = try Launch(
          [Project.binary, "receive", "mllp://127.0.0.1:\(away.port)", "--answer", "CA", "--application-ack"] + options,
          in: way.project.folder, output: way.project.path("receiver.out"), errors: way.project.path("receiver.err"))
        #expect(try await send([Self.message("L\(before)")], to: way.port).isAllAccepted)
        try await way.project.drained()
        receiver.signal(SIGTERM)
        #expect(await receiver.ending(within: 10) == .exited(0))
      }
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 2, "delivered": 1, "dead": 1])
    }

    @Test func `and check says where the answers can't come from`() async throws {
      let (way, _) = try await Self.answeredElsewhere()
      let good = try await way.project.hilum("check")
      #expect(good.status == 0, "\(good.output)\(good.errors)")
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      for (from, text) in [
        ("from: ackz", "there is no channel `ackz`"), ("from: acks, within: 100ms", "`within` goes from 1s to 1d"),
      ] {
        try way.project.write(
          "Channels/adt.yaml", file.replacing("within: 60s, ", with: "").replacing("from: acks", with: from))
        let result = try await way.project.hilum("check")
        #expect(
          result.status == 1 && (result.output + result.errors).contains(text), "\(result.output)\(result.errors)")
      }
      try way.project.write(
        "Channels/adt.yaml", file + "  two:\n    mllp: {host: 127.0.0.1, port: 9, application-ack: {from: acks}}\n")
      let result = try await way.project.hilum("check")
      #expect(result.status == 1)
      #expect(
        (result.output + result.errors).contains("the acknowledgements that come to `acks` are those for `adt/ehr`"))
    }
  }

  @Suite struct `A sender in enhanced mode` {
    private static let source = ", ack: {mode: enhanced}, acknowledge: {delivered: ehr, within: 700ms}"

    private func codes(_ wire: Wire, _ count: Int) async throws -> [String] {
      var found: [String] = []
      for _ in 0..<count {
        let answer = try await wire.receive()
        found.append("\(answer.code ?? "none") \(answer.controlID ?? "")")
      }
      return found
    }

    @Test func `gets CA when its message is safe and the partner's verdict later, on the same connection and in order`()
      async throws
    {
      let way = try await OneWay.start(source: Self.source, lane: "refused: {AE: 0}")
      way.partner.answer { reception in
        ReceiverBehaviour(.code(reception.controlID == "E" ? .AE : .AA), delay: .milliseconds(300))
      }
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(["A", "E", "B"].flatMap { Wire.frame(Sample.adt($0, header: "P|2.5.1|||AL|AL")) })
      #expect(try await codes(wire, 3) == ["CA A", "CA E", "CA B"])
      #expect(try await codes(wire, 3) == ["AA A", "AE E", "AA B"])
      // With ER only what went wrong, and with MSH-16 NE CA when it is delivered.
      try await wire.send(Wire.frame(Sample.adt("C", header: "P|2.5.1|||AL|ER")))
      try await wire.send(Wire.frame(Sample.adt("D", header: "P|2.5.1|||AL|NE")))
      #expect(try await codes(wire, 2) == ["CA C", "CA D"])
      #expect(way.partner.controlIDs == ["A", "E", "B", "C", "D"])
    }

    @Test func `is told CA while those before it wait, and nothing of what it was told so is ever taken back`()
      async throws
    {
      let way = try await OneWay.make(
        source: Self.source, lane: "retry: {first: 20ms, factor: 1, longest: 20ms}",
        channel: "transform: ../Transforms/some.hilt")
      try way.project.write(
        "Transforms/some.hilt",
        """
        transform some
          in  hl7
          out hl7
        if starts_with(MSH-10, "D") { drop "not wanted" }
        if starts_with(MSH-10, "J") { reject AE 101 "no" at PID-3 }
        emit msg

        """)
      await way.partner.receiver.stop()
      try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      let ids = ["A", "D1", "J1", "B"]
      try await wire.send(ids.flatMap { Wire.frame(Sample.adt($0, header: "P|2.5.1|||AL|AL")) })
      #expect(try await codes(wire, 4) == ids.map { "CA \($0)" })
      // Far longer than `within`; a sender in original mode beside it is cut off and withdrawn meanwhile.
      let plain = try await Wire.connect(to: way.port)
      #expect(try await plain.exchange(Sample.adt("P")) == .closed)
      #expect(try await way.project.lane("adt/ehr").waiting == 2)
      try await way.partner.receiver.start()
      #expect(try await codes(wire, 4) == ["AA A", "AA D1", "AE J1", "AA B"])
      #expect(way.partner.controlIDs == ["A", "B"])
      #expect(
        try await way.project.ledger("adt").lanes[0].deliveries == ["created": 3, "delivered": 2, "cancelled": 1])
    }

    @Test func `and where it is gone nobody waits on its behalf, and its message goes all the same`() async throws {
      let way = try await OneWay.make(source: Self.source)
      await way.partner.receiver.stop()
      try await way.project.start()
      var wire: Wire? = try await Wire.connect(to: way.port)
      #expect(try await wire?.exchange(Sample.adt("V", header: "P|2.5.1|||AL|AL")).code == "CA")
      #expect(try await way.project.lane("adt/ehr").sendersWaiting == 1)
      wire = nil
      try await eventually("nobody waits") { try await way.project.lane("adt/ehr").sendersWaiting == nil }
      try await way.partner.receiver.start()
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["V"])
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 1, "delivered": 1])
    }

    @Test func `and who sends again what was accepted, after a kill, hears CA again and what came of it`() async throws
    {
      let way = try await OneWay.make(source: Self.source)
      await way.partner.receiver.stop()
      let engine = try await way.project.start()
      let wire = try await Wire.connect(to: way.port)
      let message = Sample.adt("G", header: "P|2.5.1|||AL|AL")
      #expect(try await wire.exchange(message).code == "CA")
      await engine.kill()
      try await way.project.start()
      let again = try await Wire.connect(to: way.port)
      #expect(try await again.exchange(message).code == "CA")
      try await way.partner.receiver.start()
      #expect(try await codes(again, 1) == ["AA G"])
      #expect(way.partner.controlIDs == ["G"])
      // A pause doesn't wait for partners on behalf of who was told that its message is safe.
      await way.partner.receiver.stop()
      #expect(try await again.exchange(Sample.adt("H", header: "P|2.5.1|||AL|AL")).code == "CA")
      let began = Date()
      #expect(try await way.project.hilum("pause", "adt").status == 0)
      #expect(Date().timeIntervalSince(began) < 5)
      #expect(try await way.project.lane("adt/ehr").waiting == 1)
    }
  }
}
