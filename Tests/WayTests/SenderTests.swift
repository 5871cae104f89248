import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Whatever senders do` {
    /// `HILUM_FLOOD=100000` for more.
    private static let floodCount = ProcessInfo.processInfo.environment["HILUM_FLOOD"].flatMap { Int($0) } ?? 4_000

    @Test func `a thousand of them at once are all answered, memory stays bounded, and another channel is not starved`()
      async throws
    {
      let way = try await OneWay.make(source: ", connections: 2000")
      let quiet = try way.project.port()
      try way.project.write(
        "Channels/quiet.yaml",
        "channel: quiet\nsource: {mllp: {port: \(quiet)}}\n"
          + "destinations:\n  d: {file: {directory: ../out, name: \"{MSH-10}\"}}\n"
      )
      let engine = try await way.project.start()
      var plan = SendPlan(PartnerEndpoint(port: way.port))
      plan.connections = 1000
      let sender = MLLPSender(plan)
      let generator = MessageGenerator(seed: 3)
      let flood = Task { try await sender.send(count: Self.floodCount) { generator.message($0) } }
      try await eventually("all are connected") { engine.descriptorCount > 1000 }

      var slowest = 0.0
      var most = 0
      let wire = try await Wire.connect(to: quiet)
      for number in 1...10 {
        let before = ContinuousClock.now
        #expect(try await wire.exchange(Sample.adt("Q\(number)")).code == "AA")
        slowest = max(slowest, (ContinuousClock.now - before) / .seconds(1))
        most = max(most, engine.memoryBytes)
      }
      let report = try await flood.value
      most = max(most, engine.memoryBytes)

      print("flood: \(report)\nslowest answer of the quiet channel \(slowest) s, at most \(most >> 20) MiB")
      #expect(report.isAllAccepted, "\(report)")
      #expect(slowest < 5)
      #expect(most < 300 << 20, "\(most >> 20) MiB")
      #expect(try await way.project.ledger("adt").received == Self.floodCount)
    }

    @Test func `who sends a byte a second, or nothing, is closed in time, and others don't notice`() async throws {
      let way = try await OneWay.start(source: ", idle: 1s, frame: 1s")
      let slow = try await Wire.connect(to: way.port)
      let idle = try await Wire.connect(to: way.port)
      let message = Wire.frame(Sample.adt("SLOW"))
      try await slow.send(Array(message.prefix(40)))
      let dripping = Task {
        for byte in message.dropFirst(40).prefix(30) {
          if try await !slow.send([byte]) { return }
          try await Task.sleep(for: .milliseconds(100))
        }
      }
      let good = try await Wire.connect(to: way.port)
      for number in 1...10 { #expect(try await good.exchange(Sample.adt("N\(number)")).code == "AA") }
      #expect(try await idle.receive(within: 5) == .closed)
      #expect(try await slow.receive(within: 5) == .closed)
      dripping.cancel()
      try await way.project.drained()
      #expect(try await way.project.ledger("adt").received == 10)
    }

    @Test func `a message over the limit is refused without being held, with an end or without one`() async throws {
      let way = try await OneWay.start(channel: "limits: {message: 64KiB}")
      let engine = try #require(way.project.running)
      let before = engine.memoryBytes
      let large = try await Wire.connect(to: way.port)
      let sending = Task {
        try await large.send(
          Wire.frame(Sample.adt("LARGE", more: ["OBX|1|TX|||" + String(repeating: "y", count: 1 << 20)])))
      }
      let answer = try await large.receive()
      #expect(answer.code == "AR" && answer.controlID == "LARGE", "\(answer)")
      #expect(try await large.receive() == .closed)
      _ = try await sending.value

      let endless = try await Wire.connect(to: way.port)
      try await endless.send([0x0B] + Sample.adt("ENDLESS"))
      let piece = [UInt8](repeating: 0x7A, count: 1 << 20)
      let deadline = ContinuousClock.now + .seconds(15)
      var most = 0
      // What it doesn't take it reads away for a while, so that the sender gets to see the refusal.
      while ContinuousClock.now < deadline, try await endless.send(piece) { most = max(most, engine.memoryBytes) }
      #expect(ContinuousClock.now < deadline, "it went on taking")
      #expect(most < before + 40 << 20)
      #expect(try await send([Sample.adt("AFTER")], to: way.port).isAllAccepted)
    }

    @Test func `messages of many megabytes come through, and memory is given back`() async throws {
      let way = try await OneWay.start(destination: ", timeout: 20s", channel: "limits: {message: 64MiB}")
      let engine = try #require(way.project.running)
      let messages = (1...3).map {
        Sample.adt("HUGE-\($0)", more: ["OBX|1|ED|||" + String(repeating: "QUJD", count: 1 << 20)])
      }
      #expect(try await send(messages, to: way.port).isAllAccepted)
      try await way.partner.waits(for: 3, within: .seconds(60))
      #expect(way.partner.got.map(\.bytes) == messages)
      try await way.project.drained()
      print("after messages of 4 MiB: \(engine.memoryBytes >> 20) MiB")
      #expect(engine.memoryBytes < 200 << 20)
    }

    @Test func `frames come in any way that TCP cuts them, with junk between`() async throws {
      let way = try await OneWay.start()
      let wire = try await Wire.connect(to: way.port)
      for byte in Wire.frame(Sample.adt("CUT-1")) { try await wire.send([byte]) }
      #expect(try await wire.receive().controlID == "CUT-1")
      try await wire.send(
        [0x0D, 0x0A, 0x00, 0x00] + Wire.frame(Sample.adt("CUT-2")) + [0x0A, 0x0D, 0x0A]
          + Wire.frame(Sample.adt("CUT-3")))
      #expect(try await wire.receive().controlID == "CUT-2")
      #expect(try await wire.receive().controlID == "CUT-3")
      // A new start within a frame: what came before it is no message.
      let torn = try await Wire.connect(to: way.port)
      try await torn.send([0x0B] + Array(Sample.adt("TORN").prefix(30)) + Wire.frame(Sample.adt("CUT-4")))
      let afterTorn = try await torn.receive(within: 3)
      #expect(afterTorn == .closed || afterTorn.controlID == "CUT-4" || afterTorn.code == "AR", "\(afterTorn)")
      // Half a frame and the end.
      let half = try await Wire.connect(to: way.port)
      try await half.send(Wire.frame(Sample.adt("CUT-5")) + [0x0B] + Sample.adt("HALF"))
      half.finish()
      #expect(try await half.receive().controlID == "CUT-5")
      #expect(try await half.receive() == .closed)
      #expect(try await send([Sample.adt("CUT-6")], to: way.port).isAllAccepted)
      try await way.project.drained()
      let ids = way.partner.controlIDs.filter { $0 != "CUT-4" }
      #expect(ids == ["CUT-1", "CUT-2", "CUT-3", "CUT-5", "CUT-6"])
    }

    @Test func `messages that keep no rules are answered by the channel's own`() async throws {
      let way = try await OneWay.start(hl7: "{segment-end: any}")
      let wire = try await Wire.connect(to: way.port)
      let text = String(decoding: Sample.adt("T"), as: UTF8.self)
      let cases: [(what: String, bytes: [UInt8], code: String?)] = [
        ("LF", Array(text.replacing("\r", with: "\n").utf8), "AA"),
        ("CRLF", Array(text.replacing("\r", with: "\r\n").replacing("|T|", with: "|T2|").utf8), "AA"),
        ("no control id", Array(text.replacing("|T|", with: "||").utf8), "AE"),
        ("only MSH", Array("MSH|^~\\&|A|B|C|D|2026||ADT^A01|ONLY|P|2.5".utf8), "AA"),
        ("empty", [], "AR"),
        ("not HL7", Array("GET / HTTP/1.1".utf8), "AR"),
        ("MSH cut", Array("MSH|".utf8), "AR"),
        ("UTF-16", Array(text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }), "AR"),
      ]
      for one in cases {
        let answer = try await wire.exchange(one.bytes)
        #expect(answer.code == one.code, "\(one.what): \(answer)")
      }
      try await way.project.drained()
      #expect(way.partner.got.count == 3)
      #expect(way.partner.got[0].bytes == cases[0].bytes, "unchanged")
      _ = try await way.project.ledger("adt")
    }

    @Test(arguments: ["HTTP", "TLS"])
    func `another protocol on the port is closed with one line`(other: String) async throws {
      let hello =
        other == "HTTP"
        ? "GET / HTTP/1.1\r\nHost: x\r\n\r\n" : "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{FC}\u{3}\u{3}"
      let way = try await OneWay.start()
      let wire = try await Wire.connect(to: way.port)
      try await wire.send(hello.unicodeScalars.map { UInt8($0.value) })
      #expect(try await wire.receive(within: 5) == .closed)
      let before = way.project.log
      let lines = before.split(separator: "\n").filter { $0.contains("peer=\"127.0.0.1") }
      #expect(lines.count == 1, "\(lines)")
      #expect(try await send([Sample.adt("AFTER")], to: way.port).isAllAccepted)
    }
  }

  @Suite struct `When the machine is short of something` {
    @Test(.enabled(if: Tools.has("prlimit"), "prlimit is not there"))
    func `of descriptors: those who are connected go on, others come when there are some again`() async throws {
      let way = try await OneWay.make()
      let engine = try await way.project.start(under: ["prlimit", "--nofile=80:80"])
      let first = try await Wire.connect(to: way.port)
      #expect(try await first.exchange(Sample.adt("FD-1")).code == "AA")
      try await way.partner.waits(for: 1)
      var crowd: [Wire] = []
      for _ in 0..<150 { crowd.append(try await Wire.connect(to: way.port)) }
      for number in 2...20 { #expect(try await first.exchange(Sample.adt("FD-\(number)")).code == "AA") }
      try await way.partner.waits(for: 20)
      #expect(engine.launch.isRunning && engine.descriptorCount <= 80)
      crowd.removeAll()
      let late = try await Wire.connect(to: way.port)
      #expect(try await late.exchange(Sample.adt("FD-21"), within: 20).code == "AA")
      #expect(try await way.project.hilum("audit").status == 0)
      let errors = way.project.log.split(separator: "\n").count
      #expect(errors < 100, "the log is not flooded: \(errors) lines")
    }

    @Test func `of memory, because its partner is away and much comes: it takes a bounded part and no more`()
      async throws
    {
      let partner = try await Partner.away(keepsBytes: false)
      let way = try await OneWay.make(partner: partner)
      let engine = try await way.project.start()
      let before = engine.memoryBytes
      var plan = SendPlan(PartnerEndpoint(port: way.port))
      plan.connections = 8
      plan.window = 8
      // 30 MB in all.
      let report = try await MLLPSender(plan).send(count: 1500) { number in
        Sample.adt("MEM-\(number)", more: ["OBX|1|TX|||" + String(repeating: "z", count: 20_000)])
      }
      #expect(report.isAllAccepted, "\(report)")
      print("memory \(before >> 20) MiB before, \(engine.memoryBytes >> 20) MiB with 30 MB waiting")
      // A lane holds 4 MiB and the writer's cache 32; a payload that waits is on disk.
      #expect(engine.memoryBytes < before + 64 << 20)
    }

    @Test func `of time: SIGTERM under load answers what is under way, ends in order, and nothing is lost`()
      async throws
    {
      let trial = try await Trial(seed: 22)
      try await trial.project.start()
      let load = Task { try await trial.load(count: 1200, connections: 8) }
      for _ in 0..<3 {
        let before = trial.acknowledgedCount
        try await eventually("it flows") { trial.acknowledgedCount > before + 100 }
        let engine = try #require(trial.project.running)
        let began = ContinuousClock.now
        #expect(await engine.stop(within: 15) == .exited(0), "\(engine.launch.errors.suffix(500))")
        print("stopped under load after \((ContinuousClock.now - began) / .milliseconds(1)) ms")
        trial.incident("SIGTERM")
        try await trial.project.start()
      }
      #expect(try await load.value.isAllAccepted)
      #expect(try await trial.finish() == [])
      let repeats = trial.strict.got.count - Set(trial.strict.controlIDs).count
      #expect(repeats == 0, "an orderly stop repeats nothing")
    }

    @Test func `of patience: a second SIGTERM ends at once what waits for a partner`() async throws {
      let way = try await OneWay.start(destination: ", timeout: 60s")
      way.partner.answer(ReceiverBehaviour(.none))
      #expect(try await send([Sample.adt("T1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      let engine = try #require(way.project.running)
      engine.launch.signal(SIGTERM)
      try await eventually("it is stopping") { way.project.log.contains("Stopping.") }
      #expect(engine.launch.isRunning, "it waits for the partner")
      engine.launch.signal(SIGTERM)
      #expect(await engine.launch.ending(within: 2) == .exited(1))

      way.partner.answer(ReceiverBehaviour())
      try await way.project.start()
      try await way.partner.waits(for: 2)
      try await way.project.drained()
      let message = try #require(try await way.project.messages().first)
      #expect(try await way.project.story(message.id).contains("more than once"))
    }

    @Test func `of patience: a stop waits for a partner's answer only so long, and what has none goes again`()
      async throws
    {
      let way = try await OneWay.start(destination: ", timeout: 60s")
      way.partner.answer(ReceiverBehaviour(.none))
      #expect(try await send([Sample.adt("T1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      #expect(await way.project.running?.stop(within: 15) == .exited(0))
      way.partner.answer(ReceiverBehaviour())
      try await way.project.start()
      #expect(try await way.partner.waits(for: 2).map(\.controlID) == ["T1", "T1"])
      try await way.project.drained()
      let message = try #require(try await way.project.messages().first)
      #expect(try await way.project.story(message.id).contains("more than once"))
    }

    @Test func `of attention: stopped for a while and woken again it does nothing twice`() async throws {
      let trial = try await Trial(seed: 19)
      let engine = try await trial.project.start()
      let load = Task { try await trial.load(count: 900, rate: 300, giveUpAfter: .seconds(120)) }
      try await eventually("it flows") { trial.acknowledgedCount > 100 }
      engine.launch.signal(SIGSTOP)
      // `HILUM_PAUSE=60` outlasts every time-out of senders and partners: what was under way may go again then, marked.
      let seconds = ProcessInfo.processInfo.environment["HILUM_PAUSE"].flatMap { Double($0) } ?? 2
      try await Task.sleep(for: .seconds(seconds))
      if seconds > 4 { trial.incident("stopped") }
      engine.launch.signal(SIGCONT)
      #expect(try await load.value.isAllAccepted)
      let problems = try await trial.finish()
      #expect(problems == [])
      #expect(trial.strict.got.count <= Set(trial.strict.controlIDs).count + (seconds > 4 ? 1 : 0))
    }
  }
}
