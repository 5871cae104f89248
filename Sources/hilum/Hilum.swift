import ArgumentParser
import Glibc

/// The whole command line. Exit codes: 0 good, 1 the thing checked is bad, 2 wrong use.
@main
struct Hilum: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hilum",
    abstract: "A healthcare integration engine: receives, transforms, keeps and delivers messages.",
    discussion: """
      Begin with a project of your own:

        hilum init hospital && cd hospital
        hilum check
        hilum run
      """,
    version: "hilum \(versionNumber)",
    groupedSubcommands: [
      CommandGroup(
        name: "Authoring",
        subcommands: [
          InitCommand.self, CheckCommand.self, FormatCommand.self, TestCommand.self, TryCommand.self,
          ExplainCommand.self, ReferenceCommand.self, SchemaCommand.self, ScaffoldCommand.self,
          LanguageServerCommand.self,
        ]),
      CommandGroup(
        name: "Running",
        subcommands: [
          RunCommand.self, StatusCommand.self, StartCommand.self, PauseCommand.self, StopCommand.self,
          FetchCommand.self, LaneCommand.self, PingCommand.self, AlertCommand.self, MetricsCommand.self,
          HealthCommand.self, LogsCommand.self,
        ]),
      CommandGroup(
        name: "Keeping",
        subcommands: [
          BackupCommand.self, RestoreCommand.self, ReleaseCommand.self, SequenceCommand.self, IdentityCommand.self,
        ]),
      CommandGroup(
        name: "Deploying",
        subcommands: [DeployCommand.self, DiffCommand.self, RevisionsCommand.self, RollbackCommand.self]),
      CommandGroup(
        name: "Messages",
        subcommands: [
          MessagesCommand.self, WhyCommand.self, DeadCommand.self, FailedCommand.self, HeldCommand.self,
          ResendCommand.self, ReprocessCommand.self, AuditCommand.self,
        ]),
      CommandGroup(name: "Testing", subcommands: [SendCommand.self, ReceiveCommand.self, BenchCommand.self]),
    ])

  static let versionNumber = "0.1.0"

  static func main() async { end(await perform()) }

  /// Ends the process without the handlers of `exit`: OpenSSL's frees what a thread of ours that comes to its own end a
  /// little later may still be using, and an engine that stopped in order would seem to have crashed.
  static func end(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
  }

  /// - Returns: the exit code.
  private static func perform() async -> Int32 {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return 0
    } catch let failure as Failure {
      Terminal.error(failure.description)
      return failure.code
    } catch {
      // ArgumentParser answers wrong use with 64: ours is 2.
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      if code == .success { Terminal.line(text) } else if !text.isEmpty { Terminal.error(text) }
      return code == .success ? 0 : code == .validationFailure ? 2 : code.rawValue
    }
  }
}

/// A command could not do what it was asked.
struct Failure: Error, CustomStringConvertible {
  /// 1: the thing checked is bad, or the engine said no. 2: wrong use.
  var code: Int32
  var description: String

  init(_ description: String, code: Int32 = 1) {
    self.code = code
    self.description = description
  }
}
