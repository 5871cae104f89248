import Admin
import Engine
import Foundation
import Partners
import Synchronization

/// What deployments under full load do to the answers of senders: `hilum bench --deploys`.
///
/// Three engines in turn, each under the same load: one that is left alone, one whose transform is deployed again and
/// again, and one whose lane gets other settings again and again.
struct DeployBench {
  let seconds: Int
  let turns: Int
  let connections: Int
  let directory: String
  /// From the end of a deployment to the next one.
  private static let pause: Duration = .milliseconds(200)

  private enum Kind: String, CaseIterable {
    case none = "no deployment"
    case transform = "a transform, swapped"
    case lane = "a lane's settings"

    /// The file that is changed, the text in it, and what it is in round `number`.
    func edit(_ number: Int) -> (file: String, from: String, to: String)? {
      switch self {
      case .none: nil
      case .transform:
        ("Transforms/bench.hilt", number == 0 ? "\"HUB\"" : "\"HUB\(number)\"", "\"HUB\(number + 1)\"")
      case .lane:
        (
          "Channels/bench.yaml", number == 0 ? "window: 8" : "retry: {longest: \(number)m}\n    window: 8",
          "retry: {longest: \(number + 1)m}\n    window: 8"
        )
      }
    }
  }

  private struct Row {
    var answers = LatencyHistogram()
    var seconds = 0.0
    var deployments = LatencyHistogram()
  }

  func run() async throws -> String {
    var rows: [Kind: Row] = [:]
    let frames = Load.Frames(seed: 1)
    for _ in 0..<max(1, turns) {
      for kind in Kind.allCases {
        let one = try await measure(kind, frames)
        var row = rows[kind] ?? Row()
        row.answers.add(one.answers)
        row.deployments.add(one.deployments)
        row.seconds += one.seconds
        rows[kind] = row
      }
    }
    var lines = ["\(connections) connections, \(turns) turns of \(seconds) s; times in ms"]
    for kind in Kind.allCases {
      guard let row = rows[kind] else { continue }
      let name = kind.rawValue.padding(toLength: 22, withPad: " ", startingAt: 0)
      let rate = Int(Double(row.answers.count) / max(row.seconds, 0.001))
      lines.append("\(name)\(rate) messages/s, answers \(row.answers.summary)")
      if row.deployments.count > 0 {
        lines.append("                      \(row.deployments.count) deployments, each \(row.deployments.summary)")
      }
    }
    return lines.joined(separator: "\n")
  }

  private func measure(_ kind: Kind, _ frames: Load.Frames) async throws -> Row {
    let folder = "\(directory)/bench-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let subject = EngineSubject(destinations: 1, window: 8)
    let partner = try await LoadPartner.start(destinations: 1)
    do {
      let port = try await subject.start(directory: folder, partnerPorts: partner.ports)
      let deploying = Task { try await deploy(kind, in: folder) }
      let load = Load(port: port, connections: connections, window: .seconds(seconds))
      let result = try await load.run(frames: frames, partner: partner)
      deploying.cancel()
      let deployments = try await deploying.value
      await subject.stop()
      await partner.stop()
      return Row(answers: result.answerLatency, seconds: result.seconds, deployments: deployments)
    } catch {
      await subject.stop()
      await partner.stop()
      throw error
    }
  }

  /// Deploys until it is cancelled; gives how long each took.
  private func deploy(_ kind: Kind, in folder: String) async throws -> LatencyHistogram {
    var times = LatencyHistogram()
    var number = 0
    let clock = ContinuousClock()
    while let edit = kind.edit(number), !Task.isCancelled {
      let url = URL(fileURLWithPath: "\(folder)/\(edit.file)")
      let text = try String(contentsOf: url, encoding: .utf8)
      try Data(text.replacing(edit.from, with: edit.to).utf8).write(to: url, options: .atomic)
      let start = clock.now
      let client = ControlClient("\(folder)/data")
      // What is asked for is waited for, also when the load has ended meanwhile.
      let report = try await Task {
        try await client.post("deploy", DeployRequest(), as: DeploymentReport.self)
      }.value
      guard report.isGood, report.channels.map(\.outcome) == [.changed] else {
        throw Failure("a deployment did not do what it should: \(report)")
      }
      let time = (clock.now - start).components
      times.add(nanoseconds: UInt64(time.seconds) * 1_000_000_000 + UInt64(time.attoseconds / 1_000_000_000))
      number += 1
      try? await Task.sleep(for: Self.pause)
    }
    return times
  }
}
