import Admin
import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Numbers that the commit gives` {
    @Test(arguments: ["before-commit", "after-commit"])
    func `killed at a commit, the files are numbered without a gap, in the order in which they came`(
      point: String
    ) async throws {
      let way = try await OneWay.make()
      try way.project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(way.port)}
        destinations:
          out:
            file: {directory: ../out, name: 'lab-{sequence("lab", 4)}.hl7', on-collision: refuse}
            retry: {first: 20ms, factor: 1, longest: 20ms}

        """)
      let ids = (1...60).map { "N\($0)" }
      var sent = 0
      for commit in [2, 3, 4, 6, 8, 11] {
        let engine = try way.project.launch(environment: ["HILUM_FAILPOINT": "\(point):\(commit)"])
        if (try? await engine.ready(within: 20)) != nil {
          let report = try await send(ids[sent..<min(ids.count, sent + 9)].map { Sample.adt($0) }, to: way.port) {
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
      let names = (1...60).map { "lab-" + String(repeating: "0", count: 4 - String($0).count) + "\($0).hl7" }
      #expect(way.project.names(in: "out") == names)
      for (name, id) in zip(names, ids) {
        #expect(Sample.field("MSH", 10, of: way.project.read("out/\(name)")) == id)
      }
      #expect(try await way.project.problemsOfTheLedger() == [])

      // Sent again it is the same file; processed again another.
      let last = try #require(try await way.project.messages().first { $0.state == .routed })
      try FileManager.default.removeItem(atPath: way.project.path("out/\(names[59])"))
      #expect(try await way.project.hilum("resend", last.id).status == 0)
      try await eventually("it is there again") { way.project.names(in: "out") == names }
      #expect(try await way.project.hilum("audit").status == 0)
    }

    @Test func `go on behind what a partner has seen, where a person says so after a restore`() async throws {
      let way = try await OneWay.make()
      try way.project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(way.port)}
        destinations:
          out:
            file: {directory: ../out, name: '{sequence("lab")}.hl7'}

        """)
      try await way.project.start()
      #expect(try await way.project.hilum("sequence").output.contains("adt      lab       0"))
      #expect(try await send((1...3).map { Sample.adt("B\($0)") }, to: way.port).isAllAccepted)
      try await way.project.drained()
      #expect(try await way.project.hilum("backup", "kept.tar").status == 0)
      // What is taken after the backup isn't in it.
      #expect(try await send((4...5).map { Sample.adt("B\($0)") }, to: way.port).isAllAccepted)
      try await way.project.drained()
      await way.project.running?.kill()
      try FileManager.default.moveItem(atPath: way.project.path("data/keys"), toPath: way.project.path("keys"))
      try FileManager.default.removeItem(atPath: way.project.path("data"))
      #expect(
        try await way.project.hilum("restore", "kept.tar", "--into", "data", "--key", "keys/master.key").status == 0)
      try await way.project.start()
      let shown = try await way.project.hilum("release").output
      #expect(shown.contains("hilum sequence set") && shown.contains("adt      lab       3"), "\(shown)")
      #expect(try await way.project.hilum("sequence", "set", "adt", "lab", "5").output.contains("the next number is 6"))
      for (name, word) in [("lab", "a number is never given twice"), ("leb", "it gives lab")] {
        let refused = try await way.project.hilum("sequence", "set", "adt", name, "5")
        #expect(refused.status == 1 && refused.errors.contains(word), "\(refused)")
      }
      #expect(try await send([Sample.adt("B6")], to: way.port).isAllAccepted)
      #expect(try await way.project.hilum("release", "--yes").output.contains("what waits is sent"))
      try await way.project.drained()
      #expect(way.project.names(in: "out") == (1...6).map { "\($0).hl7" })
      // Nothing is held any more, and that is what it says.
      for names in [[], ["adt"], ["adt/out"]] {
        let again = try await way.project.run([Project.binary, "release", "--yes"] + names)
        #expect(again.status == 0 && again.output.contains("nothing is to be released"), "\(again)")
      }
    }
  }
}
