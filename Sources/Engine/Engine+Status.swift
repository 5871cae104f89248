package import ConnectorKit
import Logging
import Messages
import Store

extension Engine {
  /// What every channel and lane is doing, with what waits for a person by the store's counters.
  package func status() async -> EngineStatus {
    var status = EngineStatus(
      site: site, startedAt: startedAt, store: store.condition.text, channels: channels.map { $0.status() },
      broken: broken)
    guard let ledgers = try? await store.ledger() else { return status }
    let byName = Dictionary(ledgers.map { ($0.channel, $0) }) { first, _ in first }
    for index in status.channels.indices {
      if let ledger = byName[status.channels[index].name] { status.channels[index].add(ledger) }
    }
    let known = Set(status.channels.map(\.name) + status.broken.map(\.name))
    status.gone = ledgers.filter { !known.contains($0.channel) }.compactMap(GoneChannel.init)
    return status
  }

  /// Says at start what waits where nothing sends it any more, because a name was changed or a file is gone.
  func warnOfStranded() async {
    let status = await status()
    for channel in status.channels {
      for lane in channel.stranded where lane.waiting > 0 {
        let name = "\(channel.name)/\(lane.name)"
        log.warning(
          """
          lane \(lane.name): \(Self.deliveries(lane.waiting)), and channel \(channel.name) has no destination \
          \(lane.name) any more; give it its name back, or cancel them with \
          `hilum lane cancel \(name) --all --reason …`
          """, metadata: ["lane": "\(name)"])
      }
    }
    for channel in status.gone where channel.waiting > 0 {
      let lanes = channel.lanes.map { "\($0.name) \($0.waiting)" }.joined(separator: ", ")
      log.warning(
        """
        channel \(channel.name): \(Self.deliveries(channel.waiting)) (\(lanes)), and no channel file has this name any \
        more; put the file back, or give the channel its name back, or cancel them with \
        `hilum lane cancel \(channel.name)/\(channel.lanes[0].name) --all --reason …`
        """, metadata: ["channel": "\(channel.name)"])
    }
  }

  private static func deliveries(_ count: Int) -> String {
    count == 1 ? "1 delivery waits" : "\(count) deliveries wait"
  }
}

/// The engine as an operator sees it.
package struct EngineStatus: Sendable, Codable, Equatable {
  package var site: String
  package var startedAt: Int64
  /// `open`, or why nothing is taken.
  package var store: String
  package var channels: [ChannelStatus]
  package var broken: [BrokenChannel]
  /// Channels that no file has any more, and of which something waits.
  package var gone: [GoneChannel] = []
}

/// A channel as an operator sees it.
package struct ChannelStatus: Sendable, Codable, Equatable {
  package var name: String
  package var about: String?
  package var state: String
  /// Why the source isn't running although it should.
  package var trouble: String?
  package var source: SourceStatus
  package var perMinute: Int
  package var lanes: [LaneStatus]
  /// Messages that wait for a person; `nil` where the store could not be read.
  package var failed: Int?
  package var held: Int?
  /// Lanes in which something waits and that the channel file doesn't name any more.
  package var stranded: [StrandedLane] = []

  fileprivate mutating func add(_ ledger: ChannelLedger) {
    failed = ledger.failed
    held = ledger.held
    for index in lanes.indices {
      let found = ledger.lanes.first { $0.name == lanes[index].name }
      (lanes[index].dead, lanes[index].held, lanes[index].places) = (found?.dead, found?.held, found?.places)
    }
    let known = Set(lanes.map(\.name))
    stranded = ledger.lanes.filter { !known.contains($0.name) }.compactMap(StrandedLane.init)
  }
}

/// A lane in which something waits, and that has no destination.
package struct StrandedLane: Sendable, Codable, Equatable {
  package var name: String
  package var waiting: Int
  /// Deliveries that a person has to decide about.
  package var held: Int

  fileprivate init?(_ lane: ChannelLedger.Lane) {
    guard lane.waiting + lane.held > 0 else { return nil }
    name = lane.name
    waiting = lane.waiting
    held = lane.held
  }
}

/// A channel of which something waits, and that has no file.
package struct GoneChannel: Sendable, Codable, Equatable {
  package var name: String
  package var lanes: [StrandedLane]
  package var waiting: Int { lanes.reduce(0) { $0 + $1.waiting } }

  fileprivate init?(_ ledger: ChannelLedger) {
    name = ledger.channel
    lanes = ledger.lanes.compactMap(StrandedLane.init)
    if lanes.isEmpty { return nil }
  }
}
