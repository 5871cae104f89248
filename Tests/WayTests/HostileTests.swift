import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A message or a program that would bring the engine down` {
    @Test func `a transform that runs on ends at its budget: failed, and the other channels go on`() async throws {
      let way = try await OneWay.make()
      let busy = try way.project.port()
      try way.project.write(
        "Channels/busy.yaml",
        """
        channel: busy
        source: {mllp: {port: \(busy)}}
        transform: ../Transforms/busy.hilt
        limits: {steps: 200000}
        destinations:
          d: {file: {directory: ../out, name: "{MSH-10}"}}
        """)
      try way.project.write(
        "Transforms/busy.hilt",
        """
        transform busy
          in hl7
          out hl7
        let out = copy msg
        for a in PID-3[*] { for b in PID-3[*] { for c in PID-3[*] { out.PID-19 = "{a.1}{b.1}{c.1}" } } }
        emit out

        """)
      let engine = try await way.project.start()
      let heavy = Sample.adt("BUSY", patient: (1...400).map { "\($0)" }.joined(separator: "~"))
      let began = ContinuousClock.now
      #expect(try await send([heavy, Sample.adt("LIGHT")], to: busy).isAllAccepted)
      #expect(ContinuousClock.now - began < .seconds(10))
      #expect(try await send([Sample.adt("OTHER")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      try await way.project.drained()
      let failed = try await way.project.messages(.failed)
      #expect(failed.count == 1 && failed[0].reason?.contains("steps") == true, "\(failed)")
      #expect(failed[0].reason?.contains("busy.hilt:5") == true)
      #expect(way.project.names(in: "out") == ["LIGHT"])
      #expect(engine.memoryBytes < 200 << 20)
    }

    @Test func `a transform that makes a text grow without end fails, and memory is given back`() async throws {
      let way = try await OneWay.make(channel: "transform: ../Transforms/grow.hilt\nlimits: {steps: 100000}")
      try way.project.write(
        "Transforms/grow.hilt",
        """
        transform grow
          in hl7
          out hl7
        let out = copy msg
        for a in PID-3[*] { out.PID-19 = "{out.PID-19}{out.PID-19}{a.1}" }
        emit out

        """)
      let engine = try await way.project.start()
      let before = engine.memoryBytes
      let heavy = Sample.adt("GROW", patient: (1...100).map { "\($0)" }.joined(separator: "~"))
      #expect(try await send([heavy, Sample.adt("LIGHT")], to: way.port).isAllAccepted)
      #expect(try await way.project.messages(.failed).count == 1)
      try await way.partner.waits(for: 1)
      #expect(engine.memoryBytes < before + 150 << 20, "\(engine.memoryBytes >> 20) MiB")
    }

    @Test func `a message that crashes it twice is stored as failed, and everything else goes on`() async throws {
      let way = try await OneWay.make(channel: "transform: ../Transforms/adt.hilt")
      try way.project.write("Transforms/adt.hilt", "transform adt\n  in hl7\n  out hl7\nemit msg\n")
      let trap = ["HILUM_FAILPOINT": "in-pipeline=POISON"]
      for crash in 1...2 {
        let engine = try await way.project.start(environment: trap)
        let report = try await send([Sample.adt("GOOD-\(crash)"), Sample.adt("POISON")], to: way.port) {
          $0.timeout = .seconds(10)
        }
        #expect(report.count(.AA) == 1 && report.count(.connectionLost) == 1, "\(report)")
        guard case .signalled? = await engine.launch.ending(within: 30) else {
          Issue.record("the engine did not trap at crash \(crash)")
          return
        }
      }
      try await way.project.start(environment: trap)

      let report = try await send([Sample.adt("POISON"), Sample.adt("GOOD-3")], to: way.port)
      #expect(report.count(.AA) == 2, "the sender is rid of it: \(report)")
      try await way.project.drained()
      // What was at the partner when the engine died came again.
      #expect(way.partner.got.filter { $0.occurrence == 1 }.map(\.controlID) == ["GOOD-1", "GOOD-2", "GOOD-3"])
      let failed = try await way.project.messages(.failed)
      #expect(failed.count == 1 && failed[0].reason?.contains("crashed the engine") == true, "\(failed)")
      let raw = try await way.project.hilum("messages", "export", failed[0].id)
      #expect(raw.output == String(decoding: Sample.adt("POISON"), as: UTF8.self))

      // Mended, it is tried again because a person says so.
      try await way.project.restart()
      #expect(try await way.project.hilum("failed", "retry", failed[0].id).status == 0)
      try await eventually("it is delivered") { way.partner.controlIDs.last == "POISON" }
      _ = try await way.project.ledger("adt")
    }

    @Test func `an answer that crashes it twice makes its delivery dead, and what is behind it goes on`() async throws {
      let way = try await OneWay.make()
      let trap = ["HILUM_FAILPOINT": "in-answer"]
      let first = try await way.project.start(environment: trap)
      #expect(try await send([Sample.adt("BAD-ANSWER")], to: way.port).isAllAccepted)
      guard case .signalled? = await first.launch.ending(within: 30) else { throw WayError("the engine did not trap") }
      let second = try way.project.launch(environment: trap)
      guard case .signalled? = await second.launch.ending(within: 30) else {
        throw WayError("the engine did not trap again")
      }
      try await way.project.start()
      #expect(try await send([Sample.adt("NEXT")], to: way.port).isAllAccepted)
      try await eventually("the next one is delivered") { way.partner.controlIDs.contains("NEXT") }
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["BAD-ANSWER", "BAD-ANSWER", "NEXT"])
      let dead = try await way.project.dead()
      #expect(dead.count == 1 && dead[0].summary?.contains("crashed the engine") == true, "\(dead)")
    }

    @Test func `a message that the machine was stopped with is not taken for one that crashed it`() async throws {
      let way = try await OneWay.start()
      for round in 1...3 {
        #expect(try await send([Sample.adt("SAME")], to: way.port).isAllAccepted)
        #expect(try await send([Sample.adt("KILLED-\(round)")], to: way.port).isAllAccepted)
        await way.project.running?.kill()
        try await way.project.start()
      }
      #expect(try await send([Sample.adt("SAME")], to: way.port).isAllAccepted)
      #expect(try await way.project.messages(.failed).isEmpty)
    }
  }
}
