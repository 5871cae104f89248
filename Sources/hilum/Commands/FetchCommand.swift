import Admin
import ArgumentParser
import Engine

struct FetchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fetch", abstract: "Makes a source with a schedule look now.",
    discussion: """
      Beside its planned times, of which none is moved. Returns when the run begins; `hilum status` shows what
      it brought, and the log why it failed. A channel that is stopped meanwhile looks no more.

      Example:
        hilum fetch lab-files
      """)
  @OptionGroup var engine: EngineOptions
  @Argument(help: "The channels.") var channels: [String]
  @Option(help: "Who; you unless said.") var by = Person.name

  func run() async throws {
    for channel in channels {
      let status = try await engine.client.post(
        "channels/\(pathPart(channel))/fetch", AlertRequest(by: by, why: nil), as: EngineStatus.self)
      if engine.json { try Terminal.json(status) } else { Terminal.line("\(channel) looks now") }
    }
  }
}
