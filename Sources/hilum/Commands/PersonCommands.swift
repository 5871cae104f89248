import Admin
import ArgumentParser
import Engine
import Store

/// Has the engine do something with each of these, prints what came of it, and exits 1 where one could not be done.
func carryOut(_ path: String, _ request: IDsRequest, _ engine: EngineOptions) async throws {
  let outcomes = try await engine.client.post(path, request, as: [ItemOutcome].self)
  if engine.json {
    try Terminal.json(outcomes)
  } else {
    for outcome in outcomes {
      let text = Terminal.safe(outcome.text)
      Terminal.line("\(outcome.id)  \(outcome.done ? text : Terminal.red("not done: \(text)"))")
    }
  }
  if outcomes.contains(where: { !$0.done }) { throw ExitCode(1) }
}

/// Things with reasons, grouped by reason, the most frequent first.
func grouped<Item>(_ items: [Item], by reason: (Item) -> String, id: (Item) -> String) {
  let groups = Dictionary(grouping: items, by: reason).sorted {
    $0.value.count == $1.value.count ? $0.key < $1.key : $0.value.count > $1.value.count
  }
  for group in groups {
    Terminal.line(Terminal.bold("\(group.value.count) × ") + Terminal.safe(group.key))
    for item in group.value { Terminal.line("  " + id(item)) }
  }
}

struct DeadCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dead", abstract: "Deliveries that were given up and wait for a person.",
    subcommands: [List.self, Retry.self, Discard.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Dead deliveries by reason.", discussion: "Example:\n  hilum dead list --channel adt-to-ehr")
    @OptionGroup var engine: EngineOptions
    @Option(help: "Only of this channel.") var channel: String?
    @Option(help: "How many at the most.") var limit = 1000

    func run() async throws {
      let found = try await Self.find(engine, channel, limit)
      if engine.json { return try Terminal.json(found) }
      if found.isEmpty { return Terminal.line("Nothing is dead.") }
      grouped(found, by: { "\($0.channel)/\($0.destination): \($0.summary ?? "no reason")" }) {
        "\($0.id)  message \($0.message)  \(Terminal.time($0.createdAt))"
      }
    }

    static func find(_ engine: EngineOptions, _ channel: String?, _ limit: Int) async throws -> [DeliveryRecord] {
      try await engine.client.post(
        "deliveries/search", DeliveryQuery(channel: channel, state: .dead, limit: limit), as: [DeliveryRecord].self)
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Puts dead deliveries at the end of their lanes: these, or all of a channel.",
      discussion: "Example:\n  hilum dead retry 06fzk…\n  hilum dead retry --channel adt-to-ehr")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "Ids of deliveries.") var ids: [String] = []
    @Option(help: "All of this channel.") var channel: String?

    func run() async throws {
      let ids = try await chosen(ids, channel) { try await List.find(engine, $0, .max).map(\.id) }
      try await carryOut("dead/retry", IDsRequest(ids: ids), engine)
    }
  }

  struct Discard: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Gives dead deliveries up for good, with a reason that is kept.",
      discussion: "Example:\n  hilum dead discard 06fzk… --reason \"entered by hand\"")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "Ids of deliveries.") var ids: [String]
    @Option(help: "Why; kept with each.") var reason: String

    func run() async throws {
      try await carryOut("dead/discard", IDsRequest(ids: ids, reason: reason), engine)
    }
  }
}

/// The ids that were named, or all of a channel.
func chosen(
  _ ids: [String], _ channel: String?, _ find: (String) async throws -> [String]
) async throws -> [String] {
  guard ids.isEmpty != (channel == nil) else { throw Failure("Say which, or --channel for all of a channel.", code: 2) }
  guard let channel else { return ids }
  // Oldest first: they were in this order when they came.
  return try await find(channel).sorted()
}

struct FailedCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failed", abstract: "Messages that are safe but could not be processed, and wait for a person.",
    subcommands: [List.self, Retry.self, Discard.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Failed messages by reason.", discussion: "Example:\n  hilum failed list")
    @OptionGroup var engine: EngineOptions
    @Option(help: "Only of this channel.") var channel: String?
    @Option(help: "How many at the most.") var limit = 1000

    func run() async throws {
      let found = try await Self.find(engine, channel, limit)
      if engine.json { return try Terminal.json(found) }
      if found.isEmpty { return Terminal.line("Nothing has failed.") }
      grouped(found, by: { "\($0.channel): \($0.reason ?? "no reason")" }) {
        "\($0.id)  \(Terminal.time($0.receivedAt))"
      }
    }

    static func find(_ engine: EngineOptions, _ channel: String?, _ limit: Int) async throws -> [MessageRecord] {
      try await engine.client.post(
        "messages/search", MessageQuery(channel: channel, states: [.failed], limit: limit),
        as: [MessageRecord].self)
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Runs failed messages through the transform again: these, or all of a channel, oldest first.",
      discussion: """
        It is the transform that the engine runs: after an edit, hilum deploy.

        Example:
          hilum failed retry --channel adt-to-ehr --dry-run
        """)
    @OptionGroup var engine: EngineOptions
    @Argument(help: "Ids of messages.") var ids: [String] = []
    @Option(help: "All of this channel.") var channel: String?
    @Flag(help: "Only says what would come of each.") var dryRun = false

    func run() async throws {
      let ids = try await chosen(ids, channel) { try await List.find(engine, $0, .max).map(\.id) }
      try await carryOut("failed/retry", IDsRequest(ids: ids, dryRun: dryRun), engine)
    }
  }

  struct Discard: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Gives failed messages up for good, with a reason that is kept.",
      discussion: "Example:\n  hilum failed discard 06fzk… --reason \"test message\"")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "Ids of messages.") var ids: [String]
    @Option(help: "Why; kept with each.") var reason: String

    func run() async throws {
      try await carryOut("failed/discard", IDsRequest(ids: ids, reason: reason), engine)
    }
  }
}

struct ResendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resend", abstract: "Sends the same outgoing bytes of messages again.",
    discussion: "The partner gets the same control id as before.\n\nExample:\n  hilum resend 06fzk… --to ehr")
  @OptionGroup var engine: EngineOptions
  @Argument(help: "Ids of messages.") var ids: [String]
  @Option(help: "Only to this destination.") var to: String?

  func run() async throws {
    try await carryOut("resend", IDsRequest(ids: ids, to: to), engine)
  }
}

struct ReprocessCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reprocess", abstract: "Runs stored inputs through their channel again.",
    discussion: """
      It is the revision that the engine runs: after an edit, hilum deploy.

      Example:
        hilum reprocess 06fzk… --dry-run
      """)
  @OptionGroup var engine: EngineOptions
  @Argument(help: "Ids of messages.") var ids: [String]
  @Flag(help: "Only says what would come of each.") var dryRun = false

  func run() async throws {
    try await carryOut("reprocess", IDsRequest(ids: ids, dryRun: dryRun), engine)
  }
}
