import DICOM
import DICOMTransport
import NIOCore
import NIOSSL

/// One association that was made to a partner, as its lane sees it. Lives on the lane's event loop: hence `@unchecked`.
final class DICOMCall: AssociationUser, @unchecked Sendable {
  /// What was proposed: what of it isn't agreed on, the partner doesn't take.
  let proposed: Set<DICOMOutgoing.Kind>
  private(set) var agreement: Agreement?
  private(set) var handler: AssociationHandler?
  /// `nil` when the lane has left it.
  private weak var lane: DICOMLane?
  private let partner: Partner
  private var report: Report?

  /// Who is called, and how long it may take.
  struct Partner: Sendable {
    let dial: Dial
    let called: String
    let calling: String
    let timeout: TimeAmount
    /// It is asked for storage commitment.
    var commits = false
  }

  /// The partner's report whose data set comes.
  private struct Report {
    let command: CommandSet
    let contextID: UInt8
    var bytes: [UInt8] = []
  }

  init(_ partner: Partner, for wanted: [DICOMOutgoing.Kind], lane: DICOMLane?) {
    self.partner = partner
    self.lane = lane
    proposed = Set(wanted)
    handler = AssociationHandler(
      .requester(Self.request(partner, for: wanted)), times: AssociationHandler.Times(silence: partner.timeout),
      user: self)
  }

  /// - Parameter wanted: at most 126.
  static func request(_ partner: Partner, for wanted: [DICOMOutgoing.Kind]) -> AssociateRequest {
    var contexts = [
      PresentationContext(
        id: 1, abstractSyntax: DICOMUID.verification,
        transferSyntaxes: [DICOMTransferSyntax.implicitLittle.uid])
    ]
    if partner.commits {
      contexts.append(
        PresentationContext(
          id: 3, abstractSyntax: DICOMUID.storageCommitment,
          transferSyntaxes: [DICOMTransferSyntax.implicitLittle.uid]))
    }
    // One context for each way of writing: of several in one the partner would choose, and nothing is converted.
    for kind in wanted.prefix(126) {
      contexts.append(
        PresentationContext(
          id: UInt8(2 * contexts.count + 1), abstractSyntax: kind.sopClass, transferSyntaxes: [kind.transferSyntax]))
    }
    let user = UserInformation(
      maximumLength: 1 << 16, implementationClassUID: Implementation.hilum.classUID,
      implementationVersionName: Implementation.hilum.versionName)
    return AssociateRequest(
      calledAETitle: partner.called, callingAETitle: partner.calling, contexts: contexts, user: user)
  }

  /// Where the way to the partner could not be opened, its lane is told so.
  func connect(on loop: any EventLoop) {
    guard let handler else { return }
    partner.dial.connect(on: loop) { handler }.whenFailure { [self] error in
      self.handler = nil
      lane?.ended(self, (error as? Unreachable)?.reason ?? "\(error)")
      lane = nil
    }
  }

  /// In which context an object goes; `nil` where there is none.
  func context(for kind: DICOMOutgoing.Kind) -> UInt8? { agreement?.context(for: kind.sopClass, kind.transferSyntax) }

  /// In which storage commitment is asked for; `nil` where the partner doesn't take that.
  var commitmentContext: UInt8? {
    agreement?.context(for: DICOMUID.storageCommitment, DICOMTransferSyntax.implicitLittle.uid)
  }

  /// Its lane needs it no more: it ends in order.
  func leave() {
    lane = nil
    handler?.release()
  }

  func abort() {
    lane = nil
    handler?.abort()
  }

  func associationEstablished(_ agreement: Agreement) {
    self.agreement = agreement
    guard let lane else { return leave() }
    lane.established(self)
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    if command.field?.isResponse == true {
      lane?.received(command)
    } else if command.field == .eventReportRequest, command.hasDataSet, contextID == commitmentContext {
      report = Report(command: command, contextID: contextID)
    } else {
      refuse(command, contextID)
    }
  }

  /// It serves nothing else.
  private func refuse(_ command: CommandSet, _ contextID: UInt8) {
    guard !command.hasDataSet, let answer = command.response(.unrecognizedOperation) else { return giveUp() }
    handler?.send(answer, contextID: contextID)
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {
    guard report != nil else { return }
    report?.bytes += piece
    if report?.bytes.count ?? 0 > DICOMReports.listBytesMax { return giveUp() }
    guard isLast, let whole = report else { return }
    report = nil
    let (found, refusal) = DICOMReports.read(whole.command, whole.bytes, .implicitLittle)
    // Who has left the association waits for its end alone.
    let status = found.map { lane?.reported($0) ?? .processingFailure } ?? refusal
    if let answer = whole.command.response(status) { handler?.send(answer, contextID: whole.contextID) }
  }

  /// The lane hears of it as of any end.
  private func giveUp() {
    report = nil
    handler?.abort()
  }

  func associationWantsData(byteCountMax: Int) { lane?.wantsData(byteCountMax) }
  func associationReleaseRequested() { handler?.answerRelease() }

  func associationEnded(_ end: Association.End) {
    let failure = handler?.failure
    handler = nil
    let lane = lane
    self.lane = nil
    lane?.ended(self, Self.reason(end, failure, partner), isReleased: end == .released)
  }

  /// What an end means for who called.
  static func reason(_ end: Association.End, _ failure: (any Error)?, _ partner: Partner) -> String {
    let target = partner.dial.target
    switch end {
    case .released: return "\(target) ended the association"
    case .rejected(let reject), .refused(let reject): return "\(target) (\(partner.called)): \(reject)"
    case .aborted(let abort): return "\(target) aborted the association (\(abort))"
    case .abortedHere: return "the association was given up"
    case .timedOut: return "\(target) did not answer in time"
    case .violated(let what): return "\(target) does not speak DICOM as the standard has it: \(what)"
    case .disconnected:
      guard let failure else { return "\(target) closed the connection" }
      let name = partner.dial.tls?.expectedName(host: partner.dial.host)
      return TLSFailure.reason(failure, certificate: nil, expectedName: name, now: UnixTime.seconds())
        ?? ConnectFailure.reason(failure, target: target)
    }
  }
}
