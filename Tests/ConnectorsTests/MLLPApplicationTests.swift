import ConnectorKit
import HL7
import Messages
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Connectors

/// A destination that waits for the partner's application acknowledgement.
@Suite(.timeLimit(.minutes(2)))
struct MLLPApplicationTests {
  private static let both = "|||AL|AL"

  private struct Out {
    let destination: MLLPDestination
    let results = Collected<(id: String, result: Result<Reply, DeliveryError>)>()
    private let number = Counter()

    init(port: Int, within: Duration = .seconds(60), later: LaterByHand? = nil) throws {
      let settings = MLLPDestinationSettings()
      settings.host = "127.0.0.1"
      settings.port = Port(port)
      let block = MLLPApplicationSettings()
      block.within = within
      if later != nil { block.from = ChannelNameReference(ChannelName("acks")) }
      settings.applicationAck = block
      var context = ConnectorContext(channel: ChannelName("test"), destination: "ehr")
      context.laterAnswers = later
      destination = try MLLPDestination(settings, context: context)
    }

    func begin(_ id: String, fields: String = MLLPApplicationTests.both) {
      destination.send(delivery(Sample.adt(id, fields: fields))) { [results] in results.add((id, $0)) }
    }

    func send(_ id: String, fields: String = MLLPApplicationTests.both) async -> Result<Reply, DeliveryError> {
      await withCheckedContinuation { continuation in
        destination.send(delivery(Sample.adt(id, fields: fields))) { continuation.resume(returning: $0) }
      }
    }

    private func delivery(_ message: String) -> Delivery {
      Delivery(
        id: Identifier(high: 7, low: number.next()), message: ScriptedInbox.id,
        lane: LaneName(channel: ChannelName("test"), destination: "ehr"),
        payload: Payload(.hl7v2, Array(message.utf8)), attempt: 1, possibleDuplicate: false, followsOthers: false)
    }
  }

  private final class Counter: Sendable {
    private let count = Mutex<UInt64>(0)
    func next() -> UInt64 {
      count.withLock { count in
        count += 1
        return count
      }
    }
  }

  /// A partner that answers CA, and then what it is told for each.
  private static func partner(_ then: @escaping @Sendable (Wire, String) -> Void = { _, _ in }) async throws -> Partner
  {
    try await Partner.open { wire, _, frame in
      let id = HL7Header(frame)?.controlID ?? ""
      wire.send(Sample.ack("CA", id))
      then(wire, id)
    }
  }

  @Test(arguments: [("AA", "AA after CA"), ("AE", "retryable sent"), ("AR", "permanent sent")])
  func `the application acknowledgement behind CA decides`(_ code: String, _ expected: String) async throws {
    let partner = try await Self.partner { $0.send(Sample.ack(code, $1, more: "|CANARY is unknown")) }
    let out = try Out(port: partner.port)
    let result = await out.send("1")
    #expect(result.short == expected)
    #expect(result.error?.code == (code == "AA" ? nil : code))
    let reply = try? result.get().payload
    #expect((reply ?? result.error?.reply)?.bytes.text.contains("MSA|\(code)|1") == true)
    #expect(out.destination.accepted().isEmpty)
    #expect(await out.send("2").short == expected)
    #expect(partner.wires.now.count == 1)
    await out.destination.close()
    await partner.close()
  }

  @Test func `or comes alone, or isn't needed, where the partner refuses to accept or MSH-16 says NE`() async throws {
    let partner = try await Partner.open { wire, _, frame in
      let id = HL7Header(frame)?.controlID ?? ""
      wire.send(Sample.ack(id.hasPrefix("C") ? String(id.prefix(2)) : "AA", id))
    }
    let out = try Out(port: partner.port)
    #expect(await out.send("1").short == "AA")
    #expect(await out.send("CE1").short == "retryable sent")
    #expect(await out.send("CR1").short == "permanent sent")
    #expect(await out.send("CA1", fields: "|||AL|NE").short == "CA")
    await out.destination.close()
    await partner.close()
  }

  @Test func `of several messages they come in any order, and a wrong one ends the connection`() async throws {
    let partner = try await Self.partner { wire, id in
      if id == "3" { for number in [2, 3, 1] { wire.send(Sample.ack("AA", "\(number)")) } }
      if id == "5" { wire.send(Sample.ack("AA", "NOBODY")) }
    }
    let out = try Out(port: partner.port)
    for number in 1...3 { out.begin("\(number)") }
    let results = await out.results.first(3)
    #expect(results.map(\.id) == ["2", "3", "1"])
    #expect(results.allSatisfy { $0.result.short == "AA after CA" })
    for number in 4...5 { out.begin("\(number)") }
    let lost = await out.results.first(5).suffix(2)
    #expect(lost.map(\.id) == ["4", "5"] && lost.allSatisfy { $0.result.short == "unreachable sent" })
    await out.destination.close()
    await partner.close()
  }

  @Test func `nothing within the time is unanswered, where MSH-16 says ER it is success, and late it is passed over`()
    async throws
  {
    let partner = try await Self.partner { wire, id in
      if id == "3" { wire.write(Sample.frame(Sample.ack("AA", "1")) + Sample.frame(Sample.ack("AA", "3"))) }
      if id == "4" { wire.send(Sample.ack("AE", "4")) }
    }
    let out = try Out(port: partner.port, within: .milliseconds(100))
    let none = await out.send("1")
    #expect(none.short == "unanswered sent" && none.error?.code == "unanswered")
    #expect(none.error?.reply?.bytes.text.contains("MSA|CA|1") == true)
    #expect(await out.send("2", fields: "|||AL|ER").short == "CA, and no refusal within 0 s")
    #expect(await out.send("3").short == "AA after CA")
    #expect(await out.send("4", fields: "|||AL|ER").short == "retryable sent")
    #expect(partner.wires.now.count == 1)
    await out.destination.close()
    await partner.close()
  }

  @Test func `a connection that is lost behind CA leaves the message possibly taken`() async throws {
    let partner = try await Self.partner { wire, id in if id == "2" { wire.close() } }
    let out = try Out(port: partner.port)
    for number in 1...2 { out.begin("\(number)") }
    let results = await out.results.first(2)
    #expect(results.map(\.id) == ["1", "2"])
    #expect(results.allSatisfy { $0.result.short == "unreachable sent" })
    #expect(
      results.first?.result.error?.reason == "the partner closed the connection without the application acknowledgement"
    )
    await out.destination.close()
    await partner.close()
  }

  @Test(arguments: [false, true]) func `a lane that stops waits for none of them`(_ isLater: Bool) async throws {
    let partner = try await Self.partner()
    let out = try Out(port: partner.port, later: isLater ? LaterByHand() : nil)
    out.begin("1")
    while out.destination.accepted().isEmpty { await Task.yield() }
    out.destination.stopAwaiting()
    #expect(await out.results.first(1).first?.result.short == "cancelled sent")
    // What is accepted from now on isn't waited for either.
    #expect(await out.send("2").short == "cancelled sent")
    #expect(out.destination.accepted().isEmpty)
    await out.destination.close()
    await partner.close()
  }

  @Test func `on a way of its own it may come before CA, after it, and when the connection is gone`() async throws {
    let later = LaterByHand()
    let partner = try await Partner.open { wire, _, frame in
      let id = HL7Header(frame)?.controlID ?? ""
      if id == "1" { later.claim("AA", "1")() }
      wire.send(Sample.ack("CA", id))
      if id == "3" { wire.close() }
    }
    let out = try Out(port: partner.port, later: later)
    #expect(await out.send("1").short == "AA after CA")
    out.begin("2")
    while out.destination.accepted().isEmpty { await Task.yield() }
    later.claim("AE", "2")()
    #expect(await out.results.first(1).first?.result.short == "retryable sent")
    out.begin("3")
    while out.destination.accepted().isEmpty { await Task.yield() }
    await partner.wires.now.last?.closed()
    later.claim("AR", "3")()
    #expect(await out.results.first(2).last?.result.short == "permanent sent")
    #expect(later.names == [])
    await out.destination.close()
    await partner.close()
  }

  @Test func `what has come for it on a way of its own decides, whatever happens to the connection meanwhile`()
    async throws
  {
    let later = LaterByHand()
    let claimed = Collected<@Sendable () -> Void>()
    let partner = try await Partner.open { wire, _, frame in
      guard let id = HL7Header(frame)?.controlID else { return }
      claimed.add(later.claim("AA", id))
      wire.close()
    }
    let out = try Out(port: partner.port, later: later)
    out.begin("1")
    let onItsWay = await claimed.first(1)
    await partner.wires.now.last?.closed()
    for loop in partnerLoops.makeIterator() { try await loop.submit {}.get() }
    #expect(out.results.now.isEmpty)
    onItsWay.first?()
    #expect(await out.results.first(1).first?.result.short == "AA after CA")
    await out.destination.close()
    await partner.close()
  }

  @Test func `a message without a control id could not be recognised`() async throws {
    let partner = try await Self.partner()
    let out = try Out(port: partner.port)
    #expect(await out.send("").short == "permanent")
    await out.destination.close()
    await partner.close()
  }
}

extension LaterByHand {
  /// An acknowledgement of the application, which comes when it is called.
  fileprivate func claim(_ code: String, _ controlID: String) -> @Sendable () -> Void {
    let then = take(controlID)
    return { then?(Payload(.hl7v2, Array(Sample.ack(code, controlID).utf8))) }
  }
}
