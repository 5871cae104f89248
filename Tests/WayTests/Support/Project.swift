import Admin
import Engine
import Foundation
import Partners
import Store
import Synchronization

/// A project in a folder of its own, as a hospital has it: channel files, transforms, settings, data.
///
/// The folder goes when the project does; an engine that still runs is killed.
final class Project: Sendable {
  let folder: String
  /// What was printed, by the engine and by commands; never on a disk that is under trial.
  let runs: String
  fileprivate let engines = Mutex<[EngineProcess]>([])
  private let lastRun = Mutex(0)
  /// Keeps the ports of sources while no engine listens on them.
  private let ports = Mutex<[PortReservation]>([])

  /// - Parameter parent: where the folder is made, for a disk of a certain kind.
  init(in parent: String? = nil) throws {
    let parent = parent ?? FileManager.default.temporaryDirectory.path
    let name = "hilum-way-\(UUID().uuidString.prefix(8))"
    folder = "\(parent)/\(name)"
    runs = FileManager.default.temporaryDirectory.path + "/\(name)-runs"
    for name in ["Channels", "Transforms", "in", "out"] { try makeFolder(name) }
    try FileManager.default.createDirectory(atPath: runs, withIntermediateDirectories: true)
  }

  deinit {
    // Files can't be removed under a process that still makes new ones.
    let running = engines.withLock { $0 }
    for engine in running { engine.launch.signal(9) }
    guard ProcessInfo.processInfo.environment["HILUM_KEEP"] == nil else { return }
    for path in [folder, runs] { try? FileManager.default.removeItem(atPath: path) }
  }

  // MARK: Files

  func path(_ name: String) -> String { "\(folder)/\(name)" }

  func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
  }

  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }
  func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: path(name))) }

  func read(_ name: String) -> [UInt8] { FileManager.default.contents(atPath: path(name)).map(Array.init) ?? [] }

  func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []).sorted()
  }

  /// A port that is this project's own, listened on or not.
  func port() throws -> Int {
    let reservation = try PortReservation()
    ports.withLock { $0.append(reservation) }
    return reservation.port
  }

  // MARK: The engine

  /// Starts an engine and waits until it says that it is ready.
  /// - Throws: where a channel file has an error, unless `someBroken` says that this is wanted.
  /// - Parameter under: a program and its arguments that start it: `strace …`, `prlimit …`.
  @discardableResult
  func start(
    _ arguments: [String] = [], under: [String] = [], environment: [String: String] = [:], someBroken: Bool = false
  ) async throws -> EngineProcess {
    let engine = try launch(arguments, under: under, environment: environment)
    try await engine.ready()
    if !someBroken, engine.launch.errors.contains(": error ") { throw WayError(engine.launch.errors) }
    return engine
  }

  /// Starts an engine, and doesn't wait for it.
  func launch(
    _ arguments: [String] = [], under: [String] = [], environment: [String: String] = [:]
  ) throws -> EngineProcess {
    let number = nextRun()
    let launch = try Launch(
      under + [Self.binary, "run"] + arguments, in: folder, environment: environment,
      output: "\(runs)/engine-\(number).out", errors: "\(runs)/engine-\(number).err")
    let engine = EngineProcess(launch)
    engines.withLock { engines in
      engines.removeAll { !$0.launch.isRunning }
      engines.append(engine)
    }
    return engine
  }

  /// The binary beside the tests, or another one: `HILUM_BINARY=.build-release/release/hilum`.
  static let binary: String = {
    if let other = ProcessInfo.processInfo.environment["HILUM_BINARY"] { return other }
    let tests = Bundle.main.bundlePath
    var folders = [tests, (tests as NSString).deletingLastPathComponent]
    if let program = CommandLine.arguments.first { folders.append((program as NSString).deletingLastPathComponent) }
    folders.append(root + "/.build/debug")
    return folders.map { $0 + "/hilum" }.first { FileManager.default.isExecutableFile(atPath: $0) } ?? root
      + "/.build/debug/hilum"
  }()

  /// The package.
  static let root: String = {
    var path = #filePath as NSString
    for _ in 0..<4 { path = path.deletingLastPathComponent as NSString }
    return path as String
  }()

  // MARK: Commands

  struct CommandResult: Sendable {
    let output: String
    let errors: String
    /// Its exit code; 128 and more for a signal, as in a shell; -1 where it did not end.
    let status: Int32
  }

  /// Runs a command in the folder and gives what it printed and how it ended.
  @discardableResult
  func hilum(_ arguments: String..., within seconds: Double = 60) async throws -> CommandResult {
    try await run([Self.binary] + arguments, within: seconds)
  }

  @discardableResult
  func run(_ words: [String], within seconds: Double = 60) async throws -> CommandResult {
    let number = nextRun()
    let launch = try Launch(
      words, in: folder, output: "\(runs)/command-\(number).out", errors: "\(runs)/command-\(number).err")
    let status: Int32 =
      switch await launch.ending(within: seconds) {
      case .exited(let code): code
      case .signalled(let number): 128 + number
      case nil: -1
      }
    return CommandResult(output: launch.output, errors: launch.errors, status: status)
  }

  /// Runs a command with `--json` and decodes what it printed.
  func json<Answer: Decodable>(_ arguments: String..., as type: Answer.Type = Answer.self) async throws -> Answer {
    let result = try await run([Self.binary] + arguments + ["--json"])
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(result.output.utf8)) else {
      throw WayError("\(arguments.joined(separator: " ")) gave \(result.status): \(result.output) \(result.errors)")
    }
    return answer
  }

  private func nextRun() -> Int {
    lastRun.withLock { number in
      number += 1
      return number
    }
  }

  // MARK: What the engine says

  func status() async throws -> EngineStatus { try await json("status") }

  func channel(_ name: String) async throws -> ChannelStatus {
    let status = try await status()
    guard let channel = status.channels.first(where: { $0.name == name }) else { throw WayError("no channel \(name)") }
    return channel
  }

  func lane(_ name: String) async throws -> LaneStatus {
    let parts = name.split(separator: "/").map(String.init)
    guard let lane = try await channel(parts[0]).lanes.first(where: { $0.name == parts[1] }) else {
      throw WayError("no lane \(name)")
    }
    return lane
  }

  /// Every sum that does not come out.
  func problemsOfTheLedger() async throws -> [String] {
    let audit: AuditAnswer = try await json("audit")
    return audit.problems + audit.channels.flatMap(\.problems)
  }

  /// The ledger of a channel, after a look that all of it adds up.
  func ledger(_ name: String) async throws -> ChannelLedger {
    let audit: AuditAnswer = try await json("audit")
    let problems = audit.problems + audit.channels.flatMap(\.problems)
    guard problems.isEmpty else { throw WayError("the ledger does not add up: \(problems)") }
    guard let channel = audit.channels.first(where: { $0.channel == name }) else {
      throw WayError("no ledger of \(name)")
    }
    return channel
  }

  func messages(_ state: MessageState? = nil, limit: Int = 1000) async throws -> [MessageRecord] {
    var words = ["messages", "list", "--limit", "\(limit)"]
    if let state { words += ["--state", state.rawValue] }
    let result = try await run([Self.binary] + words + ["--json"])
    return try JSONDecoder().decode([MessageRecord].self, from: Data(result.output.utf8))
  }

  func dead() async throws -> [DeliveryRecord] { try await json("dead", "list") }

  func story(_ id: String) async throws -> String {
    let lines: [String] = try await json("why", id)
    return lines.joined(separator: "\n")
  }

  /// Waits until nothing waits in any lane.
  func drained(within seconds: Double = 30) async throws {
    try await eventually(within: seconds, "every lane is empty") {
      try await status().channels.allSatisfy { $0.lanes.allSatisfy { $0.waiting == 0 } }
    }
  }

  var log: String { String(decoding: read("data/hilum.log"), as: UTF8.self) }
}

/// An engine at work.
final class EngineProcess: Sendable {
  let launch: Launch

  init(_ launch: Launch) { self.launch = launch }

  /// Waits for its line that says so.
  func ready(within seconds: Double = 60) async throws {
    try await eventually(within: seconds, "the engine is ready: \(launch.output) \(launch.errors)") {
      if launch.output.contains("hilum is ready") { return true }
      guard launch.isRunning else { throw WayError("the engine did not come up: \(launch.output) \(launch.errors)") }
      return false
    }
  }

  /// SIGKILL: what a crash, or a power cut, looks like to the process.
  func kill() async { await launch.kill() }

  /// Asks it to stop and says how it ended; `nil` where that took longer.
  func stop(within seconds: Double = 20) async -> Launch.Ending? {
    launch.signal(SIGTERM)
    return await launch.ending(within: seconds)
  }

  /// Physical memory of its own, in bytes; pages of mapped files don't count.
  var memoryBytes: Int {
    let status = (try? String(contentsOfFile: "/proc/\(launch.id)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") } ?? ""
    return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
  }

  /// How many files and sockets it has open.
  var descriptorCount: Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(launch.id)/fd")) ?? []).count
  }
}

extension Project {
  /// Stops the engine in order and starts another.
  @discardableResult
  func restart(environment: [String: String] = [:]) async throws -> EngineProcess {
    guard let engine = running else { throw WayError("no engine runs") }
    guard await engine.stop() == .exited(0) else {
      throw WayError("the engine did not stop in order: \(engine.launch.errors)")
    }
    return try await start(environment: environment)
  }

  /// The engine that was started last, while it runs.
  var running: EngineProcess? { engines.withLock { $0.last } }
}
