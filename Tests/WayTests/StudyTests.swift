import DICOM
import Engine
import Foundation
import Messages
import Partners
import Store
import Testing
import Text

extension Ways {
  @Suite struct `Studies that are gathered` {
    /// `images` sends each image to a PACS, and gathers studies for `studies`, which writes them as files.
    private func make(idle: String = "700ms", format: String = "json", transform: String = "") async throws -> ImageWay
    {
      let way = try await ImageWay.make(
        lane: """
          retry: {first: 20ms, factor: 1, longest: 20ms}
            study:
              channel: {name: studies}
              \(transform)
              collect: {by: "{StudyInstanceUID}", until: {idle: \(idle)}}
          """)
      try way.project.write(
        "Channels/studies.yaml",
        """
        channel: studies
        source: {channel: {}}
        format: \(format)
        destinations:
          out:
            file: {directory: ../out, name: '{sequence("study", 3)}.json'}

        """)
      return way
    }

    private func file(
      _ way: ImageWay, _ number: Int, study: Int, series: Int, patient: String = "P1", pixelBytes: Int = 1000
    ) throws -> DICOMSendFile {
      let path = way.project.path("objects/\(number).dcm")
      let bytes = try Images.dataSet(
        number, pixelBytes: pixelBytes,
        with: [
          ("StudyInstanceUID", Images.uid(study)), ("SeriesInstanceUID", Images.uid(series)), ("PatientID", patient),
          ("InstanceNumber", "00\(number)"), ("StudyDescription", "of \(study)"),
        ])
      try Images.write(bytes, number, to: path)
      return try DICOMSendFile(path: path)
    }

    private func blobs(_ way: ImageWay) -> [String] {
      let folder = way.project.path("data/blobs")
      let below = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
      return below.map { "\(folder)/\($0)" }.filter { path in
        ((try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int ?? 0) > 400_000
      }
    }

    private func studies(_ way: ImageWay) throws -> [JSONNode] {
      try way.project.names(in: "out").map { try JSONDocument(Array(way.project.read("out/\($0)"))).root }
    }

    private func instances(_ study: JSONNode) -> [[String]] {
      (study["series"]?.list ?? []).map { series in
        (series["instances"]?.list ?? []).compactMap { $0["SOPInstanceUID"]?.text }
      }
    }

    @Test func `are one message of all their images when none has come for a while, and the images went on at once`()
      async throws
    {
      let way = try await make()
      try await way.project.start()
      let files = try [
        file(way, 1, study: 100, series: 110), file(way, 2, study: 200, series: 210, patient: "P2"),
        file(way, 3, study: 100, series: 110, pixelBytes: 900_000), file(way, 4, study: 100, series: 120),
      ]
      #expect(try await way.send(files).isAllTaken)
      _ = try await way.receiver.receptions(atLeast: 4)
      try await eventually("both are there") { way.project.names(in: "out").count == 2 }
      try await way.project.drained()

      let found = try studies(way)
      let first = try #require(found.first { $0["StudyInstanceUID"]?.text == Images.uid(100) })
      let second = try #require(found.first { $0["StudyInstanceUID"]?.text == Images.uid(200) })
      #expect(instances(first) == [[Images.uid(1), Images.uid(3)], [Images.uid(4)]])
      #expect(instances(second) == [[Images.uid(2)]])
      #expect(first["PatientID"]?.text == "P1" && first["StudyDescription"]?.text == "of 100")
      let large = try #require(first["series"]?.list.first?["instances"]?.list.last)
      #expect(large["InstanceNumber"]?.number == "3")
      // Where an image is kept, the study says.
      let id = try #require(large["message"]?.text)
      let story = try await way.project.story(id)
      #expect(story.contains("gathered with 2 others, handed on to studies as "), "\(story)")
      #expect((large["bytes"]?.number).flatMap { Int($0) } ?? 0 > 900_000)
      let ledger = try await way.project.ledger("studies")
      #expect(ledger.arrivals == ["received": 2, "accepted": 2, "routed": 2])
      #expect(try await way.project.hilum("audit").status == 0)
    }

    @Test func `of two patients under one UID are never put together`() async throws {
      let way = try await make()
      try await way.project.start()
      let files = try [("A", 1), ("B", 3), ("A", 2)].map { patient, number in
        try file(way, number, study: 100, series: 110, patient: patient)
      }
      #expect(try await way.send(files).isAllTaken)
      try await eventually("each by itself") { way.project.names(in: "out").count == 2 }
      let found = try studies(way)
      #expect(found.map { $0["PatientID"]?.text } == ["A", "B"])
      #expect(found.map(instances) == [[[1, 2].map(Images.uid)], [[Images.uid(3)]]])
    }

    @Test func `leave out an image whose content is gone, which waits for a person, and go on`() async throws {
      let way = try await make(idle: "3s")
      let engine = try await way.project.start()
      let files = try (1...3).map { try file(way, $0, study: 100, series: 110, pixelBytes: 500_000) }
      #expect(try await way.send(files).isAllTaken)
      try await eventually("the archive has them") {
        let lane = try await way.project.lane("images/pacs")
        return way.receiver.receptions.count == 3 && lane.waiting == 0
      }
      await engine.kill()
      let blobs = blobs(way)
      try #require(blobs.count == 3)
      try FileManager.default.removeItem(atPath: blobs[1])
      try await way.project.start()
      try await eventually("the others are there") { way.project.names(in: "out").count == 1 }
      #expect(try instances(studies(way)[0]).flatMap(\.self).count == 2)
      #expect(try await way.project.dead().count == 1)
    }

    @Test func `tell of what a program made, and of nothing that it took away`() async throws {
      let way = try await make(
        transform: """
          transform: |
                  transform nameless
                  in dicom
                  out dicom
                  let out = copy msg
                  remove out.PatientName
                  out.PatientID = "X"
                  emit out
          """)
      try await way.project.start()
      #expect(
        try await way.send((1...2).map { try file(way, $0, study: 100, series: 110, pixelBytes: 400_000) }).isAllTaken)
      try await eventually("it is there") { way.project.names(in: "out").count == 1 }
      let text = String(decoding: way.project.read("out/001.json"), as: UTF8.self)
      #expect(text.contains("\"PatientID\":\"X\"") && !text.contains("Doe"), "\(text)")
    }

    @Test func `are told of in JSON: another format of the channel, or no word of what belongs together, is a mistake`()
      async throws
    {
      let way = try await make(format: "dicom")
      let check = try await way.project.hilum("check")
      #expect(check.status == 1 && check.output.contains("say `format: json` in the channel `studies`"), "\(check)")
      let file = String(decoding: way.project.read("Channels/images.yaml"), as: UTF8.self)
      try way.project.write(
        "Channels/images.yaml", file.replacing("{by: \"{StudyInstanceUID}\", until", with: "{until"))
      #expect(try await way.project.hilum("check").output.contains("of DICOM objects those of one study are gathered"))
      try way.project.write("Channels/images.yaml", file.replacing("dicom: {port", with: "dicom: {settle: 30s, port"))
      #expect(try await way.project.hilum("check").output.contains("a study is gathered where it goes"))
    }
  }
}

extension JSONNode {
  fileprivate var list: [JSONNode] { Array(elements) }
}
