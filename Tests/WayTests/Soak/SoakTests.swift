import Foundation
import Partners
import Testing

extension Ways {
  @Suite struct `A hospital for half a minute` {
    @Test(.timeLimit(.minutes(4)))
    func `nothing is lost, twice or out of order, and what stands still says why`() async throws {
      try await Soak.run(seconds: 24, channels: 4)
    }
  }
}

/// `make soak`. Outside of `Ways`, whose tests have five minutes at most.
@Suite struct `A hospital for half an hour` {
  private static let seconds = Soak.number("HILUM_SOAK_SECONDS")

  @Test(.enabled(if: seconds != nil, "make soak"), .timeLimit(.minutes((seconds ?? 0) / 60 + 10)))
  func `nothing is lost, twice or out of order, and what stands still says why`() async throws {
    try await Soak.run(seconds: Self.seconds ?? 0, channels: Soak.number("HILUM_SOAK_CHANNELS") ?? 20)
  }
}

extension Soak {
  static func number(_ name: String) -> Int? { ProcessInfo.processInfo.environment[name].flatMap { Int($0) } }

  /// Runs one, and expects that all that happened was right.
  static func run(seconds: Int, channels: Int) async throws {
    let seed = number("HILUM_SEED").map { UInt64($0) } ?? UInt64.random(in: 1...999_999)
    let soak = try await Soak(channels: channels, seed: seed)
    print("a soak of \(seconds) s with \(channels) channels, seed \(seed)")
    try await soak.project.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, lane) in soak.lanes.enumerated() {
        group.addTask { try await lane.live(seed: seed &+ UInt64(number), longest: 12) }
      }
      group.addTask { await soak.watchMachine() }
      for number in 0..<channels { group.addTask { try await soak.load(number, rate: 4, seconds: 2 * seconds) } }
      group.addTask {
        var look = Look()
        while !Task.isCancelled {
          await soak.look(&look)
          try? await Task.sleep(for: .seconds(2))
        }
      }
      group.addTask {
        var random = SeededRandom(seed: seed ^ 0xFEED)
        while !Task.isCancelled {
          try? await Task.sleep(for: .seconds(Double.random(in: 1...5, using: &random)))
          await soak.operate(&random)
        }
      }
      try await soak.disturb(for: seconds)
      group.cancelAll()
      try await group.waitForAll()
    }
    let problems = try await soak.seen + soak.finish(within: 180)
    #expect(problems.isEmpty, "seed \(seed)\n\(problems.joined(separator: "\n"))")
    print(soak.story)
    #expect(soak.acknowledgedCount > seconds * channels / 2, "the soak was no load")
  }

  /// Deploys every minute, and ends the engine every other time, until the time is over; a short soak has as many of
  /// both.
  private func disturb(for seconds: Int) async throws {
    let end = ContinuousClock.now + .seconds(seconds)
    var round = 0
    while ContinuousClock.now < end {
      try await Task.sleep(for: .seconds(max(4, min(60, Double(seconds) / 6))))
      round += 1
      try await deploy(round)
      if round.isMultiple(of: 2) { try await breakEngine(inOrder: round.isMultiple(of: 8)) }
      if seconds > 300 { print("\(round) rounds: \(story)") }
    }
  }
}
