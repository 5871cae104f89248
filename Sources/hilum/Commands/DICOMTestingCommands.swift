import DICOM
import Foundation
import Partners

import struct ArgumentParser.ExitCode

extension SendCommand {
  func sendDICOM(to endpoint: PartnerEndpoint) async throws {
    guard window == 1, resend == nil, !fresh, !asIs else {
      throw Failure("--window, --resend, --fresh and --as-is are MLLP's.", code: 2)
    }
    var plan = DICOMSendPlan(endpoint)
    do {
      if let calling { plan.calling = try PartnerEndpoint.title(calling) }
    } catch {
      throw Failure("\(error)", code: 2)
    }
    // One that can't be read keeps nothing from the others.
    let sendings = echo ? [.echo] : files.compactMap(Self.sending)
    plan.rate = rate
    plan.connections = max(1, connections)
    plan.timeout = .seconds(timeout)
    plan.tls = PartnerTLS(certificate: identity(certificate, key), trust: trust, verifies: !anyCertificate)
    let showsAll = verbose || count == nil
    let report: DICOMSendReport
    do {
      report = try await DICOMSender(plan).send(sendings, count: count) { outcome in
        if showsAll || !outcome.isTaken { Terminal.line(Self.line(outcome)) }
      }
    } catch {
      throw Failure("\(error)")
    }
    Terminal.line(report.description)
    if !report.isAllTaken || !echo && sendings.count < files.count { throw ExitCode(1) }
  }

  private static func sending(_ path: String) -> DICOMSending? {
    do {
      return .file(try DICOMSendFile(path: path))
    } catch {
      Terminal.error(Terminal.safe("\(error)"))
      return nil
    }
  }

  private static func line(_ outcome: DICOMSendOutcome) -> String {
    let name =
      switch outcome.sending {
      case .echo: "C-ECHO"
      case .file(let file): "\(file.path)  \(file.sopInstance)"
      }
    let answer = outcome.status.map { "\($0)" } ?? outcome.failure?.rawValue ?? "not sent"
    let why = (outcome.comment ?? outcome.reason).map { ": \($0)" } ?? ""
    return Terminal.safe("\(outcome.number + 1)  \(name)  \(answer)\(why)")
  }
}

extension ReceiveCommand {
  static let dicomWords = DICOMBehaviour.words + ["reject", "busy"]

  func receiveDICOM(on endpoint: PartnerEndpoint) async throws {
    guard reply == nil, applicationAck == nil, applicationAckTo == nil, applicationAckAfter == 0, history == nil else {
      throw Failure("--reply, --application-ack… and --history are MLLP's.", code: 2)
    }
    let receiver = DICOMReceiver(try plan(endpoint))
    do {
      if let into { try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true) }
      try await receiver.start()
    } catch {
      throw Failure("\(error)")
    }
    Terminal.line("hilum receives on \(receiver.endpoint)")
    await untilInterrupted()
    await receiver.stop()
    Terminal.line(receiver.description)
  }

  private func plan(_ endpoint: PartnerEndpoint) throws -> DICOMReceivePlan {
    let refusals = [
      "reject": AssociateReject(.permanent, .noReason), "busy": AssociateReject(.transient, .localLimitExceeded),
    ]
    let word = answer ?? "0000"
    guard let behaviour = refusals[word] == nil ? DICOMBehaviour(word: word) : DICOMBehaviour() else {
      throw Failure("--answer is one of \(Self.dicomWords.joined(separator: ", ")).", code: 2)
    }
    let (delay, dropEvery, quiet) = (delay, dropEvery, quiet)
    var plan = DICOMReceivePlan(endpoint) { reception in
      if let dropEvery, dropEvery > 0, (reception.number + 1) % dropEvery == 0 { return DICOMBehaviour(.close) }
      return DICOMBehaviour(behaviour.answer, delay: .milliseconds(delay))
    }
    plan.refusal = refusals[word]
    if !quiet {
      plan.whenReceived = { reception in
        let syntax = DICOMTransferSyntax(uid: reception.transferSyntax)
        Terminal.line(
          Terminal.safe(
            "\(reception.number + 1)  \(reception.sopInstance)  \(reception.byteCount) bytes, "
              + "\(syntax.isKnown ? syntax.name : reception.transferSyntax), from \(reception.callingAETitle)"))
      }
    }
    plan.tls = PartnerTLS(certificate: identity(certificate, key), trust: trust)
    plan.folder = into
    plan.syncs = sync
    do {
      if let calling {
        plan.callers = Set(try calling.split(separator: ",").map { try PartnerEndpoint.title(String($0)) })
      }
      plan.commitment = .init(to: try commitTo.map(Self.dicom), after: .milliseconds(commitAfter))
    } catch {
      throw Failure("\(error)", code: 2)
    }
    return plan
  }

  private static func dicom(_ url: String) throws -> PartnerEndpoint {
    let endpoint = try PartnerEndpoint(url: url)
    guard endpoint.language == .dicom else { throw PartnerError.badURL("--commit-to is a dicom:// address") }
    return endpoint
  }
}
