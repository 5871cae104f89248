import Foundation
import Testing

/// A project in a folder of its own, and the engine that runs it as a process: what a hospital has, and what can be
/// killed.
///
/// The folder goes when the project does; engines that still run are killed.
final class Project: @unchecked Sendable {
  let folder: URL
  private var engines: [EngineProcess] = []
  private let lock = NSLock()

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("hilum-way-\(UUID().uuidString)")
    for name in ["Channels", "Transforms", "in", "out"] {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent(name), withIntermediateDirectories: true)
    }
  }

  deinit {
    for engine in engines { engine.kill() }
    try? FileManager.default.removeItem(at: folder)
  }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  func read(_ name: String) -> [UInt8] {
    (try? Data(contentsOf: folder.appendingPathComponent(name))).map(Array.init) ?? []
  }

  func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path(folder))) ?? []).sorted()
  }

  /// Starts an engine and waits until it says that it is ready.
  func start(environment: [String: String] = [:]) async throws -> EngineProcess {
    let engine = try EngineProcess(folder: folder, environment: environment)
    lock.withLock { engines.append(engine) }
    try await engine.ready()
    return engine
  }

  /// Runs a command in the folder and gives what it printed and how it ended.
  @discardableResult
  func hilum(_ arguments: String...) async throws -> (output: String, errors: String, status: Int32) {
    try await Command.run(arguments, in: folder)
  }

  /// Runs a command with `--json` and decodes what it printed.
  func json<Answer: Decodable>(_ arguments: String..., as type: Answer.Type = Answer.self) async throws -> Answer {
    let (output, errors, status) = try await Command.run(arguments + ["--json"], in: folder)
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(output.utf8)) else {
      throw WayError("\(arguments) gave \(status): \(output) \(errors)")
    }
    return answer
  }
}

struct WayError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Runs the built `hilum` once.
enum Command {
  /// The binary beside the tests.
  static let binary: URL = {
    var folder = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { folder.deleteLastPathComponent() }
    let bundle = Bundle.main.executableURL?.deletingLastPathComponent().appendingPathComponent("hilum")
    if let bundle, FileManager.default.isExecutableFile(atPath: bundle.path) { return bundle }
    return folder.appendingPathComponent(".build/debug/hilum")
  }()

  static func run(
    _ arguments: [String], in folder: URL
  ) async throws -> (output: String, errors: String, status: Int32) {
    let process = Process()
    process.executableURL = binary
    process.arguments = arguments
    process.currentDirectoryURL = folder
    let output = Pipe()
    let errors = Pipe()
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    return try await withCheckedThrowingContinuation { continuation in
      // Reading to the end blocks: on a thread of its own, never on the pool that the tests run on.
      Thread.detachNewThread {
        do {
          try process.run()
          let text = output.fileHandleForReading.readDataToEndOfFile()
          let complaint = errors.fileHandleForReading.readDataToEndOfFile()
          process.waitUntilExit()
          continuation.resume(
            returning: (
              String(decoding: text, as: UTF8.self), String(decoding: complaint, as: UTF8.self),
              process.terminationStatus
            ))
        } catch {
          continuation.resume(throwing: error)
        }
      }
    }
  }
}

/// A running engine.
final class EngineProcess: @unchecked Sendable {
  private let process = Process()
  private let output = Pipe()
  private let folder: URL
  private let ended = DispatchSemaphore(value: 0)
  private let log: FileHandle

  init(folder: URL, environment: [String: String]) throws {
    self.folder = folder
    process.executableURL = Command.binary
    process.arguments = ["run"]
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.environment?["SWIFT_BACKTRACE"] = "enable=no"
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    let errors = folder.appendingPathComponent("stderr.txt")
    if !FileManager.default.fileExists(atPath: errors.path) {
      FileManager.default.createFile(atPath: errors.path, contents: nil)
    }
    log = try FileHandle(forWritingTo: errors)
    try log.seekToEnd()
    process.standardError = log
    process.terminationHandler = { [ended] _ in ended.signal() }
    try process.run()
  }

  /// Waits for the line `ready` on standard output.
  func ready() async throws {
    let handle = output.fileHandleForReading
    let text: String = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var text = ""
        while true {
          let data = handle.availableData
          text += String(decoding: data, as: UTF8.self)
          if data.isEmpty || text.contains("ready") { break }
        }
        continuation.resume(returning: text)
      }
    }
    guard text.contains("ready") else {
      let errors = (try? String(contentsOf: folder.appendingPathComponent("stderr.txt"), encoding: .utf8)) ?? ""
      throw WayError("the engine did not come up: \(text) \(errors)")
    }
  }

  var identifier: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }

  /// As a power cut looks to a process.
  func kill() {
    if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  func signal(_ number: Int32) { Foundation.kill(process.processIdentifier, number) }

  /// Asks it to stop and gives how it ended; `nil` where it took longer.
  func stop(within seconds: Int = 15) async -> Int32? {
    signal(SIGTERM)
    return await exit(within: seconds)
  }

  func exit(within seconds: Int) async -> Int32? {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread { [self] in
        let result = ended.wait(timeout: .now() + .seconds(seconds))
        if result == .success { ended.signal() }
        continuation.resume(returning: result == .success ? process.terminationStatus : nil)
      }
    }
  }

  /// Physical memory in use, in bytes.
  var residentBytes: Int {
    let status = (try? String(contentsOfFile: "/proc/\(identifier)/statm", encoding: .utf8)) ?? ""
    let pages = status.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * 4096
  }
}

/// Looks again and again until something holds, for at most so long. For what other processes do: nothing here tells
/// us when.
func eventually(
  within seconds: Double = 20, _ what: String, _ holds: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + .seconds(seconds)
  while ContinuousClock.now < deadline {
    if try await holds() { return }
    try await Task.sleep(for: .milliseconds(50))
  }
  throw WayError("not within \(seconds) s: \(what)")
}
