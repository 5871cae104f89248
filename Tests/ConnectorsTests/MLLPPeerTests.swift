import ConnectorKit
import Foundation
import HL7
import Messages
import Testing

@testable import Connectors

/// The MLLP of another house: python-hl7's client and server. Skipped where that package is not installed.
@Suite(.timeLimit(.minutes(2)))
struct MLLPPeerTests {
  /// A Python that has `hl7`: `HILUM_PYTHON`, `.venv/bin/python` of this package, or the system's.
  static let python: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let candidates: [String?] = [
      ProcessInfo.processInfo.environment["HILUM_PYTHON"], root.appendingPathComponent(".venv/bin/python").path,
      "/usr/bin/python3",
    ]
    return candidates.compactMap(\.self).first { knowsHL7($0) }
  }()

  private static func knowsHL7(_ path: String) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = ["-c", "import hl7.mllp"]
    process.standardError = FileHandle.nullDevice
    guard FileManager.default.isExecutableFile(atPath: path), (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  /// Runs a program, gives it its lines, and gathers what it prints.
  private final class Script: @unchecked Sendable {
    let lines = Collected<String>()
    private let process: Process

    init(_ program: String, _ arguments: [String]) throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: try #require(MLLPPeerTests.python))
      process.arguments = ["-u", "-c", program] + arguments
      let output = Pipe()
      process.standardOutput = output
      self.process = process
      try process.run()
      // Read on a thread: a `readabilityHandler` is a source of libdispatch, and one whose file is closed while it is
      // cancelled leaves an event behind that libdispatch falls over.
      let (lines, reading) = (lines, output.fileHandleForReading)
      DispatchQueue(label: "script").async {
        var rest = ""
        while true {
          let data = reading.availableData
          if data.isEmpty { return lines.finish() }
          var parts = (rest + String(decoding: data, as: UTF8.self)).split(
            separator: "\n", omittingEmptySubsequences: false)
          rest = parts.popLast().map(String.init) ?? ""
          for part in parts { lines.add(String(part)) }
        }
      }
    }

    /// With SIGKILL: a child inherits the signals that the thread which starts it blocks, SIGTERM among them.
    func stop() { kill(process.processIdentifier, SIGKILL) }
  }

  @Test(.enabled(if: MLLPPeerTests.python != nil, "python hl7 is not installed"))
  func `python-hl7's client is acknowledged by the source`() async throws {
    let source = try await RunningSource.start()
    let script = try Script(
      """
      import asyncio, sys
      from hl7.mllp import open_hl7_connection
      async def main():
        reader, writer = await open_hl7_connection("127.0.0.1", int(sys.argv[1]))
        for number in range(3):
          writer.writemessage("MSH|^~\\\\&|PY|X|HUB|Y|20260101||ADT^A01|P%d|P|2.5\\rPID|||1\\r" % number)
          await writer.drain()
          ack = await reader.readmessage()
          print(ack.segment("MSA")[1], ack.segment("MSA")[2])
        writer.close()
        await writer.wait_closed()
      asyncio.run(main())
      """, [String(source.port)])
    #expect(await script.lines.first(4) == ["AA P0", "AA P1", "AA P2"])
    #expect(source.inbox.arrivals.now.count == 3)
    try await source.stop()
  }

  @Test(.enabled(if: MLLPPeerTests.python != nil, "python hl7 is not installed"))
  func `python-hl7's server acknowledges the destination`() async throws {
    let script = try Script(
      """
      import asyncio
      from hl7.mllp import start_hl7_server
      async def serve(reader, writer):
        try:
          while True:
            message = await reader.readmessage()
            print(message.segment("MSH")[10])
            writer.writemessage(message.create_ack())
            await writer.drain()
        except asyncio.IncompleteReadError:
          writer.close()
      async def main():
        server = await start_hl7_server(serve, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1])
        await server.serve_forever()
      asyncio.run(main())
      """, [])
    defer { script.stop() }
    let port = try #require(await script.lines.first(1).first.flatMap { Int($0) })
    let out = try TestDestination(port: port)
    for number in 1...3 { #expect(await out.send(Sample.adt("\(number)")).short == "AA") }
    #expect(await script.lines.first(4).dropFirst() == ["1", "2", "3"])
    await out.destination.close()
  }
}
