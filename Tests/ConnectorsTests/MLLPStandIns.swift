import ConnectorKit
import Glibc
import HL7
import Logging
import Messages
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Connectors

/// HL7 messages of tests.
enum Sample {
  static func adt(_ controlID: String, fields: String = "", note: String = "") -> String {
    "MSH|^~\\&|PAS|WARD|HUB|HOSP|20260101120000||ADT^A01^ADT_A01|\(controlID)|P|2.5\(fields)\rPID|||1^^^X\r\(note)"
  }

  static func ack(_ code: String, _ controlID: String, type: String = "ACK", more: String = "") -> String {
    "MSH|^~\\&|EHR|HOSP|PAS|WARD|20260101120001||\(type)|A\(controlID)|P|2.5\rMSA|\(code)|\(controlID)\(more)\r"
  }

  static func frame(_ message: String) -> [UInt8] { [0x0B] + Array(message.utf8) + [0x1C, 0x0D] }
}

extension [UInt8] {
  var text: String { String(decoding: self, as: UTF8.self) }
  /// MSA-1 and MSA-2 of an answer: `AA 1`.
  var answer: String {
    guard let answer = try? HL7Answer(self) else { return "unreadable" }
    return "\(answer.code.rawValue) \(answer.controlID ?? "-")"
  }
}

/// Keeps the lines of a log: text and metadata in one.
final class LogLines: Sendable {
  let lines = Collected<String>()

  var logger: Logger { Logger(label: "test") { _ in Handler(lines: self.lines) } }

  private struct Handler: LogHandler {
    let lines: Collected<String>
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
      let metadata = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
      lines.add("\(event.level) \(event.message) \(metadata)")
    }
  }
}

/// One end of a TCP connection in the hands of a test: raw bytes out, frames and raw bytes in.
final class Wire: Sendable {
  let frames = Collected<[UInt8]>()
  let bytes = Collected<[UInt8]>()
  let errors = Collected<String>()
  let channel: any Channel

  private init(_ channel: any Channel, _ wire: Handler) {
    self.channel = channel
    wire.frames = frames
    wire.bytes = bytes
    wire.errors = errors
  }

  /// Connects to a port of ours.
  static func connect(
    port: Int, tls: NIOSSLContext? = nil, name: String? = "localhost",
    _ respond: (@Sendable (Wire, [UInt8]) -> Void)? = nil
  ) async throws -> Wire {
    let wires = Box<Wire?>(nil)
    _ = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelOption(.allowRemoteHalfClosure, value: false)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(try NIOSSLClientHandler(context: tls, serverHostname: name))
          }
          let handler = Handler()
          let wire = Wire(channel, handler)
          if let respond { handler.respond = { [weak wire] in if let wire { respond(wire, $0) } } }
          wires.value = wire
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    return try #require(wires.value)
  }

  /// Adds a wire to a connection that a partner accepted.
  static func accepted(_ channel: any Channel, _ respond: @escaping @Sendable (Wire, [UInt8]) -> Void) throws -> Wire {
    let handler = Handler()
    let wire = Wire(channel, handler)
    handler.respond = { [weak wire] in if let wire { respond(wire, $0) } }
    handler.keep = wire
    try channel.pipeline.syncOperations.addHandler(handler)
    return wire
  }

  func write(_ bytes: [UInt8]) {
    channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
  }

  func send(_ message: String) { write(Sample.frame(message)) }

  func closeOutput() async throws { try await channel.close(mode: .output) }
  func close() { channel.close(promise: nil) }
  /// Waits until the other side has closed.
  func closed() async { try? await channel.closeFuture.get() }

  /// Closes with a reset instead of an orderly end.
  func reset() {
    guard let socket = channel as? any SocketOptionProvider else { return }
    socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in self.close() }
  }

  final class Handler: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    var frames: Collected<[UInt8]>?
    var bytes: Collected<[UInt8]>?
    var errors: Collected<String>?
    var respond: (([UInt8]) -> Void)?
    var keep: Wire?
    private var framing = MLLPFraming()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let read = Array(buffer: unwrapInboundIn(data))
      bytes?.add(read)
      for case .frame(let frame) in framing.receive(read) {
        frames?.add(frame)
        respond?(frame)
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      errors?.add("\(error)")
      context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
      frames?.finish()
      bytes?.finish()
      errors?.finish()
      keep = nil
    }
  }
}

/// A value behind a lock.
final class Box<Value: Sendable>: Sendable {
  private let content: Mutex<Value>
  init(_ value: Value) { content = Mutex(value) }
  var value: Value {
    get { content.withLock { $0 } }
    set { content.withLock { $0 = newValue } }
  }
}

/// A partner that answers as a test says.
final class Partner: Sendable {
  let port: Int
  /// Each connection as it came.
  let wires: Collected<Wire>
  /// Every frame, over all connections.
  let frames: Collected<[UInt8]>
  private let channel: any Channel

  private init(_ channel: any Channel, _ wires: Collected<Wire>, _ frames: Collected<[UInt8]>) {
    self.channel = channel
    self.wires = wires
    self.frames = frames
    port = channel.localAddress?.port ?? 0
  }

  /// - Parameter respond: is called for each frame with its number over all connections, counted from 0.
  static func open(
    tls: NIOSSLContext? = nil, _ respond: @escaping @Sendable (Wire, Int, [UInt8]) -> Void
  ) async throws -> Partner {
    let (wires, frames) = (Collected<Wire>(), Collected<[UInt8]>())
    let count = Mutex(0)
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
          let wire = try Wire.accepted(channel) { wire, frame in
            let index = count.withLock { count in
              count += 1
              return count - 1
            }
            frames.add(frame)
            respond(wire, index, frame)
          }
          wires.add(wire)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    return Partner(channel, wires, frames)
  }

  /// Answers every message with AA, or what is said.
  static func answering(_ code: String = "AA", tls: NIOSSLContext? = nil) async throws -> Partner {
    try await open(tls: tls) { wire, _, frame in
      wire.send(Sample.ack(code, HL7Header(frame)?.controlID ?? ""))
    }
  }

  func close() async {
    try? await channel.close()
    for wire in wires.now { wire.close() }
  }
}
