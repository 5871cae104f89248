import ConnectorKit
import HL7
import Logging
import Messages
import NIOCore
import NIOSSL
import NIOTLS

/// One connection of a source: frames are offered as they come, answers go out in the same order.
///
/// Everything here runs on the connection's event loop; the class is handed to other threads only to be named in
/// `MLLPReceipts`.
final class MLLPConnection: ChannelDuplexHandler, SourceVisit, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// What all connections of a source have in common.
  struct Shared: Sendable {
    let answering: MLLPAnswering
    let inbox: any Inbox
    let logger: Logger
    let messageBytesMax: Int
    let unfinished: MLLPUnfinished
    let idle: TimeAmount
    let frame: TimeAmount
    /// `nil` without TLS.
    let handshake: TimeAmount?
    /// Answers are made of what the channel mended.
    var isPrepared = false
  }

  /// A message that was offered, or an answer that waits for those before it.
  private enum Unanswered {
    case offered(Offered)
    case own([UInt8])
  }

  private struct Offered {
    var number: Int
    var header: HL7Header?
    /// The answers if it is accepted, made while the engine is at work.
    var acceptance: MLLPAnswering.Answers
    var byteCount: Int
    /// Takes the place of header and answers, once it is there.
    var mended: MLLPMended?
    /// Its sender has had CA, and what becomes of it comes later.
    var isCommitted = false
  }

  private let shared: Shared
  private let receipts: MLLPReceipts
  let peer: Peer
  private let origin: any Origin
  /// Runs once, when the connection is gone.
  private var whenClosed: ((MLLPConnection) -> Void)?
  private var attributes: [String: Value]
  private var answered: (@Sendable (Receipt) -> Void)?

  private var context: ChannelHandlerContext?
  private var framing: MLLPFraming
  private var unanswered = CircularBuffer<Unanswered>(initialCapacity: 8)
  private var offeredCount = 0
  private var lastNumber = 0
  private var offeredByteCount = 0
  private var unfinishedByteCount = 0
  /// What was read beyond the bound: at most what one read brought.
  private var beyond = CircularBuffer<MLLPFraming.Action>(initialCapacity: 0)
  private var outgoing = ByteBuffer()
  private var needsFlush = false
  private var isReadHeldBack = false
  /// Nothing more is taken; the connection closes when everything before is answered.
  private var isEnding = false
  /// An answer was sent that the sender, who is still sending, has yet to read.
  private var isLingering = false
  /// We end it: what its sender has had CA for isn't waited for.
  private var isStopping = false
  /// It closes when what was written has gone out.
  private var isLeaving = false
  private var isClosed = false
  /// A message that came on it was stored, or refused for what it is.
  private(set) var hasAnswered = false
  private var inputHasEnded = false
  private let timers = MLLPTimers()

  init(
    _ shared: Shared, receipts: MLLPReceipts, peer: Peer, origin: any Origin,
    whenClosed: @escaping (MLLPConnection) -> Void
  ) {
    self.shared = shared
    self.receipts = receipts
    self.peer = peer
    self.origin = origin
    self.whenClosed = whenClosed
    attributes = ["peer": .text(peer.address)]
    framing = MLLPFraming(MLLPFraming.Options(frameBytesMax: shared.messageBytesMax))
    answered = { [receipts, self] in receipts.add(.receipt($0), for: self) }
  }

  // MARK: The channel's events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    outgoing = context.channel.allocator.buffer(capacity: 1_024)
    if context.channel.isActive { start(context) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    closed()
    self.context = nil
  }

  func channelActive(context: ChannelHandlerContext) {
    start(context)
    context.fireChannelActive()
  }

  private func start(_ context: ChannelHandlerContext) {
    timers.start(on: context.eventLoop, idle: shared.idle, handshake: shared.handshake) { [weak self] in
      self?.timeOut($0)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    closed()
    context.fireChannelInactive()
  }

  private func closed() {
    guard !isClosed else { return }
    isClosed = true
    _ = holdsUnfinished(0)
    if !isEnding { framing.finish().forEach(note) }
    timers.stop()
    answered = nil
    beyond.removeAll()
    unanswered.removeAll()
    origin.close()
    whenClosed?(self)
    whenClosed = nil
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isEnding, !isClosed else { return }
    timers.isActive()
    let buffer = unwrapInboundIn(data)
    let actions = buffer.withUnsafeReadableBytes { framing.receive($0) }
    for action in actions { take(action) }
    let before = actions.isEmpty ? unfinishedByteCount : 0
    guard holdsUnfinished(framing.isInsideFrame ? before + buffer.readableBytes : 0) else {
      refuse("too many messages are under way at once that have not arrived whole")
      return end()
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if framing.isInsideFrame, !isHeldBack { timers.frameBegan(within: shared.frame) } else { timers.frameEnded() }
    flushAnswers()
    context.fireChannelReadComplete()
  }

  /// Back-pressure: the next read is asked for when there is room again.
  func read(context: ChannelHandlerContext) {
    if isLingering || !isHeldBack { context.read() } else { isReadHeldBack = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { goOn() }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      inputClosed()
    case TLSUserEvent.handshakeCompleted:
      timers.handshakeEnded()
      if let facts = certificate(context).flatMap({ CertificateFacts($0) }) {
        attributes["tls"] = .record(["subject": .text(facts.subject)])
      }
    default: break
    }
    context.fireUserInboundEventTriggered(event)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let tls = TLSFailure.reason(
      error, certificate: certificate(context), expectedName: nil, now: UnixTime.seconds())
    // A sender that closes without TLS's own farewell has still earned its answers.
    if case .uncleanShutdown? = error as? NIOSSLError { return }
    if let tls, timers.isInHandshake {
      refuse(tls)
    } else {
      shared.logger.debug(
        "a connection broke", metadata: ["peer": "\(peer.address)", "reason": "\(tls ?? "\(error)")"])
    }
    context.close(promise: nil)
  }

  private func certificate(_ context: ChannelHandlerContext) -> NIOSSLCertificate? {
    let operations = context.pipeline.syncOperations
    if let server = try? operations.handler(type: NIOSSLServerHandler.self) { return server.peerCertificate }
    return (try? operations.handler(type: NIOSSLClientHandler.self))?.peerCertificate
  }

  /// Keeps count of what has come of a frame that is not whole; false where all connections hold too much of such.
  private func holdsUnfinished(_ byteCount: Int) -> Bool {
    guard byteCount != unfinishedByteCount else { return true }
    defer { unfinishedByteCount = byteCount }
    return shared.unfinished.change(by: byteCount - unfinishedByteCount)
  }

  // MARK: Frames

  private var isHeldBack: Bool {
    isEnding || offeredCount >= MLLPLimits.unansweredMax || offeredByteCount >= MLLPLimits.unansweredBytesMax
      || context?.channel.isWritable == false
  }

  private func take(_ action: MLLPFraming.Action) {
    if isHeldBack || !beyond.isEmpty { beyond.append(action) } else { act(on: action) }
  }

  private func act(on action: MLLPFraming.Action) {
    switch action {
    case .frame(let message):
      offer(message)
    case .junk(let byteCount):
      shared.logger.debug(
        "passed over bytes between frames", metadata: ["peer": "\(peer.address)", "bytes": "\(byteCount)"])
    case .violation(let violation):
      refuse("\(violation)")
      end()
    case .oversize(let head):
      let reason = "a message has more than \(shared.messageBytesMax) bytes"
      refuse(reason)
      if let answer = shared.answering.oversize(head, bytesMax: shared.messageBytesMax) {
        unanswered.append(.own(answer))
        isLingering = true
      }
      end()
    case .partial:
      note(action)
    }
  }

  private func offer(_ message: [UInt8]) {
    guard let answered else { return }
    offeredCount += 1
    offeredByteCount += message.count
    peer.received()
    var arrival = Arrival(Payload(.hl7v2, message), attributes: attributes)
    let mended = shared.isPrepared ? MLLPMended() : nil
    if let mended {
      arrival.whenPrepared = { [answering = shared.answering] payload in
        if case .bytes(let bytes) = payload.content { mended.header = answering.header(bytes) }
      }
    }
    let header = shared.answering.header(message)
    lastNumber += 1
    if let header, shared.answering.wantsBoth(header) {
      arrival.whenDurable = { [receipts, self, number = lastNumber] isRejected in
        receipts.add(.durable(number, isRejected: isRejected), for: self)
      }
    }
    origin.offer(arrival, then: answered)
    let acceptance = mended == nil ? shared.answering.answers(header, .accepted) : MLLPAnswering.Answers()
    unanswered.append(
      .offered(
        Offered(
          number: lastNumber, header: header, acceptance: acceptance, byteCount: message.count, mended: mended)))
  }

  private func note(_ action: MLLPFraming.Action) {
    guard case .partial(let byteCount) = action else { return }
    shared.logger.notice(
      "the connection ended within a message, which was not taken",
      metadata: ["peer": "\(peer.address)", "bytes": "\(byteCount)"])
  }

  // MARK: Answers

  /// A message is safe, and what becomes of it comes later: its sender need not send it again.
  func isDurable(_ number: Int, isRejected: Bool) {
    guard !isClosed else { return }
    for index in unanswered.indices {
      guard case .offered(var offered) = unanswered[index], offered.number == number else { continue }
      guard let header = offered.mended?.header ?? offered.header,
        let commitment = shared.answering.commitment(header, isRejected: isRejected)
      else { return }
      offered.isCommitted = true
      unanswered[index] = .offered(offered)
      hasAnswered = true
      return write(commitment)
    }
  }

  /// The receipt of the oldest message that was offered.
  func answer(_ receipt: Receipt) {
    guard !isClosed, case .offered(var offered)? = unanswered.popFirst() else { return }
    if let mended = offered.mended {
      offered.header = mended.header ?? offered.header
      offered.acceptance = shared.answering.answers(offered.header, .accepted)
    }
    offeredCount -= 1
    offeredByteCount -= offered.byteCount
    if case .unavailable(let reason) = receipt {
      shared.logger.warning(
        "closed without an answer: messages can't be taken now",
        metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
      unanswered.removeAll()
      return end()
    }
    hasAnswered = true
    var answers = offered.acceptance
    switch receipt {
    case .unavailable, .accepted(_, reply: nil), .failed, .duplicate: break
    case .accepted(_, reply: .some):
      answers = shared.answering.answers(offered.header, receipt)
      if let reply = answers.application, !MLLPFrame.canHold(reply) { answers = offered.acceptance }
    case .rejected(let rejection):
      peer.refused("\(rejection.kind.rawValue), condition \(rejection.number) of table 0357")
      answers = shared.answering.answers(offered.header, receipt)
    }
    if !offered.isCommitted { answers.accept.map(write) }
    answers.application.map(write)
    writeOwn()
  }

  private func writeOwn() {
    while case .own(let answer)? = unanswered.first {
      unanswered.removeFirst()
      write(answer)
    }
  }

  private func write(_ answer: [UInt8]) {
    guard !answer.isEmpty else { return }
    outgoing.writeFrame(answer)
    needsFlush = true
  }

  /// Sends what was answered since the last call, and goes on with what that makes room for.
  func flushAnswers() {
    if needsFlush, let context, !isClosed {
      needsFlush = false
      context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
      // Where the kernel took all of it, the storage is ours again; a rare large one isn't kept.
      if outgoing.capacity > 64 << 10 { outgoing = context.channel.allocator.buffer(capacity: 1_024) }
      outgoing.clear()
    }
    goOn()
  }

  private func goOn() {
    while !isHeldBack, let action = beyond.popFirst() { act(on: action) }
    if inputHasEnded, beyond.isEmpty, !isEnding { end() }
    if isEnding { return finish() }
    guard !isHeldBack, isReadHeldBack, !isClosed, let context else { return }
    isReadHeldBack = false
    if framing.isInsideFrame { timers.frameBegan(within: shared.frame) }
    context.read()
  }

  // MARK: The end

  /// Takes nothing more; what was offered is answered, then the connection closes.
  func stop() {
    isStopping = true
    if isEnding { finish() } else if !isClosed { end() }
  }

  /// Whoever waits knows at least that its message is safe.
  private var isAllCommitted: Bool {
    unanswered.allSatisfy { entry in
      if case .offered(let offered) = entry { offered.isCommitted } else { false }
    }
  }

  private func inputClosed() {
    if isLingering {
      inputHasEnded = true
      return finish()
    }
    guard !isEnding, !isClosed else { return }
    framing.finish().forEach(note)
    inputHasEnded = true
    goOn()
  }

  private func end() {
    isEnding = true
    beyond.removeAll()
    timers.frameEnded()
    writeOwn()
    finish()
  }

  private func finish() {
    // A sender that closes looks like one that only sends no more; its connection isn't kept for what may take hours.
    guard isStopping || inputHasEnded ? isAllCommitted : unanswered.isEmpty, !isClosed, let context else { return }
    if !unanswered.isEmpty {
      shared.logger.log(
        level: isStopping ? .notice : .info, "closed before all application acknowledgements were given",
        metadata: ["peer": "\(peer.address)", "messages": "\(unanswered.count)"])
      unanswered.removeAll()
    }
    if needsFlush {
      needsFlush = false
      context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
      outgoing.clear()
    }
    guard isLingering, !inputHasEnded else { return closeWhenWritten(context) }
    guard !timers.isLingering else { return }
    timers.linger(MLLPLimits.linger)
    context.close(mode: .output, promise: nil)
    context.read()
  }

  /// Closes behind the last answer: what the kernel hasn't taken yet would be dropped with the connection, and an
  /// answer that a sender never gets makes it send again.
  private func closeWhenWritten(_ context: ChannelHandlerContext) {
    guard !isLeaving else { return }
    isLeaving = true
    isEnding = true
    timers.farewell(MLLPLimits.farewell)
    let written = context.eventLoop.makePromise(of: Void.self)
    let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
    written.futureResult.whenComplete { _ in connection.value.close() }
    context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
  }

  private func close() {
    isEnding = true
    context?.close(promise: nil)
  }

  private func timeOut(_ kind: MLLPTimers.Kind) {
    guard !isClosed else { return }
    switch kind {
    case .idle:
      guard isAllCommitted else { return }
      shared.logger.info("closed an idle connection", metadata: ["peer": "\(peer.address)"])
    case .frame:
      refuse("a message did not arrive whole within \(shared.frame.nanoseconds / 1_000_000) ms")
      return end()
    case .handshake:
      refuse("the TLS handshake was not completed within \((shared.handshake ?? .zero).nanoseconds / 1_000_000) ms")
    case .linger, .farewell: break
    }
    close()
  }

  /// One line in the log, and one refusal in the sender's record.
  private func refuse(_ reason: String) {
    peer.refused(reason)
    shared.logger.notice("closed a connection", metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
  }
}
