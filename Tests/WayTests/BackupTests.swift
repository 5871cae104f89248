import Admin
import Engine
import Foundation
import Glibc
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A backup` {
    private func messages(_ name: String, _ count: Int) -> [[UInt8]] {
      (0..<count).map { Sample.adt("\(name)-\($0)") }
    }

    private func mode(_ path: String) -> UInt32 {
      var status = stat()
      return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// The machine is lost; what there is of it is the backup, and a copy of the key.
    private func restore(_ way: OneWay, _ file: String = "kept.tar") async throws {
      let project = way.project
      await project.running?.kill()
      try FileManager.default.moveItem(atPath: project.path("data"), toPath: project.path("lost"))
      let keyless = try await project.hilum("restore", file)
      #expect(keyless.status == 1 && keyless.errors.contains("data/keys/master.key"), "\(keyless)")
      #expect(!FileManager.default.fileExists(atPath: project.path("data")), "nothing was put in place")
      let restored = try await project.hilum("restore", file, "--key", "lost/keys/master.key")
      #expect(restored.status == 0, "\(restored)")
    }

    @Test func `that was made under load is whole; restored, nothing of it is sent before its release`() async throws {
      let way = try await OneWay.make()
      try way.project.write("hilum.yaml", "site: ward\n")
      try await way.project.start()
      #expect(try await send(messages("DONE", 20), to: way.port).isAllAccepted)
      try await way.project.drained()
      try await way.project.hilum("lane", "pause", "adt/ehr")
      #expect(try await send(messages("WAITS", 30), to: way.port).isAllAccepted)
      let load = Task { try await send(messages("LOAD", 400), to: way.port) }

      let made = try await way.project.hilum("backup", "kept.tar")

      #expect(made.status == 0 && made.output.contains("ward as of"), "\(made)")
      #expect(made.output.contains("keep that key elsewhere"))
      #expect(mode(way.project.path("kept.tar")) == 0o600)
      #expect(try await load.value.isAllAccepted)
      #expect(try await way.project.hilum("backup", "--verify", "kept.tar").status == 0)
      // What the backup knows as waiting is delivered after it.
      try await way.project.hilum("lane", "resume", "adt/ehr")
      try await way.partner.waits(for: 450)
      try await way.project.drained()

      try await restore(way)
      try await way.project.start()
      let before = way.partner.got.count
      let status = try await way.project.hilum("status")
      #expect(status.output.contains("nothing is sent: the store comes from a backup of ward"), "\(status)")
      #expect(status.output.contains("held until hilum release"))
      #expect(try await way.project.problemsOfTheLedger() == [])
      let lane = try #require(try await way.project.ledger("adt").lanes.first)
      #expect(lane.delivered == 20 && lane.waiting >= 30)

      // Whatever else a person does, nothing goes.
      try await way.project.hilum("lane", "resume", "adt/ehr")
      try await way.project.hilum("start", "adt")
      let sent = try #require(try await way.project.messages(.routed).min { $0.id < $1.id })
      #expect(try await way.project.hilum("resend", sent.id).status == 0)
      #expect(try await send(messages("AFTER", 1), to: way.port).isAllAccepted, "it is taken, and waits")
      await way.project.running?.kill()
      try await way.project.start()
      #expect(try await way.project.lane("adt/ehr").awaitsRelease)
      #expect(try await way.project.lane("adt/ehr").waiting == lane.waiting + 2)
      #expect(way.partner.got.count == before)

      let shown: ReleaseOverview = try await way.project.json("release")
      #expect(shown.hold?.copy?.site == "ward")
      #expect(shown.lanes.map(\.partner) == ["mllp 127.0.0.1:\(way.partner.port)"])
      #expect(shown.lanes[0].waiting == lane.waiting + 2 && shown.lanes[0].possiblySent >= lane.waiting)
      let words = try await way.project.hilum("release")
      #expect(words.output.contains("hilum release --yes"), "\(words)")
      #expect(way.partner.got.count == before)

      #expect(try await way.project.hilum("release", "--yes").status == 0)
      try await way.partner.waits(for: before + lane.waiting + 2)
      try await way.project.drained()
      let again = way.partner.controlIDs.dropFirst(before)
      #expect(again.prefix(30).elementsEqual((0..<30).map { "WAITS-\($0)" }), "in their order")
      #expect(again.suffix(1) == ["AFTER-0"])
      #expect(try await way.project.problemsOfTheLedger() == [])
      #expect(try await way.project.hilum("release").output.contains("Nothing is held: nothing is to be released"))
      try await way.project.restart()
      #expect(try await way.project.status().hold == nil)
    }

    @Test func `is not made where its engine dies: no file has its name, and the next one is made`() async throws {
      let way = try await OneWay.make()
      let engine = try await way.project.start(environment: ["HILUM_FAILPOINT": "in-backup:1"])
      #expect(try await send(messages("M", 300), to: way.port).isAllAccepted)
      let failed = try await way.project.hilum("backup", "kept.tar")
      #expect(failed.status == 1 && failed.errors.contains("No backup was made"), "\(failed)")
      #expect(await engine.launch.ending(within: 10) == .signalled(SIGKILL))
      #expect(way.project.names(in: ".").filter { $0.hasPrefix("kept") } == [])
      try await way.project.start()
      #expect(!way.project.names(in: "data").contains("backup.part"))
      #expect(try await way.project.hilum("backup", "kept.tar").status == 0)
      #expect(try await way.project.problemsOfTheLedger() == [])
    }

    @Test func `whose restore is killed leaves no store that an engine would start with`() async throws {
      let way = try await OneWay.start()
      #expect(try await send(messages("M", 3), to: way.port).isAllAccepted)
      #expect(try await way.project.hilum("backup", "kept.tar").status == 0)
      let words = ["restore", "kept.tar", "--into", "copy", "--key", "data/keys/master.key"]
      let killed = try await way.project.run(["env", "HILUM_FAILPOINT=in-restore:1", Project.binary] + words)
      #expect(killed.status == 128 + SIGKILL, "\(killed)")
      let engine = try way.project.launch(["--data", "copy"])
      #expect(await engine.launch.ending(within: 20) == .exited(1))
      #expect(engine.launch.errors.contains("was not finished"), "\(engine.launch.errors)")
      let again = try await way.project.run([Project.binary] + words)
      #expect(again.status == 0, "\(again)")
      // It had its key before its store had a name, and the engine that was refused made none.
      #expect(way.project.read("copy/keys/master.key") == way.project.read("data/keys/master.key"))
      #expect(way.project.names(in: "copy/keys") == ["master.key"])
      #expect(try await way.project.run([Project.binary] + words).errors.contains("holds a store already"))
    }

    @Test(.enabled(if: Tools.canMount, "only root can mount a small disk"))
    func `that its disk has no room for leaves nothing there, and the engine goes on`() async throws {
      let disk = try SmallDisk(megabytes: 1)
      let way = try await OneWay.start()
      #expect(try await send(messages("M", 2000), to: way.port) { $0.connections = 8 }.isAllAccepted)
      let failed = try await way.project.hilum("backup", disk.folder + "/kept.tar")
      #expect(failed.status == 1 && failed.errors.contains("KiB free"), "\(failed)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk.folder) == [])
      #expect(try await send(messages("AFTER", 1), to: way.port).isAllAccepted)
      #expect(try await way.project.hilum("backup", "kept.tar").status == 0, "nothing of it is left over")
    }

    @Test func `replaces a backup and nothing else`() async throws {
      let way = try await OneWay.start()
      let project = way.project
      try project.write("notes.txt", "mine")
      try project.write("busy.tar.part", "mine too")
      try project.write("empty.tar", "")
      try project.makeFolder("folder")
      try FileManager.default.createSymbolicLink(atPath: project.path("link.tar"), withDestinationPath: "empty.tar")
      try FileManager.default.createSymbolicLink(atPath: project.path("beside"), withDestinationPath: "data")
      for (file, word) in [
        ("notes.txt", "no backup"), ("busy.tar", "busy.tar.part is a file that is no backup"), ("folder", "a folder"),
        ("link.tar", "a symbolic link"), ("/dev/null", "a device"), ("data/kept.tar", "data folder"),
        ("beside/keys/kept.tar", "data folder"),
      ] {
        let refused = try await project.hilum("backup", file)
        #expect(refused.status == 1 && refused.errors.contains(word), "\(file): \(refused)")
      }
      #expect(project.read("notes.txt") == Array("mine".utf8))
      #expect(project.read("busy.tar.part") == Array("mine too".utf8))
      #expect(try await project.hilum("backup", "empty.tar").status == 0)
      #expect(try await project.hilum("backup", "empty.tar").status == 0, "a former backup is replaced")
      await project.running?.kill()
      try FileManager.default.removeItem(atPath: project.path("data/keys/master.key"))
      let engine = try project.launch([])
      #expect(await engine.launch.ending(within: 20) == .exited(1))
      #expect(engine.launch.errors.contains("There is no key in"), "\(engine.launch.errors)")
      #expect(project.names(in: "data/keys") == [])
    }

    @Test func `that is damaged or cut off is refused, and the folder stays as it was`() async throws {
      let way = try await OneWay.start()
      #expect(try await send(messages("M", 3), to: way.port).isAllAccepted)
      #expect(try await way.project.hilum("backup", "kept.tar").status == 0)
      var bytes = way.project.read("kept.tar")
      bytes[bytes.count / 2] ^= 1
      try way.project.write("bad.tar", bytes)
      try way.project.write("short.tar", Array(bytes.prefix(bytes.count / 3)))
      for file in ["bad.tar", "short.tar"] {
        #expect(try await way.project.hilum("backup", "--verify", file).status == 1)
        let refused = try await way.project.hilum("restore", file, "--into", "copy", "--key", "data/keys/master.key")
        #expect(refused.status == 1 && refused.errors.contains(file), "\(refused)")
        #expect(!FileManager.default.fileExists(atPath: way.project.path("copy")))
      }
      let refused = try await way.project.hilum("restore", "kept.tar")
      #expect(refused.status == 1 && refused.errors.contains("data holds a store already"), "\(refused)")
    }
  }

  @Suite struct `A store of another site` {
    @Test func `sends nothing and fetches nothing before its release, lane by lane`() async throws {
      let way = try await OneWay.make()
      let project = way.project
      try project.write("hilum.yaml", "site: prod\n")
      try await project.start()
      #expect(await project.running?.stop() == .exited(0))
      try project.write("hilum.yaml", "site: trial\n")
      try await project.start()
      #expect(try await send([Sample.adt("ONE")], to: way.port).isAllAccepted)
      // A channel that comes while the store is held.
      try project.write(
        "Channels/drop.yaml",
        """
        channel: drop
        source: {file: {directory: ../in}}
        format: hl7v2
        destinations:
          folder: {file: {directory: ../out, name: "{MSH-10}.hl7"}}
        """)
      try project.write("in/two.hl7", Sample.adt("TWO"))
      #expect(try await project.hilum("deploy").status == 0)
      let status = try await project.hilum("status")
      #expect(status.output.contains("the store is that of prod, and this is trial"), "\(status)")
      #expect(status.output.contains("it fetches nothing before hilum release"), "\(status)")
      #expect(project.names(in: "in").contains("two.hl7") && way.partner.got.isEmpty)

      #expect(try await project.hilum("release", "--yes", "adt/nobody").status == 1)
      #expect(try await project.hilum("release", "--yes", "adt/ehr").status == 0)
      try await way.partner.waits(for: 1)
      try await project.restart()
      #expect(try await project.lane("drop/folder").awaitsRelease)
      #expect(try await project.lane("adt/ehr").awaitsRelease == false)
      #expect(project.names(in: "out") == [])

      #expect(try await project.hilum("release", "--yes", "drop").status == 0)
      try await eventually("the file is fetched and goes out") { project.names(in: "out") == ["TWO.hl7"] }
      #expect(try await project.status().hold == nil, "the last lane releases the store")
      try await project.restart()
      #expect(try await project.status().hold == nil)
      #expect(await project.running?.stop() == .exited(0))
      try project.write("hilum.yaml", "site: prod\n")
      try await project.start()
      #expect(try await project.status().hold?.site?.store == "trial")
      #expect(try await project.problemsOfTheLedger() == [])
    }

    @Test func `is not released as a whole while something waits in a channel that isn't at work`() async throws {
      let way = try await OneWay.make()
      let project = way.project
      try project.write("hilum.yaml", "site: prod\n")
      try await project.start()
      try await project.hilum("lane", "pause", "adt/ehr")
      #expect(try await send([Sample.adt("ONE")], to: way.port).isAllAccepted)
      #expect(await project.running?.stop() == .exited(0))
      try FileManager.default.moveItem(atPath: project.path("Channels/adt.yaml"), toPath: project.path("adt.kept"))
      try project.write("hilum.yaml", "site: trial\n")
      try project.write(
        "Channels/drop.yaml",
        """
        channel: drop
        source: {file: {directory: ../in}}
        format: hl7v2
        destinations:
          folder: {file: {directory: ../out, name: "{MSH-10}.hl7"}}
        """)
      try await project.start()
      #expect(try await project.hilum("release", "--yes", "drop").status == 0)
      #expect(try await project.status().hold != nil, "what waits in adt/ehr was not chosen")
      #expect(try await project.lane("drop/folder").awaitsRelease == false)
      #expect(try await project.hilum("release", "--yes").status == 0)
      #expect(try await project.status().hold == nil)
    }
  }
}
