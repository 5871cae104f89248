import DICOM
import Engine
import Foundation
import Messages
import Partners
import Store
import Testing

extension Ways {
  /// A channel whose program takes the patient's identity out of images.
  @Suite struct `Images without identity` {
    private let program = """
      transform research
        in  dicom
        out dicom
      let out = deidentify(msg, profile: basic, key: "research-2026", prefix: "RS")
      out.PatientName = PN { family: out.PatientID }
      emit out

      """

    private func way() async throws -> ImageWay {
      let way = try await ImageWay.make(
        channel: "transform: {file: ../Transforms/research.hilt, keys: {research-2026: {file: ../research.key}}}")
      try way.project.write("Transforms/research.hilt", program)
      return way
    }

    @Test func `leave with their pixels, small and large, and the story tells nothing of what was there`() async throws
    {
      let way = try await way()
      try way.project.write("research.key", "a key of more than sixteen bytes\n")
      try await way.project.start()
      let sizes = [10, 300_000, 3_000_000]
      let files = try sizes.enumerated().map { try way.file($0.offset, pixelBytes: $0.element) }

      #expect(try await way.send(files).isAllTaken)

      let got = try await way.receiver.receptions(atLeast: files.count)
      var studies: Set<String> = []
      for (number, reception) in got.enumerated() {
        #expect(reception.sopInstance.hasPrefix("2.25."))
        let bytes = try #require(reception.bytes)
        let head = try DICOMFile.head(
          sopClass: Images.ct, sopInstance: reception.sopInstance, syntax: .explicitLittle)
        let object = try DICOMObject(head + bytes).dataSet
        #expect(try object["SOPInstanceUID"]?.text() == reception.sopInstance)
        #expect(try object["PatientID"]?.text()?.wholeMatch(of: /RS[0-9A-Z]{16}/) != nil)
        #expect(try object["PatientName"]?.text() == object["PatientID"]?.text())
        studies.insert(try object["StudyInstanceUID"]?.text() ?? "")
        let sent = try Images.dataSet(number, pixelBytes: sizes[number])
        let isSame = bytes.suffix(sizes[number]) == sent.suffix(sizes[number])
        #expect(isSame, "of \(sizes[number]) bytes")
        #expect(
          !bytes.prefix(2_000).contains(text: "Jane")
            && !bytes.prefix(2_000).contains(text: "P\(number) "))
      }
      #expect(studies.count == 1 && studies.first?.hasPrefix("2.25.") == true)
      try await way.project.drained()
      let message = try #require(try await way.project.messages().first)
      let story = try await way.project.story("\(message.id)")
      #expect(story.contains("de-identified: "), "\(story)")
      #expect(!story.contains("Jane"))
    }

    @Test func `don't leave without the key, and the reason names it`() async throws {
      let way = try await way()
      try await way.project.start()
      try await way.send([way.file(1), way.file(2, pixelBytes: 400_000)])
      let failed = try await way.project.messages(.failed)
      #expect(failed.count == 2)
      let story = try await way.project.story("\(try #require(failed.first).id)")
      #expect(story.contains("the key 'research-2026' can't be used: the file ") && story.contains("does not exist"))
      #expect(way.receiver.receptions.isEmpty)
    }
  }
}

extension Sequence<UInt8> {
  fileprivate func contains(text: String) -> Bool {
    String(decoding: Array(self), as: Unicode.ASCII.self).contains(text)
  }
}
