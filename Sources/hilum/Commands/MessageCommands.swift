import Admin
import ArgumentParser
import Engine
import Foundation
import NIOHTTP1
import Store

struct MessagesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "messages", abstract: "Finds and shows messages.", subcommands: [List.self, Show.self, Export.self],
    defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Messages, newest first.",
      discussion: """
        Examples:
          hilum messages list --channel adt-to-ehr --state failed
          hilum messages list --where mrn=2590157853 --since 2h
        """)
    @OptionGroup var engine: EngineOptions
    @Option(help: "Only of this channel.") var channel: String?
    @Option(help: "Only in this state: routed, dropped, held, failed, rejected, duplicate, discarded.")
    var state: [MessageState] = []
    @Option(name: .customLong("where"), help: "COLUMN=VALUE; a column of the channel, its whole value.")
    var columns: [String] = []
    @Option(help: "Not older than this: 30s, 5m, 2h, 3d.") var since: String?
    @Option(help: "How many at the most.") var limit = 50

    func run() async throws {
      var query = MessageQuery(channel: channel, states: state.isEmpty ? nil : state, limit: limit)
      if let since { query.from = Terminal.nowMilliseconds - (try milliseconds(since)) }
      query.columns = try columnValues(columns)
      let found = try await engine.client.post("messages/search", query, as: [MessageRecord].self)
      if engine.json { return try Terminal.json(found) }
      Terminal.table(
        ["MESSAGE", "RECEIVED", "CHANNEL", "STATE", "BYTES", "COLUMNS", "REASON"],
        found.map { message in
          let columns = message.columns.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
          return [
            message.id, Terminal.time(message.receivedAt), message.channel, message.state.rawValue,
            String(message.byteCount), Terminal.safe(columns.joined(separator: " ")),
            Terminal.safe(message.reason ?? ""),
          ]
        })
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "One message: what came in, what went where, what was answered.",
      discussion: "Example:\n  hilum messages show 06fzk…")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "The message's id.") var id: String

    func run() async throws {
      let answer = try await engine.client.get("messages/\(pathPart(id))", as: MessageAnswer.self)
      if engine.json { return try Terminal.json(answer) }
      Terminal.line(
        Terminal.bold("\(answer.message.channel) \(answer.message.id)") + "  \(answer.message.state.rawValue)")
      if let raw = try? await engine.client.bytes("messages/\(pathPart(id))/shown") { Self.show("came in", raw) }
      for delivery in answer.deliveries {
        if let sent = try? await engine.client.bytes("deliveries/\(delivery.id)/shown") {
          Self.show("to \(delivery.destination), \(delivery.state.rawValue)", sent)
        }
        if let reply = try? await engine.client.bytes("deliveries/\(delivery.id)/reply") {
          Self.show("\(delivery.destination) answered", reply)
        }
      }
    }

    /// HL7 as lines, DICOM as a tree; nothing in it can steer the terminal.
    private static func show(_ title: String, _ bytes: [UInt8]) {
      Terminal.line()
      Terminal.line(Terminal.bold(title))
      for line in bytes.split(whereSeparator: { $0 == 0x0D || $0 == 0x0A }) {
        Terminal.line("  " + Terminal.safe(String(decoding: line, as: UTF8.self)))
      }
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes the bytes that came in, exactly, to standard output.",
      discussion: "Example:\n  hilum messages export 06fzk… > message.hl7")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "The message's id.") var id: String
    func run() async throws {
      try await engine.client.stream("messages/\(pathPart(id))/raw", method: .GET) { Terminal.write($0) }
    }
  }
}

extension MessageState: ExpressibleByArgument {}

func milliseconds(_ text: String) throws -> Int64 {
  let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
  guard let unit = text.last.flatMap({ units[$0] }), let number = Int64(text.dropLast()), number >= 0, number < 1 << 32
  else {
    throw Failure("\(text) is not a duration such as 30s, 5m, 2h, 3d.", code: 2)
  }
  return number * unit
}

struct WhyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "One message's story: what came, what was decided, who got what, what waits.",
    discussion: "Example:\n  hilum why 06fzk…")
  @OptionGroup var engine: EngineOptions
  @Argument(help: "The message's id.") var id: String

  func run() async throws {
    let lines = try await engine.client.get("messages/\(pathPart(id))/why", as: [String].self)
    if engine.json { try Terminal.json(lines) } else { for line in lines { Terminal.line(Terminal.safe(line)) } }
  }
}

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Adds up the ledger of every channel. Exits 1 where it does not come out.",
    discussion: """
      received = accepted + duplicate + rejected + unavailable
      accepted = routed + dropped + held + failed + discarded
      created  = delivered + waiting + dead + discarded + cancelled, for each lane

      Example:
        hilum audit
      """)
  @OptionGroup var engine: EngineOptions

  func run() async throws {
    let answer = try await engine.client.get("audit", as: AuditAnswer.self)
    let problems = answer.problems + answer.channels.flatMap(\.problems)
    if engine.json { try Terminal.json(answer) } else { show(answer, problems) }
    if !problems.isEmpty { throw ExitCode(1) }
  }

  private func show(_ answer: AuditAnswer, _ problems: [String]) {
    for channel in answer.channels {
      Terminal.line(Terminal.bold(channel.channel))
      Terminal.line(
        "  received \(channel.received) = accepted \(channel.accepted) + duplicate \(channel.duplicate)"
          + " + rejected \(channel.rejected) + unavailable \(channel.unavailable)")
      Terminal.line(
        "  accepted \(channel.accepted) = routed \(channel.routed) + dropped \(channel.dropped) + held \(channel.held)"
          + " + failed \(channel.failed) + discarded \(channel.discarded)")
      for lane in channel.lanes {
        Terminal.line(
          "  \(lane.name): created \(lane.created) = delivered \(lane.delivered) + waiting \(lane.waiting)"
            + " + held \(lane.held) + dead \(lane.dead) + discarded \(lane.discarded) + cancelled \(lane.cancelled);"
            + " passed by \(lane.passedBy)")
      }
    }
    for problem in problems { Terminal.line(Terminal.red(Terminal.safe(problem))) }
    if problems.isEmpty { Terminal.line(Terminal.green("The ledger adds up.")) }
  }
}
