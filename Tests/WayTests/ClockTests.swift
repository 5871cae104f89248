import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// The engine sees a wall clock that is moved while it runs; its monotonic clock goes on as ever.
  @Suite(.enabled(if: FalseClock.library != nil, "no C compiler to build the clock with"))
  struct `When the clock is moved` {
    @Test(arguments: [7200, -86_400])
    func `while messages wait, it neither storms nor stalls`(seconds: Int) async throws {
      let partner = try await Partner.away()
      let way = try await OneWay.make(
        lane: "retry: {first: 500ms, factor: 1, longest: 500ms, jitter: none}", partner: partner)
      let clock = try FalseClock(way.project)
      try await way.project.start(environment: clock.environment)
      #expect(try await send([Sample.adt("C1"), Sample.adt("C2")], to: way.port).isAllAccepted)
      try await eventually("it is tried") { try await way.project.lane("adt/ehr").failures >= 2 }
      let before = try await way.project.lane("adt/ehr").failures

      try clock.set(seconds)
      try await Task.sleep(for: .milliseconds(1500))
      let after = try await way.project.lane("adt/ehr")
      #expect((1...6).contains(after.failures - before), "\(after.failures - before) tries in a second and a half")
      #expect((after.nextTryIn ?? 0) <= 500)
      #expect(try await send([Sample.adt("C3")], to: way.port).isAllAccepted)
      try await partner.receiver.start()

      #expect(try await partner.waits(for: 3).map(\.controlID) == ["C1", "C2", "C3"])
      try await way.project.drained()
      let messages = try await way.project.messages()
      #expect(messages.count == 3)
      _ = try await way.project.ledger("adt")
    }

    @Test func `back by a day over a restart, what waits does not wait a day, and the order is that of arrival`()
      async throws
    {
      let partner = try await Partner.away()
      let way = try await OneWay.make(
        lane: "retry: {first: 1s, factor: 1, longest: 1s, jitter: none}", partner: partner)
      let clock = try FalseClock(way.project)
      let engine = try await way.project.start(environment: clock.environment)
      #expect(try await send((1...3).map { Sample.adt("D\($0)") }, to: way.port).isAllAccepted)
      try await eventually("it is tried") { try await way.project.lane("adt/ehr").failures >= 1 }
      await engine.kill()

      try clock.set(-86_400)
      try await way.project.start(environment: clock.environment)
      #expect(try await send((4...6).map { Sample.adt("D\($0)") }, to: way.port).isAllAccepted)
      // The same bytes within the window, seen from either side of the change.
      #expect(try await send([Sample.adt("D1")], to: way.port).isAllAccepted)
      try await partner.receiver.start()

      #expect(try await partner.waits(for: 6).map(\.controlID) == (1...6).map { "D\($0)" })
      try await way.project.drained()
      #expect(partner.got.count == 6)
      let ledger = try await way.project.ledger("adt")
      #expect(ledger.arrivals == ["received": 7, "accepted": 6, "routed": 6, "duplicate": 1])
      #expect(
        try await way.project.messages().map { $0.state } == [.duplicate] + Array(repeating: .routed, count: 6),
        "newest first by arrival")
    }

    /// A leap day, the hour that comes twice in London, and the end of 32-bit seconds; seconds since 1970.
    @Test(arguments: [1_835_395_199, 2_140_045_199, 2_147_483_646, 4_102_444_799])
    func `a time that is hard for some is none here`(moment: Int) async throws {
      let way = try await OneWay.make()
      let clock = try FalseClock(way.project)
      try clock.set(moment - Int(Date().timeIntervalSince1970))
      try await way.project.start(environment: clock.environment.merging(["TZ": "Europe/London"]) { $1 })
      let wire = try await Wire.connect(to: way.port)
      for number in 1...3 {
        let answer = try await wire.exchange(Sample.adt("Y\(number)"))
        #expect(answer.code == "AA")
        #expect(Sample.field("MSH", 7, of: answer.message ?? [])?.count == 19)
      }
      try await way.partner.waits(for: 3)
      try await way.project.drained()
      let records = try await way.project.messages()
      #expect(records.allSatisfy { abs($0.receivedAt / 1000 - Int64(moment)) < 60 })
      #expect(try await way.project.hilum("messages", "list").status == 0)
      let engine = try #require(way.project.running)
      let ending = await engine.stop()
      #expect(ending == .exited(0), "\(engine.launch.errors) \(way.project.log.suffix(400))")
    }
  }
}

/// A wall clock that is so many seconds away from the true one, as a file says at each look.
final class FalseClock: Sendable {
  private let file: String

  init(_ project: Project) throws {
    file = project.path("clock")
    try set(0)
  }

  var environment: [String: String] { ["LD_PRELOAD": Self.library ?? "", "HILUM_TEST_CLOCK": file] }

  func set(_ seconds: Int) throws {
    // Replaced in one step: the engine never reads half a number.
    try Data("\(seconds)\n".utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
  }

  /// The library that the engine is started with; built once, `nil` without a compiler.
  static let library: String? = {
    guard let compiler = Tools.path("cc") ?? Tools.path("clang") else { return nil }
    let source = "\(Project.root)/Tests/WayTests/Peers/false-clock.c"
    let built = NSTemporaryDirectory() + "hilum-false-clock-\(ProcessInfo.processInfo.processIdentifier).so"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: compiler)
    process.arguments = ["-O1", "-shared", "-fPIC", "-o", built, source, "-ldl"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    return process.terminationStatus == 0 ? built : nil
  }()
}
