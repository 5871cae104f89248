import ConnectorKit
import Definitions
import Foundation
import Store
import Testing

@testable import Engine

/// Raised once, cleared once, whatever the looks say.
@Suite struct AlertBookTests {
  private var down: AlertScene {
    var scene = AlertScene()
    scene.rules.dead = 1
    scene.lane.dead = 1
    return scene
  }

  @Test func `an alert is raised once, and cleared once when all was well for a while`() {
    var pair = AlertPair()
    var scene = down
    for _ in 0..<10 {
      pair.look(scene)
      scene.pass(5)
    }
    #expect(pair.log == ["raised dead"])
    scene.lane.dead = 0
    pair.look(scene)
    scene.pass(55)
    pair.look(scene)
    #expect(pair.log == ["raised dead"])
    scene.pass(5)
    for _ in 0..<10 {
      pair.look(scene)
      scene.pass(5)
    }
    #expect(pair.log == ["raised dead", "cleared dead"])
    #expect(pair.book.active.isEmpty && pair.book.cleared.map(\.id) == [1])
  }

  @Test func `a delivery that is held is told as a held message is, each in its place`() {
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.held = 2
    scene.lane.held = 1
    scene.held = 1
    #expect(pair.wrong(scene) == [])
    scene.lane.held = 2
    #expect(pair.wrong(scene) == [.held])
    scene.held = 2
    #expect(pair.wrong(scene) == [.held, .held])
  }

  @Test func `one that is well for a moment only stays raised`() {
    var pair = AlertPair()
    var scene = down
    for step in 0..<200 {
      scene.lane.dead = step.isMultiple(of: 5) ? 1 : 0
      pair.look(scene)
      scene.pass(10)
    }
    #expect(pair.log == ["raised dead"])
  }

  @Test func `a partner that comes and goes for a day does not raise a hundred`() {
    var pair = AlertPair()
    var scene = down
    for _ in 0..<(24 * 6) {
      scene.lane.dead = 1
      pair.look(scene)
      scene.pass(300)
      scene.lane.dead = 0
      for _ in 0..<60 {
        pair.look(scene)
        scene.pass(5)
      }
    }
    let raised = pair.log.count { $0 == "raised dead" }
    #expect((1...31).contains(raised), "\(raised)")
  }

  @Test func `a restart neither raises nor clears, and what ended meanwhile is cleared once`() {
    var pair = AlertPair()
    var scene = down
    scene.rules.laneDown = .seconds(60)
    scene.rules.silence = AlertRules.Silence(day: .seconds(600), night: .seconds(600))
    (scene.lane.waiting, scene.lane.downFor) = (1, 60_000)
    scene.certificates = [CertificateStatus(file: "a.pem", notAfter: scene.now.wall / 1000 + 86_400)]
    pair.look(scene)
    scene.pass(600)
    pair.look(scene)
    let before = pair.log
    #expect(
      Set(before) == [
        "raised lane-down", "raised dead", "raised silence", "raised certificate-30d", "raised certificate-7d",
      ])
    for _ in 0..<5 {
      pair.restart()
      // Nothing is known yet.
      (scene.lane.downFor, scene.certificates, scene.isReadable) = (nil, nil, false)
      for _ in 0..<40 {
        scene.pass(5)
        pair.look(scene)
      }
      scene.isReadable = true
      for _ in 0..<40 {
        scene.pass(5)
        pair.look(scene)
      }
    }
    #expect(pair.log == before)
    (scene.lane.waiting, scene.lane.dead) = (0, 0)
    scene.received = 1
    scene.certificates = []
    for _ in 0..<20 {
      pair.look(scene)
      scene.pass(5)
    }
    #expect(
      pair.log.dropFirst(before.count).sorted() == before.map { $0.replacing("raised", with: "cleared") }.sorted())
  }

  @Test func `in a planned downtime a channel raises nothing, and what is wrong behind it is raised then`() {
    var pair = AlertPair()
    var scene = down
    pair.book.plan(
      Downtime(channel: "adt", from: scene.now.wall, until: scene.now.wall + 60_000, by: "me", why: "update"))
    scene.freeBytes = 1
    pair.look(scene)
    #expect(pair.log == ["raised disk-low"])
    scene.pass(59)
    pair.look(scene)
    #expect(pair.log.count == 1 && pair.book.downtimes.count == 1)
    scene.pass(1)
    pair.look(scene)
    #expect(pair.log == ["raised disk-low", "raised dead"] && pair.book.downtimes.isEmpty)
    let ended = pair.book.endDowntime(of: "adt")
    #expect(!ended)
  }

  @Test func `what a channel is no longer asked for is cleared`() {
    var pair = AlertPair()
    var scene = down
    pair.look(scene)
    scene.isThere = false
    for _ in 0..<13 {
      scene.pass(5)
      pair.look(scene)
    }
    #expect(pair.log == ["raised dead", "cleared dead"])
  }

  @Test func `who looks after an alert is kept with it`() throws {
    var pair = AlertPair()
    let scene = down
    pair.look(scene)
    let none = pair.book.acknowledge(2, by: "me", why: nil, scene.now)
    let some = pair.book.acknowledge(1, by: "me", why: "called", scene.now)
    #expect(none == nil)
    let alert = try #require(some)
    #expect(alert.acknowledged == Alert.Acknowledgement(by: "me", why: "called", at: scene.now.wall))
    pair.look(scene)
    pair.restart()
    #expect(pair.book.active == [alert])
  }

  @Test func `of notices that nobody takes the oldest go, counted`() {
    var pair = AlertPair()
    var scene = down
    scene.rules.settle = .zero
    for step in 0..<600 {
      scene.lane.dead = step.isMultiple(of: 2) ? 1 : 0
      pair.look(scene)
      scene.pass(3601)
    }
    #expect(pair.book.notices.count == AlertBook.noticesMax && pair.book.lostNotices == 600 - AlertBook.noticesMax)
    #expect(pair.book.cleared.count == AlertBook.clearedMax)
    let ids = pair.book.notices.map(\.id)
    #expect(ids == Array(101...600))
    pair.book.told(101, to: "hook")
    #expect(pair.book.notices.first?.id == 102)
  }

  @Test(arguments: 1...40) func `a random life raises each alert once and clears it once`(run: UInt64) {
    var random = SeededRandom(ProcessInfo.processInfo.environment["HILUM_SEED"].flatMap { UInt64($0) } ?? run)
    var pair = AlertPair()
    var scene = AlertScene()
    scene.rules.silence = AlertRules.Silence(day: .seconds(300), night: .seconds(900))
    (scene.rules.backlog, scene.rules.oldest, scene.rules.laneDown) = (10, .seconds(60), .seconds(30))
    (scene.rules.dead, scene.rules.failed, scene.rules.held) = (1, 2, 3)
    for _ in 0..<1500 {
      scene.step(&random)
      pair.look(scene)
      if Int.random(in: 0..<50, using: &random) == 0 {
        pair.restart()
        scene.certificates = nil
      }
    }
    // All is well at last.
    var quiet = AlertScene()
    quiet.now = scene.now
    quiet.received = scene.received
    quiet.rules = scene.rules
    quiet.rules.silence = nil
    quiet.certificates = []
    for _ in 0..<1000 {
      quiet.pass(5)
      pair.look(quiet)
    }
    #expect(pair.book.active.isEmpty, "run \(run): \(pair.book.active)")
    var state: [String: String] = [:]
    for line in pair.log {
      let words = line.split(separator: " ").map(String.init)
      #expect(state[words[1]] != words[0], "run \(run): \(line) twice in a row")
      #expect(words[0] == "raised" || state[words[1]] == "raised", "run \(run): \(line)")
      state[words[1]] = words[0]
    }
    #expect(state.values.allSatisfy { $0 == "cleared" }, "run \(run)")
    #expect(pair.log.count > 10, "run \(run): nothing happened")
  }
}

extension AlertScene {
  /// Something happens, or nothing.
  fileprivate mutating func step(_ random: inout SeededRandom) {
    pass(Int64(1 + Int.random(in: 0..<20, using: &random)))
    switch Int.random(in: 0..<24, using: &random) {
    case 0: lane.waiting = Int.random(in: 0..<15, using: &random)
    case 1: lane.waiting = 0
    case 2: lane.oldestFor = Int64(Int.random(in: 0..<90, using: &random)) * 1000
    case 3: lane.downFor = Int64(Int.random(in: 0..<60, using: &random)) * 1000
    case 4: (lane.downFor, lane.lastAnswerAt) = (nil, 1)
    case 5: lane.dead = Int.random(in: 0..<2, using: &random)
    case 6: failed = Int.random(in: 0..<4, using: &random)
    case 7: held = Int.random(in: 0..<5, using: &random)
    case 8: trouble = Int.random(in: 0..<2, using: &random) == 0 ? "no" : nil
    case 9: broken = Int.random(in: 0..<2, using: &random) == 0 ? [BrokenChannel(name: "lab", reason: "no")] : []
    case 10: freeBytes = Int64(Int.random(in: 0..<12, using: &random)) << 30
    case 11: condition = Int.random(in: 0..<2, using: &random) == 0 ? .open : .low(reason: "full")
    case 12: isReadable = Int.random(in: 0..<3, using: &random) > 0
    case 13: isThere = Int.random(in: 0..<4, using: &random) > 0
    case 14: now.wall += Int64(Int.random(in: 0..<200, using: &random) - 100) * 1000
    case 15:
      certificates = [
        CertificateStatus(
          file: "a.pem", notAfter: now.wall / 1000 + Int64(Int.random(in: 0..<50, using: &random) - 5) * 86_400)
      ]
    case 16:
      certificates = Int.random(in: 0..<2, using: &random) == 0 ? [] : [CertificateStatus(file: "a.pem", problem: "no")]
    default: if Int.random(in: 0..<3, using: &random) == 0 { received += 1 }
    }
  }
}
