internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// A test partner that listens for MLLP, does with each message what its script says, and remembers what it got.
///
/// It can be stopped and started again on the same port; what it got before is kept.
package final class MLLPReceiver: Sendable {
  private struct State {
    var listener: (any Channel)?
    var port: Int
    /// While it is stopped, its port stays its own.
    var reservation: PortReservation?
    var sockets: [ObjectIdentifier: any Channel] = [:]
    /// Application acknowledgements on their way to another port.
    var answering: [Task<Void, Never>] = []
    var isStopped = false
  }

  private let plan: ReceivePlan
  private let loop: any EventLoop
  private let tally = ReceptionTally<Reception>()
  private let state: Mutex<State>

  package init(_ plan: ReceivePlan) {
    self.plan = plan
    // One loop for all connections: receptions have one order.
    loop = MultiThreadedEventLoopGroup.singleton.next()
    state = Mutex(State(port: plan.endpoint.port))
  }

  /// Listens; returns when connections are taken.
  package func start() async throws {
    let context = plan.endpoint.isTLS ? try plan.tls.receiverContext() : nil
    let port = state.withLock { state in
      // Elsewhere than on 127.0.0.1 it does without.
      if state.reservation == nil, plan.endpoint.host == "127.0.0.1" {
        state.reservation = try? PortReservation(port: state.port)
      }
      return state.reservation?.port ?? state.port
    }
    let bootstrap = ServerBootstrap(group: loop)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelOption(.backlog, value: 1_024)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture {
          if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
          if let rate = plan.readingRate { try Self.slowDown(channel, bytesPerSecond: rate) }
          try channel.pipeline.syncOperations.addHandler(ReceiverSocket(owner: self, number: tally.nextConnection()))
        }
      }
    let listener = try await Listening.bind(bootstrap, host: plan.endpoint.host, port: port)
    state.withLock { state in
      state.listener = listener
      state.isStopped = false
      state.port = listener.localAddress?.port ?? port
    }
  }

  /// Stops listening and closes every connection; what waits to be answered is not.
  package func stop() async {
    let (listener, sockets, answering) = state.withLock { state in
      defer { (state.listener, state.answering, state.isStopped) = (nil, [], true) }
      return (state.listener, Array(state.sockets.values), state.answering)
    }
    for task in answering { task.cancel() }
    try? await listener?.close()
    for socket in sockets { try? await socket.close() }
  }

  /// The port that it listens on, or will again.
  package var port: Int { state.withLock { $0.port } }
  package var endpoint: PartnerEndpoint {
    PartnerEndpoint(host: plan.endpoint.host, port: port, isTLS: plan.endpoint.isTLS)
  }

  /// What came, in order.
  package var receptions: [Reception] { tally.receptions }
  package var receptionCount: Int { tally.receptionCount }
  /// How many connections were made to it, ever.
  package var connectionCount: Int { tally.connectionCount }

  /// Waits until at least so many messages came, and gives out all that did. Where the script answers, the answer to
  /// each of them has been written, or its delay has begun.
  /// - Throws: ``PartnerError/notInTime(awaited:came:)``.
  package func receptions(atLeast count: Int, within: Duration = .seconds(30)) async throws -> [Reception] {
    try await tally.wait(for: count, within: within, on: loop)
    return tally.receptions
  }

  /// A small window and small reads at a measured pace: the sender's writes back up.
  private static func slowDown(_ channel: any Channel, bytesPerSecond: Int) throws {
    let options = channel.syncOptions
    try options?.setOption(.autoRead, value: false)
    try options?.setOption(.maxMessagesPerRead, value: 1)
    let bytes = max(1, bytesPerSecond / ReceiverSocket.slowReadsPerSecond)
    // The kernel must be able to hold what one read takes, and little more.
    let buffer = max(4_096, min(bytes, 1 << 20) * 2)
    try options?.setOption(.socketOption(.so_rcvbuf), value: buffer)
    try options?.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: bytes))
  }

  fileprivate var isSlow: Bool { plan.readingRate != nil }

  fileprivate func opened(_ socket: any Channel) {
    state.withLock { $0.sockets[ObjectIdentifier(socket)] = socket }
  }

  fileprivate func closed(_ socket: any Channel) {
    state.withLock { _ = $0.sockets.removeValue(forKey: ObjectIdentifier(socket)) }
  }

  /// Notes a message and says what is to be done with it.
  fileprivate func received(_ content: ByteBuffer, connection: Int) -> (Reception, ReceiverBehaviour) {
    let bytes = Array(content.readableBytesView)
    let id = HeaderScan.controlID(in: bytes.span).map { String(decoding: bytes[$0], as: UTF8.self) } ?? ""
    let hash = ContentHash.text(bytes)
    let reception = tally.add(id) { number, occurrence in
      Reception(
        number: number, controlID: id, hash: hash, byteCount: bytes.count, at: MonotonicClock.nanoseconds(),
        connection: connection, occurrence: occurrence, bytes: plan.keepsBytes ? bytes : nil)
    }
    plan.history?.append(HistoryEvent(.received, lane: plan.lane, key: id, value: hash, at: reception.at))
    if let folder = plan.folder {
      let name = MessageGenerator.digits(reception.number + 1, width: 6)
      // A full disk is no reason to stop answering; the count of files shows it.
      try? FileBytes.write(bytes, to: "\(folder)/\(name).hl7")
    }
    return (reception, plan.script(reception))
  }

  fileprivate func replied(_ reception: Reception, _ code: AcknowledgementCode?) {
    plan.history?.append(
      HistoryEvent(.replied, lane: plan.lane, key: reception.controlID, value: code?.rawValue ?? "none"))
  }

  fileprivate func announce() { tally.announce() }

  /// An application acknowledgement as a message of its own.
  fileprivate func sendAnswer(_ code: AcknowledgementCode, to reception: Reception, at endpoint: PartnerEndpoint) {
    var sending = SendPlan(endpoint)
    sending.tls = plan.tls
    sending.timeout = .seconds(5)
    sending.resend = SendPlan.Resend(pause: .milliseconds(100), giveUpAfter: .seconds(60))
    let message = AcknowledgementFrame.message(
      code.rawValue, controlID: reception.controlID, number: reception.number)
    let task = Task { [sending] in _ = try? await MLLPSender(sending).send([message]) }
    let isStopped = state.withLock { state in
      guard !state.isStopped else { return true }
      state.answering.append(task)
      return false
    }
    if isStopped { task.cancel() }
  }
}

/// One connection to a receiver.
private final class ReceiverSocket: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  static let slowReadsPerSecond = 20

  private let owner: MLLPReceiver
  private let number: Int
  private var scan = FrameScan()
  private var slowReads: RepeatedTask?
  /// When the last answer goes out that is on its way.
  private var dueLast = NIODeadline.now()

  init(owner: MLLPReceiver, number: Int) {
    self.owner = owner
    self.number = number
  }

  func channelActive(context: ChannelHandlerContext) {
    owner.opened(context.channel)
    guard owner.isSlow else { return }
    let channel = context.channel
    let pause = TimeAmount.nanoseconds(1_000_000_000 / Int64(Self.slowReadsPerSecond))
    slowReads = context.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: pause) { _ in channel.read() }
  }

  func channelInactive(context: ChannelHandlerContext) {
    slowReads?.cancel()
    owner.closed(context.channel)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // The sender has said that it sends no more; what was answered in this turn still goes out before the end.
    if case ChannelEvent.inputClosed = event {
      let context = NIOLoopBound(context, eventLoop: context.eventLoop)
      context.eventLoop.execute { context.value.close(promise: nil) }
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    scan.feed(unwrapInboundIn(data))
    while let content = scan.next() {
      let (reception, behaviour) = owner.received(content, connection: number)
      let now = NIODeadline.now()
      let due = now + .nanoseconds(Int64(clamping: behaviour.delay.nanosecondsWhole))
      if due > now || dueLast > now {
        // A partner answers in order: what comes behind one that takes its time waits for it.
        dueLast = max(due, dueLast + .nanoseconds(1))
        let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(deadline: dueLast) { here.value.0.act(behaviour, on: reception, here.value.1) }
      } else {
        act(behaviour, on: reception, context)
      }
      owner.announce()
    }
    if scan.isOverlong { context.close(promise: nil) }
  }

  private func act(_ behaviour: ReceiverBehaviour, on reception: Reception, _ context: ChannelHandlerContext) {
    let closesFirst = behaviour.closing == .beforeAnswer || behaviour.closing == .resetBeforeAnswer
    guard context.channel.isActive, !closesFirst else {
      owner.replied(reception, nil)
      if behaviour.closing == .resetBeforeAnswer { return SocketReset.close(context.channel) }
      return context.close(promise: nil)
    }
    answer(behaviour.answer, to: reception, context)
    if let application = behaviour.application { applicationAnswer(application, to: reception, context) }
    switch behaviour.closing {
    case .afterAnswer: context.close(promise: nil)
    case .halfAfterAnswer: context.close(mode: .output, promise: nil)
    // Delivered bytes are discarded by a reset that overtakes them, which is what is to be tried.
    case .resetAfterAnswer: SocketReset.close(context.channel)
    case .never, .beforeAnswer, .resetBeforeAnswer: break
    }
  }

  private func answer(_ answer: ReceiverBehaviour.Answer, to reception: Reception, _ context: ChannelHandlerContext) {
    func write(_ bytes: [UInt8]) { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil) }
    func frame(_ code: AcknowledgementCode, _ id: String) -> [UInt8] {
      AcknowledgementFrame.frame(code.rawValue, controlID: id, number: reception.number)
    }
    // Noted before it is written: what the engine has seen must not be missing from the history.
    switch answer {
    case .code(let code):
      owner.replied(reception, code)
      write(frame(code, reception.controlID))
    case .twice:
      owner.replied(reception, .AA)
      write(frame(.AA, reception.controlID) + frame(.AA, reception.controlID))
    case .none: owner.replied(reception, nil)
    case .garbage:
      owner.replied(reception, nil)
      write(FrameScan.frame(Array("this is no HL7".utf8)))
    case .empty:
      owner.replied(reception, nil)
      write(FrameScan.frame([UInt8]()))
    case .wrongID:
      owner.replied(reception, nil)
      write(frame(.AA, "NOBODY-SENT-THIS"))
    case .bytes(let bytes):
      owner.replied(reception, nil)
      write(bytes)
    }
  }

  private func applicationAnswer(
    _ application: ReceiverBehaviour.Application, to reception: Reception, _ context: ChannelHandlerContext
  ) {
    let after = TimeAmount.nanoseconds(Int64(clamping: application.after.nanosecondsWhole))
    if let endpoint = application.to {
      // On its way whatever becomes of the connection.
      context.eventLoop.scheduleTask(in: after) { [owner] in
        owner.sendAnswer(application.code, to: reception, at: endpoint)
      }
      return
    }
    let here = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: after) {
      let (socket, context) = here.value
      guard context.channel.isActive else { return }
      let frame = AcknowledgementFrame.frame(
        application.code.rawValue, controlID: reception.controlID, number: reception.number)
      context.writeAndFlush(socket.wrapOutboundOut(ByteBuffer(bytes: frame)), promise: nil)
    }
  }
}
