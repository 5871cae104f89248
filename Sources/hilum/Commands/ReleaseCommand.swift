import Admin
import ArgumentParser
import Engine
import Store

struct ReleaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Shows what a restored store would send where; with --yes lets it.",
    discussion: """
      A store that comes from a backup, or whose site is not that of hilum.yaml, sends nothing until it is released: all
      of it, or channel by channel, lane by lane. Messages are taken meanwhile, and wait; folders are not read.

      Example:
        hilum release
        hilum release --yes adt-to-ehr/archive
        hilum release --yes
      """)
  @OptionGroup var engine: EngineOptions
  @Argument(help: "CHANNEL or CHANNEL/LANE; all unless said.") var names: [String] = []
  @Flag(help: "Lets go. What is sent can't be called back.") var yes = false

  func run() async throws {
    var overview = try chosen(of: try await engine.client.get("release", as: ReleaseOverview.self))
    let isHeld = overview.hold != nil && (names.isEmpty || overview.lanes.contains(where: \.awaitsRelease))
    if yes, isHeld {
      overview = try chosen(
        of: try await engine.client.post("release", ReleaseRequest(names: names), as: ReleaseOverview.self))
    }
    if engine.json { return try Terminal.json(overview) }
    if !isHeld, yes || overview.hold == nil {
      let what = names.isEmpty ? "" : " of \(names.map(Terminal.safe).joined(separator: ", "))"
      return Terminal.line("Nothing\(what) is held: nothing is to be released.")
    }
    guard let hold = overview.hold else { return Terminal.line("The store is released: what waits is sent.") }
    Terminal.line(Terminal.bold("Nothing is sent: ") + Terminal.safe(hold.reason))
    show(overview.lanes)
    if let copy = hold.copy {
      Terminal.line(
        """
        The backup was made \(Terminal.time(copy.madeAt)). What the engine that it is of has sent since then can't be
        known here: what waited at that time (MAYBE SENT) may go a second time, and what that engine took since is not
        here. Make sure that it does not run any more.
        """)
      show(overview.sequences)
    }
    if let site = hold.site {
      Terminal.line(
        "The store was that of \(Terminal.safe(site.store)); released as a whole it is that of "
          + "\(Terminal.safe(site.opened)).")
    }
    if !yes { Terminal.line("hilum release --yes lets all of it go; hilum release --yes CHANNEL[/LANE]… a part.") }
  }

  /// Of the channels and lanes that were named; of all where none was.
  private func chosen(of whole: ReleaseOverview) throws -> ReleaseOverview {
    if names.isEmpty { return whole }
    var overview = whole
    overview.lanes = whole.lanes.filter { names.contains($0.channel) || names.contains("\($0.channel)/\($0.lane)") }
    if overview.lanes.isEmpty { throw Failure("There is no lane \(names.joined(separator: ", ")).") }
    overview.sequences = whole.sequences.filter { one in overview.lanes.contains { $0.channel == one.channel } }
    return overview
  }

  private func show(_ sequences: [NumberSequence]) {
    if sequences.isEmpty { return }
    Terminal.line(
      """
      The numbers that channels give go on where they stood in the backup; those that were given since would be given
      again, and a partner may take them for repeats. Ask for the last that it has:
      hilum sequence set CHANNEL SEQUENCE LAST. What was taken since the restore has its number already.
      """)
    SequenceCommand.show(sequences)
  }

  private func show(_ lanes: [ReleaseOverview.Lane]) {
    Terminal.table(
      ["LANE", "TO", "WAITING", "MAYBE SENT", "OLDEST", "NEWEST", "STATE"],
      lanes.map { lane in
        [
          Terminal.safe("\(lane.channel)/\(lane.lane)"), Terminal.safe(lane.partner ?? "nobody: it has no destination"),
          String(lane.waiting), String(lane.possiblySent), lane.oldestAt.map { Terminal.time($0) } ?? "-",
          lane.newestAt.map { Terminal.time($0) } ?? "-",
          (lane.awaitsRelease ? "held" : "released") + (lane.stays.map { ", \($0)" } ?? ""),
        ]
      })
  }
}
