import ConnectorKit
import Foundation
import Messages
import Synchronization
import Testing

@testable import Connectors

/// A source that looks once when it is told.
@Suite struct FilePollTests {
  private func poll(
    _ source: FileSource, _ inbox: any Inbox, patience: Duration = .seconds(60)
  ) async throws {
    try await source.poll(inbox, patience: patience)
  }

  /// A source that lives by the machine's clock.
  private func source(_ scene: FileTestSource) throws -> FileSource {
    try FileSource(scene.settings, context: scene.log.context)
  }

  @Test func `a look takes all that is there, in order, and ends; what comes later waits for the next`() async throws {
    let scene = try FileTestSource()
    for name in ["b", "a", "c"] { try scene.put(name, name) }
    let inbox = FileTestInbox { [scene] arrival in
      // It comes while the look is under way.
      if arrival.text == "a" { try? scene.put("a2", "a2") }
      return nil
    }
    let source = try source(scene)
    try await poll(source, inbox)
    #expect(inbox.accepted.withLock { $0 } == ["a", "b", "c"])
    #expect(source.status().listening == nil)
    #expect(try scene.scratch.names(in: "in") == ["a2", "done", "failed"])
    try await poll(source, inbox)
    #expect(inbox.accepted.withLock { $0 } == ["a", "b", "c", "a2"])
    #expect(source.status().peers.first?.messages == 4)
  }

  private func growing(settle: Duration) throws -> FileTestSource {
    try FileTestSource {
      $0.complete.by = .stable
      $0.complete.settle = settle
    }
  }

  @Test func `a look waits for a file that grows`() async throws {
    // Far longer than the pauses of who writes, on a machine that is busy too.
    let scene = try growing(settle: .seconds(3))
    try scene.put("a", "1")
    try scene.put("empty", "")
    let inbox = FileTestInbox()
    Thread.detachNewThread {
      for number in 2...6 {
        usleep(60_000)
        try? scene.scratch.append("in/a", "\(number)")
      }
    }
    try await poll(try source(scene), inbox)
    #expect(inbox.accepted.withLock { $0 } == ["123456"], "an empty file is not waited for")
  }

  @Test func `and no longer than it may; what it saw counts at the next look`() async throws {
    let scene = try growing(settle: .milliseconds(700))
    let inbox = FileTestInbox()
    let source = try source(scene)
    try scene.put("b", "1")
    try await poll(source, inbox, patience: .milliseconds(20))
    #expect(inbox.offered.isEmpty)
    usleep(800_000)
    try await poll(source, inbox, patience: .milliseconds(20))
    #expect(inbox.accepted.withLock { $0 } == ["1"], "it has kept its size since the look before")
  }

  /// Minutes pass with each look, and for so many of them the file is longer.
  private func pollGrowing(
    _ scene: FileTestSource, _ inbox: FileTestInbox, until grown: Int
  ) async throws -> Int64 {
    try await onThread {
      let source = try FileSource(
        scene.settings, context: scene.log.context, clock: scene.time.clock, failpoint: nil)
      let intake = try source.intake(inbox, until: StopSignal())
      let began = scene.time.now
      var looks = 0
      try intake.lookOnce(patience: .seconds(86_400)) { next in
        looks += 1
        if looks <= grown { try? scene.scratch.append("in/a", "\(looks)") }
        scene.time.advance(max(next - scene.time.now, .seconds(60)))
        return .look
      }
      return (scene.time.now - began).components.seconds / 60
    }
  }

  @Test func `a file that never stops growing keeps no look busy for long, and is told once`() async throws {
    let scene = try growing(settle: .seconds(1))
    try scene.put("a", "0")
    try scene.put("empty", "")
    let inbox = FileTestInbox()
    #expect(try await pollGrowing(scene, inbox, until: .max) <= 7)
    #expect(inbox.offered.isEmpty)
    #expect(
      scene.log.lines.filter { $0.contains("for minutes") }
        == ["warning: a has not become whole for minutes, and is left for the next run of the schedule"])
  }

  @Test func `one that must stay as it is for longer than that is waited for`() async throws {
    let scene = try growing(settle: .seconds(1200))
    try scene.put("a", "0")
    let inbox = FileTestInbox()
    #expect(try await pollGrowing(scene, inbox, until: 0) == 20)
    #expect(inbox.accepted.withLock { $0 } == ["0"])
  }

  @Test func `while the engine takes nothing a look goes on as long as it may, and the files stay`() async throws {
    let scene = try FileTestSource()
    try scene.put("a", "a")
    let isFull = Mutex(true)
    let inbox = FileTestInbox { _ in isFull.withLock { $0 } ? .unavailable(reason: "full") : nil }
    let source = try source(scene)
    try await poll(source, inbox, patience: .milliseconds(100))
    #expect(try scene.scratch.names(in: "in") == ["a", "done", "failed"])
    isFull.withLock { $0 = false }
    try await poll(source, inbox)
    #expect(inbox.accepted.withLock { $0 } == ["a"])
  }

  @Test func `a look that is stopped ends soon, and a folder that is gone is told`() async throws {
    let scene = try FileTestSource {
      $0.complete.by = .stable
      $0.complete.settle = .seconds(3600)
    }
    try scene.put("a", "a")
    let source = try source(scene)
    let run = Task { try await source.poll(FileTestInbox(), patience: .seconds(3600)) }
    try await eventually("it looks") { source.status().listening != nil }
    run.cancel()
    try await run.value
    #expect(rename(scene.scratch.path + "/in", scene.scratch.path + "/away") == 0)
    await #expect(throws: FileSourceFault.self) { try await poll(source, FileTestInbox()) }
    #expect(rename(scene.scratch.path + "/away", scene.scratch.path + "/in") == 0)
  }
}
