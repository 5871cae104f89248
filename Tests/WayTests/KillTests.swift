import Admin
import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Killed at a chosen moment` {
    @Test func `before the commit: no answer, nothing stored, and its resend is a new message`() async throws {
      let way = try await OneWay.make()
      let (stored, report) = try await die(way, at: "before-commit", afterReady: 4)

      #expect(
        stored.map(\.controlID) == report.outcomes.filter { $0.code == .AA }.map(\.controlID),
        "only what was acknowledged is stored")
      let unanswered = report.outcomes.filter { $0.failure != nil }.map { "K\($0.number + 1)" }
      #expect(!unanswered.isEmpty)
      #expect(try await send(unanswered.map { Sample.adt($0) }, to: way.port).isAllAccepted)
      // The ends of the last deliveries wait for the commit that never came.
      try await allDeliveredOnce(way, (1...20).map { "K\($0)" }, mayRepeat: 3)
      #expect(try await way.project.ledger("adt").duplicate == 0)
    }

    @Test func `after the commit, before the answer: kept, its resend is known and answered, it is delivered once`()
      async throws
    {
      let way = try await OneWay.make()
      let (stored, report) = try await die(way, at: "after-commit", afterReady: 4)

      let answered = report.outcomes.filter { $0.code == .AA }.map(\.controlID)
      let unanswered = report.outcomes.filter { $0.failure != nil }.map { "K\($0.number + 1)" }
      // Either an arrival or the end of a delivery was being committed.
      #expect(stored.map(\.controlID).starts(with: answered) && stored.count <= answered.count + 1)
      #expect(try await send(unanswered.map { Sample.adt($0) }, to: way.port).isAllAccepted)
      try await allDeliveredOnce(way, (1...20).map { "K\($0)" }, mayRepeat: 1)
      #expect(try await way.project.ledger("adt").duplicate == stored.count - answered.count)
    }

    @Test func `after the answer: kept, and delivered after the restart, in order`() async throws {
      let partner = try await Partner.away()
      let way = try await OneWay.make(partner: partner)
      let engine = try await way.project.start()
      let ids = (1...30).map { "A\($0)" }
      #expect(try await send(ids.map { Sample.adt($0) }, to: way.port).isAllAccepted)

      await engine.kill()
      try await way.project.start()
      try await partner.receiver.start()

      #expect(try await partner.waits(for: 30).map(\.controlID) == ids)
      try await way.project.drained()
      #expect(partner.got.count == 30)
      _ = try await way.project.ledger("adt")
    }

    @Test func `after a send, before the partner's answer: sent again with the same control id, and flagged`()
      async throws
    {
      let way = try await OneWay.make(destination: ", timeout: 30s")
      way.partner.answer { $0.occurrence == 1 ? ReceiverBehaviour(.none) : ReceiverBehaviour() }
      let engine = try await way.project.start()
      #expect(try await send([Sample.adt("S1"), Sample.adt("S2")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)

      await engine.kill()
      way.partner.answer(ReceiverBehaviour())
      try await way.project.start()

      let got = try await way.partner.waits(for: 3)
      #expect(got.map(\.controlID) == ["S1", "S1", "S2"] && got[0].bytes == got[1].bytes)
      try await way.project.drained()
      let first = try #require(try await way.project.messages().last)
      #expect(try await way.project.story(first.id).contains("may have reached the partner more than once"))
      _ = try await way.project.ledger("adt")
    }

    @Test func `after the partner's answer, before that is written: sent again with the same control id, and flagged`()
      async throws
    {
      let way = try await OneWay.make()
      let id = try await way.diesAtTheEndOfADelivery()
      #expect(way.partner.controlIDs.filter { $0 == id } == [id])
      try await way.project.start()
      try await eventually("it is sent again") { way.partner.controlIDs.filter { $0 == id }.count == 2 }
      try await way.project.drained()
      let message = try #require(try await way.project.messages().first { $0.state == .routed })
      #expect(try await way.project.story(message.id).contains("may have reached the partner more than once"))
    }

    @Test(arguments: ["in-checkpoint:1", "after-blob:1", "after-blob:3", "before-commit:9", "after-commit:9"])
    func `and started again it has everything, and no file that belongs to nobody`(failpoint: String) async throws {
      let way = try await OneWay.make(channel: "limits: {message: 4MiB}")
      let engine = try await way.project.start(environment: ["HILUM_FAILPOINT": failpoint])
      // Every other message is large enough to be a file of its own.
      let messages = (1...8).map { number in
        Sample.adt(
          "B\(number)", more: number.isMultiple(of: 2) ? ["OBX|1|TX|||" + String(repeating: "x", count: 300_000)] : [])
      }
      var acknowledged: [String] = []
      for message in messages {
        let report = try? await send([message], to: way.port) { $0.timeout = .seconds(5) }
        if report?.isAllAccepted == true { acknowledged += report?.outcomes.map(\.controlID) ?? [] }
        if !engine.launch.isRunning { break }
      }
      #expect(await engine.launch.ending(within: 20) == .signalled(SIGKILL), "the failpoint was never passed")

      try await way.project.start()
      #expect(try await send(messages, to: way.port).isAllAccepted)
      try await allDeliveredOnce(way, messages.indices.map { "B\($0 + 1)" }, mayRepeat: 2)
      #expect(way.partner.got.allSatisfy { messages.contains($0.bytes ?? []) })
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.duplicate >= acknowledged.count && ledger.routed == 8)
      #expect(await way.project.running?.stop() == .exited(0))
      let integrity = try await way.project.run(["sqlite3", "data/hilum.db", "PRAGMA integrity_check"])
      if Tools.has("sqlite3") { #expect(integrity.output == "ok\n", "\(integrity)") }
      let blobs = FileManager.default.enumerator(atPath: way.project.path("data/blobs"))?.allObjects as? [String] ?? []
      #expect(blobs.filter { !$0.hasSuffix(".tmp") && $0.contains("/") }.count == 4, "\(blobs)")
    }

    @Test func `with a slow start in between, twice in a row, and at once after ready`() async throws {
      let trial = try await Trial(seed: 7)
      let load = Task { try await trial.load(count: 400) }
      for pause in [0, 0, 30, 60] {
        let engine = try await trial.project.start()
        try await Task.sleep(for: .milliseconds(pause))
        await engine.kill()
        trial.incident("killed \(pause) ms after ready")
      }
      let started = try trial.project.launch()
      // Not even ready: whatever it was doing.
      try await Task.sleep(for: .milliseconds(20))
      await started.kill()
      trial.incident("killed while it started")
      try await trial.project.start()
      let report = try await load.value
      #expect(report.isAllAccepted, "\(report)")
      #expect(try await trial.finish() == [])
    }

    // MARK: Parts

    /// Sends one message after the other until the engine dies at a failpoint, starts it again, and gives what it has
    /// then.
    private func die(
      _ way: OneWay, at failpoint: String, afterReady passings: Int
    ) async throws -> (stored: [(controlID: String, id: String)], report: SendReport) {
      let engine = try await way.project.start(environment: ["HILUM_FAILPOINT": "\(failpoint):\(passings + 4)"])
      let report = try await send((1...20).map { Sample.adt("K\($0)") }, to: way.port) { $0.timeout = .seconds(5) }
      #expect(await engine.launch.ending(within: 20) == .signalled(SIGKILL), "\(report)")
      try await way.project.start()
      var stored: [(controlID: String, id: String)] = []
      for message in try await way.project.messages().reversed() {
        let raw = try await way.project.hilum("messages", "export", message.id)
        stored.append((Sample.field("MSH", 10, of: Array(raw.output.utf8)) ?? "", message.id))
      }
      return (stored, report)
    }

    /// - Parameter mayRepeat: what was at the partner when the engine died, and may come again.
    private func allDeliveredOnce(_ way: OneWay, _ ids: [String], mayRepeat: Int) async throws {
      try await way.project.drained()
      let got = way.partner.controlIDs
      #expect(Set(got) == Set(ids))
      #expect(got.count <= ids.count + mayRepeat, "\(got)")
      let order = got.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      #expect(order == ids.filter(got.contains))
    }
  }

  @Suite struct `Killed again and again under load` {
    /// `HILUM_KILLS=300` for hundreds; `HILUM_SEED` for the same again.
    static let kills = ProcessInfo.processInfo.environment["HILUM_KILLS"].flatMap { Int($0) } ?? 20
    static let seed =
      ProcessInfo.processInfo.environment["HILUM_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)

    @Test(.timeLimit(.minutes(max(3, kills / 10))))
    func `it loses nothing that it acknowledged, keeps the order, and repeats only what was under way`() async throws {
      print("killing \(Self.kills) times, seed \(Self.seed)")
      var random = SeededRandom(seed: Self.seed)
      let trial = try await Trial(seed: Self.seed)
      let load = Task { try await trial.load(connections: 6, rate: 400, giveUpAfter: .seconds(120)) }
      var deaths = 0
      while deaths < Self.kills {
        // Half of them anywhere, half of them at the moments that matter.
        let chosen =
          [nil, nil, nil, "before-commit", "after-commit", "in-checkpoint"].randomElement(using: &random) ?? nil
        let environment = chosen.map { name in
          ["HILUM_FAILPOINT": "\(name):\(name == "in-checkpoint" ? 1 : Int.random(in: 1...150, using: &random))"]
        }
        let engine = try trial.project.launch(environment: environment ?? [:])
        let life = Double.random(in: 0...0.9, using: &random)
        if (try? await engine.ready()) != nil {
          if let problems = try? await trial.project.problemsOfTheLedger() {
            #expect(problems == [], "seed \(Self.seed), start \(deaths + 1)")
          }
          _ = await engine.launch.ending(within: life)
        }
        await engine.kill()
        trial.incident("kill \(deaths)")
        deaths += 1
        try await Task.sleep(for: .milliseconds(10))
        trial.incident("kill \(deaths), and its sockets read")
      }
      try await trial.project.start()
      load.cancel()
      let report = try await load.value
      #expect(try await trial.finish(within: 120) == [], "seed \(Self.seed)")
      print("\(trial.acknowledgedCount) messages acknowledged, a connection lost \(report.connectionsLost) times")
      #expect(trial.acknowledgedCount > Self.kills * 10, "the trial was no load")
    }
  }
}
