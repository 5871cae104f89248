internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// One logical connection of a sender: it outlives the sockets that carry it. Confined to the run's loop.
final class SenderConnection: @unchecked Sendable {
  /// How many answered messages are remembered, to know a second answer from a wrong one.
  private static let answeredKeptMax = 64
  /// A partner that closes at once is not asked in a tight circle.
  private static let reopenPause = TimeAmount.milliseconds(5)

  private let index: Int
  private let run: SenderRun
  private let lane: String
  private var channel: (any Channel)?
  private var flights: [SenderFlight] = []
  private var answered: [[UInt8]] = []
  private var watch: Scheduled<Void>?
  private var awaySince: UInt64?
  private var isEnded = false
  /// Whether it has given up for good.
  private(set) var isGone = false

  init(index: Int, run: SenderRun) {
    self.index = index
    self.run = run
    lane = "\(run.plan.lane).\(index)"
  }

  var hasRoom: Bool { channel != nil && flights.count < max(1, run.plan.window) }

  func open() {
    guard !isEnded else { return }
    let endpoint = run.plan.endpoint
    let tls = run.tls
    let owner = self
    ClientBootstrap(group: run.loop)
      .connectTimeout(.seconds(10))
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(SenderTLS.handler(tls, host: endpoint.host))
          }
          try channel.pipeline.syncOperations.addHandler(SenderSocket(owner: owner))
        }
      }
      .connect(host: endpoint.host, port: endpoint.port)
      .hop(to: run.loop)
      .whenComplete { result in
        switch result {
        case .success(let channel): owner.opened(channel)
        case .failure: owner.couldNotOpen()
        }
      }
  }

  func end() {
    isEnded = true
    watch?.cancel()
    flights = []
    let last = channel
    channel = nil
    last?.close(promise: nil)
  }

  func send(_ flight: SenderFlight) {
    flights.append(flight)
    transmit(flights.count - 1)
    if flights.count == 1 { watchHead() }
  }

  private func opened(_ channel: any Channel) {
    guard !isEnded else {
      channel.close(promise: nil)
      return
    }
    // The socket may have been closed before this came.
    guard channel.isActive else {
      run.lostConnection()
      lost()
      return
    }
    self.channel = channel
    awaySince = nil
    // Again what was not answered, in the same order, before anything else.
    for place in flights.indices { transmit(place) }
    watchHead()
    run.distribute()
  }

  private func transmit(_ place: Int) {
    guard let channel else { return }
    let now = MonotonicClock.nanoseconds()
    flights[place].sentAt = now
    flights[place].attempts += 1
    let flight = flights[place]
    run.plan.history?.append(
      HistoryEvent(.sent, lane: lane, key: flight.key, value: ContentHash.text(flight.bytes), at: now))
    channel.writeAndFlush(ByteBuffer(bytes: FrameScan.frame(flight.bytes)), promise: nil)
  }

  fileprivate func received(_ content: ByteBuffer, from socket: any Channel) {
    guard socket === channel, !isEnded else { return }
    let bytes = content.readableBytesUInt8Span
    guard let (code, range) = HeaderScan.acknowledgement(in: bytes) else {
      dropHead(.unreadableAnswer)
      return
    }
    let id = content.getBytes(at: content.readerIndex + range.lowerBound, length: range.count) ?? []
    guard let head = flights.first, head.controlID.isEmpty || head.controlID == id else {
      if answered.contains(id) { run.extraAnswer() } else { dropHead(.answerToAnother) }
      return
    }
    flights.removeFirst()
    answered.append(id)
    if answered.count > Self.answeredKeptMax { answered.removeFirst() }
    run.plan.history?.append(HistoryEvent(.answered, lane: lane, key: head.key, value: code.rawValue))
    run.answered(head, code, refusal(code, content), on: index)
    watchHead()
    run.distribute()
  }

  private func refusal(_ code: AcknowledgementCode, _ content: ByteBuffer) -> Refusal? {
    code.isAcceptance ? nil : Refusal(Array(content.readableBytesView))
  }

  fileprivate func closed(_ socket: any Channel) {
    guard socket === channel, !isEnded else { return }
    channel = nil
    run.lostConnection()
    lost()
  }

  /// The head's answer is bad or missing. Whatever comes next on this socket can't be trusted.
  private func dropHead(_ failure: SendOutcome.Failure) {
    // Closing says so at once: it must not be heard as a loss.
    let spoiled = channel
    channel = nil
    spoiled?.close(promise: nil)
    run.lostConnection()
    if run.plan.resend == nil, !flights.isEmpty {
      let head = flights.removeFirst()
      run.failed(head, failure, on: index)
    }
    lost()
  }

  private func lost() {
    guard !isEnded else { return }
    watch?.cancel()
    if run.plan.resend == nil {
      let gone = flights
      flights = []
      for flight in gone { run.failed(flight, .connectionLost, on: index) }
      guard !isEnded, run.hasMore else {
        isGone = true
        return run.closedForGood()
      }
      run.loop.scheduleTask(in: Self.reopenPause) { self.open() }
      return
    }
    again()
  }

  private func couldNotOpen() {
    guard !isEnded else { return }
    if run.plan.resend != nil { return again() }
    isGone = true
    run.closedForGood()
  }

  private func again() {
    guard let resend = run.plan.resend, !isEnded else { return }
    let now = MonotonicClock.nanoseconds()
    let since = awaySince ?? now
    awaySince = since
    guard now - since < resend.giveUpAfter.nanosecondsWhole else {
      isGone = true
      let gone = flights
      flights = []
      for flight in gone { run.failed(flight, .notConnected, on: index) }
      return run.closedForGood()
    }
    run.loop.scheduleTask(in: .nanoseconds(Int64(clamping: resend.pause.nanosecondsWhole))) { self.open() }
  }

  /// One timer for the oldest flight: the others were sent after it.
  private func watchHead() {
    watch?.cancel()
    watch = nil
    guard let head = flights.first, channel != nil, !isEnded else { return }
    let deadline = head.sentAt &+ run.plan.timeout.nanosecondsWhole
    let now = MonotonicClock.nanoseconds()
    let number = head.number
    watch = run.loop.scheduleTask(in: .nanoseconds(Int64(clamping: deadline > now ? deadline - now : 0))) {
      guard self.flights.first?.number == number, self.channel != nil else { return }
      self.dropHead(.noAnswerInTime)
    }
  }
}

/// The socket under a sender's connection.
private final class SenderSocket: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let owner: SenderConnection
  private var scan = FrameScan()

  init(owner: SenderConnection) { self.owner = owner }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    scan.feed(unwrapInboundIn(data))
    while let content = scan.next() { owner.received(content, from: context.channel) }
    if scan.isOverlong { context.close(promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) { owner.closed(context.channel) }
  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
