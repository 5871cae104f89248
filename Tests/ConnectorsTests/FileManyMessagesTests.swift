import ConnectorKit
import Glibc
import Messages
import Synchronization
import Testing

@testable import Connectors

/// One file with many HL7 messages.
@Suite struct FileManyMessagesTests {
  private static let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    .joined(separator: "/")

  /// The hospital simulator's file: CR between segments, and LF instead of the last CR of each message.
  private static func simulated() throws -> [UInt8] {
    let corpus = try Folder.open(folder + "/Corpus/hl7/simhospital")
    return try corpus.openFile(FileName("messages-101.hl7")).read(bytesMax: 1 << 20)
  }

  private static func message(_ id: String, _ name: String = "CANARY^JOE") -> String {
    "MSH|^~\\&|A|B|C|D|20260101||ADT^A01|\(id)|P|2.5\rPID|1||1||\(name)\r"
  }

  @Test func `each message of a file is an arrival of its own, in order`() async throws {
    var source = try FileTestSource { $0.messages = .many }
    source.segmentEnd = .any
    let inbox = FileTestInbox()
    let bytes = try Self.simulated()
    try source.scratch.put(FileName("day.hl7"), bytes, in: "in")
    try await source.start(inbox).look()
    #expect(inbox.offered.count == 101)
    #expect(inbox.offered.map(\.fileIndex) == (1...101).map { "\($0)" })
    #expect(inbox.offered.allSatisfy { $0.payload.format == .hl7v2 && $0.fileName == "day.hl7" })
    let isWhole = inbox.offered.flatMap(\.bytes) == bytes
    #expect(isWhole, "every byte of the file is in a message")
    #expect(Set(inbox.offered.map(\.transportKey)).count == 101)
    #expect(try source.scratch.names(in: "in/done") == ["day.hl7"])
  }

  @Test func `an engine that dies in the middle of a file takes the rest, and none twice`() async throws {
    var source = try FileTestSource { $0.messages = .many }
    source.segmentEnd = .any
    let isFull = Mutex(true)
    let inbox = FileTestInbox {
      $0.fileIndex == "70" && isFull.withLock { $0 } ? .unavailable(reason: "stopping") : nil
    }
    let bytes = try Self.simulated()
    try source.scratch.put(FileName("day.hl7"), bytes, in: "in")
    try await source.start(inbox).look()
    #expect(inbox.accepted.withLock { $0.count } == 69)
    #expect(try source.scratch.names(in: "in") == ["day.hl7", "done", "failed"])
    isFull.withLock { $0 = false }
    try await source.start(inbox).look()
    let isWhole = inbox.accepted.withLock { Array($0.joined().utf8) } == bytes
    #expect(isWhole, "each once, in order")
    #expect(try source.scratch.names(in: "in/done") == ["day.hl7"])
  }

  @Test func `a file with a rejected message fails, the others of it are taken, and no word of it is quoted`()
    async throws
  {
    let source = try FileTestSource { $0.messages = .many }
    let id = Identifier(high: 1, low: 2)
    var kept = Rejection(.reject, 200, "CANARY\r\n\u{1B}[31m", at: "CANARY JOE")
    kept.message = id
    let rejection = kept
    let inbox = FileTestInbox { arrival in
      switch arrival.fileIndex {
      case "2": .rejected(Rejection(.error, 101, "PID-5 CANARY^JOE is wrong", at: "PID-5[1].2"))
      case "3": .rejected(rejection)
      default: nil
      }
    }
    try source.put("day.hl7", (1...4).map { Self.message("ID\($0)") }.joined())
    try source.put("next.hl7", Self.message("ID5"))
    let looks = try source.start(inbox)
    try await looks.look()
    #expect(inbox.accepted.withLock { $0.count } == 3)
    #expect(try source.scratch.names(in: "in/done") == ["next.hl7"])
    #expect(try source.scratch.names(in: "in/failed") == ["day.hl7", "day.hl7.reason.txt"])
    #expect(
      try source.scratch.text("in/failed/day.hl7.reason.txt") == """
        channel: lab
        file: day.hl7
        reason: 2 of 4 messages were rejected, the others taken
        message 2: AE 101 at PID-5[1].2, control id ID2: PID-5 CANARY^JOE is wrong
        message 3: AR 200, control id ID3, kept as \(id): CANARY\\x0d\\x0a\\x1b[31m
        `hilum why ID` tells the story of a message that is kept.

        """)
    #expect(source.log.lines.count == 1)
    #expect(!source.log.lines.joined().contains("CANARY"))
    #expect(!"\(looks.source.status())".contains("CANARY"))
  }

  @Test func `a file that was put back after it failed sends only what was not taken`() async throws {
    let source = try FileTestSource { $0.messages = .many }
    let isStrict = Mutex(true)
    let inbox = FileTestInbox { arrival in
      arrival.fileIndex == "2" && isStrict.withLock { $0 } ? .rejected(Rejection(.error, 207, "no")) : nil
    }
    try source.put("a", (1...3).map { Self.message("ID\($0)") }.joined())
    let looks = try source.start(inbox)
    try await looks.look()
    isStrict.withLock { $0 = false }
    let path = source.scratch.path + "/in/"
    #expect(rename(path + "failed/a", path + "a") == 0)
    try await looks.look()
    #expect(inbox.accepted.withLock { $0 } == [1, 3, 2].map { Self.message("ID\($0)") })
    #expect(try source.scratch.names(in: "in/done") == ["a"])
  }

  @Test func `a batch that was cut is set aside before any of it is taken`() async throws {
    let source = try FileTestSource { $0.messages = .many }
    let inbox = FileTestInbox()
    try source.put("cut", "BHS|^~\\&\r" + Self.message("1") + Self.message("2") + "BTS|3\r")
    try source.put("whole", "BHS|^~\\&\r" + Self.message("3") + Self.message("4") + "BTS|2\r")
    try source.put("none", "BHS|^~\\&\rBTS|0\r")
    try await source.start(inbox).look()
    #expect(inbox.accepted.withLock { $0 } == [Self.message("3"), Self.message("4")])
    #expect(try source.scratch.names(in: "in/done") == ["none", "whole"])
    #expect(
      try source.scratch.text("in/failed/cut.reason.txt").contains(
        "reason: its batch trailers (BTS-1) announce 3 messages, and it holds 2\n"))
  }

  @Test func `what can't be split is one message, for the channel to refuse and keep`() async throws {
    let source = try FileTestSource { $0.messages = .many }
    let inbox = FileTestInbox { $0.text == "no HL7" ? .rejected(Rejection(.reject, 100, "no MSH")) : nil }
    try source.put("a", "no HL7")
    try source.put("b", "")
    try await source.start(inbox).look()
    #expect(inbox.offered.map(\.text) == ["no HL7"])
    #expect(try source.scratch.names(in: "in/failed") == ["a", "a.reason.txt", "b", "b.reason.txt"])
    #expect(try source.scratch.text("in/failed/b.reason.txt").contains("reason: the file is empty\n"))
  }
}
