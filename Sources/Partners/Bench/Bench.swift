internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Measures subjects beside the floor, in one run on one machine.
///
/// Load and partner live in this process, each subject in one of its own. A measurement is a pair: the floor and, right
/// before or after it, the subject, for machines have good and bad minutes. The ratio is the median of the pairs'
/// ratios.
package struct Bench: Sendable {
  package struct Plan: Sendable {
    package var connections = [1, 8, 32]
    package var pairs = 5
    package var warmUp: Duration = .seconds(1)
    package var window: Duration = .seconds(3)
    package var seed: UInt64 = 1
    /// How many different messages are cycled through.
    package var variety = 1_024
    /// Threads of load and partner together. On few cores one is best: what is measured needs the others.
    package var threads = 1
    /// Where the subjects' folders are made: on the disk that is to be measured, never on a memory file system.
    package var directory: String

    package init(directory: String) { self.directory = directory }
  }

  package var plan: Plan

  package init(_ plan: Plan) { self.plan = plan }

  /// - Parameter progress: told one line for each measurement.
  /// - Throws: what a subject or the load throws; a run that is not clean gives no figures.
  package func run(
    floor: any BenchSubject, subjects: [any BenchSubject], progress: (String) -> Void = { _ in }
  ) async throws -> BenchReport {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: max(1, plan.threads))
    let frames = Load.Frames(seed: plan.seed, variety: plan.variety)
    var measured: [BenchMeasurement] = []
    do {
      for connections in plan.connections {
        for pair in 0..<max(1, plan.pairs) {
          // Each subject has a floor of its own beside it, and goes first every other time.
          for subject in subjects {
            for one in pair % 2 == 0 ? [floor, subject] : [subject, floor] {
              var measurement = try await measure(one, connections: connections, frames: frames, group: group)
              measurement.pair = pair
              measurement.beside = subject.name
              progress(measurement.line)
              measured.append(measurement)
            }
          }
        }
      }
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
    try? await group.shutdownGracefully()
    return BenchReport(measured, floor: floor.name, subjects: subjects.map(\.name), connections: plan.connections)
  }

  private func measure(
    _ subject: any BenchSubject, connections: Int, frames: Load.Frames, group: MultiThreadedEventLoopGroup
  ) async throws -> BenchMeasurement {
    let directory = "\(plan.directory)/bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let partner =
      subject.destinationCount > 0
      ? try await LoadPartner.start(destinations: subject.destinationCount, group: group) : nil
    do {
      let port = try await subject.start(directory: directory, partnerPorts: partner?.ports ?? [])
      let load = Load(port: port, connections: connections, warmUp: plan.warmUp, window: plan.window)
      let usages = Mutex<[ProcessUsage]>([])
      let result = try await load.run(frames: frames, partner: partner, group: group) { _ in
        if let usage = try? subject.usage() { usages.withLock { $0.append(usage) } }
      }
      await subject.stop()
      await partner?.stop()
      return BenchMeasurement(subject.name, connections: connections, result, usages.withLock { $0 })
    } catch {
      await subject.stop()
      await partner?.stop()
      throw error
    }
  }
}
