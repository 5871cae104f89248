internal import DICOM
internal import DICOMTransport
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What storage commitment is asked for (PS3.4 annex J.3.2).
struct DICOMCommitment: Sendable {
  struct Reference: Sendable, Hashable {
    var sopClass: String
    var sopInstance: String
  }

  private static let transaction = DICOMTag(0x0008, 0x1195)
  private static let referenced = DICOMTag(0x0008, 0x1199)
  private static let failed = DICOMTag(0x0008, 0x1198)
  private static let referencedClass = DICOMTag(0x0008, 0x1150)
  private static let referencedInstance = DICOMTag(0x0008, 0x1155)
  private static let failureReason = DICOMTag(0x0008, 0x1197)

  var transaction: String
  var references: [Reference]

  /// `nil`: it isn't one.
  init?(_ bytes: [UInt8], syntax: DICOMTransferSyntax) {
    guard let dataSet = try? DICOMObject(bytes, syntax: syntax).dataSet,
      let transaction = try? dataSet[Self.transaction]?.text(), let items = dataSet[Self.referenced]?.items
    else { return nil }
    self.transaction = transaction
    references = items.compactMap { item in
      guard let sopClass = try? item[Self.referencedClass]?.text(),
        let sopInstance = try? item[Self.referencedInstance]?.text()
      else { return nil }
      return Reference(sopClass: sopClass, sopInstance: sopInstance)
    }
  }

  /// The data set of the report (PS3.4 annex J.3.3); `nil` where what was asked for can't be written.
  func report(failed: [Reference], _ syntax: DICOMTransferSyntax) -> [UInt8]? {
    let kept = references.filter { !failed.contains($0) }
    var draft = DICOMDraft(new: syntax)
    do {
      try draft.set(DICOMPath(Self.transaction), .text(transaction))
      for (tag, list) in [(Self.failed, failed), (Self.referenced, kept)] where !list.isEmpty {
        for (place, reference) in list.enumerated() {
          func path(_ element: DICOMTag) -> DICOMPath {
            DICOMPath([.init(.standard(tag), item: place + 1), .init(.standard(element))])
          }
          try draft.set(path(Self.referencedClass), .text(reference.sopClass))
          try draft.set(path(Self.referencedInstance), .text(reference.sopInstance))
          // No such object instance.
          if tag == Self.failed { try draft.set(path(Self.failureReason), .integer(0x0112)) }
        }
      }
      return try draft.bytes()
    } catch {
      return nil
    }
  }
}

/// Tells on an association of its own what was committed: the one who serves makes it.
final class DICOMCommitmentReport: AssociationUser, @unchecked Sendable {
  private let commitment: DICOMCommitment
  private let failed: [DICOMCommitment.Reference]
  private var handler: AssociationHandler?

  private init(_ commitment: DICOMCommitment, _ failed: [DICOMCommitment.Reference]) {
    self.commitment = commitment
    self.failed = failed
  }

  static func send(
    _ commitment: DICOMCommitment, failed: [DICOMCommitment.Reference], to endpoint: PartnerEndpoint, tls: PartnerTLS,
    calling: String?, on loop: any EventLoop
  ) {
    var user = UserInformation(
      maximumLength: 1 << 14, implementationClassUID: Implementation.hilum.classUID,
      implementationVersionName: Implementation.hilum.versionName)
    user.roles = [RoleSelection(sopClass: DICOMUID.storageCommitment, asSCU: false, asSCP: true)]
    let request = AssociateRequest(
      calledAETitle: endpoint.title ?? DICOMSendPlan.anybody, callingAETitle: calling ?? "HILUM",
      contexts: [
        PresentationContext(
          id: 1, abstractSyntax: DICOMUID.storageCommitment,
          transferSyntaxes: [DICOMTransferSyntax.implicitLittle.uid])
      ], user: user)
    let report = DICOMCommitmentReport(commitment, failed)
    ClientBootstrap(group: loop)
      .connectTimeout(.seconds(10))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if endpoint.isTLS {
            let context = try tls.senderContext()
            try channel.pipeline.syncOperations.addHandler(SenderTLS.handler(context, host: endpoint.host))
          }
          let handler = AssociationHandler(.requester(request), user: report)
          report.handler = handler
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      // A test partner that can't tell it has told nothing, as real ones do.
      .connect(host: endpoint.host, port: endpoint.port).whenFailure { _ in }
  }

  func associationEstablished(_ agreement: Agreement) {
    guard agreement.contexts[1] != nil, let bytes = commitment.report(failed: failed, .implicitLittle) else {
      handler?.release()
      return
    }
    handler?.send(
      .commitmentReport(messageID: 1, hasFailures: !failed.isEmpty), dataSet: bytes, contextID: 1)
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) { handler?.release() }
  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {}
  func associationWantsData(byteCountMax: Int) {}
  func associationReleaseRequested() { handler?.answerRelease() }
  func associationEnded(_ end: Association.End) { handler = nil }
}
