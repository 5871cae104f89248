import Engine
import Foundation
import Partners
import Testing

extension Ways {
  /// An engine that tells people when something is wrong.
  @Suite struct `When something is wrong` {
    private func overview(_ project: Project) async throws -> AlertOverview { try await project.json("alert", "list") }

    private func way(_ hook: Hook, partner: Partner) async throws -> OneWay {
      let way = try await OneWay.make(
        lane: "retry: {first: 20ms, factor: 1, longest: 20ms}\n    refused: {AE: 0}",
        channel:
          "contact: {partner: EHR team, phone: \"4711\"}\nalerts: {lane-down: 1s, backlog: 2, dead: 1, settle: 0s}",
        partner: partner)
      try way.project.write("secret", "Bearer hook-canary\n")
      try way.project.write(
        "hilum.yaml",
        """
        site: st-mary
        notify: {webhook: {url: "http://127.0.0.1:\(hook.port)/url-canary?x=1", secret: {file: secret}}}

        """)
      return way
    }

    @Test func `people are told once that a partner is away, over a kill, and once that it is back`() async throws {
      let hook = try Hook()
      let partner = try await Partner.away()
      let way = try await way(hook, partner: partner)
      let engine = try await way.project.start()
      #expect(try await send([Sample.adt("L1")], to: way.port).isAllAccepted)
      try await eventually(within: 60, "it is raised and told") { hook.requests.count == 1 }
      let request = try #require(hook.requests.first)
      #expect(request.head.hasPrefix("POST /url-canary?x=1 HTTP/1.1\r\n"))
      #expect(request.head.lowercased().contains("authorization: bearer hook-canary\r\n"))
      let notice = try request.json()
      #expect(notice["kind"] as? String == "lane-down" && notice["event"] as? String == "raised")
      #expect((notice["text"] as? String)?.hasPrefix("st-mary: adt/ehr: the partner has not been reached for ") == true)
      #expect(notice["contact"] as? String == "EHR team, 4711")

      let id = try #require(try await overview(way.project).active.first?.id)
      let said = try await way.project.hilum("alert", "ack", "\(id)", "--by", "Ann", "--why", "called them")
      #expect(said.output.hasPrefix("Ann looks after alert \(id): adt/ehr: "), "\(said)")
      #expect(try await way.project.hilum("alert", "ack", "99").status == 1)
      await engine.kill()
      try await way.project.start()
      let status = try await way.project.hilum("status").output
      #expect(status.contains("alert \(id)  adt/ehr: the partner has not been reached"), "\(status)")
      #expect(status.contains("Ann looks after it"))
      try await eventually(within: 60, "it is away for this engine too") {
        (try await way.project.lane("adt/ehr").downFor ?? 0) > 6000
      }

      try await partner.receiver.start()
      try await eventually(within: 60, "it is over") { try await overview(way.project).active.isEmpty }
      try await eventually(within: 60, "and told") { hook.requests.count == 2 }
      #expect(try hook.requests.map { try $0.json()["event"] as? String } == ["raised", "cleared"])
      #expect(way.project.log.components(separatedBy: "WARNING Alert: adt/ehr: ").count == 2)
      #expect(way.project.log.components(separatedBy: "An alert is over: adt/ehr").count == 2)
      #expect(try await way.project.hilum("alert", "list").output.hasPrefix("Nothing is wrong.\n"))
      #expect(try await way.project.hilum("alert", "list", "--all").output.contains("over "))
      for secret in ["hook-canary", "url-canary"] { #expect(!way.project.log.contains(secret)) }
    }

    @Test func `a web hook that is away, refuses or leads elsewhere holds nothing up, and gets all in the end`()
      async throws
    {
      let hook = try Hook()
      let elsewhere = try Hook()
      hook.answer(307, headers: "Location: http://127.0.0.1:\(elsewhere.port)/\r\n")
      let partner = try await Partner.start()
      partner.answer(ReceiverBehaviour(.code(.AE)))
      let way = try await way(hook, partner: partner)
      try await way.project.start()
      #expect(try await send([Sample.adt("D1")], to: way.port).isAllAccepted)
      try await eventually(within: 60, "it was tried") { !hook.requests.isEmpty }
      try await eventually(within: 60, "and what is wrong with it is shown") {
        try await overview(way.project).trouble == "webhook: the web hook answered 307"
      }
      #expect(try await way.project.hilum("alert", "list").output.contains("1 could not be told yet"))
      hook.answer(204)
      try await eventually(within: 40, "it was taken") { try await overview(way.project).undelivered == 0 }
      #expect(elsewhere.requests.isEmpty)
      #expect(try hook.requests.last?.json()["kind"] as? String == "dead")
    }

    @Test func `a channel takes the alerts as messages, each once, and sends them on`() async throws {
      let way = try await OneWay.make(
        channel: "alerts: {lane-down: 1s, settle: 0s}", partner: try await Partner.away())
      try way.project.write("hilum.yaml", "site: st-mary\nnotify: {channel: alrts}\n")
      try way.project.write(
        "Channels/alerts.yaml",
        """
        channel: alerts
        source: {channel: {}}
        format: json
        destinations:
          pager:
            file: {directory: ../out, name: "{message.source.kind}-{message.source.event}.json"}

        """)
      let checked = try await way.project.hilum("check")
      #expect(checked.status == 1)
      #expect(checked.output.contains("hilum.yaml:2:19: error C134: there is no channel `alrts`"), "\(checked)")
      #expect(checked.output.contains("did you mean `alerts`?"))
      try way.project.write("hilum.yaml", "site: st-mary\nnotify: {channel: alerts}\n")
      #expect(try await way.project.hilum("check").status == 0)
      try await way.project.start()
      #expect(try await way.project.hilum("pause", "alerts").status == 0)
      #expect(try await send([Sample.adt("L1")], to: way.port).isAllAccepted)
      try await eventually(within: 60, "it waits for its channel") {
        try await overview(way.project).trouble == "channel: channel alerts is paused"
      }
      // It is tried again after 5 seconds, and then not for 10 more.
      try await Task.sleep(for: .seconds(7))
      #expect(try await way.project.hilum("start", "alerts").status == 0)
      try await eventually(within: 6, "it is sent on at once") { !way.project.names(in: "out").isEmpty }
      #expect(way.project.names(in: "out") == ["lane-down-raised.json"])
      let bytes = way.project.read("out/lane-down-raised.json")
      let notice = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
      #expect(notice["site"] as? String == "st-mary" && notice["channel"] as? String == "adt")
      try await way.project.restart()
      #expect(try await way.project.ledger("alerts").arrivals == ["received": 1, "accepted": 1, "routed": 1])
    }

    @Test func `in a planned downtime nothing is raised, and behind it what is wrong is`() async throws {
      let hook = try Hook()
      let partner = try await Partner.away()
      let way = try await way(hook, partner: partner)
      try await way.project.start()
      #expect(try await way.project.hilum("alert", "downtime", "adt", "--for", "1h").status == 2)
      #expect(try await way.project.hilum("alert", "downtime", "none", "--for", "1h", "--why", "x").status == 1)
      let planned = try await way.project.hilum("alert", "downtime", "adt", "--for", "1h", "--why", "EHR update")
      #expect(planned.status == 0 && planned.output.hasPrefix("adt raises nothing until "), "\(planned)")
      #expect(try await send([Sample.adt("P1"), Sample.adt("P2")], to: way.port).isAllAccepted)
      try await way.project.restart()
      try await eventually(within: 60, "it is away for longer than two looks take") {
        (try await way.project.lane("adt/ehr").downFor ?? 0) > 11_000
      }
      #expect(try await overview(way.project).active.isEmpty && hook.requests.isEmpty)
      #expect(try await way.project.hilum("status").output.contains("downtime adt until "))
      #expect(try await way.project.hilum("alert", "downtime", "adt", "--end").status == 0)
      try await eventually(within: 60, "it is raised") {
        try await Set(overview(way.project).active.map(\.key.kind)) == [.laneDown, .backlog]
      }
      #expect(
        try await way.project.hilum("metrics").output
          .contains("hilum_alerts{kind=\"backlog\",channel=\"adt\",lane=\"ehr\",file=\"\"} 1\n"))
    }

    @Test func `what a deployed revision asks for counts from then on`() async throws {
      let way = try await OneWay.start(to: try await Partner.away().port)
      #expect(try await send([Sample.adt("R1")], to: way.port).isAllAccepted)
      let text = String(decoding: way.project.read("Channels/adt.yaml"), as: UTF8.self)
      try way.project.write("Channels/adt.yaml", text + "alerts: {backlog: 1, settle: 0s}\n")
      #expect(try await way.project.hilum("deploy").status == 0)
      try await eventually(within: 60, "it is raised") {
        try await overview(way.project).active.map(\.key.kind) == [.backlog]
      }
      try way.project.write("Channels/adt.yaml", text)
      #expect(try await way.project.hilum("deploy").status == 0)
      try await eventually(within: 90, "and is over when nobody asks for it") {
        try await overview(way.project).active.isEmpty
      }
    }

    @Test func `an engine that loses its store tells people why before it ends`() async throws {
      let hook = try Hook()
      let way = try await way(hook, partner: try await Partner.start())
      let engine = try await way.project.start()
      #expect(try await send([Sample.adt("S1")], to: way.port).isAllAccepted)
      try FileManager.default.removeItem(atPath: way.project.path("data/hilum.db"))
      #expect(await engine.launch.ending(within: 30) == .exited(1))
      let notice = try #require(hook.requests.last).json()
      #expect(notice["kind"] as? String == "store" && notice["event"] as? String == "raised")
      #expect((notice["what"] as? String)?.contains("was removed or replaced") == true)
    }

    @Test(.enabled(if: FalseClock.library != nil, "no C compiler to build the clock with"))
    func `a clock that is set is told of`() async throws {
      let way = try await OneWay.make(
        channel: "alerts: {backlog: 1, settle: 1h}", partner: try await Partner.away())
      let clock = try FalseClock(way.project)
      try await way.project.start(environment: clock.environment)
      #expect(try await send([Sample.adt("C1")], to: way.port).isAllAccepted)
      try await eventually(within: 60, "a look was made") {
        try await overview(way.project).active.map(\.key.kind) == [.backlog]
      }
      try clock.set(7230)
      try await eventually(within: 60, "it is raised") {
        try await overview(way.project).active.map(\.key.kind) == [.backlog, .clock]
      }
      try await eventually(within: 60, "and said") {
        way.project.log.contains("Alert: engine: the clock went forward by 2 h")
      }
    }
  }
}
