import Foundation
import Partners

/// The smallest way: a source over MLLP, one partner, no transform. Retries come quickly, so that nothing waits for
/// them.
final class OneWay: Sendable {
  let project: Project
  let partner: Partner
  /// Where the channel `adt` listens.
  let port: Int

  private init(_ project: Project, _ partner: Partner, _ port: Int) {
    self.project = project
    self.partner = partner
    self.port = port
  }

  /// - Parameters:
  ///   - source: further settings of the source's `mllp:`, each with a comma before it.
  ///   - hl7: the source's `hl7:` block.
  ///   - destination: further settings of the partner's `mllp:`, each with a comma before it.
  ///   - lane: further lines of the destination.
  ///   - channel: further lines of the channel.
  ///   - to: the port that is sent to, where it isn't the partner's own.
  static func make(
    source: String = "", hl7: String = "{}", destination: String = ", timeout: 2s",
    lane: String = "retry: {first: 20ms, factor: 1, longest: 20ms}", channel: String = "", to: Int? = nil,
    partner: Partner? = nil,
    in folder: String? = nil
  ) async throws -> OneWay {
    let project = try Project(in: folder)
    let partner = if let partner { partner } else { try await Partner.start() }
    let port = try project.port()
    try project.write(
      "Channels/adt.yaml",
      """
      channel: adt
      source:
        mllp: {port: \(port)\(source)}
        hl7: \(hl7)
      destinations:
        ehr:
          mllp: {host: 127.0.0.1, port: \(to ?? partner.port)\(destination)}
          \(lane)
      \(channel)

      """)
    return OneWay(project, partner, port)
  }

  /// Made, and its engine is ready.
  static func start(
    source: String = "", hl7: String = "{}", destination: String = ", timeout: 2s",
    lane: String = "retry: {first: 20ms, factor: 1, longest: 20ms}", channel: String = "", to: Int? = nil
  ) async throws -> OneWay {
    let way = try await make(source: source, hl7: hl7, destination: destination, lane: lane, channel: channel, to: to)
    try await way.project.start()
    return way
  }
}

extension OneWay {
  /// Sends one message after the other to engines that die before their first, second, … commit, until one dies behind
  /// the partner's answer and before that is written. The commit at which the end of a delivery is written is not the
  /// same in each version.
  ///
  /// - Returns: the control id of that message.
  func diesAtTheEndOfADelivery() async throws -> String {
    for commit in 1...12 {
      let id = "E\(commit)"
      let engine = try project.launch(environment: ["HILUM_FAILPOINT": "before-commit:\(commit)"])
      guard (try? await engine.ready(within: 20)) != nil else { continue }
      let report = try await send([Sample.adt(id)], to: port) { $0.timeout = .seconds(5) }
      guard report.isAllAccepted else { continue }
      try await partner.waits(for: partner.got.isEmpty ? 1 : partner.got.count)
      guard await engine.launch.ending(within: 5) == .signalled(SIGKILL) else {
        throw WayError("no commit followed the answer of the partner")
      }
      return id
    }
    throw WayError("the engine never died at the end of a delivery")
  }
}
