import Connectors
import DICOM
import Definitions
import Foundation
import Testing

@testable import Authoring

/// Cases of transforms and channels over objects of DICOM.
@Suite struct DICOMCaseTests {
  private let workshop: Workshop

  init() throws {
    workshop = try Workshop()
    try workshop.write(
      "Transforms/anonymous.hilt",
      """
      transform anonymous
        in  dicom
        out dicom

      require PatientID is valued else reject CANNOT_UNDERSTAND "no PatientID" at PatientID
      let out = copy msg
      out.PatientID = "X{PatientID}"
      emit out

      """)
    try input("Transforms/anonymous.tests/first", patient: "42")
  }

  private func input(_ folder: String, patient: String, modality: String = "CT") throws {
    var draft = DICOMDraft(new: .explicitLittle)
    try draft.set(DICOMPath("SOPClassUID"), .text("1.2.840.10008.5.1.4.1.1.2"))
    try draft.set(DICOMPath("SOPInstanceUID"), .text("1.2.3"))
    try draft.set(DICOMPath("Modality"), .text(modality))
    try draft.set(DICOMPath("PatientID"), .text(patient))
    let head = try DICOMFile.head(sopClass: "1.2.840.10008.5.1.4.1.1.2", sopInstance: "1.2.3", syntax: .explicitLittle)
    let whole = URL(fileURLWithPath: "\(workshop.path)/\(folder)/in.dcm")
    try FileManager.default.createDirectory(at: whole.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(head + (try draft.bytes())).write(to: whole)
  }

  private func run(accepts: Bool = false) throws -> CaseReport {
    let registry = ConnectorRegistry(
      sources: [FileSource.self], destinations: [FileDestination.self])
    let folders = try CaseFolder.find([workshop.path])
    return CaseTrial(accepts: accepts) { ChannelLoader(registry: registry).load([$0]) }.run(folders)
  }

  @Test func `what comes out is kept as a tree, and a difference names its line`() throws {
    #expect(try run(accepts: true).failedCount == 0)
    let folder = "Transforms/anonymous.tests/first"
    let tree = try #require(workshop.read("\(folder)/out.1.tree"))
    #expect(tree.contains("(0010,0020) LO PatientID                        [X42]\n"))
    #expect(tree.contains("TransferSyntaxUID"))
    #expect(try run().failedCount == 0)
    try workshop.write("\(folder)/out.1.tree", tree.replacing("[X42]", with: "[X43]"))
    let failures = try run().results.flatMap(\.failures)
    #expect(failures.count == 1)
    #expect(failures.first?.hasPrefix("out.1.tree:11: expected \"(0010,0020) LO PatientID") == true, "\(failures)")
  }

  @Test func `a refusal has the status of DIMSE`() throws {
    try input("Transforms/anonymous.tests/first", patient: "")
    _ = try run(accepts: true)
    #expect(
      workshop.read("Transforms/anonymous.tests/first/outcome.txt") == "rejected C000 at PatientID: no PatientID\n")
  }

  @Test func `a channel routes by elements, and names files and duplicates after them`() throws {
    try workshop.write(
      "Channels/images.yaml",
      """
      channel: images
      source:
        file: {directory: in, pattern: "*.dcm"}
      format: dicom
      transform: ../Transforms/anonymous.hilt
      destinations:
        ct:
          when: Modality == "CT"
          file: {directory: out, name: "{PatientID}-{SOPInstanceUID}.dcm"}
        other:
          when: Modality != "CT"
          file: {directory: other, name: "{SOPInstanceUID}.dcm"}
        short:
          transform: |
            transform short
              in  dicom
              out dicom
            let out = copy msg
            remove out.Modality
            emit out
          file: {directory: short, name: "{PatientID}.dcm"}
      duplicates: {key: "{SOPInstanceUID}"}
      columns: {modality: Modality, patient: PatientID}
      """)
    try input("Channels/images.tests/first", patient: "42")
    let report = try run(accepts: true)
    #expect(report.failedCount == 0, "\(report.results.map(\.failures))")
    let names = workshop.names("Channels/images.tests/first")
    #expect(names == ["in.dcm", "out.ct.1.tree", "out.short.1.tree", "outcome.txt"])
    #expect(
      workshop.read("Channels/images.tests/first/outcome.txt") == """
        routed
        name of out.ct.1.tree: X42-1.2.3.dcm
        name of out.short.1.tree: X42.dcm

        """)
    #expect(workshop.read("Channels/images.tests/first/out.short.1.tree")?.contains("Modality") == false)
    try input("Channels/images.tests/first", patient: "")
    _ = try run(accepts: true)
    #expect(
      workshop.read("Channels/images.tests/first/outcome.txt") == "rejected C000 at PatientID: no PatientID\n")
  }
}
