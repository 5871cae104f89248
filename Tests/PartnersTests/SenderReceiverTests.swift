import Testing

@testable import Partners

@Suite struct `A sender and a receiver` {
  private let generator = MessageGenerator(seed: 11)

  private func plan(_ receiver: MLLPReceiver) -> SendPlan {
    var plan = SendPlan(receiver.endpoint)
    plan.timeout = .seconds(10)
    return plan
  }

  /// A receiver that has started.
  private func receiver(
    _ behaviour: ReceiverBehaviour = ReceiverBehaviour(), dropEvery: Int? = nil, history: HistoryLog? = nil
  ) async throws -> MLLPReceiver {
    var plan = ReceivePlan(always: behaviour, dropEvery: dropEvery)
    plan.keepsBytes = true
    plan.history = history
    let receiver = MLLPReceiver(plan)
    try await receiver.start()
    return receiver
  }

  private func send(_ count: Int, _ plan: SendPlan) async throws -> SendReport {
    return try await MLLPSender(plan).send(count: count) { generator.message($0) }
  }

  @Test(arguments: [(1, 1), (1, 8), (4, 1), (3, 5)])
  func `agree on every message, in order on each connection`(connections: Int, window: Int) async throws {
    let history = HistoryLog()
    let receiver = try await receiver(history: history)
    var plan = plan(receiver)
    plan.connections = connections
    plan.window = window
    plan.history = history
    let report = try await send(200, plan)
    #expect(report.isAllAccepted)
    #expect(report.count(.AA) == 200)
    #expect(report.latency.count == 200)
    #expect(report.outcomes.map(\.controlID) == (0..<200).map { generator.controlID($0) })
    #expect(receiver.receptions.count == 200)
    #expect(receiver.connectionCount == connections)
    #expect(receiver.receptions.allSatisfy { $0.bytes == generator.message(Self.number($0)) })
    let checked = HistoryCheck(bytesUnchanged: true).report(history.events)
    #expect(checked.count(.delivered) == 200)
    #expect(checked.isGood, "\(checked)")
    await receiver.stop()
  }

  private static func number(_ reception: Reception) -> Int { Int(reception.controlID.suffix(12)) ?? -1 }

  @Test(arguments: AcknowledgementCode.allCases) func `tell each other codes`(code: AcknowledgementCode) async throws {
    let receiver = try await receiver(.code(code))
    let report = try await send(3, plan(receiver))
    #expect(report.count(code) == 3)
    #expect(report.acceptedCount == (code.isAcceptance ? 3 : 0))
    await receiver.stop()
  }

  @Test(arguments: [
    ("garbage", SendOutcome.Failure.unreadableAnswer), ("empty", .unreadableAnswer), ("wrong-id", .answerToAnother),
    ("none", .noAnswerInTime),
  ]) func `know a bad answer`(word: String, failure: SendOutcome.Failure) async throws {
    let receiver = try await receiver(try #require(ReceiverBehaviour(word: word)))
    var plan = plan(receiver)
    if failure == .noAnswerInTime { plan.timeout = .milliseconds(300) }
    let report = try await send(2, plan)
    #expect(report.count(failure) == 2)
    #expect(report.connectionsLost == 2)
    // The second message came on a new connection: what stands on a spoiled one can't be trusted.
    #expect(receiver.connectionCount == 2)
    await receiver.stop()
  }

  @Test func `take a second answer for what it is`() async throws {
    let receiver = try await receiver(ReceiverBehaviour(.twice))
    let report = try await send(5, plan(receiver))
    #expect(report.isAllAccepted)
    #expect(report.extraAnswers >= 4)
    #expect(report.connectionsLost == 0)
    await receiver.stop()
  }

  @Test func `take an application acknowledgement after the accept acknowledgement`() async throws {
    var behaviour = ReceiverBehaviour.code(.CA)
    behaviour.application = .init(code: .AA)
    let receiver = try await receiver(behaviour)
    let report = try await send(5, plan(receiver))
    #expect(report.count(.CA) == 5)
    #expect(report.connectionsLost == 0)
    await receiver.stop()
  }

  @Test func `never match a late answer to the next message`() async throws {
    let late = AcknowledgementFrame.frame("AA", controlID: generator.controlID(0), number: 0)
    let own = AcknowledgementFrame.frame("AA", controlID: generator.controlID(1), number: 1)
    let receiver = MLLPReceiver(
      ReceivePlan { reception in
        switch reception.number {
        case 0: ReceiverBehaviour(.none)
        case 1: ReceiverBehaviour(.bytes(late + own))
        default: ReceiverBehaviour()
        }
      })
    try await receiver.start()
    var plan = plan(receiver)
    plan.timeout = .seconds(2)
    let report = try await send(3, plan)
    #expect(report.outcomes.map(\.failure) == [.noAnswerInTime, .answerToAnother, nil])
    await receiver.stop()
  }

  @Test(arguments: [ReceiverBehaviour.Closing.beforeAnswer, .resetBeforeAnswer])
  func `lose what a closed connection had in flight`(closing: ReceiverBehaviour.Closing) async throws {
    let receiver = MLLPReceiver(
      ReceivePlan { ReceiverBehaviour(closing: $0.number == 1 ? closing : .never) })
    try await receiver.start()
    let report = try await send(4, plan(receiver))
    #expect(report.outcomes.map(\.failure) == [nil, .connectionLost, nil, nil])
    #expect(report.connectionsLost == 1)
    await receiver.stop()
  }

  @Test(arguments: [ReceiverBehaviour.Closing.afterAnswer, .halfAfterAnswer])
  func `keep an answer that was followed by the end`(closing: ReceiverBehaviour.Closing) async throws {
    let receiver = try await receiver(ReceiverBehaviour(closing: closing))
    var plan = plan(receiver)
    // What was sent before the end was noticed goes again.
    plan.resend = .init(pause: .milliseconds(1))
    let report = try await send(3, plan)
    #expect(report.isAllAccepted)
    #expect(report.outcomes[0].attempts == 1)
    #expect(receiver.connectionCount >= 3)
    await receiver.stop()
  }

  @Test func `get everything through a partner that drops every third connection, in order`() async throws {
    let history = HistoryLog()
    let receiver = try await receiver(dropEvery: 3, history: history)
    var plan = plan(receiver)
    plan.window = 4
    plan.resend = .init(pause: .milliseconds(1))
    plan.history = history
    let report = try await send(30, plan)
    #expect(report.isAllAccepted)
    #expect(report.connectionsLost > 0)
    #expect(report.outcomes.contains { $0.attempts > 1 })
    // A sender that lost an acceptance sends again: this pair knows no engine that would recognise a duplicate.
    let checked = HistoryCheck(bytesUnchanged: true).report(history.events)
    #expect(checked.count(.delivered) + checked.count(.duplicated) == 30)
    #expect(checked.disordered.isEmpty)
    #expect(checked.altered.isEmpty)
    await receiver.stop()
  }

  @Test func `find each other again when the receiver comes back on its port`() async throws {
    let receiver = try await receiver()
    let port = receiver.port
    var plan = plan(receiver)
    plan.resend = .init(pause: .milliseconds(1), giveUpAfter: .seconds(20))
    let sender = MLLPSender(plan)
    let (away, report) = try await withThrowingTaskGroup(of: SendReport?.self) { tasks in
      tasks.addTask { try await sender.send(count: 2_000) { generator.message($0) } }
      _ = try await receiver.receptions(atLeast: 50)
      await receiver.stop()
      let away = receiver.receptions.count
      try await receiver.start()
      let report = try await tasks.next() ?? nil
      return (away, try #require(report))
    }
    #expect(receiver.port == port)
    #expect(away >= 50)
    #expect(report.isAllAccepted)
    #expect(Set(receiver.receptions.map(\.controlID)).count == 2_000)
    await receiver.stop()
  }

  @Test func `report a partner that is not there`() async throws {
    let kept = try PortReservation()
    let report = try await send(5, SendPlan(PartnerEndpoint(port: kept.port)))
    #expect(report.count(.notConnected) == 5)
    #expect(report.description.contains("5 no connection"))
    var patient = SendPlan(PartnerEndpoint(port: kept.port))
    patient.resend = .init(pause: .milliseconds(1), giveUpAfter: .milliseconds(20))
    let second = try await send(2, patient)
    #expect(second.count(.notConnected) == 2)
  }

  @Test func `stop when the task is cancelled`() async throws {
    let receiver = try await receiver(ReceiverBehaviour(.none))
    let sender = MLLPSender(plan(receiver))
    let task = Task { try await sender.send(count: 3) { generator.message($0) } }
    _ = try await receiver.receptions(atLeast: 1)
    task.cancel()
    let report = try await task.value
    #expect(report.count(.abandoned) == 3)
    await receiver.stop()
  }

  @Test func `keep to a rate whatever the answers take, and count from the schedule`() async throws {
    let receiver = try await receiver(ReceiverBehaviour(delay: .milliseconds(40)))
    var plan = plan(receiver)
    plan.rate = 1_000
    plan.window = 1
    let report = try await send(5, plan)
    // One at a time, each answered after 40 ms: the fifth waits for four others, and its latency says so.
    #expect(report.isAllAccepted)
    #expect(report.outcomes[4].nanoseconds > 150_000_000)
    #expect(report.outcomes[0].nanoseconds < report.outcomes[4].nanoseconds)
    await receiver.stop()
  }

  @Test func `make a thousand messages of one file`() async throws {
    let receiver = try await receiver()
    var plan = plan(receiver)
    plan.controlIDs = .fresh(prefix: "T")
    plan.window = 16
    let report = try await MLLPSender(plan).send([generator.message(1), generator.message(2)], count: 1_000)
    #expect(report.isAllAccepted)
    #expect(Set(receiver.receptions.map(\.controlID)).count == 1_000)
    #expect(receiver.receptions[7].controlID == "T00000007")
    await receiver.stop()
  }

  @Test func `send what has no control id too`() async throws {
    let receiver = try await receiver()
    let report = try await MLLPSender(plan(receiver)).send([Array("MSH|^~\\&|A\r".utf8)])
    #expect(report.count(.AA) == 1)
    #expect(receiver.receptions.map(\.controlID) == [""])
    await receiver.stop()
  }

  @Test func `write each message to a file of its own`() async throws {
    try await withTemporaryFolder { folder in
      var plan = ReceivePlan()
      plan.folder = folder
      let receiver = MLLPReceiver(plan)
      try await receiver.start()
      _ = try await send(2, self.plan(receiver))
      #expect(try FileBytes.read(folder + "/000002.hl7") == generator.message(1))
      await receiver.stop()
    }
  }

  @Test func `say how many came when too few did`() async throws {
    let receiver = try await receiver()
    _ = try await send(2, plan(receiver))
    await #expect(throws: PartnerError.notInTime(awaited: 3, came: 2)) {
      try await receiver.receptions(atLeast: 3, within: .milliseconds(20))
    }
    await receiver.stop()
  }

  @Test func `get a large message through a slow reader whole`() async throws {
    var receiving = ReceivePlan()
    receiving.readingRate = 400_000
    let receiver = MLLPReceiver(receiving)
    try await receiver.start()
    var large = generator.message(1)
    large += Array("NTE|1|L|".utf8) + [UInt8](repeating: 0x41, count: 100_000) + [0x0D]
    let report = try await MLLPSender(plan(receiver)).send([large])
    #expect(report.isAllAccepted)
    #expect(receiver.receptions.first?.hash == ContentHash.text(large))
    await receiver.stop()
  }
}

@Suite struct `A receiver's answer` {
  @Test func `has a word for each that the command line knows`() {
    for word in ReceiverBehaviour.words { #expect(ReceiverBehaviour(word: word) != nil, "\(word)") }
    #expect(ReceiverBehaviour(word: "ae") == .code(.AE))
    #expect(ReceiverBehaviour(word: "maybe") == nil)
  }
}
