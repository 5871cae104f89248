import ConnectorKit
import HL7
import Messages
import NIOCore
import NIOSSL
import Testing

@testable import Connectors

/// A source that connects to its partner.
@Suite(.timeLimit(.minutes(2)))
struct MLLPConnectTests {
  private func source(
    _ inbox: ScriptedInbox = ScriptedInbox(), to partner: Partner, log: LogLines = LogLines(),
    messageBytesMax: Int = 1 << 20, _ set: (MLLPSourceSettings) -> Void = { _ in }
  ) async throws -> RunningSource {
    let connect = MLLPConnectSettings()
    connect.host = "127.0.0.1"
    connect.port = ConnectorKit.Port(partner.port)
    return try await RunningSource.start(inbox, messageBytesMax: messageBytesMax) {
      $0.port = nil
      $0.connect = connect
      set($0)
    }
  }

  /// A partner that does nothing by itself.
  private func partner(tls: NIOSSLContext? = nil) async throws -> Partner {
    try await Partner.open(tls: tls) { _, _, _ in }
  }

  @Test func `messages come on the connection that it makes, and are answered on it in order`() async throws {
    let partner = try await partner()
    let source = try await source(to: partner)
    #expect(source.source.status().listening == "a connection to 127.0.0.1:\(partner.port)")
    let wire = try #require(await partner.wires.first(1).first)
    for number in 1...50 { wire.send(Sample.adt("\(number)")) }
    #expect(await wire.frames.first(50).map(\.answer) == (1...50).map { "AA \($0)" })
    #expect(source.inbox.arrivals.now.first?.attributes["peer"] == .text("127.0.0.1"))
    #expect(source.source.status().peers.map(\.messages) == [50])
    #expect(await source.source.ping()?.reached == true)
    #expect(partner.wires.now.count == 1)
    try await source.stop()
    await wire.closed()
    await partner.close()
  }

  @Test func `a partner that closes after each message is connected to again at once`() async throws {
    let partner = try await partner()
    let source = try await source(to: partner)
    for number in 1...5 {
      let wire = try #require(await partner.wires.first(number).last)
      wire.send(Sample.adt("\(number)"))
      #expect(await wire.frames.first(1).map(\.answer) == ["AA \(number)"])
      wire.close()
    }
    #expect(source.inbox.arrivals.now.count == 5)
    try await source.stop()
    await partner.close()
  }

  @Test func `a partner that is away is tried again, and that is told once`() async throws {
    let partner = try await partner()
    let source = try await source(to: partner)
    await partner.close()
    while source.source.status().listening != nil { await Task.yield() }
    while source.source.status().trouble?.contains("connection refused") != true { await Task.yield() }
    let said = { source.log.lines.now.count { $0.contains("can't be reached") } }
    while said() == 0 { await Task.yield() }
    #expect(said() == 1)
    let ping = await source.source.ping()
    #expect(ping?.reached == false && ping?.lines.last?.contains("connection refused") == true)
    try await source.stop()
  }

  @Test func `unavailable closes without an answer, and it is not asked in a circle`() async throws {
    let partner = try await partner()
    let inbox = ScriptedInbox { index, _ in
      index == 0 ? .unavailable(reason: "disk low") : .accepted(ScriptedInbox.id, reply: nil)
    }
    let source = try await source(inbox, to: partner)
    let first = try #require(await partner.wires.first(1).first)
    let began = ContinuousClock.now
    first.send(Sample.adt("1"))
    await first.closed()
    #expect(first.frames.now.isEmpty)
    let second = try #require(await partner.wires.first(2).last)
    #expect(ContinuousClock.now - began > .milliseconds(400))
    second.send(Sample.adt("1"))
    #expect(await second.frames.first(1).map(\.answer) == ["AA 1"])
    try await source.stop()
    await partner.close()
  }

  @Test func `a message over the limit, junk and a slow one end their connection as they do where it listens`()
    async throws
  {
    let partner = try await partner()
    let source = try await source(to: partner, messageBytesMax: 4096) { $0.frame = .milliseconds(200) }
    let large = try #require(await partner.wires.first(1).first)
    large.write(Sample.frame(Sample.adt("1", note: String(repeating: "x", count: 5000))))
    #expect(await large.frames.first(1).map(\.answer) == ["AR 1"])
    large.close()
    let slow = try #require(await partner.wires.first(2).last)
    slow.write(Array(Sample.frame(Sample.adt("2")).prefix(20)))
    await slow.closed()
    let junk = try #require(await partner.wires.first(3).last)
    junk.write(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    await junk.closed()
    let well = try #require(await partner.wires.first(4).last)
    well.send(Sample.adt("3"))
    #expect(await well.frames.first(1).map(\.answer) == ["AA 3"])
    #expect(source.inbox.arrivals.now.count == 1)
    try await source.stop()
    await partner.close()
  }

  @Test func `a source that is cancelled answers what it has offered, takes nothing more and returns`() async throws {
    let partner = try await partner()
    let source = try await source(ScriptedInbox { _, _ in nil }, to: partner)
    let wire = try #require(await partner.wires.first(1).first)
    wire.send(Sample.adt("1"))
    _ = await source.inbox.arrivals.first(1)
    source.cancel()
    source.inbox.release()
    #expect(await wire.frames.first(1).map(\.answer) == ["AA 1"])
    try await source.ended()
    await wire.closed()
    await partner.close()
  }

  @Test func `with TLS the partner's certificate is verified, and its subject travels with the message`() async throws {
    let made = try TestCertificates.made()
    let partner = try await partner(tls: made.serverContext("server"))
    let source = try await source(to: partner) { $0.connect?.tls = .with(made.client()) }
    let wire = try #require(await partner.wires.first(1).first)
    wire.send(Sample.adt("1"))
    #expect(await wire.frames.first(1).map(\.answer) == ["AA 1"])
    #expect(source.inbox.arrivals.now.first?.attributes["tls"]?["subject"] == .text("CN=server"))
    #expect(await source.source.certificates().map(\.use) == [.trusted])
    try await source.stop()
    await partner.close()

    let stranger = try await self.partner(tls: made.serverContext("stranger"))
    let settings = MLLPSourceSettings()
    let connect = MLLPConnectSettings()
    connect.host = "127.0.0.1"
    connect.port = ConnectorKit.Port(stranger.port)
    connect.tls = .with(made.client())
    settings.connect = connect
    let refusing = try MLLPSource(settings, context: ConnectorContext(channel: ChannelName("test")))
    let task = Task { try await refusing.run(ScriptedInbox()) }
    while refusing.status().trouble == nil { await Task.yield() }
    #expect(refusing.status().trouble?.contains("CN=stranger") == true)
    task.cancel()
    try await task.value
    await stranger.close()
  }
}
