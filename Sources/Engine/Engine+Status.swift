package import ConnectorKit
import Logging
import Messages
package import Store
import Synchronization

extension Engine {
  /// By delivery, until when its outcome is awaited of a partner that has accepted it, in milliseconds since 1970.
  package var accepted: [String: Int64] {
    let all = (channels.flatMap(\.lanes) + leaving.map(\.lane)).flatMap(\.accepted)
    return Dictionary(all.map { ($0.delivery.description, $0.until) }) { $1 }
  }

  /// What every channel and lane is doing, with what waits for a person by the store's counters.
  package func status() async -> EngineStatus { status(try? await store.ledger()) }

  /// - Parameter ledgers: the store's counters; `nil` where it could not be read.
  func status(_ ledgers: [ChannelLedger]?) -> EngineStatus {
    var status = EngineStatus(
      site: site, startedAt: startedAt, store: store.condition.text, channels: channels.map { $0.status() },
      hold: store.outgoingHold, broken: broken, alerts: watch?.active ?? [], downtimes: watch?.downtimes ?? [])
    status.environment = environment
    let notes = state.withLock { $0.notes }
    for index in status.channels.indices {
      let note = notes[status.channels[index].name]
      status.channels[index].revisionSince = note?.runs.last?.since
      status.channels[index].isRolledBack = note?.rolledBackOver == nil ? nil : true
    }
    status.leaving = leaving.map {
      LeavingStatus(channel: $0.lane.name.channel.text, lane: $0.lane.status(), waiting: $0.choice.text)
    }
    guard let ledgers else { return status }
    let byName = Dictionary(ledgers.map { ($0.channel, $0) }) { first, _ in first }
    for index in status.channels.indices {
      if let ledger = byName[status.channels[index].name] { status.channels[index].add(ledger) }
    }
    let known = Set(status.channels.map(\.name) + status.broken.map(\.name))
    let goes = Set(status.leaving.map { "\($0.channel)/\($0.lane.name)" })
    for index in status.channels.indices {
      let name = status.channels[index].name
      status.channels[index].stranded.removeAll { goes.contains("\(name)/\($0.name)") }
    }
    status.gone = ledgers.filter { !known.contains($0.channel) }.compactMap { GoneChannel($0, without: goes) }
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
  /// In which its channels are; `nil` for none.
  package var environment: String?
  package var startedAt: Int64
  /// `open`, or why nothing is taken.
  package var store: String
  package var channels: [ChannelStatus]
  /// Why nothing is sent until a person releases it (`hilum release`); `nil` where that isn't so.
  package var hold: OutgoingHold?
  package var broken: [BrokenChannel]
  /// Channels that no file has any more, and of which something waits.
  package var gone: [GoneChannel] = []
  /// What is raised at this moment.
  package var alerts: [Alert] = []
  /// Channels that raise nothing for a while.
  package var downtimes: [Downtime] = []
  /// Lanes whose destination is gone, and that go on until they are empty.
  package var leaving: [LeavingStatus] = []
}

/// A lane that a deployment took out of its channel.
package struct LeavingStatus: Sendable, Codable, Equatable {
  package var channel: String
  package var lane: LaneStatus
  /// What becomes of what waits: `drain`, `dead`, `move:LANE`.
  package var waiting: String
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
  /// Sixteen digits of the hash over its file and all that it reaches, and since when it runs.
  package var revision: String?
  package var revisionSince: Int64?
  /// A person rolled it back to this revision.
  package var isRolledBack: Bool?
  /// When the source looks; `nil` for all the time.
  package var schedule: ScheduleStatus?
  /// Messages whose sequence number (MSH-13) was not the next; `nil` where there was none since the start.
  package var sequence: SequenceStatus?
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

  fileprivate init?(_ ledger: ChannelLedger, without leaving: Set<String>) {
    name = ledger.channel
    lanes = ledger.lanes.filter { !leaving.contains("\(ledger.channel)/\($0.name)") }.compactMap(StrandedLane.init)
    if lanes.isEmpty { return nil }
  }
}
