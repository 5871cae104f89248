import ConnectorKit
import HL7
import Logging
import Messages
import NIOCore
import NIOEmbedded
import Testing

@testable import Connectors

/// A connection of a source without a socket, on a clock that the test moves.
struct MLLPConnectionTests {
  /// Everything is on one thread: the tests are synchronous.
  private final class Scene {
    let loop = EmbeddedEventLoop()
    let channel: EmbeddedChannel
    private let connection: MLLPConnection
    let inbox: ScriptedInbox
    let log = LogLines()
    let peer = Peer(address: "10.1.2.3")
    let reads = ReadCounter()
    private var framing = MLLPFraming()

    init(
      _ inbox: ScriptedInbox = ScriptedInbox(isInline: true), bytesMax: Int = 1_000,
      unfinished: MLLPUnfinished = MLLPUnfinished(byteCountMax: 1 << 30),
      ack: (MLLPAckSettings) -> Void = { _ in }
    ) throws {
      self.inbox = inbox
      let settings = MLLPAckSettings()
      ack(settings)
      let shared = MLLPConnection.Shared(
        answering: MLLPAnswering(settings, HL7Settings(), clock: { 1_767_225_600 }), inbox: inbox, logger: log.logger,
        messageBytesMax: bytesMax, unfinished: unfinished, idle: .seconds(600), frame: .seconds(30), handshake: nil)
      connection = MLLPConnection(
        shared, receipts: MLLPReceipts(on: loop), peer: peer, origin: inbox.origin("10.1.2.3:9"), whenClosed: { _ in })
      channel = EmbeddedChannel(handlers: [reads, connection], loop: loop)
      try channel.connect(to: SocketAddress(ipAddress: "10.1.2.3", port: 9)).wait()
    }

    func write(_ bytes: [UInt8]) throws {
      try channel.writeInbound(ByteBuffer(bytes: bytes))
      loop.run()
    }

    func stop() { connection.stop() }

    func send(_ message: String) throws { try write(Sample.frame(message)) }

    /// The answers since the last call.
    func answers() throws -> [[UInt8]] {
      var found: [[UInt8]] = []
      while let buffer = try channel.readOutbound(as: ByteBuffer.self) {
        for case .frame(let frame) in framing.receive(Array(buffer: buffer)) { found.append(frame) }
      }
      return found
    }

    func codes() throws -> [String] { try answers().map(\.answer) }
    var isOpen: Bool { channel.isActive }
  }

  /// Counts the reads that reach the socket.
  private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var count = 0
    func read(context: ChannelHandlerContext) {
      count += 1
      context.read()
    }
  }

  @Test func `CA goes when a message is safe, and what came of it when that is known, each in order`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil }) { $0.mode = .enhanced }
    for number in 1...4 { try scene.send(Sample.adt("\(number)", fields: number == 3 ? "" : "|||AL|AL")) }
    let arrivals = scene.inbox.arrivals.now
    // Only who wants both is told in two steps.
    #expect(arrivals.map { $0.whenDurable != nil } == [true, true, false, true])
    #expect(try scene.codes() == [])
    for arrival in arrivals.prefix(2) { arrival.whenDurable?(false) }
    scene.loop.run()
    #expect(try scene.codes() == ["CA 1", "CA 2"])
    var refusal = Rejection(.error, 101, "no")
    refusal.message = ScriptedInbox.id
    scene.inbox.release(1, .rejected(refusal))
    scene.inbox.release(1)
    scene.inbox.release(1)
    scene.loop.run()
    #expect(try scene.codes() == ["AE 1", "AA 2", "CA 3"])
    // Its receipt is there before it was told that it is durable.
    scene.inbox.release(1)
    arrivals.last?.whenDurable?(false)
    scene.loop.run()
    #expect(try scene.codes() == ["CA 4", "AA 4"])
  }

  @Test func `who has CA and sends no more is not waited with, and who stops neither`() throws {
    for isStopped in [false, true] {
      let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil }) { $0.mode = .enhanced }
      try scene.send(Sample.adt("1", fields: "|||AL|AL"))
      if isStopped {
        scene.stop()
      } else {
        scene.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
      }
      scene.loop.run()
      #expect(scene.isOpen)
      scene.inbox.arrivals.now.first?.whenDurable?(false)
      scene.loop.run()
      #expect(try scene.codes() == ["CA 1"])
      #expect(!scene.isOpen)
    }
  }

  @Test func `a refusal that the application shall not tell is told by the accept acknowledgement, once`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil }) { $0.mode = .enhanced }
    for number in 1...2 { try scene.send(Sample.adt("\(number)", fields: number == 1 ? "|||AL|SU" : "|||SU|ER")) }
    for arrival in scene.inbox.arrivals.now { arrival.whenDurable?(true) }
    scene.loop.run()
    #expect(try scene.codes() == ["CA 2"])
    scene.inbox.release(2, .rejected(Rejection(.reject, 200, "no")))
    scene.loop.run()
    #expect(try scene.codes() == ["CR 1", "AR 2"])
  }

  @Test func `a response goes behind CA, and a plain one becomes CA where MSH-16 wants no more`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil }) { $0.mode = .enhanced }
    let response = "MSH|^~\\&|X|Y|||2026||RSP^K22|R1|P|2.5\rMSA|AA|X1\rQAK|1|OK\r"
    let plain = "MSH|^~\\&|X|Y|||2026||ACK|R1|P|2.5\rMSA|AR|X1|not so\r"
    for (id, fields) in [("1", "|||AL|AL"), ("2", "|||AL|NE"), ("3", ""), ("4", "|||AL|NE")] {
      try scene.send(Sample.adt(id, fields: fields))
    }
    for text in [response, response, response, plain] {
      scene.inbox.release(1, .accepted(ScriptedInbox.id, reply: Payload(.hl7v2, Array(text.utf8))))
    }
    scene.loop.run()
    #expect(try scene.codes() == ["CA 1", "AA 1", "CA 2", "AA 2", "CA 3", "AA 3", "CR 4"])
  }

  @Test func `a message is answered when its receipt is there, not before`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil })
    try scene.send(Sample.adt("7"))
    #expect(try scene.codes() == [])
    scene.inbox.release()
    scene.loop.run()
    let answer = try #require(try scene.answers().first)
    #expect(answer.text.hasPrefix("MSH|^~\\&|HUB|HOSP|PAS|WARD|20260101"))
    #expect(answer.text.contains("|ACK^A01^ACK|"))
    #expect(answer.answer == "AA 7")
  }

  @Test func `frames in one read are offered in order and answered in order with one write`() throws {
    let scene = try Scene()
    try scene.write(Sample.frame(Sample.adt("1")) + [0x0D, 0x0A] + Sample.frame(Sample.adt("2")))
    #expect(scene.inbox.arrivals.now.map(\.message) == [Sample.adt("1"), Sample.adt("2")])
    let buffer = try #require(try scene.channel.readOutbound(as: ByteBuffer.self))
    var framing = MLLPFraming()
    #expect(framing.receive(Array(buffer: buffer)).count == 2)
    #expect(try scene.channel.readOutbound(as: ByteBuffer.self) == nil)
  }

  @Test func `bytes that come one at a time make the same frames`() throws {
    let scene = try Scene()
    for byte in Sample.frame(Sample.adt("1")) + [0, 0] + Sample.frame(Sample.adt("2")) { try scene.write([byte]) }
    #expect(try scene.codes() == ["AA 1", "AA 2"])
  }

  @Test func `the arrival names its peer and carries the bytes as they came`() throws {
    let scene = try Scene()
    try scene.send(Sample.adt("1"))
    let arrival = try #require(scene.inbox.arrivals.now.first)
    #expect(arrival.attributes["peer"] == .text("10.1.2.3"))
    #expect(arrival.payload == Payload(.hl7v2, Array(Sample.adt("1").utf8)))
    #expect(scene.inbox.origins.now == ["10.1.2.3:9"])
  }

  @Test(arguments: [
    (Receipt.failed(ScriptedInbox.id), "AA 1"), (.duplicate(of: ScriptedInbox.id), "AA 1"),
    (.rejected(Rejection(.error, 101, "no patient", at: "PID-3")), "AE 1"),
    (.rejected(Rejection(.reject, 200, "no such type")), "AR 1"),
  ])
  func `each receipt has its answer`(_ receipt: Receipt, _ expected: String) throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in receipt })
    try scene.send(Sample.adt("1"))
    #expect(try scene.codes() == [expected])
    #expect(scene.isOpen)
  }

  @Test func `a refusal says where and why, to the sender and not to the log`() throws {
    let scene = try Scene(
      ScriptedInbox(isInline: true) { _, _ in
        .rejected(Rejection(.error, 101, "CANARY is missing", at: "PID-3"))
      })
    try scene.send(Sample.adt("1"))
    let answer = try #require(try scene.answers().first).text
    #expect(answer.contains("ERR||PID^1^3|101^Required field missing^HL70357|E||||CANARY is missing"))
    #expect(scene.log.lines.now.allSatisfy { !$0.contains("CANARY") })
    #expect(scene.peer.status.refusals == 1)
    #expect(scene.peer.status.lastRefusal == "AE, condition 101 of table 0357")
  }

  @Test func `on-reject decides between AE and AR whatever the reason`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in .rejected(Rejection(.reject, 200, "no")) }) {
      $0.onReject = .error
      $0.from = "GATE"
    }
    try scene.send(Sample.adt("1"))
    let answer = try #require(try scene.answers().first)
    #expect(answer.answer == "AE 1")
    #expect(answer.text.hasPrefix("MSH|^~\\&|GATE|"))
  }

  @Test func `a message that asks for an accept acknowledgement gets CA`() throws {
    let scene = try Scene()
    try scene.send(Sample.adt("1", fields: "|||AL|NE"))
    #expect(try scene.codes() == ["CA 1"])
  }

  @Test func `mode none answers nothing`() throws {
    let scene = try Scene { $0.mode = .none }
    try scene.send(Sample.adt("1"))
    #expect(scene.inbox.arrivals.now.count == 1)
    #expect(try scene.codes() == [])
  }

  @Test func `an acknowledgement is offered and never acknowledged`() throws {
    let scene = try Scene()
    try scene.send(Sample.ack("AA", "55"))
    try scene.send(Sample.adt("2"))
    #expect(scene.inbox.arrivals.now.count == 2)
    #expect(try scene.codes() == ["AA 2"])
  }

  @Test func `the channel's own reply goes out in place of the acknowledgement`() throws {
    let reply = Payload(.hl7v2, Array(Sample.ack("AA", "1", type: "RSP^K11", more: "|found").utf8))
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in .accepted(ScriptedInbox.id, reply: reply) })
    try scene.send(Sample.adt("1"))
    #expect(try scene.answers().first?.text.contains("found") == true)
  }

  @Test(arguments: ["", "hello", "MSH", "MSH|", "MSH|^~\\&", "PID|1", "\u{FEFF}", "MSH|||||||"])
  func `what has no readable MSH is offered and answered without a name`(_ text: String) throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in .rejected(Rejection(.reject, 100, "no message")) })
    try scene.send(text)
    #expect(scene.inbox.arrivals.now.map(\.message) == [text])
    #expect(try scene.codes() == ["AR -"])
    #expect(scene.isOpen)
  }

  @Test func `unavailable closes without an answer and leaves those behind unanswered`() throws {
    let scene = try Scene(
      ScriptedInbox(isInline: true) { index, _ in
        index == 0 ? .accepted(ScriptedInbox.id, reply: nil) : .unavailable(reason: "disk low")
      })
    try scene.write((1...3).flatMap { Sample.frame(Sample.adt("\($0)")) })
    #expect(try scene.codes() == ["AA 1"])
    #expect(!scene.isOpen)
    #expect(scene.log.lines.now.contains { $0.contains("disk low") })
  }

  @Test func `reading stops at 64 unanswered messages and goes on as they are answered`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil })
    try scene.write((1...100).flatMap { Sample.frame(Sample.adt("\($0)")) })
    #expect(scene.inbox.arrivals.now.count == 64)
    let reads = scene.reads.count
    scene.channel.read()
    #expect(scene.reads.count == reads)
    scene.inbox.release(10)
    scene.loop.run()
    #expect(scene.inbox.arrivals.now.count == 74)
    #expect(scene.reads.count == reads)
    scene.inbox.release(36)
    scene.loop.run()
    #expect(scene.inbox.arrivals.now.count == 100)
    #expect(scene.reads.count == reads + 1)
    scene.inbox.release(100)
    scene.loop.run()
    #expect(try scene.codes() == (1...100).map { "AA \($0)" })
  }

  @Test func `reading stops at eight mebibytes of unanswered messages`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil }, bytesMax: 5 << 20)
    let large = Sample.adt("1", note: String(repeating: "x", count: 4 << 20))
    for _ in 1...3 { try scene.send(large) }
    #expect(scene.inbox.arrivals.now.count == 2)
    scene.inbox.release(4)
    scene.loop.run()
    scene.inbox.release(4)
    scene.loop.run()
    #expect(scene.inbox.arrivals.now.count == 3)
  }

  @Test func `a sender that drips one byte a second is closed when its frame's time is over`() throws {
    let scene = try Scene()
    for byte in Sample.frame(Sample.adt("1")).prefix(29) {
      try scene.write([byte])
      scene.loop.advanceTime(by: .seconds(1))
    }
    #expect(scene.isOpen)
    scene.loop.advanceTime(by: .seconds(2))
    #expect(!scene.isOpen)
    #expect(scene.inbox.arrivals.now.isEmpty)
    #expect(scene.peer.status.lastRefusal == "a message did not arrive whole within 30000 ms")
  }

  @Test func `each frame has its own time`() throws {
    let scene = try Scene()
    for number in 1...20 {
      let frame = Sample.frame(Sample.adt("\(number)"))
      try scene.write(Array(frame.prefix(10)))
      scene.loop.advanceTime(by: .seconds(20))
      try scene.write(Array(frame.dropFirst(10)))
    }
    #expect(try scene.codes().count == 20)
    #expect(scene.isOpen)
  }

  @Test func `an idle connection is closed, one that waits for a receipt is not`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil })
    try scene.send(Sample.adt("1"))
    scene.loop.advanceTime(by: .minutes(30))
    #expect(scene.isOpen)
    scene.inbox.release()
    scene.loop.run()
    #expect(try scene.codes() == ["AA 1"])
    scene.loop.advanceTime(by: .minutes(11))
    #expect(!scene.isOpen)
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n", "HTTP"), ("POST /x", "HTTP"), ("\u{16}\u{03}\u{01}", "TLS"), ("\u{01}\0\0\0", "DICOM"),
  ])
  func `another protocol's bytes close the connection with one line`(_ bytes: String, _ name: String) throws {
    let scene = try Scene()
    try scene.write(Array(bytes.utf8))
    #expect(!scene.isOpen)
    #expect(try scene.codes() == [])
    let lines = scene.log.lines.now
    #expect(lines.count == 1)
    #expect(lines.first?.contains(name) == true)
  }

  @Test func `what breaks the framing closes after what came before is answered`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil })
    try scene.write(Sample.frame(Sample.adt("1")) + [0x0B] + Array("MSH|".utf8) + Sample.frame(Sample.adt("2")))
    #expect(scene.isOpen)
    scene.inbox.release()
    scene.loop.run()
    #expect(try scene.codes() == ["AA 1"])
    #expect(!scene.isOpen)
    #expect(scene.inbox.arrivals.now.count == 1)
  }

  @Test func `FS without CR is never taken for the end of a message`() throws {
    let scene = try Scene()
    try scene.write([0x0B] + Array(Sample.adt("1").utf8) + [0x1C] + Array("more".utf8))
    #expect(scene.inbox.arrivals.now.isEmpty)
    #expect(!scene.isOpen)
  }

  @Test func `a message that is too large is refused by name, after those before it`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil })
    try scene.write(
      Sample.frame(Sample.adt("1")) + [0x0B] + Array(Sample.adt("BIG", note: String(repeating: "x", count: 2_000)).utf8)
    )
    #expect(try scene.codes() == [])
    scene.inbox.release()
    scene.loop.run()
    #expect(try scene.codes() == ["AA 1", "AR BIG"])
    // The sender still sends: its bytes are read and dropped for a moment, so that the refusal reaches it.
    try scene.write([UInt8](repeating: 0x78, count: 100_000))
    #expect(scene.inbox.arrivals.now.count == 1)
    scene.loop.advanceTime(by: .seconds(3))
    #expect(!scene.isOpen)
  }

  @Test func `senders of unfinished messages share one limit, and what is finished or gone frees it`() throws {
    let unfinished = MLLPUnfinished(byteCountMax: 1_500)
    func scene() throws -> Scene { try Scene(unfinished: unfinished) }
    let (first, second, third) = (try scene(), try scene(), try scene())
    let message = Sample.frame(Sample.adt("1", note: String(repeating: "x", count: 600)))
    for part in stride(from: 0, to: 600, by: 100) { try first.write(Array(message[part..<part + 100])) }
    try second.write(Array(message.prefix(600)))
    #expect(unfinished.held == 1_200)
    try third.write(Array(message.prefix(600)))
    #expect(!third.isOpen)
    #expect(unfinished.held == 1_200)
    try first.write(Array(message.dropFirst(600)))
    #expect(try first.codes() == ["AA 1"])
    #expect(unfinished.held == 600)
    try second.channel.close().wait()
    #expect(unfinished.held == 0)
  }

  @Test func `a sender that closes its half after the last message still gets its answers`() throws {
    let scene = try Scene(ScriptedInbox(isInline: true) { _, _ in nil })
    try scene.write((1...70).flatMap { Sample.frame(Sample.adt("\($0)")) })
    scene.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(scene.isOpen)
    for _ in 1...2 {
      scene.inbox.release(64)
      scene.loop.run()
    }
    #expect(try scene.codes().count == 70)
    #expect(!scene.isOpen)
  }

  @Test func `half a frame at the end of a connection is dropped with one line that says how much`() throws {
    let scene = try Scene()
    try scene.write([0x0B] + Array("MSH|^~\\&|CANARY".utf8))
    scene.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(!scene.isOpen)
    #expect(scene.inbox.arrivals.now.isEmpty)
    let lines = scene.log.lines.now
    #expect(lines.count == 1)
    #expect(lines.first?.contains("bytes=15") == true)
    #expect(lines.allSatisfy { !$0.contains("CANARY") })
  }

  @Test func `random bytes never trap and never yield more than they hold`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededRandom(seed)
    for _ in 0..<300 {
      let scene = try Scene(bytesMax: 200)
      for _ in 0..<8 where scene.isOpen {
        let alphabet: [UInt8] = [0x0B, 0x1C, 0x0D, 0x0A, 0, 0x4D, 0x53, 0x48, 0x7C, 0x5E, 0x7E, 0x5C, 0x26, 0xFF]
        let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0
        }
        try scene.write(bytes)
      }
      #expect(scene.inbox.arrivals.now.count <= 240, "seed \(seed)")
      scene.loop.advanceTime(by: .hours(1))
      #expect(!scene.isOpen, "seed \(seed)")
    }
  }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
