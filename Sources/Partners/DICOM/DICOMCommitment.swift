internal import DICOM
internal import DICOMTransport
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Tells on an association of its own what was committed: the one who serves makes it.
final class DICOMCommitmentReport: AssociationUser, @unchecked Sendable {
  private let report: StorageCommitment
  private var handler: AssociationHandler?

  private init(_ report: StorageCommitment) { self.report = report }

  static func send(
    _ report: StorageCommitment, to endpoint: PartnerEndpoint, tls: PartnerTLS, calling: String?, on loop: any EventLoop
  ) {
    var about = UserInformation(
      maximumLength: 1 << 14, implementationClassUID: Implementation.hilum.classUID,
      implementationVersionName: Implementation.hilum.versionName)
    about.roles = [RoleSelection(sopClass: DICOMUID.storageCommitment, asSCU: false, asSCP: true)]
    let request = AssociateRequest(
      calledAETitle: endpoint.title ?? DICOMSendPlan.anybody, callingAETitle: calling ?? "HILUM",
      contexts: [
        PresentationContext(
          id: 1, abstractSyntax: DICOMUID.storageCommitment,
          transferSyntaxes: [DICOMTransferSyntax.implicitLittle.uid])
      ], user: about)
    let user = DICOMCommitmentReport(report)
    ClientBootstrap(group: loop)
      .connectTimeout(.seconds(10))
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if endpoint.isTLS {
            let context = try tls.senderContext()
            try channel.pipeline.syncOperations.addHandler(SenderTLS.handler(context, host: endpoint.host))
          }
          let handler = AssociationHandler(.requester(request), user: user)
          user.handler = handler
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      // A test partner that can't tell it has told nothing, as real ones do.
      .connect(host: endpoint.host, port: endpoint.port).whenFailure { _ in }
  }

  func associationEstablished(_ agreement: Agreement) {
    guard agreement.contexts[1] != nil, let bytes = report.bytes(.implicitLittle) else {
      handler?.release()
      return
    }
    handler?.send(
      .commitmentReport(messageID: 1, hasFailures: !report.failed.isEmpty), dataSet: bytes, contextID: 1)
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) { handler?.release() }
  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {}
  func associationWantsData(byteCountMax: Int) {}
  func associationReleaseRequested() { handler?.answerRelease() }
  func associationEnded(_ end: Association.End) { handler = nil }
}
