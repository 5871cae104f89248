import DICOM
import DICOMTransport
import NIOCore
import NIOPosix

/// Asks a partner whether it is there, by C-ECHO on an association of its own. Lives on one event loop: hence
/// `@unchecked`.
final class DICOMEcho: AssociationUser, @unchecked Sendable {
  private let partner: DICOMCall.Partner
  private let loop = partnerLoops.next()
  private var handler: AssociationHandler?
  private var status: DIMSEStatus?
  private var isCommitting = true
  private var then: CheckedContinuation<(Bool, String), Never>?

  init(_ partner: DICOMCall.Partner) { self.partner = partner }

  /// - Returns: whether it answered with success, and a line for people.
  func run() async -> (Bool, String) {
    await withCheckedContinuation { then in
      loop.execute { [self] in
        self.then = then
        let request = DICOMCall.request(partner, for: [])
        let handler = AssociationHandler(
          .requester(request), times: AssociationHandler.Times(silence: partner.timeout), user: self)
        self.handler = handler
        partner.dial.connect(on: loop) { handler }.whenFailure { [self] error in
          end(false, (error as? Unreachable)?.reason ?? "\(error)")
        }
      }
    }
  }

  private func end(_ reached: Bool, _ line: String) {
    then?.resume(returning: (reached, line))
    then = nil
    handler = nil
  }

  func associationEstablished(_ agreement: Agreement) {
    guard let context = agreement.context(for: DICOMUID.verification, DICOMTransferSyntax.implicitLittle.uid)
    else {
      handler?.release()
      return end(true, "association: \(partner.called) takes it, and answers no C-ECHO")
    }
    isCommitting =
      !partner.commits || agreement.contexts.values.contains { $0.abstractSyntax == DICOMUID.storageCommitment }
    handler?.send(.echo(messageID: 1), contextID: context)
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    status = command[number: .status].map { DIMSEStatus($0) }
    handler?.release()
    let answer = "C-ECHO: \(partner.called) answered \(status.map { "\($0)" } ?? "without a status")"
    end(status == .success, isCommitting ? answer : answer + "; it takes no request for storage commitment")
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {}
  func associationWantsData(byteCountMax: Int) {}
  func associationReleaseRequested() { handler?.answerRelease() }
  func associationEnded(_ end: Association.End) { self.end(false, DICOMCall.reason(end, handler?.failure, partner)) }
}
