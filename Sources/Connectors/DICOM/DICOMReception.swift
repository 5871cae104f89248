import ConnectorKit
import DICOM
import DICOMTransport
import Dispatch
import Logging
import Messages
import NIOCore
import NIOSSL

/// One association of a source: takes objects, and answers each when it is on disk.
///
/// Lives on the connection's event loop: hence `@unchecked`.
final class DICOMReception: AssociationUser, SourceVisit, @unchecked Sendable {
  /// What all associations of a source have in common.
  struct Shared: Sendable {
    let inbox: any Inbox
    let logger: Logger
    let services: DICOMServices
    let reporter: DICOMReporter
    let calledAETitle: String?
    let callers: [DICOMCaller]
    let messageBytesMax: Int
    let times: AssociationHandler.Times
  }

  /// Objects that wait for their receipts: a sender that doesn't wait for answers is made to.
  private static let unansweredMax = 8
  /// The longest P-DATA-TF that is taken.
  private static let pduBytesMax: UInt32 = 1 << 17

  let peer: Peer
  let shared: Shared
  private let address: SocketAddress
  let loop: any EventLoop
  let worker = DispatchQueue(label: "hilum.dicom")
  private let whenEnded: (DICOMReception) -> Void
  private(set) var handler: AssociationHandler?
  private var origin: any Origin
  private(set) var agreement: Agreement?
  /// Who calls, by its AE title.
  private var caller: Peer?
  private var current: Storing?
  var unansweredCount = 0
  /// Of reports to the caller.
  var lastMessageID: UInt16 = 0
  private var isStopping = false
  private var hasEnded = false

  /// The object that comes.
  private struct Storing {
    let request: CommandSet
    let contextID: UInt8
    /// `nil` where it is refused already and only read to its end.
    var intake: DICOMIntake?
    var refusal: (status: DIMSEStatus, comment: String)?
    /// Where it is no object but a list of storage commitment, which is small.
    var list: [UInt8]?
  }

  /// - Parameter isFull: there are as many associations as may be.
  static func begin(
    _ shared: Shared, _ channel: any Channel, _ address: SocketAddress, peer: Peer, isFull: Bool,
    whenEnded: @escaping (DICOMReception) -> Void
  ) -> (DICOMReception, AssociationHandler) {
    let reception = DICOMReception(shared, channel, address, peer: peer, whenEnded: whenEnded)
    let handler = AssociationHandler(
      .accepter(reception.policy(channel, isFull: isFull)), times: shared.times, user: reception)
    reception.handler = handler
    return (reception, handler)
  }

  private init(
    _ shared: Shared, _ channel: any Channel, _ address: SocketAddress, peer: Peer,
    whenEnded: @escaping (DICOMReception) -> Void
  ) {
    self.shared = shared
    self.peer = peer
    self.address = address
    self.whenEnded = whenEnded
    loop = channel.eventLoop
    origin = shared.inbox.origin(address.hostAndPort)
  }

  private func policy(_ channel: any Channel, isFull: Bool) -> AssociationPolicy {
    var policy = AssociationPolicy(
      calledAETitle: shared.calledAETitle, callingAETitles: nil, maximumLength: Self.pduBytesMax,
      implementation: .hilum,
      serves: { [shared] in shared.services.serves($0) || $0 == DICOMUID.storageCommitment && shared.inbox.awaitsAnswers
      },
      takes: { [services = shared.services] in services.takes($0, for: $1) },
      mayServe: { $0 == DICOMUID.storageCommitment })
    policy.refusal = isFull ? AssociateReject(.transient, .localLimitExceeded) : nil
    policy.mayCall = { [weak channel, shared, address] request in
      shared.callers.isEmpty || shared.callers.contains { $0.isCalling(request, address, channel) }
    }
    return policy
  }

  // MARK: What the peer says

  func associationEstablished(_ agreement: Agreement) {
    self.agreement = agreement
    caller = peer
    shared.logger.debug("an association is open", metadata: ["peer": "\(peer.address)"])
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    switch command.field {
    case .echoRequest where !command.hasDataSet: answer(command, contextID, .success)
    case .storeRequest: begin(command, contextID)
    case .eventReportRequest, .actionRequest:
      if isCommitment(command, contextID) {
        current = Storing(request: command, contextID: contextID, list: [])
      } else {
        refuse(command, contextID)
      }
    // Whatever a caller says to a report, it has it.
    case .eventReportResponse where lastMessageID > 0 && !command.hasDataSet: break
    case .cancelRequest: break
    case let field? where !field.isResponse: refuse(command, contextID)
    default:
      // Nothing was asked that this could answer.
      handler?.abort()
    }
  }

  private func refuse(_ command: CommandSet, _ contextID: UInt8) {
    if command.hasDataSet {
      current = Storing(
        request: command, contextID: contextID, refusal: (.unrecognizedOperation, "it is not offered"))
    } else {
      answer(command, contextID, .unrecognizedOperation)
    }
  }

  private func begin(_ command: CommandSet, _ contextID: UInt8) {
    let context = agreement?.contexts[contextID]
    var storing = Storing(request: command, contextID: contextID)
    let sopClass = command[text: .affectedSOPClassUID] ?? ""
    let sopInstance = command[text: .affectedSOPInstanceUID] ?? ""
    if !command.hasDataSet {
      return answer(command, contextID, .cannotUnderstand, "a C-STORE-RQ without a data set")
    }
    if context?.abstractSyntax != sopClass || sopClass == DICOMUID.verification {
      storing.refusal = (.sopClassNotSupported, "the SOP class is not that of its context")
    } else if !Self.isUID(sopInstance) {
      storing.refusal = (.invalidSOPInstance, "the SOP instance UID is none")
    } else if let context {
      do {
        let head = try DICOMFile.head(
          sopClass: sopClass, sopInstance: sopInstance, syntax: DICOMTransferSyntax(uid: context.transferSyntax),
          source: agreement?.callingAETitle)
        let place = DICOMIntake.Place(
          inbox: shared.inbox, worker: worker, loop: loop, bytesMax: shared.messageBytesMax)
        storing.intake = DICOMIntake(place, head: head)
      } catch {
        storing.refusal = (.cannotUnderstand, "its UIDs can't be kept")
      }
    }
    current = storing
  }

  /// Senders exist whose UIDs have leading zeros; what is no number and no point is refused.
  private static func isUID(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {
    guard current != nil else { return }
    current?.intake?.append(piece)
    current?.list?.append(contentsOf: piece)
    if let count = current?.list?.count, count > DICOMReports.listBytesMax {
      handler?.abort()
      return
    }
    if isLast, let storing = current {
      current = nil
      if let list = storing.list { take(list, storing.request, storing.contextID) } else { end(storing) }
    }
    holdBack()
  }

  private func end(_ storing: Storing) {
    let (request, contextID) = (storing.request, storing.contextID)
    guard let intake = storing.intake else {
      let refusal = storing.refusal
      return answer(request, contextID, refusal?.status ?? .cannotUnderstand, refusal?.comment)
    }
    unansweredCount += 1
    caller?.received()
    let (origin, attributes) = (origin, attributes)
    // On the worker, so that objects are offered in the order in which they came.
    intake.finish { [self] outcome in
      guard case .whole(let payload) = outcome else {
        return loop.execute { self.notTaken(outcome, request, contextID) }
      }
      origin.offer(Arrival(payload, attributes: attributes)) { [self] receipt in
        loop.execute { self.answer(receipt, of: origin, request, contextID) }
      }
    }
  }

  private func notTaken(_ outcome: DICOMIntake.Outcome, _ request: CommandSet, _ contextID: UInt8) {
    switch outcome {
    case .whole: break
    case .tooLarge:
      settle(request, contextID, .cannotUnderstand, "it has more than \(shared.messageBytesMax) bytes")
    case .notKept(let error):
      shared.logger.warning("an object could not be kept", metadata: ["peer": "\(peer.address)", "reason": "\(error)"])
      settle(request, contextID, .outOfResources, "try again later")
    }
  }

  /// What is known beside the object.
  private var attributes: [String: Value] {
    var dicom: [String: Value] = [
      "calling": .text(agreement?.callingAETitle ?? ""), "called": .text(agreement?.calledAETitle ?? ""),
    ]
    if let version = agreement?.peer.implementationVersionName { dicom["implementation"] = .text(version) }
    return ["peer": .text(address.hostText), "dicom": .record(dicom)]
  }

  // MARK: Answers

  private func answer(_ receipt: Receipt, of asked: any Origin, _ request: CommandSet, _ contextID: UInt8) {
    switch receipt {
    case .accepted, .failed, .duplicate: settle(request, contextID, .success)
    case .rejected(let rejection):
      let code = UInt16(exactly: rejection.number).map { DIMSEStatus($0) }
      // What isn't a status of DICOM says only that it is not taken.
      let status = code.flatMap { $0.code >= 0x0100 && $0.statusClass == .failure ? $0 : nil } ?? .cannotUnderstand
      settle(request, contextID, status, rejection.text)
    case .unavailable:
      // What this sender sends next is not behind it: each object is answered for itself.
      if asked === origin {
        origin.close()
        origin = shared.inbox.origin(address.hostAndPort)
      }
      settle(request, contextID, .outOfResources, "try again later")
    }
  }

  func settle(_ request: CommandSet, _ contextID: UInt8, _ status: DIMSEStatus, _ comment: String? = nil) {
    answer(request, contextID, status, comment)
    isSettled()
  }

  /// Nothing more is to be said to what came.
  func isSettled() {
    unansweredCount -= 1
    holdBack()
    if isStopping { stop() }
  }

  func answer(
    _ request: CommandSet, _ contextID: UInt8, _ status: DIMSEStatus, _ comment: String? = nil
  ) {
    if status != .success { (caller ?? peer).refused("it was answered \(status)") }
    guard let response = request.response(status, comment: comment.map(Self.plain)) else {
      // Without a number there is nothing to answer to.
      handler?.abort()
      return
    }
    handler?.send(response, contextID: contextID)
  }

  /// A comment is of the default repertoire (PS3.7 C: LO).
  private static func plain(_ text: String) -> String {
    String(text.unicodeScalars.map { (0x20...0x7E).contains($0.value) && $0 != "\\" ? Character($0) : "?" })
  }

  // MARK: Back-pressure

  private func holdBack() {
    if hasEnded { return }
    let isBehind = current?.intake?.isBehind { [weak self] in self?.holdBack() } ?? false
    if isBehind || unansweredCount >= Self.unansweredMax { handler?.pauseReading() } else { handler?.resumeReading() }
  }

  // MARK: The end

  func associationWantsData(byteCountMax: Int) {}
  func associationReleaseRequested() { handler?.answerRelease() }

  func associationEnded(_ end: Association.End) {
    hasEnded = true
    current = nil
    let reason: String? =
      switch end {
      case .released, .abortedHere: nil
      case .refused(let reject): "its association was refused: \(reject.inWords)"
      case .rejected: nil
      case .aborted: "it aborted its association"
      case .disconnected: agreement == nil ? "it left without an association" : "its connection broke"
      case .timedOut: "it said nothing for too long"
      case .violated(let what): "it does not speak DICOM as the standard has it: \(what)"
      }
    if let reason {
      peer.refused(reason)
      shared.logger.notice("an association ended", metadata: ["peer": "\(peer.address)", "reason": "\(reason)"])
    }
    origin.close()
    handler = nil
    whenEnded(self)
  }

  /// Takes nothing more; ends when what has come is answered.
  func stop() {
    isStopping = true
    if current == nil, unansweredCount == 0 { handler?.abort() }
  }
}

extension DICOMCaller {
  /// On the connection's event loop.
  fileprivate func isCalling(_ request: AssociateRequest, _ address: SocketAddress, _ channel: (any Channel)?) -> Bool {
    guard request.callingAETitle == aeTitle.text, from.isEmpty || from.contains(where: { $0.contains(address) }) else {
      return false
    }
    guard let certificate else { return true }
    let shown = try? channel?.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self).peerCertificate
    return shown.flatMap { $0 }.flatMap { CertificateFacts($0) }?.isFor(certificate) ?? false
  }
}

extension AssociateReject {
  /// Said of who was refused.
  fileprivate var inWords: String {
    switch reason {
    case .callingAETitleNotRecognized: "its AE title is not among the `callers`, or not from there"
    case .calledAETitleNotRecognized: "it called by an AE title that is not ours"
    case .localLimitExceeded: "there are as many associations as there may be"
    default: "\(self)"
    }
  }
}
