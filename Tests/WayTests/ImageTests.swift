import ConnectorKit
import DICOM
import Engine
import Foundation
import Messages
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Images of DICOM` {
    @Test(arguments: [DICOMTransferSyntax.explicitLittle, .implicitLittle, .explicitBig])
    func `arrive and leave byte for byte, small and large, in the order in which they came`(
      syntax: DICOMTransferSyntax
    ) async throws {
      let way = try await ImageWay.make()
      try await way.project.start()
      let sizes = [10, 200_000, 262_000, 300_000, 1_000_001, 50, 3_000_000]
      let files = try sizes.enumerated().map { try way.file($0.offset, pixelBytes: $0.element, syntax: syntax) }

      let report = try await way.send(files) { $0.calling = "CT1" }

      #expect(report.isAllTaken, "\(report)")
      let got = try await way.receiver.receptions(atLeast: files.count)
      #expect(got.map(\.sopInstance) == sizes.indices.map { Images.uid($0) })
      for (number, size) in sizes.enumerated() {
        let sent = try Images.dataSet(number, pixelBytes: size, syntax: syntax)
        let isSame = got[number].bytes == sent && got[number].transferSyntax == syntax.uid
        #expect(isSame, "of \(size) bytes")
      }
      // One association carried all of them.
      #expect(way.receiver.associationCount == 1)
      try await way.project.drained()
      let messages = try await way.project.messages()
      #expect(messages.map(\.format) == sizes.map { _ in "dicom" })
      #expect(messages[0].attributes["dicom"]?["calling"] == .text("CT1"))
      _ = try await way.project.ledger("images")
    }

    @Test func `are sent again when the partner is busy, and are dead when it will never take them`() async throws {
      let way = try await ImageWay.make()
      way.answer { reception in
        if reception.sopInstance == Images.uid(2) { return DICOMBehaviour(.status(.cannotUnderstand)) }
        if reception.sopInstance == Images.uid(3) { return DICOMBehaviour(.status(DIMSEStatus(0xB000))) }
        return DICOMBehaviour(.status(reception.number == 0 ? .outOfResources : .success))
      }
      try await way.project.start()
      let report = try await way.send((1...3).map { try way.file($0, pixelBytes: 400_000) })
      #expect(report.isAllTaken)
      try await way.project.drained()
      let got = way.receiver.receptions.map(\.sopInstance)
      #expect(got == [1, 1, 2, 3].map(Images.uid))
      let dead = try await way.project.dead()
      #expect(dead.count == 1 && dead[0].summary?.contains("C000H") == true, "\(dead)")
    }

    @Test func `go to a partner that breaks off before, during and after as soon as it takes them, whole`()
      async throws
    {
      let way = try await ImageWay.make()
      way.answer { reception in
        switch reception.number {
        case 0: DICOMBehaviour(.abort)
        case 1: DICOMBehaviour(.abortDuring)
        case 2: DICOMBehaviour(.close)
        default: DICOMBehaviour()
        }
      }
      try await way.project.start()
      try await way.send([way.file(1, pixelBytes: 2_000_000), way.file(2)])
      try await way.project.drained()
      let last = way.receiver.receptions.suffix(2)
      #expect(last.map(\.sopInstance) == [1, 2].map(Images.uid))
      let isWhole = try last.first?.bytes == Images.dataSet(1, pixelBytes: 2_000_000)
      #expect(isWhole)
      #expect(try await way.project.dead().isEmpty)
    }

    @Test func `that can't be read, or aren't what their command says, are refused and kept`() async throws {
      let way = try await ImageWay.make()
      try await way.project.start()
      let (torn, other) = (way.project.path("objects/torn.dcm"), way.project.path("objects/other.dcm"))
      try Images.write(Array(Images.dataSet(1).prefix(300)), 1, to: torn)
      try Images.write(Images.dataSet(2, pixelBytes: 400_000, isNamed: false), 2, to: other)

      let report = try await way.send([torn, other].map { try DICOMSendFile(path: $0) })

      #expect(report.outcomes.map(\.status) == [.cannotUnderstand, .dataSetDoesNotMatch])
      let rejected = try await way.project.messages(.rejected)
      #expect(rejected.count == 2 && rejected.allSatisfy(\.hasRaw))
      let reasons = rejected.flatMap(\.steps).map(\.text)
      #expect(
        reasons.contains { $0.starts(with: "A900H at (0008,0018)") } && reasons.contains { $0.starts(with: "C000H") })
      #expect(way.receiver.receptions.isEmpty)
    }

    @Test func `of a caller that isn't known, for another AE title, or of a kind that isn't taken, are refused`()
      async throws
    {
      let way = try await ImageWay.make(
        source: ", ae-title: HILUM, callers: [CT1, {ae-title: MR1, from: [10.9.9.9]}], "
          + "sop-classes: [CTImageStorage], transfer-syntaxes: [ExplicitVRLittleEndian]")
      try await way.project.start()
      let file = try way.file(1)
      #expect(try await way.send([file]) { $0.calling = "CT1" }.isAllTaken)
      for calling in ["CT2", "MR1"] {
        #expect(try await way.send([file]) { $0.calling = calling }.count(.refused) == 1)
      }
      let wrongName = try await way.send([file]) {
        $0.calling = "CT1"
        $0.endpoint.title = "OTHER"
      }
      #expect(wrongName.count(.refused) == 1)
      let big = try way.file(2, syntax: .explicitBig)
      #expect(try await way.send([big]) { $0.calling = "CT1" }.count(.notAgreed) == 1)
      let peer = try #require(try await way.project.channel("images").source.peers.first)
      #expect(peer.refusals == 3 && peer.messages == 1)
    }

    @Test func `are refused for the moment when there are too many associations`() async throws {
      let way = try await ImageWay.make(source: ", associations: 2")
      try await way.project.start()
      var held: [Wire] = []
      for _ in 0..<2 { held.append(try await Wire.connect(to: way.port)) }
      try await eventually("both are there") {
        try await way.project.channel("images").source.peers.first?.connectedAt != nil
      }
      let report = try await way.send([way.file(1)])
      #expect(report.count(.refused) == 1 && report.outcomes[0].reason?.contains("no room") == true, "\(report)")
      for wire in held { wire.finish() }
      try await eventually("there is room again") { try await way.send([way.file(1)]).isAllTaken }
    }

    @Test func `that were answered are delivered when the engine dies at any moment, and none is torn`() async throws {
      let seed = ProcessInfo.processInfo.environment["HILUM_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...999_999)
      print("images, seed \(seed)")
      var random = SeededRandom(seed: seed)
      let way = try await ImageWay.make()
      let count = 60
      let sizes = (0..<count).map { _ in Int.random(in: 1...800_000, using: &random) & ~1 }
      let files = try sizes.enumerated().map { try way.file($0.offset, pixelBytes: $0.element) }
      var answered: Set<Int> = []
      for point in ["after-blob", "before-commit", "after-commit", nil, "after-blob", nil] {
        let environment = point.map { ["HILUM_FAILPOINT": "\($0):\(Int.random(in: 3...25, using: &random))"] } ?? [:]
        let engine = try await way.project.start(environment: environment)
        let sending = Task { [answered] in
          try await way.send(files.enumerated().filter { !answered.contains($0.offset) }.map(\.element)) {
            $0.connections = 4
            $0.timeout = .seconds(5)
          }
        }
        if point == nil { try await Task.sleep(for: .milliseconds(Int.random(in: 50...600, using: &random))) }
        if point == nil { await engine.kill() }
        _ = await engine.launch.ending(within: 10)
        await engine.kill()
        let open = files.indices.filter { !answered.contains($0) }
        for outcome in try await sending.value.outcomes where outcome.isTaken { answered.insert(open[outcome.number]) }
      }
      try await way.project.start()
      try await way.project.drained(within: 60)
      for reception in way.receiver.receptions {
        let number = try #require(files.firstIndex { $0.sopInstance == reception.sopInstance })
        let isWhole = try reception.bytes == Images.dataSet(number, pixelBytes: sizes[number])
        #expect(isWhole, "seed \(seed)")
      }
      let came = Set(way.receiver.receptions.map(\.sopInstance))
      #expect(answered.allSatisfy { came.contains(Images.uid($0)) }, "seed \(seed)")
      #expect(!answered.isEmpty)
      _ = try await way.project.ledger("images")
      #expect(try await way.project.hilum("audit").status == 0)
      print("\(answered.count) of \(count) were answered, \(way.receiver.receptions.count) came")
    }

    @Test(.enabled(if: Tools.canMount, "only root can mount a small disk"))
    func `are refused for lack of room when the disk is full, leave nothing behind, and are taken when there is room`()
      async throws
    {
      let disk = try SmallDisk(megabytes: 420)
      let way = try await ImageWay.make(in: disk.folder)
      try await way.project.start()
      let file = try way.file(1, pixelBytes: 500_000)
      #expect(try await way.send([file]).isAllTaken)
      let filling = try disk.fill()
      try await eventually("nothing is taken") { try await way.project.status().store != "open" }
      #expect(try await way.send([file]).outcomes[0].status == .outOfResources)
      unlink(filling)
      try await eventually("it takes again") { try await way.project.status().store == "open" }
      #expect(try await way.send([way.file(2, pixelBytes: 500_000)]).isAllTaken)
      #expect(try await way.receiver.receptions(atLeast: 2).count == 2)
    }

    @Test func `go from channel to channel, each with a content of its own`() async throws {
      let way = try await ImageWay.make(
        lane: "retry: {first: 20ms, factor: 1, longest: 20ms}\n  other:\n    channel: {name: other}")
      try way.project.write(
        "Channels/other.yaml",
        """
        channel: other
        format: dicom
        source: {channel: {}}
        destinations:
          pacs:
            dicom: {host: 127.0.0.1, port: \(way.receiver.port), ae-title: PACS, calling: OTHER}
        """)
      try await way.project.start()
      #expect(try await way.send([way.file(1, pixelBytes: 700_000), way.file(2)]).isAllTaken)
      let got = try await way.receiver.receptions(atLeast: 4)
      for number in 1...2 {
        let own = got.filter { $0.sopInstance == Images.uid(number) }
        #expect(Set(own.map(\.callingAETitle)) == ["HILUM", "OTHER"])
        let wanted = try Images.dataSet(number, pixelBytes: number == 1 ? 700_000 : 1000)
        let isWhole = own.allSatisfy { $0.bytes == wanted }
        #expect(isWhole)
      }
      #expect(try await way.project.hilum("audit").status == 0)
    }

    @Test func `are cut off when the engine stops only after what came is answered`() async throws {
      let way = try await ImageWay.make()
      let engine = try await way.project.start()
      let files = try (0..<40).map { try way.file($0, pixelBytes: 300_000) }
      let sending = Task { try await way.send(files) { $0.timeout = .seconds(5) } }
      try await eventually("it flows") { !way.receiver.receptions.isEmpty }
      #expect(await engine.stop() == .exited(0))
      let taken = try await sending.value.outcomes.filter(\.isTaken).map(\.number)
      try await way.project.start()
      try await way.project.drained()
      let came = Set(way.receiver.receptions.map(\.sopInstance))
      #expect(!taken.isEmpty && taken.allSatisfy { came.contains(Images.uid($0)) })
    }

    @Test func `that a program changes keep their pixels, small and large, and are known when they come again`()
      async throws
    {
      let way = try await ImageWay.make(
        channel: """
          columns: {patient: PatientID}
          transform: |
            transform named
            in dicom
            out dicom
            when Modality == "US" => drop "no ultrasound"
            require PatientID != "P3" else reject NOT_AUTHORIZED "not this one" at PatientID
            let out = copy msg
            out.InstitutionName = "St. Elsewhere"
            emit out
          """)
      try await way.project.start()
      let sizes = [1: 1000, 2: 900_000, 3: 300_000]
      var files = try sizes.keys.sorted().map { try way.file($0, pixelBytes: sizes[$0] ?? 0) }
      let path = way.project.path("objects/us.dcm")
      try Images.write(Images.dataSet(4, pixelBytes: 300_000, modality: "US"), 4, to: path)
      files.append(try DICOMSendFile(path: path))

      let first = try await way.send(files)
      #expect(first.outcomes.map(\.status) == [.success, .success, .notAuthorized, .success])
      #expect(try await way.send(Array(files.prefix(2))).isAllTaken)

      let got = try await way.receiver.receptions(atLeast: 2)
      #expect(got.map(\.sopInstance) == [1, 2].map(Images.uid))
      for (number, reception) in zip(1..., got) {
        let bytes = try #require(reception.bytes)
        let came = try DICOMObject(bytes, syntax: .explicitLittle).dataSet
        #expect(try came["InstitutionName"]?.text() == "St. Elsewhere")
        let sent = try DICOMObject(Images.dataSet(number, pixelBytes: sizes[number] ?? 0), syntax: .explicitLittle)
          .dataSet
        let (pixels, wanted) = (try came[.pixelData]?.bytes(), try sent[.pixelData]?.bytes())
        let isSame = pixels == wanted
        #expect(isSame)
        let counts = (Array(came.elements).count, Array(sent.elements).count)
        #expect(counts.0 == counts.1 + 1)
      }
      let ledger = try await way.project.ledger("images")
      #expect(ledger.duplicate == 2 && ledger.dropped == 1 && ledger.rejected == 1)
      // A person sees a tree, and gets the file as it came.
      let large = try #require(try await way.project.messages(.routed).first { $0.columns["patient"] == "P2" })
      let shown = try await way.project.hilum("messages", "show", large.id)
      #expect(shown.output.contains("(0008,0080) LO InstitutionName") && shown.output.contains("PixelData"))
      #expect(shown.output.utf8.count < 10_000)
      #expect(try await way.project.hilum("audit").status == 0)
    }

    @Test func `go over TLS, to nobody whose certificate has another name, and come from whom a certificate names`()
      async throws
    {
      let project = try Project()
      let authority = try await Authority("house", in: project)
      for name in ["pacs", "hub", "ct1"] { try await authority.issue(name) }
      func tls(_ name: String) -> PartnerTLS {
        PartnerTLS(
          certificate: (project.path("tls/\(name).pem"), project.path("tls/\(name).key")), trust: authority.path)
      }
      var plan = DICOMReceivePlan(PartnerEndpoint(.dicom, title: "PACS", port: 0, isTLS: true))
      plan.tls = tls("pacs")
      let receiver = DICOMReceiver(plan)
      try await receiver.start()
      let port = try project.port()
      func write(serverName: String) throws {
        try project.write(
          "Channels/images.yaml",
          """
          channel: images
          source:
            dicom:
              port: \(port)
              tls: {certificate: ../tls/hub.pem, key: {file: ../tls/hub.key}, clients: ../tls/house.pem}
              callers: [{ae-title: CT1, certificate: localhost}, {ae-title: MR1, certificate: mr1.hospital.example}]
          destinations:
            pacs:
              dicom:
                host: 127.0.0.1
                port: \(receiver.port)
                ae-title: PACS
                tls: {ca: ../tls/house.pem, certificate: ../tls/hub.pem, key: {file: ../tls/hub.key}\(serverName)}
              retry: {first: 50ms, factor: 1, longest: 50ms}

          """)
      }
      try write(serverName: ", server-name: pacs.hospital.example")
      try await project.start()
      try project.makeFolder("objects")
      let path = project.path("objects/1.dcm")
      try Images.write(Images.dataSet(1, pixelBytes: 500_000), 1, to: path)
      func send(_ calling: String, _ tls: PartnerTLS?) async throws -> DICOMSendReport {
        var plan = DICOMSendPlan(
          PartnerEndpoint(.dicom, title: "HILUM", host: "localhost", port: port, isTLS: tls != nil))
        plan.calling = calling
        plan.timeout = .seconds(5)
        if let tls { plan.tls = tls }
        return try await DICOMSender(plan).send([.file(DICOMSendFile(path: path))])
      }

      #expect(try await send("CT1", nil).outcomes[0].failure != nil, "in clear")
      #expect(try await send("MR1", tls("ct1")).count(.refused) == 1, "its certificate names somebody else")
      #expect(try await send("CT1", PartnerTLS(trust: authority.path)).outcomes[0].failure != nil, "no certificate")
      let taken = try await send("CT1", tls("ct1"))
      #expect(taken.isAllTaken, "\(taken)")
      try await eventually("the partner's name is not the one that is wanted") {
        try await project.lane("images/pacs").unreachable?.contains("not for pacs.hospital.example") == true
      }
      #expect(receiver.receptions.isEmpty)
      try write(serverName: "")
      #expect(try await project.hilum("deploy").status == 0)
      #expect(try await receiver.receptions(atLeast: 1, within: .seconds(20)).map(\.byteCount).first ?? 0 > 500_000)
    }
  }
}
