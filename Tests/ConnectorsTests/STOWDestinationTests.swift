import ConnectorKit
import DICOM
import Foundation
import Messages
import NIOCore
import Synchronization
import Testing

@testable import Connectors

@Suite(.timeLimit(.minutes(1)), .serialized) struct STOWDestinationTests {
  private static let uid = STOWRunning.uid
  private static let stored = STOWPeer.Script { _ in [.say(STOWPeer.answer("200 OK", STOWPeer.stored(uid)))] }

  private func sent(
    _ script: STOWPeer.Script, _ change: (inout STOWSettings) -> Void = { _ in }
  ) async throws -> Result<Reply, DeliveryError> {
    let peer = try await STOWPeer.start(script)
    let running = try STOWRunning(peer, change)
    let result = try await running.send()
    await running.destination.close()
    await peer.close()
    return result
  }

  @Test func `an object goes as it is kept, its length told before, each in a request of its own`() async throws {
    let peer = try await STOWPeer.start(
      STOWPeer.Script { request in
        let uid = request.number == 1 ? "1.2.3" : request.number == 2 ? "1.2.4" : Self.uid
        return [.say(STOWPeer.answer("200 OK", STOWPeer.stored(uid)))]
      })
    let running = try STOWRunning(peer)
    var odd = try STOWRunning.file("1.2.4", pixelBytes: 700_000)
    odd.append(0)
    let files = [try STOWRunning.file("1.2.3"), odd]
    for file in files { #expect(await running.send(STOWRunning.delivery(file)).summary == "200 OK") }
    // A data set alone gets what a file begins with.
    let alone = try STOWRunning.dataSet(Self.uid, pixelBytes: 300_000)
    #expect(await running.send(STOWRunning.delivery(alone)).summary == "200 OK")
    #expect(peer.seen.prefix(2).map(\.object) == files)
    let made = try #require(peer.seen.last?.object)
    #expect(made == (try STOWRunning.file(pixelBytes: 300_000)))
    for request in peer.seen {
      #expect(request.head[0] == "POST /dicom-web/studies HTTP/1.1")
      #expect(request.field("content-length") == "\(request.body.count)")
      #expect(request.field("transfer-encoding") == nil && request.field("authorization") == nil)
      #expect(request.field("accept") == "application/dicom+json")
      #expect(request.field("host") == "127.0.0.1:\(peer.port)")
    }
    // No two have the same boundary, and one connection carried all.
    #expect(Set(peer.seen.compactMap { $0.field("content-type") }).count == 3)
    #expect(peer.connectionCount == 1)
    await running.destination.close()
    await peer.close()
  }

  @Test func `a login is sent, read anew each time, and never where it can't be read`() async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/hilum-stow-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/secret"
    let peer = try await STOWPeer.start(Self.stored)
    let basic = try STOWRunning(peer) {
      $0.user = "hilum"
      $0.password = Secret(.file(file))
    }
    let bearer = try STOWRunning(peer) { $0.token = Secret(.file(file)) }
    let missing = try await basic.send().error
    #expect(missing?.kind == .unreachable && missing?.bytesSent == false && missing?.reason.contains(file) == true)
    for text in ["pass word\n", "other"] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
      #expect(try await basic.send().summary == "200 OK")
    }
    #expect(try await bearer.send().summary == "200 OK")
    try Data("a\r\nX-Evil: canary".utf8).write(to: URL(fileURLWithPath: file))
    #expect(try await bearer.send().error?.reason.contains("canary") == false)
    let logins = ["hilum:pass word", "hilum:other"].map { "Basic " + Data($0.utf8).base64EncodedString() }
    #expect(peer.seen.map { $0.field("authorization") } == logins + ["Bearer other"])
    for running in [basic, bearer] { await running.destination.close() }
    await peer.close()
  }

  @Test func `what the server says before it has all is no delivery, and a refusal is one`() async throws {
    let whole = STOWPeer.answer("200 OK", STOWPeer.stored(Self.uid))
    let refusal = STOWPeer.answer("413 Content Too Large")
    for (text, kind) in [(whole, DeliveryError.Kind.unreachable), (refusal, .permanent)] {
      var script = STOWPeer.Script()
      script.early = { _ in [.say(text)] }
      let peer = try await STOWPeer.start(script)
      let running = try STOWRunning(peer)
      let error = await running.send(LargeObject(pixelBytes: 30 << 20).delivery).error
      #expect(error?.kind == kind, "\(text) \(String(describing: error))")
      await running.destination.close()
      await peer.close()
    }
  }

  @Test func `a redirect is not followed`() async throws {
    let other = try await STOWPeer.start(Self.stored)
    let result = try await sent(
      STOWPeer.Script { _ in
        [
          .say(
            STOWPeer.answer("307 Temporary Redirect", "", "Location: http://127.0.0.1:\(other.port)/dicom-web/studies"))
        ]
      })
    #expect(result.error?.kind == .unreachable && result.error?.reason.contains("correct `url`") == true)
    #expect(other.seen.isEmpty)
    await other.close()
  }

  @Test func `a connection that breaks, before and within an answer, is the server's trouble`() async throws {
    let half = STOWPeer.answer("200 OK", STOWPeer.stored(Self.uid)).dropLast(5)
    for moves: [STOWPeer.Move] in [
      [.close], [.say("HTTP/1.1 200 OK\r\n"), .close], [.say(String(half)), .close], [.say("SSH-2.0-x\r\n"), .close],
    ] {
      let error = try await sent(STOWPeer.Script { _ in moves }).error
      #expect(error?.kind == .unreachable && error?.bytesSent == true, "\(moves) \(String(describing: error))")
    }
    var atOnce = STOWPeer.Script()
    atOnce.early = { _ in [.close] }
    #expect(try await sent(atOnce).error?.kind == .unreachable)
    // What its status says of the object needs no body.
    let refused = STOWPeer.answer("415 Unsupported Media Type", "{}").dropLast(1)
    #expect(try await sent(STOWPeer.Script { _ in [.say(String(refused)), .close] }).error?.code == "415")
  }

  @Test func `nobody there, and who never answers or never ends, are given up in time`() async throws {
    let nobody = try STOWRunning("http://127.0.0.1:1/x")
    let error = try await nobody.send().error
    #expect(error?.kind == .unreachable && error?.bytesSent == false)
    #expect(error?.reason == "127.0.0.1:1: connection refused: nothing listens there")
    await nobody.destination.close()
    let answer = STOWPeer.answer("200 OK", STOWPeer.stored(Self.uid))
    let drips = answer.flatMap { [STOWPeer.Move.say(String($0)), .wait(.milliseconds(50))] }
    for moves: [STOWPeer.Move] in [[], [.say(String(answer.dropLast(3)))], drips] {
      let began = ContinuousClock.now
      let error = try await sent(STOWPeer.Script { _ in moves }) {
        $0.timeout = .milliseconds(400)
        $0.connectTimeout = .seconds(20)
      }.error
      #expect(error?.kind == .unreachable && error?.bytesSent == true && error?.reason.contains("in time") == true)
      #expect(ContinuousClock.now - began < .seconds(10))
    }
  }

  @Test func `an answer is read no further than its limit`() async throws {
    let room = String(repeating: " ", count: 1 << 21)
    let result = try await sent(
      STOWPeer.Script { _ in [.say(STOWPeer.answer("200 OK", room + STOWPeer.stored(Self.uid)))] })
    #expect(result.error?.kind == .unreachable && result.error?.bytesSent == true)
  }

  @Test func `over TLS it goes to whom the certificate names, and to nobody else`() async throws {
    let made = try TestCertificates.made()
    func send(
      _ server: String, clients: String? = nil, ca: String = "ca", host: String = "localhost",
      _ change: (inout ClientTLSSettings) -> Void = { _ in }
    ) async throws -> (Result<Reply, DeliveryError>, STOWPeer) {
      let peer = try await STOWPeer.start(tls: try made.serverContext(server, clients: clients), Self.stored)
      var tls = made.client(ca: ca, clients == nil ? nil : "client")
      change(&tls)
      let running = try STOWRunning("https://\(host):\(peer.port)/x") { $0.tls = .with(tls) }
      let result = try await running.send()
      await running.destination.close()
      await peer.close()
      return (result, peer)
    }
    for host in ["localhost", "127.0.0.1"] { #expect(try await send("server", host: host).0.summary == "200 OK") }
    for server in ["stranger", "expired", "elsewhere"] {
      let (result, peer) = try await send(server)
      #expect(result.error?.kind == .unreachable && result.error?.bytesSent == false)
      #expect(result.error?.reason.contains("certificate") == true && peer.seen.isEmpty, "\(server) \(result)")
    }
    let (named, peer) = try await send("elsewhere") { $0.serverName = "ehr.hospital.example" }
    #expect(named.summary == "200 OK" && peer.seen.first?.field("host") == "localhost:\(peer.port)")
    #expect(try await send("server", clients: "ca").0.summary == "200 OK")
    let bare = try await send("server", clients: "ca") { ($0.certificate, $0.key) = (nil, nil) }.0.error
    #expect(bare?.kind == .unreachable && bare?.bytesSent == false, "\(String(describing: bare))")
  }

  @Test func `what follows an object that can't be reached does not overtake it`() async throws {
    let peer = try await STOWPeer.start(
      STOWPeer.Script { request in
        request.number == 1
          ? [.wait(.milliseconds(200)), .close] : [.say(STOWPeer.answer("200 OK", STOWPeer.stored(Self.uid)))]
      })
    let running = try STOWRunning(peer)
    let file = try STOWRunning.file()
    async let first = running.send(STOWRunning.delivery(file))
    try await Task.sleep(for: .milliseconds(50))
    async let second = running.send(STOWRunning.delivery(file, followsOthers: true))
    #expect(await first.error?.kind == .unreachable)
    #expect(await second.error?.kind == .unreachable)
    #expect(await running.send(STOWRunning.delivery(file, followsOthers: true)).error?.bytesSent == false)
    #expect(peer.seen.count == 1)
    #expect(await running.send(STOWRunning.delivery(file)).summary == "200 OK")
    await running.destination.close()
    await peer.close()
  }

  @Test(arguments: [1, 4])
  func `as many go at once as may be under way`(inFlight: Int) async throws {
    let peer = try await STOWPeer.start(
      STOWPeer.Script { _ in [.wait(.milliseconds(100)), .say(STOWPeer.answer("200 OK", STOWPeer.stored(Self.uid)))] })
    let running = try STOWRunning(peer, inFlight: inFlight)
    let file = try STOWRunning.file()
    let taken = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<8 { group.addTask { await running.send(STOWRunning.delivery(file)).summary == "200 OK" } }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(taken == 8 && peer.connectionCount == inFlight)
    await running.destination.close()
    await peer.close()
  }

  @Test func `closing cuts off what is under way and what waits`() async throws {
    let peer = try await STOWPeer.start(STOWPeer.Script())
    let running = try STOWRunning(peer)
    let file = try STOWRunning.file()
    async let first = running.send(STOWRunning.delivery(file))
    while peer.seen.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    async let second = running.send(STOWRunning.delivery(file))
    try await Task.sleep(for: .milliseconds(50))
    await running.destination.close()
    let ends = (await first.error, await second.error)
    #expect(ends.0?.kind == .cancelled && ends.0?.bytesSent == true)
    #expect(ends.1?.kind == .cancelled && ends.1?.bytesSent == false)
    #expect(await running.send(STOWRunning.delivery(file)).error?.kind == .cancelled)
    await peer.close()
  }

  @Test func `a large object is read only as fast as the server takes it, and ends as it is announced`() async throws {
    var script = Self.stored
    // The first bytes, and then nothing for a while.
    script.early = { _ in [.sleep(.milliseconds(1500))] }
    let peer = try await STOWPeer.start(keepsBodies: false, script)
    let running = try STOWRunning(peer)
    let source = LargeObject(pixelBytes: 64 << 20)
    async let result = running.send(source.delivery)
    while source.bytesRead == 0 { try await Task.sleep(for: .milliseconds(5)) }
    try await Task.sleep(for: .milliseconds(300))
    #expect(source.bytesRead < 16 << 20)
    #expect(await result.summary == "200 OK")
    #expect(source.bytesRead == source.byteCount)
    await running.destination.close()
    await peer.close()
  }

  @Test func `an object that can't be read to its end is never ended short`() async throws {
    let peer = try await STOWPeer.start(keepsBodies: false, Self.stored)
    let running = try STOWRunning(peer)
    let torn = LargeObject(pixelBytes: 8 << 20, tornAt: 5 << 20)
    let error = await running.send(torn.delivery).error
    #expect(error?.kind == .permanent && error?.reason == "it is torn" && error?.bytesSent == true)
    #expect(peer.seen.isEmpty)
    let none = await running.send(STOWRunning.delivery(Array("no object".utf8))).error
    #expect(none?.kind == .permanent && none?.bytesSent == false)
    // A data set alone, for which no file can be begun.
    let named = [(UInt8(0x16), "1.2.840.10008.5.1.4.1.1.2\0"), (0x18, "/../no UID")].flatMap {
      (element, value) -> [UInt8] in
      [8, 0, element, 0] + Array("UI".utf8) + [UInt8(value.utf8.count), 0] + Array(value.utf8)
    }
    let unnamed = await running.send(STOWRunning.delivery(named)).error
    #expect(unnamed?.kind == .permanent && unnamed?.bytesSent == false, "\(String(describing: unnamed))")
    await running.destination.close()
    await peer.close()
  }

  @Test func `a ping says whether the address and the login are right`() async throws {
    for (status, isReached) in [
      ("200 OK", true), ("204 No Content", true), ("405 Method Not Allowed", true), ("401 Unauthorized", false),
      ("404 Not Found", false), ("302 Found", false), ("503 Service Unavailable", false),
    ] {
      let peer = try await STOWPeer.answering(status, "")
      let running = try STOWRunning(peer)
      let report = await running.destination.ping()
      #expect(report.reached == isReached && report.lines.last?.contains(status) == true, "\(report)")
      #expect(peer.seen.first?.head[0] == "GET /dicom-web/studies?limit=1 HTTP/1.1")
      await running.destination.close()
      await peer.close()
    }
    let nobody = try STOWRunning("http://127.0.0.1:1/x")
    #expect(await nobody.destination.ping().reached == false)
    await nobody.destination.close()
  }

  @Test func `a ping waits for no object, and asks nothing any more when all is closed`() async throws {
    let peer = try await STOWPeer.start(
      STOWPeer.Script { $0.head[0].hasPrefix("GET") ? [.say(STOWPeer.answer("200 OK", "[]"))] : [] })
    let running = try STOWRunning(peer)
    let file = try STOWRunning.file()
    async let sending = running.send(STOWRunning.delivery(file))
    while peer.seen.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    #expect(await running.destination.ping().reached)
    await running.destination.close()
    #expect(await sending.error?.kind == .cancelled)
    #expect(await running.destination.ping().reached == false)
    #expect(peer.seen.count == 2)
    await peer.close()
  }

  @Test func `a server that ends each connection after its answer gets every object`() async throws {
    let answer = STOWPeer.answer("200 OK", STOWPeer.stored(Self.uid))
    let closing = STOWPeer.answer("200 OK", STOWPeer.stored(Self.uid), "Connection: close")
    for (moves, isKept) in [
      ([STOWPeer.Move.say(closing), .close], true), ([.say(closing)], true), ([.say(answer)], false),
    ] {
      let peer = try await STOWPeer.start(STOWPeer.Script { _ in moves })
      let running = try STOWRunning(peer) { if !isKept { $0.keepOpen = .zero } }
      for _ in 0..<5 { #expect(try await running.send().summary == "200 OK") }
      #expect(peer.connectionCount == 5)
      #expect(isKept || peer.seen.allSatisfy { $0.field("connection") == "close" })
      await running.destination.close()
      await peer.close()
    }
    // One that doesn't say so may have ended it when the next object has begun to go: that one is tried again.
    let peer = try await STOWPeer.start(STOWPeer.Script { _ in [.say(answer), .close] })
    let running = try STOWRunning(peer)
    for _ in 0..<50 {
      guard let error = try await running.send().error else { continue }
      #expect(error.kind == .unreachable)
      #expect(try await running.send().summary == "200 OK")
    }
    await running.destination.close()
    await peer.close()
  }
}

/// An object that nobody has in memory.
private final class LargeObject: ContentReader, Sendable {
  private let start: [UInt8]
  let byteCount: Int
  private let tornAt: Int
  private let position = Mutex(0)
  private let furthest = Mutex(0)

  init(pixelBytes: Int, tornAt: Int = .max) {
    let length = withUnsafeBytes(of: UInt32(pixelBytes).littleEndian) { Array($0) }
    let pixels = [0xE0, 0x7F, 0x10, 0x00] + Array("OW".utf8) + [0, 0] + length
    start = ((try? STOWRunning.file(pixelBytes: nil)) ?? []) + pixels
    byteCount = start.count + pixelBytes
    self.tornAt = tornAt
  }

  var bytesRead: Int { furthest.withLock { $0 } }

  var delivery: Delivery {
    Delivery(
      id: ScriptedInbox.id, message: ScriptedInbox.id,
      lane: LaneName(channel: ChannelName("test"), destination: "pacs"),
      payload: Payload(.dicom, []), attempt: 1, possibleDuplicate: false, open: { [self] _ in self })
  }

  var rest: Int { byteCount - position.withLock { $0 } }

  func next(_ countMax: Int) throws(ContentError) -> [UInt8] {
    let from = position.withLock { $0 }
    if from >= tornAt { throw ContentError("it is torn") }
    let count = min(countMax, byteCount - from)
    position.withLock { $0 += count }
    furthest.withLock { $0 = from + count }
    guard from < start.count else { return [UInt8](repeating: 0x55, count: count) }
    let piece = Array(start[from..<min(start.count, from + count)])
    return piece + [UInt8](repeating: 0x55, count: count - piece.count)
  }

  func skip(_ count: Int) { position.withLock { $0 += count } }
}
