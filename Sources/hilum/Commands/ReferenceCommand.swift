import ArgumentParser
import Authoring
import Definitions
import Foundation

struct ReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reference",
    abstract: "The reference made from the code: functions, channel files, codes of problems.",
    discussion: """
      Prints one page, or all of them; --write puts them into a folder instead.

      Example:
        hilum reference functions
        hilum reference codes
        hilum reference --write docs/reference
      """)
  @Argument(help: "functions, channels or codes; all unless said.") var page: String?
  @Option(help: "A folder that the pages are written to.") var write: String?

  func run() throws {
    let all = ReferencePages.all(.builtIn)
    if let page, !all.contains(where: { $0.name == page }) {
      throw Failure("There is no page \(page); the pages are \(all.map(\.name).joined(separator: ", ")).", code: 2)
    }
    for one in all where page == nil || one.name == page {
      guard let write else {
        Terminal.write(one.text, to: 1)
        continue
      }
      do {
        try ProgramFiles.write("\(write)/\(one.file)", Array(one.text.utf8))
      } catch { throw Failure("\(error)") }
      Terminal.line("\(write)/\(one.file)")
    }
  }
}

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema",
    abstract: "The JSON schema of channel files, for editors.",
    discussion: """
      With it an editor completes the keys of a file as one types, shows what they mean and marks what is misspelt.
      docs/editors.md says how editors are told.

      Example:
        hilum schema > channel.schema.json
        hilum schema settings > hilum.schema.json
      """)
  enum File: String, ExpressibleByArgument, CaseIterable { case channel, settings, environment }
  @Argument(help: "channel (templates too), settings (hilum.yaml) or environment.") var file = File.channel

  func run() {
    let text =
      switch file {
      case .channel: ChannelSchema.channel(.builtIn)
      case .settings: ChannelSchema.settings()
      case .environment: ChannelSchema.environment()
      }
    Terminal.write(text, to: 1)
  }
}
