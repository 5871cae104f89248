import DICOM
import DICOMTransport
import NIOCore
import NIOPosix
import Synchronization

/// An archive, on one loop, that does with requests for storage commitment what a test says.
final class CommitmentPartner: Sendable {
  /// What it does when it is asked, on the association's loop.
  typealias Script = @Sendable (CommitmentAssociation, StorageCommitment) -> Void

  let stored = Collected<String>()
  let requests = Collected<StorageCommitment>()
  /// What its reports were answered.
  let answers = Collected<UInt16>()
  let associations = Collected<CommitmentAssociation>()
  let ends = Collected<Association.End>()
  let isCommitting: Bool
  let actionStatus: UInt16
  let script: Script
  private let listening = Mutex<(any Channel)?>(nil)

  init(isCommitting: Bool = true, actionStatus: UInt16 = 0, _ script: @escaping Script = { _, _ in }) {
    self.isCommitting = isCommitting
    self.actionStatus = actionStatus
    self.script = script
  }

  var port: Int { listening.withLock { $0?.localAddress?.port ?? 0 } }

  func start() async throws -> CommitmentPartner {
    let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let association = CommitmentAssociation(self)
          let policy = AssociationPolicy(
            calledAETitle: nil, callingAETitles: nil, maximumLength: 1 << 16, implementation: .hilum,
            serves: { $0 != DICOMUID.storageCommitment || self.isCommitting }, takes: { _, _ in true })
          let handler = AssociationHandler(.accepter(policy), user: association)
          association.handler = handler
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    listening.withLock { $0 = server }
    return self
  }

  func close() async throws { try await listening.withLock { $0 }?.close() }
}

/// One association of it, on its loop.
final class CommitmentAssociation: AssociationUser, @unchecked Sendable {
  private let partner: CommitmentPartner
  var handler: AssociationHandler?
  private var contextID: UInt8 = 0
  private var current: CommandSet?
  private var bytes: [UInt8] = []
  private var lastMessageID: UInt16 = 0

  init(_ partner: CommitmentPartner) { self.partner = partner }

  func associationEstablished(_ agreement: Agreement) { partner.associations.add(self) }

  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    if command.field?.isResponse == true { return partner.answers.add(command[number: .status] ?? 0xFFFF) }
    self.contextID = contextID
    (current, bytes) = (command, [])
    if command.field == .echoRequest { answer(command, 0) }
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {
    bytes += piece
    guard isLast, let command = current else { return }
    if command.field == .storeRequest {
      partner.stored.add(command[text: .affectedSOPInstanceUID] ?? "")
      return answer(command, 0)
    }
    guard let request = StorageCommitment(bytes, syntax: .implicitLittle) else { return answer(command, 0x0115) }
    partner.requests.add(request)
    answer(command, partner.actionStatus)
    partner.script(self, request)
  }

  private func answer(_ command: CommandSet, _ status: UInt16) {
    if let response = command.response(DIMSEStatus(status)) { handler?.send(response, contextID: contextID) }
  }

  /// Says what came of a request.
  ///
  /// - Parameter change: makes another command of the one that is right.
  func report(
    _ report: StorageCommitment, dataSet: [UInt8]? = nil, _ change: (inout CommandSet) -> Void = { _ in }
  ) {
    lastMessageID += 1
    var command = CommandSet.commitmentReport(messageID: lastMessageID, hasFailures: !report.failed.isEmpty)
    change(&command)
    let context = handler?.agreement?.context(
      for: DICOMUID.storageCommitment, DICOMTransferSyntax.implicitLittle.uid)
    handler?.send(command, dataSet: dataSet ?? report.bytes(.implicitLittle) ?? [], contextID: context ?? 0)
  }

  func associationWantsData(byteCountMax: Int) {}
  func associationReleaseRequested() { handler?.answerRelease() }
  func associationEnded(_ end: Association.End) {
    handler = nil
    partner.ends.add(end)
  }
}
