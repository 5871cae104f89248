import ConnectorKit
import Definitions
import Foundation
import Store
import Testing

@testable import Engine

/// What is wrong at a look, from looks that are made up.
@Suite struct AlertConditionTests {
  @Test func `nothing is wrong with an engine that works`() {
    var pair = AlertPair()
    #expect(pair.wrong(AlertScene()) == [])
  }

  @Test func `what waits is judged by the channel's own limits, and over when a fifth is gone`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.backlog = 10
    scene.rules.oldest = .seconds(100)
    (scene.lane.waiting, scene.lane.oldestFor) = (10, 100_000)
    #expect(pair.wrong(scene) == [.backlog, .oldest])
    (scene.lane.waiting, scene.lane.oldestFor) = (8, 81_000)
    let between = pair.conditions.judge(scene.look, scene.watched, certificates: nil).verdicts
    let key = { AlertKey($0, channel: "adt", lane: "ehr") }
    #expect(between[key(.backlog)] == .between && between[key(.oldest)] == .between)
    (scene.lane.waiting, scene.lane.oldestFor) = (7, 79_000)
    let well = pair.conditions.judge(scene.look, scene.watched, certificates: nil).verdicts
    #expect(well[key(.backlog)] == .well && well[key(.oldest)] == .well)
    scene.rules = AlertRules()
    scene.lane.waiting = 1_000_000
    #expect(pair.wrong(scene) == [])
  }

  @Test func `what waits for its group is no backlog, unless the channel that takes it doesn't`() {
    var pair = AlertPair()
    var scene = AlertScene()
    (scene.rules.backlog, scene.rules.oldest) = (10, .seconds(100))
    (scene.lane.waiting, scene.lane.oldestFor, scene.lane.gathering) = (500, 80_000_000, .init(groups: 1))
    #expect(pair.wrong(scene) == [])
    scene.lane.unreachable = "channel day is paused"
    #expect(pair.wrong(scene) == [.backlog, .oldest])
  }

  @Test func `what waits in a lane that no file names is told of until it is gone, in a channel or without one`()
    throws
  {
    func lanes(_ waiting: Int, held: Int) throws -> [StrandedLane] {
      try read("[{\"name\": \"old\", \"waiting\": \(waiting), \"held\": \(held)}]")
    }
    func read<Value: Decodable>(_ text: String) throws -> Value {
      try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }
    var pair = AlertPair()
    var scene = AlertScene()
    scene.stranded = try lanes(0, held: 1)
    #expect(pair.wrong(scene) == [])
    scene.stranded = try lanes(1, held: 0)
    let verdict = pair.verdict(scene, AlertKey(.stranded, channel: "adt", lane: "old"))
    guard case .wrong(let words) = verdict else { throw OperationError("not wrong") }
    #expect(words.hasPrefix("1 delivery waits where nothing is sent any more"))
    pair.look(scene)
    scene.isReadable = false
    scene.stranded = []
    pair.look(scene)
    scene.isReadable = true
    #expect(pair.log == ["raised stranded"])
    for _ in 0..<3 {
      scene.pass(600)
      pair.look(scene)
    }
    #expect(pair.log == ["raised stranded", "cleared stranded"])
    scene.gone = [try read("{\"name\": \"lab\", \"lanes\": [{\"name\": \"old\", \"waiting\": 2, \"held\": 0}]}")]
    guard case .wrong? = pair.verdict(scene, AlertKey(.stranded, channel: "lab", lane: "old")) else {
      throw OperationError("not wrong")
    }
  }

  @Test func `a partner is down after its time, and nothing is known of it before the first answer`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.laneDown = .seconds(300)
    (scene.lane.waiting, scene.lane.downFor, scene.lane.unreachable) = (1, 299_000, "refused")
    #expect(pair.wrong(scene) == [])
    scene.lane.downFor = 300_000
    #expect(pair.wrong(scene) == [.laneDown])
    scene.lane.paused = true
    #expect(pair.wrong(scene) == [])
    scene.lane.paused = false
    scene.lane.downFor = nil
    let key = AlertKey(.laneDown, channel: "adt", lane: "ehr")
    #expect(pair.verdict(scene, key) == .between)
    scene.lane.lastAnswerAt = 1
    #expect(pair.verdict(scene, key) == .well)
  }

  @Test func `a source that rests is not silent, and one that looks and finds nothing is`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = .init(day: .seconds(1800), night: .seconds(1800))
    func looks(every minutes: Int64, for total: Int64) -> [AlertKind] {
      var found: [AlertKind] = []
      for minute in 0..<total {
        let now = scene.now.wall
        if minute.isMultiple(of: minutes) {
          scene.schedule?.last = .init(dueAt: now, beganAt: now, milliseconds: 5, messages: 0, missed: 0)
        }
        scene.schedule?.nextAt = now + (minutes - minute % minutes) * 60_000
        found = pair.wrong(scene)
        if !found.isEmpty { return found }
        scene.pass(60)
      }
      return found
    }
    scene.schedule = ScheduleStatus(words: "", zone: "UTC", isOpen: true, missed: 0, skipped: 0)
    #expect(looks(every: 600, for: 1800) == [], "it rests ten hours from one to the next")
    #expect(looks(every: 5, for: 29) == [], "silence is counted from the first look")
    #expect(looks(every: 5, for: 60) == [.silence])
    let later = scene.now.wall + 36_000_000
    scene.schedule?.nextAt = later
    #expect(pair.verdict(scene, AlertKey(.silence, channel: "adt")) == .between, "what is raised stays")
  }

  @Test func `silence stands while the window is closed and begins anew when it opens`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = .init(day: .seconds(1800), night: .seconds(1800))
    scene.schedule = ScheduleStatus(words: "", zone: "UTC", isOpen: false, missed: 0, skipped: 0)
    func pass(_ minutes: Int64, until opening: Int64? = nil) -> [AlertKind] {
      for minute in 0..<minutes {
        scene.schedule?.isOpen = opening == nil
        let now = scene.now.wall
        scene.schedule?.nextAt = opening.map { now + ($0 - minute) * 60_000 }
        let found = pair.wrong(scene)
        if !found.isEmpty { return found }
        scene.pass(60)
      }
      return []
    }
    let key = AlertKey(.silence, channel: "adt")
    #expect(pass(120, until: 120) == [])
    #expect(pass(29) == [], "it is counted from the opening")
    #expect(pass(10) == [.silence])
    #expect(pass(600, until: 600) == [])
    #expect(pair.verdict(scene, key) == .between)
    #expect(pass(10) == [])
    #expect(pair.verdict(scene, key) == .between, "nothing came: what is raised is not over because it opened")
    scene.received += 1
    #expect(pair.verdict(scene, key) == .well)
    #expect(pass(29) == [])
  }

  @Test func `what has never looked is not silent before its first look, unless that is overdue`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = .init(day: .seconds(1800), night: .seconds(1800))
    scene.schedule = ScheduleStatus(words: "", zone: "UTC", isOpen: true, missed: 0, skipped: 0)
    let first = scene.now.wall + 31 * 60_000
    scene.schedule?.nextAt = first
    for _ in 0..<31 {
      #expect(pair.wrong(scene) == [])
      scene.pass(60)
    }
    scene.schedule?.runningSince = first
    #expect(pair.wrong(scene) == [], "it looks for the first time")
    scene.schedule?.runningSince = nil
    for _ in 0..<30 {
      scene.pass(60)
      let now = scene.now.wall
      scene.schedule?.nextAt = now
    }
    #expect(pair.wrong(scene) == [.silence])
  }

  @Test func `what waits for a person is counted, and not known where the store can't be read`() {
    var pair = AlertPair()
    var scene = AlertScene()
    (scene.rules.dead, scene.rules.failed, scene.rules.held) = (1, 2, 3)
    (scene.lane.dead, scene.failed, scene.held) = (1, 1, 3)
    #expect(pair.wrong(scene) == [.dead, .held])
    scene.isReadable = false
    let findings = pair.conditions.judge(scene.look, scene.watched, certificates: nil)
    #expect(findings.unknown.isSuperset(of: [.dead, .failed, .held]))
    #expect(!findings.verdicts.keys.contains { [.dead, .failed, .held].contains($0.kind) })
  }

  @Test func `silence counts from the last message, by day and by night`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = AlertRules.Silence(day: .seconds(1800), night: .seconds(14_400))
    #expect(pair.wrong(scene) == [])
    scene.pass(1799)
    #expect(pair.wrong(scene) == [])
    scene.received = 1
    #expect(pair.wrong(scene) == [])
    scene.pass(1799)
    #expect(pair.wrong(scene) == [])
    scene.pass(1)
    #expect(pair.wrong(scene) == [.silence])
    scene.received = 2
    scene.now.wall = 1_767_268_800_000 + 7 * 3_600_000 + 60_000  // 19:01
    #expect(pair.wrong(scene).filter { $0 != .clock } == [])
    scene.pass(3 * 3600)
    #expect(pair.wrong(scene).filter { $0 != .clock } == [])
    scene.pass(3600)
    #expect(pair.wrong(scene) == [.silence])
  }

  @Test func `the first minute of the day is not wrong because the night was quiet`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = AlertRules.Silence(day: .seconds(1800), night: .seconds(14_400))
    scene.now.wall += 16 * 3_600_000  // 04:00
    #expect(pair.wrong(scene) == [])
    scene.pass(3 * 3600 + 60)
    #expect(pair.wrong(scene) == [])
    scene.pass(1740)
    #expect(pair.wrong(scene) == [.silence])
  }

  @Test func `a channel whose source is paused is not silent`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = AlertRules.Silence(day: .seconds(60), night: .seconds(60))
    scene.state = "paused"
    #expect(pair.wrong(scene) == [])
    scene.pass(3600)
    #expect(pair.wrong(scene) == [])
    scene.state = "running"
    #expect(pair.wrong(scene) == [])
    scene.pass(60)
    #expect(pair.wrong(scene) == [.silence])
  }

  @Test func `a source that is down for a minute and a file that is broken need no setting`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.trouble = "the port is taken"
    scene.broken = [BrokenChannel(name: "lab", reason: "no")]
    #expect(pair.wrong(scene) == [.channelBroken])
    scene.pass(60)
    #expect(pair.wrong(scene) == [.channelBroken, .sourceDown])
    scene.trouble = nil
    #expect(pair.wrong(scene) == [.channelBroken])
  }

  @Test func `the disk is told of before nothing is taken any more`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.freeBytes = 7 << 30
    #expect(pair.wrong(scene) == [.diskLow])
    scene.condition = .low(reason: "full")
    #expect(pair.wrong(scene) == [.diskLow, .store])
    scene.condition = .open
    scene.freeBytes = 9 << 30
    #expect(pair.verdict(scene, AlertKey(.diskLow)) == .between)
    scene.freeBytes = 10 << 30
    #expect(pair.verdict(scene, AlertKey(.diskLow)) == .well)
  }

  @Test(arguments: [7200, -86_400, 11, -11] as [Int64])
  func `a clock that is set is told of for a while, and raises nothing else`(seconds: Int64) {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = AlertRules.Silence(day: .seconds(3600), night: .seconds(3600))
    scene.received = 1
    #expect(pair.wrong(scene) == [])
    scene.pass(5)
    scene.now.wall += seconds * 1000
    #expect(pair.wrong(scene) == [.clock])
    scene.pass(899)
    #expect(pair.wrong(scene) == [.clock])
    scene.pass(1)
    #expect(pair.wrong(scene) == [])
  }

  @Test func `a clock that went back while no engine ran is told of`() {
    let scene = AlertScene()
    var pair = AlertPair(conditions: AlertConditions(savedAt: scene.now.wall + 60_000) { _ in 0 })
    #expect(pair.wrong(scene) == [.clock])
    pair = AlertPair(conditions: AlertConditions(savedAt: scene.now.wall - 60_000) { _ in 0 })
    #expect(pair.wrong(scene) == [])
  }

  @Test func `a certificate is told of a month before, a week before and when it has ended`() {
    var pair = AlertPair()
    var scene = AlertScene()
    let end = scene.now.wall / 1000 + 31 * 86_400
    scene.certificates = [CertificateStatus(file: "/tls/a.pem", subject: "CN=a", notAfter: end)]
    #expect(pair.wrong(scene) == [])
    for (days, kinds) in [
      (1, [.certificateMonth]), (23, [.certificateMonth, .certificateWeek]),
      (7, [.certificateMonth, .certificateWeek, .certificateExpired]),
    ] as [(Int64, [AlertKind])] {
      scene.pass(days * 86_400)
      #expect(pair.wrong(scene) == kinds)
    }
    scene.certificates = [CertificateStatus(file: "/tls/ca.pem", use: .trusted, subject: "CN=ca", notAfter: 1)]
    let key = AlertKey(.certificateExpired, file: "/tls/ca.pem")
    #expect(pair.verdict(scene, key) == .wrong("the last authority in it (CN=ca) has expired: no partner is trusted"))
    scene.certificates = [CertificateStatus(file: "/tls/a.pem", problem: "holds no PEM certificate")]
    #expect(pair.wrong(scene) == [.certificateUnusable])
  }

  @Test func `of a file that several channels name, what is wrong with it counts, and what ends first`() {
    func merged(_ all: CertificateStatus...) -> [CertificateStatus] { AlertWatch.merged(all) }
    let well = CertificateStatus(file: "a", subject: "CN=a", notAfter: 20)
    let bad = CertificateStatus(file: "a", subject: "CN=a", notAfter: 20, problem: "no pair")
    let other = CertificateStatus(file: "b", use: .trusted, notAfter: 5)
    let trusted = CertificateStatus(file: "a", use: .trusted, subject: "CN=a", notAfter: 20)
    #expect(merged(well, bad, other) == [bad, other] && merged(bad, well) == [bad])
    #expect(merged(trusted, well) == [well] && merged(well, trusted) == [well])
  }
}
