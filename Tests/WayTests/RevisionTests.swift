import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Channel files that are wrong` {
    /// Nothing is changed: the channel takes and delivers as before.
    private func refuses(_ way: OneWay, _ id: String, saying words: String) async throws {
      let before: [RevisionShown] = try await way.project.json("revisions")
      let result = try await way.project.hilum("deploy")
      #expect(result.status == 1 && result.output.contains(words), "\(result)")
      #expect(try await way.project.json("revisions", as: [RevisionShown].self) == before)
      #expect(try await send([Sample.adt(id)], to: way.port).isAllAccepted)
      try await eventually("\(id) is delivered") { way.partner.controlIDs.contains(id) }
    }

    @Test func `are all shown, as hilum check does, and nothing is changed`() async throws {
      let way = try await OneWay.start()
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing("timeout: 2s", with: "timeout: soon"))
      try way.project.write("Channels/other.yaml", "channel: other\nsource: {mllp: {prt: 1}}\n")
      let check = try await way.project.hilum("check")
      let problems = check.output.split(separator: "\n").dropLast().joined(separator: "\n")
      try await refuses(way, "W1", saying: problems)
      #expect(problems.contains("C102") && problems.contains("adt.yaml") && problems.contains("other.yaml"))
    }

    @Test func `because they are half written, have 10 MB or are gone with their folder change nothing`() async throws {
      let way = try await OneWay.start()
      let file = way.project.read("Channels/adt.yaml")
      // Cut anywhere a file is refused, or takes a lane away, or is another channel's; here with a key that is cut.
      let cut = String(decoding: file, as: UTF8.self).range(of: "host:").map {
        Array(String(decoding: file, as: UTF8.self)[..<$0.upperBound].utf8)
      }
      try way.project.write("Channels/adt.yaml", try #require(cut))
      try await refuses(way, "Y1", saying: "nothing was changed")
      try way.project.write("Channels/adt.yaml", file + [UInt8](repeating: 0x23, count: 10 << 20))
      try await refuses(way, "Y2", saying: "C115")
      try FileManager.default.moveItem(atPath: way.project.path("Channels"), toPath: way.project.path("Elsewhere"))
      try await refuses(way, "Y3", saying: "does not exist")
      let engine = try #require(way.project.running)
      #expect(engine.memoryBytes < 300 << 20)
    }

    @Test func `two deployments at once go one after the other, and one during a stop changes nothing`() async throws {
      let way = try await OneWay.start(destination: ", timeout: 60s")
      let project = way.project
      let file = String(decoding: project.read("Channels/adt.yaml"), as: UTF8.self)
      try project.write("Channels/adt.yaml", file.replacing("timeout: 60s", with: "timeout: 61s"))
      async let first: DeploymentReport = project.json("deploy")
      async let second: DeploymentReport = project.json("deploy")
      let outcomes = try await [first, second].compactMap { $0.channels.first?.outcome.rawValue }
      #expect(outcomes.sorted() == ["changed", "unchanged"])

      way.partner.answer(ReceiverBehaviour(.none))
      #expect(try await send([Sample.adt("Z1")], to: way.port).isAllAccepted)
      try await way.partner.waits(for: 1)
      let engine = try #require(project.running)
      engine.launch.signal(SIGTERM)
      try await eventually("it is stopping") { project.log.contains("Stopping.") }
      try project.write("Channels/adt.yaml", file)
      let late = try await project.hilum("deploy")
      #expect(late.status == 1 && late.errors.contains("the engine is stopping"), "\(late)")
      #expect(await engine.launch.ending(within: 20) == .exited(0))
    }
  }

  @Suite struct `An earlier revision` {
    private func program(_ way: OneWay, _ word: String) throws {
      try way.project.write(
        "Transforms/mark.hilt",
        "transform mark\n  in  hl7\n  out hl7\n\nlet out = copy msg\nout.MSH-3 = \"\(word)\"\nemit out\n")
    }

    /// What the transform that runs writes.
    private func word(_ way: OneWay, _ id: String) async throws -> String? {
      #expect(try await send([Sample.adt(id)], to: way.port).isAllAccepted)
      try await eventually("\(id) is delivered") { way.partner.controlIDs.contains(id) }
      return way.partner.got.first { $0.controlID == id }.flatMap { Sample.field("MSH", 3, of: $0.bytes ?? []) }
    }

    private func started() async throws -> OneWay {
      let way = try await OneWay.make(channel: "transform: ../Transforms/mark.hilt\n")
      try program(way, "GOOD")
      try await way.project.start()
      try program(way, "BAD")
      #expect(try await way.project.hilum("deploy").status == 0)
      return way
    }

    @Test func `runs again from what was stored, over restarts and deployments, until its files change`() async throws {
      let way = try await started()
      #expect(try await word(way, "R1") == "BAD")
      let back = try await way.project.hilum("rollback", "adt")
      #expect(back.status == 0 && back.output.contains("until they change"), "\(back)")
      #expect(try await word(way, "R2") == "GOOD")
      #expect(try await way.project.hilum("status").output.contains("rolled back to"))
      #expect(String(decoding: way.project.read("Transforms/mark.hilt"), as: UTF8.self).contains("BAD"))

      try await way.project.restart()
      #expect(try await word(way, "R3") == "GOOD")
      let kept = try await way.project.hilum("deploy")
      #expect(kept.status == 0 && kept.output.contains("kept"), "\(kept)")
      #expect(try await word(way, "R4") == "GOOD")

      try program(way, "MENDED")
      #expect(try await way.project.hilum("deploy").status == 0)
      #expect(try await word(way, "R5") == "MENDED")
      let revisions: [RevisionShown] = try await way.project.json("revisions", "adt")
      #expect(revisions.map(\.by) == ["deploy", "rollback", "deploy", "start"])
      #expect(revisions.map(\.runs) == [true, false, false, false])
      #expect(revisions[1].revision == revisions[3].revision)
    }

    @Test func `can be named, and what is on disk is gone forward to in the same way`() async throws {
      let way = try await started()
      let revisions: [RevisionShown] = try await way.project.json("revisions", "adt")
      let newest = try #require(revisions.first?.revision)
      #expect(try await way.project.hilum("rollback", "adt", "ffff0000").status == 1)
      #expect(try await way.project.hilum("rollback", "adt", newest).errors.contains("runs already"))
      #expect(try await way.project.hilum("rollback", "adt").status == 0)
      let forward = try await way.project.hilum("rollback", "adt", String(newest.prefix(8)))
      #expect(forward.output.contains("the files on disk are this revision"), "\(forward)")
      #expect(try await word(way, "N1") == "BAD")
      let difference: DeploymentReport = try await way.project.json("diff")
      #expect(difference.channels.map(\.outcome) == [.unchanged])
    }

    @Test func `runs also where the file on disk has an error, after a restart too`() async throws {
      let way = try await started()
      try way.project.write("Channels/adt.yaml", "channel: adt\nsource:\n")
      #expect(try await way.project.hilum("rollback", "adt").output.contains("have an error or are gone"))
      #expect(try await word(way, "E1") == "GOOD")
      let engine = try #require(way.project.running)
      #expect(await engine.stop() == .exited(0))
      try await way.project.start(someBroken: true)
      #expect(try await word(way, "E2") == "GOOD")
      #expect(try await way.project.status().broken.map(\.name) == ["adt"], "that the file is wrong is still said")
    }
  }
}
