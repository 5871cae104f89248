internal import DICOM
internal import DICOMTransport
internal import NIOCore

/// One association of a receiver. Confined to the receiver's loop.
final class DICOMReceiverAssociation: AssociationUser, @unchecked Sendable {
  private enum DataSet {
    case none
    /// Of a question that isn't answered by what it holds.
    case ignored(CommandSet)
    case object(CommandSet, DICOMReception, DICOMBehaviour, DICOMReceivedFile?, DIMSEStatus?)
    case commitment(CommandSet, [UInt8])
  }

  /// What storage commitment asks for is a list; a longer one is no list.
  private static let commitmentBytesMax = 16 << 20

  private let owner: DICOMReceiver
  private let number: Int
  private let channel: any Channel
  private var handler: AssociationHandler?
  private var dataSet = DataSet.none
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
    case .actionRequest where command.hasDataSet: dataSet = .commitment(command, [])
    default:
      if command.hasDataSet { dataSet = .ignored(command) } else { answer(command, .unrecognizedOperation) }
    }
  }

  private func begin(_ command: CommandSet) {
    let reception = DICOMReception(
      number: owner.nextNumber(), sopClass: command[text: .affectedSOPClassUID] ?? "",
      sopInstance: command[text: .affectedSOPInstanceUID] ?? "",
      transferSyntax: handler?.agreement?.contexts[contextID]?.transferSyntax ?? "", callingAETitle: callingAETitle,
      connection: number, bytes: owner.plan.keepsBytes ? [] : nil)
    var file: DICOMReceivedFile?
    var failure: DIMSEStatus?
    do {
      if let folder = owner.plan.folder { file = try DICOMReceivedFile(reception, in: folder) }
    } catch {
      failure = error is DICOMError ? .cannotUnderstand : .outOfResources
    }
    dataSet = .object(command, reception, owner.plan.script(reception), file, failure)
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {
    let current = dataSet
    dataSet = .none
    switch current {
    case .none: break
    case .ignored(let command):
      if isLast { answer(command, .unrecognizedOperation) } else { dataSet = current }
    case .commitment(let command, var bytes):
      bytes += piece
      guard bytes.count <= Self.commitmentBytesMax else { handler?.abort(); return }
      if isLast { commit(command, bytes) } else { dataSet = .commitment(command, bytes) }
    case .object(let command, var reception, let behaviour, let file, var failure):
      if behaviour.answer == .abortDuring { handler?.abort(); return }
      reception.byteCount += piece.count
      reception.bytes?.append(contentsOf: piece)
      do {
        try file?.write(piece)
        if isLast, failure == nil { try file?.finish() }
      } catch {
        failure = .outOfResources
      }
      if isLast {
        received(command, reception, behaviour, failure)
      } else {
        dataSet = .object(command, reception, behaviour, failure == nil ? file : nil, failure)
      }
    }
  }

  private func received(
    _ command: CommandSet, _ reception: DICOMReception, _ behaviour: DICOMBehaviour, _ failure: DIMSEStatus?
  ) {
    owner.received(reception)
    defer { owner.announce() }
    let delay = TimeAmount.nanoseconds(Int64(clamping: behaviour.delay.nanosecondsWhole))
    guard delay > .zero else { return act(command, reception, behaviour, failure) }
    owner.loop.scheduleTask(in: delay) { self.act(command, reception, behaviour, failure) }
  }

  private func act(
    _ command: CommandSet, _ reception: DICOMReception, _ behaviour: DICOMBehaviour, _ failure: DIMSEStatus?
  ) {
    switch behaviour.answer {
    case .status(let status):
      if failure == nil, status.statusClass == .success { owner.keeps(reception.sopInstance) }
      answer(command, failure ?? status)
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
    if end != .released { owner.broke() }
    // A file that isn't whole goes with it.
    dataSet = .none
    handler = nil
  }

  // MARK: Storage commitment

  private func commit(_ command: CommandSet, _ bytes: [UInt8]) {
    let syntax = handler?.agreement?.contexts[contextID]?.transferSyntax ?? ""
    guard command[text: .requestedSOPClassUID] == DICOMUID.storageCommitment else {
      return answer(command, .noSuchSOPClass)
    }
    guard command[number: .actionTypeID] == 1 else { return answer(command, .noSuchAction) }
    guard let request = DICOMCommitment(bytes, syntax: DICOMTransferSyntax(uid: syntax)) else {
      return answer(command, .cannotUnderstand)
    }
    answer(command, .success)
    let (contextID, owner) = (contextID, owner)
    let failed = request.references.filter { !owner.isKept($0.sopInstance) }
    let after = TimeAmount.nanoseconds(Int64(clamping: owner.plan.commitment.after.nanosecondsWhole))
    owner.loop.scheduleTask(in: after) { [weak self] in
      if let endpoint = owner.plan.commitment.to {
        return DICOMCommitmentReport.send(
          request, failed: failed, to: endpoint, tls: owner.plan.tls, calling: owner.plan.endpoint.title, on: owner.loop
        )
      }
      guard let self, let handler, let bytes = request.report(failed: failed, DICOMTransferSyntax(uid: syntax)) else {
        return
      }
      lastMessageID += 1
      handler.send(
        .commitmentReport(messageID: lastMessageID, hasFailures: !failed.isEmpty), dataSet: bytes,
        contextID: contextID)
    }
  }
}
