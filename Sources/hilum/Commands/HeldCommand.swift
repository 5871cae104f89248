import Admin
import ArgumentParser
import Engine
import Store

/// What is held: messages that `hold` in a transform stopped, and deliveries that keep their places in lanes.
struct HeldCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "held", abstract: "Messages and deliveries that are held until a person decides.",
    discussion: """
      A message is held by `hold` in a transform. A delivery is held where its destination says
      `refused: {then: hold}`: it keeps its place in the lane, and what its order lets wait waits behind it.
      """,
    subcommands: [List.self, Release.self, Discard.self], defaultSubcommand: List.self)

  /// Both kinds.
  struct Held: Codable {
    var messages: [MessageRecord]
    var deliveries: [DeliveryRecord]

    static func find(_ engine: EngineOptions, _ channel: String?, _ limit: Int) async throws -> Held {
      Held(
        messages: try await engine.client.post(
          "messages/search", MessageQuery(channel: channel, states: [.held], limit: limit), as: [MessageRecord].self),
        deliveries: try await engine.client.post(
          "deliveries/search", DeliveryQuery(channel: channel, state: .held, limit: limit), as: [DeliveryRecord].self))
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What is held, by reason.", discussion: "Example:\n  hilum held list --channel adt-to-ehr")
    @OptionGroup var engine: EngineOptions
    @Option(help: "Only of this channel.") var channel: String?
    @Option(help: "How many of each kind at the most.") var limit = 1000

    func run() async throws {
      let found = try await Held.find(engine, channel, limit)
      if engine.json { return try Terminal.json(found) }
      if found.messages.isEmpty, found.deliveries.isEmpty { return Terminal.line("Nothing is held.") }
      grouped(found.messages, by: { "\($0.channel), messages: \($0.reason ?? "no reason")" }) {
        "\($0.id)  \(Terminal.time($0.receivedAt))"
      }
      grouped(
        found.deliveries, by: { "\($0.channel)/\($0.destination), deliveries: \($0.summary ?? "no reason")" }
      ) { "\($0.id)  message \($0.message)  \(Terminal.time($0.createdAt))" }
    }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lets what is held go on: these, or all of a channel, oldest first.",
      discussion: """
        A message runs through the transform that the engine runs, past its `hold`; where nothing follows the hold, it
        stays held. A delivery is tried again in its place.

        Example:
          hilum held release 06fzk…
          hilum held release --channel adt-to-ehr
        """)
    @OptionGroup var engine: EngineOptions
    @Argument(help: "Ids of messages and deliveries.") var ids: [String] = []
    @Option(help: "All of this channel.") var channel: String?

    func run() async throws {
      let ids = try await chosen(ids, channel) { channel in
        let found = try await Held.find(engine, channel, .max)
        return found.deliveries.map(\.id) + found.messages.map(\.id)
      }
      try await carryOut("held/release", IDsRequest(ids: ids), engine)
    }
  }

  struct Discard: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Gives what is held up for good, with a reason that is kept.",
      discussion: "Example:\n  hilum held discard 06fzk… --reason \"entered by hand\"")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "Ids of messages and deliveries.") var ids: [String]
    @Option(help: "Why; kept with each.") var reason: String

    func run() async throws {
      try await carryOut("held/discard", IDsRequest(ids: ids, reason: reason), engine)
    }
  }
}
