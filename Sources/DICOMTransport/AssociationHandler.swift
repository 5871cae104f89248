package import DICOM
package import NIOCore

/// Runs one association on its channel, for either side. With TLS it stands behind the TLS handler.
///
/// It holds no data set: what comes goes to its user piece by piece, and what is to be sent is asked for when the peer
/// has taken what was sent before.
/// Lives on its channel's event loop, and is made elsewhere: hence `@unchecked`.
package final class AssociationHandler: ChannelInboundHandler, ChannelOutboundHandler, @unchecked Sendable {
  package typealias InboundIn = ByteBuffer
  package typealias OutboundIn = Never
  package typealias OutboundOut = ByteBuffer

  package struct Times: Sendable, Hashable {
    /// ARTIM: for a peer's first word, and for it to close a connection that is at its end (PS3.8 9.1.5).
    package var artim: TimeAmount
    /// How long a peer whose turn it is may say nothing; `nil` for ever. While it waits for an answer or for this side
    /// to read, the turn isn't its own.
    package var silence: TimeAmount?

    package init(artim: TimeAmount = .seconds(30), silence: TimeAmount? = .seconds(120)) {
      self.artim = artim
      self.silence = silence
    }
  }

  /// What of a data set is still to be sent.
  private enum Sending {
    case nothing
    /// In this context, as soon as the channel takes it.
    case wanted(UInt8)
    /// The user was asked for the next piece.
    case asked(UInt8)
  }

  private struct Message {
    let command: CommandSet
    let contextID: UInt8
    /// Where it is at hand.
    let dataSet: [UInt8]?

    init(_ command: CommandSet, _ contextID: UInt8, _ dataSet: [UInt8]? = nil) {
      (self.command, self.contextID, self.dataSet) = (command, contextID, dataSet)
    }
  }

  /// A piece is no longer, whatever the peer takes: longer ones win nothing, and wait in memory.
  package static let pieceBytesMax = 1 << 17

  private var association: Association
  private let times: Times
  private var user: (any AssociationUser)?
  private var context: ChannelHandlerContext?
  private var artim: Scheduled<Void>?
  private var silence: Scheduled<Void>?
  private var heardAt = NIODeadline.uptimeNanoseconds(0)
  private var sending = Sending.nothing
  /// What is to be said when the data set has gone out.
  private var waiting: [Message] = []
  private var isAsking = false
  private var isPaused = false
  private var isReadHeldBack = false
  private var hasStarted = false
  private var hasEnded = false
  private let isRequester: Bool
  /// Numbers of the peer's requests that this side has not answered for good, and of its own that the peer hasn't.
  private var owed: Set<UInt16> = []
  private var awaited: Set<UInt16> = []
  /// Why the connection broke: of the system or of TLS.
  package private(set) var failure: (any Error)?

  package init(_ role: Association.Role, times: Times = Times(), user: any AssociationUser) {
    let told: UInt32
    switch role {
    case .requester(let request): (isRequester, told) = (true, request.user.maximumLength)
    case .accepter(let policy): (isRequester, told) = (false, policy.maximumLength)
    }
    // 0 says «any»; more than this no peer needs.
    let limits = PDUReader.Limits(dataBytesMax: told == 0 ? 1 << 24 : Int(told))
    association = Association(role, limits: limits)
    self.times = times
    self.user = user
  }

  /// What was agreed on, once it is established.
  package var agreement: Agreement? { association.agreement }

  /// The longest piece that will be asked for.
  package var pieceRoom: Int { min(association.dataRoom, Self.pieceBytesMax) }

  // MARK: What the user wants

  /// Sends a command, behind a data set that is still on its way. Where it announces one, that is asked for next
  /// (`associationWantsData`).
  package func send(_ command: CommandSet, contextID: UInt8) { send(Message(command, contextID)) }

  /// Sends a command with a data set that is small.
  package func send(_ command: CommandSet, dataSet: [UInt8], contextID: UInt8) {
    send(Message(command, contextID, dataSet))
  }

  private func send(_ message: Message) {
    guard case .nothing = sending else { return waiting.append(message) }
    heardAt = now
    note(message.command, asked: &awaited, answered: &owed)
    perform(association.send(message.command, contextID: message.contextID))
    if hasEnded { return }
    if let dataSet = message.dataSet {
      perform(association.send(dataSet: dataSet[...], contextID: message.contextID))
    } else if message.command.hasDataSet {
      sending = .wanted(message.contextID)
      askForData()
    }
  }

  /// The piece that was asked for: of an even number of bytes unless it is the last. An odd last one is filled up with
  /// a NUL, as PS3.5 annex A.5 has it for what is deflated: some peers abort the association for it.
  package func send(piece: ByteBuffer, isLast: Bool) {
    guard case .asked(let contextID) = sending, let context else { return }
    sending = isLast ? .nothing : .wanted(contextID)
    let byteCount = (piece.readableBytes + 1) & ~1
    guard let head = association.head(ofPiece: byteCount, isLast: isLast, contextID: contextID) else {
      return sending = .nothing
    }
    heardAt = now
    context.write(wrapOutboundOut(ByteBuffer(bytes: head)), promise: nil)
    context.write(wrapOutboundOut(piece), promise: nil)
    if byteCount > piece.readableBytes { context.write(wrapOutboundOut(ByteBuffer(bytes: [0])), promise: nil) }
    context.flush()
    while case .nothing = sending, !waiting.isEmpty { send(waiting.removeFirst()) }
    askForData()
    readOn()
  }

  package func release() { perform(association.release()) }
  package func answerRelease() { perform(association.answerRelease()) }
  package func abort() { perform(association.abort()) }

  /// Nothing more is read from the connection, and the peer has to wait. What was read, and what the system holds of a
  /// connection that the peer has closed, still comes.
  package func pauseReading() { isPaused = true }

  package func resumeReading() {
    guard isPaused else { return }
    isPaused = false
    heardAt = now
    readOn()
  }

  // MARK: The channel's events

  package func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    // A command and its answer are small and awaited: with Nagle's algorithm each costs the peer's 40 ms.
    try? context.channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
    let water = ChannelOptions.Types.WriteBufferWaterMark(low: Self.pieceBytesMax, high: Self.pieceBytesMax * 2)
    try? context.channel.syncOptions?.setOption(.writeBufferWaterMark, value: water)
    // A data set comes as fast as it is read: few long reads cost less than many.
    let room = AdaptiveRecvByteBufferAllocator(minimum: 4_096, initial: 16_384, maximum: Self.pieceBytesMax * 2)
    try? context.channel.syncOptions?.setOption(.recvAllocator, value: room)
    if context.channel.isActive { start() }
  }

  package func handlerRemoved(context: ChannelHandlerContext) {
    closed()
    self.context = nil
  }

  package func channelActive(context: ChannelHandlerContext) {
    start()
    context.fireChannelActive()
  }

  package func channelInactive(context: ChannelHandlerContext) {
    closed()
    context.fireChannelInactive()
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    heardAt = now
    let buffer = unwrapInboundIn(data)
    perform(buffer.withUnsafeReadableBytes { association.received($0) })
  }

  package func read(context: ChannelHandlerContext) {
    if mayRead(context.channel) { context.read() } else { isReadHeldBack = true }
  }

  package func channelWritabilityChanged(context: ChannelHandlerContext) {
    askForData()
    readOn()
    context.fireChannelWritabilityChanged()
  }

  package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // DICOM knows no connection that is open one way.
    if case ChannelEvent.inputClosed = event { context.close(promise: nil) }
    context.fireUserInboundEventTriggered(event)
  }

  package func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if failure == nil { failure = error }
    context.close(promise: nil)
  }

  // MARK: What the association says

  private func start() {
    guard !hasStarted else { return }
    hasStarted = true
    heardAt = now
    perform(association.start() + association.connected())
    watchSilence()
  }

  private func closed() {
    perform(association.disconnected())
    artim?.cancel()
    context = nil
  }

  private func perform(_ outputs: [Association.Output]) {
    var needsFlush = false
    for output in outputs {
      switch output {
      // The channel is there when this is added to it.
      case .connect: break
      case .write(let bytes):
        context?.write(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        needsFlush = true
      // Whatever the peer must still see, it is the peer who closes after it, or ARTIM.
      case .close: context?.close(promise: nil)
      case .startTimer: startTimer()
      case .stopTimer: artim?.cancel()
      case .established: if let agreement { user?.associationEstablished(agreement) }
      case .command(let command, let contextID):
        note(command, asked: &owed, answered: &awaited)
        user?.associationReceived(command, contextID: contextID)
      case .data(let piece, let isLast): user?.associationReceived(piece, isLast: isLast)
      case .releaseRequested: user?.associationReleaseRequested()
      case .ended(let end): ended(end)
      }
    }
    if needsFlush { context?.flush() }
  }

  private func ended(_ end: Association.End) {
    hasEnded = true
    silence?.cancel()
    sending = .nothing
    waiting = []
    let user = user
    self.user = nil
    user?.associationEnded(end)
    readOn()
  }

  private func mayRead(_ channel: any Channel) -> Bool {
    // What comes after the end is read and thrown away: a connection that is closed with bytes unread is reset, and
    // the peer would not see why.
    if hasEnded { return true }
    if isPaused || !waiting.isEmpty { return false }
    // Who asks and reads no answers is asked no more. Who sends a data set reads on: the peer may abort it.
    if case .nothing = sending, !isRequester { return channel.isWritable }
    return true
  }

  private func readOn() {
    guard isReadHeldBack, let context, mayRead(context.channel) else { return }
    isReadHeldBack = false
    context.read()
  }

  /// Asks for pieces as long as the channel takes them; a user who answers at once isn't asked within its answer.
  private func askForData() {
    guard !isAsking else { return }
    isAsking = true
    defer { isAsking = false }
    while case .wanted(let contextID) = sending, let context, context.channel.isWritable {
      sending = .asked(contextID)
      user?.associationWantsData(byteCountMax: pieceRoom)
    }
  }

  // MARK: Time

  private func startTimer() {
    artim?.cancel()
    artim = context?.eventLoop.assumeIsolated().scheduleTask(in: times.artim) { [weak self] in
      guard let self else { return }
      perform(association.timerExpired())
    }
  }

  private func watchSilence() {
    guard let limit = times.silence, let context, !hasEnded else { return }
    silence = context.eventLoop.assumeIsolated().scheduleTask(deadline: heardAt + limit) { [weak self] in
      guard let self else { return }
      if !isPeersTurn { heardAt = now }
      if heardAt + limit <= now { perform(association.peerIsSilent()) } else { watchSilence() }
    }
  }

  private var isPeersTurn: Bool {
    if isPaused { return false }
    switch association.state {
    // The first word is ARTIM's.
    case .awaitingRequest: return false
    case .established:
      if case .asked = sending { return false }
      // In the middle of a message, or with an answer that is due; else who made the association has the word.
      return !association.isIdle || !awaited.isEmpty || !isRequester && owed.isEmpty
    case .awaitingLocalRelease: return false
    default: return true
    }
  }

  /// An answer that isn't followed by others settles what was asked.
  private func note(_ command: CommandSet, asked: inout Set<UInt16>, answered: inout Set<UInt16>) {
    if command.field?.isResponse == true {
      let status = command[number: .status].map { DIMSEStatus($0) }
      guard status?.statusClass != .pending, let id = command[number: .messageIDBeingRespondedTo] else { return }
      answered.remove(id)
    } else if command.field != .cancelRequest, let id = command[number: .messageID] {
      asked.insert(id)
    }
  }

  private var now: NIODeadline { context?.eventLoop.now ?? .now() }
}
