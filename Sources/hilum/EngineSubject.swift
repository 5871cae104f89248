import ConnectorKit
import Engine
import Foundation
import Partners
import Synchronization

/// The engine as `hilum bench` measures it: this program, started again on a project made for it.
final class EngineSubject: BenchSubject {
  let name: String
  let destinationCount: Int
  private let window: Int
  /// The destination's `order:`.
  private let order: String
  /// One more destination, at whose port nobody listens.
  private let hasDeadPartner: Bool
  private let child = Mutex<ChildProcess?>(nil)

  init(destinations: Int, window: Int, hasDeadPartner: Bool = false) {
    destinationCount = destinations
    self.window = window
    order = "strict"
    self.hasDeadPartner = hasDeadPartner
    name =
      "engine, \(destinations) destination\(destinations == 1 ? "" : "s")\(hasDeadPartner ? " and a dead one" : ""), "
      + "window \(window)"
  }

  /// One destination that isn't strict: by keys, of which there are a thousand, or without any.
  init(orderBy keys: Bool, inFlight: Int) {
    destinationCount = 1
    window = 1
    hasDeadPartner = false
    order = "{by: \(keys ? "[\"right(PID-3[1].1, 3)\"]" : "none"), in-flight: \(inFlight)}"
    name = "engine, order by \(keys ? "1,000 keys" : "none"), \(inFlight) in flight"
  }

  func start(directory: String, partnerPorts: [Int]) async throws -> Int {
    try write("Channels/bench.yaml", in: directory, channel(partnerPorts))
    try write("Transforms/bench.hilt", in: directory, Self.transform)
    try write("hilum.yaml", in: directory, "log: {level: error}\n")
    let child = try await ChildProcess.start(
      "/proc/self/exe", ["run", "--settings", "\(directory)/hilum.yaml", "--quiet"], errorsTo: "\(directory)/errors.txt"
    )
    self.child.withLock { $0 = child }
    do {
      _ = try await child.line { $0.contains("ready") }
    } catch {
      let errors = (try? String(contentsOfFile: "\(directory)/errors.txt", encoding: .utf8)) ?? ""
      throw Failure("the engine did not come up: \(errors)")
    }
    return try await port(of: "\(directory)/data")
  }

  func usage() throws -> ProcessUsage {
    guard let child = child.withLock({ $0 }) else { throw Failure("the engine is not running") }
    return try child.usage()
  }

  func stop() async {
    let running = child.withLock { child in
      defer { child = nil }
      return child
    }
    _ = await running?.stop()
  }

  /// The system chose the port: the status tells which.
  private func port(of data: String) async throws -> Int {
    for _ in 0..<100 {
      if let status = try? await ControlClient(data).get("status", as: EngineStatus.self),
        let text = status.channels.first?.source.listening, let port = Int(text.split(separator: ":").last ?? "")
      {
        return port
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw Failure("the engine does not listen")
  }

  private func write(_ name: String, in directory: String, _ text: String) throws {
    let url = URL(fileURLWithPath: "\(directory)/\(name)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: url)
  }

  private func channel(_ ports: [Int]) -> String {
    // The port of TCP's own multiplexer, on which nobody listens.
    let destinations = (ports + (hasDeadPartner ? [1] : [])).enumerated().map { number, port in
      """
        partner-\(number + 1):
          mllp: {host: 127.0.0.1, port: \(port)}
          window: \(window)
          order: \(order)

      """
    }
    return """
      channel: bench
      source:
        mllp: {port: 0}
      transform: ../Transforms/bench.hilt
      destinations:
      \(destinations.joined())columns: {mrn: "PID-3[1].1"}
      """
  }

  /// Ten changes, as a typical interface makes them.
  private static let transform = """
    transform bench
      in  hl7
      out hl7

    require PID-3[1].1 is valued else reject AE 101 "no patient identifier" at PID-3

    let out = copy msg
    out.MSH-3 = "HUB"
    out.MSH-4 = "NORTH"
    out.MSH-5 = "LAB"
    out.MSH-6 = "SOUTH"
    out.MSH-11.1 = "P"
    out.PID-3[1].4.1 = "RXX"
    out.PID-5[1].1.1 = upper(PID-5[1].1.1)
    out.PID-5[1].2 = upper(PID-5[1].2)
    out.PID-8 = match PID-8 { "M" => "M", "F" => "F", _ => "U" }
    out.PV1-3.1 = PV1-3.1 ?? "UNKNOWN"
    emit out

    """
}
