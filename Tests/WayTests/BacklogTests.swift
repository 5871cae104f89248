import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A long backlog` {
    /// `HILUM_BACKLOG=1000000` for a million.
    static let count = ProcessInfo.processInfo.environment["HILUM_BACKLOG"].flatMap { Int($0) } ?? 20_000

    @Test(.timeLimit(.minutes(max(4, count / 20_000 * 2))))
    func `waits for a partner that is down in bounded memory, outlives a kill, and goes out in order`() async throws {
      let count = Self.count
      let history = HistoryLog()
      let partner = try await Partner.away(history: history, keepsBytes: false)
      let way = try await OneWay.make(
        lane: "window: 8\n    retry: {first: 100ms, factor: 1, longest: 200ms}", partner: partner)
      let engine = try await way.project.start()
      let before = engine.memoryBytes
      let generator = MessageGenerator(seed: 20)
      var plan = SendPlan(PartnerEndpoint(port: way.port))
      plan.connections = 1
      plan.window = 32
      plan.history = history
      var began = ContinuousClock.now
      let report = try await MLLPSender(plan).send(count: count) { generator.message($0) }
      #expect(report.isAllAccepted, "\(report)")
      let filled = engine.memoryBytes
      print(
        "backlog: \(count) taken in \((ContinuousClock.now - began) / .seconds(1)) s, "
          + "\(before >> 20) MiB before, \(filled >> 20) MiB after"
      )
      #expect(filled < before + 128 << 20)
      #expect(try await way.project.lane("adt/ehr").waiting == count)

      await engine.kill()
      #expect(partner.got.isEmpty)
      began = ContinuousClock.now
      let second = try await way.project.start()
      let ready = (ContinuousClock.now - began) / .seconds(1)
      print("ready after \(ready) s with \(count) waiting, \(second.memoryBytes >> 20) MiB")
      #expect(ready < 5)
      #expect(try await way.project.lane("adt/ehr").waiting == count)
      history.incident("killed")

      began = ContinuousClock.now
      try await partner.receiver.start()
      try await partner.waits(for: count, within: .seconds(60 + count / 500))
      print("delivered in \((ContinuousClock.now - began) / .seconds(1)) s, \(second.memoryBytes >> 20) MiB")
      #expect(second.memoryBytes < before + 160 << 20)
      try await way.project.drained()
      let verdict = HistoryCheck(bytesUnchanged: true, ordered: true).report(history.events)
      #expect(verdict.isGood && verdict.count(.delivered) == count, "\(verdict)")
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.lanes[0].delivered == count)
      #expect(await second.stop() == .exited(0))
    }
  }
}
