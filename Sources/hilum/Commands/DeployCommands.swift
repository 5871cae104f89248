import Admin
import ArgumentParser
import Definitions
import Engine
import Foundation
import Messages

struct DeployCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deploy", abstract: "Puts changed channel files to work in the running engine.",
    discussion: """
      The engine reads all channel files anew and checks them, as hilum check does. Where anything is wrong, all of it
      is shown and nothing is changed. Else what differs is put to work: a channel that is unchanged is not touched, a
      transform is swapped between two messages, a source with other settings is closed in order and opened anew, and
      a destination's new settings hold for what waits too. What a message was made into, and where it goes, stays as
      it was when it was accepted. SIGHUP does the same.

      Where a destination is gone and something waits for it, say what becomes of that: its lane goes on until it is
      empty (drain), it goes to the end of another lane of the channel (move:LANE), or it becomes dead letters (dead).

      --env says which environment the engine is believed to be in; where it is another, nothing is changed, unless
      --change-env says that it shall be this one from now on.

      Exits 1 where nothing was changed, or where a channel does not run as its files say.

      Example:
        hilum diff
        hilum deploy
        hilum deploy --waiting drain
        hilum deploy --env prod
      """)
  @OptionGroup var engine: EngineOptions
  @Option(help: "What becomes of what waits where no destination is any more: drain, move:LANE or dead.")
  var waiting: String?
  @OptionGroup var environment: EnvironmentOption
  @Flag(help: "The engine, which is in another environment, shall be in this one from now on.") var changeEnv = false

  func run() async throws {
    let request = DeployRequest(
      waiting: try checked(waiting), environment: environment.name, changesEnvironment: changeEnv)
    let report = try await engine.client.post("deploy", request, as: DeploymentReport.self)
    try show(report, engine)
  }
}

struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "What a deployment would change: the channel files beside what runs.",
    discussion: """
      With --env and one environment it says what would be another if the engine were in that one. With two it needs no
      engine: it says what differs between them, setting by setting.

      Exits 1 where the files have an error or a deployment would be refused, and shows why.

      Example:
        hilum diff
        hilum diff --env test prod
      """)
  @OptionGroup var engine: EngineOptions
  @Option(name: .customLong("env"), parsing: .upToNextOption, help: "One environment, or two to compare.")
  var environments: [String] = []
  @Option(help: "The engine's own settings, to compare two environments.") var settings = Site.standardFile

  func validate() throws {
    for name in environments { try EnvironmentOption.check(name) }
    guard environments.count <= 2 else { throw ValidationError("--env takes one environment, or two to compare.") }
  }

  func run() async throws {
    if environments.count == 2 { return try compare(environments[0], environments[1]) }
    let path = environments.first.map { "diff?env=\($0)" } ?? "diff"
    try show(try await engine.client.get(path, as: DeploymentReport.self), engine, isTrial: true)
  }

  private func compare(_ first: String, _ second: String) throws {
    let site = try Site.settings(settings)
    let folder = Site.shown(site.channels)
    let loaded = [first, second].map { Site.loader(site, environment: $0).load(folder: folder) }
    for one in loaded where one.hasErrors {
      Terminal.error(one.rendered())
      throw ExitCode(1)
    }
    let differences = loaded[0].differences(to: loaded[1])
    if engine.json { return try Terminal.json(differences) }
    // What is alike in many channels is said once.
    var named: [(names: [String], settings: [ChannelSettingsDifference.Setting])] = []
    for channel in differences {
      if let index = named.firstIndex(where: { $0.settings == channel.settings }) {
        named[index].names.append(channel.name)
      } else {
        named.append(([channel.name], channel.settings))
      }
    }
    for channel in named {
      Terminal.line(Terminal.bold(channel.names.joined(separator: ", ")))
      let width = channel.settings.map(\.setting.count).max() ?? 0
      for one in channel.settings {
        let name = one.setting.padding(toLength: width, withPad: " ", startingAt: 0)
        Terminal.line("  \(name)  " + Terminal.safe("\(one.first ?? "-")  ->  \(one.second ?? "-")"))
      }
    }
    let same = Set(loaded[0].files.compactMap { $0.name?.text }).count - differences.count
    Terminal.line("\(same) channel\(same == 1 ? " is" : "s are") the same in \(first) and \(second)")
  }
}

struct RevisionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revisions", abstract: "Which revision of a channel runs since when.",
    discussion: """
      A revision is the channel file with every transform, library and table that it reaches. Without a channel: what
      runs. With one: all that are known of it, the newest first.

      Example:
        hilum revisions
        hilum revisions adt-to-ehr
      """)
  @OptionGroup var engine: EngineOptions
  @Argument(help: "The channel.") var channel: String?

  func run() async throws {
    let path = channel.map { "revisions/\(pathPart($0))" } ?? "revisions"
    let revisions = try await engine.client.get(path, as: [RevisionShown].self)
    if engine.json { return try Terminal.json(revisions) }
    Terminal.table(
      ["CHANNEL", "REVISION", "SINCE", "BY", "FILES"],
      revisions.map {
        [
          $0.channel, $0.revision ?? "-", Terminal.time($0.since), $0.runs ? "\($0.by), runs" : $0.by,
          $0.revision == nil ? "out of work" : Terminal.safe($0.files.joined(separator: " ")),
        ]
      })
  }
}

struct RollbackCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback", abstract: "Runs the stored content of an earlier revision of a channel.",
    discussion: """
      Without a revision it is the one that ran before. The files on disk are left alone. What was rolled back to runs,
      also after a restart and after deployments of other channels, until the channel's own files change and are
      deployed. To go forward again without a change, roll back to the newer revision.

      Example:
        hilum rollback adt-to-ehr
        hilum rollback adt-to-ehr 3f0c92d1
      """)
  @OptionGroup var engine: EngineOptions
  @Argument(help: "The channel.") var channel: String
  @Argument(help: "The first digits of a revision (hilum revisions CHANNEL).") var revision: String?
  @Option(help: "What becomes of what waits where no destination is any more: drain, move:LANE or dead.")
  var waiting: String?

  func run() async throws {
    let request = DeployRequest(waiting: try checked(waiting), revision: revision)
    let report = try await engine.client.post(
      "revisions/\(pathPart(channel))", request, as: DeploymentReport.self)
    try show(report, engine)
  }
}

private func checked(_ waiting: String?) throws -> String? {
  guard let waiting else { return nil }
  guard LeavingChoice(waiting) != nil else {
    throw Failure("What waits can drain, move:LANE or be dead; not \(Terminal.safe(waiting)).", code: 2)
  }
  return waiting
}

/// - Parameter isTrial: nothing was done yet.
private func show(_ report: DeploymentReport, _ engine: EngineOptions, isTrial: Bool = false) throws {
  if engine.json {
    try Terminal.json(report)
  } else {
    if !report.problems.isEmpty { Terminal.write(report.problems, to: 1) }
    if report.errorCount > 0 {
      Terminal.line(Terminal.red("\(report.errorCount) errors, \(report.warningCount) warnings: nothing was changed"))
    }
    for refusal in report.refusals { Terminal.line(Terminal.red(Terminal.safe(refusal))) }
    if !report.refusals.isEmpty, !isTrial { Terminal.line(Terminal.red("nothing was changed")) }
    for channel in report.channels where channel.outcome != .unchanged { show(channel, isTrial: isTrial) }
    let unchanged = report.channels.count { $0.outcome == .unchanged }
    if unchanged > 0 { Terminal.line("\(unchanged) channel\(unchanged == 1 ? " is" : "s are") unchanged") }
  }
  if !report.isGood { throw ExitCode(1) }
}

private func show(_ channel: DeploymentReport.Channel, isTrial: Bool) {
  let isBad = channel.outcome == .failed || channel.outcome == .restored
  var word = channel.outcome.rawValue
  if isTrial {
    switch channel.outcome {
    case .started: word = "would start"
    case .changed: word = "would change"
    case .removed: word = "would end"
    case .unchanged, .kept, .restored, .failed: break
    }
  }
  let revision = channel.revision.map { "  \($0)" } ?? ""
  Terminal.line(Terminal.bold(channel.name) + "  " + (isBad ? Terminal.red(word) : word) + revision)
  for line in channel.lines { Terminal.line("  " + (isBad ? Terminal.red(Terminal.safe(line)) : Terminal.safe(line))) }
  for file in channel.files {
    Terminal.line("  " + Terminal.bold(Terminal.safe(file.path)))
    for line in file.lines { Terminal.line("    " + coloured(Terminal.safe(line))) }
  }
}

private func coloured(_ line: String) -> String {
  if line.hasPrefix("+") { return Terminal.green(line) }
  return line.hasPrefix("-") ? Terminal.red(line) : line
}
