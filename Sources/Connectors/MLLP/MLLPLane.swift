import ConnectorKit
import HL7
import Messages
import NIOCore
import Synchronization

/// What goes to one partner: one connection, opened when something is to be sent, and what was sent on it in order.
///
/// Everything but `send` and `close` runs on the lane's event loop. A send that is called there (from within the answer
/// to the one before) is written at once.
final class MLLPLane: @unchecked Sendable {
  typealias Result = Swift.Result<Reply, DeliveryError>

  struct Sending: Sendable {
    let delivery: DeliveryID
    let payload: Payload
    let followsOthers: Bool
    let then: @Sendable (Result) -> Void

    init(_ delivery: Delivery, then: @escaping @Sendable (Result) -> Void) {
      self.delivery = delivery.id
      payload = delivery.payload
      followsOthers = delivery.followsOthers
      self.then = then
    }
  }

  /// Written, and its answer awaited.
  struct Outstanding {
    let delivery: DeliveryID
    let controlID: String?
    /// What follows the partner's CA; `nil` where that is all.
    let application: Application?
    /// `nil` where its application acknowledgement was there first.
    var then: (@Sendable (Result) -> Void)?
  }

  enum Connection {
    case none
    case opening
    case open(MLLPLink, any Channel)
    case closed
  }

  let loop: any EventLoop
  let route: any MLLPRoute
  private let timeout: TimeAmount
  private let keepOpen: TimeAmount?
  let reading: HL7ReadingOptions
  private let answerBytesMax: Int
  let answers: any AnswerGuard
  /// What is awaited behind CA; `nil` where that is the end.
  let rule: MLLPApplicationRule?

  private struct Handed {
    var sends = CircularBuffer<Sending>()
    /// Somebody will take them: a call on the loop is under way.
    var isExpected = false
  }
  private let handed = Mutex(Handed())

  private(set) var connection = Connection.none
  private var waiting = CircularBuffer<(message: [UInt8], outstanding: Outstanding)>()
  var outstanding = CircularBuffer<Outstanding>()
  /// How many of them, counted from the newest, have not left the process.
  private var unflushedCount = 0
  /// Accepted with CA, in order: what came of them is still to be told.
  var awaited: [Awaited] = []
  /// The lane ends: nothing is awaited any more.
  var isStopping = false
  private var isTaking = false
  /// What was under way has failed: what the lane had decided to send behind it fails as well.
  private var refusesFollowers = false
  /// The partner has closed a connection before. Looking for it costs a system call, which a send from within an answer
  /// is spared where the partner never did.
  private var isWary = false
  /// When this connection's last answer came.
  var lastAnswer: NIODeadline?
  /// Messages wait whether the partner ends the connection after its answer, as it did before: what is sent into that
  /// would have to be sent again.
  private var settling: Scheduled<Void>?
  /// When the oldest one's answer must be here; or, with none outstanding, when the connection was last used.
  private var answerDeadline = NIODeadline.uptimeNanoseconds(0)
  var lastUse = NIODeadline.uptimeNanoseconds(0)
  private var timer: (deadline: NIODeadline, call: Scheduled<Void>)?
  var committed = MLLPCommitted()

  init(
    _ route: any MLLPRoute, on loop: any EventLoop, timeout: TimeAmount, keepOpen: TimeAmount?,
    reading: HL7ReadingOptions,
    answerBytesMax: Int, answers: any AnswerGuard, rule: MLLPApplicationRule? = nil
  ) {
    self.route = route
    self.loop = loop
    self.timeout = timeout
    self.keepOpen = keepOpen
    self.reading = reading
    self.answerBytesMax = answerBytesMax
    self.answers = answers
    self.rule = rule
  }

  // MARK: Sending

  /// From any thread; messages go out in the order of the calls.
  func send(_ sending: Sending) {
    let isOnLoop = loop.inEventLoop
    let isFirst = handed.withLock { handed in
      handed.sends.append(sending)
      defer { handed.isExpected = true }
      return !handed.isExpected
    }
    if isOnLoop { takeHanded() } else if isFirst { loop.execute { self.takeHanded() } }
  }

  private func takeHanded() {
    guard !isTaking else { return }
    isTaking = true
    while let sending = nextHanded() { take(sending) }
    isTaking = false
    flushUnlessReading()
  }

  private func nextHanded() -> Sending? {
    handed.withLock {
      $0.isExpected = !$0.sends.isEmpty
      return $0.sends.popFirst()
    }
  }

  private func take(_ sending: Sending) {
    let then = sending.then
    if case .closed = connection { return then(.failure(Self.stopped(bytesSent: false))) }
    if refusesFollowers {
      guard !sending.followsOthers else {
        return then(.failure(DeliveryError(.unreachable, "the message before it failed", bytesSent: false)))
      }
      refusesFollowers = false
    }
    guard case .bytes(let message) = sending.payload.content else {
      return then(.failure(Self.unsendable("the payload is not in memory")))
    }
    guard let header = HL7Header(Self.opening(message), reading) else {
      return then(
        .failure(Self.unsendable("the message has no MSH that can be read, so its answer could not be recognised")))
    }
    guard MLLPFrame.canHold(message) else {
      return then(.failure(Self.unsendable("the message holds VT or FS, which end a frame")))
    }
    let application = rule == nil ? nil : Application(header.applicationCondition)
    if application != nil, header.controlID == nil {
      return then(
        .failure(Self.unsendable("the message has no MSH-10: its application acknowledgement could not name it")))
    }
    let outstanding = Outstanding(
      delivery: sending.delivery, controlID: header.controlID, application: application, then: then)
    switch connection {
    case .open(let link, _) where link.givesWay:
      waiting.append((message, outstanding))
      // Within an answer it is left behind that.
      if isIdle, !link.isReading { leave(link) }
    case .open(let link, _) where isIdle && (isWary || !link.isReading) && link.hasEnded:
      // The partner closed while nothing was under way, and the event loop has yet to hear of it: nothing is lost.
      connection = .none
      disarm()
      settleNoLonger()
      link.leave()
      waiting.append((message, outstanding))
      open()
    case .open where isSettling:
      waiting.append((message, outstanding))
    case .open(let link, _):
      write(message, outstanding, on: link)
    case .none:
      waiting.append((message, outstanding))
      open()
    case .opening, .closed:
      waiting.append((message, outstanding))
    }
  }

  /// Whether a message has to wait for the partner's end of the connection; begins to wait where it may be on its way.
  private var isSettling: Bool {
    if settling != nil { return true }
    guard isWary, isIdle, let lastAnswer else { return false }
    let end = lastAnswer + MLLPLimits.settle
    guard loop.now < end else { return false }
    settling = loop.scheduleTask(deadline: end) { self.settled() }
    return true
  }

  /// The partner kept the connection this time.
  private func settled() {
    settling = nil
    isWary = false
    guard case .open(let link, _) = connection else { return }
    while let (message, entry) = waiting.popFirst() { write(message, entry, on: link) }
    flushUnlessReading()
  }

  private func settleNoLonger() {
    settling?.cancel()
    settling = nil
  }

  /// The message as far as MSH goes, blank lines before it included: its control id is all that is asked for.
  private static func opening(_ message: [UInt8]) -> [UInt8] {
    let end = message.dropFirst(8).firstIndex { $0 == 0x0D || $0 == 0x0A }
    return Array(message[..<(end ?? message.endIndex)])
  }

  private func write(_ message: [UInt8], _ entry: Outstanding, on link: MLLPLink) {
    outstanding.append(entry)
    if outstanding.count == 1 {
      answerDeadline = loop.now + timeout
      arm()
    }
    unflushedCount += 1
    lookOut(for: entry)
    link.write(message)
  }

  private func flushUnlessReading() {
    guard unflushedCount > 0, !isTaking, case .open(let link, _) = connection, !link.isReading else { return }
    unflushedCount = 0
    link.flush()
  }

  // MARK: The connection

  private func open() {
    connection = .opening
    let link = MLLPLink(self, answerBytesMax: answerBytesMax)
    route.connect(link, on: loop).whenComplete { result in
      switch result {
      case .success(let channel): self.opened(link, channel)
      case .failure(let error): self.failed((error as? Unreachable)?.reason ?? "the connection broke")
      }
    }
  }

  private func opened(_ link: MLLPLink, _ channel: any Channel) {
    guard case .opening = connection else { return link.leave() }
    guard channel.isActive else { return failed("the partner closed the connection at once") }
    connection = .open(link, channel)
    lastAnswer = nil
    committed.removeAll()
    lastUse = loop.now
    while let (message, entry) = waiting.popFirst() { write(message, entry, on: link) }
    flushUnlessReading()
  }

  /// A newer connection of the partner waits: this one takes nothing more, and ends when what is under way on it has.
  func givesWay(_ link: MLLPLink) {
    guard case .open(let current, _) = connection, current === link, isIdle else { return }
    leave(link)
  }

  private func leave(_ link: MLLPLink) {
    connection = .none
    disarm()
    link.leave()
    goOnAnew()
  }

  private func failed(_ reason: String) {
    guard case .opening = connection else { return }
    connection = .none
    failAll(DeliveryError(.unreachable, reason, bytesSent: false))
  }

  /// The partner closed the connection, or it broke.
  ///
  /// - Parameter isRefused: because of our certificate. Before its first answer it has then read none of what was sent.
  func lost(_ link: MLLPLink, _ reason: String?, isRefused: Bool) {
    guard case .open(let current, _) = connection, current === link else { return }
    connection = .none
    isWary = true
    disarm()
    guard !isIdle else { return goOnAnew() }
    let what = outstanding.isEmpty ? "the application acknowledgement" : "an answer"
    failAll(
      DeliveryError(
        .unreachable, reason ?? "the partner closed the connection without \(what)",
        bytesSent: !isRefused || lastAnswer != nil))
  }

  /// What came is no answer to what was sent: from here on nothing on this connection can be trusted.
  func broke(_ reason: String) {
    guard case .open(let link, _) = connection else { return }
    connection = .none
    disarm()
    // Closed first: an answer that comes late finds nobody, and the next attempt is on another connection.
    link.leave()
    guard !isIdle else { return goOnAnew() }
    failAll(DeliveryError(.unreachable, reason, bytesSent: true))
  }

  /// The connection ended with nothing under way: nothing failed, and what waits goes out on another.
  private func goOnAnew() {
    settleNoLonger()
    if !waiting.isEmpty { open() }
  }

  /// Fails what was sent, what waits for the connection, and what was handed over behind it: none of it may overtake
  /// what failed before it, nor may what comes later and was decided before the lane could know.
  private func failAll(_ error: DeliveryError) {
    settleNoLonger()
    var entries = takeAwaitedHere().map { (then: $0.then, wasSent: true) }
    for (index, entry) in outstanding.enumerated() where isForgotten(entry) {
      if let then = entry.then { entries.append((then, index < outstanding.count - unflushedCount)) }
    }
    entries += waiting.compactMap { $0.outstanding.then.map { ($0, false) } }
    let behind = handed.withLock { handed in
      defer { handed.sends.removeAll() }
      return handed.sends.map(\.then)
    }
    if !entries.isEmpty || !behind.isEmpty { refusesFollowers = true }
    outstanding.removeAll()
    waiting.removeAll()
    unflushedCount = 0
    for (then, wasSent) in entries + behind.map({ ($0, false) }) {
      var error = error
      error.bytesSent = error.bytesSent && wasSent
      then(.failure(error))
    }
  }

  // MARK: Answers

  func received(_ bytes: [UInt8]) {
    let answer: HL7Answer
    switch read(bytes) {
    case .success(let found): answer = found
    case .failure(let trouble): return broke("\(trouble)")
    }
    if !answer.code.isCommit, hasEnded(answer, Payload(.hl7v2, bytes)) { return closeIfDone() }
    guard let head = outstanding.first, outstanding.count > unflushedCount, answer.controlID == head.controlID else {
      if committed.take(answer.controlID) { return }
      return broke(
        outstanding.isEmpty ? "an answer came that nothing had asked for" : "the answer names another message (MSA-2)")
    }
    outstanding.removeFirst()
    lastUse = loop.now
    lastAnswer = lastUse
    answerDeadline = lastUse + timeout
    answered(head, answer, Payload(.hl7v2, bytes))
    closeIfDone()
  }

  private func read(_ bytes: [UInt8]) -> Swift.Result<HL7Answer, any Error> {
    guard let delivery = outstanding.first?.delivery ?? awaited.first?.delivery else {
      return Swift.Result { try HL7Answer(bytes, reading) }
    }
    return answers.reading(answerTo: delivery) { Swift.Result { try HL7Answer(bytes, reading) } }
  }

  func readCompleted() { flushUnlessReading() }

  private static func unsendable(_ reason: String) -> DeliveryError {
    DeliveryError(.permanent, reason, bytesSent: false)
  }
  static func stopped(bytesSent: Bool) -> DeliveryError {
    DeliveryError(.cancelled, "the destination was closed", bytesSent: bytesSent)
  }

  // MARK: Time

  /// One scheduled call for a connection; deadlines that move away leave it as it is.
  private func arm() {
    guard let deadline else { return }
    if let timer, timer.deadline <= deadline { return }
    disarm()
    timer = (deadline, loop.scheduleTask(deadline: deadline) { self.look() })
  }

  private func disarm() {
    timer?.call.cancel()
    timer = nil
  }

  private var deadline: NIODeadline? {
    if !outstanding.isEmpty { return answerDeadline }
    return isIdle ? keepOpen.map { lastUse + $0 } : nil
  }

  private func look() {
    timer = nil
    // Nothing is outstanding while it settles.
    guard case .open(let link, _) = connection, waiting.isEmpty || !outstanding.isEmpty, let deadline else { return }
    guard deadline <= loop.now else { return arm() }
    if !outstanding.isEmpty {
      broke("the partner did not answer within \(timeout.nanoseconds / 1_000_000) ms")
    } else {
      connection = .none
      link.leave()
    }
  }

  func closeIfDone() {
    if case .open(let link, _) = connection, link.givesWay, isIdle { return leave(link) }
    guard let keepOpen, isIdle, case .open(let link, _) = connection else { return }
    if keepOpen > .zero { return arm() }
    guard handed.withLock({ $0.sends.isEmpty }) else { return }
    connection = .none
    disarm()
    link.leave()
  }

  // MARK: The end

  /// From any thread. What is under way ends as cancelled.
  func close() async {
    let closed = loop.flatSubmit { () -> EventLoopFuture<Void> in
      self.awaitNoLonger()
      guard case .open(let link, let channel) = self.connection else {
        self.connection = .closed
        self.failAll(Self.stopped(bytesSent: false))
        return self.loop.makeSucceededVoidFuture()
      }
      self.connection = .closed
      self.disarm()
      link.leave()
      self.failAll(Self.stopped(bytesSent: true))
      return channel.closeFuture
    }
    try? await closed.get()
  }
}
