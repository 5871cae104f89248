import DICOM
import Engine
import Foundation
import Glibc
import Partners
import Store
import Synchronization
import Testing

extension Ways {
  @Suite struct `When the disk fails` {
    @Test(.enabled(if: Tools.canInject, "strace is not there or may not trace"))
    func `to sync, the engine ends on purpose, and everything acknowledged is there after a start`() async throws {
      let trial = try await Trial(seed: 9)
      let engine = try await trial.project.start()
      let load = Task { try await trial.load(count: 1500, rate: 500) }
      try await eventually("it flows") { trial.acknowledgedCount > 200 }

      let injection = try await Injection("fdatasync:error=EIO", "fsync:error=EIO", into: engine, of: trial.project)

      #expect(await engine.launch.ending(within: 20) == .exited(1))
      await injection.end()
      trial.incident("EIO")
      #expect(
        trial.project.log.contains("Stopping.") && trial.project.log.contains("disk I/O error"),
        "\(trial.project.log.suffix(600))")
      try await trial.project.start()
      #expect(try await load.value.isAllAccepted)
      #expect(try await trial.finish() == [])
    }

    @Test(.enabled(if: Tools.canInject, "strace is not there or may not trace"))
    func `with no room at the commit, nobody is answered, and it goes on by itself when there is room`() async throws {
      let trial = try await Trial(seed: 10)
      let engine = try await trial.project.start()
      let load = Task { try await trial.load(count: 600, rate: 300) }
      try await eventually("it flows") { trial.acknowledgedCount > 50 }

      let injection = try await Injection(
        "pwrite64:error=ENOSPC", into: engine, of: trial.project, on: trial.project.path("data/hilum.db-wal"))
      let wire = try await Wire.connect(to: trial.port)
      #expect(try await wire.exchange(Sample.adt("NO-ROOM")) == .closed, "neither AR nor anything else")
      #expect(engine.launch.isRunning)
      #expect(try await trial.project.status().store.contains("full") || trial.project.log.contains("full"))
      await injection.end()

      #expect(try await load.value.isAllAccepted)
      #expect(try await trial.finish() == [])
    }

    @Test(.enabled(if: Tools.canMount, "only root can mount a small disk"))
    func `is full, nothing is taken, everything else works, and it recovers when space returns`() async throws {
      let disk = try SmallDisk(megabytes: 420)
      let trial = try await Trial(seed: 11, in: disk.folder)
      let engine = try await trial.project.start()
      let load = Task { try await trial.load(count: 600, rate: 200) }
      try await eventually("it flows") { trial.acknowledgedCount > 50 }

      let filling = try disk.fill()
      try await eventually("nothing is taken") { try await trial.project.status().store != "open" }
      let wire = try await Wire.connect(to: trial.port)
      #expect(try await wire.exchange(Sample.adt("NO-ROOM")) == .closed, "neither AR nor anything else")
      #expect(try await trial.project.hilum("audit").status == 0)
      #expect(engine.launch.isRunning)
      unlink(filling)
      try await eventually("it takes again") { try await trial.project.status().store == "open" }

      #expect(try await load.value.isAllAccepted)
      #expect(try await trial.finish() == [])
    }

    @Test(.enabled(if: Tools.canInject, "strace is not there or may not trace"))
    func `has no room and the engine is stopped: it ends in bounded time, and nothing is lost`() async throws {
      let trial = try await Trial(seed: 13)
      let engine = try await trial.project.start()
      let load = Task { try await trial.load(count: 400, rate: 300) }
      try await eventually("it flows") { trial.acknowledgedCount > 50 }
      let injection = try await Injection(
        "pwrite64:error=ENOSPC", into: engine, of: trial.project, on: trial.project.path("data/hilum.db-wal"))
      try await eventually("it has no room") { trial.project.log.contains("is full") }

      #expect(await engine.stop(within: 25) == .exited(0), "\(engine.launch.errors.suffix(400))")
      await injection.end()
      trial.incident("stopped on a full disk")
      try await trial.project.start()
      #expect(try await load.value.isAllAccepted)
      #expect(try await trial.finish() == [])
    }

    @Test(.enabled(if: Tools.isRoot, "only root can make the device that is always full"))
    func `has no room for the log, the engine goes on`() async throws {
      let way = try await OneWay.make()
      try way.project.makeFolder("data")
      try #require(mknod(way.project.path("data/hilum.log"), S_IFCHR | 0o600, 0x107) == 0)
      try await way.project.start(["--quiet"])
      #expect(try await send((0..<20).map { Sample.adt("LOG-\($0)") }, to: way.port).isAllAccepted)
      try await way.partner.waits(for: 20)
      #expect(await way.project.running?.stop() == .exited(0))
    }

    @Test(.enabled(if: Tools.canInject, "strace is not there or may not trace"))
    func `takes 300 ms for each sync, all is slower and nothing else`() async throws {
      let trial = try await Trial(seed: 12)
      let engine = try await trial.project.start()
      let injection = try await Injection("fdatasync:delay_enter=300000", into: engine, of: trial.project)
      let report = try await trial.load(count: 60, connections: 12)
      #expect(report.isAllAccepted && report.connectionsLost == 0, "\(report)")
      #expect(report.latency.summary.p50 > 300)
      await injection.end()
      #expect(try await trial.finish() == [])
    }

    @Test(.enabled(if: Tools.has("python3"), "python3 is not there"))
    func
      `is fine and another program holds the store's file: nobody is answered wrongly, and it goes on later`()
      async throws
    {
      let way = try await OneWay.start()
      #expect(try await send([Sample.adt("B0")], to: way.port).isAllAccepted)
      let holder = try Launch(
        [
          "python3", "-c",
          "import sqlite3,time; c=sqlite3.connect('data/hilum.db',isolation_level=None); "
            + "c.execute('BEGIN IMMEDIATE'); print('held',flush=True); time.sleep(60)",
        ], in: way.project.folder, output: way.project.path("holder.out"), errors: way.project.path("holder.err"))
      try await eventually("it is held: \(holder.errors)") { holder.output.contains("held") }

      let wire = try await Wire.connect(to: way.port)
      #expect(try await wire.exchange(Sample.adt("B1")) == .closed)
      await holder.kill()

      #expect(try await send([Sample.adt("B1"), Sample.adt("B2")], to: way.port) { $0.resend = .init() }.isAllAccepted)
      #expect(try await way.partner.waits(for: 3).map(\.controlID) == ["B0", "B1", "B2"])
      try await way.project.drained()
      #expect(try await way.project.ledger("adt").routed == 3)
    }

    @Test(arguments: [false, true])
    func `loses the store's file while the engine runs: it stops answering and ends with a reason`(
      replaced: Bool
    ) async throws {
      let way = try await OneWay.start()
      #expect(try await send([Sample.adt("D1")], to: way.port).isAllAccepted)
      let engine = try #require(way.project.running)
      let file = way.project.path("data/hilum.db")
      if replaced {
        try FileManager.default.copyItem(atPath: file, toPath: file + ".copy")
        #expect(rename(file + ".copy", file) == 0)
      } else {
        #expect(unlink(file) == 0)
      }
      #expect(await engine.launch.ending(within: 10) == .exited(1))
      #expect(way.project.log.contains("removed or replaced"))
    }

    @Test func `is used by an engine already, a second one is refused by name`() async throws {
      let way = try await OneWay.start()
      let engine = try #require(way.project.running)
      let second = try await way.project.hilum("run", within: 20)
      #expect(second.status == 1)
      #expect(second.errors.contains("in use by another engine (process \(engine.launch.id))"), "\(second)")
      #expect(try await send([Sample.adt("X1")], to: way.port).isAllAccepted)
      #expect(try await way.project.hilum("status").status == 0, "the first one's control socket is still its own")
    }

    @Test(.enabled(if: Tools.has("sqlite3"), "sqlite3 is not there"))
    func `holds the store of a newer engine, it is refused and left alone`() async throws {
      let way = try await OneWay.start()
      #expect(await way.project.running?.stop() == .exited(0))
      _ = try await way.project.run(["sqlite3", "data/hilum.db", "PRAGMA user_version = 99"])
      let refused = try await way.project.hilum("run", within: 20)
      #expect(refused.status == 1 && refused.errors.contains("newer"), "\(refused)")
      #expect(try await way.project.run(["sqlite3", "data/hilum.db", "PRAGMA user_version"]).output == "99\n")
    }

    @Test(arguments: 1...6)
    func `flips bits, no message goes out changed and no engine falls over it`(seed: UInt64) async throws {
      let partner = try await Partner.away()
      let way = try await OneWay.make(partner: partner)
      let engine = try await way.project.start()
      let messages = (0..<200).map { MessageGenerator(seed: seed).message($0) }
      #expect(try await send(messages, to: way.port).isAllAccepted)
      // With or without a log beside the file.
      if seed.isMultiple(of: 2) { await engine.kill() } else { #expect(await engine.stop() == .exited(0)) }
      try flipBits(of: way.project.path("data/hilum.db"), count: 8, seed: seed)
      try await partner.receiver.start()

      let second = try way.project.launch()
      if (try? await second.ready()) == nil {
        #expect(await second.launch.ending(within: 20) == .exited(1))
        #expect(second.launch.errors.contains("damaged"), "seed \(seed): \(second.launch.errors)")
        return
      }
      // It may find out later, and then ends on purpose; until then what it sends is right.
      try await eventually("it has sent what it can, or ended on purpose, seed \(seed)") {
        // It may end while it is asked.
        guard let lane = try? await way.project.lane("adt/ehr") else { return !second.launch.isRunning }
        return lane.waiting == 0
      }
      if let dead = try? await way.project.dead() {
        #expect(Set(partner.controlIDs).count + dead.count == 200, "seed \(seed): \(dead.count) dead")
      } else {
        #expect(
          await second.launch.ending(within: 5) == .exited(1), "seed \(seed): \(second.launch.errors.suffix(500))")
      }
      #expect(partner.got.allSatisfy { messages.contains($0.bytes ?? []) }, "seed \(seed)")
    }

    private func flipBits(of path: String, count: Int, seed: UInt64) throws {
      var random = SeededRandom(seed: seed)
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      for _ in 0..<count {
        bytes[Int.random(in: 100..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
  }

  @Suite struct `When the power goes` {
    @Test(.enabled(if: PowerDisk.canBeMade, "only root with loop devices and mkfs.ext4 can make such a disk"))
    func `at a random instant, what was acknowledged is on the disk`() async throws {
      let seed = UInt64.random(in: 1...999_999)
      var random = SeededRandom(seed: seed)
      print("power cuts with seed \(seed)")
      for _ in 0..<3 {
        let disk = try await PowerDisk()
        let trial = try await Trial(seed: seed, in: disk.folder)
        let engine = try await trial.project.start()
        let load = Task { try await trial.load(count: 1_000_000, connections: 6, giveUpAfter: .seconds(2)) }
        try await eventually("it flows") { trial.acknowledgedCount > 100 }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &random)))

        // Stopped dead, as by the cut; what it had written without a sync is not in the image. What was acknowledged
        // must be.
        engine.launch.signal(SIGSTOP)
        let acknowledged = trial.acknowledgedCount
        let image = try await disk.snapshot()
        load.cancel()
        _ = try await load.value
        await engine.kill()

        let checked = try await Self.storedCount(in: image, of: trial.project, on: disk)
        #expect(checked >= acknowledged, "seed \(seed): \(acknowledged) were acknowledged, \(checked) are there")
      }
    }

    @Test(.enabled(if: PowerDisk.canBeMade, "only root with loop devices and mkfs.ext4 can make such a disk"))
    func `at a random instant, images that were answered are on the disk, and every one that is there is whole`()
      async throws
    {
      for _ in 0..<3 {
        let disk = try await PowerDisk()
        let way = try await ImageWay.make(in: disk.folder)
        way.answer { _ in DICOMBehaviour(.status(.outOfResources)) }
        let engine = try await way.project.start()
        let answered = Mutex(0)
        let load = Task {
          for batch in 0..<300 {
            let files = try (0..<4).map { try way.file(4 * batch + $0, pixelBytes: 200_000) }
            let report = try await way.send(files) {
              $0.connections = 4
              $0.timeout = .seconds(2)
            }
            answered.withLock { $0 += report.outcomes.count(where: \.isTaken) }
            if !report.isAllTaken { return }
          }
        }
        try await eventually("they come") { answered.withLock { $0 } > 40 }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...400)))
        engine.launch.signal(SIGSTOP)
        let sure = answered.withLock { $0 }
        let image = try await disk.snapshot()
        _ = try await load.value
        await engine.kill()
        let checked = try await Self.storedCount(in: image, of: way.project, on: disk)
        #expect(checked >= sure, "\(sure) were answered, \(checked) are there")
        print("images: \(sure) were answered before the cut, \(checked) are there")
      }
    }

    /// Starts an engine on what the disk held when its power was cut, and gives how many messages its ledger knows.
    private static func storedCount(
      in image: String, of project: Project, on disk: PowerDisk
    ) async throws -> Int {
      let after = try await PowerDisk(image: image)
      let folder = after.folder + project.folder.dropFirst(disk.folder.count)
      let count = try await storedCount(in: folder, of: project)
      try await after.remove()
      try await disk.remove()
      return count
    }

    private static func storedCount(in folder: String, of project: Project) async throws -> Int {
      // The partners' ports are in use or not: nothing of that matters here.
      let engine = EngineProcess(
        try Launch(
          [Project.binary, "run"], in: folder, output: folder + "/after.out", errors: folder + "/after.err"))
      try await engine.ready()
      let audit = try await project.run(["env", "-C", folder, Project.binary, "audit"])
      #expect(audit.status == 0, "\(audit)")
      let messages = try await project.run([
        "env", "-C", folder, Project.binary, "messages", "list", "--limit", "100000", "--state", "routed",
      ])
      #expect(await engine.stop() == .exited(0))
      let integrity = try await project.run(["sqlite3", folder + "/data/hilum.db", "PRAGMA integrity_check"])
      if Tools.has("sqlite3") { #expect(integrity.output == "ok\n", "\(integrity)") }
      return messages.output.split(separator: "\n").count - 1
    }
  }
}
