import DICOM
import Foundation
import Partners
import Synchronization

/// The smallest way of images: a source and one partner over DICOM, no transform. Retries come quickly.
final class ImageWay: Sendable {
  let project: Project
  let receiver: DICOMReceiver
  /// Where the channel `images` listens.
  let port: Int
  private let told: Told

  private final class Told: Sendable {
    struct Script: Sendable {
      var behaviour: @Sendable (DICOMReception) -> DICOMBehaviour
    }
    let script = Mutex(Script { _ in DICOMBehaviour() })
  }

  private init(_ project: Project, _ receiver: DICOMReceiver, _ port: Int, _ told: Told) {
    self.project = project
    self.receiver = receiver
    self.port = port
    self.told = told
  }

  /// - Parameters:
  ///   - source, destination: further settings, each with a comma before it.
  ///   - lane: further lines of the destination.
  ///   - channel: further lines of the channel.
  ///   - commitment: how the partner reports what it commits itself to, told where the channel listens.
  static func make(
    source: String = "", destination: String = ", timeout: 5s",
    lane: String = "retry: {first: 20ms, factor: 1, longest: 20ms}", channel: String = "", in folder: String? = nil,
    commitment: (_ port: Int) -> DICOMReceivePlan.Commitment = { _ in .init() }
  ) async throws -> ImageWay {
    let project = try Project(in: folder)
    let told = Told()
    var plan = DICOMReceivePlan(PartnerEndpoint(.dicom, title: "PACS", port: 0)) { reception in
      told.script.withLock { $0.behaviour }(reception)
    }
    plan.keepsBytes = true
    let port = try project.port()
    plan.commitment = commitment(port)
    let receiver = DICOMReceiver(plan)
    try await receiver.start()
    try project.write(
      "Channels/images.yaml",
      """
      channel: images
      source:
        dicom: {port: \(port)\(source)}
      destinations:
        pacs:
          dicom: {host: 127.0.0.1, port: \(receiver.port), ae-title: PACS\(destination)}
          \(lane)
      \(channel)

      """)
    try project.makeFolder("objects")
    return ImageWay(project, receiver, port, told)
  }

  /// Other settings of the destination, each with a comma before it.
  func destination(_ settings: String) throws {
    let lines = String(decoding: project.read("Channels/images.yaml"), as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    let changed = lines.map { line in
      guard let end = line.range(of: "ae-title: PACS")?.upperBound else { return String(line) }
      return line[..<end] + settings + "}"
    }
    try project.write("Channels/images.yaml", changed.joined(separator: "\n"))
  }

  func answer(_ script: @escaping @Sendable (DICOMReception) -> DICOMBehaviour) {
    told.script.withLock { $0.behaviour = script }
  }

  /// Writes an image into a file that can be sent.
  func file(
    _ number: Int, pixelBytes: Int = 1000, syntax: DICOMTransferSyntax = .explicitLittle
  ) throws -> DICOMSendFile {
    let path = project.path("objects/\(number).dcm")
    try Images.write(
      Images.dataSet(number, pixelBytes: pixelBytes, syntax: syntax), number, syntax: syntax, to: path)
    return try DICOMSendFile(path: path)
  }

  @discardableResult
  func send(
    _ files: [DICOMSendFile], _ change: (inout DICOMSendPlan) -> Void = { _ in }
  ) async throws -> DICOMSendReport {
    var plan = DICOMSendPlan(PartnerEndpoint(.dicom, title: "HILUM", port: port))
    change(&plan)
    return try await DICOMSender(plan).send(files.map { .file($0) })
  }
}
