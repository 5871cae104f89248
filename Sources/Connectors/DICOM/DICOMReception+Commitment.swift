import ConnectorKit
import DICOM
import DICOMTransport
import Dispatch
import Logging
import NIOCore

// Storage commitment (PS3.4 annex J) at a source. Callers ask by N-ACTION which objects are kept here, and are told by
// N-EVENT-REPORT; partners of a destination report in the same way what they keep.
extension DICOMReception {
  /// Whether a command brings such a list.
  func isCommitment(_ command: CommandSet, _ contextID: UInt8) -> Bool {
    guard command.hasDataSet, agreement?.contexts[contextID]?.abstractSyntax == DICOMUID.storageCommitment else {
      return false
    }
    return command.field == .eventReportRequest || command.field == .actionRequest && shared.services.commits
  }

  /// A list has come to its end.
  func take(_ bytes: [UInt8], _ request: CommandSet, _ contextID: UInt8) {
    let syntax = DICOMTransferSyntax(uid: agreement?.contexts[contextID]?.transferSyntax ?? "")
    unansweredCount += 1
    worker.async { [self] in
      if request.field == .actionRequest {
        let (asked, status) = Self.read(request, bytes, syntax)
        return loop.execute { self.asked(asked, status, request, contextID, syntax) }
      }
      let (report, refusal) = DICOMReports.read(request, bytes, syntax)
      let settle: @Sendable (DIMSEStatus) -> Void = { status in
        self.loop.execute { self.settle(request, contextID, status) }
      }
      guard let report else { return settle(refusal) }
      DICOMReports.hand(report, to: shared.inbox, then: settle)
    }
  }

  // MARK: What is kept here

  private static func read(
    _ command: CommandSet, _ bytes: [UInt8], _ syntax: DICOMTransferSyntax
  ) -> (asked: StorageCommitment?, status: DIMSEStatus) {
    guard command[text: .requestedSOPClassUID] == DICOMUID.storageCommitment else { return (nil, .noSuchSOPClass) }
    guard command[text: .requestedSOPInstanceUID] == DICOMUID.storageCommitmentInstance else {
      return (nil, .noSuchInstance)
    }
    guard command[number: .actionTypeID] == 1 else { return (nil, .noSuchAction) }
    guard let asked = StorageCommitment(bytes, syntax: syntax), !asked.references.isEmpty else {
      return (nil, .invalidArgument)
    }
    return (asked, .success)
  }

  private func asked(
    _ asked: StorageCommitment?, _ status: DIMSEStatus, _ request: CommandSet, _ contextID: UInt8,
    _ syntax: DICOMTransferSyntax
  ) {
    answer(request, contextID, status)
    guard let asked else { return isSettled() }
    // The association stays open for the report as long as its caller leaves it open.
    Task { [shared, loop] in
      let report = await Self.verdicts(on: asked, shared.inbox)
      loop.execute { self.tell(report, contextID, syntax) }
    }
  }

  /// An object that was answered with 0000H is on disk; whether its bytes are still there, the store knows.
  private static func verdicts(on asked: StorageCommitment, _ inbox: any Inbox) async -> StorageCommitment {
    var report = StorageCommitment(asked.transaction, [])
    for reference in asked.references {
      do {
        let kept = try await inbox.kept(DICOMSourceSettings.instanceColumn, reference.sopInstance)
        if kept.contains(where: { $0[DICOMSourceSettings.classColumn] == reference.sopClass }) {
          report.references.append(reference)
        } else {
          report.failed.append(.init(reference, kept.isEmpty ? .noSuchInstance : .classConflict))
        }
      } catch {
        report.failed.append(.init(reference, .processing))
      }
    }
    return report
  }

  private func tell(_ report: StorageCommitment, _ contextID: UInt8, _ syntax: DICOMTransferSyntax) {
    defer { isSettled() }
    let calling = agreement?.callingAETitle ?? ""
    if let place = shared.callers.first(where: { $0.aeTitle.text == calling && $0.reportTo != nil })?.reportTo {
      return shared.reporter.tell(report, to: calling, at: place, calling: agreement?.calledAETitle ?? "")
    }
    guard let handler, let bytes = report.bytes(syntax) else {
      shared.logger.notice(
        "a report of storage commitment could not be given: its association has ended, and no `report-to` is known",
        metadata: ["peer": "\(peer.address)", "calling": "\(calling)"])
      return
    }
    lastMessageID = lastMessageID == .max ? 1 : lastMessageID + 1
    handler.send(
      .commitmentReport(messageID: lastMessageID, hasFailures: !report.failed.isEmpty), dataSet: bytes,
      contextID: contextID)
  }
}
