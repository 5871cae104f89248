import Definitions
import Foundation
import Logging
import Store
import Synchronization
import Testing

@testable import Engine

/// Where notices go in a test.
private final class StubTarget: AlertTarget {
  let name: String
  let channel: String?
  let journal = Journal()
  private let reasons = Mutex<[String]>([])

  init(_ name: String = "stub", channel: String? = nil) {
    self.name = name
    self.channel = channel
  }

  /// The next posts are not taken.
  func refuse(_ reasons: [String]) { self.reasons.withLock { $0 = reasons } }

  func post(_ notice: AlertNotice, site: String) async -> String? {
    let reason = reasons.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    journal.note("\(reason ?? "took") \(notice.id) \(notice.event) \(notice.alert.key.kind.rawValue)")
    return reason
  }
}

/// Alerts of an engine over its restarts, with the log and a target.
@Suite struct AlertWatchTests {
  private let folder = FileManager.default.temporaryDirectory.path + "/hilum-alerts-\(UUID().uuidString)"
  private let target = StubTarget()
  private let other = StubTarget("other", channel: "alerts")
  private let journal = Journal()
  private let clock = ManualClock()

  private func with(_ body: () async throws -> Void) async throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body()
  }

  private func watch(told: Bool = true, both: Bool = false) -> AlertWatch {
    let targets = both ? [target, other] : [target]
    var log = Logger(label: "test") { [journal] _ in NotedLog(journal: journal) }
    log.logLevel = .trace
    return AlertWatch(folder: folder, site: "s", targets: told ? targets : [], clock: clock, log: log) { _ in 0 }
  }

  private func scene(dead: Int = 1) -> AlertScene {
    var scene = AlertScene()
    scene.now = clock.now()
    scene.rules.dead = 1
    scene.rules.settle = .zero
    scene.lane.dead = dead
    return scene
  }

  private func round(_ watch: AlertWatch, _ scene: AlertScene) async { await watch.round(scene.look, scene.watched) }

  @Test func `each is said once in the log and told once, over any number of restarts`() async throws {
    try await with {
      for _ in 0..<3 {
        let watch = watch()
        await round(watch, scene())
        await round(watch, scene())
        await target.journal.wait(for: "took 1 raised dead")
        await watch.close()
        #expect(watch.active.map(\.id) == [1] && watch.overview.undelivered == 0)
      }
      let watch = watch()
      await round(watch, scene(dead: 0))
      await target.journal.wait(for: "took 2 cleared dead")
      await watch.close()
      #expect(target.journal.lines == ["took 1 raised dead", "took 2 cleared dead"])
      #expect(journal.lines.count { $0.hasPrefix("warning Alert: adt/ehr: ") } == 1)
      #expect(journal.lines.count { $0.hasPrefix("notice An alert is over: adt/ehr") } == 1)
    }
  }

  @Test func `what nobody took is told later, in its order, and outlives the engine`() async throws {
    try await with {
      target.refuse(["away", "away"])
      let first = watch()
      await round(first, scene())
      await target.journal.wait(for: "away 1 raised dead")
      await first.close()
      await round(first, scene(dead: 0))
      #expect(first.overview.undelivered == 2)
      let second = watch()
      await round(second, scene(dead: 0))
      await target.journal.wait(for: "took 2 cleared dead")
      #expect(target.journal.lines.filter { $0.hasPrefix("took") } == ["took 1 raised dead", "took 2 cleared dead"])
      await second.close()
      #expect(journal.lines.count { $0.hasPrefix("error An alert can't be delivered") } == 1)
    }
  }

  @Test func `a target that is away is tried with growing pauses`() async throws {
    try await with {
      target.refuse(Array(repeating: "away", count: 5))
      let watch = watch()
      for _ in 0..<60 {
        await round(watch, scene())
        await watch.posted()
        clock.pass(1000)
      }
      // After 5 s, 10 s more, and 20 s more.
      #expect(target.journal.lines.count == 4)
    }
  }

  @Test func `a channel that is started is told at once what waits, and others when it is their time`() async throws {
    try await with {
      target.refuse(Array(repeating: "away", count: 9))
      other.refuse(["stopped"])
      let watch = watch(both: true)
      await round(watch, scene())
      await watch.posted()
      clock.pass(1000)
      await round(watch, scene())
      await watch.posted()
      #expect(other.journal.lines == ["stopped 1 raised dead"], "it is not tried yet")
      watch.channelsCameUp()
      await watch.posted()
      #expect(other.journal.lines == ["stopped 1 raised dead", "took 1 raised dead"])
      #expect(target.journal.lines.count == 1)
    }
  }

  @Test func `one that is away keeps nothing from the others, and gets the rest over a restart`() async throws {
    try await with {
      target.refuse(Array(repeating: "away", count: 5))
      let first = watch(both: true)
      await round(first, scene())
      await round(first, scene(dead: 0))
      await other.journal.wait(for: "took 2 cleared dead")
      #expect(other.journal.lines == ["took 1 raised dead", "took 2 cleared dead"])
      await first.posted()
      #expect(first.overview.undelivered == 2 && first.overview.trouble == "stub: away")
      target.refuse([])
      let second = watch(both: true)
      await round(second, scene(dead: 0))
      await target.journal.wait(for: "took 2 cleared dead")
      await second.close()
      #expect(second.overview.undelivered == 0 && second.overview.trouble == nil)
      #expect(other.journal.lines.count == 2)
    }
  }

  @Test func `what only waits for a target that is gone is forgotten, and an older engine's notices go to all`()
    async throws
  {
    try await with {
      target.refuse(["away"])
      other.refuse(["away"])
      let first = watch(both: true)
      await round(first, scene())
      await first.posted()
      let path = folder + "/alerts.json"
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: path)))
      var file = try #require(json as? [String: Any])
      let notice = try #require((file["notices"] as? [[String: Any]])?.first)
      #expect(notice["untold"] as? [String] == ["stub", "other"])
      let second = watch()
      await round(second, scene())
      await target.journal.wait(for: "took 1 raised dead")
      await second.close()
      #expect(second.overview.undelivered == 0)

      var older = notice
      older["untold"] = nil
      file["notices"] = [older]
      try JSONSerialization.data(withJSONObject: file).write(to: URL(filePath: path))
      let third = watch(both: true)
      await round(third, scene())
      await other.journal.wait(for: "took 1 raised dead")
      await third.close()
      #expect(target.journal.lines.count { $0 == "took 1 raised dead" } == 2)
    }
  }

  @Test func `acknowledgements and downtimes outlive the engine, and an unknown alert is an error`() async throws {
    try await with {
      let first = watch(told: false)
      await round(first, scene())
      _ = try await first.acknowledge(1, by: "me", why: "called")
      _ = await first.plan("lab", seconds: 60, by: "me", why: "update")
      await #expect(throws: OperationError.self) { _ = try await first.acknowledge(7, by: "me", why: nil) }
      let second = watch(told: false)
      #expect(second.active.first?.acknowledged?.by == "me")
      #expect(second.downtimes.map(\.channel) == ["lab"])
      try await second.endDowntime(of: "lab", by: "me")
      #expect(watch(told: false).downtimes.isEmpty)
      #expect(second.overview.undelivered == 0)
    }
  }

  @Test func `a file that can't be read is put aside, and one that can't be written is written later`() async throws {
    try await with {
      try Data("{\"active\": 7".utf8).write(to: URL(fileURLWithPath: folder + "/alerts.json"))
      let first = watch(told: false)
      #expect(FileManager.default.fileExists(atPath: folder + "/alerts.json.bad"))
      #expect(journal.lines.contains { $0.hasPrefix("error The alerts of before are not known.") })
      try FileManager.default.createDirectory(atPath: folder + "/alerts.json.new", withIntermediateDirectories: false)
      await round(first, scene())
      await round(first, scene())
      #expect(journal.lines.count { $0.hasPrefix("error The alerts can't be written") } == 1)
      #expect(first.active.count == 1 && watch(told: false).active.isEmpty)
      try FileManager.default.removeItem(atPath: folder + "/alerts.json.new")
      await round(first, scene())
      #expect(watch(told: false).active == first.active)
    }
  }

  @Test func `what is posted says who, what, where and when, as JSON`() throws {
    var alert = Alert(
      id: 12, key: AlertKey(.laneDown, channel: "adt", lane: "ehr"), text: "the partner \"x\"\nis away",
      contact: "PAS team, 4711", raisedAt: 1_767_268_800_000, clearedAt: nil, acknowledged: nil, settle: 0)
    func posted(_ event: AlertNotice.Event) throws -> [String: Any] {
      let bytes = AlertNotice(id: 7, event: event, alert: alert).json(site: "st-mary")
      return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }
    let raised = try posted(.raised)
    #expect(raised["text"] as? String == "st-mary: adt/ehr: the partner \"x\"\nis away (PAS team, 4711)")
    #expect(raised["event"] as? String == "raised" && raised["notice"] as? Int == 7 && raised["alert"] as? Int == 12)
    #expect(raised["kind"] as? String == "lane-down" && raised["lane"] as? String == "ehr")
    #expect(raised["raised"] as? String == "2026-01-01T12:00:00Z" && raised["cleared"] == nil)
    alert.clearedAt = alert.raisedAt + 60_000
    let cleared = try posted(.cleared)
    #expect(cleared["cleared"] as? String == "2026-01-01T12:01:00Z")
    #expect(cleared["text"] as? String == "st-mary: adt/ehr: is over: the partner \"x\"\nis away (PAS team, 4711)")
  }
}
