import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A deployment under full load` {
    private static let wrap = "destinations:"

    /// The trial's channel with a transform that changes no byte; `text` makes it another revision.
    private func transform(_ trial: Trial, _ text: String) throws {
      try trial.project.write(
        "Transforms/pass.hilt",
        "transform pass\n  in  hl7\n  out hl7\n\nnote \"\(text)\"\nemit msg\n")
    }

    private func edit(_ project: Project, _ change: (String) -> String) throws {
      let file = String(decoding: project.read("Channels/adt.yaml"), as: UTF8.self)
      try project.write("Channels/adt.yaml", change(file))
    }

    private func deploy(_ project: Project) async throws -> DeploymentReport {
      let report: DeploymentReport = try await project.json("deploy")
      #expect(report.isGood, "\(report)")
      return report
    }

    @Test func `swaps a transform between two messages: no connection closes, nothing is lost or out of order`()
      async throws
    {
      let trial = try await Trial(seed: 21)
      try transform(trial, "first")
      try edit(trial.project) { $0.replacing(Self.wrap, with: "transform: ../Transforms/pass.hilt\n\(Self.wrap)") }
      try await trial.project.start()
      let load = Task { try await trial.load(count: 4000) }
      try await eventually("there is load") { trial.acknowledgedCount > 100 }
      var revisions: Set<String> = []
      while !load.isCancelled, trial.acknowledgedCount < 3500 {
        try transform(trial, "version \(revisions.count)")
        let report = try await deploy(trial.project)
        let changed = try #require(report.channels.first { $0.outcome == .changed })
        #expect(changed.lines.contains("swapped between two messages; no connection is closed"))
        revisions.insert(changed.revision ?? "")
      }
      let report = try await load.value
      #expect(report.isAllAccepted && report.connectionsLost == 0, "\(report)")
      #expect(revisions.count > 2)
      #expect(try await trial.finish() == [])
    }

    @Test func `changes what every lane works with, and the source: nothing is lost, twice or out of order`()
      async throws
    {
      let trial = try await Trial(seed: 22)
      try await trial.project.start()
      let load = Task { try await trial.load(count: 3000) }
      var rounds = 0
      while trial.acknowledgedCount < 2500 {
        try await eventually("the load goes on") { trial.acknowledgedCount > 200 * (rounds + 1) }
        rounds += 1
        try edit(trial.project) { file in
          var file = file.replacing("timeout: \(4 + rounds)s", with: "timeout: \(5 + rounds)s")
          file = file.replacing("longest: \(rounds == 1 ? 20 : 19 + rounds - 1)ms", with: "longest: \(19 + rounds)ms")
          return rounds.isMultiple(of: 2)
            ? file.replacing("port: \(trial.port)", with: "port: \(trial.port), idle: \(rounds)h") : file
        }
        let changed = try #require(try await deploy(trial.project).channels.first)
        #expect(changed.lines.contains("lane strict: takes its new settings, for what waits too"))
        if rounds.isMultiple(of: 2) {
          try edit(trial.project) { $0.replacing(", idle: \(rounds)h", with: "") }
          #expect(try await deploy(trial.project).channels.first?.lines.contains { $0.hasPrefix("source:") } == true)
        }
      }
      let report = try await load.value
      #expect(report.isAllAccepted, "\(report)")
      #expect(try await trial.finish() == [])
    }

    @Test func `changes by what a lane orders: what waits goes before what comes, and nothing is lost`() async throws {
      let trial = try await Trial(seed: 23)
      try await trial.project.start()
      let load = Task { try await trial.load(count: 2000) }
      try await eventually("there is load") { trial.acknowledgedCount > 300 }
      // The partner behind it is held to the order of the last digit, which the first letters' keep all the more.
      try edit(trial.project) { $0.replacing("\"right(MSH-10, 1)\"", with: "\"left(MSH-10, 1)\"") }
      _ = try await deploy(trial.project)
      try await eventually("there is load") { trial.acknowledgedCount > 900 }
      try edit(trial.project) { $0.replacing("\"left(MSH-10, 1)\"", with: "\"right(MSH-10, 1)\"") }
      _ = try await deploy(trial.project)
      #expect(try await load.value.isAllAccepted)
      #expect(try await trial.finish() == [])
    }

    @Test func `killed before what it registered is on the disk: the old state, and the start brings the new`()
      async throws
    {
      let way = try await OneWay.make()
      let first = try await way.project.start()
      #expect(await first.stop() == .exited(0))
      // The start registers the channel once.
      let engine = try await way.project.start(environment: ["HILUM_FAILPOINT": "in-deployment:2"])
      #expect(try await send([Sample.adt("K1")], to: way.port).isAllAccepted)
      try edit(way.project) { $0.replacing("timeout: 2s", with: "timeout: 3s") }
      _ = try await way.project.hilum("deploy")
      #expect(await engine.launch.ending(within: 20) == .signalled(SIGKILL))
      try await way.project.start()
      #expect(try await send([Sample.adt("K2")], to: way.port).isAllAccepted)
      try await way.project.drained()
      #expect(Array(Set(way.partner.controlIDs)).sorted() == ["K1", "K2"])
      let revisions: [RevisionShown] = try await way.project.json("revisions", "adt")
      #expect(revisions.map(\.by) == ["start", "start"] && revisions.map(\.runs) == [true, false])
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test func `killed at random moments of it, each channel runs the old or the new, and after the start the new`()
      async throws
    {
      let seed = UInt64.random(in: 0...9_999)
      var random = SeededRandom(seed: seed)
      let trial = try await Trial(seed: seed)
      try transform(trial, "first")
      try edit(trial.project) { $0.replacing(Self.wrap, with: "transform: ../Transforms/pass.hilt\n\(Self.wrap)") }
      try await trial.project.start()
      let load = Task { try await trial.load(connections: 3, rate: 300, giveUpAfter: .seconds(60)) }
      for round in 1...6 {
        let before = trial.acknowledgedCount
        try await eventually("there is load, seed \(seed)") { trial.acknowledgedCount > before + 20 }
        try transform(trial, "round \(round)")
        try edit(trial.project) { $0.replacing("timeout: \(4 + round)s", with: "timeout: \(5 + round)s") }
        let engine = try #require(trial.project.running)
        let project = trial.project
        let deployment = Task { try await project.hilum("deploy") }
        _ = await engine.launch.ending(within: Double.random(in: 0...0.15, using: &random))
        await engine.kill()
        trial.incident("kill \(round)")
        _ = try await deployment.value
        trial.incident("kill \(round), and its sockets read")
        try await trial.project.start()
        let difference: DeploymentReport = try await trial.project.json("diff")
        #expect(difference.channels.map(\.outcome) == [.unchanged], "seed \(seed), round \(round)")
      }
      load.cancel()
      _ = try await load.value
      #expect(try await trial.finish(within: 60) == [], "seed \(seed)")
    }
  }
}
