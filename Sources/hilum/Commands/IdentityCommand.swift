import Admin
import ArgumentParser
import Store

struct IdentityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "identity", abstract: "Whom a pseudonym, or a UID that was given anew, stands for.",
    discussion: """
      Channels with `keep: {identities: …}` keep that, sealed, for what their transforms make with a key. The log says
      that somebody asked and why, and never for whom.

      Example:
        hilum identity RS7Q2M0C4T1XB9KD --why "incidental finding, study 17"
      """)
  @OptionGroup var engine: EngineOptions
  @Option(help: "Why you ask, for the log.") var why: String
  @Argument(help: "What stands in what was sent.") var standIns: [String]

  func run() async throws {
    let wanted = IdentitiesRequest(standIns: standIns, why: why)
    let found = try await engine.client.post("identities/search", wanted, as: [KnownStandIn].self)
    if engine.json { return try Terminal.json(found) }
    let unknown = standIns.filter { one in !found.contains { $0.standIn == one } }
    if !found.isEmpty {
      Terminal.table(
        ["STANDS IN", "FOR", "KIND", "KEY", "CHANNEL", "MESSAGE"],
        found.map { one in
          [one.standIn, one.original, one.kind, one.key, one.channel, one.message].map { Terminal.safe($0) }
        })
    }
    if !unknown.isEmpty {
      throw Failure(
        "Nothing is kept of \(unknown.map { Terminal.safe($0) }.joined(separator: ", ")). A channel keeps it from when "
          + "it says `keep: {identities: …}`, and for that long.")
    }
  }
}
