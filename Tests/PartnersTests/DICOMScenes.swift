import DICOM
import Foundation

@testable import Partners

/// Objects of tests: made, and written as files of PS3.10.
enum DICOMScenes {
  static let ct = "1.2.840.10008.5.1.4.1.1.2"
  static let jpeg = "1.2.840.10008.1.2.4.50"

  /// - Returns: the data set.
  @discardableResult
  static func write(
    _ path: String, sopClass: String = ct, sopInstance: String, syntax: DICOMTransferSyntax = .explicitLittle,
    pixelBytes: Int = 1000
  ) throws -> [UInt8] {
    var draft = DICOMDraft(new: syntax)
    try draft.set(DICOMPath(.sopClassUID), .text(sopClass))
    try draft.set(DICOMPath(.sopInstanceUID), .text(sopInstance))
    try draft.set(DICOMPath(DICOMTag(0x0010, 0x0010)), .text("Test^Object"))
    let pixels = (0..<pixelBytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ sopInstance.utf8.count) }
    try draft.set(DICOMPath(DICOMTag(0x0042, 0x0011)), .bytes(pixels), vr: .ob)
    let dataSet = try draft.bytes()
    let head = try DICOMFile.head(sopClass: sopClass, sopInstance: sopInstance, syntax: syntax)
    try FileBytes.write(head + dataSet, to: path)
    return dataSet
  }

  /// The data set of a file.
  static func dataSet(_ path: String) throws -> [UInt8] {
    let bytes = try FileBytes.read(path)
    return Array(bytes[try DICOMObject(bytes).dataSetStart...])
  }

  static func send(
    _ paths: [String], to receiver: DICOMReceiver, count: Int? = nil, _ change: (inout DICOMSendPlan) -> Void = { _ in }
  ) async throws -> DICOMSendReport {
    var plan = DICOMSendPlan(receiver.endpoint)
    plan.timeout = .seconds(10)
    change(&plan)
    return try await DICOMSender(plan).send(try paths.map { .file(try DICOMSendFile(path: $0)) }, count: count)
  }

  static func receiver(
    _ answer: DICOMBehaviour.Answer = .status(.success), title: String? = nil,
    _ change: (inout DICOMReceivePlan) -> Void = { _ in }
  ) async throws -> DICOMReceiver {
    var plan = DICOMReceivePlan(PartnerEndpoint(.dicom, title: title, port: 0)) { _ in DICOMBehaviour(answer) }
    plan.keepsBytes = true
    change(&plan)
    let receiver = DICOMReceiver(plan)
    try await receiver.start()
    return receiver
  }

  /// Looks again and again until something holds, of which nothing tells.
  static func eventually(_ what: String, _ holds: () throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try !holds() {
      if ContinuousClock.now > deadline { throw PartnerError.file("not within 20 s: \(what)") }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  static func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }
}
