import Admin
import ArgumentParser
import Engine

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

      Exits 1 where nothing was changed, or where a channel does not run as its files say.

      Example:
        hilum diff
        hilum deploy
        hilum deploy --waiting drain
      """)
  @OptionGroup var engine: EngineOptions
  @Option(help: "What becomes of what waits where no destination is any more: drain, move:LANE or dead.")
  var waiting: String?

  func run() async throws {
    let waiting = try checked(waiting)
    let report = try await engine.client.post("deploy", DeployRequest(waiting: waiting), as: DeploymentReport.self)
    try show(report, engine)
  }
}

struct DiffCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "What a deployment would change: the channel files beside what runs.",
    discussion: """
      Exits 1 where the files have an error or a deployment would be refused, and shows why.

      Example:
        hilum diff
      """)
  @OptionGroup var engine: EngineOptions

  func run() async throws {
    try show(try await engine.client.get("diff", as: DeploymentReport.self), engine, isTrial: true)
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
