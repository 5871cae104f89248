import Testing

@testable import Partners

/// Writes histories in the order of time, one event a nanosecond.
private struct Story {
  var events: [HistoryEvent] = []

  mutating func add(_ kind: HistoryEvent.Kind, _ lane: String, _ key: String, _ value: String = "") {
    events.append(HistoryEvent(kind, lane: lane, key: key, value: value, at: UInt64(events.count + 1)))
  }
  mutating func send(_ key: String, answer: String? = "AA", lane: String = "c", hash: String = "h") {
    add(.sent, lane, key, hash)
    if let answer { add(.answered, lane, key, answer) }
  }
  mutating func receive(_ key: String, reply: String? = "AA", lane: String = "p", hash: String = "h") {
    add(.received, lane, key, hash)
    if let reply { add(.replied, lane, key, reply) }
  }
  mutating func kill() { add(.incident, "-", "kill") }
}

@Suite struct `A history` {
  private func report(
    _ check: HistoryCheck = HistoryCheck(), states: [String: EngineState] = [:], _ tell: (inout Story) -> Void
  ) -> HistoryReport {
    var story = Story()
    tell(&story)
    return check.report(story.events, states: states)
  }

  @Test func `in which every message was taken once and in order is good`() {
    let report = report {
      for key in ["1", "2", "3"] { $0.send(key) }
      for key in ["1", "2", "3"] { $0.receive(key) }
    }
    #expect(report.keys == [.delivered: ["1", "2", "3"]])
    #expect(report.isGood)
    #expect(report.description == "3 messages: 3 delivered\nThe history is good.")
  }

  @Test func `sorts what was not delivered by what the engine says`() {
    let states: [String: EngineState] = ["1": .waiting, "2": .dead, "3": .filtered, "4": .failed, "5": .held]
    let report = report(states: states) { for key in ["1", "2", "3", "4", "5"] { $0.send(key) } }
    #expect(report.keys == [.waiting: ["1"], .dead: ["2"], .filtered: ["3"], .failed: ["4"], .held: ["5"]])
    #expect(report.isGood)
  }

  @Test func `with an acknowledged message that nobody knows of has lost it`() {
    let report = report {
      $0.send("1")
      $0.send("2", answer: "CA")
      $0.receive("2")
    }
    #expect(report.keys == [.lost: ["1"], .delivered: ["2"]])
    #expect(!report.isGood)
    #expect(report.description.contains("lost: 1"))
  }

  @Test func `with a message that the partner only refused, and of which the engine says nothing, has lost it`() {
    let report = report {
      $0.send("1")
      $0.receive("1", reply: "AE")
    }
    #expect(report.keys == [.lost: ["1"]])
  }

  @Test func `forgives what was never acknowledged or was refused`() {
    let report = report {
      $0.send("1", answer: nil)
      $0.send("2", answer: "AR")
      $0.send("3", answer: nil)
      $0.receive("3")
    }
    #expect(report.keys == [.unacknowledged: ["1"], .refused: ["2"], .delivered: ["3"]])
    #expect(report.isGood)
  }

  @Test func `calls unexpected what was never sent, was refused, or was to be filtered`() {
    let report = report(states: ["3": .filtered, "5": .waiting]) {
      $0.send("2", answer: "AR")
      $0.send("3")
      $0.receive("1")
      $0.receive("2")
      $0.receive("3")
    }
    #expect(report.keys == [.unexpected: ["2", "3", "1", "5"]])
    #expect(!report.isGood)
  }

  @Test func `calls duplicated what came again without need`() {
    let report = report {
      $0.send("1")
      $0.receive("1")
      $0.receive("1")
    }
    #expect(report.keys == [.duplicated: ["1"]])
    #expect(report.repeated.isEmpty)
  }

  @Test func `allows again what got no acceptance`() {
    let report = report {
      $0.send("1")
      $0.send("2")
      $0.receive("1", reply: "none")
      $0.receive("1", reply: "AE")
      $0.receive("1")
      $0.receive("2", reply: "AR")
      $0.receive("2")
    }
    #expect(report.keys == [.delivered: ["1", "2"]])
    #expect(report.repeated == ["1", "2"])
    #expect(report.isGood)
  }

  @Test func `allows again what was in flight when something broke, and only that`() {
    let check = HistoryCheck(inFlightMax: 2)
    let report = report(check) {
      for key in ["1", "2", "3"] { $0.send(key) }
      for key in ["1", "2", "3"] { $0.receive(key) }
      $0.kill()
      for key in ["1", "2", "3"] { $0.receive(key) }
    }
    #expect(report.keys == [.duplicated: ["1"], .delivered: ["2", "3"]])
    #expect(report.repeated == ["2", "3"])
  }

  @Test func `does not let a break from before excuse a repeat`() {
    let report = report {
      $0.kill()
      $0.send("1")
      $0.receive("1")
      $0.receive("1")
      $0.kill()
    }
    #expect(report.keys == [.duplicated: ["1"]])
  }

  @Test func `keeps the order in which each connection was acknowledged, and no other`() {
    let report = report {
      $0.send("a1", lane: "a")
      $0.send("b1", lane: "b")
      $0.send("a2", lane: "a")
      $0.send("b2", lane: "b")
      for key in ["b1", "a2", "a1", "b2"] { $0.receive(key) }
    }
    #expect(report.disordered == [.init(lane: "a", key: "a2", overtaken: "a1")])
    #expect(report.description.contains("out of order: a2 came before a1 (lane a)"))
    #expect(!report.isGood)
  }

  @Test func `judges order by first deliveries`() {
    let report = report {
      for key in ["1", "2"] { $0.send(key) }
      for key in ["1", "2"] { $0.receive(key) }
      $0.kill()
      for key in ["1", "2"] { $0.receive(key) }
    }
    #expect(report.disordered.isEmpty)
    #expect(report.isGood)
  }

  @Test func `sees bytes that were changed where they were to stay`() {
    func told(_ check: HistoryCheck) -> HistoryReport {
      report(check) {
        $0.send("1", hash: "x")
        $0.receive("1", hash: "y")
      }
    }
    #expect(told(HistoryCheck(bytesUnchanged: true)).altered == ["1"])
    #expect(!told(HistoryCheck(bytesUnchanged: true)).isGood)
    #expect(told(HistoryCheck()).isGood)
  }

  @Test func `of several destinations is checked one by one`() {
    let tell: (inout Story) -> Void = {
      $0.send("1")
      $0.receive("1", lane: "ehr")
      $0.receive("1", lane: "lab")
    }
    #expect(report(HistoryCheck(receivedOn: "ehr"), tell).isGood)
    #expect(report(HistoryCheck(receivedOn: "archive"), tell).keys == [.lost: ["1"]])
    #expect(report(HistoryCheck(), tell).keys == [.duplicated: ["1"]])
  }

  @Test func `without replies noted takes every reception for accepted`() {
    let report = report {
      $0.send("1")
      $0.receive("1", reply: nil)
      $0.receive("1", reply: nil)
    }
    #expect(report.keys == [.duplicated: ["1"]])
  }

  @Test func `with many faults names the first and counts the rest`() {
    let report = report { for key in 1...20 { $0.send("K\(key)") } }
    #expect(report.description.contains("lost: K1, K2, K3, K4, K5, K6, K7, K8 and 12 more"))
    #expect(report.description.hasSuffix("The history is bad."))
  }
}

@Suite struct `A history's file` {
  @Test func `gives back what was written, by several writers, in order of time`() throws {
    try withTemporaryFolder { folder in
      let (client, partner) = (folder + "/client", folder + "/partner")
      let sent = [
        HistoryEvent(.sent, lane: "c.0", key: "A\tB\n%é", value: "12ab", at: 10),
        HistoryEvent(.answered, lane: "c.0", key: "A\tB\n%é", value: "AA", at: 30),
      ]
      let received = [HistoryEvent(.received, lane: "p", key: "", value: "12ab", at: 20)]
      let first = try HistoryLog(path: client)
      let second = try HistoryLog(path: partner)
      for event in sent { first.append(event) }
      for event in received { second.append(event) }
      #expect(try HistoryLog.read([client, partner]) == [sent[0], received[0], sent[1]])
      #expect(first.events == sent)
      #expect(first.failedWriteCount == 0)
    }
  }

  @Test func `goes on where it ended`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/history"
      try HistoryLog(path: path).append(HistoryEvent(.sent, lane: "c", key: "1", at: 1))
      try HistoryLog(path: path).append(HistoryEvent(.sent, lane: "c", key: "2", at: 2))
      #expect(try HistoryLog.read([path]).map(\.key) == ["1", "2"])
    }
  }

  @Test func `may end in the middle of a line, and nowhere else be broken`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/history"
      try FileBytes.write(Array("1\tsent\tc\tk\th\n2\tans".utf8), to: path)
      #expect(try HistoryLog.read([path]).map(\.key) == ["k"])
      try FileBytes.write(Array("1\tsent\tc\tk\th\nrubbish\n".utf8), to: path)
      #expect(throws: PartnerError.file("\(path):2: not an event of a history")) { try HistoryLog.read([path]) }
    }
  }
}
