import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A deployment` {
    private func edit(_ way: OneWay, _ old: String, _ new: String) throws {
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", file.replacing(old, with: new))
    }

    private func deploy(_ project: Project, _ arguments: String...) async throws -> DeploymentReport {
      let result = try await project.run([Project.binary, "deploy", "--json"] + arguments)
      return try JSONDecoder().decode(DeploymentReport.self, from: Data(result.output.utf8))
    }

    private func outcome(_ report: DeploymentReport, of channel: String = "adt") -> DeploymentReport.Channel.Outcome? {
      report.channels.first { $0.name == channel }?.outcome
    }

    private func fill(_ way: OneWay, _ ids: [String]) async throws {
      #expect(try await send(ids.map { Sample.adt($0) }, to: way.port).isAllAccepted)
    }

    // MARK: What changes, and what doesn't

    @Test func `leaves what is unchanged alone, starts what is new and ends what is gone`() async throws {
      let way = try await OneWay.start()
      try way.project.write(
        "Channels/files.yaml",
        """
        channel: files
        source:
          file: {directory: ../in}
        format: hl7v2
        destinations:
          out:
            file: {directory: ../out, name: "{MSH-10}"}
        """)
      var report = try await deploy(way.project)
      #expect(report.isGood && outcome(report) == .unchanged, "\(report)")
      #expect(outcome(report, of: "files") == .started)
      try way.project.write("in/one.hl7", Sample.adt("F1"))
      try await eventually("the new channel works") { !way.project.names(in: "out").isEmpty }

      try FileManager.default.removeItem(atPath: way.project.path("Channels/files.yaml"))
      report = try await deploy(way.project)
      #expect(report.isGood && outcome(report, of: "files") == .removed)
      #expect(try await way.project.status().channels.map(\.name) == ["adt"])
      #expect(try await way.project.ledger("files").accepted == 1, "its messages are still there")
    }

    @Test func `gives a corrected host what waits, in order, with its connections open`() async throws {
      let nowhere = try PortReservation()
      let way = try await OneWay.start(to: nowhere.port)
      let ids = (1...40).map { "H\($0)" }
      try await fill(way, ids)
      #expect(try await way.project.lane("adt/ehr").waiting == 40)
      try edit(way, "port: \(nowhere.port)", "port: \(way.partner.port)")
      let report = try await deploy(way.project)
      #expect(report.channels.first?.lines.contains("lane ehr: takes its new settings, for what waits too") == true)
      #expect(try await way.partner.waits(for: 40).map(\.controlID) == ids)
      try await way.project.drained()
      #expect(try await way.project.ledger("adt").lanes[0].delivered == 40)
    }

    @Test func `changes what comes, and leaves what was accepted as it was`() async throws {
      let way = try await OneWay.start(
        channel: """
          transform: |
            transform mark
              in  hl7
              out hl7
            let out = copy msg
            out.MSH-3 = "OLD"
            emit out
          """)
      _ = try await way.project.hilum("lane", "pause", "adt/ehr")
      try await fill(way, ["B1"])
      try edit(way, "\"OLD\"", "\"NEW\"")
      #expect(outcome(try await deploy(way.project)) == .changed)
      try await fill(way, ["B2"])
      #expect(try await way.project.lane("adt/ehr").paused, "what an operator set stays")
      _ = try await way.project.hilum("lane", "resume", "adt/ehr")
      let got = try await way.partner.waits(for: 2)
      #expect(got.map { Sample.field("MSH", 3, of: $0.bytes ?? []) } == ["OLD", "NEW"])
    }

    @Test func `does not wait for a partner that never answers: what it has goes to the new one, marked`() async throws
    {
      let way = try await OneWay.start(destination: ", timeout: 60s")
      way.partner.answer(ReceiverBehaviour(.none))
      try await fill(way, ["N1", "N2"])
      try await way.partner.waits(for: 1)
      let other = try await Partner.start()
      try edit(way, "port: \(way.partner.port)", "port: \(other.port)")
      #expect(try await deploy(way.project).isGood)
      #expect(try await other.waits(for: 2).map(\.controlID) == ["N1", "N2"])
      try await way.project.drained()
      let stories = try await way.project.messages().map(\.id)
      #expect(try await way.project.story(stories[1]).contains("may have reached the partner more than once"))
      #expect(try await !way.project.story(stories[0]).contains("may have reached"))
    }

    @Test func `lets two channels change their ports with each other`() async throws {
      let way = try await OneWay.make()
      let port = try way.project.port()
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      let other = file.replacing("channel: adt", with: "channel: orm")
        .replacing("port: \(way.port)", with: "port: \(port)")
      try way.project.write("Channels/orm.yaml", other)
      try await way.project.start()
      try way.project.write("Channels/adt.yaml", file.replacing("port: \(way.port)", with: "port: \(port)"))
      try way.project.write("Channels/orm.yaml", other.replacing("port: \(port)", with: "port: \(way.port)"))
      let report = try await deploy(way.project)
      #expect(report.isGood && report.channels.map(\.outcome) == [.changed, .changed], "\(report)")
      let sent = try await WayTests.send([Sample.adt("X1")], to: way.port)
      let ledger = try await way.project.ledger("orm")
      #expect(sent.isAllAccepted && ledger.accepted == 1)
    }

    @Test func `whose new port is taken is said, and the former revision runs again`() async throws {
      let way = try await OneWay.start()
      let taken = try await Partner.start()
      try edit(way, "port: \(way.port)", "port: \(taken.port)")
      let result = try await way.project.hilum("deploy")
      #expect(result.status == 1 && result.output.contains("the former revision runs again"), "\(result)")
      try await fill(way, ["P1"])
      #expect(try await way.partner.waits(for: 1).map(\.controlID) == ["P1"])
      let revisions: [RevisionShown] = try await way.project.json("revisions", "adt")
      #expect(revisions.map(\.by) == ["restored", "deploy", "start"] && revisions[0].revision == revisions[2].revision)
    }

    @Test func `comes with SIGHUP as well`() async throws {
      let way = try await OneWay.start()
      let engine = try #require(way.project.running)
      try edit(way, "timeout: 2s", "timeout: 3s")
      engine.launch.signal(SIGHUP)
      try await eventually("it is deployed") { way.project.log.contains("Deployed.") }
      let difference: DeploymentReport = try await way.project.json("diff")
      #expect(difference.channels.map(\.outcome) == [.unchanged])
      try way.project.write("Channels/adt.yaml", "channel: adt\n")
      engine.launch.signal(SIGHUP)
      try await eventually("the log says why not") { way.project.log.contains("Nothing was deployed.") }
      try await fill(way, ["S1"])
    }

    @Test func `of a table: those who name it are another revision`() async throws {
      let way = try await OneWay.make(channel: "transform: ../Transforms/wards.hilt\n")
      try way.project.write(
        "Transforms/wards.hilt",
        """
        transform wards
          in  hl7
          out hl7

        table wards from "wards.csv" key ward value name default "?"

        let out = copy msg
        out.PV1-3.1 = wards[PV1-3.1]
        emit out

        """)
      try way.project.write("Transforms/wards.csv", "ward,name\nWARD1,North\n")
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      let port = try way.project.port()
      try way.project.write(
        "Channels/plain.yaml",
        file.replacing("channel: adt", with: "channel: plain").replacing("port: \(way.port)", with: "port: \(port)")
          .replacing("transform: ../Transforms/wards.hilt\n", with: ""))
      try await way.project.start()
      try await fill(way, ["T1"])
      try way.project.write("Transforms/wards.csv", "ward,name\nWARD1,South\n")
      let shown = try await way.project.hilum("diff")
      #expect(shown.status == 0 && shown.output.contains("+ WARD1,South") && shown.output.contains("- WARD1,North"))
      let report = try await deploy(way.project)
      #expect(outcome(report) == .changed && outcome(report, of: "plain") == .unchanged)
      try await fill(way, ["T2"])
      let got = try await way.partner.waits(for: 2)
      #expect(got.map { Sample.field("PV1", 3, of: $0.bytes ?? [])?.prefix(5) } == ["North", "South"])
    }

    // MARK: Lanes that end

    private func twoLanes() async throws -> OneWay {
      let way = try await OneWay.make(
        to: try PortReservation().port)
      let new = "  new:\n    mllp: {host: 127.0.0.1, port: \(way.partner.port)}\n"
      try edit(way, "destinations:\n", "destinations:\n" + new)
      try await way.project.start()
      _ = try await way.project.hilum("lane", "pause", "adt/new")
      try await fill(way, (1...7).map { "L\($0)" })
      let file = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      let end = try #require(file.range(of: "  ehr:"))
      try way.project.write("Channels/adt.yaml", String(file[..<end.lowerBound]))
      return way
    }

    @Test func `that takes a lane away in which something waits is refused by name`() async throws {
      let way = try await twoLanes()
      let result = try await way.project.hilum("deploy")
      #expect(result.status == 1 && result.output.contains("adt/ehr: 7 deliveries wait"), "\(result)")
      #expect(try await way.project.channel("adt").lanes.map(\.name) == ["new", "ehr"])
      #expect(try await way.project.hilum("deploy", "--waiting", "burn").status == 2)
      #expect(try await way.project.hilum("deploy", "--waiting", "move:none").output.contains("no lane none"))
    }

    @Test func `with dead makes dead letters of it, with move gives it to another lane in its order`() async throws {
      let way = try await twoLanes()
      #expect(try await deploy(way.project, "--waiting", "move:new").isGood)
      #expect(try await way.project.lane("adt/new").waiting == 14)
      _ = try await way.project.hilum("lane", "resume", "adt/new")
      let ids = (1...7).map { "L\($0)" }
      #expect(try await way.partner.waits(for: 14).map(\.controlID) == ids + ids)
      try await way.project.drained()
      let moved = try await way.project.ledger("adt").lanes
      #expect(moved.map(\.created) == [14, 0] && moved[0].delivered == 14)

      let other = try await twoLanes()
      #expect(try await deploy(other.project, "--waiting", "dead").isGood)
      #expect(try await other.project.dead().count == 7)
      #expect(try await other.project.ledger("adt").lanes.map(\.dead) == [0, 7])
    }

    @Test func `with drain lets the lane go on until it is empty, also over kills`() async throws {
      let partner = try await Partner.away()
      let way = try await OneWay.make(partner: partner)
      let engine = try await way.project.start()
      let ids = (1...20).map { "D\($0)" }
      try await fill(way, ids)
      try edit(way, "  ehr:", "  other:")
      #expect(try await deploy(way.project, "--waiting", "drain").isGood)
      #expect(try await way.project.status().leaving.map(\.lane.waiting) == [20])
      #expect(try await way.project.channel("adt").stranded.isEmpty)
      await engine.kill()
      try await way.project.start()
      let leaving = try await way.project.status().leaving
      #expect(leaving.map(\.lane.name) == ["ehr"] && leaving.map(\.lane.waiting) == [20])
      try await partner.receiver.start()
      #expect(try await partner.waits(for: 20).map(\.controlID) == ids)
      try await eventually("the lane is gone") { try await way.project.status().leaving.isEmpty }
      // It comes back as a lane like any other.
      try edit(way, "  other:", "  ehr:")
      #expect(try await deploy(way.project).isGood)
      try await fill(way, ["E1"])
      try await way.project.drained()
      #expect(try await way.project.ledger("adt").lanes.first { $0.name == "ehr" }?.delivered == 21)
    }

    @Test func `that takes a whole channel away lets its lanes drain, also after a restart`() async throws {
      let partner = try await Partner.away()
      let way = try await OneWay.make(partner: partner)
      try await way.project.start()
      try await fill(way, ["C1", "C2"])
      try FileManager.default.removeItem(atPath: way.project.path("Channels/adt.yaml"))
      #expect(try await way.project.hilum("deploy").output.contains("adt/ehr: 2 deliveries wait"))
      #expect(try await way.project.hilum("deploy", "--waiting", "move:other").output.contains("its channel is gone"))
      #expect(try await deploy(way.project, "--waiting", "drain").isGood)
      try await way.project.restart()
      let status = try await way.project.status()
      #expect(status.channels.isEmpty && status.gone.isEmpty && status.leaving.map(\.lane.waiting) == [2])
      try await partner.receiver.start()
      #expect(try await partner.waits(for: 2).map(\.controlID) == ["C1", "C2"])
      try await eventually("the lane is gone") { try await way.project.status().leaving.isEmpty }
      #expect(try await way.project.ledger("adt").lanes.map(\.delivered) == [2])
    }

    @Test func `that gives a draining lane its destination back lets it go on, in order`() async throws {
      let partner = try await Partner.away()
      let way = try await OneWay.make(partner: partner)
      try await way.project.start()
      try await fill(way, ["G1", "G2"])
      try edit(way, "  ehr:", "  other:")
      #expect(try await deploy(way.project, "--waiting", "drain").isGood)
      try edit(way, "  other:", "  ehr:")
      #expect(try await deploy(way.project).isGood)
      try await fill(way, ["G3"])
      try await partner.receiver.start()
      #expect(try await partner.waits(for: 3).map(\.controlID) == ["G1", "G2", "G3"])
      #expect(try await way.project.status().leaving.isEmpty)
      try await way.project.drained()
      _ = try await way.project.ledger("adt")
    }
  }
}
