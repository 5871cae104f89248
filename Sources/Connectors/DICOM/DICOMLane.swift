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

  private struct Sending {
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
  private let partner: DICOMCall.Partner
  private let keepOpen: TimeAmount
  private let worker = DispatchQueue(label: "hilum.dicom")
  private var waiting: [Sending] = []
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

  init(_ partner: DICOMCall.Partner, keepOpen: TimeAmount, on loop: any EventLoop) {
    self.partner = partner
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

  private func next() {
    guard current == nil else { return }
    idle?.cancel()
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
  private func proceed() {
    guard let object = current?.object else { return }
    guard let call else {
      let call = DICOMCall(partner, for: kinds, lane: self)
      self.call = call
      return call.connect(on: loop)
    }
    guard call.agreement != nil else { return }
    if let contextID = call.context(for: object.kind) { return store(object, contextID, call) }
    if call.proposed.contains(object.kind) {
      return fail(
        DeliveryError(
          .permanent, "\(partner.dial.target) takes no \(object.kind.inWords)", code: "0122", bytesSent: false))
    }
    call.leave()
    self.call = nil
    proceed()
  }

  private func store(_ object: DICOMOutgoing, _ contextID: UInt8, _ call: DICOMCall) {
    lastMessageID = lastMessageID == .max ? 1 : lastMessageID + 1
    current?.messageID = lastMessageID
    readAhead()
    call.handler?.send(
      .store(messageID: lastMessageID, sopClass: object.kind.sopClass, sopInstance: object.sopInstance),
      contextID: contextID)
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
    guard let sending = current, let messageID = sending.messageID, response.field == .storeResponse,
      response[number: .messageIDBeingRespondedTo] == messageID, let code = response[number: .status]
    else {
      // Nothing is under way that this could answer.
      dropCall()
      return fail(
        DeliveryError(.unreachable, "\(partner.dial.target) gave an answer that fits nothing", bytesSent: true))
    }
    // An association on which the rest of the object is still to come can't go on with the next.
    if !sending.isSentWhole { dropCall() }
    let status = DIMSEStatus(code)
    switch status.statusClass {
    case .success, .warning: end(.success(Reply("\(status)")))
    default:
      let kind: DeliveryError.Kind = status.isTransient ? .retryable : .permanent
      end(
        .failure(
          DeliveryError(
            kind, "\(partner.dial.target) answered \(status)", code: status.hexadecimal,
            partnerText: response[text: .errorComment], bytesSent: true)))
    }
  }

  func ended(_ call: DICOMCall, _ reason: String) {
    guard call === self.call else { return }
    self.call = nil
    if current?.object == nil { return }
    fail(DeliveryError(.unreachable, reason, bytesSent: current?.messageID != nil))
  }

  // MARK: The end of a sending

  private func fail(_ error: DeliveryError) {
    if error.kind == .unreachable {
      isBroken = true
      let behind = waiting
      waiting = []
      end(.failure(error))
      for sending in behind { sending.then(.failure(Self.notTried)) }
    } else {
      end(.failure(error))
    }
  }

  private func end(_ result: Result<Reply, DeliveryError>) {
    guard let sending = current else { return }
    current = nil
    sending.then(result)
    next()
  }

  private func dropCall() {
    call?.abort()
    call = nil
  }

  /// Nothing is to be sent.
  private func rest() {
    guard let call else { return }
    idle = loop.assumeIsolated().scheduleTask(in: keepOpen) { [weak self] in
      guard let self, current == nil, call === self.call else { return }
      call.leave()
      self.call = nil
    }
  }

  func close() async {
    try? await loop.submit { [self] in
      isClosed = true
      idle?.cancel()
      let open = ([current].compactMap(\.self)) + waiting
      (current, waiting) = (nil, [])
      number += 1
      if open.isEmpty { call?.leave() } else { call?.abort() }
      call = nil
      for sending in open {
        sending.then(
          .failure(DeliveryError(.cancelled, "the destination was closed", bytesSent: sending.messageID != nil)))
      }
    }.get()
  }
}
