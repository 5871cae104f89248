internal import NIOCore
package import NIOPosix

/// Closed-loop load: each connection sends a message, waits for its acknowledgement, and sends the next.
///
/// It is made to cost little, because it shares the machine with what it measures: frames are made before, only their
/// numbers are written anew, and there is no task, no closure and no allocation per message.
package struct Load: Sendable {
  package var host: String
  package var port: Int
  package var connections: Int
  /// Time before counting begins.
  package var warmUp: Duration
  /// Time that is counted.
  package var window: Duration
  package var seed: UInt64
  /// How many different messages are cycled through on each connection.
  package var variety: Int
  /// How long an answer may be missing before the run has failed.
  package var answerWithin: Duration

  package init(
    host: String = "127.0.0.1", port: Int, connections: Int, warmUp: Duration = .seconds(1),
    window: Duration = .seconds(3), seed: UInt64 = 1, variety: Int = 1_024, answerWithin: Duration = .seconds(20)
  ) {
    self.host = host
    self.port = port
    self.connections = max(1, connections)
    self.warmUp = warmUp
    self.window = window
    self.seed = seed
    self.variety = max(1, variety)
    self.answerWithin = answerWithin
  }

  /// The messages that a load sends, made before it begins.
  package struct Frames: Sendable {
    let templates: [FrameTemplate]

    package init(seed: UInt64, variety: Int = 1_024) {
      let generator = MessageGenerator(seed: seed)
      templates = (0..<max(1, variety)).map { generator.template($0) }
    }
  }

  /// - Parameters:
  ///   - partner: what counts is what this partner received and acknowledged; without one, the acknowledgements do.
  ///   - atEdge: called when the counted time begins and when it ends, on the load's thread: it must be quick.
  /// - Throws: ``PartnerError/load(_:)`` where a connection could not be made, was lost, or an answer refused or failed
  ///   to come: a run that is not clean is no measurement.
  package func run(
    frames: Frames? = nil, partner: LoadPartner? = nil, group: MultiThreadedEventLoopGroup = .singleton,
    atEdge: (@Sendable (Edge) -> Void)? = nil
  ) async throws -> LoadResult {
    let frames = frames ?? Frames(seed: seed, variety: variety)
    let window = LoadWindow()
    let times = LoadTimes(connections: connections)
    let (channels, counts) = try await connect(frames: frames, window: window, times: times, group: group)
    // The clock starts when every connection stands.
    let begin = MonotonicClock.nanoseconds()
    let from = begin + warmUp.nanosecondsWhole
    let until = from + self.window.nanosecondsWhole
    window.set(from: from, until: until)
    partner?.begin(window: window, times: times)
    if let atEdge { scheduleEdges(from: from - begin, until: until - begin, on: group.next(), atEdge) }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(LoadConnection.Begin()) }
    var answered = LoadCount()
    do {
      for count in counts { answered.add(try await count.get()) }
    } catch {
      for channel in channels { channel.close(promise: nil) }
      throw error
    }
    let delivered = await partner?.end()
    return LoadResult(
      seconds: Double(until - from) / 1e9, answered: answered.messages, answerLatency: answered.latency,
      delivered: delivered?.messages, deliveryLatency: delivered?.latency)
  }

  package enum Edge: Sendable { case begins, ends }

  private func scheduleEdges(
    from: UInt64, until: UInt64, on loop: any EventLoop, _ atEdge: @escaping @Sendable (Edge) -> Void
  ) {
    loop.scheduleTask(in: .nanoseconds(Int64(from))) { atEdge(.begins) }
    loop.scheduleTask(in: .nanoseconds(Int64(until))) { atEdge(.ends) }
  }

  private func connect(
    frames: Frames, window: LoadWindow, times: LoadTimes, group: MultiThreadedEventLoopGroup
  ) async throws -> ([any Channel], [EventLoopFuture<LoadCount>]) {
    var channels: [any Channel] = []
    var counts: [EventLoopFuture<LoadCount>] = []
    let answerWithin = answerWithin
    for index in 0..<connections {
      let promise = group.next().makePromise(of: LoadCount.self)
      counts.append(promise.futureResult)
      do {
        channels.append(
          try await ClientBootstrap(group: promise.futureResult.eventLoop)
            .connectTimeout(.seconds(5))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
              channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                  LoadConnection(
                    index: index, frames: frames, window: window, times: times, answerWithin: answerWithin,
                    promise: promise))
              }
            }
            .connect(host: host, port: port).get())
      } catch {
        promise.fail(error)
        for channel in channels { channel.close(promise: nil) }
        throw PartnerError.load("no connection to port \(port)")
      }
    }
    return (channels, counts)
  }
}

/// What one run of load counted.
package struct LoadResult: Sendable {
  package var seconds: Double
  /// Acknowledgements that came within the window.
  package var answered: Int
  /// From the first byte sent to the acknowledgement read.
  package var answerLatency: LatencyHistogram
  /// Messages that the partner received and acknowledged within the window, where there is a partner. With several
  /// destinations the least of them: a message is delivered when all have it.
  package var delivered: Int?
  /// From the first byte sent to the partner's reading it whole.
  package var deliveryLatency: LatencyHistogram?

  /// Messages that count: delivered ones where there is a partner, acknowledged ones otherwise.
  package var counted: Int { delivered ?? answered }
  package var messagesPerSecond: Double { seconds > 0 ? Double(counted) / seconds : 0 }
}

/// A number of messages and how long they took.
struct LoadCount: Sendable {
  var messages = 0
  var latency = LatencyHistogram()

  mutating func add(_ other: LoadCount) {
    messages += other.messages
    latency.add(other.latency)
  }
}
