internal import NIOCore
package import NIOPosix
internal import Synchronization

/// The partner at the other end of an engine under load: one listener a destination, which acknowledges what comes and
/// counts it. It keeps nothing else, so that it takes little of the machine that is measured.
package final class LoadPartner: Sendable {
  private let listeners: [any Channel]
  private let counters: [LoadPartnerCounter]

  /// The ports on 127.0.0.1, one for each destination.
  package let ports: [Int]

  private init(listeners: [any Channel], counters: [LoadPartnerCounter]) {
    self.listeners = listeners
    self.counters = counters
    ports = listeners.map { $0.localAddress?.port ?? 0 }
  }

  package static func start(
    destinations: Int, group: MultiThreadedEventLoopGroup = .singleton
  ) async throws -> LoadPartner {
    var listeners: [any Channel] = []
    var counters: [LoadPartnerCounter] = []
    for _ in 0..<destinations {
      let counter = LoadPartnerCounter()
      let listener = try await ServerBootstrap(group: group)
        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
        .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        .childChannelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(LoadPartnerConnection(counter: counter))
          }
        }
        .bind(host: "127.0.0.1", port: 0).get()
      listeners.append(listener)
      counters.append(counter)
    }
    return LoadPartner(listeners: listeners, counters: counters)
  }

  func begin(window: LoadWindow, times: LoadTimes) {
    for counter in counters { counter.begin(window: window, times: times) }
  }

  /// What the slowest destination got within the window.
  func end() async -> LoadCount {
    counters.map { $0.count }.min { $0.messages < $1.messages } ?? LoadCount()
  }

  package func stop() async {
    for listener in listeners { try? await listener.close() }
  }
}

/// What one destination got. Its connections may live on several loops, hence the lock, which nobody else wants.
final class LoadPartnerCounter: Sendable {
  private struct State {
    var window: LoadWindow?
    var times: LoadTimes?
    var count = LoadCount()
  }
  private let state = Mutex(State())

  var count: LoadCount { state.withLock { $0.count } }

  func begin(window: LoadWindow, times: LoadTimes) {
    state.withLock { $0 = State(window: window, times: times) }
  }

  func received(_ number: Int?, at now: UInt64) {
    state.withLock { state in
      guard let window = state.window, window.contains(now) else { return }
      state.count.messages += 1
      if let number, let sentAt = state.times?.sentAt(number), now > sentAt {
        state.count.latency.add(nanoseconds: now - sentAt)
      }
    }
  }
}

/// One connection of the engine to the partner.
final class LoadPartnerConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let counter: LoadPartnerCounter
  private var scan = FrameScan()

  init(counter: LoadPartnerCounter) { self.counter = counter }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    scan.feed(unwrapInboundIn(data))
    while let content = scan.next() {
      let now = MonotonicClock.nanoseconds()
      guard let id = HeaderScan.controlID(in: content.readableBytesUInt8Span) else {
        context.close(promise: nil)
        return
      }
      let answer = AcknowledgementFrame.accepting(id, of: content, allocator: context.channel.allocator)
      context.write(wrapOutboundOut(answer), promise: nil)
      counter.received(LoadConnection.number(endingAt: id, in: content.readableBytesUInt8Span), at: now)
    }
    if scan.isOverlong { context.close(promise: nil) }
  }

  func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
