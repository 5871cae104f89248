import DICOM
import Foundation
import Testing

@testable import Partners

@Suite(.timeLimit(.minutes(1))) struct `A sender and a receiver of DICOM` {
  @Test func `objects of every kind arrive bit for bit, on several connections`() async throws {
    try await withTemporaryFolder { folder in
      let syntaxes: [DICOMTransferSyntax] = [
        .implicitLittle, .explicitLittle, .explicitBig, DICOMTransferSyntax(uid: "1.2.3.4"),
      ]
      var sent: [String: [UInt8]] = [:]
      let paths = try (0..<12).map { number in
        let path = "\(folder)/\(number).dcm"
        sent["1.9.\(number)"] = try DICOMScenes.write(
          path, sopClass: number % 5 == 0 ? "1.2.840.10008.5.1.4.1.1.7" : DICOMScenes.ct, sopInstance: "1.9.\(number)",
          syntax: syntaxes[number % 4], pixelBytes: number * 40_000)
        return path
      }
      let into = folder + "/into"
      try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true)
      let receiver = try await DICOMScenes.receiver { $0.folder = into }
      let report = try await DICOMScenes.send(paths, to: receiver, count: 36) { $0.connections = 3 }
      #expect(report.isAllTaken && report.count(.success) == 36, "\(report)")
      #expect(report.associationCount == 3 && report.latency.count == 36)
      let got = receiver.receptions
      #expect(got.count == 36 && Set(got.map(\.connection)).count == 3)
      for reception in got {
        #expect(reception.bytes == sent[reception.sopInstance])
        let name = MessageGenerator.digits(reception.number + 1, width: 6)
        let file = try DICOMSendFile(path: "\(into)/\(name).dcm")
        #expect(file.sopInstance == reception.sopInstance && file.transferSyntax == reception.transferSyntax)
        #expect(try DICOMScenes.dataSet(file.path) == reception.bytes)
      }
      #expect(try DICOMScenes.names(in: into).count == 36)
      await receiver.stop()
    }
  }

  @Test func `more kinds than one association can offer go over several`() async throws {
    try await withTemporaryFolder { folder in
      let paths = try (0..<150).map { number in
        let path = "\(folder)/\(number).dcm"
        try DICOMScenes.write(path, sopClass: "1.2.840.9.\(number)", sopInstance: "1.9.\(number)")
        return path
      }
      let receiver = try await DICOMScenes.receiver()
      let report = try await DICOMScenes.send(paths, to: receiver)
      #expect(report.isAllTaken && report.associationCount == 2, "\(report)")
      #expect(receiver.receptions.map(\.sopClass) == (0..<150).map { "1.2.840.9.\($0)" })
      await receiver.stop()
    }
  }

  @Test(arguments: [0x0000, 0xB000, 0xA700, 0xC000, 0x0122] as [UInt16])
  func `a status is told as it came`(code: UInt16) async throws {
    try await withTemporaryFolder { folder in
      try DICOMScenes.write(folder + "/1.dcm", sopInstance: "1.9.1")
      let receiver = try await DICOMScenes.receiver(.status(DIMSEStatus(code)))
      let report = try await DICOMScenes.send([folder + "/1.dcm"], to: receiver, count: 2)
      #expect(report.outcomes.map(\.status) == [DIMSEStatus(code), DIMSEStatus(code)])
      #expect(report.isAllTaken == (code == 0 || code == 0xB000) && report.associationCount == 1)
      await receiver.stop()
    }
  }

  @Test(
    arguments: [
      (.none, .noAnswerInTime), (.abort, .aborted), (.abortDuring, .aborted), (.close, .connectionLost),
    ] as [(DICOMBehaviour.Answer, DICOMSendOutcome.Failure)])
  func `what isn't answered is a failure of its kind, and the next one has another association`(
    answer: DICOMBehaviour.Answer, failure: DICOMSendOutcome.Failure
  ) async throws {
    try await withTemporaryFolder { folder in
      try DICOMScenes.write(folder + "/1.dcm", sopInstance: "1.9.1", pixelBytes: 500_000)
      let receiver = DICOMReceiver(
        DICOMReceivePlan { DICOMBehaviour($0.number == 1 ? .status(.success) : answer) })
      try await receiver.start()
      let report = try await DICOMScenes.send([folder + "/1.dcm"], to: receiver, count: 3) {
        $0.timeout = .seconds(2)
      }
      #expect(report.outcomes.map(\.failure) == [failure, nil, failure], "\(report)")
      #expect(report.associationCount == 2)
      await receiver.stop()
    }
  }

  @Test func `who isn't called by that name, or may not call, or finds no room is told so`() async throws {
    func refusal(_ receiver: DICOMReceiver, title: String?, calling: String) async throws -> String? {
      var plan = DICOMSendPlan(receiver.endpoint)
      plan.endpoint.title = title
      plan.calling = calling
      let report = try await DICOMSender(plan).send([.echo])
      #expect(report.count(.refused) + report.count(.success) == 1)
      return report.outcomes[0].reason
    }
    let receiver = try await DICOMScenes.receiver(title: "PACS") { $0.callers = ["CT1"] }
    #expect(try await refusal(receiver, title: "PACS", calling: "CT1") == nil)
    #expect(try await refusal(receiver, title: "OTHER", calling: "CT1")?.contains("not called by") == true)
    #expect(try await refusal(receiver, title: "PACS", calling: "CT2")?.contains("calling AE title") == true)
    #expect(receiver.echoCount == 1 && receiver.brokenCount == 2)
    await receiver.stop()
    let full = try await DICOMScenes.receiver { $0.refusal = AssociateReject(.transient, .localLimitExceeded) }
    #expect(try await refusal(full, title: nil, calling: "CT1")?.contains("no room") == true)
    await full.stop()
  }

  @Test func `a name that leads elsewhere becomes no path`() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/1.dcm"
      try DICOMScenes.write(path, sopInstance: "1.9.1")
      let file = try DICOMSendFile(path: path)
      let into = folder + "/into"
      try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true)
      let names = ["../../escaped", "/tmp/escaped", "a\u{0}b", "..", String(repeating: "9", count: 300)]
      for name in names {
        let reception = DICOMReception(
          number: 0, sopClass: file.sopClass, sopInstance: name, transferSyntax: file.transferSyntax,
          callingAETitle: "../X", connection: 0)
        if let received = try? DICOMReceivedFile(reception, in: into) {
          try received.finish(syncs: true)
          #expect(try DICOMScenes.names(in: into) == ["000001.dcm"])
          try FileManager.default.removeItem(atPath: into + "/000001.dcm")
        }
        #expect(try DICOMScenes.names(in: into) == [])
      }
      #expect(try DICOMScenes.names(in: folder) == ["1.dcm", "into"])
    }
  }

  @Test func `a disk that takes nothing is answered as such, and leaves no piece of a file`() async throws {
    try await withTemporaryFolder { folder in
      try DICOMScenes.write(folder + "/1.dcm", sopInstance: "1.9.1", pixelBytes: 300_000)
      let receiver = try await DICOMScenes.receiver { $0.folder = folder + "/missing" }
      let report = try await DICOMScenes.send([folder + "/1.dcm"], to: receiver)
      #expect(report.outcomes[0].status == .outOfResources)
      await receiver.stop()

      let into = folder + "/into"
      try FileManager.default.createDirectory(atPath: into, withIntermediateDirectories: true)
      let aborting = try await DICOMScenes.receiver(.abortDuring) { $0.folder = into }
      _ = try await DICOMScenes.send([folder + "/1.dcm"], to: aborting)
      #expect(try DICOMScenes.names(in: into) == [])
      await aborting.stop()
    }
  }

  @Test func `a file that is cut while it is sent ends its association, and the next is sent`() async throws {
    try await withTemporaryFolder { folder in
      let (cut, whole) = (folder + "/1.dcm", folder + "/2.dcm")
      try DICOMScenes.write(cut, sopInstance: "1.9.1", pixelBytes: 400_000)
      try DICOMScenes.write(whole, sopInstance: "1.9.2")
      let receiver = try await DICOMScenes.receiver()
      let sendings = try [cut, whole].map { DICOMSending.file(try DICOMSendFile(path: $0)) }
      try FileBytes.write(Array(try FileBytes.read(cut).prefix(200_000)), to: cut)
      let report = try await DICOMSender(DICOMSendPlan(receiver.endpoint)).send(sendings)
      #expect(report.outcomes.map(\.failure) == [.notRead, nil], "\(report)")
      #expect(receiver.receptions.map(\.sopInstance) == ["1.9.2"])
      await receiver.stop()
    }
  }

  @Test func `by schedule, objects go when they are due`() async throws {
    let receiver = try await DICOMScenes.receiver()
    var plan = DICOMSendPlan(receiver.endpoint)
    plan.rate = 50
    plan.connections = 2
    let report = try await DICOMSender(plan).send([.echo], count: 11)
    #expect(report.isAllTaken && report.seconds > 0.19, "\(report)")
    await receiver.stop()
  }

  @Test func `nobody there is no error, and said`() async throws {
    let kept = try PortReservation()
    let report = try await DICOMSender(DICOMSendPlan(PartnerEndpoint(.dicom, port: kept.port))).send([.echo], count: 3)
    #expect(report.count(.notConnected) == 3 && !report.isAllTaken)
  }

  @Test func `what is no DICOM file can't be sent`() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a"
      for bytes in [[], Array("MSH|^~\\&|".utf8), [UInt8](repeating: 0, count: 1000)] {
        try FileBytes.write(bytes, to: path)
        #expect(throws: PartnerError.self) { try DICOMSendFile(path: path) }
      }
    }
  }
}
