import ConnectorKit
import DICOM
import Engine
import Foundation
import Messages
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `An image is delivered when its partner has committed itself to keep it` {
    private static let quick = "retry: {first: 20ms, factor: 1, longest: 20ms}"

    /// A way whose partner reports on an association that it makes to the channel itself.
    private static func reportedBack(
      after: Duration = .zero, source: String = "", within: String = "60s", lane: String = quick
    ) async throws -> ImageWay {
      try await ImageWay.make(
        source: source, destination: ", timeout: 5s, commitment: {within: \(within), from: images}", lane: lane,
        commitment: {
          DICOMReceivePlan.Commitment(to: PartnerEndpoint(.dicom, title: "HILUM", port: $0), after: after)
        })
    }

    @Test func `that is told on the association that asked, one object after the other or many at once`() async throws {
      for window in [1, 100] {
        let way = try await ImageWay.make(
          destination: ", timeout: 5s, commitment: {}", lane: "window: \(window)\n    \(Self.quick)",
          commitment: { _ in .init(after: .milliseconds(100)) })
        try await way.project.start()
        let files = try (0..<8).map { try way.file($0, pixelBytes: $0 * 60_000) }
        #expect(try await way.send(files).isAllTaken)
        try await way.project.drained()
        #expect(way.receiver.receptions.map(\.sopInstance) == (0..<8).map(Images.uid))
        #expect(way.receiver.associationCount == 1)
        let first = try #require(try await way.project.messages().last)
        #expect(try await way.project.story(first.id).contains("0000H, success; committed"))
        #expect(try await way.project.ledger("images").lanes[0].deliveries == ["created": 8, "delivered": 8])
      }
    }

    @Test func `and as many wait for that as the window takes`() async throws {
      let way = try await ImageWay.make(
        destination: ", timeout: 5s, commitment: {}", lane: "window: 50\n    \(Self.quick)",
        commitment: { _ in .init(after: .seconds(600)) })
      try await way.project.start()
      #expect(try await way.send((0..<60).map { try way.file($0) }).isAllTaken)
      try await eventually("fifty are accepted") { try await way.project.lane("images/pacs").accepted?.count == 50 }
      #expect(way.receiver.receptions.count == 50)
    }

    @Test
    func `that is told on an association that the partner makes to a channel, and is answered when it is durable`()
      async throws
    {
      let way = try await Self.reportedBack(source: ", callers: [CT1, PACS]", lane: "window: 20\n    \(Self.quick)")
      try await way.project.start()
      let files = try (0..<20).map { try way.file($0) }
      #expect(try await way.send(files) { $0.calling = "CT1" }.isAllTaken)
      try await way.project.drained()
      #expect(way.receiver.receptions.count == 20)
      #expect(try await way.project.dead().isEmpty)
      #expect(try await way.project.messages().count == 20)
      #expect(try await way.project.hilum("audit").status == 0)
    }

    @Test func `and not when somebody else says so, or speaks of what nobody has asked for`() async throws {
      let way = try await Self.reportedBack(
        after: .seconds(600), source: ", callers: [CT1, PACS]", within: "3s", lane: "refused: {unanswered: 0}")
      try await way.project.start()
      #expect(try await way.send([way.file(1)]) { $0.calling = "CT1" }.isAllTaken)
      try await eventually("it is accepted") { try await way.project.lane("images/pacs").accepted?.count == 1 }
      let object = StorageCommitment.Reference(sopClass: Images.ct, sopInstance: Images.uid(1))
      for (calling, transaction) in [("MR9", "1.2.3"), ("PACS", "1.2.3")] {
        way.receiver.report(
          StorageCommitment(transaction, [object]), to: PartnerEndpoint(.dicom, title: "HILUM", port: way.port),
          calling: calling)
      }
      try await eventually("both are refused") {
        try await way.project.channel("images").source.peers.first?.refusals == 2
      }
      #expect(try await way.project.lane("images/pacs").accepted?.count == 1)
      try await way.project.drained()
      #expect(try await way.project.dead().first?.summary?.contains("did not report within 3 s") == true)
    }

    @Test func `and goes again when the engine was killed or stopped in between, without waiting for it`() async throws
    {
      let way = try await Self.reportedBack(after: .seconds(600), within: "1h")
      var engine = try await way.project.start()
      #expect(try await way.send([way.file(1), way.file(2)]).isAllTaken)
      let isAccepted = { try await way.project.lane("images/pacs").accepted?.count == 1 }
      try await eventually("it is accepted", isAccepted)
      let status = try await way.project.hilum("status").output
      #expect(status.contains("1 accepted by the partner, its outcome awaited for"), "\(status)")
      await engine.kill()
      engine = try await way.project.start()
      try await eventually("it is accepted again", isAccepted)
      let began = Date()
      #expect(await engine.stop() == .exited(0))
      #expect(Date().timeIntervalSince(began) < 10)
      try way.destination(", timeout: 5s")
      try await way.project.start()
      try await way.project.drained()
      #expect(way.receiver.receptions.map(\.sopInstance) == [1, 1, 1, 2].map(Images.uid))
      #expect(try await way.project.ledger("images").lanes[0].deliveries == ["created": 2, "delivered": 2])
    }

    @Test func `is told of a failure once, and is answered while the object waits to go again`() async throws {
      let way = try await Self.reportedBack(lane: "refused: {'0112': 1}\n    retry: {first: 60s}")
      // What it answers with a warning it does not keep, as it tells when it is asked.
      way.answer { _ in DICOMBehaviour(.status(DIMSEStatus(0xB000))) }
      try await way.project.start()
      #expect(try await way.send([way.file(1)]).isAllTaken)
      _ = try await way.receiver.receptions(atLeast: 1)
      let first = try #require(try await way.project.messages().first)
      try await eventually("the failure is kept") {
        try await way.project.story(first.id).contains("0112H, no such object instance")
      }
      try await eventually("the report is refused to nobody, and its association has ended") {
        let peer = try await way.project.channel("images").source.peers.first
        return peer?.messages == 1 && peer?.connectedAt == nil && peer?.refusals == 0
      }
      let shown = try await way.project.hilum("messages", "show", first.id)
      #expect(shown.status == 0, "\(shown)")
    }

    @Test func `and none is lost, or left waiting, when the engine dies again and again`() async throws {
      let seed = ProcessInfo.processInfo.environment["HILUM_SEED"].flatMap { UInt64($0) } ?? .random(in: 1...999_999)
      print("commitment, seed \(seed)")
      var random = SeededRandom(seed: seed)
      let way = try await Self.reportedBack(after: .milliseconds(50), lane: "window: 20\n    \(Self.quick)")
      let files = try (0..<60).map { try way.file($0, pixelBytes: $0 % 7 * 50_000) }
      var answered: Set<Int> = []
      for _ in 0..<5 {
        let engine = try await way.project.start()
        let open = files.indices.filter { !answered.contains($0) }
        let sending = Task {
          try await way.send(open.map { files[$0] }) {
            $0.connections = 2
            $0.rate = 60
            $0.timeout = .seconds(5)
          }
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 100...700, using: &random)))
        await engine.kill()
        for outcome in try await sending.value.outcomes where outcome.isTaken { answered.insert(open[outcome.number]) }
      }
      try await way.project.start()
      try await way.project.drained(within: 60)
      let came = Set(way.receiver.receptions.map(\.sopInstance))
      #expect(!answered.isEmpty && answered.allSatisfy { came.contains(Images.uid($0)) }, "seed \(seed)")
      let ledger = try await way.project.ledger("images")
      #expect(ledger.lanes[0].deliveries["delivered"] == ledger.lanes[0].deliveries["created"], "seed \(seed)")
      #expect(try await way.project.hilum("audit").status == 0)
    }

    @Test func `and goes again as often as it may when the partner has lost it`() async throws {
      // What it answers with a warning it does not keep, as it tells when it is asked.
      let way = try await ImageWay.make(
        destination: ", timeout: 5s, commitment: {}", lane: "refused: {retry: 1, '0112': 3}\n    \(Self.quick)")
      way.answer { DICOMBehaviour(.status(DIMSEStatus($0.number < 2 ? 0xB000 : 0))) }
      try await way.project.start()
      #expect(try await way.send([way.file(1)]).isAllTaken)
      try await way.project.drained()
      #expect(way.receiver.receptions.map(\.sopInstance) == [1, 1, 1].map(Images.uid))
      way.answer { _ in DICOMBehaviour(.status(DIMSEStatus(0xB000))) }
      #expect(try await way.send([way.file(2)]).isAllTaken)
      try await way.project.drained()
      let dead = try await way.project.dead()
      #expect(dead.count == 1 && dead[0].summary?.contains("0112H, no such object instance") == true, "\(dead)")
    }

    @Test func `is told to a channel that is there and takes images, and to one for several destinations`() async throws
    {
      let way = try await ImageWay.make(destination: ", commitment: {from: answers}")
      let missing = try await way.project.hilum("check")
      #expect(missing.output.contains("C134") && missing.output.contains("there is no channel `answers`"), "\(missing)")
      try way.project.write(
        "Channels/answers.yaml",
        """
        channel: answers
        source:
          mllp: {port: \(try way.project.port())}
        destinations:
          archive:
            file: {directory: ../out, name: "{MSH-10}.hl7"}

        """)
      let wrong = try await way.project.hilum("check")
      #expect(wrong.output.contains("and reports come to `dicom`"), "\(wrong)")
      try way.destination(", commitment: {from: images}")
      let file = String(decoding: way.project.read("Channels/images.yaml"), as: UTF8.self)
      let second = file.components(separatedBy: "destinations:\n").last ?? ""
      try way.project.write("Channels/images.yaml", file + second.replacing("pacs:", with: "other:"))
      let right = try await way.project.hilum("check")
      #expect(right.status == 0, "\(right)")
    }
  }
}
