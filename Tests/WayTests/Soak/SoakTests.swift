import Foundation
import Partners
import Testing

extension Ways {
  /// `make soak` for half an hour with twenty channels; a short one with few is a part of every test run.
  @Suite struct `A hospital for a while` {
    private static func number(_ name: String, or other: Int) -> Int {
      ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? other
    }
    static let seconds = number("HILUM_SOAK_SECONDS", or: 24)
    static let channels = number("HILUM_SOAK_CHANNELS", or: 4)
    static let seed = UInt64(number("HILUM_SEED", or: Int.random(in: 1...999_999)))
    /// A deployment every minute and an end of the engine every two, in half an hour; shorter runs have as many.
    static let betweenDeployments = max(4, min(60, Double(seconds) / 6))

    @Test(.timeLimit(.minutes(seconds / 60 + 6)))
    func `nothing is lost, twice or out of order, and what stands still says why`() async throws {
      let soak = try await Soak(channels: Self.channels, seed: Self.seed)
      print("a soak of \(Self.seconds) s with \(Self.channels) channels, seed \(Self.seed)")
      try await soak.project.start()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, lane) in soak.lanes.enumerated() {
          group.addTask { try await lane.live(seed: Self.seed &+ UInt64(number), longest: 12) }
        }
        for number in 0..<Self.channels {
          group.addTask { try await soak.load(number, rate: 4, seconds: 2 * Self.seconds) }
        }
        group.addTask {
          var look = Soak.Look()
          while !Task.isCancelled {
            await soak.look(&look)
            try? await Task.sleep(for: .seconds(2))
          }
        }
        group.addTask {
          var random = SeededRandom(seed: Self.seed ^ 0xFEED)
          while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(Double.random(in: 1...5, using: &random)))
            await soak.operate(&random)
          }
        }
        try await disturb(soak)
        group.cancelAll()
        try await group.waitForAll()
      }
      let problems = try await soak.seen + soak.finish(within: 180)
      #expect(problems.isEmpty, "seed \(Self.seed)\n\(problems.joined(separator: "\n"))")
      print(soak.story)
      #expect(soak.acknowledgedCount > Self.seconds * Self.channels / 2, "the soak was no load")
    }

    /// Deploys, and ends the engine every other time, until the time is over.
    private func disturb(_ soak: Soak) async throws {
      let end = ContinuousClock.now + .seconds(Self.seconds)
      var round = 0
      while ContinuousClock.now < end {
        try await Task.sleep(for: .seconds(Self.betweenDeployments))
        round += 1
        try await soak.deploy(round)
        if round.isMultiple(of: 2) { try await soak.breakEngine(inOrder: round.isMultiple(of: 8)) }
        if Self.seconds > 300 { print("\(round) rounds: \(soak.story)") }
      }
    }
  }
}
