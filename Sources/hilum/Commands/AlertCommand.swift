import Admin
import ArgumentParser
import ConnectorKit
import Engine
import Foundation
import Messages

struct AlertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alert", abstract: "What is wrong at this moment, who looks after it, and planned downtimes.",
    subcommands: [List.self, Acknowledge.self, Plan.self], defaultSubcommand: List.self)

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "What is raised; with --all also what was cleared.",
      discussion: "Example:\n  hilum alert list\n  hilum alert list --all")
    @OptionGroup var engine: EngineOptions
    @Flag(help: "Also what was cleared, the newest first.") var all = false

    func run() async throws {
      let found: AlertOverview = try await engine.client.get("alerts")
      if engine.json { return try Terminal.json(found) }
      let alerts = found.active + (all ? found.cleared : [])
      if alerts.isEmpty { Terminal.line("Nothing is wrong.") } else { show(alerts) }
      for downtime in found.downtimes {
        let (channel, by) = (Terminal.safe(downtime.channel), Terminal.safe(downtime.by))
        Terminal.line(
          "downtime of \(channel) until \(Terminal.time(downtime.until)), by \(by): \(Terminal.safe(downtime.why))")
      }
      if let trouble = found.trouble, found.undelivered > 0 {
        Terminal.line(Terminal.red("\(found.undelivered) could not be told yet: \(Terminal.safe(trouble))"))
      }
      if found.lost > 0 { Terminal.line(Terminal.red("\(found.lost) were never told: too many waited.")) }
    }

    private func show(_ alerts: [Alert]) {
      Terminal.table(
        ["ID", "RAISED", "STATE", "WHERE", "WHAT"],
        alerts.map { alert in
          let state = alert.clearedAt.map { "over " + Terminal.time($0) } ?? alert.acknowledged.map { "with \($0.by)" }
          return [
            String(alert.id), Terminal.time(alert.raisedAt), Terminal.safe(state ?? "raised"),
            Terminal.safe(alert.key.place), Terminal.safe(alert.text),
          ]
        })
    }
  }

  struct Acknowledge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ack", abstract: "Says that somebody looks after an alert.",
      discussion: "It stays raised until all is well.\n\nExample:\n  hilum alert ack 12 --why \"called the PAS team\"")
    @OptionGroup var engine: EngineOptions
    @Argument(help: "The alert's id.") var id: Int
    @Option(help: "What is being done.") var why: String?
    @Option(help: "Who; you unless said.") var by = Person.name

    func run() async throws {
      let alert = try await engine.client.post("alerts/\(id)/ack", AlertRequest(by: by, why: why), as: Alert.self)
      if engine.json { return try Terminal.json(alert) }
      Terminal.line("\(by) looks after alert \(id): \(Terminal.safe(alert.key.place)): \(Terminal.safe(alert.text))")
    }
  }

  struct Plan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "downtime", abstract: "Lets a channel raise nothing for a while.",
      discussion: """
        What is still wrong when the time is over is raised then. A restart does not end it.

        Example:
          hilum alert downtime adt-to-ehr --for 2h --why "the EHR is updated"
          hilum alert downtime adt-to-ehr --end
        """)
    @OptionGroup var engine: EngineOptions
    @Argument(help: "The channel.") var channel: String
    @Option(name: .customLong("for"), help: "How long: 30m, 2h, 1d.") var time: String?
    @Option(help: "Why.") var why: String?
    @Flag(help: "Ends it now.") var end = false
    @Option(help: "Who; you unless said.") var by = Person.name

    func run() async throws {
      let seconds = try seconds()
      guard end || why?.isEmpty == false else { throw Failure("A downtime takes a reason: --why \"…\".", code: 2) }
      let found: AlertOverview = try await engine.client.post(
        "channels/\(pathPart(channel))/downtime", AlertRequest(by: by, why: why ?? "", seconds: seconds))
      if engine.json { return try Terminal.json(found) }
      if let downtime = found.downtimes.first(where: { $0.channel == channel }) {
        Terminal.line("\(channel) raises nothing until \(Terminal.time(downtime.until))")
      } else {
        Terminal.line("\(channel) raises what is wrong again")
      }
    }

    private func seconds() throws -> Int {
      if end, time == nil { return 0 }
      let node = SettingNode(.scalar(time ?? ""), at: Place(file: "", line: 1, column: 1))
      guard !end, let duration = Duration.read(node, SettingReader(folder: "")), duration >= .seconds(1) else {
        throw Failure("Say how long, --for 2h, or --end.", code: 2)
      }
      return Int(clamping: duration.milliseconds / 1000)
    }
  }
}

/// Who runs a command.
enum Person {
  static var name: String {
    let environment = ProcessInfo.processInfo.environment
    return environment["SUDO_USER"] ?? environment["USER"] ?? NSUserName()
  }
}
