import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// What programs that watch an engine are told.
  @Suite struct `Who watches an engine` {
    /// One sample as prometheus_client reads it.
    private struct Metric: Decodable {
      var name: String
      var labels: [String: String]
      var value: Double
    }
    private struct Families: Decodable {
      var types: [String: String]
      var samples: [Metric]

      func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
      }
    }

    @Test(.enabled(if: Tools.prometheus != nil, "python prometheus_client is not installed"))
    func `gets metrics that Prometheus' own parser reads, with what the ledger says`() async throws {
      let python = try #require(Tools.prometheus)
      let way = try await OneWay.make(lane: "refused: {AR: 0}")
      try way.project.write("hilum.yaml", "site: 'Zoë \"\\ 1'\n")
      way.partner.answer { reception in ReceiverBehaviour(.code(reception.controlID == "M2" ? .AR : .AA)) }
      try await way.project.start()
      let messages = [Sample.adt("M1"), Sample.adt("M2"), Sample.adt("M1")]
      #expect(try await send(messages, to: way.port).isAllAccepted)
      try await way.project.drained()

      let text = try await way.project.hilum("metrics")
      #expect(text.status == 0)
      try way.project.write("metrics.txt", text.output)
      let read = try await way.project.run([
        python, Project.root + "/Tests/WayTests/Peers/metrics_read.py", way.project.path("metrics.txt"),
      ])
      #expect(read.status == 0, "\(read.errors)")
      let families = try JSONDecoder().decode(Families.self, from: Data(read.output.utf8))

      let ledger = try await way.project.ledger("adt")
      let lane = ["channel": "adt", "lane": "ehr"]
      #expect(families.value("hilum_messages_received_total", ["channel": "adt"]) == 3)
      #expect(families.value("hilum_messages_answered_total", ["channel": "adt", "answer": "duplicate"]) == 1)
      #expect(
        families.value("hilum_messages", ["channel": "adt", "outcome": "routed"]) == Double(ledger.routed))
      #expect(families.value("hilum_deliveries_ended_total", lane.merging(["end": "delivered"]) { $1 }) == 1)
      #expect(families.value("hilum_deliveries_dead", lane) == 1)
      #expect(families.value("hilum_deliveries_waiting", lane) == 0)
      #expect(families.value("hilum_channel_source_up", ["channel": "adt"]) == 1)
      #expect(families.value("hilum_channel_state", ["channel": "adt", "state": "running"]) == 1)
      #expect(families.value("hilum_store_open") == 1)
      #expect((families.value("hilum_store_commit_duration_seconds_count") ?? 0) >= 3)
      #expect(families.samples.contains { $0.name == "hilum_info" && $0.labels["site"] == "Zoë \"\\ 1" })
      #expect(families.types["hilum_store_commit_duration_seconds"] == "histogram")
      #expect(families.types["hilum_messages_received"] == "counter")
    }

    @Test func `is told what waits and for how long, and that the partner is away`() async throws {
      let partner = try await Partner.away()
      let way = try await OneWay.make(partner: partner)
      try await way.project.start()
      #expect(try await send([Sample.adt("W1")], to: way.port).isAllAccepted)
      try await eventually("the metrics show it") {
        let text = try await way.project.hilum("metrics").output
        func value(_ name: String) -> Double? {
          let line = text.split(separator: "\n").first { $0.hasPrefix("\(name){channel=\"adt\",lane=\"ehr\"} ") }
          return line?.split(separator: " ").last.flatMap { Double($0) }
        }
        return value("hilum_deliveries_waiting") == 1 && (value("hilum_lane_oldest_seconds") ?? 0) > 0
          && (value("hilum_lane_unreachable_seconds") ?? 0) > 0
      }
      try await partner.receiver.start()
      try await way.project.drained()
      #expect(
        try await way.project.hilum("metrics").output
          .contains("hilum_lane_unreachable_seconds{channel=\"adt\",lane=\"ehr\"} 0\n"))
    }

    @Test func `is told whether it is ready, and what is not`() async throws {
      let way = try await OneWay.make()
      try way.project.write("Channels/bad.yaml", "channel: bad\n")
      try await way.project.start(someBroken: true)
      let health = try await way.project.hilum("health")
      #expect(health.status == 0 && health.output.hasPrefix("degraded\n  channel bad is not at work: "), "\(health)")
      #expect(try await way.project.hilum("health", "--live").output == "ready\n")
      #expect(try await way.project.hilum("stop", "adt").status == 0)
      let none = try await way.project.hilum("health", "--json")
      let answer = try JSONDecoder().decode(EngineHealth.self, from: Data(none.output.utf8))
      #expect(none.status == 1 && answer.state == .unready && answer.reasons.first == "no channel takes messages")
      let engine = try #require(way.project.running)
      #expect(await engine.stop() == .exited(0))
      #expect(try await way.project.hilum("health").status == 1)
    }
  }
}
