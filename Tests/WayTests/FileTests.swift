import Engine
import Foundation
import Glibc
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Through folders` {
    private func start(source: String = "", name: String = "{MSH-10}.hl7", channel: String = "") async throws -> Project
    {
      let project = try Project()
      try project.write(
        "Channels/drop.yaml",
        """
        channel: drop
        source:
          file: {directory: ../in, poll: 100ms\(source)}
        format: hl7v2
        destinations:
          out:
            file: {directory: ../out, name: "\(name)"}
            retry: {first: 20ms, factor: 1, longest: 50ms}
        \(channel)

        """)
      try await project.start()
      return project
    }

    @Test func `a file that grows is taken when it is whole, once`() async throws {
      let project = try await start(source: ", complete: {by: stable, settle: 400ms}")
      let message = Sample.adt("GROWS", more: (1...20).map { "NTE|\($0)|L|line" })
      for end in stride(from: 20, to: message.count, by: 60) {
        try project.write("in/a.hl7", Array(message[..<end]))
        try await Task.sleep(for: .milliseconds(50))
      }
      try project.write("in/a.hl7", message)
      try await eventually("it is there") { project.names(in: "out") == ["GROWS.hl7"] }
      #expect(project.read("out/GROWS.hl7") == message)
      try await eventually("it is put away") { project.names(in: "in/done") == ["a.hl7"] }
      try await project.drained()
      #expect(try await project.ledger("drop").received == 1)
    }

    @Test func `a file that is refused has the reason and the message's id beside it`() async throws {
      let project = try await start(source: ", complete: {by: rename}")
      try project.write("aside.hl7", "no HL7\r")
      #expect(rename(project.path("aside.hl7"), project.path("in/bad.hl7")) == 0)
      try await eventually("it is set aside") { !project.read("in/failed/bad.hl7.reason.txt").isEmpty }
      let reason = String(decoding: project.read("in/failed/bad.hl7.reason.txt"), as: UTF8.self)
      let record = try #require(try await project.messages(.rejected).first)
      #expect(
        reason.contains("message 1: AR 207, kept as \(record.id): this is not an HL7 v2 message that can be read"),
        "\(reason)")
      #expect(try await project.hilum("why", record.id).status == 0)
    }

    @Test func `names and kinds that are dangerous are neither followed nor executed, and the rest goes on`()
      async throws
    {
      let project = try await start(source: ", complete: {by: rename}")
      try project.write("secret.hl7", Sample.adt("SECRET"))
      symlink(project.path("secret.hl7"), project.path("in/link.hl7"))
      mkfifo(project.path("in/pipe.hl7"), 0o600)
      mkdir(project.path("in/folder.hl7"), 0o700)
      let names: [[UInt8]] = [
        Array("line\nbreak.hl7".utf8), Array("; touch owned;.hl7".utf8), Array("a..%2f..%2fup.hl7".utf8),
        [0xFF, 0xFE, 0x41] + Array(".hl7".utf8),
        Array("$(touch owned).hl7".utf8),
      ]
      for (number, name) in names.enumerated() {
        try project.write("aside.hl7", Sample.adt("NAME-\(number)"))
        let path = (Array(project.path("in").utf8) + [0x2F] + name).map { CChar(bitPattern: $0) } + [0]
        #expect(rename(project.path("aside.hl7"), path) == 0)
      }
      try await eventually("the files are there") { project.names(in: "out").count == names.count }
      #expect(Set(project.names(in: "out")) == Set(names.indices.map { "NAME-\($0).hl7" }))
      #expect(!project.names(in: "").contains("owned") && !project.names(in: "in").contains("owned"))
      #expect(project.log.split(separator: "\n").allSatisfy { $0.hasPrefix("20") }, "each record is one line")
      #expect(try await project.ledger("drop").received == names.count)
      let engine = try #require(project.running)
      #expect(await engine.stop() == .exited(0))
    }

    @Test func `what a field says never leaves the folder, and no file is overwritten`() async throws {
      let project = try await start(source: ", complete: {by: rename}", name: "{PID-5[1].1.1}.hl7")
      let names = [
        "../../escaped", "/etc/owned", "a/b", "..", ".", "nul\u{0}byte", "x;rm -rf x",
        String(repeating: "long", count: 200), "same", "same",
      ]
      for (number, name) in names.enumerated() {
        try project.write("aside.hl7", Sample.adt("F\(number)", name: name + "^X"))
        #expect(rename(project.path("aside.hl7"), project.path("in/\(100 + number).hl7")) == 0)
      }
      try await eventually("all are decided") {
        let ledger = try await project.ledger("drop")
        return ledger.lanes[0].waiting == 0 && ledger.received == names.count
      }
      let lane = try await project.ledger("drop").lanes[0]
      #expect(lane.delivered + lane.dead == names.count)
      let written = FileManager.default.enumerator(atPath: project.path("out"))?.allObjects as? [String] ?? []
      #expect(written.count == lane.delivered, "\(written)")
      #expect(written.filter { $0.hasPrefix("same") }.count == 2)
      #expect(
        !FileManager.default.fileExists(atPath: project.path("escaped.hl7"))
          && !FileManager.default.fileExists(atPath: "/etc/owned.hl7"))
    }

    @Test func `a folder that can't be written to holds the lane, and when it can everything comes in order`()
      async throws
    {
      let project = try await start(source: ", complete: {by: rename}")
      #expect(rename(project.path("out"), project.path("elsewhere")) == 0)
      for number in 1...5 {
        try project.write("aside.hl7", Sample.adt("W\(number)"))
        #expect(rename(project.path("aside.hl7"), project.path("in/\(number).hl7")) == 0)
      }
      try await eventually("they wait, and the lane says why") {
        let lane = try await project.lane("drop/out")
        return lane.waiting == 5 && lane.unreachable != nil
      }
      #expect(rename(project.path("elsewhere"), project.path("out")) == 0)
      try await project.drained()
      #expect(project.names(in: "out").count == 5)
      #expect(try await project.ledger("drop").lanes[0].delivered == 5)
    }

    @Test func `killed while it reads and writes, each file is taken once and written once, whole`() async throws {
      let project = try await start(source: ", complete: {by: rename}, after: delete")
      var expected: [String: [UInt8]] = [:]
      let generator = MessageGenerator(seed: 58)
      for round in 0..<5 {
        for number in 0..<40 {
          let message = generator.message(round * 40 + number)
          let id = generator.controlID(round * 40 + number)
          expected[id + ".hl7"] = message
          try project.write("aside.hl7", message)
          #expect(rename(project.path("aside.hl7"), project.path("in/\(id)")) == 0)
        }
        try await Task.sleep(for: .milliseconds(round * 40))
        await project.running?.kill()
        try await project.start()
      }
      try await eventually(within: 40, "all are written") {
        project.names(in: "out").count >= 200 && project.names(in: "in").filter { $0.hasPrefix("HB") }.isEmpty
      }
      try await project.drained()
      #expect(Set(project.names(in: "out")) == Set(expected.keys))
      for (name, message) in expected { #expect(project.read("out/" + name) == message) }
      let ledger = try await project.ledger("drop")
      #expect(ledger.routed == 200)
    }
  }
}
