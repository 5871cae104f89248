internal import DICOM
internal import DICOMTransport
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// One place in a sender's run, which has one association at a time. Confined to the run's loop.
final class DICOMSenderConnection: AssociationUser, @unchecked Sendable {
  /// A partner that closes at once is not asked in a tight circle.
  private static let reopenPause = TimeAmount.milliseconds(5)
  /// What a sender takes itself: commands alone.
  private static let maximumLength: UInt32 = 1 << 14

  /// An object on its way.
  private struct Flight {
    var number: Int
    var messageID: UInt16
    var countsFrom: UInt64
    var file: OpenSendFile?
    var rest: Range<Int> = 0..<0
  }

  private let index: Int
  private let run: DICOMSenderRun
  private var handler: AssociationHandler?
  private var offered: [DICOMOffer] = []
  private var flight: Flight?
  private var lastMessageID: UInt16 = 0
  /// Something was answered on this association: it may be worth another one.
  private var hasAnswered = false
  private var wantsAnother = false
  private var isReleasing = false
  private var isAbandoned = false
  /// A file let it down, and the peer was told by an abort.
  private var unread: String?
  /// Whether it has ended for good.
  private(set) var isGone = false

  init(index: Int, run: DICOMSenderRun) {
    self.index = index
    self.run = run
  }

  // MARK: The association

  func open() {
    guard !isAbandoned else { return }
    guard run.hasMore else { return end(.notConnected) }
    offered = run.offers()
    (hasAnswered, wantsAnother, isReleasing) = (false, false, false)
    let plan = run.plan
    var times = AssociationHandler.Times()
    times.silence = .nanoseconds(Int64(clamping: plan.timeout.nanosecondsWhole))
    let handler = AssociationHandler(.requester(request()), times: times, user: self)
    self.handler = handler
    let here = NIOLoopBound(handler, eventLoop: run.loop)
    let tls = run.tls
    ClientBootstrap(group: run.loop)
      .connectTimeout(.seconds(10))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(SenderTLS.handler(tls, host: plan.endpoint.host))
          }
          try channel.pipeline.syncOperations.addHandler(here.value)
        }
      }
      .connect(host: plan.endpoint.host, port: plan.endpoint.port)
      .hop(to: run.loop)
      // What became of a connection that was made, the association says.
      .whenFailure { _ in if !self.isGone { self.end(.notConnected) } }
  }

  private func request() -> AssociateRequest {
    let contexts = offered.enumerated().map { number, offer in
      PresentationContext(
        id: UInt8(number * 2 + 1), abstractSyntax: offer.abstractSyntax,
        transferSyntaxes: [offer.transferSyntax ?? DICOMTransferSyntax.implicitLittle.uid])
    }
    let own = Implementation.hilum
    return AssociateRequest(
      calledAETitle: run.plan.endpoint.title ?? DICOMSendPlan.anybody, callingAETitle: run.plan.calling,
      contexts: contexts,
      user: UserInformation(
        maximumLength: Self.maximumLength, implementationClassUID: own.classUID,
        implementationVersionName: own.versionName))
  }

  func abandon() {
    isAbandoned = true
    handler?.abort()
  }

  /// Sends the next, where nothing is on its way.
  func goOn() {
    guard flight == nil, !isReleasing, let handler, let agreement = handler.agreement else { return }
    // A file that can't be read ends the association at once.
    while flight == nil, self.handler === handler {
      switch run.turn(Set(offered)) {
      case .wait: return
      case .another, .done:
        wantsAnother = run.hasMore
        isReleasing = true
        return handler.release()
      case .send(let number, let sending, let countsFrom):
        begin(number, sending, countsFrom, agreement, handler)
      }
    }
  }

  private func begin(
    _ number: Int, _ sending: DICOMSending, _ countsFrom: UInt64, _ agreement: Agreement, _ handler: AssociationHandler
  ) {
    let offer = sending.offer
    let syntax = offer.transferSyntax ?? DICOMTransferSyntax.implicitLittle.uid
    guard let contextID = agreement.context(for: offer.abstractSyntax, syntax) else {
      return run.failed(number, .notAgreed, on: index)
    }
    lastMessageID &+= 1
    var flight = Flight(number: number, messageID: lastMessageID, countsFrom: countsFrom)
    switch sending {
    case .echo:
      self.flight = flight
      handler.send(.echo(messageID: flight.messageID), contextID: contextID)
    case .file(let file):
      do {
        flight.file = try OpenSendFile(file.path)
      } catch {
        return run.failed(number, .notRead, "\(error)", on: index)
      }
      flight.rest = file.range
      self.flight = flight
      handler.send(
        .store(messageID: flight.messageID, sopClass: file.sopClass, sopInstance: file.sopInstance),
        contextID: contextID)
    }
  }

  // MARK: What the association says

  func associationEstablished(_ agreement: Agreement) {
    run.made()
    goOn()
  }

  func associationWantsData(byteCountMax: Int) {
    guard let flight, let file = flight.file, let handler else { return }
    let count = min(byteCountMax, flight.rest.count)
    do {
      // A test sender may wait for its disk.
      let piece = try file.piece(at: flight.rest.lowerBound, byteCount: count)
      guard piece.readableBytes == count else { throw PartnerError.file("the file became shorter") }
      self.flight?.rest.removeFirst(count)
      handler.send(piece: piece, isLast: count == flight.rest.count)
    } catch {
      unread = "\(error)"
      handler.abort()
    }
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    guard let flight, command[number: .messageIDBeingRespondedTo] == flight.messageID else {
      // An answer to nothing, or a question that a sender has no answer to.
      if let refusal = command.response(.unrecognizedOperation) { handler?.send(refusal, contextID: contextID) }
      return
    }
    self.flight = nil
    hasAnswered = true
    run.answered(flight.number, command, since: flight.countsFrom, on: index)
    // An answer within a data set that goes on: nothing more can be sent on this association.
    if !flight.rest.isEmpty { handler?.abort() } else { goOn() }
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {}

  func associationReleaseRequested() {
    isReleasing = true
    handler?.answerRelease()
  }

  func associationEnded(_ end: Association.End) {
    let broken = handler?.failure.map { "\($0)" }
    handler = nil
    guard !isAbandoned else { return }
    let (failure, reason): (DICOMSendOutcome.Failure, String?) =
      switch end {
      case .rejected(let reject): (.refused, "\(reject)")
      case .aborted(let abort): (.aborted, abort.source == .serviceUser ? nil : "reason \(abort.reason.rawValue)")
      case .violated(let why): (.violated, why)
      case .timedOut: (.noAnswerInTime, nil)
      case .abortedHere where unread != nil: (.notRead, unread)
      case .released, .disconnected, .refused, .abortedHere: (.connectionLost, broken)
      }
    unread = nil
    if let flight { run.failed(flight.number, failure, reason, on: index) }
    let hadFlight = flight != nil
    flight = nil
    guard run.hasMore, wantsAnother || hasAnswered || hadFlight else {
      return self.end(hadFlight || failure == .connectionLost ? .notConnected : failure, reason)
    }
    run.loop.scheduleTask(in: Self.reopenPause) { self.open() }
  }

  private func end(_ failure: DICOMSendOutcome.Failure, _ reason: String? = nil) {
    isGone = true
    run.gone(failure, reason)
  }
}
