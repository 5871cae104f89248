internal import NIOCore
internal import NIOPosix

/// The least that any engine must do that acknowledges only what is durable: it frames, takes MSH-10, inserts the raw
/// message into SQLite and answers AA after the commit. What an engine does beyond that is measured against it.
///
/// One thread does it all. The messages that one turn of the event loop read are committed in groups when the turn has
/// read everything: no message crosses a thread, and a group is as large as what came in while the last one was synced.
/// A writer thread of its own was tried on two cores: a fifth slower with one connection, and no faster with 8 or 32.
package final class Floor: Sendable {
  /// A larger group lets many connections wait for one commit; with 16, thirty-two connections were a fifth slower.
  package static let groupMessagesMax = 32

  private let group: MultiThreadedEventLoopGroup
  private let listener: any Channel
  private let writer: FloorWriter

  /// The port on 127.0.0.1 that it listens on.
  package let port: Int

  private init(group: MultiThreadedEventLoopGroup, listener: any Channel, writer: FloorWriter, port: Int) {
    self.group = group
    self.listener = listener
    self.writer = writer
    self.port = port
  }

  /// Opens `floor.sqlite` in a folder and listens.
  /// - Parameter port: 0 lets the system choose.
  package static func start(directory: String, port: Int = 0, groupMax: Int = groupMessagesMax) async throws -> Floor {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    do {
      let loop = group.next()
      let writer = FloorWriter(loop: loop, groupMax: groupMax)
      try await loop.submit { try writer.open(path: directory + "/floor.sqlite") }.get()
      let listener = try await ServerBootstrap(group: group)
        .serverChannelOption(.backlog, value: 1_024)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelOption(
          .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4_096, initial: 4_096, maximum: 65_536)
        )
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(FloorConnection(writer: writer))
          }
        }
        .bind(host: "127.0.0.1", port: port).get()
      return Floor(group: group, listener: listener, writer: writer, port: listener.localAddress?.port ?? 0)
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
  }

  /// What `PRAGMA synchronous` reads on the connection that writes: 2 is FULL, and anything else would be no floor.
  package func synchronous() async throws -> Int {
    try await listener.eventLoop.submit { [writer] in try writer.store?.synchronous() ?? -1 }.get()
  }

  /// How many messages are stored.
  package func messageCount() async throws -> Int {
    try await listener.eventLoop.submit { [writer] in try writer.store?.messageCount() ?? 0 }.get()
  }

  package func stop() async {
    try? await listener.close()
    try? await listener.eventLoop.submit { [writer] in writer.close() }.get()
    try? await group.shutdownGracefully()
  }
}

/// Commits what a turn of the loop read, then lets the connections answer. Confined to `loop`.
final class FloorWriter: @unchecked Sendable {
  private let loop: any EventLoop
  private let groupMax: Int
  private(set) var store: FloorStore?
  private var waiting: [(content: ByteBuffer, answer: ByteBuffer, connection: FloorConnection)] = []
  private var turn: [(content: ByteBuffer, answer: ByteBuffer, connection: FloorConnection)] = []

  init(loop: any EventLoop, groupMax: Int) {
    self.loop = loop
    self.groupMax = groupMax
    waiting.reserveCapacity(256)
    turn.reserveCapacity(256)
  }

  func open(path: String) throws { store = try FloorStore(path: path) }
  func close() { store = nil }

  func add(_ content: ByteBuffer, answer: ByteBuffer, from connection: FloorConnection) {
    waiting.append((content, answer, connection))
    // Tasks of a turn run after everything that was readable has been read.
    if waiting.count == 1 { loop.execute { self.commit() } }
  }

  private func commit() {
    swap(&waiting, &turn)
    var first = 0
    while first < turn.count {
      let group = first..<min(first + groupMax, turn.count)
      do {
        guard let store else { throw PartnerError.stopped }
        try store.commit(group) { turn[$0].content }
        for index in group { turn[index].connection.answer(turn[index].answer) }
      } catch {
        // What is not durable is not acknowledged.
        for index in group { turn[index].connection.close() }
      }
      first = group.upperBound
    }
    turn.removeAll(keepingCapacity: true)
  }
}

/// One sender: frames in, acknowledgements out.
final class FloorConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let writer: FloorWriter
  private var scan = FrameScan()
  private var context: ChannelHandlerContext?

  init(writer: FloorWriter) { self.writer = writer }

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }
  func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    scan.feed(unwrapInboundIn(data))
    while let content = scan.next() {
      guard let id = HeaderScan.controlID(in: content.readableBytesUInt8Span) else {
        context.close(promise: nil)
        return
      }
      let answer = AcknowledgementFrame.accepting(id, of: content, allocator: context.channel.allocator)
      writer.add(content, answer: answer, from: self)
    }
    if scan.isOverlong { context.close(promise: nil) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  /// In the turn in which a message was committed; several groups of a turn may hold messages of one connection.
  func answer(_ bytes: ByteBuffer) { context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }

  func close() { context?.close(promise: nil) }
}
