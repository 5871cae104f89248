import DICOM
import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// STOW-RS to a PACS: Orthanc. Skipped where it, or its plugin for DICOMweb, isn't installed.
  @Suite(
    .enabled(if: Tools.orthancDICOMweb != nil && Tools.has("curl"), "Orthanc, its DICOMweb or curl is not installed"))
  struct `DICOMweb with Orthanc` {
    private let peers: DICOMPeers
    private let web: Int
    private let port: Int

    private var project: Project { peers.project }

    init() async throws {
      peers = try DICOMPeers()
      (web, port) = (try peers.project.port(), try peers.project.port())
    }

    /// Starts Orthanc, which knows one user.
    private func startOrthanc() async throws {
      let (orthanc, plugin) = (try #require(Tools.orthanc), try #require(Tools.orthancDICOMweb))
      try project.write(
        "orthanc.json",
        """
        {"StorageDirectory": "\(project.path("held"))", "IndexDirectory": "\(project.path("held"))",
         "HttpPort": \(web), "DicomServerEnabled": false, "Plugins": ["\(plugin)"], "RemoteAccessAllowed": false,
         "AuthenticationEnabled": true, "RegisteredUsers": {"hilum": "secret"}}
        """)
      let server = try peers.launch([orthanc, project.path("orthanc.json")], "orthanc")
      try await DICOMPeers.until(server) { DICOMPeers.listens(on: web) }
    }

    private func writeChannel(url: String = "dicom-web", lane: String = "", more: String = "") throws {
      try project.write(
        "Channels/images.yaml",
        """
        channel: images
        source:
          dicom: {port: \(port)}
        destinations:
          pacs:
            stow: {url: "http://127.0.0.1:\(web)/\(url)", user: hilum, password: {file: ../password}}
            retry: {first: 50ms, factor: 1, longest: 50ms}
            \(lane)
        \(more)

        """)
    }

    private func file(
      _ number: Int, pixelBytes: Int, syntax: DICOMTransferSyntax = .explicitLittle
    ) throws -> DICOMSendFile {
      try project.makeFolder("objects")
      let path = project.path("objects/\(number).dcm")
      try Images.write(
        Images.dataSet(number, pixelBytes: pixelBytes, syntax: syntax), number, syntax: syntax, to: path)
      return try DICOMSendFile(path: path)
    }

    private func send(_ files: [DICOMSendFile]) async throws {
      let plan = DICOMSendPlan(PartnerEndpoint(.dicom, title: "HILUM", port: port))
      let report = try await DICOMSender(plan).send(files.map { .file($0) })
      #expect(report.isAllTaken, "\(report)")
    }

    /// What Orthanc holds, as files, by SOP instance.
    private func held() async throws -> [String: [UInt8]] {
      let base = "http://127.0.0.1:\(web)/instances"
      let list = try await project.run(["curl", "-sf", "-u", "hilum:secret", base])
      var held: [String: [UInt8]] = [:]
      for id in try JSONDecoder().decode([String].self, from: Data(list.output.utf8)) {
        let path = project.path("held-\(id)")
        _ = try await project.run(["curl", "-sf", "-u", "hilum:secret", "-o", path, "\(base)/\(id)/file"])
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        held[try #require(try DICOMObject(bytes).dataSet[.sopInstanceUID]?.text())] = bytes
      }
      return held
    }

    private func dataSet(_ file: [UInt8]) throws -> [UInt8] { Array(file[try DICOMObject(file).dataSetStart...]) }

    @Test func `it holds what came bit for bit, small and large and in every byte order, once the login is right`()
      async throws
    {
      try await startOrthanc()
      try writeChannel()
      try project.write("password", "wrong\n")
      try await project.start()
      let objects: [(pixelBytes: Int, syntax: DICOMTransferSyntax)] = [
        (10, .explicitLittle), (300_000, .explicitLittle), (262_000, .implicitLittle), (50, .explicitBig),
        (12_000_000, .explicitLittle), (1_000_000, .explicitBig),
      ]
      try await send(
        objects.enumerated().map { try file($0.offset, pixelBytes: $0.element.pixelBytes, syntax: $0.element.syntax) })
      try await eventually("the login is refused") {
        try await project.lane("images/pacs").unreachable?.contains("401 Unauthorized") == true
      }
      let ping = try await project.hilum("ping", "images/pacs")
      #expect(ping.status != 0 && ping.output.contains("401"), "\(ping)")
      #expect(try await held().isEmpty)
      try project.write("password", "secret\n")
      try await project.drained(within: 30)
      #expect(try await project.hilum("ping", "images/pacs").status == 0)

      let held = try await held()
      #expect(held.count == objects.count)
      for (number, object) in objects.enumerated() {
        let got = try dataSet(#require(held[Images.uid(number)]))
        let isSame = try got == Images.dataSet(number, pixelBytes: object.pixelBytes, syntax: object.syntax)
        #expect(isSame, "\(object)")
      }
      #expect(try await project.dead().isEmpty)
      let story = try await project.messages()
      let shown = try await project.hilum("why", #require(story.first).id)
      #expect(shown.output.contains("200 OK"), "\(shown)")
      #expect(try await project.hilum("audit").status == 0)
    }

    @Test func `what a program has changed arrives changed, with the pixels that came, several at once`() async throws {
      try await startOrthanc()
      try writeChannel(
        lane: "order: {by: [SOPInstanceUID], in-flight: 4}",
        more: """
          transform: |
            transform named
            in dicom
            out dicom
            let out = copy msg
            out.InstitutionName = "St. Elsewhere"
            emit out
          """)
      try project.write("password", "secret")
      try await project.start()
      let sizes = (0..<12).map { $0 % 3 == 0 ? 900_000 : 1000 + 2 * $0 }
      try await send(sizes.enumerated().map { try file($0.offset, pixelBytes: $0.element) })
      try await project.drained(within: 30)
      let held = try await held()
      #expect(held.count == sizes.count)
      for (number, size) in sizes.enumerated() {
        let came = try DICOMObject(#require(held[Images.uid(number)])).dataSet
        #expect(try came["InstitutionName"]?.text() == "St. Elsewhere")
        let sent = try DICOMObject(Images.dataSet(number, pixelBytes: size), syntax: .explicitLittle).dataSet
        let isSame = try came[.pixelData]?.bytes() == sent[.pixelData]?.bytes()
        #expect(isSame)
      }
    }

    @Test func `all that was answered is there when the engine dies at any moment`() async throws {
      let seed = ProcessInfo.processInfo.environment["HILUM_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...999_999)
      print("DICOMweb, seed \(seed)")
      var random = SeededRandom(seed: seed)
      try await startOrthanc()
      try project.write("password", "secret")
      try writeChannel()
      let sizes = (0..<40).map { _ in Int.random(in: 1...700_000, using: &random) & ~1 }
      let files = try sizes.enumerated().map { try file($0.offset, pixelBytes: $0.element) }
      var answered: Set<Int> = []
      for _ in 0..<4 {
        let engine = try await project.start()
        let open = files.indices.filter { !answered.contains($0) }
        let sending = Task { [port] in
          var plan = DICOMSendPlan(PartnerEndpoint(.dicom, title: "HILUM", port: port))
          plan.timeout = .seconds(5)
          return try await DICOMSender(plan).send(open.map { .file(files[$0]) })
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 100...1500, using: &random)))
        await engine.kill()
        for outcome in try await sending.value.outcomes where outcome.isTaken { answered.insert(open[outcome.number]) }
      }
      try await project.start()
      try await project.drained(within: 60)
      let held = try await held()
      #expect(!answered.isEmpty && answered.allSatisfy { held[Images.uid($0)] != nil }, "seed \(seed)")
      for (uid, bytes) in held {
        let number = try #require(files.firstIndex { $0.sopInstance == uid })
        let isWhole = try dataSet(bytes) == Images.dataSet(number, pixelBytes: sizes[number])
        #expect(isWhole, "seed \(seed)")
      }
      #expect(try await project.dead().isEmpty)
      _ = try await project.ledger("images")
      print("\(answered.count) of \(files.count) were answered, \(held.count) are there")
    }

    @Test func `what it can't read is dead, and a wrong address is not the object's fault`() async throws {
      try await startOrthanc()
      try project.write("password", "secret")
      try writeChannel(url: "nowhere")
      try await project.start()
      // An object without a patient, a study or a series.
      try project.makeFolder("objects")
      var draft = DICOMDraft(new: .explicitLittle)
      try draft.set(DICOMPath(.sopClassUID), .text(Images.ct))
      try draft.set(DICOMPath(.sopInstanceUID), .text(Images.uid(1)))
      let path = project.path("objects/bare.dcm")
      try Images.write(draft.bytes(), 1, to: path)
      try await send([DICOMSendFile(path: path), file(2, pixelBytes: 100)])
      try await eventually("nothing is stored there") {
        try await project.lane("images/pacs").unreachable?.contains("404 Not Found") == true
      }
      #expect(try await project.dead().isEmpty)
      try writeChannel()
      #expect(try await project.hilum("deploy").status == 0)
      try await project.drained(within: 30)
      let dead = try await project.dead()
      #expect(dead.count == 1 && dead[0].summary?.contains("400 Bad Request: C000H") == true, "\(dead)")
      #expect(try await Array(held().keys) == [Images.uid(2)])
    }
  }
}
