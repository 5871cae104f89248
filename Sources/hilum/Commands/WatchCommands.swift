import ArgumentParser
import Engine
import Foundation

struct MetricsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "Everything countable of a running engine, in Prometheus' text format.",
    discussion: """
      The engine gives the same at /metrics of its control socket (docs/operating.md says how to collect it). No metric
      holds anything of a message.

      Example:
        hilum metrics --data /var/lib/hilum
      """)
  @Option(name: .long, help: "The engine's data folder.") var data = "data"

  func run() async throws {
    Terminal.write(try await ControlClient(data).bytes("metrics"))
  }
}

struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health", abstract: "Whether the engine takes messages, and why not.",
    discussion: """
      `ready`: everything that shall run does. `degraded`: messages are taken, but a part is not at work. `unready`:
      nothing is taken; exits 1, as it does where no engine answers. With --live it asks only whether the process should
      be started anew.

      Example:
        hilum health
        hilum health --live
      """)
  @OptionGroup var engine: EngineOptions
  @Flag(help: "Only whether the process should be started anew.") var live = false

  func run() async throws {
    let health: EngineHealth = try await engine.client.get(live ? "health/live" : "health/ready", bad: 503)
    if engine.json {
      try Terminal.json(health)
    } else {
      let word = health.state.rawValue
      Terminal.line(health.state == .ready ? Terminal.green(word) : Terminal.red(word))
      for reason in health.reasons { Terminal.line("  " + Terminal.safe(reason)) }
    }
    if health.state == .unready { throw ExitCode(1) }
  }
}
