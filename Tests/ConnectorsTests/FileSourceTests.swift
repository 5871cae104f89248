import ConnectorKit
import Glibc
import Messages
import Synchronization
import Testing

@testable import Connectors

@Suite struct FileSourceTests {
  @Test func `a file that was renamed into the folder is taken, and moved when it is durable`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox()
    try source.put("a.hl7", "MSH|")
    let looks = try source.start(inbox)
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["MSH|"])
    #expect(inbox.offered.first?.fileName == "a.hl7")
    #expect(inbox.offered.first?.attributes["file"]?["directory"]?.text == source.scratch.path + "/in")
    #expect(try source.scratch.names(in: "in") == ["done", "failed"])
    #expect(try source.scratch.text("in/done/a.hl7") == "MSH|")
    try await looks.look()
    #expect(inbox.offered.count == 1)
    #expect(source.log.lines.isEmpty, "normal work says nothing")
  }

  @Test func `files on their way and hidden files are left alone`() async throws {
    let source = try FileTestSource { $0.pattern = "*.hl7*" }
    let inbox = FileTestInbox()
    for name in ["a.hl7.tmp", "b.hl7.part", ".c.hl7", "d.txt", "e.hl7"] { try source.put(name, name) }
    try await source.start(inbox).look()
    #expect(inbox.offered.map(\.text) == ["e.hl7"])
    #expect(try source.scratch.names(in: "in") == [".c.hl7", "a.hl7.tmp", "b.hl7.part", "d.txt", "done", "failed"])
  }

  @Test func `a file that grows is taken when it has kept its size and time for the whole while`() async throws {
    let source = try FileTestSource { $0.complete.by = .stable }
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    try source.put("a", "one ")
    let start = source.time.now
    #expect(try await looks.look() == start + .seconds(1), "it says when to look again")
    source.time.advance(.milliseconds(999))
    try await looks.look()
    try source.scratch.append("in/a", "two ")
    source.time.advance(.milliseconds(1))
    #expect(try await looks.look() == start + .seconds(2), "it grew: the while begins again")
    source.time.advance(.milliseconds(999))
    try await looks.look()
    #expect(inbox.offered.isEmpty)
    source.time.advance(.milliseconds(1))
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["one two "])
  }

  @Test func `an empty file is waited for, and said once`() async throws {
    let source = try FileTestSource { $0.complete.by = .stable }
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    try source.put("a", "")
    for _ in 0..<4 {
      source.time.advance(.seconds(1))
      try await looks.look()
    }
    #expect(inbox.offered.isEmpty)
    #expect(source.log.lines.count == 1)
    try source.scratch.append("in/a", "late")
    try await looks.look()
    source.time.advance(.seconds(1))
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["late"])
  }

  @Test func `with done-file a file is whole when its mark is there and not older`() async throws {
    let source = try FileTestSource { $0.complete.by = .doneFile }
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    try source.put("a", "A")
    try await looks.look()
    #expect(inbox.offered.isEmpty)
    try source.put("a.done", "")
    source.scratch.setTime("in/a.done", 1000)
    try await looks.look()
    #expect(inbox.offered.isEmpty, "the mark is left from an earlier file")
    source.scratch.setTime("in/a", 1000)
    try await looks.look()
    #expect(inbox.offered.map(\.text) == ["A"])
    #expect(try source.scratch.names(in: "in") == ["done", "failed"], "the mark goes with its file")
    #expect(try source.scratch.names(in: "in/done") == ["a"])
  }

  @Test func `files are taken in the order of their names, through one origin`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox()
    let names = (0..<200).map { "m\(1000 + $0)" }
    for name in names.shuffled() { try source.put(name, name) }
    try await source.start(inbox).look()
    #expect(inbox.offered.map(\.text) == names)
    #expect(inbox.origins == 1)
  }

  @Test func `files are taken in the order of their times`() async throws {
    let source = try FileTestSource { $0.order = .time }
    let inbox = FileTestInbox()
    for (name, seconds) in [("a", 3000), ("b", 1000), ("c", 2000)] {
      try source.put(name, name)
      source.scratch.setTime("in/" + name, seconds)
    }
    try await source.start(inbox).look()
    #expect(inbox.offered.map(\.text) == ["b", "c", "a"])
  }

  @Test func `a file is deleted where the channel says so`() async throws {
    let source = try FileTestSource { $0.after = .delete }
    let inbox = FileTestInbox()
    try source.put("a", "A")
    try await source.start(inbox).look()
    #expect(inbox.accepted.withLock { $0 } == ["A"])
    #expect(try source.scratch.names(in: "in") == ["failed"])
  }

  @Test func `a name that was there before is numbered among the files that are done`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox()
    let looks = try source.start(inbox)
    for text in ["one", "two", "three"] {
      try source.put("a.hl7", text)
      try await looks.look()
    }
    #expect(try source.scratch.names(in: "in/done") == ["a-2.hl7", "a-3.hl7", "a.hl7"])
    #expect(try source.scratch.text("in/done/a-3.hl7") == "three")
  }

  @Test func `files that stay are not sent again after a restart, and are when they change`() async throws {
    let source = try FileTestSource { $0.after = .keep }
    let inbox = FileTestInbox()
    try source.put("a", "A")
    try source.put("b", "B")
    let first = try source.start(inbox)
    try await first.look()
    try await first.look()
    #expect(inbox.offered.count == 2)
    let second = try source.start(inbox)
    try await second.look()
    #expect(inbox.offered.count == 2, "the store remembers how far it came")
    try source.scratch.append("in/b", "+")
    try await second.look()
    #expect(inbox.offered.map(\.text) == ["A", "B", "B+"])
    #expect(try source.scratch.names(in: "in") == ["a", "b"], "nothing is made in the folder either")
  }

  @Test func `a file that stays and was only touched is known again by its content`() async throws {
    let source = try FileTestSource { $0.after = .keep }
    let inbox = FileTestInbox()
    try source.put("a", "A")
    try await source.start(inbox).look()
    #expect(chmod(source.scratch.path + "/in/a", 0o600) == 0)
    try await source.start(inbox).look()
    #expect(inbox.accepted.withLock { $0 } == ["A"])
  }

  @Test func `what the engine can't store stays, and is offered again later through a new origin`() async throws {
    let source = try FileTestSource()
    let isFull = Mutex(true)
    let inbox = FileTestInbox { $0.text == "b" && isFull.withLock { $0 } ? .unavailable(reason: "disk low") : nil }
    for name in ["a", "b", "c"] { try source.put(name, name) }
    let looks = try source.start(inbox)
    let start = source.time.now
    #expect(try await looks.look() == start + .seconds(1))
    #expect(try source.scratch.names(in: "in") == ["b", "c", "done", "failed"])
    let asked = inbox.offered.count
    try await looks.look()
    #expect(inbox.offered.count == asked, "not before it is time")
    source.time.advance(.seconds(1))
    #expect(try await looks.look() == start + .seconds(3), "and longer each time")
    isFull.withLock { $0 = false }
    source.time.advance(.seconds(2))
    try await looks.look()
    #expect(inbox.accepted.withLock { $0 } == ["a", "b", "c"])
    #expect(inbox.origins == 3)
    #expect(source.log.lines == ["warning: the engine takes no files at the moment: disk low"])
  }

  @Test func `status says where it looks and what it took`() async throws {
    let source = try FileTestSource()
    let inbox = FileTestInbox { $0.text == "bad" ? .rejected(Rejection(.reject, 200, "no")) : nil }
    let looks = try source.start(inbox)
    #expect(looks.source.status().listening == nil)
    let run = Task { try await looks.source.run(inbox) }
    try await eventually("it listens") { looks.source.status().listening == source.scratch.path + "/in" }
    try source.send("a", "good")
    try source.send("b", "bad")
    try await eventually("both are counted") { looks.source.status().peers.first?.refusals == 1 }
    let peer = try #require(looks.source.status().peers.first)
    #expect(peer.messages == 1 && peer.lastMessageAt == 1_700_000_000_000)
    #expect(peer.lastRefusal == "1 of 1 message was rejected, the others taken")
    run.cancel()
    try await run.value
    #expect(looks.source.status().listening == nil)
  }
}
