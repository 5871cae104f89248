import ConnectorKit
import DICOM
import Foundation
import Messages
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@testable import Connectors

/// A server that plays a script: bytes that it says for each request, whole or not, early or late.
final class STOWPeer: Sendable {
  struct Request: Sendable {
    /// Counts from 1, over all connections.
    let number: Int
    let connection: Int
    /// The first line and the header fields, each as it came.
    let head: [String]
    let body: [UInt8]

    func field(_ name: String) -> String? {
      head.dropFirst().first { $0.lowercased().hasPrefix(name.lowercased() + ":") }
        .map { $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces) }
    }

    /// What stands in the only part, where the frame is as it should be.
    var object: [UInt8]? {
      guard let type = field("content-type"),
        type.hasPrefix("multipart/related; type=\"application/dicom\"; boundary="),
        let boundary = type.split(separator: "=").last.map(String.init)
      else { return nil }
      let start = Array("--\(boundary)\r\nContent-Type: application/dicom\r\n\r\n".utf8)
      let end = Array("\r\n--\(boundary)--\r\n".utf8)
      guard body.starts(with: start), body.suffix(end.count).elementsEqual(end) else { return nil }
      return Array(body.dropFirst(start.count).dropLast(end.count))
    }
  }

  enum Move: Sendable {
    case say(String)
    case wait(TimeAmount)
    /// Reads nothing for so long.
    case sleep(TimeAmount)
    case close
  }

  struct Script: Sendable {
    /// When the head of a request has come; what is said then is all that is said.
    var early: @Sendable (_ head: [String]) -> [Move]? = { _ in nil }
    var whole: @Sendable (Request) -> [Move]

    init(_ whole: @escaping @Sendable (Request) -> [Move] = { _ in [] }) { self.whole = whole }
  }

  /// Of a new object, as it should be.
  static func stored(_ uid: String, warning: Int? = nil) -> String {
    let reason = warning.map { ",\"00081196\":{\"vr\":\"US\",\"Value\":[\($0)]}" } ?? ""
    return #"{"00081199":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":["\#(uid)"]}\#(reason)}]}}"#
  }

  static func failed(_ uid: String, _ reason: Int) -> String {
    #"{"00081198":{"vr":"SQ","Value":[{"00081155":{"vr":"UI","Value":["\#(uid)"]},"#
      + #""00081197":{"vr":"US","Value":[\#(reason)]}}]}}"#
  }

  static func answer(_ status: String, _ body: String = "", _ fields: String...) -> String {
    let more = fields.map { $0 + "\r\n" }.joined()
    return
      "HTTP/1.1 \(status)\r\nContent-Type: application/dicom+json\r\n\(more)Content-Length: \(body.utf8.count)\r\n\r\n"
      + body
  }

  let port: Int
  private let channel: any Channel
  private let requests: Log

  private init(_ channel: any Channel, _ requests: Log) {
    self.channel = channel
    self.requests = requests
    port = channel.localAddress?.port ?? 0
  }

  /// - Parameter keepsBodies: they are counted only where they would fill the memory.
  static func start(
    tls: NIOSSLContext? = nil, keepsBodies: Bool = true, _ script: Script
  ) async throws -> STOWPeer {
    let log = Log()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
          try channel.pipeline.syncOperations.addHandler(Connection(script, log, keepsBodies: keepsBodies))
        }
      }
      .childChannelOption(.socketOption(.so_rcvbuf), value: 1 << 16)
      .bind(host: "127.0.0.1", port: 0).get()
    return STOWPeer(channel, log)
  }

  static func answering(_ status: String, _ body: String, _ fields: String...) async throws -> STOWPeer {
    let text =
      "HTTP/1.1 \(status)\r\n" + fields.map { $0 + "\r\n" }.joined()
      + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
    return try await start(Script { _ in [.say(text)] })
  }

  var seen: [Request] { requests.all.withLock { $0 } }
  var connectionCount: Int { requests.connections.withLock { $0 } }

  func close() async { try? await channel.close() }

  private final class Log: Sendable {
    let all = Mutex<[Request]>([])
    let connections = Mutex(0)
  }

  private final class Connection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let script: Script
    private let log: Log
    private let keepsBodies: Bool
    private var number = 0
    private var head: [String]?
    private var bytes: [UInt8] = []
    private var missing = 0
    private var isDeaf = false

    init(_ script: Script, _ log: Log, keepsBodies: Bool) {
      self.script = script
      self.log = log
      self.keepsBodies = keepsBodies
    }

    func channelActive(context: ChannelHandlerContext) {
      number = log.connections.withLock { count in
        count += 1
        return count
      }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      var buffer = unwrapInboundIn(data)
      guard !isDeaf else { return }
      if head == nil {
        bytes += buffer.readBytes(length: buffer.readableBytes) ?? []
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        buffer.writeBytes(bytes[end.upperBound...])
        bytes = []
        head = lines
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }
        missing = length.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
        if let moves = script.early(lines) {
          if case .sleep? = moves.first { isDeaf = false } else { isDeaf = true }
          play(moves[...], context.channel)
          if isDeaf { return }
        }
      }
      missing -= buffer.readableBytes
      if keepsBodies { bytes += buffer.readBytes(length: buffer.readableBytes) ?? [] }
      guard missing == 0, let head else { return }
      let request = log.all.withLock { all in
        let request = Request(number: all.count + 1, connection: number, head: head, body: bytes)
        all.append(request)
        return request
      }
      (self.head, bytes) = (nil, [])
      play(script.whole(request)[...], context.channel)
    }

    private func play(_ moves: ArraySlice<Move>, _ channel: any Channel) {
      guard let move = moves.first else { return }
      let rest = moves.dropFirst()
      switch move {
      case .say(let text):
        channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
        play(rest, channel)
      case .wait(let time):
        channel.eventLoop.assumeIsolated().scheduleTask(in: time) { self.play(rest, channel) }
      case .sleep(let time):
        channel.setOption(.autoRead, value: false).assumeIsolated().whenSuccess {
          channel.eventLoop.assumeIsolated().scheduleTask(in: time) {
            channel.setOption(.autoRead, value: true).assumeIsolated().whenSuccess { self.play(rest, channel) }
          }
        }
      case .close: channel.close(promise: nil)
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}

/// A destination as it runs, and what is sent with it.
final class STOWRunning: Sendable {
  static let uid = "1.2.826.0.1.3680043.8.498.7"

  let destination: STOWDestination

  /// - Parameter change: of the settings.
  init(
    _ url: String, inFlight: Int = 1, _ change: (inout STOWSettings) -> Void = { _ in }
  ) throws {
    var settings = STOWSettings()
    settings.url = try #require(HTTPAddress(url))
    settings.timeout = .seconds(5)
    change(&settings)
    var context = ConnectorContext(channel: ChannelName("test"), destination: "pacs", logger: LogLines().logger)
    context.inFlight = inFlight
    destination = try STOWDestination(settings, context: context)
  }

  convenience init(
    _ peer: STOWPeer, inFlight: Int = 1, _ change: (inout STOWSettings) -> Void = { _ in }
  ) throws {
    try self.init("http://127.0.0.1:\(peer.port)/dicom-web/", inFlight: inFlight, change)
  }

  /// A file of PS3.10 whose pixels are told by its number.
  static func file(_ uid: String = uid, pixelBytes: Int? = 1000) throws -> [UInt8] {
    try DICOMFile.head(sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: uid, syntax: .explicitLittle)
      + dataSet(uid, pixelBytes: pixelBytes)
  }

  static func dataSet(_ uid: String, pixelBytes: Int?) throws -> [UInt8] {
    var draft = DICOMDraft(new: .explicitLittle)
    try draft.set(DICOMPath(.sopClassUID), .text("1.2.840.10008.5.1.4.1.1.2"))
    try draft.set(DICOMPath(.sopInstanceUID), .text(uid))
    if let pixelBytes {
      var pixels: [UInt8] = []
      // Of a prime length, so that nothing that is left out or comes twice goes unseen.
      while pixels.count < pixelBytes { pixels += 0..<251 }
      try draft.set(DICOMPath(.pixelData), .bytes(Array(pixels.prefix(pixelBytes))))
    }
    return try draft.bytes()
  }

  static func delivery(
    _ bytes: [UInt8], followsOthers: Bool = false, isPossibleDuplicate: Bool = false
  ) -> Delivery {
    Delivery(
      id: ScriptedInbox.id, message: ScriptedInbox.id,
      lane: LaneName(channel: ChannelName("test"), destination: "pacs"),
      payload: Payload(.dicom, bytes), attempt: 1, possibleDuplicate: isPossibleDuplicate, followsOthers: followsOthers)
  }

  func send(_ delivery: Delivery) async -> Result<Reply, DeliveryError> {
    await withCheckedContinuation { continuation in
      destination.send(delivery) { continuation.resume(returning: $0) }
    }
  }

  func send(isPossibleDuplicate: Bool = false) async throws -> Result<Reply, DeliveryError> {
    await send(Self.delivery(try Self.file(), isPossibleDuplicate: isPossibleDuplicate))
  }
}

extension Result<Reply, DeliveryError> {
  var summary: String? { if case .success(let reply) = self { reply.summary } else { nil } }
}
