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

    @Test func `are led back only where the channel keeps that, also when the engine was killed, by who says why`()
      async throws
    {
      let way = try await way()
      try way.project.write("research.key", "a key of more than sixteen bytes\n")
      let file = String(decoding: way.project.read("Channels/images.yaml"), as: UTF8.self)
      let first = try await way.project.start()
      #expect(try await way.send([way.file(1)]).isAllTaken)
      let secret = try #require(try await way.receiver.receptions(atLeast: 1).first)
      let nobody = try await way.project.hilum("identity", secret.sopInstance, "--why", "a test")
      #expect(nobody.status == 1 && nobody.errors.contains("Nothing is kept"), "\(nobody)")

      try way.project.write("Channels/images.yaml", file + "keep: {identities: 30d}\n")
      #expect(try await way.project.hilum("deploy").status == 0)
      await first.kill()
      let engine = try await way.project.start(environment: ["HILUM_FAILPOINT": "after-commit:3"])
      let files = try (2...9).map { try way.file($0, pixelBytes: $0 % 2 == 0 ? 400_000 : 1000) }
      _ = try await way.send(files) { $0.timeout = .seconds(5) }
      _ = await engine.launch.ending(within: 5)
      await engine.kill()
      try await way.project.start()
      #expect(try await way.send(files).isAllTaken)
      try await way.project.drained()
      // Whatever went out leads back: what leads back was committed with it.
      let sent = Set(way.receiver.receptions.map(\.sopInstance)).subtracting([secret.sopInstance])
      #expect(sent.count == 8)
      let known = try await way.project.run(
        [Project.binary, "identity", "--why", "incidental finding"] + sent.sorted())
      #expect(known.status == 0, "\(known)")
      for number in 2...9 { #expect(known.output.contains(Images.uid(number)), "\(known.output)") }
      let bytes = try #require(way.receiver.receptions.last?.bytes)
      let head = try DICOMFile.head(sopClass: Images.ct, sopInstance: "1.2", syntax: .explicitLittle)
      let patient = try #require(try DICOMObject(head + bytes).dataSet["PatientID"]?.text())
      let story = try await way.project.hilum("identity", patient, "--why", "incidental finding")
      #expect(story.output.contains("pseudonym") && story.output.contains("research-2026"), "\(story)")
      #expect(try await way.project.hilum("identity", patient, "--why", " ").status == 1)
      let log = way.project.log
      #expect(log.contains("incidental finding") && !log.contains(patient))
    }
  }
}

extension Sequence<UInt8> {
  fileprivate func contains(text: String) -> Bool {
    String(decoding: Array(self), as: Unicode.ASCII.self).contains(text)
  }
}
