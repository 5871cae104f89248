import Admin
import ArgumentParser
import Store

struct SequenceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sequence", abstract: "The numbers that channels give to what they send.",
    subcommands: [List.self, Set.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Which number was given last.", discussion: "Example:\n  hilum sequence list")
    @OptionGroup var engine: EngineOptions

    func run() async throws {
      let found = try await engine.client.get("sequences", as: [NumberSequence].self)
      if engine.json { return try Terminal.json(found) }
      if found.isEmpty { return Terminal.line("No channel gives numbers.") }
      SequenceCommand.show(found)
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Goes on behind a number that a partner has seen.",
      discussion: """
        After a restore the numbers stand where they stood when the backup was made, and would be given again. What was
        taken before this command keeps its number. It goes forward only.

        Example:
          hilum sequence set adt-to-ehr lab 1207
        """)
    @OptionGroup var engine: EngineOptions
    @Argument(help: "The channel.") var channel: String
    @Argument(help: "The name in `sequence(\"name\")`.") var name: String
    @Argument(help: "The last number that was given; the next is the one behind it.") var last: Int64

    func validate() throws {
      guard (1...999_999_999_999_999_999).contains(last) else {
        throw ValidationError("A number has 1 to 18 digits.")
      }
    }

    func run() async throws {
      let wanted = NumberSequence(channel: channel, name: name, last: last)
      let now = try await engine.client.post("sequences", wanted, as: NumberSequence.self)
      if engine.json { return try Terminal.json(now) }
      Terminal.line("\(Terminal.safe(now.name)) of \(Terminal.safe(now.channel)): the next number is \(now.last + 1)")
    }
  }

  static func show(_ sequences: [NumberSequence]) {
    Terminal.table(
      ["CHANNEL", "SEQUENCE", "LAST"],
      sequences.map { [Terminal.safe($0.channel), Terminal.safe($0.name), String($0.last)] })
  }
}
