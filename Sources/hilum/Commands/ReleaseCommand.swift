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
    var overview: ReleaseOverview =
      yes
      ? try await engine.client.post("release", ReleaseRequest(names: names))
      : try await engine.client.get("release")
    if !names.isEmpty {
      overview.lanes = overview.lanes.filter {
        names.contains($0.channel) || names.contains("\($0.channel)/\($0.lane)")
      }
      if overview.lanes.isEmpty { throw Failure("There is no lane \(names.joined(separator: ", ")).") }
    }
    if engine.json { return try Terminal.json(overview) }
    guard let hold = overview.hold else {
      return Terminal.line(yes ? "The store is released: what waits is sent." : "Nothing is to be released.")
    }
    Terminal.line(Terminal.bold("Nothing is sent: ") + Terminal.safe(hold.reason))
    show(overview.lanes)
    if let copy = hold.copy {
      Terminal.line(
        """
        The backup was made \(Terminal.time(copy.madeAt)). What the engine that it is of has sent since then can't be
        known here: what waited at that time (MAYBE SENT) may go a second time, and what that engine took since is not
        here. Make sure that it does not run any more.
        """)
    }
    if let site = hold.site {
      Terminal.line(
        "The store was that of \(Terminal.safe(site.store)); released as a whole it is that of "
          + "\(Terminal.safe(site.opened)).")
    }
    if !yes { Terminal.line("hilum release --yes lets all of it go; hilum release --yes CHANNEL[/LANE]… a part.") }
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
