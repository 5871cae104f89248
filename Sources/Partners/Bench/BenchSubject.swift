internal import Glibc
internal import Synchronization

/// What is measured: the floor, or an engine, as a process of its own.
package protocol BenchSubject: Sendable {
  /// As it stands in the table: `floor`, `1 destination`, `3 destinations, typical transform`.
  var name: String { get }
  /// How many partners it delivers to. With 0 its acknowledgements count, otherwise what the slowest partner received
  /// and acknowledged.
  var destinationCount: Int { get }

  /// Starts it in a folder that is empty, delivering to these ports on 127.0.0.1; returns when it listens.
  /// - Returns: the MLLP port on 127.0.0.1 that the load goes to.
  func start(directory: String, partnerPorts: [Int]) async throws -> Int
  /// What the process has used since it started. Called while it works, on the load's thread: it must be quick.
  func usage() throws -> ProcessUsage
  /// Stops it; its folder is removed after that.
  func stop() async
}

/// The floor as a subject: this program, started again with arguments that lead to ``FloorChild/run(directory:)``.
package final class FloorSubject: BenchSubject {
  package let name = "floor"
  package let destinationCount = 0
  private let executable: String
  private let arguments: [String]
  private let child = Mutex<ChildProcess?>(nil)

  /// - Parameter arguments: what makes the program run as a floor; the folder is added as the last one.
  package init(executable: String = "/proc/self/exe", arguments: [String]) {
    self.executable = executable
    self.arguments = arguments
  }

  package func start(directory: String, partnerPorts: [Int]) async throws -> Int {
    let child = try await ChildProcess.start(executable, arguments + [directory])
    self.child.withLock { $0 = child }
    let line = try await child.line { $0.hasPrefix(FloorChild.portPrefix) }
    guard let port = Int(line.dropFirst(FloorChild.portPrefix.count)) else {
      throw PartnerError.child("the floor did not name its port")
    }
    return port
  }

  package func usage() throws -> ProcessUsage {
    guard let child = child.withLock({ $0 }) else { throw PartnerError.stopped }
    return try child.usage()
  }

  package func stop() async {
    let running = child.withLock { child in
      defer { child = nil }
      return child
    }
    _ = await running?.stop()
  }
}

/// The floor's side of its own process.
package enum FloorChild {
  static let portPrefix = "port "

  /// Runs a floor, writes `port N` to standard output, and stops when standard input ends.
  /// - Throws: also where the store does not promise what it must: a floor that is not durable is no floor.
  package static func run(directory: String) async throws {
    let floor = try await Floor.start(directory: directory)
    guard try await floor.synchronous() == 2 else {
      await floor.stop()
      throw PartnerError.database("the floor's database is not set to synchronous=FULL")
    }
    let line = Array("\(portPrefix)\(floor.port)\n".utf8)
    _ = write(1, line, line.count)
    await inputEnded()
    await floor.stop()
  }

  private static func inputEnded() async {
    await withCheckedContinuation { continuation in
      BlockingThread.detach {
        var byte: UInt8 = 0
        while true {
          let count = read(0, &byte, 1)
          if count == 0 || (count < 0 && errno != EINTR) { break }
        }
        continuation.resume()
      }
    }
  }
}
