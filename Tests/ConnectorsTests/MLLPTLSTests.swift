import ConnectorKit
import HL7
import Messages
import NIOCore
import NIOEmbedded
import NIOSSL
import Testing

@testable import Connectors

/// MLLP under TLS: who is let in, who is not, and what is said about it.
@Suite(.timeLimit(.minutes(2)))
struct MLLPTLSTests {
  private let made: TestCertificates

  init() throws { made = try TestCertificates.made() }

  private func source(_ server: String = "server", clients: String? = nil) async throws -> RunningSource {
    try await RunningSource.start { $0.tls = .with(made.server(server, clients: clients)) }
  }

  /// Whether a message gets its answer.
  private func isServed(_ source: RunningSource, _ context: NIOSSLContext) async throws -> Bool {
    let wire = try await Wire.connect(port: source.port, tls: context)
    wire.send(Sample.adt("1"))
    defer { wire.close() }
    return await wire.frames.first(1).map(\.answer) == ["AA 1"]
  }

  // MARK: As a source

  @Test func `a sender over TLS is served, and one in clear is not`() async throws {
    let source = try await source()
    #expect(try await isServed(source, made.clientContext()))
    let plain = try await Wire.connect(port: source.port)
    plain.send(Sample.adt("2"))
    await plain.closed()
    #expect(source.inbox.arrivals.now.count == 1)
    #expect(source.log.lines.now.filter { $0.contains("the other side does not speak TLS") }.count == 1)
    try await source.stop()
  }

  @Test func `with clients, a sender needs a certificate of theirs, and its subject travels with the message`()
    async throws
  {
    let source = try await source(clients: "ca")
    #expect(try await isServed(source, made.clientContext("client")))
    let tls = source.inbox.arrivals.now.first?.attributes["tls"]
    #expect(tls?["subject"] == .text("CN=pas.hospital.example, O=Hospital"))
    for (name, reason) in [
      (nil, "the client showed no certificate"),
      ("stranger", "the client's certificate (CN=stranger) is not signed by an authority that is trusted here"),
      ("expired", "the client's certificate (CN=expired) expired on 2020-02-01"),
      ("future", "the client's certificate (CN=future) is not valid before 2045-01-01"),
    ] as [(String?, String)] {
      #expect(try await !isServed(source, made.clientContext(name)))
      while source.log.lines.now.last?.contains(reason) != true { await Task.yield() }
      #expect(source.source.status().peers.first?.lastRefusal == reason)
    }
    #expect(source.inbox.arrivals.now.count == 1)
    try await source.stop()
  }

  @Test func `TLS older than 1.2 is refused`() async throws {
    let source = try await source()
    #expect(try await !isServed(source, made.clientContext(newest: .tlsv11)))
    while source.log.lines.now.isEmpty { await Task.yield() }
    #expect(source.log.lines.now.first?.contains("does not speak TLS 1.2 or newer") == true)
    #expect(try await isServed(source, made.clientContext(newest: .tlsv12)))
    try await source.stop()
  }

  @Test func `a client that stalls within its handshake is closed, and so is one that says nothing`() throws {
    let log = LogLines()
    let loop = NIOEmbeddedLoop()
    for bytes in [[], [0x16, 0x03, 0x01]] as [[UInt8]] {
      let channel = try loop.connection(made.serverContext("server"), log: log, handshake: .seconds(10))
      if !bytes.isEmpty { try channel.writeInbound(ByteBuffer(bytes: bytes)) }
      loop.advance(.seconds(9))
      #expect(channel.isActive)
      loop.advance(.seconds(3))
      #expect(!channel.isActive)
    }
    #expect(log.lines.now.filter { $0.contains("handshake was not completed within 10000 ms") }.count == 2)
  }

  @Test func `without files a source does not start and says which is missing`() async throws {
    let error = await #expect(throws: SettingError.self) { try await source("missing") }
    #expect(error?.description.hasPrefix("tls.certificate: ") == true)
  }

  // MARK: As a destination

  private func destination(
    _ partner: Partner, host: String = "localhost", _ settings: ClientTLSSettings
  ) throws -> TestDestination {
    try TestDestination(port: partner.port, host: host) { $0.tls = .with(settings) }
  }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func `a partner whose certificate names it is reached, by name and by address`(_ host: String) async throws {
    let partner = try await Partner.answering(tls: made.serverContext("server"))
    let out = try destination(partner, host: host, made.client())
    for number in 1...3 { #expect(await out.send(Sample.adt("\(number)")).short == "AA") }
    let ping = await out.destination.ping()
    #expect(ping.reached)
    #expect(ping.lines.last?.hasPrefix("TLS: ") == true)
    #expect(ping.lines.last?.contains("certificate CN=server, valid until ") == true)
    await out.destination.close()
    await partner.close()
  }

  @Test(arguments: [
    ("expired", "the partner's certificate (CN=expired) expired on 2020-02-01"),
    ("stranger", "the partner's certificate (CN=stranger) is not signed by an authority that is trusted here"),
    ("elsewhere", "the partner's certificate is for ehr.hospital.example, not for localhost"),
    ("future", "the partner's certificate (CN=future) is not valid before 2045-01-01"),
  ])
  func `a partner that can't prove who it is gets nothing`(_ server: String, _ reason: String) async throws {
    let partner = try await Partner.answering(tls: made.serverContext(server))
    let out = try destination(partner, made.client())
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable")
    #expect(result.error?.reason == reason)
    #expect(await out.destination.ping().lines.last == reason)
    #expect(partner.frames.now.isEmpty)
    await out.destination.close()
    await partner.close()
  }

  @Test func `server-name says which name the certificate must hold`() async throws {
    let partner = try await Partner.answering(tls: made.serverContext("elsewhere"))
    let settings = made.client()
    settings.serverName = "ehr.hospital.example"
    let out = try destination(partner, host: "127.0.0.1", settings)
    #expect(await out.send(Sample.adt("1")).short == "AA")
    await out.destination.close()
    await partner.close()
  }

  @Test(arguments: ["ehr.hospital.example", "10.9.9.9"])
  func `a certificate for the address connected to is none for another name`(_ name: String) async throws {
    let partner = try await Partner.answering(tls: made.serverContext("address"))
    let plain = try destination(partner, host: "127.0.0.1", made.client())
    #expect(await plain.send(Sample.adt("1")).short == "AA")
    let settings = made.client()
    settings.serverName = name
    let out = try destination(partner, host: "127.0.0.1", settings)
    let result = await out.send(Sample.adt("2"))
    #expect(result.short == "unreachable")
    #expect(result.error?.reason == "the partner's certificate is for 127.0.0.1, not for \(name)")
    #expect(partner.frames.now.count == 1)
    await plain.destination.close()
    await out.destination.close()
    await partner.close()
  }

  @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
  func `a partner that wants a certificate gets ours, or says so`(_ version: TLSVersion) async throws {
    let partner = try await Partner.answering(tls: made.serverContext("server", clients: "ca", newest: version))
    let out = try destination(partner, made.client("client"))
    #expect(await out.send(Sample.adt("1")).short == "AA")
    await out.destination.close()
    let without = try destination(partner, made.client())
    let result = await without.send(Sample.adt("2"))
    // Nothing of it was read: it costs the message nothing, and it isn't a possible duplicate.
    #expect(result.short == "unreachable")
    #expect(result.error?.reason.contains("certificate from us") == true, "\(result.error?.reason ?? "")")
    let ping = await without.destination.ping()
    #expect(!ping.reached)
    #expect(partner.frames.now.count == 1)
    await without.destination.close()
    await partner.close()
  }

  @Test func `a partner that only speaks old TLS is refused`() async throws {
    let partner = try await Partner.answering(tls: made.serverContext("server", newest: .tlsv11))
    let out = try destination(partner, made.client())
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable")
    #expect(result.error?.reason == "the other side does not speak TLS 1.2 or newer")
    await out.destination.close()
    await partner.close()
  }

  @Test func `a partner that never finishes its handshake is unreachable in time`() async throws {
    let partner = try await Partner.open { _, _, _ in }
    let out = try TestDestination(port: partner.port, host: "localhost") {
      $0.tls = .with(made.client())
      $0.connectTimeout = .milliseconds(300)
    }
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable")
    #expect(result.error?.reason == "localhost:\(partner.port) did not complete the TLS handshake in time")
    await partner.wires.now.first?.closed()
    await out.destination.close()
    await partner.close()
  }

  @Test func `a partner in clear where TLS is expected is unreachable`() async throws {
    let partner = try await Partner.open { _, _, _ in }
    let out = try destination(partner, made.client())
    out.begin(Sample.adt("1"))
    let wire = try #require(await partner.wires.first(1).first)
    wire.write(Array("220 hello\r\n".utf8))
    let result = try #require(await out.results.first(1).first)
    #expect(result.short == "unreachable")
    #expect(result.error?.reason == "the other side does not speak TLS")
    await out.destination.close()
    await partner.close()
  }

  @Test func `missing files make a destination unreachable with their name`() async throws {
    let partner = try await Partner.answering(tls: made.serverContext("server"))
    let out = try destination(partner, made.client(ca: "missing"))
    let result = await out.send(Sample.adt("1"))
    #expect(result.short == "unreachable")
    #expect(result.error?.reason.hasPrefix("tls.ca: ") == true)
    await out.destination.close()
    await partner.close()
  }
}
