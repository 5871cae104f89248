import ConnectorKit
import DICOM
import DICOMTransport
import Dispatch
import Messages
import NIOCore

/// Sends objects one after the other over one association, which is made when it is needed and kept for the next.
///
/// Lives on one event loop: hence `@unchecked`. Contents are read on a thread that may wait.
final class DICOMLane: @unchecked Sendable {
  typealias Then = @Sendable (Result<Reply, DeliveryError>) -> Void

  /// Pieces that are read before the partner takes them.
  private static let aheadMax = 2
  /// Kinds of objects that are proposed beside those at hand, because they went before.
  private static let kindsMax = 100

  struct Sending {
    let delivery: Delivery
    let then: Then
    var object: DICOMOutgoing?
    /// Of the C-STORE-RQ, once it has gone.
    var messageID: UInt16?
    /// Read and not sent.
    var ahead: [(piece: ByteBuffer, isLast: Bool)] = []
    var isReading = false
    var isReadToEnd = false
    /// What the partner has asked for.
    var wanted: Int?
    var isSentWhole = false
  }

  let loop: any EventLoop
  let partner: DICOMCall.Partner
  /// `nil` where an object is delivered once it is stored.
  let rule: DICOMCommitmentRule?
  private let keepOpen: TimeAmount
  private let worker = DispatchQueue(label: "hilum.dicom")
  private(set) var waiting: [Sending] = []
  private var current: Sending?
  /// Tells the work of one sending from that of the next.
  private var number = 0
  private var call: DICOMCall?
  /// Oldest first.
  private var kinds: [DICOMOutgoing.Kind] = []
  private var lastMessageID: UInt16 = 0
  private var idle: Scheduled<Void>?
  /// One could not be reached: those that follow it must not overtake it.
  private var isBroken = false
  private var isClosed = false
  var isStopping = false
  /// Stored, and no commitment was asked for yet.
  var stored: [DICOMStored] = []
  /// What is being asked for: one operation at a time is under way on an association.
  var asking: DICOMTransaction?
  var transactions: [DICOMTransaction] = []
  /// Associations that nothing more is sent on, and on which a report is to come.
  private var listening: [DICOMCall] = []

  init(_ partner: DICOMCall.Partner, rule: DICOMCommitmentRule?, keepOpen: TimeAmount, on loop: any EventLoop) {
    self.partner = partner
    self.rule = rule
    self.keepOpen = keepOpen
    self.loop = loop
  }

  // MARK: What is to be sent

  func send(_ delivery: Delivery, then: @escaping Then) {
    loop.execute { [self] in
      if isClosed { return then(.failure(DeliveryError(.cancelled, "the destination is closed", bytesSent: false))) }
      if !delivery.followsOthers { isBroken = false }
      if isBroken { return then(.failure(Self.notTried)) }
      waiting.append(Sending(delivery: delivery, then: then))
      next()
    }
  }

  private static let notTried = DeliveryError(
    .unreachable, "the object before it could not be sent", bytesSent: false)

  func next() {
    guard current == nil, asking == nil else { return }
    idle?.cancel()
    if isAskingDue { return ask() }
    if waiting.isEmpty { return rest() }
    let sending = waiting.removeFirst()
    current = sending
    number += 1
    work({ try DICOMOutgoing(sending.delivery) }, then: { $0.opened($1) })
  }

  /// Does what may wait for the disk; what it gives is of no use when the sending is over.
  private func work<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value, then: @escaping @Sendable (DICOMLane, Value) -> Void
  ) {
    worker.async { [self, number] in
      let result = Result { try body() }
      loop.execute { [self] in
        guard number == self.number, current != nil else { return }
        switch result {
        case .success(let value): then(self, value)
        case .failure(let error): unreadable(error)
        }
      }
    }
  }

  private func unreadable(_ error: any Error) {
    let isUnderWay = current?.messageID != nil
    // A part of an object must never be taken for the whole.
    if isUnderWay { dropCall() }
    let reason =
      switch error {
      case let error as ContentError: error.description
      default: "this is not a DICOM object that can be sent: \(error)"
      }
    fail(DeliveryError(.permanent, reason, bytesSent: isUnderWay))
  }

  private func opened(_ object: DICOMOutgoing) {
    current?.object = object
    kinds.removeAll { $0 == object.kind }
    kinds.append(object.kind)
    if kinds.count > Self.kindsMax { kinds.removeFirst() }
    proceed()
  }

  /// Sends what is at hand, over an association that has a context for it.
  func proceed() {
    guard asking != nil || current?.object != nil else { return }
    guard let call else {
      let call = DICOMCall(partner, for: kinds, lane: self)
      self.call = call
      return call.connect(on: loop)
    }
    guard call.agreement != nil else { return }
    if let asking { return ask(asking, on: call) }
    guard let object = current?.object else { return }
    if rule != nil, call.commitmentContext == nil { return fail(Self.notCommitting(partner, bytesSent: false)) }
    if let contextID = call.context(for: object.kind) { return store(object, contextID, call) }
    if call.proposed.contains(object.kind) {
      return fail(
        DeliveryError(
          .permanent, "\(partner.dial.target) takes no \(object.kind.inWords)", code: "0122", bytesSent: false))
    }
    leave(call)
    proceed()
  }

  private func store(_ object: DICOMOutgoing, _ contextID: UInt8, _ call: DICOMCall) {
    let messageID = nextMessageID()
    current?.messageID = messageID
    readAhead()
    call.handler?.send(
      .store(messageID: messageID, sopClass: object.kind.sopClass, sopInstance: object.sopInstance),
      contextID: contextID)
  }

  func nextMessageID() -> UInt16 {
    lastMessageID = lastMessageID == .max ? 1 : lastMessageID + 1
    return lastMessageID
  }

  // MARK: The data set

  func wantsData(_ byteCountMax: Int) {
    current?.wanted = byteCountMax
    give()
  }

  private func give() {
    guard current?.wanted != nil, let piece = current?.ahead.first else { return readAhead() }
    current?.ahead.removeFirst()
    current?.wanted = nil
    if piece.isLast { current?.isSentWhole = true }
    readAhead()
    call?.handler?.send(piece: piece.piece, isLast: piece.isLast)
  }

  private func readAhead() {
    guard let sending = current, let object = sending.object, let handler = call?.handler, !sending.isReading,
      !sending.isReadToEnd, sending.ahead.count < Self.aheadMax
    else { return }
    current?.isReading = true
    let room = handler.pieceRoom
    work({ try object.next(room) }, then: { $0.read($1) })
  }

  private func read(_ piece: (piece: ByteBuffer, isLast: Bool)) {
    current?.isReading = false
    current?.isReadToEnd = piece.isLast
    current?.ahead.append(piece)
    give()
  }

  // MARK: What the partner says

  func established(_ call: DICOMCall) {
    if call === self.call { proceed() }
  }

  func received(_ response: CommandSet) {
    if asked(response) { return }
    guard let sending = current, let messageID = sending.messageID, response.field == .storeResponse,
      response[number: .messageIDBeingRespondedTo] == messageID, let code = response[number: .status]
    else {
      // Nothing is under way that this could answer.
      dropCall()
      return breakDown(
        DeliveryError(.unreachable, "\(partner.dial.target) gave an answer that fits nothing", bytesSent: true))
    }
    // An association on which the rest of the object is still to come can't go on with the next.
    if !sending.isSentWhole { dropCall() }
    let status = DIMSEStatus(code)
    switch status.statusClass {
    case .success, .warning: taken(sending, status)
    default:
      let kind: DeliveryError.Kind = status.isTransient ? .retryable : .permanent
      end(
        .failure(
          DeliveryError(
            kind, "\(partner.dial.target) answered \(status)", code: status.hexadecimal,
            partnerText: response[text: .errorComment], bytesSent: true)))
    }
  }

  /// The partner has the object.
  private func taken(_ sending: Sending, _ status: DIMSEStatus) {
    guard rule != nil, let object = sending.object else { return end(.success(Reply("\(status)"))) }
    if isStopping { return end(.failure(Self.stopped(bytesSent: true))) }
    current = nil
    stored.append(
      DICOMStored(delivery: sending.delivery.id, reference: object.reference, status: status, then: sending.then))
    next()
  }

  /// - Parameter isReleased: in order, by the partner.
  func ended(_ call: DICOMCall, _ reason: String, isReleased: Bool = false) {
    if isReleased { isLeft(by: call) }
    let hasAwaited = isAwaited(on: call)
    listening.removeAll { $0 === call }
    let isOurs = call === self.call
    if isOurs { self.call = nil }
    let isAsking = asking.map { isOurs && ($0.call == nil || $0.call === call) } ?? false
    guard hasAwaited || isAsking || isOurs && current?.object != nil else { return }
    breakDown(DeliveryError(.unreachable, reason, bytesSent: current?.messageID != nil))
  }

  // MARK: The end of a sending

  private func fail(_ error: DeliveryError) {
    if error.kind == .unreachable { breakDown(error) } else { end(.failure(error)) }
  }

  /// The way to the partner broke: what was under way on it goes again, and nothing overtakes it.
  private func breakDown(_ error: DeliveryError) {
    isBroken = true
    let isUnderWay = current?.messageID != nil || asking?.messageID != nil
    let (sending, behind, uncommitted) = (current, waiting, takeUncommitted())
    (current, waiting, asking) = (nil, [], nil)
    number += 1
    if isUnderWay { dropCall() }
    var lost = error
    lost.bytesSent = true
    for object in uncommitted { object.then(.failure(lost)) }
    sending?.then(.failure(error))
    for sending in behind { sending.then(.failure(Self.notTried)) }
    leaveIfDone()
    next()
  }

  private func end(_ result: Result<Reply, DeliveryError>) {
    guard let sending = current else { return }
    current = nil
    sending.then(result)
    next()
  }

  private func dropCall() {
    guard let call else { return }
    call.abort()
    self.call = nil
    // What was to be reported on it is asked for anew, when the object has gone again.
    guard isAwaited(on: call) else { return }
    isBroken = true
    let behind = waiting
    waiting = []
    for object in takeUncommitted() {
      object.then(.failure(DeliveryError(.unreachable, "the association was given up", bytesSent: true)))
    }
    // Nor may they overtake it.
    for sending in behind { sending.then(.failure(Self.notTried)) }
  }

  /// Nothing more is sent on it.
  private func leave(_ call: DICOMCall) {
    if isAwaited(on: call) { listening.append(call) } else { call.leave() }
    if call === self.call { self.call = nil }
  }

  /// Something was reported: nothing else may be to come.
  func leaveIfDone() {
    for call in listening where !isAwaited(on: call) { call.leave() }
    listening.removeAll { !isAwaited(on: $0) }
    if current == nil, asking == nil, waiting.isEmpty, stored.isEmpty { rest() }
  }

  /// Nothing is to be sent.
  private func rest() {
    idle?.cancel()
    guard let call, !isAwaited(on: call) else { return }
    idle = loop.assumeIsolated().scheduleTask(in: keepOpen) { [weak self] in
      guard let self, current == nil, asking == nil, call === self.call, !isAwaited(on: call) else { return }
      leave(call)
    }
  }

  func close() async {
    try? await loop.submit { [self] in
      isClosed = true
      idle?.cancel()
      let open = ([current].compactMap(\.self)) + waiting
      let uncommitted = takeUncommitted()
      (current, waiting, asking) = (nil, [], nil)
      number += 1
      if open.isEmpty, uncommitted.isEmpty { call?.leave() } else { call?.abort() }
      for call in listening { call.abort() }
      (call, listening) = (nil, [])
      for sending in open { sending.then(.failure(Self.stopped(bytesSent: sending.messageID != nil))) }
      for object in uncommitted { object.then(.failure(Self.stopped(bytesSent: true))) }
    }.get()
  }
}
