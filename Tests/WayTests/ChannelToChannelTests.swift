import Admin
import Engine
import Foundation
import Messages
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `One channel hands on to another` {
    /// `adt` over MLLP hands on to `ehr`, which sends to the partner.
    private func make(
      lane: String = "", ehr: String = "", destination: String = ", timeout: 2s", transform: String? = nil
    ) async throws -> OneWay {
      let way = try await OneWay.make()
      try way.project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(way.port)}
        destinations:
          next:
            channel: {name: ehr}
            \(lane)

        """)
      try way.project.write(
        "Channels/ehr.yaml",
        """
        channel: ehr
        source: {channel: {}}
        \(transform.map { _ in "transform: ../Transforms/ehr.hilt" } ?? "")
        destinations:
          ehr:
            mllp: {host: 127.0.0.1, port: \(way.partner.port)\(destination)}
            retry: {first: 20ms, factor: 1, longest: 20ms}
        \(ehr)

        """)
      if let transform { try way.project.write("Transforms/ehr.hilt", transform) }
      return way
    }

    private func ids(_ name: String, _ count: Int) -> [String] { (1...count).map { "\(name)\($0)" } }

    @Test func `everything arrives in its order, and the story is told over both`() async throws {
      let way = try await make(
        transform: """
          transform ehr
            in  hl7
            out hl7 2.5.1
          let out = copy msg
          out.MSH-4 = HD { 1: message.source.channel }
          emit out

          """)
      try await way.project.start()
      let ids = ids("C", 200)
      #expect(try await send(ids.map { Sample.adt($0) }, to: way.port).isAllAccepted)
      #expect(try await way.partner.waits(for: 200).map(\.controlID) == ids)
      try await way.project.drained()
      for reception in way.partner.got { #expect(Sample.field("MSH", 4, of: reception.bytes ?? []) == "adt") }
      #expect(try await way.project.ledger("adt").lanes[0].deliveries == ["created": 200, "delivered": 200])
      #expect(try await way.project.ledger("ehr").arrivals == ["received": 200, "accepted": 200, "routed": 200])
      let all = try await way.project.messages()
      let first = try #require(all.last { $0.channel == "adt" })
      let there = try #require(all.last { $0.channel == "ehr" })
      #expect(there.attributes["message"]?.text == first.id)
      let story = try await way.project.story(first.id)
      #expect(
        story.contains("next took it at the first try: handed on to ehr as \(there.id).")
          && story.contains("In channel ehr: It was accepted and routed to 1 destination.")
          && story.contains("ehr took it"), "\(story)")
      let back = try await way.project.story(there.id)
      #expect(
        back.contains("Channel adt received") && back.contains("from channel adt, where it is \(first.id)"), "\(back)")
    }

    @Test func `a channel that is paused, stopped or full is unreachable, and its order is kept`() async throws {
      let way = try await make(lane: "retry: {first: 20ms, factor: 1, longest: 20ms}")
      try await way.project.start()
      let ids = ids("P", 60)
      #expect(try await send([Sample.adt(ids[0])], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      #expect(try await way.project.hilum("pause", "ehr").status == 0)
      #expect(try await send(ids[1..<30].map { Sample.adt($0) }, to: way.port).isAllAccepted)
      try await eventually("it says why") {
        try await way.project.lane("adt/next").unreachable == "channel ehr is paused"
      }
      #expect(try await way.project.lane("adt/next").waiting == 29)
      #expect(try await way.project.ledger("ehr").received == 1)
      let ping = try await way.project.hilum("ping", "adt/next")
      #expect(ping.status == 1 && ping.output.contains("channel ehr is paused"), "\(ping.output)")
      #expect(try await way.project.hilum("stop", "ehr").status == 0)
      try await eventually("it says why") {
        try await way.project.lane("adt/next").unreachable == "channel ehr is stopped"
      }
      await way.project.running?.kill()
      try await way.project.start()
      try await eventually("it says why") {
        try await way.project.lane("adt/next").unreachable == "channel ehr is stopped"
      }
      #expect(try await way.project.hilum("start", "ehr").status == 0)
      #expect(try await send(ids[30...].map { Sample.adt($0) }, to: way.port).isAllAccepted)
      #expect(try await way.partner.waits(for: 60).map(\.controlID) == ids)
      try await way.project.drained()
      #expect(try await way.project.ledger("ehr").received == 60)
    }

    @Test func `what it rejects is refused, and nothing passes it; what it drops, holds or fails it has taken`()
      async throws
    {
      let way = try await make(
        lane: "retry: {first: 20ms, factor: 1, longest: 20ms}\n    refused: {AE: 2, then: dead}",
        transform: """
          transform ehr
            in  hl7
            out hl7 2.5.1
          match MSH-10 {
            "R1" => reject AE 207 "not yet" at PID-5
            "R3" => reject AR 207 "never" at PID-5
            "R4" => drop "not wanted"
            "R5" => hold "about {PID-3[1].1}"
            "R6" => fail "nobody knows this one"
            _ => emit msg
          }

          """)
      try await way.project.start()
      #expect(try await send((0..<8).map { Sample.adt("R\($0)") }, to: way.port).isAllAccepted)
      #expect(try await way.partner.waits(for: 3).map(\.controlID) == ["R0", "R2", "R7"])
      try await eventually("all have ended") {
        try await way.project.ledger("adt").lanes[0].deliveries == ["created": 8, "delivered": 6, "dead": 2]
      }
      let ledger = try await way.project.ledger("ehr")
      #expect(
        ledger.arrivals
          == ["received": 10, "accepted": 6, "rejected": 4, "routed": 3, "dropped": 1, "held": 1, "failed": 1])
      let reasons = try await way.project.dead().map { $0.summary ?? "" }
      #expect(reasons.contains { $0.hasPrefix("AE 207 at PID-5: not yet (channel ehr, message ") }, "\(reasons)")
      #expect(reasons.contains { $0.hasPrefix("AR 207 at PID-5: never (channel ehr, message ") }, "\(reasons)")
      #expect(way.project.log.contains("channel ehr rejects it, AR 207") && !way.project.log.contains("never"))
    }

    @Test(arguments: ["before-commit", "after-commit"])
    func `killed at a commit, each comes there once and in order`(point: String) async throws {
      let way = try await make()
      let ids = ids("K", 120)
      var sent = 0
      for commit in [2, 3, 4, 5, 6, 7, 9, 11, 14] {
        let engine = try way.project.launch(environment: ["HILUM_FAILPOINT": "\(point):\(commit)"])
        if (try? await engine.ready(within: 20)) != nil {
          let report = try await send(ids[sent..<min(ids.count, sent + 12)].map { Sample.adt($0) }, to: way.port) {
            $0.timeout = .seconds(5)
          }
          sent += report.outcomes.prefix { $0.code == .AA }.count
        }
        _ = await engine.launch.ending(within: 5)
        await engine.kill()
      }
      try await way.project.start()
      #expect(try await send(ids[sent...].map { Sample.adt($0) }, to: way.port).isAllAccepted)
      try await way.project.drained()
      let records = try await way.project.messages().filter { $0.channel == "ehr" }
      let came = try await way.project.ledger("adt")
      let there = try await way.project.ledger("ehr")
      #expect(there.received == came.routed && came.routed == 120 && there.routed == 120)
      #expect(Set(records.compactMap { $0.attributes["message"]?.text }).count == 120)
      // In the order in which they came, each once; the partner may have got one twice.
      let from = records.sorted { $0.id < $1.id }.compactMap { $0.attributes["message"]?.text }
      #expect(from == from.sorted())
      var seen: [String] = []
      for id in way.partner.controlIDs where !seen.contains(id) { seen.append(id) }
      #expect(seen == ids)
    }

    @Test func `a message that crashes the other channel's pipeline is failed there, and the rest goes on`()
      async throws
    {
      let way = try await make()
      try way.project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source: {mllp: {port: \(way.port)}}
        transform: |
          transform adt
            in  hl7
            out hl7 2.5.1
          let out = copy msg
          if MSH-10 == "X2" { out.EVN-5 = XCN { 1: "CRASHES" } }
          emit out
        destinations:
          next: {channel: {name: ehr}}

        """)
      let trap = ["HILUM_FAILPOINT": "in-pipeline=CRASHES"]
      let ids = ["X1", "X2", "X3"]
      for _ in 0..<2 {
        let engine = try way.project.launch(environment: trap)
        if (try? await engine.ready(within: 20)) != nil {
          _ = try? await send(ids.map { Sample.adt($0) }, to: way.port) { $0.timeout = .seconds(3) }
        }
        guard case .signalled? = await engine.launch.ending(within: 20) else { throw WayError("it did not crash") }
      }
      try await way.project.start(environment: trap)
      #expect(try await send(ids.map { Sample.adt($0) }, to: way.port).isAllAccepted)
      try await eventually("the others are delivered") {
        Set(way.partner.controlIDs) == ["X1", "X3"]
      }
      try await way.project.drained()
      let ledger = try await way.project.ledger("ehr")
      #expect(ledger.failed == 1 && ledger.routed == 2)
      let failed = try #require(try await way.project.messages(.failed).first)
      #expect(failed.reason == "it crashed the engine twice and was not run again")
    }

    @Test func `a sender that waits for it hears what the other channel says`() async throws {
      let way = try await make(
        transform: """
          transform ehr
            in  hl7
            out hl7 2.5.1
          match MSH-10 {
            "W2" => reject AR 207 "never"
            _ => emit msg
          }

          """)
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/adt.yaml",
        file.replacing(
          "mllp: {port: \(way.port)}",
          with: "mllp: {port: \(way.port), acknowledge: {delivered: next, within: 20s}}"))
      try await way.project.start()
      let report = try await send(["W1", "W2", "W3"].map { Sample.adt($0) }, to: way.port)
      #expect(report.outcomes.map(\.code) != [.AA, .AA, .AA])
      #expect(report.outcomes.first?.code == .AA && report.outcomes.last?.code == .AA, "\(report.outcomes)")
      let there = try await way.project.ledger("ehr").arrivals
      #expect(there == ["received": 3, "accepted": 2, "rejected": 1, "routed": 2])
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test func `a large message is handed on whole, and leaves no file behind`() async throws {
      let way = try await make(lane: "retry: {first: 20ms, factor: 1, longest: 20ms}")
      try await way.project.start()
      let notes = (0..<6).map { "NTE|\($0)||" + String(repeating: "x", count: 60_000) }
      let large = Sample.adt("L1", more: notes)
      #expect(try await send([large, Sample.adt("L2")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 2)
      #expect(way.partner.got[0].bytes == large && way.partner.controlIDs == ["L1", "L2"])
      try await way.project.drained()
      let files = FileManager.default.enumerator(atPath: way.project.path("data/blobs"))?.allObjects as? [String] ?? []
      #expect(files.filter { $0.contains("/") }.count == 2, "one for each channel's message: \(files)")
    }

    @Test func `sent again by hand it is taken again, but where the channel knows duplicates`() async throws {
      let way = try await make()
      try await way.project.start()
      #expect(try await send([Sample.adt("D1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      let first = try #require(try await way.project.messages().last)
      #expect(try await way.project.hilum("resend", first.id).status == 0)
      #expect(try await way.partner.waits(for: 2).map(\.controlID) == ["D1", "D1"])
      var file = String(decoding: way.project.read("Channels/ehr.yaml"), as: UTF8.self)
      file += "duplicates: {within: 1h}\n"
      try way.project.write("Channels/ehr.yaml", file)
      #expect(try await way.project.hilum("deploy").status == 0)
      #expect(try await way.project.hilum("resend", first.id).status == 0)
      try await eventually("it is taken") { try await way.project.ledger("ehr").received == 3 }
      try await eventually("once more") { try await way.project.ledger("ehr").received == 3 }
      #expect(try await send([Sample.adt("D2")], to: way.port).isAllAccepted)
      let second = try #require(try await way.project.messages().first { $0.channel == "adt" })
      try await way.partner.waits(for: 3)
      #expect(try await way.project.hilum("resend", second.id).status == 0)
      try await eventually("the same bytes are a duplicate there") {
        try await way.project.ledger("ehr").duplicate == 1
      }
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["D1", "D1", "D2"] || way.partner.controlIDs == ["D1", "D1", "D1", "D2"])
    }

    @Test func `a message goes through sixteen channels and no further`() async throws {
      let way = try await make()
      for number in 1...17 {
        let partner = "mllp: {host: 127.0.0.1, port: \(way.partner.port)}"
        let next = number == 17 ? partner : "channel: {name: c\(number + 1)}"
        try way.project.write(
          "Channels/c\(number).yaml",
          "channel: c\(number)\nsource: {channel: {}}\ndestinations:\n  next:\n    \(next)\n")
      }
      try way.project.write(
        "Channels/adt.yaml",
        "channel: adt\nsource: {mllp: {port: \(way.port)}}\ndestinations: {next: {channel: {name: c1}}}\n")
      try await way.project.start()
      #expect(try await send([Sample.adt("H1")], to: way.port).isAllAccepted)
      try await eventually("it is dead in the sixteenth") { try await way.project.dead().count == 1 }
      let dead = try #require(try await way.project.dead().first)
      #expect(dead.channel == "c16" && dead.summary?.contains("do they go round in a circle?") == true)
    }

    @Test func `deployed anew under load, to another name or to another channel, nothing is lost and the order holds`()
      async throws
    {
      let way = try await make(lane: "retry: {first: 20ms, factor: 1, longest: 20ms}")
      try await way.project.start()
      let ids = ids("N", 900)
      let port = way.port
      let sending = Task { try await send(ids.map { Sample.adt($0) }, to: port) { $0.timeout = .seconds(30) } }
      var file = String(decoding: way.project.read("Channels/ehr.yaml"), as: UTF8.self)
      var adt = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      for round in 1...6 {
        // Another time-out makes its lane anew; another name of the channel moves it.
        file = file.replacing("timeout: \(round + 1)s", with: "timeout: \(round + 2)s")
        try way.project.write("Channels/ehr.yaml", file)
        if round == 2 { adt = adt.replacing("longest: 20ms", with: "longest: 40ms") }
        if round == 4 {
          try FileManager.default.removeItem(atPath: way.project.path("Channels/ehr.yaml"))
          try way.project.write("Channels/two.yaml", file.replacing("channel: ehr", with: "channel: two"))
          adt = adt.replacing("name: ehr", with: "name: two")
        }
        try way.project.write("Channels/adt.yaml", adt)
        let deployed = try await way.project.hilum("deploy", "--waiting", "drain")
        #expect(deployed.status == 0, "\(deployed.output)\(deployed.errors)")
        if round >= 4 { break }
      }
      #expect(try await sending.value.isAllAccepted)
      try await eventually("all are delivered") { Set(way.partner.controlIDs).count == 900 }
      try await way.project.drained()
      let adtLedger = try await way.project.ledger("adt")
      #expect(adtLedger.lanes[0].deliveries == ["created": 900, "delivered": 900])
      let there = try await way.project.messages().filter { $0.channel != "adt" }
      #expect(there.count <= 1000)
      let one = try await way.project.ledger("two")
      #expect(one.received > 0)
    }

    @Test func `check and deploy refuse a channel that isn't there, one that takes from elsewhere, and circles`()
      async throws
    {
      let way = try await make()
      try await way.project.start()
      let adt = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      let ehr = String(decoding: way.project.read("Channels/ehr.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", adt.replacing("name: ehr", with: "name: ehrr"))
      var check = try await way.project.hilum("check")
      #expect(check.status == 1 && check.output.contains("C134") && check.output.contains("did you mean `ehr`?"))
      check = try await way.project.hilum("check", "Channels/adt.yaml")
      #expect(check.status == 1 && check.output.contains("did you mean `ehr`?"), "\(check.output)")
      #expect(try await way.project.hilum("deploy").status == 1)
      try way.project.write("Channels/adt.yaml", adt)
      #expect(try await way.project.hilum("check", "Channels/adt.yaml").status == 0)
      try way.project.write(
        "Channels/ehr.yaml", ehr + "  back: {channel: {name: mid}}\n")
      try way.project.write(
        "Channels/mid.yaml",
        "channel: mid\nsource: {channel: {}}\ndestinations: {on: {channel: {name: ehr}}, to: {channel: {name: adt}}}\n")
      check = try await way.project.hilum("check")
      #expect(check.output.contains("a circle: mid → ehr → mid"), "\(check.output)")
      #expect(check.output.contains("the channel `adt` takes messages from `mllp`"), "\(check.output)")
    }

    @Test func `a rollback that would close a circle, or hand on to nobody, is refused`() async throws {
      let way = try await make()
      try await way.project.start()
      let file = String(decoding: way.project.read("Channels/ehr.yaml"), as: UTF8.self)
      // First `mid` hands on to `ehr`, then `ehr` to `mid`: each is well by itself.
      let mid = "channel: mid\nsource: {channel: {}}\ndestinations: {on: {channel: {name: ehr}}}\n"
      try way.project.write("Channels/mid.yaml", mid)
      #expect(try await way.project.hilum("deploy").status == 0)
      try way.project.write(
        "Channels/mid.yaml",
        "channel: mid\nsource: {channel: {}}\ndestinations: {on: {file: {directory: ../out, name: \"{MSH-10}\"}}}\n")
      try way.project.write("Channels/ehr.yaml", file + "  mid: {channel: {name: mid}}\n")
      #expect(try await way.project.hilum("deploy").status == 0)
      let back = try await way.project.hilum("rollback", "mid")
      #expect(back.status == 1, "\(back.output)")
      #expect((back.output + back.errors).contains("from which messages come back to"), "\(back.output)\(back.errors)")
    }
  }
}
