import Admin
import ArgumentParser
import Engine
import Store

struct LaneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lane", abstract: "What waits in a lane, and what to do with it.",
    subcommands: [List.self, Pause.self, Resume.self, Cancel.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What waits, in its order.", discussion: "Example:\n  hilum lane list adt-to-ehr/ehr --limit 20")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "CHANNEL/LANE") var lane: String
    @Option(help: "How many at the most.") var limit = 50

    func run() async throws {
      let parts = lane.split(separator: "/").map(String.init)
      _ = try laneParts(lane)
      var query = DeliveryQuery(channel: parts[0], destination: parts[1], state: .waiting, limit: limit)
      query.withHeld = true
      let found = try await engine.client.post("deliveries/search", query, as: [DeliveryRecord].self)
      if engine.json { return try Terminal.json(found) }
      let now = Terminal.nowMilliseconds
      Terminal.table(
        ["DELIVERY", "MESSAGE", "WAITS", "TRIES", "BYTES", "WHY"],
        found.map {
          [
            $0.id, $0.message, Terminal.age(now - $0.createdAt), String($0.attempts), String($0.byteCount),
            Terminal.safe(Self.why($0)),
          ]
        })
    }

    private static func why(_ record: DeliveryRecord) -> String {
      let summary = record.summary ?? ""
      if record.isPlace { return "its message failed and keeps its place: \(summary)" }
      return record.state == .held ? "held: \(summary)" : summary
    }
  }

  struct Pause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sends nothing more until it is resumed; what arrives waits.",
      discussion: "Example:\n  hilum lane pause adt-to-ehr/ehr")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "CHANNEL/LANE") var lane: String
    func run() async throws {
      _ = try await engine.client.post("lanes/\(try laneParts(lane))/pause", IDsRequest(ids: []), as: EngineStatus.self)
      Terminal.line("\(lane) is paused")
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Sends again, at once.", discussion: "Example:\n  hilum lane resume adt-to-ehr/ehr")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "CHANNEL/LANE") var lane: String
    func run() async throws {
      _ = try await engine.client.post(
        "lanes/\(try laneParts(lane))/resume", IDsRequest(ids: []), as: EngineStatus.self)
      Terminal.line("\(lane) sends")
    }
  }

  struct Cancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Cancels deliveries that wait: these, or all with --all. What is at the partner is left.",
      discussion: """
        What comes in while a long lane is cancelled stays. It is done in steps, the oldest first: if the engine ends in
        between, what was cancelled stays cancelled and the rest is sent after the next start. Where nothing of it may
        go, pause the lane first (hilum lane pause).

        Example:
          hilum lane cancel adt-to-ehr/ehr 06fzk… --reason "sent by hand"
        """)
    @OptionGroup var engine: EngineOptions
    @Argument(help: "CHANNEL/LANE") var lane: String
    @Argument(help: "Ids of deliveries.") var ids: [String] = []
    @Flag(help: "All that wait in this lane.") var all = false
    @Option(help: "Why; kept with each.") var reason: String

    func run() async throws {
      guard all != !ids.isEmpty else { throw Failure("Say which deliveries, or --all.", code: 2) }
      let answer = try await engine.client.post(
        "lanes/\(try laneParts(lane))/cancel", IDsRequest(ids: ids, reason: reason), as: CountAnswer.self)
      if engine.json { try Terminal.json(answer) } else { Terminal.line("\(answer.count) cancelled") }
    }
  }
}
