import ConnectorKit
import Glibc
import Messages
import Synchronization
import Testing

@testable import Connectors

/// What wakes a source, and what stops it.
@Suite struct FileWatchTests {
  @Test func `a file is taken when the kernel tells of it, long before the time to look`() async throws {
    let source = try FileTestSource { $0.poll = .seconds(3600) }
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    let run = Task { try await looks.source.run(inbox) }
    try await eventually("it listens") { looks.source.status().listening != nil }
    try source.send("a", "A")
    try await eventually("it is taken") { inbox.offered.map(\.text) == ["A"] }
    run.cancel()
    try await run.value
  }

  @Test func `a source that is stopped waits for the receipts it is owed, and for nothing else`() async throws {
    let source = try FileTestSource { $0.poll = .seconds(3600) }
    let inbox = FileTestInbox()
    inbox.hold()
    for number in 0..<300 { try source.put("m\(1000 + number)", "x") }
    let looks = try source.start(inbox)
    let isOver = Mutex(false)
    let run = Task {
      try await looks.source.run(inbox)
      isOver.withLock { $0 = true }
    }
    try await eventually("it is as far ahead as it may be") { inbox.offered.count == 64 }
    run.cancel()
    #expect(!isOver.withLock { $0 })
    inbox.release()
    try await run.value
    #expect(inbox.offered.count == 64)
    #expect(try source.scratch.names(in: "in/done").count == 64, "what was answered is put away")
    #expect(try source.scratch.folder("in").names().count == 300 - 64 + 2)
  }

  @Test func `a source that is stopped before it began ends at once`() async throws {
    let source = try FileTestSource { $0.poll = .seconds(3600) }
    let inbox = FileTestInbox()
    try source.put("a", "A")
    let looks = try source.start(inbox)
    let run = Task { try await looks.source.run(inbox) }
    run.cancel()
    try await run.value
    #expect(inbox.offered.count <= 1)
  }

  @Test func `a folder that is taken away ends the source with a reason`() async throws {
    let source = try FileTestSource { $0.poll = .seconds(3600) }
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    let run = Task { try await looks.source.run(inbox) }
    try await eventually("it listens") { looks.source.status().listening != nil }
    let path = source.scratch.path + "/in"
    #expect(rename(path, path + "-old") == 0)
    let fault = await #expect(throws: FileSourceFault.self) { try await run.value }
    #expect(fault?.description == "\(path): the folder was taken away or replaced")
  }

  /// A run of `struct inotify_event`.
  private func events(_ all: [(mask: any BinaryInteger, name: String)]) -> [UInt8] {
    all.flatMap { event -> [UInt8] in
      let name = Array(event.name.utf8)
      let length = name.isEmpty ? 0 : (name.count / 16 + 1) * 16
      let words: [UInt32] = [1, UInt32(truncatingIfNeeded: event.mask), 0, UInt32(length)]
      return words.flatMap { word in withUnsafeBytes(of: word) { Array($0) } } + name
        + Array(repeating: 0, count: length - name.count)
    }
  }

  @Test func `events that were lost, and events that matter, are a reason to look; others are not`() throws {
    let source = try FileTestSource { $0.complete.by = .doneFile }
    let plan = try FileSourcePlan(source.settings, source.log.context)
    let watch = FolderWatch(path: plan.directory, stop: try StopSignal()) { plan.concerns($0) }
    #expect(watch.isTold)
    let small: (any BinaryInteger, String) = (IN_CREATE, "a.part")
    #expect(!watch.isNews(events([small, (IN_CLOSE_WRITE, ".hidden"), small])[...]))
    #expect(watch.isNews(events([small, (IN_MOVED_TO, "a")])[...]))
    #expect(watch.isNews(events([small, (IN_CREATE, "a.done")])[...]), "the mark of a file")
    #expect(watch.isNews(events([small, (IN_Q_OVERFLOW, "")])[...]), "the queue ran over: anything may have come")
    #expect(watch.isNews(events([(IN_DELETE_SELF, "")])[...]))
    #expect(!watch.isNews([]))
    #expect(watch.isNews(events([(IN_CREATE, "cut")]).dropLast(4)), "an event that can't be read is news")
  }

  @Test func `after events were lost the look finds what they would have told`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    try await looks.look()
    for name in ["a", "b"] { try source.put(name, name) }
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["a", "b"])
  }

  @Test func `without news there is still the time to look`() throws {
    let stop = try StopSignal()
    let watch = FolderWatch(path: "/nonexistent", stop: stop) { _ in true }
    #expect(!watch.isTold)
    let time = FileTestClock()
    #expect(watch.wait(until: time.now, now: { time.now }) == .look)
    stop.set()
    #expect(watch.wait(until: time.now + .seconds(3600), now: { time.now }) == .stop)
  }
}
