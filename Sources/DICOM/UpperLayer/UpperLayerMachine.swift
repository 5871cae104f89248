/// One association, as the state machine of PS3.8 table 9-10: events in, actions out, no I/O.
///
/// States and actions have the standard's names. A cell of the table that is empty is an event that can't come there;
/// what the local user asks for too late (because the peer has aborted meanwhile) does nothing.
package struct UpperLayerMachine: Sendable {
  package enum State: Int, Sendable, CaseIterable {
    case idle = 1
    /// The peer is connected; its A-ASSOCIATE-RQ is awaited.
    case awaitingRequest
    /// The local user is to answer a request.
    case awaitingLocalAnswer
    /// The connection is being opened.
    case connecting
    /// A request was sent.
    case awaitingAnswer
    case established
    /// A-RELEASE-RQ was sent.
    case awaitingReleaseReply
    /// The local user is to answer A-RELEASE-RQ.
    case awaitingLocalRelease
    /// Both asked for release at once; this side is the requester, and its user is to answer.
    case collidedRequester
    /// The same, and this side is the accepter: the peer answers first.
    case collidedAccepter
    /// The requester has answered, and awaits the accepter's A-RELEASE-RP.
    case collidedRequesterAnswered
    /// The accepter has the requester's answer, and its user is to answer.
    case collidedAccepterAnswered
    /// The connection is to be closed by the peer.
    case awaitingClose
  }

  package enum Event: Sendable, Hashable {
    // What the local user wants.
    case associate(AssociateRequest)
    case accept(AssociateAccept)
    case reject(AssociateReject)
    case send([PDU])
    case release
    case answerRelease
    case abort
    // What happens on the connection.
    case connected
    /// A peer has connected to us.
    case accepted
    case received(PDU)
    /// Evt19: what came is no PDU, or not one that can be read.
    case receivedInvalid(Abort.Reason)
    case closed
    case timerExpired
  }

  package enum Action: Sendable, Hashable {
    case connect
    case send(PDU)
    /// After what was sent before.
    case close
    /// ARTIM runs from now on, anew where it ran.
    case startTimer
    case stopTimer
    /// To the local user.
    case indicate(Indication)
  }

  package enum Indication: Sendable, Hashable {
    /// To be answered with `accept` or `reject`.
    case requested(AssociateRequest)
    case accepted(AssociateAccept)
    case rejected(AssociateReject)
    case data([PresentationDataValue])
    /// To be answered with `answerRelease`; data may be sent before.
    case releaseRequested
    case released
    /// By the peer's user, or by its service.
    case aborted(Abort)
    /// The connection broke, or the peer did what the standard does not allow; `nil` for the first.
    case failed(Abort.Reason?)
  }

  package private(set) var state = State.idle
  private let isRequester: Bool
  private var request: AssociateRequest?

  package init(isRequester: Bool) { self.isRequester = isRequester }

  /// Whether P-DATA may be sent.
  package var maySend: Bool { Self.table(.send([]), state) != nil }

  package mutating func handle(_ event: Event) -> [Action] {
    guard let action = Self.table(event, state) else { return [] }
    return perform(action, event)
  }

  // MARK: Table 9-10

  /// The actions of PS3.8 tables 9-6 to 9-9.
  enum Step: String, Sendable {
    case ae1, ae2, ae3, ae4, ae5, ae6, ae7, ae8
    case dt1, dt2
    case ar1, ar2, ar3, ar4, ar5, ar6, ar7, ar8, ar9, ar10
    case aa1, aa2, aa3, aa4, aa5, aa6, aa7, aa8
  }

  /// The cell of an event and a state; `nil` for an empty one.
  static func table(_ event: Event, _ state: State) -> Step? {
    switch event {
    case .associate: state == .idle ? .ae1 : nil
    case .connected: state == .connecting ? .ae2 : nil
    case .accepted: state == .idle ? .ae5 : nil
    case .accept: state == .awaitingLocalAnswer ? .ae7 : nil
    case .reject: state == .awaitingLocalAnswer ? .ae8 : nil
    case .send: state == .established ? .dt1 : state == .awaitingLocalRelease ? .ar7 : nil
    case .release: state == .established ? .ar1 : nil
    case .answerRelease:
      switch state {
      case .awaitingLocalRelease, .collidedAccepterAnswered: .ar4
      case .collidedRequester: .ar9
      default: nil
      }
    case .abort:
      switch state {
      case .idle, .awaitingRequest, .awaitingClose: nil
      case .connecting: .aa2
      default: .aa1
      }
    case .received(let pdu): received(pdu.kind, state)
    case .receivedInvalid: invalid(state)
    case .closed:
      switch state {
      case .idle: nil
      case .awaitingRequest: .aa5
      case .awaitingClose: .ar5
      default: .aa4
      }
    case .timerExpired: state == .awaitingRequest || state == .awaitingClose ? .aa2 : nil
    }
  }

  private static func received(_ kind: PDU.Kind, _ state: State) -> Step? {
    switch (kind, state) {
    case (_, .idle), (_, .connecting): return nil
    case (.associateAccept, .awaitingAnswer): return .ae3
    case (.associateReject, .awaitingAnswer): return .ae4
    case (.associateRequest, .awaitingRequest): return .ae6
    case (.data, .established): return .dt2
    case (.data, .awaitingReleaseReply): return .ar6
    case (.releaseRequest, .established): return .ar2
    case (.releaseRequest, .awaitingReleaseReply): return .ar8
    case (.releaseReply, .awaitingReleaseReply), (.releaseReply, .collidedRequesterAnswered): return .ar3
    case (.releaseReply, .collidedAccepter): return .ar10
    case (.abort, .awaitingRequest), (.abort, .awaitingClose): return .aa2
    case (.abort, _): return .aa3
    case (_, .awaitingRequest): return .aa1
    case (.associateRequest, .awaitingClose): return .aa7
    case (_, .awaitingClose): return .aa6
    default: return .aa8
    }
  }

  private static func invalid(_ state: State) -> Step? {
    switch state {
    case .idle, .connecting: nil
    case .awaitingRequest: .aa1
    case .awaitingClose: .aa7
    default: .aa8
    }
  }

  // MARK: Actions

  private mutating func perform(_ step: Step, _ event: Event) -> [Action] {
    switch (step, event) {
    // Table 9-6: an association is made.
    case (.ae1, .associate(let request)):
      self.request = request
      return become(.connecting, [.connect])
    case (.ae2, _):
      guard let request else { return [] }
      self.request = nil
      return become(.awaitingAnswer, [.send(.associateRequest(request))])
    case (.ae3, .received(.associateAccept(let accept))):
      return become(.established, [.indicate(.accepted(accept))])
    case (.ae4, .received(.associateReject(let reject))):
      return become(.idle, [.indicate(.rejected(reject)), .close])
    case (.ae5, _): return become(.awaitingRequest, [.startTimer])
    case (.ae6, .received(.associateRequest(let request))): return requested(request)
    case (.ae7, .accept(let accept)): return become(.established, [.send(.associateAccept(accept))])
    case (.ae8, .reject(let reject)):
      return become(.awaitingClose, [.send(.associateReject(reject)), .startTimer])
    // Table 9-7: data.
    case (.dt1, .send(let pdus)): return become(.established, pdus.map { .send($0) })
    case (.ar7, .send(let pdus)): return become(.awaitingLocalRelease, pdus.map { .send($0) })
    case (.dt2, .received(.data(let values))), (.ar6, .received(.data(let values))):
      return become(state, [.indicate(.data(values))])
    // Table 9-8: release.
    case (.ar1, _): return become(.awaitingReleaseReply, [.send(.releaseRequest)])
    case (.ar2, _): return become(.awaitingLocalRelease, [.indicate(.releaseRequested)])
    case (.ar3, _): return become(.idle, [.indicate(.released), .close])
    case (.ar4, _): return become(.awaitingClose, [.send(.releaseReply), .startTimer])
    case (.ar5, _): return become(.idle, [.stopTimer])
    case (.ar8, _):
      return become(isRequester ? .collidedRequester : .collidedAccepter, [.indicate(.releaseRequested)])
    case (.ar9, _): return become(.collidedRequesterAnswered, [.send(.releaseReply)])
    case (.ar10, _): return become(.collidedAccepterAnswered, [.indicate(.released)])
    // Table 9-9: abort.
    case (.aa1, .abort): return become(.awaitingClose, [.send(.abort(Abort(.serviceUser))), .startTimer])
    case (.aa1, _):
      // «… source service-user»; before an association there is none, and the provider says why.
      return become(.awaitingClose, [.send(.abort(Abort(.serviceProvider, reason(event)))), .startTimer])
    case (.aa2, _): return become(.idle, [.stopTimer, .close])
    case (.aa3, .received(.abort(let abort))): return become(.idle, [.indicate(.aborted(abort)), .close])
    case (.aa4, _): return become(.idle, [.indicate(.failed(nil))])
    case (.aa5, _): return become(.idle, [.stopTimer])
    case (.aa6, _): return []
    case (.aa7, _): return become(.awaitingClose, [.send(.abort(Abort(.serviceProvider, reason(event))))])
    case (.aa8, _):
      let reason = reason(event)
      return become(
        .awaitingClose,
        [.send(.abort(Abort(.serviceProvider, reason))), .indicate(.failed(reason)), .startTimer])
    default: return []
    }
  }

  /// AE-6: what no user need be asked for is refused here.
  private mutating func requested(_ request: AssociateRequest) -> [Action] {
    var reject: AssociateReject?
    if request.protocolVersion & 1 == 0 { reject = AssociateReject(.permanent, .protocolVersionNotSupported) }
    if request.applicationContext != DICOMUpperLayer.applicationContext {
      reject = reject ?? AssociateReject(.permanent, .applicationContextNotSupported)
    }
    guard let reject else {
      return become(.awaitingLocalAnswer, [.stopTimer, .indicate(.requested(request))])
    }
    return become(.awaitingClose, [.stopTimer, .send(.associateReject(reject)), .startTimer])
  }

  private mutating func become(_ state: State, _ actions: [Action]) -> [Action] {
    self.state = state
    return actions
  }

  /// Why an A-ABORT is sent.
  private func reason(_ event: Event) -> Abort.Reason {
    if case .receivedInvalid(let reason) = event { reason } else { .unexpectedPDU }
  }
}
