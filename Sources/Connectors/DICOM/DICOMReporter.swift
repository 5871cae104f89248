import ConnectorKit
import DICOM
import DICOMTransport
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Tells callers, on associations that are made to them, what is committed. One that isn't there is tried again for
/// some minutes: after that it asks anew, as after any report that goes astray.
final class DICOMReporter: Sendable {
  private struct State {
    var tasks: [Int: Task<Void, Never>] = [:]
    var lastNumber = 0
    var isStopped = false
  }

  /// More reports than this wait for no caller.
  private static let underWayMax = 1000
  private static let pauses: [Duration] = [.zero, .seconds(5), .seconds(30), .seconds(120), .seconds(600)]
  private static let timeout = TimeAmount.seconds(30)

  private let logger: Logger
  private let state = Mutex(State())

  init(_ logger: Logger) { self.logger = logger }

  func tell(_ report: StorageCommitment, to called: String, at place: DICOMReportSettings, calling: String) {
    let dial = Dial(
      host: place.host, port: place.port.number, tls: place.tls?.options, within: .seconds(10), logger: logger)
    let partner = DICOMCall.Partner(dial: dial, called: called, calling: calling, timeout: Self.timeout)
    let isFull = state.withLock { state in
      guard !state.isStopped, state.tasks.count < Self.underWayMax else { return !state.isStopped }
      state.lastNumber += 1
      let number = state.lastNumber
      state.tasks[number] = Task {
        await self.tell(report, partner)
        self.state.withLock { $0.tasks[number] = nil }
      }
      return false
    }
    if isFull {
      logger.warning("a report of storage commitment is not given: too many wait", metadata: ["calling": "\(called)"])
    }
  }

  private func tell(_ report: StorageCommitment, _ partner: DICOMCall.Partner) async {
    for pause in Self.pauses {
      do { try await Task.sleep(for: pause) } catch { return }
      guard let failure = await DICOMReportCall(report, partner).run() else { return }
      logger.notice("a report of storage commitment could not be given", metadata: ["reason": "\(failure.reason)"])
      if failure.isFinal { return }
    }
  }

  func stop() {
    let tasks = state.withLock { state in
      state.isStopped = true
      return Array(state.tasks.values)
    }
    for task in tasks { task.cancel() }
  }
}

/// One association on which a caller is told what is committed. Lives on one event loop: hence `@unchecked`.
private final class DICOMReportCall: AssociationUser, @unchecked Sendable {
  private let report: StorageCommitment
  private let partner: DICOMCall.Partner
  private let loop = partnerLoops.next()
  private var handler: AssociationHandler?
  private var then: CheckedContinuation<Failure?, Never>?

  struct Failure {
    let reason: String
    /// It would fare alike another time.
    var isFinal = false
  }

  init(_ report: StorageCommitment, _ partner: DICOMCall.Partner) {
    self.report = report
    self.partner = partner
  }

  /// - Returns: why it could not be told.
  func run() async -> Failure? {
    await withCheckedContinuation { then in
      loop.execute { [self] in
        self.then = then
        let handler = AssociationHandler(
          .requester(request), times: AssociationHandler.Times(silence: partner.timeout), user: self)
        self.handler = handler
        partner.dial.connect(on: loop) { handler }.whenFailure { [self] error in
          end(Failure(reason: (error as? Unreachable)?.reason ?? "\(error)"))
        }
      }
    }
  }

  private var request: AssociateRequest {
    var partner = partner
    partner.commits = true
    var request = DICOMCall.request(partner, for: [])
    // Who reports serves, although it made the association (PS3.7 D.3.3.4).
    request.user.roles = [RoleSelection(sopClass: DICOMUID.storageCommitment, asSCU: false, asSCP: true)]
    return request
  }

  private func end(_ failure: Failure?) {
    then?.resume(returning: failure)
    then = nil
    handler = nil
  }

  func associationEstablished(_ agreement: Agreement) {
    let syntax = DICOMTransferSyntax.implicitLittle
    guard let context = agreement.context(for: DICOMUID.storageCommitment, syntax.uid),
      let bytes = report.bytes(syntax)
    else {
      handler?.release()
      let reason = "\(partner.dial.target) (\(partner.called)) takes no reports of storage commitment"
      return end(Failure(reason: reason, isFinal: true))
    }
    handler?.send(
      .commitmentReport(messageID: 1, hasFailures: !report.failed.isEmpty), dataSet: bytes, contextID: context)
  }

  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    guard command.field == .eventReportResponse, let code = command[number: .status] else { return }
    handler?.release()
    let status = DIMSEStatus(code)
    if [.success, .warning].contains(status.statusClass) { return end(nil) }
    end(Failure(reason: "\(partner.dial.target) answered \(status)", isFinal: !status.isTransient))
  }

  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {}
  func associationWantsData(byteCountMax: Int) {}
  func associationReleaseRequested() { handler?.answerRelease() }
  func associationEnded(_ end: Association.End) {
    self.end(Failure(reason: DICOMCall.reason(end, handler?.failure, partner)))
  }
}
