import Admin
import Engine
import Foundation
import Messages
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Messages that are gathered` {
    /// `adt` over MLLP gathers lines for `day`, which writes them as files.
    private func make(_ collect: String, day: String = "", transform: Bool = true) async throws -> OneWay {
      let way = try await OneWay.make()
      try way.project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(way.port)}
        destinations:
          next:
            channel: {name: day}
            \(transform ? "transform: ../Transforms/line.hilt" : "")
            collect: \(collect)

        """)
      try way.project.write(
        "Channels/day.yaml",
        """
        channel: day
        source: {channel: {}}
        format: text
        destinations:
          out:
            file: {directory: ../out, name: '{sequence("day", 3)}.txt'}
        \(day)

        """)
      try way.project.write(
        "Transforms/line.hilt",
        """
        transform line
          in  hl7
          out text
        emit "{MSH-10} {PID-3[1].1}"

        """)
      return way
    }

    private func files(_ way: OneWay) -> [String] {
      way.project.names(in: "out").map { String(decoding: way.project.read("out/\($0)"), as: UTF8.self) }
    }

    @Test func `so many make one message, the rest when none has come for a while; each tells of the others`()
      async throws
    {
      let way = try await make("{until: {idle: 700ms, count: 4}}")
      try await way.project.start()
      let ids = (1...10).map { "G\($0)" }
      #expect(try await send(ids.map { Sample.adt($0) }, to: way.port).isAllAccepted)
      try await eventually("all are there") { files(way).count == 3 }
      try await way.project.drained()
      let lines = files(way).map { $0.split(whereSeparator: \.isNewline).map { String($0.prefix { $0 != " " }) } }
      #expect(lines == [Array(ids[..<4]), Array(ids[4..<8]), Array(ids[8...])])
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 10, "delivered": 10])
      #expect(try await way.project.ledger("day").arrivals == ["received": 3, "accepted": 3, "routed": 3])
      let all = try await way.project.messages()
      let first = try #require(all.last { $0.channel == "adt" })
      let there = try #require(all.last { $0.channel == "day" })
      let story = try await way.project.story(first.id)
      #expect(story.contains("gathered with 3 others, handed on to day as \(there.id)."), "\(story)")
      #expect(story.contains("In channel day: It was accepted and routed to 1 destination."), "\(story)")
      let back = try await way.project.story(there.id)
      #expect(back.contains("from channel adt, gathered from 4 there: \(first.id), "), "\(back)")
      #expect(try await way.project.hilum("audit").status == 0)
    }

    @Test func `groups of different keys are independent, and what waits can be seen, held back and cancelled`()
      async throws
    {
      let way = try await make("{by: \"{PID-3[1].1}\", until: {idle: 2s, count: 3}}")
      try await way.project.start()
      let patients = ["a", "b", "a", "c", "a", "b"]
      let messages = patients.enumerated().map { Sample.adt("K\($0 + 1)", patient: $1) }
      #expect(try await way.project.hilum("lane", "pause", "adt/next").status == 0)
      #expect(try await send(messages, to: way.port).isAllAccepted)
      try await eventually("it is seen") {
        let lane = try await way.project.lane("adt/next")
        return lane.waiting == 6 && lane.gathering?.groups == 3
      }
      let status = try await way.project.hilum("status")
      #expect(status.output.contains("next: 6 waiting in 3 groups"), "\(status.output)")
      #expect(files(way) == [])
      let list = try await way.project.hilum("lane", "list", "adt/next").output
      #expect(list.contains("it is gathered with 2 others\n") && list.contains("it is gathered\n"), "\(list)")
      let found: [DeliveryRecord] = try await way.project.json("lane", "list", "adt/next")
      let last = try #require(found.last?.id)
      #expect(try await way.project.hilum("lane", "cancel", "adt/next", last, "--reason", "wrong patient").status == 0)
      #expect(try await way.project.hilum("lane", "resume", "adt/next").status == 0)
      try await eventually("all are there") { files(way).count == 3 }
      try await way.project.drained()
      #expect(Set(files(way)) == ["K1 a\r\nK3 a\r\nK5 a", "K2 b", "K4 c"])
      let lane = try await way.project.ledger("adt").lanes[0].deliveries
      #expect(lane == ["created": 6, "delivered": 5, "cancelled": 1])
    }

    @Test(arguments: ["before-commit", "after-commit"])
    func `killed while groups are closed, each is in one message, once and in order`(point: String) async throws {
      let way = try await make("{by: \"{PID-3[1].1}\", until: {idle: 300ms, count: 5}}")
      let ids = (1...120).map { "K\($0)" }
      func message(_ index: Int) -> [UInt8] { Sample.adt(ids[index], patient: "p\(index % 3)") }
      var sent = 0
      for commit in [2, 3, 4, 5, 6, 8, 9, 12, 15, 18] {
        let engine = try way.project.launch(environment: ["HILUM_FAILPOINT": "\(point):\(commit)"])
        if (try? await engine.ready(within: 20)) != nil {
          let report = try await send((sent..<min(ids.count, sent + 12)).map(message), to: way.port) {
            $0.timeout = .seconds(5)
          }
          sent += report.outcomes.prefix { $0.code == .AA }.count
        }
        _ = await engine.launch.ending(within: 3)
        await engine.kill()
      }
      try await way.project.start()
      #expect(try await send((sent..<ids.count).map(message), to: way.port).isAllAccepted)
      try await way.project.drained()
      let came = try await way.project.ledger("adt")
      #expect(came.routed == 120 && came.lanes[0].deliveries == ["created": 120, "delivered": 120])
      // One file for each message that was gathered; in each one patient, in order, and each message once.
      let there = try await way.project.ledger("day")
      #expect(there.received == way.project.names(in: "out").count && there.received < 80)
      var seen: [String: [String]] = [:]
      for file in files(way) {
        let lines = file.split(whereSeparator: \.isNewline).map { $0.split(separator: " ").map(String.init) }
        #expect(Set(lines.map { $0[1] }).count == 1 && lines.count <= 5)
        for line in lines { seen[line[1], default: []].append(line[0]) }
      }
      for patient in 0..<3 {
        #expect(seen["p\(patient)"] == ids.indices.filter { $0 % 3 == patient }.map { ids[$0] })
      }
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test func `what has not all of its key, or a blank for it, goes by itself`() async throws {
      let way = try await make("{by: \"{PID-3[1].1}-{PID-8}\", until: {idle: 60s, count: 2}}")
      try await way.project.start()
      let patients = ["", "", " ", "  ", "a", "a"]
      #expect(
        try await send(patients.enumerated().map { Sample.adt("K\($0)", patient: $1) }, to: way.port).isAllAccepted)
      try await way.project.drained()
      let ids = files(way).map { $0.split(whereSeparator: \.isNewline).map { String($0.prefix { $0 != " " }) } }
      #expect(Set(ids) == [["K0"], ["K1"], ["K2"], ["K3"], ["K4", "K5"]])
    }

    @Test func `a channel that is paused or rejects holds what is gathered, and nothing is lost of it`() async throws {
      let way = try await make("{until: {idle: 200ms}}")
      try way.project.write(
        "Transforms/day.hilt",
        """
        transform day
          in  text
          out text
        when message.source.gathered.count == "3" => reject AE 207 "not three"
        emit msg

        """)
      let plain = String(decoding: way.project.read("Channels/day.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/day.yaml", plain.replacing("format: text", with: "format: text\ntransform: ../Transforms/day.hilt"))
      try await way.project.start()
      #expect(try await way.project.hilum("pause", "day").status == 0)
      #expect(try await send((1...3).map { Sample.adt("P\($0)") }, to: way.port).isAllAccepted)
      try await eventually("it says why") {
        try await way.project.lane("adt/next").unreachable == "channel day is paused"
      }
      #expect(try await way.project.ledger("day").received == 0)
      #expect(try await way.project.lane("adt/next").nextTryIn != nil)
      // Where nothing is tried there is no next try.
      #expect(try await way.project.hilum("lane", "pause", "adt/next").status == 0)
      let paused = try await way.project.lane("adt/next")
      #expect(paused.unreachable != nil && paused.nextTryIn == nil && paused.gathering?.nextIn == nil)
      #expect(try await way.project.hilum("lane", "resume", "adt/next").status == 0)
      #expect(try await way.project.hilum("start", "day").status == 0)
      try await eventually("it says why") {
        try await way.project.lane("adt/next").unreachable == "channel day rejects it, AE 207"
      }
      let list = try await way.project.hilum("lane", "list", "adt/next").output
      #expect(list.contains("its group with 2 others was refused") && list.contains("AE 207: not three"), "\(list)")
      #expect(list.contains(", next try at 20"), "\(list)")
      let first = try #require(try await way.project.messages().last { $0.channel == "adt" })
      let story = try await way.project.story(first.id)
      #expect(story.contains("next has not got it yet: its group with 2 others was refused"), "\(story)")
      await way.project.running?.kill()
      try way.project.write("Channels/day.yaml", plain)
      try await way.project.start()
      try await eventually("they are there") { files(way).count == 1 }
      try await way.project.drained()
      #expect(files(way)[0].split(whereSeparator: \.isNewline).count == 3)
      let ledger = try await way.project.ledger("day")
      #expect(ledger.routed == 1 && ledger.rejected >= 1)
    }

    @Test func `no try is announced before a group is due`() async throws {
      let way = try await make("{until: {idle: 4s}}")
      try await way.project.start()
      #expect(try await way.project.hilum("pause", "day").status == 0)
      #expect(try await send([Sample.adt("T1")], to: way.port).isAllAccepted)
      try await eventually("it says why") {
        try await way.project.lane("adt/next").unreachable == "channel day is paused"
      }
      #expect(try await way.project.hilum("lane", "cancel", "adt/next", "--all", "--reason", "test").status == 0)
      #expect(try await send([Sample.adt("T2")], to: way.port).isAllAccepted)
      // By now the other channel would be tried again, if there were anything for it.
      try await Task.sleep(for: .milliseconds(1200))
      let lane = try await way.project.lane("adt/next")
      #expect(lane.waiting == 1 && lane.nextTryIn.map { $0 > 500 } != false, "\(lane)")
    }

    @Test func `lines of many are one file with one header, deployed anew under load none is lost or there twice`()
      async throws
    {
      let way = try await make("{until: {idle: 200ms, count: 7}}")
      try way.project.write(
        "Transforms/line.hilt",
        """
        transform line
          in  hl7
          out delimited separator ";" header yes columns id, mrn
        emit for one in PID-3[*] => { id: MSH-10, mrn: one.1 }

        """)
      try way.project.write(
        "Transforms/day.hilt",
        """
        transform day
          in  delimited separator ";" header yes columns id, mrn
          out text
        emit join(for row in msg.rows => row.id, "\\n")

        """)
      let day = String(decoding: way.project.read("Channels/day.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/day.yaml",
        day.replacing("format: text", with: "format: delimited\ntransform: ../Transforms/day.hilt"))
      try await way.project.start()
      let ids = (1...400).map { "D\($0)" }
      let port = way.port
      let sending = Task { try await send(ids.map { Sample.adt($0) }, to: port) { $0.timeout = .seconds(30) } }
      var adt = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      for count in 8...12 {
        adt = adt.replacing("count: \(count - 1)", with: "count: \(count)")
        try way.project.write("Channels/adt.yaml", adt)
        let deployed = try await way.project.hilum("deploy")
        #expect(deployed.status == 0, "\(deployed.output)\(deployed.errors)")
      }
      #expect(try await sending.value.isAllAccepted)
      try await way.project.drained()
      let lines = files(way).map { $0.split(whereSeparator: \.isNewline).map(String.init) }
      #expect(lines.flatMap(\.self) == ids && lines.allSatisfy { $0.count <= 12 })
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 400, "delivered": 400])
      #expect(try await way.project.ledger("day").routed == lines.count && lines.count < 200)
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test func `messages of HL7 become a batch, and without collect what waits goes by itself`() async throws {
      let way = try await make("{until: {idle: 300ms}}", transform: false)
      try await way.project.start()
      #expect(try await send([Sample.adt("B1"), Sample.adt("B2")], to: way.port).isAllAccepted)
      try await eventually("it is there") { files(way).count == 1 }
      let segments = files(way)[0].split(separator: "\r").map(String.init)
      #expect(segments.first?.hasPrefix("BHS|^~\\&|") == true && segments.last == "BTS|2")
      #expect(segments.filter { $0.hasPrefix("MSH") }.count == 2)

      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing("idle: 300ms", with: "at: \"03:59\""))
      #expect(try await way.project.hilum("deploy").status == 0)
      #expect(try await send([Sample.adt("B3"), Sample.adt("B4")], to: way.port).isAllAccepted)
      try await eventually("they wait") { try await way.project.lane("adt/next").gathering?.groups == 1 }
      try way.project.write(
        "Channels/adt.yaml",
        file.replacing("{until: {idle: 300ms}}", with: "{by: \"{PID-3[1].1}\", until: {at: \"03:59\"}}")
      )
      let shown = try await way.project.hilum("diff").output
      #expect(
        shown.contains("lane next: collect.by  -  ->  {PID-3[1].1}; what waits was not gathered by this"), "\(shown)")
      try way.project.write("Channels/adt.yaml", file.replacing("collect:", with: "# collect:"))
      #expect(try await way.project.hilum("deploy").status == 0)
      try await eventually("each by itself") { files(way).count == 3 }
      try way.project.write("Channels/adt.yaml", file)
      let day = String(decoding: way.project.read("Channels/day.yaml"), as: UTF8.self)
      try way.project.write("Channels/day.yaml", day.replacing("format: text", with: "format: hl7v2"))
      let check = try await way.project.hilum("check")
      #expect(check.status == 1 && check.output.contains("C151"), "\(check.output)")
    }
  }
}
