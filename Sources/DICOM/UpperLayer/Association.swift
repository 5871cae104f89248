/// One association as who moves bytes sees it: bytes and wishes in, bytes and messages out. Pure, like what it is made
/// of: the PDUs' reader, the machine of PS3.8 and the reader of DIMSE.
package struct Association: Sendable {
  package enum Role: Sendable {
    case requester(AssociateRequest)
    case accepter(AssociationPolicy)
  }

  package enum Output: Sendable, Hashable {
    case connect
    case write([UInt8])
    /// After what was written before.
    case close
    /// The time in which a peer must speak or close (ARTIM, PS3.8 9.1.5) begins anew.
    case startTimer
    case stopTimer
    case established
    case command(CommandSet, contextID: UInt8)
    case data(ArraySlice<UInt8>, isLast: Bool)
    /// The peer wants to end it: `answerRelease` when nothing more is to be said.
    case releaseRequested
    case ended(End)
  }

  /// How it ended, once.
  package enum End: Sendable, Hashable {
    /// As agreed.
    case released
    /// The peer refused it.
    case rejected(AssociateReject)
    /// This side refused it.
    case refused(AssociateReject)
    case aborted(Abort)
    /// This side has aborted it.
    case abortedHere
    /// The connection is gone without a word.
    case disconnected
    /// The peer said nothing for as long as it is waited for.
    case timedOut
    /// The peer did what the standard doesn't allow, and was told so by an A-ABORT.
    case violated(String)
  }

  private var machine: UpperLayerMachine
  private var pdus: PDUReader
  private var messages = DIMSEReader()
  private let role: Role
  package private(set) var agreement: Agreement?
  private var hasEnded = false

  package init(_ role: Role, limits: PDUReader.Limits) {
    self.role = role
    pdus = PDUReader(limits)
    if case .requester = role {
      machine = UpperLayerMachine(isRequester: true)
    } else {
      machine = UpperLayerMachine(isRequester: false)
    }
  }

  package var state: UpperLayerMachine.State { machine.state }
  /// Between two messages of the peer.
  package var isIdle: Bool { messages.isIdle }

  // MARK: What happens

  /// A requester begins.
  package mutating func start() -> [Output] {
    guard case .requester(let request) = role else { return [] }
    return run(machine.handle(.associate(request)))
  }

  /// The connection is open.
  package mutating func connected() -> [Output] {
    if case .requester = role { return run(machine.handle(.connected)) }
    return run(machine.handle(.accepted))
  }

  package mutating func received(_ bytes: some Collection<UInt8>) -> [Output] {
    pdus.append(bytes)
    var outputs: [Output] = []
    while true {
      do {
        guard let pdu = try pdus.next() else { return outputs }
        outputs += run(machine.handle(.received(pdu)))
        // Before an association there is no user who is told of a failure.
        if state == .awaitingClose { outputs += end(.violated("an \(pdu.kind.name) where an A-ASSOCIATE-RQ belongs")) }
      } catch {
        outputs += end(.violated(error.description))
        outputs += run(machine.handle(.receivedInvalid(error.reason)))
      }
    }
  }

  package mutating func disconnected() -> [Output] {
    run(machine.handle(.closed)) + end(.disconnected)
  }

  package mutating func timerExpired() -> [Output] {
    run(machine.handle(.timerExpired)) + (state == .idle ? end(.timedOut) : [])
  }

  /// The peer's turn has lasted longer than this side waits.
  package mutating func peerIsSilent() -> [Output] { end(.timedOut) + run(machine.handle(.abort)) }

  // MARK: What this side wants

  package mutating func send(_ command: CommandSet, contextID: UInt8) -> [Output] {
    send(command.bytes[...], isCommand: true, contextID)
  }

  /// A whole data set; a piece of one goes behind its `head(ofPiece:isLast:contextID:)`.
  package mutating func send(dataSet: ArraySlice<UInt8>, contextID: UInt8) -> [Output] {
    send(dataSet, isCommand: false, contextID)
  }

  /// What stands in front of a piece of a data set, which its owner writes behind it: no copy of the piece is made. It
  /// has at most `dataRoom` bytes, and an even number (PS3.8 annex E.1).
  ///
  /// - Returns: `nil` where nothing may be sent any more.
  package func head(ofPiece byteCount: Int, isLast: Bool, contextID: UInt8) -> [UInt8]? {
    guard machine.maySend else { return nil }
    return PresentationDataValue.head(byteCount: byteCount, isLast: isLast, contextID: contextID)
  }

  /// How many bytes of a data set the peer takes at once.
  package var dataRoom: Int { PresentationDataValue.room(agreement?.peerMaximumLength ?? 0) }

  package mutating func release() -> [Output] { run(machine.handle(.release)) }
  package mutating func answerRelease() -> [Output] {
    // Who accepted and is asked ends by it; in a collision the other's answer does (PS3.8 9.2.3).
    run(machine.handle(.answerRelease)) + (machine.state == .awaitingClose ? end(.released) : [])
  }
  package mutating func abort() -> [Output] { run(machine.handle(.abort)) + end(.abortedHere) }

  private mutating func send(_ bytes: ArraySlice<UInt8>, isCommand: Bool, _ contextID: UInt8) -> [Output] {
    let pdus = PresentationDataValue.messages(
      bytes, isCommand: isCommand, contextID: contextID, lengthMax: agreement?.peerMaximumLength ?? 0)
    return run(machine.handle(.send(pdus)))
  }

  // MARK: What the machine says

  private mutating func run(_ actions: [UpperLayerMachine.Action]) -> [Output] {
    var outputs: [Output] = []
    for action in actions {
      switch action {
      case .connect: outputs.append(.connect)
      case .send(let pdu):
        outputs.append(.write(pdu.bytes))
        if case .associateReject(let reject) = pdu { outputs += end(.refused(reject)) }
      case .close: outputs.append(.close)
      case .startTimer: outputs.append(.startTimer)
      case .stopTimer: outputs.append(.stopTimer)
      case .indicate(let indication): outputs += indicated(indication)
      }
    }
    return outputs
  }

  private mutating func indicated(_ indication: UpperLayerMachine.Indication) -> [Output] {
    switch indication {
    case .requested(let request): return answer(request)
    case .accepted(let accept):
      guard case .requester(let request) = role else { return [] }
      agreement = Agreement(request, accept, isRequester: true)
      return [.established]
    case .rejected(let reject): return end(.rejected(reject))
    case .data(let values): return read(values)
    case .releaseRequested: return [.releaseRequested]
    case .released: return end(.released)
    case .aborted(let abort): return end(.aborted(abort))
    case .failed(nil): return end(.disconnected)
    case .failed(let reason?): return end(.violated("a PDU that does not belong here (\(reason))"))
    }
  }

  private mutating func answer(_ request: AssociateRequest) -> [Output] {
    guard case .accepter(let policy) = role else { return [] }
    do {
      let accept = try policy.answer(request)
      agreement = Agreement(request, accept, isRequester: false)
      return run(machine.handle(.accept(accept))) + [.established]
    } catch {
      return run(machine.handle(.reject(error)))
    }
  }

  private mutating func read(_ values: [PresentationDataValue]) -> [Output] {
    var outputs: [Output] = []
    for value in values {
      guard agreement?.contexts[value.contextID] != nil else {
        return outputs + violated("presentation context \(value.contextID) was not agreed on")
      }
      do {
        switch try messages.read(value) {
        case .command(let command, let contextID)?: outputs.append(.command(command, contextID: contextID))
        case .data(let bytes, let isLast)?: outputs.append(.data(bytes, isLast: isLast))
        case nil: break
        }
      } catch {
        return outputs + violated(error.description)
      }
    }
    return outputs
  }

  /// What no PDU's reader can see: the service user aborts (PS3.7 annex C.3: of DIMSE there is no other answer).
  private mutating func violated(_ why: String) -> [Output] {
    end(.violated(why)) + run(machine.handle(.abort))
  }

  private mutating func end(_ end: End) -> [Output] {
    if hasEnded { return [] }
    hasEnded = true
    return [.ended(end)]
  }
}
