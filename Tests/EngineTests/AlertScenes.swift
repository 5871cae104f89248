import ConnectorKit
import Definitions
import Store

@testable import Engine

/// A made-up engine with one channel and one lane, looked at second by second.
struct AlertScene {
  var received = 0
  var state = "running"
  var trouble: String?
  var schedule: ScheduleStatus?
  /// What waits where nothing is sent any more.
  var stranded: [StrandedLane] = []
  var gone: [GoneChannel] = []
  var lane = LaneStatus(name: "ehr", waiting: 0, waitingBytes: 0, paused: false, failures: 0)
  var failed: Int? = 0
  var held: Int? = 0
  var broken: [BrokenChannel] = []
  var freeBytes: Int64 = 100 << 30
  var condition = StoreCondition.open
  var isReadable = true
  var isThere = true
  var certificates: [CertificateStatus]?
  var rules = AlertRules()
  /// Milliseconds; the wall clock began at noon of 2026-01-01, UTC.
  var now = Moment(wall: 1_767_268_800_000, steady: 1_000_000)

  mutating func pass(_ seconds: Int64) {
    now.wall += seconds * 1000
    now.steady += seconds * 1000
  }

  var look: EngineLook {
    var lane = lane
    lane.dead = isReadable ? lane.dead ?? 0 : nil
    lane.held = isReadable ? lane.held ?? 0 : nil
    var channel = ChannelStatus(
      name: "adt", state: state, trouble: trouble, source: SourceStatus(), perMinute: 0, lanes: [lane],
      failed: isReadable ? failed : nil, held: isReadable ? held : nil)
    channel.schedule = schedule
    channel.stranded = stranded
    let ledger = ChannelLedger(
      channel: "adt", state: state, received: received, accepted: received, duplicate: 0, rejected: 0, unavailable: 0,
      routed: received, dropped: 0, held: 0, failed: 0, discarded: 0, lanes: [])
    return EngineLook(
      status: EngineStatus(
        site: "s", startedAt: 0, store: "open", channels: isThere ? [channel] : [], broken: broken, gone: gone),
      ledgers: isReadable ? [ledger] : nil,
      facts: StoreFacts(diskFreeBytes: freeBytes, diskBytes: 200 << 30, diskFreeBytesMin: 4 << 30),
      condition: condition, now: now)
  }

  var watched: [String: WatchedChannel] { isThere ? ["adt": WatchedChannel(rules)] : [:] }
}

/// Conditions and book together, as a watch has them.
struct AlertPair {
  var conditions = AlertConditions { _ in 0 }
  var book = AlertBook()
  var log: [String] = []

  /// What is wrong at a look.
  mutating func wrong(_ scene: AlertScene) -> [AlertKind] {
    let findings = conditions.judge(scene.look, scene.watched, certificates: scene.certificates)
    return findings.verdicts.filter { if case .wrong = $0.value { true } else { false } }.map(\.key.kind).sorted()
  }

  mutating func verdict(_ scene: AlertScene, _ key: AlertKey) -> AlertVerdict? {
    conditions.judge(scene.look, scene.watched, certificates: scene.certificates).verdicts[key]
  }

  mutating func look(_ scene: AlertScene) {
    let findings = conditions.judge(scene.look, scene.watched, certificates: scene.certificates)
    let settle = scene.rules.settle.milliseconds
    for (event, alert) in book.note(findings, scene.now, tells: ["hook"], settle: { _ in settle }) {
      log.append("\(event) \(alert.key.kind.rawValue)")
    }
  }

  /// A new engine on what this one wrote.
  mutating func restart() {
    let written = book
    self = AlertPair(conditions: AlertConditions(savedAt: written.savedAt) { _ in 0 }, log: log)
    book = written.afterRestart
  }
}
