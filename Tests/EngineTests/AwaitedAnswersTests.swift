import ConnectorKit
import HL7
import Messages
import Store
import Testing

@testable import Engine

/// Senders that wait for a partner's verdict, and what is taken back for them.
@Suite struct AwaitedAnswersTests {
  private let journal = Journal()
  private let lane = LaneName(channel: ChannelName("adt"), destination: "ehr")
  private let delivery = Identifier(high: 1, low: 7)

  private func answer(_ answers: AwaitedAnswers) -> AwaitedAnswer {
    AwaitedAnswer(
      Identifier(high: 1, low: 1), lane: lane, deliveries: [delivery], keeps: false,
      reader: VerdictReader(reading: HL7ReadingOptions(), isQuestion: false), isLate: { answers.late([$0]) },
      then: { [journal] in if case .unavailable = $0 { journal.note("told to try again") } })
  }

  /// The partner may have it again before the lane lets go of it.
  @Test func `what was given up is taken back whenever it comes back, until it has ended`() async {
    let store = StubStore(journal)
    let answers = AwaitedAnswers(store, ManualClock())
    answers.use { [journal] _, ids in for id in ids { journal.note("withdraw \(id.low)") } }
    let first = answer(answers)
    answers.expect(first, unanswered: [delivery])
    first.expire()
    await journal.wait(for: "told to try again")
    for count in 2...4 {
      answers.cameBack(delivery, lane)
      await journal.wait { lines in lines.count { $0 == "withdraw 7" } == count }
    }
    // Somebody waits for it again.
    answers.expect(answer(answers), unanswered: [])
    answers.cameBack(delivery, lane)
    #expect(answers.count(of: lane) == 1)

    store.end(delivery, DeliveryVerdict(.delivered, summary: "AA"))
    answers.tell(delivery, DeliveryVerdict(.delivered, summary: "AA"))
    answers.cameBack(delivery, lane)
    #expect(answers.count(of: lane) == 0)
    #expect(journal.lines.count { $0 == "withdraw 7" } == 4)
  }

  @Test func `what a person takes away, that a sender has given up, is looked for no more`() async {
    let store = StubStore(journal)
    let answers = AwaitedAnswers(store, ManualClock())
    answers.use { [journal] _, ids in for id in ids { journal.note("withdraw \(id.low)") } }
    let first = answer(answers)
    answers.expect(first, unanswered: [delivery])
    first.expire()
    await journal.wait(for: "told to try again")
    store.end(delivery, DeliveryVerdict(.cancelled, summary: "not wanted"))
    answers.changed(lane)
    for _ in 0..<500 where answers.remembered > 0 { try? await Task.sleep(for: .milliseconds(10)) }
    #expect(answers.remembered == 0)
  }
}
