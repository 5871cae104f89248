import ConnectorKit
import HL7
import Logging
import Messages
import NIOCore
import Testing

@testable import Connectors

/// A source behind a real port.
@Suite(.timeLimit(.minutes(2)))
struct MLLPSourceTests {
  @Test func `a sender that pipelines gets its answers in order`() async throws {
    let source = try await RunningSource.start()
    let wire = try await Wire.connect(port: source.port)
    wire.write((1...200).flatMap { Sample.frame(Sample.adt("\($0)")) })
    #expect(await wire.frames.first(200).map(\.answer) == (1...200).map { "AA \($0)" })
    wire.close()
    try await source.stop()
  }

  @Test func `two hundred connections are answered each in its own order`() async throws {
    let source = try await RunningSource.start()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for connection in 0..<200 {
        group.addTask {
          let wire = try await Wire.connect(port: source.port)
          for number in 0..<5 {
            wire.send(Sample.adt("\(connection)-\(number)"))
            _ = await wire.frames.first(number + 1)
          }
          #expect(wire.frames.now.map(\.answer) == (0..<5).map { "AA \(connection)-\($0)" })
          wire.close()
          await wire.closed()
        }
      }
      try await group.waitForAll()
    }
    #expect(source.inbox.arrivals.now.count == 1_000)
    #expect(source.source.status().peers.first?.messages == 1_000)
    try await source.stop()
  }

  @Test func `the status tells the real port and who has sent`() async throws {
    let source = try await RunningSource.start()
    #expect(source.source.status().listening == "127.0.0.1:\(source.port)")
    #expect(source.source.status().peers == [])
    let wire = try await Wire.connect(port: source.port)
    wire.send(Sample.adt("1"))
    _ = await wire.frames.first(1)
    let peer = try #require(source.source.status().peers.first)
    #expect(peer.address == "127.0.0.1")
    #expect(peer.messages == 1)
    #expect(peer.connectedAt != nil)
    #expect(peer.lastMessageAt != nil)
    wire.close()
    try await source.stop()
    #expect(source.source.status().listening == nil)
    #expect(source.source.status().peers.first?.connectedAt == nil)
  }

  @Test func `a source that is cancelled answers what it has offered, takes nothing more and returns`() async throws {
    let source = try await RunningSource.start(ScriptedInbox { _, _ in nil })
    let wire = try await Wire.connect(port: source.port)
    wire.write(Sample.frame(Sample.adt("1")) + Sample.frame(Sample.adt("2")) + [0x0B] + Array("MSH|".utf8))
    _ = await source.inbox.arrivals.first(2)
    source.cancel()
    source.inbox.release(2)
    try await source.ended()
    #expect(await wire.frames.first(3).map(\.answer) == ["AA 1", "AA 2"])
    await #expect(throws: (any Error).self) { try await Wire.connect(port: source.port) }
  }

  @Test func `a port that is taken is said to be`() async throws {
    let first = try await RunningSource.start()
    let error = await #expect(throws: ListenError.self) {
      try await RunningSource.start { $0.port = Port(first.port) }
    }
    #expect(error?.description == "can't listen on 127.0.0.1:\(first.port): the port is taken by another program")
    try await first.stop()
    let second = try await RunningSource.start { $0.port = Port(first.port) }
    #expect(second.port == first.port)
    try await second.stop()
  }

  @Test func `an address that isn't this machine's is said to be`() async throws {
    let error = await #expect(throws: ListenError.self) { try await RunningSource.start { $0.host = "203.0.113.7" } }
    #expect(error?.reason == "the address is not one of this machine's")
  }

  @Test func `who is not allowed is closed at once, and counted`() async throws {
    let source = try await RunningSource.start { $0.allow = [AddressRange("10.1.2.0/24")].compactMap(\.self) }
    let wire = try await Wire.connect(port: source.port)
    await wire.closed()
    #expect(source.inbox.origins.now == [])
    #expect(source.source.status().peers.first?.refusals == 1)
    #expect(source.log.lines.now.count == 1)
    try await source.stop()
  }

  @Test func `one connection more than allowed is closed, and there is room again when one ends`() async throws {
    let source = try await RunningSource.start { $0.connections = 2 }
    func opened(_ id: String) async throws -> Wire {
      let wire = try await Wire.connect(port: source.port)
      wire.send(Sample.adt(id))
      #expect(await wire.frames.first(1).map(\.answer) == ["AA \(id)"])
      return wire
    }
    let first = try await opened("1")
    let second = try await opened("2")
    let third = try await Wire.connect(port: source.port)
    #expect(await third.frames.first(1).isEmpty)
    first.close()
    while source.source.status().peers.first?.connectedAt == nil { await Task.yield() }
    second.close()
    await second.closed()
    try await source.stop()
  }

  @Test func `what came before a message that is too large is answered, though the sender closes its half`()
    async throws
  {
    let source = try await RunningSource.start(messageBytesMax: 4_096)
    let wire = try await Wire.connect(port: source.port)
    wire.write(
      Sample.frame(Sample.adt("1")) + Sample.frame(Sample.adt("2", note: String(repeating: "x", count: 9_000))))
    // It may have answered and closed already.
    try? await wire.closeOutput()
    await wire.closed()
    #expect(wire.frames.now.map(\.answer) == ["AA 1", "AR 2"])
    try await source.stop()
  }

  @Test func `a sender that closes its half and reads slowly gets all of its answers`() async throws {
    let source = try await RunningSource.start()
    let (sent, answers) = await SlowReader.run(port: source.port)
    #expect(sent > 100)
    #expect(answers == sent)
    try await source.stop()
  }

  @Test func `a sender that closes its half after the last message still gets its answer`() async throws {
    let source = try await RunningSource.start(ScriptedInbox { _, _ in nil })
    let wire = try await Wire.connect(port: source.port)
    wire.send(Sample.adt("1"))
    try await wire.closeOutput()
    _ = await source.inbox.arrivals.first(1)
    source.inbox.release()
    #expect(await wire.frames.first(1).map(\.answer) == ["AA 1"])
    await wire.closed()
    try await source.stop()
  }

  @Test func `unavailable closes the connection without an answer, and the next connection is served`() async throws {
    let inbox = ScriptedInbox { index, _ in
      index == 0 ? .unavailable(reason: "disk low") : .accepted(ScriptedInbox.id, reply: nil)
    }
    let source = try await RunningSource.start(inbox)
    let wire = try await Wire.connect(port: source.port)
    wire.send(Sample.adt("1"))
    #expect(await wire.frames.first(1).isEmpty)
    let again = try await Wire.connect(port: source.port)
    again.send(Sample.adt("1"))
    #expect(await again.frames.first(1).map(\.answer) == ["AA 1"])
    #expect(inbox.origins.now.count == 2)
    again.close()
    try await source.stop()
  }

  @Test func `a stream without end is refused by name at the limit, and cut`() async throws {
    let source = try await RunningSource.start(messageBytesMax: 1 << 20)
    let wire = try await Wire.connect(port: source.port)
    wire.write([0x0B] + Array(Sample.adt("BIG").utf8))
    let block = [UInt8](repeating: 0x78, count: 1 << 20)
    for _ in 0..<32 where wire.channel.isActive { wire.write(block) }
    #expect(await wire.frames.first(1).map(\.answer) == ["AR BIG"])
    await wire.closed()
    #expect(source.inbox.arrivals.now.isEmpty)
    try await source.stop()
  }

  @Test func `another protocol on the port costs its connection and one line, and others go on`() async throws {
    let source = try await RunningSource.start()
    let other = try await Wire.connect(port: source.port)
    other.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    await other.closed()
    let wire = try await Wire.connect(port: source.port)
    wire.send(Sample.adt("1"))
    #expect(await wire.frames.first(1).map(\.answer) == ["AA 1"])
    #expect(source.log.lines.now.count == 1)
    wire.close()
    try await source.stop()
  }

  @Test func `a slow sender is closed while others are served`() async throws {
    let source = try await RunningSource.start { $0.frame = .milliseconds(200) }
    let slow = try await Wire.connect(port: source.port)
    slow.write([0x0B] + Array("MSH|^~\\&|".utf8))
    let wire = try await Wire.connect(port: source.port)
    wire.send(Sample.adt("1"))
    #expect(await wire.frames.first(1).map(\.answer) == ["AA 1"])
    await slow.closed()
    #expect(wire.channel.isActive)
    wire.close()
    try await source.stop()
  }

  @Test func `a sender that resets its connection leaves the source at work`() async throws {
    let source = try await RunningSource.start(
      ScriptedInbox { index, _ in
        index == 0 ? nil : .accepted(ScriptedInbox.id, reply: nil)
      })
    let wire = try await Wire.connect(port: source.port)
    wire.send(Sample.adt("1"))
    _ = await source.inbox.arrivals.first(1)
    wire.reset()
    await wire.closed()
    source.inbox.release()
    let next = try await Wire.connect(port: source.port)
    next.send(Sample.adt("2"))
    #expect(await next.frames.first(1).map(\.answer) == ["AA 2"])
    next.close()
    try await source.stop()
  }

  @Test func `nothing of a message reaches the log, whatever becomes of it`() async throws {
    let inbox = ScriptedInbox { index, _ in
      switch index % 4 {
      case 0: .rejected(Rejection(.error, 101, "CANARY", at: "PID-5"))
      case 1: .failed(ScriptedInbox.id)
      case 2: .duplicate(of: ScriptedInbox.id)
      default: .unavailable(reason: "stopping")
      }
    }
    let source = try await RunningSource.start(inbox, messageBytesMax: 2_000, logLevel: .trace)
    for bytes in [
      (1...4).flatMap { Sample.frame(Sample.adt("CANARY\($0)", note: "CANARY")) },
      [0x0B] + Array("MSH|^~\\&|CANARY".utf8) + [0x0B],
      [0x0B] + Array("CANARY".utf8) + [0x1C, 0x41],
      [0x0B] + Array(String(repeating: "CANARY", count: 500).utf8),
      Array("CANARY junk\r\n".utf8) + Sample.frame("CANARY"),
    ] {
      let wire = try await Wire.connect(port: source.port)
      wire.write(bytes)
      try? await wire.closeOutput()
      await wire.closed()
    }
    try await source.stop()
    #expect(source.log.lines.now.count > 4)
    #expect(source.log.lines.now.allSatisfy { !$0.contains("CANARY") })
    #expect(source.source.status().peers.allSatisfy { $0.lastRefusal?.contains("CANARY") != true })
  }
}
