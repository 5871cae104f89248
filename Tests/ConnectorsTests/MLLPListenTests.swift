import ConnectorKit
import HL7
import Messages
import NIOCore
import NIOSSL
import Testing

@testable import Connectors

/// A destination that its partner connects to.
@Suite(.timeLimit(.minutes(2)))
struct MLLPListenTests {
  /// A destination whose port is open.
  private struct Listening {
    let out: TestDestination
    let port: Int
    /// One for each time that a partner came.
    let came = Collected<Bool>()

    init(
      inFlight: Int = 1, log: LogLines = LogLines(), timeout: Duration = .seconds(20),
      _ set: (MLLPListenSettings) -> Void = { _ in }
    ) async throws {
      let listen = MLLPListenSettings()
      listen.port = ConnectorKit.Port(0)
      set(listen)
      out = try TestDestination(listening: listen, inFlight: inFlight, log: log, timeout: timeout)
      out.destination.open { [came] in came.add(true) }
      while out.destination.status()?.listening == nil { await Task.yield() }
      port = try #require(out.destination.status()?.listening?.split(separator: ":").last.flatMap { Int($0) })
    }

    /// A partner that is known to be there.
    func partner(
      tls: NIOSSLContext? = nil, _ respond: @escaping @Sendable (Wire, [UInt8]) -> Void
    ) async throws -> Wire {
      let before = came.now.count
      let wire = try await Wire.connect(port: port, tls: tls, respond)
      _ = await came.first(before + 1)
      return wire
    }
  }

  private static let answers: @Sendable (Wire, [UInt8]) -> Void = { wire, frame in
    wire.send(Sample.ack("AA", HL7Header(frame)?.controlID ?? ""))
  }

  @Test func `without a partner a message waits, with the reason, and goes when one comes`() async throws {
    let there = try await Listening()
    let refused = await there.out.send(Sample.adt("1"))
    #expect(refused.short == "unreachable")
    #expect(refused.error?.reason == "no partner is connected to 127.0.0.1:\(there.port)")
    #expect(await there.out.destination.ping().reached == false)
    let partner = try await there.partner(Self.answers)
    #expect(await there.out.send(Sample.adt("1")).short == "AA")
    #expect(await there.out.destination.ping().lines.last == "connected: 127.0.0.1")
    #expect(there.out.destination.status()?.peers.first?.connectedAt != nil)
    partner.close()
    await there.out.destination.close()
  }

  @Test func `a hundred messages go over its one connection in order, a window of them too`() async throws {
    let there = try await Listening()
    let partner = try await there.partner(Self.answers)
    for number in 1...50 { #expect(await there.out.send(Sample.adt("\(number)")).short == "AA") }
    for number in 51...100 { there.out.begin(Sample.adt("\(number)")) }
    #expect(await there.out.results.first(50).allSatisfy { $0.short == "AA" })
    #expect(partner.frames.now.compactMap { HL7Header($0)?.controlID } == (1...100).map(String.init))
    await there.out.destination.close()
    await partner.closed()
  }

  @Test(arguments: [
    ("MSH|^~\\&|EHR||||||ACK|A|P|2.5\rMSA|AA|OTHER\r", true), ("nothing that could be read", true), ("", true),
  ])
  func `an answer that is none resets the connection, and the message goes again on the next`(
    _ answer: String, _ isFramed: Bool
  ) async throws {
    let there = try await Listening()
    let first = try await there.partner { wire, _ in wire.send(answer) }
    #expect(await there.out.send(Sample.adt("1")).short == "unreachable sent")
    await first.closed()
    #expect(await there.out.send(Sample.adt("1")).error?.reason.hasPrefix("no partner is connected") == true)
    let second = try await there.partner(Self.answers)
    #expect(await there.out.send(Sample.adt("1")).short == "AA")
    second.close()
    await there.out.destination.close()
  }

  @Test func `two answers to one message reset the connection before the next is matched`() async throws {
    let there = try await Listening()
    let first = try await there.partner { wire, frame in
      let answer = Sample.frame(Sample.ack("AA", HL7Header(frame)?.controlID ?? ""))
      wire.write(answer + answer)
    }
    #expect(await there.out.send(Sample.adt("1")).short == "AA")
    await first.closed()
    let second = try await there.partner(Self.answers)
    #expect(await there.out.send(Sample.adt("2")).short == "AA")
    #expect(second.frames.now.compactMap { HL7Header($0)?.controlID } == ["2"])
    await there.out.destination.close()
  }

  @Test func `no answer in time closes the connection, and a late answer is nobody's`() async throws {
    let there = try await Listening(timeout: .milliseconds(200))
    let first = try await there.partner { _, _ in }
    let result = await there.out.send(Sample.adt("1"))
    #expect(result.short == "unreachable sent")
    #expect(result.error?.reason == "the partner did not answer within 200 ms")
    first.send(Sample.ack("AA", "1"))
    await first.closed()
    let second = try await there.partner { wire, frame in
      if HL7Header(frame)?.controlID == "2" { wire.send(Sample.ack("AE", "2")) }
    }
    #expect(await there.out.send(Sample.adt("2")).short == "retryable sent")
    second.close()
    await there.out.destination.close()
  }

  @Test func `an application acknowledgement after CA is passed over, once`() async throws {
    let there = try await Listening()
    let partner = try await there.partner { wire, frame in
      let id = HL7Header(frame)?.controlID ?? ""
      wire.send(Sample.ack("CA", id))
      wire.send(Sample.ack("AA", id))
    }
    #expect(await there.out.send(Sample.adt("1")).short == "CA")
    #expect(await there.out.send(Sample.adt("2")).short == "CA")
    #expect(there.came.now.count == 1)
    partner.close()
    await there.out.destination.close()
  }

  @Test func `a newer connection takes the place of an idle one at once`() async throws {
    let there = try await Listening()
    let old = try await there.partner(Self.answers)
    #expect(await there.out.send(Sample.adt("1")).short == "AA")
    let new = try await there.partner(Self.answers)
    await old.closed()
    #expect(await there.out.send(Sample.adt("2")).short == "AA")
    #expect(new.frames.now.compactMap { HL7Header($0)?.controlID } == ["2"])
    await there.out.destination.close()
  }

  @Test func `what is under way stays with its connection, and what follows goes to the newer one in order`()
    async throws
  {
    let there = try await Listening()
    let old = try await there.partner { _, _ in }
    for number in 1...2 { there.out.begin(Sample.adt("\(number)")) }
    _ = await old.frames.first(2)
    let new = try await there.partner(Self.answers)
    there.out.begin(Sample.adt("3"))
    #expect(there.out.results.now.isEmpty && new.frames.now.isEmpty)
    old.send(Sample.ack("AA", "1"))
    old.send(Sample.ack("AA", "2"))
    #expect(await there.out.results.first(3).map(\.short) == ["AA", "AA", "AA"])
    await old.closed()
    #expect(old.frames.now.compactMap { HL7Header($0)?.controlID } == ["1", "2"])
    #expect(new.frames.now.compactMap { HL7Header($0)?.controlID } == ["3"])
    await there.out.destination.close()
  }

  @Test func `a dead connection costs its time, then all goes to the newer one, possibly twice, in order`() async throws
  {
    let there = try await Listening(timeout: .seconds(1))
    let old = try await there.partner { _, _ in }
    there.out.begin(Sample.adt("1"))
    _ = await old.frames.first(1)
    let new = try await there.partner(Self.answers)
    there.out.begin(Sample.adt("2"))
    #expect(await there.out.results.first(2).map(\.short) == ["unreachable sent", "unreachable"])
    for number in 1...2 { #expect(await there.out.send(Sample.adt("\(number)")).short == "AA") }
    #expect(new.frames.now.compactMap { HL7Header($0)?.controlID } == ["1", "2"])
    await there.out.destination.close()
  }

  @Test func `of many connections as many are used as messages may be under way`() async throws {
    let there = try await Listening(inFlight: 2)
    var partners: [Wire] = []
    for _ in 1...3 { partners.append(try await there.partner { _, _ in }) }
    await partners[0].closed()
    for number in 1...2 { there.out.begin(Sample.adt("\(number)")) }
    for partner in partners[1...] {
      let frame = try #require(await partner.frames.first(1).first)
      partner.send(Sample.ack("AA", HL7Header(frame)?.controlID ?? ""))
    }
    #expect(await there.out.results.first(2).map(\.short) == ["AA", "AA"])
    await there.out.destination.close()
  }

  @Test func `who is not allowed, and who speaks first, is closed and counted`() async throws {
    let log = LogLines()
    let there = try await Listening(log: log) { $0.allow = [AddressRange("10.1.2.0/24")].compactMap(\.self) }
    await (try await Wire.connect(port: there.port)).closed()
    #expect(there.out.destination.status()?.peers.first?.lastRefusal == "it is not among those that `allow` names")
    await there.out.destination.close()
    let open = try await Listening(log: log)
    let http = try await open.partner { _, _ in }
    http.write(Array("GET / HTTP/1.1\r\n\r\n".utf8))
    await http.closed()
    #expect(
      open.out.destination.status()?.peers.first?.lastRefusal == "it sent something, and nothing had been sent to it")
    #expect(await open.out.send(Sample.adt("1")).short == "unreachable")
    await open.out.destination.close()
  }

  @Test func `with TLS the partner shows a certificate of ours, and one without is refused`() async throws {
    let made = try TestCertificates.made()
    let there = try await Listening { $0.tls = .with(made.server("server", clients: "ca")) }
    let stranger = try await Wire.connect(port: there.port, tls: made.clientContext("stranger"))
    await stranger.closed()
    while there.out.destination.status()?.peers.first?.lastRefusal == nil { await Task.yield() }
    #expect(there.out.destination.status()?.peers.first?.lastRefusal?.contains("not signed by an authority") == true)
    #expect(await there.out.send(Sample.adt("1")).short == "unreachable")
    let partner = try await there.partner(tls: made.clientContext("client"), Self.answers)
    #expect(await there.out.send(Sample.adt("1")).short == "AA")
    #expect(await there.out.destination.certificates().map(\.use) == [.shown, .trusted])
    partner.close()
    await there.out.destination.close()
  }

  @Test func `a port that is taken is said, and opened when it is free`() async throws {
    let first = try await Listening()
    let listen = MLLPListenSettings()
    listen.port = ConnectorKit.Port(first.port)
    let second = try TestDestination(listening: listen)
    second.destination.open {}
    while second.destination.status()?.trouble == nil { await Task.yield() }
    let reason = "can't listen on 127.0.0.1:\(first.port): the port is taken by another program"
    #expect(await second.send(Sample.adt("1")).error?.reason == reason)
    #expect(await second.destination.ping().lines == [reason])
    await first.out.destination.close()
    while second.destination.status()?.listening == nil { await Task.yield() }
    await second.destination.close()
    #expect(second.destination.status()?.listening == nil)
  }
}
