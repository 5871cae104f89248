import Engine
import Partners
import Testing

extension Ways {
  @Suite struct `A lane is moved` {
    @Test func `to a standby: one patient's messages, then all, in order and over a kill`() async throws {
      let standby = try await Partner.start()
      let way = try await OneWay.make(
        lane: """
          retry: {first: 20ms, factor: 1, longest: 20ms}
            standby:
              mllp: {host: 127.0.0.1, port: \(standby.port), timeout: 2s}
              when: MSH-10 == "NEVER"
            folder:
              file: {directory: ../out, name: "{MSH-10}.hl7"}
              when: MSH-10 == "NEVER"
            asked:
              mllp: {host: 127.0.0.1, port: \(standby.port), timeout: 2s}
              when: MSH-10 == "NEVER"
              ask: {within: 2s}
              reply: ../Transforms/answer.hilt
          """, channel: "columns: {mrn: \"PID-3[1].1\"}")
      let project = way.project
      try project.write("Transforms/answer.hilt", "transform answer\n  in  hl7\n  out hl7\n\nanswer msg\n")
      try await project.start()
      try await project.hilum("lane", "pause", "adt/ehr")
      try await project.hilum("lane", "pause", "adt/standby")
      let messages = (0..<20).map { Sample.adt("M-\($0)", patient: $0 % 5 == 0 ? "seldom" : "often") }
      #expect(try await send(messages, to: way.port).isAllAccepted)

      let some = try await project.hilum("lane", "move", "adt/ehr", "--to", "standby", "--where", "mrn=seldom")
      #expect(some.output.contains("4 moved to standby"), "\(some)")
      #expect(try await project.hilum("lane", "move", "adt/ehr", "--to", "standby", "--where", "nix=1").status == 1)
      #expect(try await project.hilum("lane", "move", "adt/ehr", "--to", "standby").status == 2)
      let other = try await project.hilum("lane", "move", "adt/ehr", "--to", "folder", "--all")
      #expect(other.status == 1 && other.errors.contains("hilum reprocess"), "\(other)")
      for words in [["adt/ehr", "--to", "asked"], ["adt/asked", "--to", "ehr"]] {
        let refused = try await project.run([Project.binary, "lane", "move"] + words + ["--all"])
        #expect(refused.status == 1 && refused.errors.contains("asked once and not queued"), "\(refused)")
      }
      let channel = String(decoding: project.read("Channels/adt.yaml"), as: UTF8.self)
      try project.write("Channels/adt.yaml", channel.replacing("  ehr:", with: "  renamed:"))
      let deployed = try await project.hilum("deploy", "--waiting", "move:asked")
      #expect(deployed.status != 0 && "\(deployed)".contains("asked once and not queued"), "\(deployed)")
      try project.write("Channels/adt.yaml", channel)
      #expect(try await project.lane("adt/ehr").waiting == 16)
      #expect(
        try await project.hilum("lane", "move", "adt/ehr", "--to", "standby", "--all").output.contains("16 moved"))
      #expect(try await project.problemsOfTheLedger() == [])
      await project.running?.kill()
      try await project.start()

      #expect(try await project.lane("adt/ehr").waiting == 0)
      try await project.hilum("lane", "resume", "adt/standby")
      try await standby.waits(for: 20)
      let numbers = (0..<20).filter { $0 % 5 == 0 } + (0..<20).filter { $0 % 5 != 0 }
      #expect(standby.controlIDs == numbers.map { "M-\($0)" })
      #expect(way.partner.got.isEmpty)
      try await project.drained()
      #expect(try await project.problemsOfTheLedger() == [])
    }
  }
}
