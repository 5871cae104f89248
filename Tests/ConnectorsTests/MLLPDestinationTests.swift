import ConnectorKit
import HL7
import Messages
import NIOCore
import NIOPosix
import Testing

@testable import Connectors

/// A destination against a scripted partner.
@Suite(.timeLimit(.minutes(2)))
struct MLLPDestinationTests {
  @Test func `AA means taken, and its text is the reply`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port)
    let result = await out.send(Sample.adt("1"))
    let reply = try result.get()
    #expect(reply.summary == "AA")
    #expect(reply.payload == Payload(.hl7v2, Array(Sample.ack("AA", "1").utf8)))
    #expect(await partner.frames.first(1).map(\.text) == [Sample.adt("1")])
    await out.destination.close()
    await partner.close()
  }

  @Test(arguments: [
    ("AA", "AA"), ("CA", "CA"), ("AE", "retryable sent"), ("CE", "retryable sent"), ("AR", "permanent sent"),
    ("CR", "permanent sent"),
  ])
  func `each code of table 0008 has its meaning`(_ code: String, _ expected: String) async throws {
    let partner = try await Partner.open { wire, _, frame in
      wire.send(Sample.ack(code, HL7Header(frame)?.controlID ?? "", more: "|CANARY is unknown"))
    }
    let out = try TestDestination(port: partner.port)
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == expected)
    if let error = result.error {
      #expect(error.code == code)
      #expect(error.partnerText == "CANARY is unknown")
      #expect(error.reply != nil)
      #expect(!error.reason.contains("CANARY"))
    }
    // A refusal is an answer like any other: the connection stays.
    #expect(await out.send(Sample.adt("2")).short == expected)
    #expect(partner.wires.now.count == 1)
    await out.destination.close()
    await partner.close()
  }

  @Test func `a hundred messages go over one connection, one after the other`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port)
    for number in 1...100 { #expect(await out.send(Sample.adt("\(number)")).short == "AA") }
    #expect(partner.wires.now.count == 1)
    #expect(partner.frames.now.compactMap { HL7Header($0)?.controlID } == (1...100).map(String.init))
    await out.destination.close()
    await partner.close()
  }

  @Test func `a window of messages goes out in call order and is answered in call order`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port)
    for number in 1...50 { out.begin(Sample.adt("\(number)")) }
    let results = await out.results.first(50)
    #expect(results.compactMap { try? $0.get().payload?.bytes.answer } == (1...50).map { "AA \($0)" })
    #expect(partner.frames.now.compactMap { HL7Header($0)?.controlID } == (1...50).map(String.init))
    await out.destination.close()
    await partner.close()
  }

  @Test func `a send from within an answer goes out on the same thread`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port)
    let destination = out.destination
    let onLoop = Collected<Bool>()
    @Sendable func next(_ number: Int) {
      destination.send(TestDestination.delivery(Sample.adt("\(number)"))) { _ in
        onLoop.add(partnerLoops.makeIterator().contains { $0.inEventLoop })
        if number < 20 { next(number + 1) }
      }
    }
    next(1)
    #expect(await onLoop.first(20) == Array(repeating: true, count: 20))
    #expect(partner.frames.now.count == 20)
    await destination.close()
    await partner.close()
  }

  @Test func `nobody there is unreachable, with nothing sent`() async throws {
    let partner = try await Partner.answering()
    await partner.close()
    let out = try TestDestination(port: partner.port)
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable")
    #expect(result.error?.reason == "127.0.0.1:\(partner.port): connection refused: nothing listens there")
    await out.destination.close()
  }

  @Test func `a name that nobody knows is unreachable, and said to be`() async throws {
    let out = try TestDestination(port: 2575, host: "no-such-host.invalid")
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable")
    #expect(result.error?.reason.hasPrefix("the name no-such-host.invalid could not be looked up: ") == true)
    let ping = await out.destination.ping()
    #expect(!ping.reached)
    await out.destination.close()
  }

  @Test func `a partner that comes back is reached again`() async throws {
    let first = try await Partner.answering()
    let out = try TestDestination(port: first.port)
    #expect(await out.send(Sample.adt("1")).short == "AA")
    await first.close()
    for wire in first.wires.now { await wire.closed() }
    #expect(await out.send(Sample.adt("2")).error?.kind == .unreachable)
    await out.destination.close()
  }

  @Test func `no answer in time closes the connection, and a late answer is nobody's`() async throws {
    let partner = try await Partner.open { wire, index, frame in
      if index > 0 { wire.send(Sample.ack("AA", HL7Header(frame)?.controlID ?? "")) }
    }
    let out = try TestDestination(port: partner.port) { $0.timeout = .milliseconds(700) }
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable sent")
    #expect(result.error?.reason == "the partner did not answer within 700 ms")
    // The answer to the first comes now, on a connection that is closed.
    let old = try #require(partner.wires.now.first)
    old.send(Sample.ack("AR", "1"))
    #expect(await out.send(Sample.adt("1")).short == "AA")
    await old.closed()
    #expect(partner.wires.now.count == 2)
    await out.destination.close()
    await partner.close()
  }

  @Test func `what was decided before the lane knew of a failure does not overtake what failed`() async throws {
    let partner = try await Partner.open { wire, index, frame in
      if index == 0 { return wire.close() }
      wire.send(Sample.ack("AA", HL7Header(frame)?.controlID ?? ""))
    }
    let out = try TestDestination(port: partner.port)
    #expect(await out.send(Sample.adt("1")).short == "unreachable sent")
    // Handed over after the failure, and decided before it.
    #expect(await out.send(Sample.adt("2"), followsOthers: true).short == "unreachable")
    #expect(await out.send(Sample.adt("3"), followsOthers: true).short == "unreachable")
    #expect(await out.send(Sample.adt("1")).short == "AA")
    #expect(await out.send(Sample.adt("2"), followsOthers: true).short == "AA")
    #expect(partner.frames.now.compactMap { HL7Header($0)?.controlID } == ["1", "1", "2"])
    await out.destination.close()
    await partner.close()
  }

  @Test func `each message of a window has its own time, from when it is the oldest`() async throws {
    let partner = try await Partner.open { wire, index, frame in
      let answer = Sample.ack("AA", HL7Header(frame)?.controlID ?? "")
      wire.channel.eventLoop.scheduleTask(in: .milliseconds(Int64(400 * (index + 1)))) { wire.send(answer) }
    }
    let out = try TestDestination(port: partner.port) { $0.timeout = .milliseconds(1_500) }
    for number in 1...6 { out.begin(Sample.adt("\(number)")) }
    #expect(await out.results.first(6).map(\.short) == Array(repeating: "AA", count: 6))
    await out.destination.close()
    await partner.close()
  }

  private static let garbage: [(String, [UInt8])] = [
    ("no frame", Array("I am no frame, I am a line of text\r\n".utf8)),
    ("an empty frame", Sample.frame("")),
    ("no HL7", Sample.frame("hello")),
    ("no MSA", Sample.frame("MSH|^~\\&|EHR|HOSP|PAS|WARD|20260101||ACK|A1|P|2.5\r")),
    ("no code", Sample.frame(Sample.ack("", "1"))),
    ("a code of its own", Sample.frame(Sample.ack("OK", "1"))),
    ("another message's id", Sample.frame(Sample.ack("AA", "2"))),
    ("no id", Sample.frame(Sample.ack("AA", ""))),
    ("a message instead", Sample.frame(Sample.adt("77"))),
    ("a query's page", Array("HTTP/1.1 200 OK\r\n\r\n".utf8)),
    ("a frame in a frame", [0x0B, 0x4D, 0x0B, 0x53, 0x1C, 0x0D]),
    ("too much", [0x0B] + [UInt8](repeating: 0x78, count: MLLPLimits.answerBytesMax + 2)),
    ("a broken character set", [0x0B] + Array("MSH|^~\\&|||||||ACK|1|P|2.5\rMSA|AA|".utf8) + [0xFF, 0xFE, 0x1C, 0x0D]),
  ]

  @Test(arguments: garbage.indices)
  func `an answer that is none resets the connection, and the message goes again on a new one`(
    _ index: Int
  ) async throws {
    let (what, bytes) = Self.garbage[index]
    let partner = try await Partner.open { wire, index, frame in
      if index == 0 { wire.write(bytes) } else { wire.send(Sample.ack("AA", HL7Header(frame)?.controlID ?? "")) }
    }
    let out = try TestDestination(port: partner.port)
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable sent", "\(what)")
    await partner.wires.now.first?.closed()
    #expect(await out.send(Sample.adt("1")).short == "AA", "\(what)")
    // Nothing was sent back to what came instead of an answer.
    #expect(partner.frames.now.map(\.text) == [Sample.adt("1"), Sample.adt("1")], "\(what)")
    await out.destination.close()
    await partner.close()
  }

  @Test func `two answers to one message reset the connection before the next is matched`() async throws {
    let partner = try await Partner.open { wire, index, frame in
      let answer = Sample.frame(Sample.ack("AA", HL7Header(frame)?.controlID ?? ""))
      wire.write(index == 0 ? answer + answer : answer)
    }
    let out = try TestDestination(port: partner.port)
    #expect(await out.send(Sample.adt("1")).short == "AA")
    await partner.wires.now.first?.closed()
    let second = await out.send(Sample.adt("2"))
    #expect(second.short == "AA", "\(second)")
    #expect(partner.wires.now.count == 2)
    await out.destination.close()
    await partner.close()
  }

  @Test func `answers out of order fail everything that is outstanding`() async throws {
    let held = Collected<[UInt8]>()
    let partner = try await Partner.open { wire, index, frame in
      held.add(frame)
      if index == 2 { for number in [1, 3, 2] { wire.send(Sample.ack("AA", "\(number)")) } }
    }
    let out = try TestDestination(port: partner.port)
    for number in 1...3 { out.begin(Sample.adt("\(number)")) }
    #expect(await out.results.first(3).map(\.short) == ["AA", "unreachable sent", "unreachable sent"])
    await out.destination.close()
    await partner.close()
  }

  @Test func `an application acknowledgement after CA is passed over, once`() async throws {
    let partner = try await Partner.open { wire, index, frame in
      let id = HL7Header(frame)?.controlID ?? ""
      if index == 0 { return wire.send(Sample.ack("CA", id)) }
      // The first one's application acknowledgement comes before the second one's accept acknowledgement.
      wire.write(Sample.frame(Sample.ack("AE", "1")) + Sample.frame(Sample.ack("CA", id)))
    }
    let out = try TestDestination(port: partner.port)
    #expect(await out.send(Sample.adt("1", fields: "|||AL|AL")).short == "CA")
    #expect(await out.send(Sample.adt("2", fields: "|||AL|AL")).short == "CA")
    #expect(partner.wires.now.count == 1)
    // A second one for the same message is one too many.
    #expect(await out.send(Sample.adt("3", fields: "|||AL|AL")).short == "unreachable sent")
    await out.destination.close()
    await partner.close()
  }

  @Test func `a partner that closes while idle is noticed before the next send`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port)
    #expect(await out.send(Sample.adt("1")).short == "AA")
    let wire = try #require(partner.wires.now.first)
    wire.close()
    await wire.closed()
    // The end of the connection is on its way to the destination's event loop: one turn of each loop lets it in.
    for loop in partnerLoops.makeIterator() { try await loop.submit {}.get() }
    #expect(await out.send(Sample.adt("2")).short == "AA")
    #expect(partner.wires.now.count == 2)
    await out.destination.close()
    await partner.close()
  }

  @Test(arguments: [false, true])
  func `a partner that goes away instead of answering leaves the message possibly taken`(_ isReset: Bool) async throws {
    let partner = try await Partner.open { wire, index, frame in
      if index > 0 { return wire.send(Sample.ack("AA", HL7Header(frame)?.controlID ?? "")) }
      if isReset { wire.reset() } else { wire.close() }
    }
    let out = try TestDestination(port: partner.port)
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable sent")
    #expect(
      result.error?.reason
        == (isReset
          ? "127.0.0.1:\(partner.port): the partner reset the connection"
          : "the partner closed the connection without an answer"))
    #expect(await out.send(Sample.adt("1")).short == "AA")
    await out.destination.close()
    await partner.close()
  }

  @Test func `what was handed over behind a failure fails too, in order, and nothing overtakes it`() async throws {
    let partner = try await Partner.open { wire, index, _ in if index == 3 { wire.close() } }
    let out = try TestDestination(port: partner.port)
    for number in 1...10 { out.begin(Sample.adt("\(number)")) }
    let results = await out.results.first(10)
    #expect(results.allSatisfy { $0.error?.kind == .unreachable })
    #expect(partner.wires.now.count == 1)
    await out.destination.close()
    await partner.close()
  }

  @Test func `what can't be framed or named is permanent, and those around it go out`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port)
    out.begin(Sample.adt("1"))
    out.begin("no message")
    out.begin(Sample.adt("2", note: "NTE|1||\u{1C}\r"))
    out.begin(Sample.adt("3"))
    let results = await out.results.first(4)
    #expect(results.map(\.short).sorted() == ["AA", "AA", "permanent", "permanent"])
    #expect(partner.frames.now.compactMap { HL7Header($0)?.controlID } == ["1", "3"])
    await out.destination.close()
    await partner.close()
  }

  @Test func `closing cancels what is under way and what comes after`() async throws {
    let partner = try await Partner.open { _, _, _ in }
    let out = try TestDestination(port: partner.port)
    out.begin(Sample.adt("1"))
    _ = await partner.frames.first(1)
    await out.destination.close()
    #expect(await out.results.first(1).map(\.short) == ["cancelled sent"])
    #expect(await out.send(Sample.adt("2")).short == "cancelled")
    await partner.wires.now.first?.closed()
    await partner.close()
  }

  @Test func `keep-open of nothing closes after each answer`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port) { $0.keepOpen = .zero }
    for number in 1...3 {
      #expect(await out.send(Sample.adt("\(number)")).short == "AA")
      await partner.wires.now.last?.closed()
    }
    #expect(partner.wires.now.count == 3)
    await out.destination.close()
    await partner.close()
  }

  @Test func `keep-open closes a connection that is not used, not one that waits`() async throws {
    let partner = try await Partner.open { wire, _, frame in
      let answer = Sample.ack("AA", HL7Header(frame)?.controlID ?? "")
      wire.channel.eventLoop.scheduleTask(in: .milliseconds(300)) { wire.send(answer) }
    }
    let out = try TestDestination(port: partner.port) { $0.keepOpen = .milliseconds(100) }
    #expect(await out.send(Sample.adt("1")).short == "AA")
    await partner.wires.now.first?.closed()
    await out.destination.close()
    await partner.close()
  }

  @Test func `ping connects, says what it saw and sends nothing`() async throws {
    let partner = try await Partner.answering()
    let out = try TestDestination(port: partner.port, host: "localhost")
    let report = await out.destination.ping()
    #expect(report.reached)
    #expect(report.lines.count == 2)
    #expect(report.lines.first?.hasPrefix("name: localhost is ") == true)
    #expect(report.lines.last?.hasPrefix("connection: open to 127.0.0.1:\(partner.port)") == true)
    await partner.wires.now.first?.closed()
    #expect(partner.frames.now.isEmpty)
    await partner.close()
    let gone = await out.destination.ping()
    #expect(!gone.reached)
    #expect(gone.lines.last?.hasSuffix("connection refused: nothing listens there") == true)
    await out.destination.close()
  }
}

extension Payload {
  var bytes: [UInt8] {
    if case .bytes(let bytes) = content { bytes } else { [] }
  }
}
