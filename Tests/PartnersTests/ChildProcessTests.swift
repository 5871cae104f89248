import Synchronization
import Testing

@testable import Partners

@Suite struct `A child process` {
  @Test func `is heard line by line, and ends with its input`() async throws {
    let child = try await ChildProcess.start("/bin/sh", ["-c", "echo one; echo port 42; cat >/dev/null; exit 3"])
    #expect(try await child.line { $0.hasPrefix("port ") } == "port 42")
    #expect(try await child.line { $0 == "one" } == "one")
    let usage = try child.usage()
    #expect(usage.rssBytes > 0)
    #expect(usage.rssBytesMax >= usage.rssBytes)
    #expect(await child.kill() == .signal(9))
    #expect(await child.ended() == .signal(9))
  }

  @Test func `gets its environment and tells its exit code`() async throws {
    let child = try await ChildProcess.start(
      "/bin/sh", ["-c", "echo $PARTNER; exit 3"], environment: ["PARTNER": "a b"])
    #expect(try await child.line { !$0.isEmpty } == "a b")
    #expect(await child.ended() == .code(3))
    #expect(throws: PartnerError.self) { try child.usage() }
  }

  @Test func `that does not stop when asked is killed`() async throws {
    let child = try await ChildProcess.start(
      "/bin/sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"])
    _ = try await child.line { $0 == "ready" }
    #expect(await child.stop(within: .milliseconds(50)) == .signal(9))
  }

  @Test func `that ends before it says what is awaited is an error, at once`() async throws {
    let child = try await ChildProcess.start("/bin/sh", ["-c", "echo other"])
    await #expect(throws: PartnerError.child("the process ended before it said what was awaited")) {
      try await child.line { $0 == "ready" }
    }
    #expect(await child.ended() == .code(0))
  }

  @Test func `that says nothing in time is an error`() async throws {
    let child = try await ChildProcess.start("/bin/cat", [])
    await #expect(throws: PartnerError.child("the process did not say in time what was awaited")) {
      try await child.line(within: .milliseconds(20)) { _ in true }
    }
    _ = await child.stop()
  }

  @Test func `that does not exist cannot be started`() async {
    await #expect(throws: PartnerError.self) { try await ChildProcess.start("/no/such/program", []) }
  }
}

/// A floor within this process, to try the bench's loop; it can be told to deliver to the partners it is given.
private final class InnerFloor: BenchSubject {
  let name: String
  let destinationCount: Int
  private let running = Mutex<Floor?>(nil)
  private let starts = Mutex<[String]>([])

  init(_ name: String, destinationCount: Int = 0) {
    self.name = name
    self.destinationCount = destinationCount
  }

  var startCount: Int { starts.withLock { $0.count } }

  func start(directory: String, partnerPorts: [Int]) async throws -> Int {
    starts.withLock { $0.append(directory) }
    // A subject that is its own partner: the load goes to the partner's port.
    if let port = partnerPorts.first { return port }
    let floor = try await Floor.start(directory: directory)
    running.withLock { $0 = floor }
    return floor.port
  }

  func usage() throws -> ProcessUsage { ProcessUsage(cpuSeconds: 1, rssBytes: 1, rssBytesMax: 1) }

  func stop() async {
    let floor = running.withLock { floor in
      defer { floor = nil }
      return floor
    }
    await floor?.stop()
  }
}

@Suite struct `A bench` {
  private func plan(in folder: String) -> Bench.Plan {
    var plan = Bench.Plan(directory: folder)
    plan.connections = [1, 2]
    plan.pairs = 2
    plan.warmUp = .milliseconds(10)
    plan.window = .milliseconds(60)
    plan.variety = 16
    return plan
  }

  @Test func `measures every subject beside the floor, in pairs`() async throws {
    try await withTemporaryFolder { folder in
      let floor = InnerFloor("floor")
      let subjects = [InnerFloor("same"), InnerFloor("partner", destinationCount: 1)]
      let lines = Mutex<[String]>([])
      let report = try await Bench(plan(in: folder)).run(floor: floor, subjects: subjects) { line in
        lines.withLock { $0.append(line) }
      }
      #expect(report.rows.map(\.connections) == [1, 1, 2, 2])
      #expect(report.rows.map(\.subject) == ["same", "partner", "same", "partner"])
      #expect(report.rows.allSatisfy { $0.ratios.count == 2 })
      #expect(report.rows[1].measured.delivery != nil)
      #expect(report.rows[0].measured.delivery == nil)
      #expect(floor.startCount == 8)
      #expect(lines.withLock { $0.count } == 16)
      // Each subject had a folder of its own, which is gone.
      #expect(try FolderContents.count(folder) == 0)
    }
  }
}
