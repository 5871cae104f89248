import Admin
import ArgumentParser
import Engine
import Store

struct LaneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lane", abstract: "What waits in a lane, and what to do with it.",
    subcommands: [List.self, Pause.self, Resume.self, Cancel.self, Move.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What waits, in its order, and why.",
      discussion: "Example:\n  hilum lane list adt-to-ehr/ehr --limit 20")
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
      if let gathered = record.gathered { return Story.text(gathered, Terminal.localTime) }
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
          hilum lane cancel adt-to-ehr/ehr --where mrn=2590157853 --reason "sent by hand"
        """)
    @OptionGroup var engine: EngineOptions
    @Argument(help: "CHANNEL/LANE") var lane: String
    @OptionGroup var which: ChosenDeliveries
    @Option(help: "Why; kept with each.") var reason: String

    func run() async throws {
      var request = try which.request()
      request.reason = reason
      let answer = try await engine.client.post(
        "lanes/\(try laneParts(lane))/cancel", request, as: CountAnswer.self)
      if engine.json { try Terminal.json(answer) } else { Terminal.line("\(answer.count) cancelled") }
    }
  }

  struct Move: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Moves deliveries that wait to the end of another lane of their channel. What is at the partner is left.",
      discussion: """
        They go as they were made for the lane they waited in, in their order, and behind what waits in the other lane.
        What comes in meanwhile stays. Lanes of another connector, as of files, want another form: hilum reprocess.

        Example:
          hilum lane move adt-to-ehr/ehr --to standby --all
          hilum lane move adt-to-ehr/ehr --to standby --where mrn=2590157853
        """)
    @OptionGroup var engine: EngineOptions
    @Argument(help: "CHANNEL/LANE") var lane: String
    @OptionGroup var which: ChosenDeliveries
    @Option(help: "The lane of the same channel that they go to.") var to: String

    func run() async throws {
      var request = try which.request()
      request.to = to
      let answer = try await engine.client.post("lanes/\(try laneParts(lane))/move", request, as: CountAnswer.self)
      if engine.json { try Terminal.json(answer) } else { Terminal.line("\(answer.count) moved to \(to)") }
    }
  }
}

/// Which deliveries of a lane are meant: these, those of certain messages, or all.
struct ChosenDeliveries: ParsableArguments {
  @Argument(help: "Ids of deliveries.") var ids: [String] = []
  @Flag(help: "All that wait in this lane.") var all = false
  @Option(name: .customLong("where"), help: "COLUMN=VALUE; a column of the channel, its whole value.")
  var columns: [String] = []

  func request() throws -> IDsRequest {
    guard [all, !ids.isEmpty, !columns.isEmpty].count(where: \.self) == 1 else {
      throw Failure("Say which deliveries, by their ids or --where COLUMN=VALUE, or --all.", code: 2)
    }
    return IDsRequest(ids: ids, columns: columns.isEmpty ? nil : try columnValues(columns))
  }
}

/// `mrn=4711`, several times.
func columnValues(_ texts: [String]) throws -> [String: String] {
  var values: [String: String] = [:]
  for text in texts {
    guard let equals = text.firstIndex(of: "=") else { throw Failure("\(text) is not COLUMN=VALUE.", code: 2) }
    values[String(text[..<equals])] = String(text[text.index(after: equals)...])
  }
  return values
}
