import Admin
import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Every message ends in a stated outcome` {
    /// Takes a message apart by its PV1-2 and PV1-3.
    private static let transform = """
      transform adt
        in  hl7 2.3..2.6 ADT_*
        out hl7

      require PID-3[1].1 is valued else reject AE 101 "no patient identifier" at PID-3
      when PV1-2 == "T" => drop "a test patient"
      when PV1-2 == "H" => hold "a person must look at it"
      when PV1-2 == "X" => fail "the class is unknown"
      emit msg

      """

    private func start() async throws -> OneWay {
      let way = try await OneWay.make(channel: "transform: ../Transforms/adt.hilt")
      try way.project.write("Transforms/adt.hilt", Self.transform)
      try await way.project.start()
      return way
    }

    private func message(_ id: String, class word: String, patient: String = "1") -> [UInt8] {
      let text = String(decoding: Sample.adt(id, patient: patient), as: UTF8.self)
      return Array(text.replacing("PV1|1|I|", with: "PV1|1|\(word)|").utf8)
    }

    @Test
    func `dropped, held, failed and rejected ones are kept with their reason, and the sender hears what concerns it`()
      async throws
    {
      let way = try await start()
      let wire = try await Wire.connect(to: way.port)

      #expect(try await wire.exchange(message("OK-1", class: "I")).code == "AA")
      #expect(try await wire.exchange(message("DROP-1", class: "T")).code == "AA")
      #expect(try await wire.exchange(message("HOLD-1", class: "H")).code == "AA")
      #expect(try await wire.exchange(message("FAIL-1", class: "X")).code == "AA")
      let refusal = try await wire.exchange(message("REJECT-1", class: "I", patient: ""))
      #expect(refusal.code == "AE" && refusal.controlID == "REJECT-1")
      let answer = try #require(refusal.message)
      #expect(Sample.field("ERR", 2, of: answer)?.hasPrefix("PID^1^3") == true)
      #expect(Sample.field("ERR", 3, of: answer)?.hasPrefix("101") == true)
      #expect(String(decoding: answer, as: UTF8.self).contains("no patient identifier"))
      let other = Array("MSH|^~\\&|LAB|L|HUB|H|20260101||ORU^R01|REJECT-2|P|2.5\rOBR|1\r".utf8)
      let wrongType = try #require(try await wire.exchange(other).message)
      #expect(Sample.field("MSA", 1, of: wrongType) == "AR")
      #expect(Sample.field("MSA", 3, of: wrongType) == "this channel takes ADT_*, and MSH-9 is ORU_R01")
      #expect(try await wire.exchange(Array("this is no HL7".utf8)).code == "AR")

      #expect(try await way.partner.waits(for: 1).map(\.controlID) == ["OK-1"])
      try await way.project.drained()
      let messages = try await way.project.messages()
      #expect(messages.reversed().map(\.state) == [.routed, .dropped, .held, .failed, .rejected, .rejected, .rejected])
      let reasons = messages.reversed().map { $0.reason ?? "" }
      #expect(reasons[1...2] == ["a test patient", "a person must look at it"])
      #expect(reasons[3] == "the class is unknown, Transforms/adt.hilt:8:22")
      let ledger = try await way.project.ledger("adt")
      #expect(
        ledger.arrivals == [
          "received": 7, "accepted": 4, "rejected": 3, "routed": 1, "dropped": 1, "held": 1, "failed": 1,
        ])
      #expect(way.partner.controlIDs == ["OK-1"])
      let failed = try await way.project.hilum("failed", "list")
      #expect(failed.output.contains("1 × adt: the class is unknown") && !failed.output.contains("a person must look"))
      let held = try await way.project.hilum("held", "list")
      #expect(held.output.contains("1 × adt, messages: a person must look at it"))
    }

    @Test func `a failed message goes on when its transform was mended, and one that was rejected may come again`()
      async throws
    {
      let way = try await start()
      let failed = (0..<3).map { message("FAIL-\($0)", class: "X") }
      #expect(try await send(failed + [message("REJECT-1", class: "I", patient: "")], to: way.port).count(.AA) == 3)
      let before = try await way.project.messages(.failed)
      let dry = try await way.project.hilum("failed", "retry", "--channel", "adt", "--dry-run")
      #expect(dry.output.contains("would be failed") && dry.status == 0)

      try way.project.write(
        "Transforms/adt.hilt",
        Self.transform.replacing("when PV1-2 == \"X\" => fail \"the class is unknown\"", with: ""))
      // The newest revision is what the engine was started with.
      await restart(way)
      let again: [ItemOutcome] = try await way.project.json("failed", "retry", "--channel", "adt")

      #expect(again.count == 3 && again.allSatisfy { $0.done && $0.text.contains("routed to ehr") }, "\(again)")
      let got = try await way.partner.waits(for: 3)
      #expect(got.map(\.bytes) == failed)
      try await way.project.drained()
      let after = try await way.project.messages(.routed)
      #expect(Set(after.map(\.id)) == Set(before.map(\.id)) && after.allSatisfy { $0.generation == 2 })
      let story = try await way.project.story(after[0].id)
      #expect(story.contains("ran through the newest revision") && story.contains("ehr took it"), "\(story)")
      // Its resend is a duplicate now; the resend of what was rejected is processed.
      #expect(try await send([failed[0], message("REJECT-1", class: "I")], to: way.port).isAllAccepted)
      #expect(try await way.partner.waits(for: 4).map(\.controlID).last == "REJECT-1")
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 6, "accepted": 4, "routed": 4, "rejected": 1, "duplicate": 1])
      let wrong = try await way.project.hilum("failed", "retry", after[0].id)
      #expect(wrong.status == 1 && wrong.output.contains("it is routed"))
    }

    @Test func `failed and held ones are discarded with a reason that is kept`() async throws {
      let way = try await start()
      #expect(try await send([message("F", class: "X"), message("H", class: "H")], to: way.port).isAllAccepted)
      let waiting = try await way.project.messages()

      let without = try await way.project.hilum("failed", "discard", waiting[0].id)
      #expect(without.status == 2, "a reason is needed: \(without)")
      let done = try await way.project.hilum(
        "failed", "discard", waiting[0].id, waiting[1].id, "--reason", "entered by hand")
      #expect(done.status == 0, "\(done)")

      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 2, "accepted": 2, "discarded": 2])
      #expect(try await way.project.story(waiting[0].id).contains("entered by hand"))
      let again = try await way.project.hilum("failed", "discard", waiting[0].id, "--reason", "x")
      #expect(again.status == 1 && again.output.contains("neither failed nor held"))
      #expect(way.partner.got.isEmpty)
    }

    @Test func `a dead delivery is tried again at the end of its lane, or discarded`() async throws {
      let way = try await OneWay.start()
      way.partner.answer { $0.controlID.hasPrefix("BAD") && $0.occurrence == 1 ? .code(.AR) : ReceiverBehaviour() }
      #expect(
        try await send(["BAD-1", "GOOD-1", "BAD-2", "GOOD-2"].map { Sample.adt($0) }, to: way.port).isAllAccepted)
      try await way.partner.waits(for: 4)
      try await way.project.drained()
      let dead = try await way.project.dead()
      #expect(dead.count == 2 && dead.allSatisfy { $0.summary?.contains("AR") == true && $0.attempts == 1 })
      let grouped = try await way.project.hilum("dead", "list")
      #expect(grouped.output.contains("2 × adt/ehr"))

      let retried = try await way.project.hilum("dead", "retry", dead[0].id)
      #expect(retried.status == 0 && retried.output.contains("goes to the end of adt/ehr"), "\(retried)")
      #expect(try await way.partner.waits(for: 5).map(\.controlID).last == "BAD-1")
      let discarded = try await way.project.hilum("dead", "discard", dead[1].id, "--reason", "telephoned")
      #expect(discarded.status == 0)

      try await way.project.drained()
      try await eventually("it is delivered") { try await way.project.ledger("adt").lanes[0].delivered == 3 }
      let lane = try await way.project.ledger("adt").lanes[0]
      #expect(lane.deliveries == ["created": 4, "delivered": 3, "discarded": 1])
      #expect(try await way.project.story(dead[1].message).contains("telephoned"))
      let wrong = try await way.project.hilum("dead", "retry", dead[1].id)
      #expect(wrong.status == 1 && wrong.output.contains("it is not dead"))
      #expect(try await way.project.hilum("dead", "retry").status == 2)
    }

    @Test
    func `the same message again is answered like the first and not processed; another under its id is, and flagged`()
      async throws
    {
      let way = try await OneWay.start()
      let first = Sample.adt("ID-1")
      let other = Sample.adt("ID-1", name: "Other^One")

      let report = try await send([first, first, other, first], to: way.port)

      #expect(report.count(.AA) == 4)
      #expect(try await way.partner.waits(for: 2).map(\.bytes) == [first, other])
      try await way.project.drained()
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 4, "accepted": 2, "routed": 2, "duplicate": 2])
      let messages = try await way.project.messages()
      let original = try #require(messages.last)
      #expect(messages.filter { $0.state == .duplicate }.allSatisfy { $0.duplicateOf == original.id })
      let flagged = try #require(messages.first { $0.state == .routed && $0.id != original.id })
      #expect(
        flagged.steps.contains { $0.kind == .flagged && $0.text.contains("control-id-reused") }, "\(flagged.steps)")
    }

    private func restart(_ way: OneWay) async {
      await #expect(throws: Never.self) { try await way.project.restart() }
    }
  }
}
