import Foundation
import Testing

/// Rule 5 of the core: whatever the writer, the store's answers, the partner, people and crashes do, and in whatever
/// order, nothing is skipped, lost, disordered or sent twice without need, memory stays bounded, and a lane never
/// stands still.
@Suite struct LaneModelTests {
  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func `a lane keeps its promises through random events`(seed: UInt64) {
    check(seed)
  }

  /// `HILUM_MODEL_RUNS` says how many; `HILUM_MODEL_SEED` runs one that failed.
  @Test func `a lane keeps its promises through random events that nobody has seen before`() {
    let runs = ProcessInfo.processInfo.environment["HILUM_MODEL_RUNS"].flatMap { Int($0) } ?? 6
    if let seed = ProcessInfo.processInfo.environment["HILUM_MODEL_SEED"].flatMap({ UInt64($0) }) { return check(seed) }
    for _ in 0..<runs { check(UInt64.random(in: 1000 ... .max)) }
  }

  private func check(_ seed: UInt64) {
    let run = LaneModelRun(seed: seed)
    #expect(throws: Never.self, "LaneModelRun(seed: \(seed))") { try run.run(steps: 6000) }
  }
}
