internal import DICOM
internal import DICOMTransport
internal import NIOCore

/// One association of a receiver. Confined to the receiver's loop.
final class DICOMReceiverAssociation: AssociationUser, @unchecked Sendable {
  /// A question whose data set is on its way.
  private final class Incoming {
    enum Purpose {
      /// It isn't answered by what it holds.
      case nothing
      case object(DICOMReception, DICOMBehaviour)
      case commitment
    }

    let command: CommandSet
    let purpose: Purpose
    var file: DICOMReceivedFile?
    /// What it is answered whatever was wanted.
    var failure: DIMSEStatus?
    var byteCount = 0
    var bytes: [UInt8] = []

    init(_ command: CommandSet, _ purpose: Purpose) {
      self.command = command
      self.purpose = purpose
    }
  }

  /// What storage commitment asks for is a list; a longer one is no list.
  private static let commitmentBytesMax = 16 << 20

  private let owner: DICOMReceiver
  private let number: Int
  private let channel: any Channel
  private var handler: AssociationHandler?
  private var incoming: Incoming?
  private var contextID: UInt8 = 0
  private var callingAETitle = ""
  private var lastMessageID: UInt16 = 0

  private init(_ channel: any Channel, _ owner: DICOMReceiver, _ number: Int) {
    self.channel = channel
    self.owner = owner
    self.number = number
  }

  static func begin(_ channel: any Channel, _ owner: DICOMReceiver, number: Int) throws {
    let plan = owner.plan
    var policy = AssociationPolicy(
      calledAETitle: plan.endpoint.title, callingAETitles: plan.callers, maximumLength: plan.maximumLength,
      implementation: .hilum, serves: { _ in true }, takes: { _, _ in true })
    policy.refusal = plan.refusal
    let times = AssociationHandler.Times(
      artim: .nanoseconds(Int64(clamping: plan.times.artim.nanosecondsWhole)),
      silence: .nanoseconds(Int64(clamping: plan.times.silence.nanosecondsWhole)))
    let association = DICOMReceiverAssociation(channel, owner, number)
    let handler = AssociationHandler(.accepter(policy), times: times, user: association)
    association.handler = handler
    try channel.pipeline.syncOperations.addHandler(handler)
  }

  func associationEstablished(_ agreement: Agreement) {
    callingAETitle = agreement.callingAETitle
    owner.established()
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    self.contextID = contextID
    switch command.field {
    case .echoRequest:
      owner.echoed()
      answer(command, .success)
    case .storeRequest where command.hasDataSet: begin(command)
    case .actionRequest where command.hasDataSet: incoming = Incoming(command, .commitment)
    default:
      if command.hasDataSet { incoming = Incoming(command, .nothing) } else { answer(command, .unrecognizedOperation) }
    }
  }

  private func begin(_ command: CommandSet) {
    let reception = DICOMReception(
      number: owner.nextNumber(), sopClass: command[text: .affectedSOPClassUID] ?? "",
      sopInstance: command[text: .affectedSOPInstanceUID] ?? "",
      transferSyntax: handler?.agreement?.contexts[contextID]?.transferSyntax ?? "", callingAETitle: callingAETitle,
      connection: number)
    let incoming = Incoming(command, .object(reception, owner.plan.script(reception)))
    do {
      if let folder = owner.plan.folder { incoming.file = try DICOMReceivedFile(reception, in: folder) }
    } catch {
      incoming.failure = error is DICOMError ? .cannotUnderstand : .outOfResources
    }
    self.incoming = incoming
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {
    guard let incoming else { return }
    incoming.byteCount += piece.count
    if isLast { self.incoming = nil }
    switch incoming.purpose {
    case .nothing:
      if isLast { answer(incoming.command, .unrecognizedOperation) }
    case .commitment:
      incoming.bytes += piece
      if incoming.bytes.count > Self.commitmentBytesMax { handler?.abort() }
      if isLast { commit(incoming.command, incoming.bytes) }
    case .object(let reception, let behaviour):
      if behaviour.answer == .abortDuring {
        incoming.file = nil
        handler?.abort()
        return
      }
      take(piece, incoming)
      if isLast { received(incoming, reception, behaviour) }
    }
  }

  private func take(_ piece: ArraySlice<UInt8>, _ incoming: Incoming) {
    if owner.plan.keepsBytes { incoming.bytes += piece }
    do {
      // A test partner may wait for its disk.
      try incoming.file?.write(piece)
    } catch {
      incoming.failure = .outOfResources
      incoming.file = nil
    }
  }

  private func received(_ incoming: Incoming, _ began: DICOMReception, _ behaviour: DICOMBehaviour) {
    do {
      try incoming.file?.finish(syncs: owner.plan.syncs)
    } catch {
      incoming.failure = .outOfResources
    }
    var reception = began
    reception.byteCount = incoming.byteCount
    if owner.plan.keepsBytes { reception.bytes = incoming.bytes }
    owner.received(reception)
    defer { owner.announce() }
    let delay = TimeAmount.nanoseconds(Int64(clamping: behaviour.delay.nanosecondsWhole))
    guard delay > .zero else { return act(incoming, reception, behaviour) }
    owner.loop.assumeIsolated().scheduleTask(in: delay) { self.act(incoming, reception, behaviour) }
  }

  private func act(_ incoming: Incoming, _ reception: DICOMReception, _ behaviour: DICOMBehaviour) {
    switch behaviour.answer {
    case .status(let status):
      if incoming.failure == nil, status.statusClass == .success { owner.keeps(reception.sopInstance) }
      answer(incoming.command, incoming.failure ?? status)
    case .none: break
    case .abort, .abortDuring: handler?.abort()
    case .close: channel.close(promise: nil)
    }
  }

  private func answer(_ command: CommandSet, _ status: DIMSEStatus) {
    if let answer = command.response(status) { handler?.send(answer, contextID: contextID) }
  }

  func associationWantsData(byteCountMax: Int) {}

  func associationReleaseRequested() { handler?.answerRelease() }

  func associationEnded(_ end: Association.End) {
    // A file that isn't whole goes with it, before anybody hears of the end.
    incoming?.file = nil
    incoming = nil
    handler = nil
    if end != .released { owner.broke() }
  }

  // MARK: Storage commitment

  private func commit(_ command: CommandSet, _ bytes: [UInt8]) {
    guard command[text: .requestedSOPClassUID] == DICOMUID.storageCommitment else {
      return answer(command, .noSuchSOPClass)
    }
    guard command[number: .actionTypeID] == 1 else { return answer(command, .noSuchAction) }
    let syntax = DICOMTransferSyntax(uid: handler?.agreement?.contexts[contextID]?.transferSyntax ?? "")
    guard let request = StorageCommitment(bytes, syntax: syntax) else { return answer(command, .cannotUnderstand) }
    answer(command, .success)
    let (contextID, owner) = (contextID, owner)
    let report = StorageCommitment(
      request.transaction, request.references.filter { owner.isKept($0.sopInstance) },
      failed: request.references.filter { !owner.isKept($0.sopInstance) }.map { .init($0, .noSuchInstance) })
    let after = TimeAmount.nanoseconds(Int64(clamping: owner.plan.commitment.after.nanosecondsWhole))
    owner.loop.scheduleTask(in: after) { [weak self] in
      if let endpoint = owner.plan.commitment.to {
        return DICOMCommitmentReport.send(
          report, to: endpoint, tls: owner.plan.tls, calling: owner.plan.endpoint.title, on: owner.loop)
      }
      guard let self, let handler, let bytes = report.bytes(syntax) else { return }
      lastMessageID += 1
      handler.send(
        .commitmentReport(messageID: lastMessageID, hasFailures: !report.failed.isEmpty), dataSet: bytes,
        contextID: contextID)
    }
  }
}
