import Testing

@testable import Partners

@Suite struct `A fault proxy` {
  private let generator = MessageGenerator(seed: 5)

  /// Sends messages through a proxy to a partner that accepts everything.
  private func send(
    _ count: Int, resend: Bool = false, timeout: Duration = .seconds(20), window: Int = 1,
    through script: @escaping @Sendable (Int) -> FaultProxy.Behaviour
  ) async throws -> (SendReport, MLLPReceiver, FaultProxy) {
    var receiving = ReceivePlan()
    receiving.keepsBytes = true
    let receiver = MLLPReceiver(receiving)
    try await receiver.start()
    let proxy = FaultProxy(to: receiver.endpoint, script: script)
    try await proxy.open()
    var plan = SendPlan(PartnerEndpoint(port: proxy.port))
    plan.timeout = timeout
    plan.window = window
    if resend { plan.resend = .init(pause: .milliseconds(1)) }
    let report = try await MLLPSender(plan).send(count: count) { generator.message($0) }
    await proxy.stop()
    await receiver.stop()
    return (report, receiver, proxy)
  }

  @Test func `without a fault changes nothing`() async throws {
    let (report, receiver, proxy) = try await send(50, window: 8) { _ in .init() }
    #expect(report.isAllAccepted)
    #expect(receiver.receptions.map(\.bytes) == (0..<50).map { generator.message($0) })
    #expect(proxy.connectionCount == 1)
  }

  @Test func `slices both directions into single bytes, and all arrives`() async throws {
    let (report, receiver, _) = try await send(5) { _ in .init(toServer: .slice, toClient: .slice) }
    #expect(report.isAllAccepted)
    #expect(receiver.receptions.map(\.bytes) == (0..<5).map { generator.message($0) })
  }

  @Test func `refuses the first connections and lets the next through`() async throws {
    let (report, receiver, proxy) = try await send(3, resend: true) { .init(refuses: $0 < 2) }
    #expect(report.isAllAccepted)
    #expect(proxy.connectionCount == 3)
    #expect(receiver.connectionCount == 1)
  }

  @Test func `resets in the middle of a message, which is sent again whole`() async throws {
    let (report, receiver, _) = try await send(3, resend: true) {
      .init(toServer: $0 == 0 ? .reset(afterBytes: 1_500) : .none)
    }
    #expect(report.isAllAccepted)
    #expect(report.connectionsLost == 1)
    #expect(Set(receiver.receptions.map(\.controlID)).count == 3)
    #expect(receiver.receptions.allSatisfy { generator.message(Int($0.controlID.suffix(12)) ?? -1) == $0.bytes })
  }

  @Test func `loses an answer on the way back, and the message comes twice`() async throws {
    let (report, receiver, _) = try await send(1, resend: true) {
      .init(toClient: $0 == 0 ? .reset(afterBytes: 10) : .none)
    }
    #expect(report.isAllAccepted)
    #expect(receiver.receptions.map(\.occurrence) == [1, 2])
  }

  @Test func `ends the way to the server in the middle of a message`() async throws {
    let (report, receiver, _) = try await send(1) { _ in .init(toServer: .halfClose(afterBytes: 100)) }
    #expect(report.count(.connectionLost) == 1)
    #expect(receiver.receptions.isEmpty)
  }

  @Test(arguments: [ProxyFault.blackHole(afterBytes: 0), .stall(afterBytes: 0)])
  func `swallows a message, and no answer comes`(fault: ProxyFault) async throws {
    let (report, receiver, _) = try await send(1, timeout: .milliseconds(100)) { _ in .init(toServer: fault) }
    #expect(report.count(.noAnswerInTime) == 1)
    #expect(receiver.receptions.isEmpty)
  }

  @Test func `doubles an answer, which is known to be the same`() async throws {
    let (report, receiver, _) = try await send(5) { _ in .init(toClient: .duplicate) }
    #expect(report.isAllAccepted)
    #expect(report.extraAnswers >= 4)
    #expect(receiver.receptions.count == 5)
  }

  @Test func `corrupts what the hash then shows`() async throws {
    // The 400th byte is past the header: the message is answered as if nothing were wrong with it.
    let (report, receiver, _) = try await send(1) { _ in .init(toServer: .corrupt(every: 400)) }
    #expect(report.isAllAccepted)
    let reception = try #require(receiver.receptions.first)
    #expect(reception.byteCount == generator.message(0).count)
    #expect(reception.hash != ContentHash.text(generator.message(0)))
  }

  @Test func `slows a message down to the rate it is told`() async throws {
    let (report, _, _) = try await send(1) { _ in .init(toServer: .slow(bytesPerSecond: 10_000)) }
    #expect(report.isAllAccepted)
    // A kilobyte at 10,000 bytes a second takes a tenth of a second.
    #expect(report.outcomes[0].nanoseconds > 80_000_000)
  }

  @Test func `can be closed, as if nobody listened, and opened again on its port`() async throws {
    let receiver = MLLPReceiver(ReceivePlan())
    try await receiver.start()
    let proxy = FaultProxy(to: receiver.endpoint)
    try await proxy.open()
    let port = proxy.port
    await proxy.close()
    let plan = SendPlan(PartnerEndpoint(port: port))
    let refused = try await MLLPSender(plan).send([generator.message(0)])
    #expect(refused.count(.notConnected) == 1, "\(refused)")
    try await proxy.open()
    #expect(proxy.port == port)
    let taken = try await MLLPSender(plan).send([generator.message(0)])
    #expect(taken.isAllAccepted)
    await proxy.stop()
    await receiver.stop()
  }

  @Test func `cuts what is open when it is told to`() async throws {
    let receiver = MLLPReceiver(ReceivePlan(always: ReceiverBehaviour(.none)))
    try await receiver.start()
    let proxy = FaultProxy(to: receiver.endpoint)
    try await proxy.open()
    var plan = SendPlan(PartnerEndpoint(port: proxy.port))
    plan.timeout = .seconds(20)
    let sender = MLLPSender(plan)
    let sending = Task { try await sender.send([generator.message(0)]) }
    _ = try await receiver.receptions(atLeast: 1)
    proxy.cut()
    let report = try await sending.value
    #expect(report.count(.connectionLost) == 1)
    await proxy.stop()
    await receiver.stop()
  }
}
