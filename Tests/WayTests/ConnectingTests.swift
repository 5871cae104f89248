import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// The partner listens where it sends, or connects where it receives.
  @Suite struct `Connections the other way round` {
    private static let peers = Project.root + "/Tests/WayTests/Peers"

    /// A channel whose destination waits for its partner.
    private func fetched(
      retry: String = "{first: 20ms, factor: 1, longest: 20ms}", timeout: String = "10s"
    ) async throws -> (project: Project, port: Int, fetch: Int) {
      let project = try Project()
      let (port, fetch) = (try project.port(), try project.port())
      try project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(port)}
        destinations:
          lab:
            mllp: {listen: {port: \(fetch)}, timeout: \(timeout)}
            retry: \(retry)

        """)
      return (project, port, fetch)
    }

    @Test func `what waits for a partner that connects is said, and goes as soon as it is there`() async throws {
      let (project, port, fetch) = try await fetched(retry: "{first: 1s, factor: 100, longest: 5m, jitter: none}")
      try await project.start()
      #expect(try await send([Sample.adt("F1"), Sample.adt("F2")], to: port).isAllAccepted)
      try await eventually("it has been tried twice") { try await project.lane("adt/lab").failures >= 2 }
      let lane = try await project.lane("adt/lab")
      #expect(lane.unreachable == "no partner is connected to 127.0.0.1:\(fetch)" && lane.waiting == 2)
      #expect((lane.nextTryIn ?? 0) > 60_000)
      #expect(try await project.hilum("ping", "adt/lab").status == 1)
      #expect(try await project.hilum("ping", "adt").errors.contains("connects to nobody"))

      let wire = try await Wire.connect(to: fetch)
      for id in ["F1", "F2"] {
        let got = try await wire.receive(within: 10)
        #expect(got.message.flatMap { Sample.field("MSH", 10, of: $0) } == id)
        try await wire.send(Wire.frame(Self.ack(id)))
      }
      try await project.drained()
      #expect(try await project.hilum("ping", "adt/lab").output.contains("connected: 127.0.0.1"))
      let status = try await project.hilum("status").output
      #expect(
        status.contains(", on 127.0.0.1:\(fetch)") && status.contains("by     127.0.0.1, connected for"), "\(status)")
      #expect(try await project.problemsOfTheLedger() == [])
    }

    @Test func `killed or cut off with a message under way, it goes again on the next connection, in order and marked`()
      async throws
    {
      let (project, port, fetch) = try await fetched(timeout: "2s")
      let engine = try await project.start()
      let first = try await Wire.connect(to: fetch)
      #expect(try await send((1...3).map { Sample.adt("K\($0)") }, to: port).isAllAccepted)
      #expect(try await first.receive().message.flatMap { Sample.field("MSH", 10, of: $0) } == "K1")
      await engine.kill()
      #expect(try await first.receive() == .closed)
      try await project.start()

      // The partner comes back, is cut off without a word, and comes once more while the old connection still stands.
      let cut = try await Wire.connect(to: fetch)
      #expect(try await cut.receive().message.flatMap { Sample.field("MSH", 10, of: $0) } == "K1")
      let last = try await Wire.connect(to: fetch)
      var got: [String] = []
      for _ in 1...3 {
        let id = try #require(try await last.receive().message.flatMap { Sample.field("MSH", 10, of: $0) })
        got.append(id)
        try await last.send(Wire.frame(Self.ack(id)))
      }
      #expect(got == ["K1", "K2", "K3"])
      #expect(try await cut.receive() == .closed)
      try await project.drained()
      #expect(try await project.ledger("adt").lanes.first?.delivered == 3)
      #expect(try await project.dead().isEmpty)
    }

    @Test func `a port that two channels would have, or a source and a destination, is found by check`() async throws {
      let (project, port, fetch) = try await fetched()
      try project.write(
        "Channels/lab.yaml",
        """
        channel: lab
        source:
          mllp: {port: \(fetch)}
        destinations:
          out:
            mllp: {listen: {port: \(port)}}

        """)
      let result = try await project.hilum("check")
      #expect(result.status == 1)
      for taken in [port, fetch] {
        #expect((result.output + result.errors).contains("port \(taken) of 127.0.0.1 is taken by the channel of"))
      }
    }

    @Test(.enabled(if: Tools.python != nil, "python hl7 is not installed"))
    func `python-hl7 is connected to for its messages, closes as it likes, and fetches others by connecting`()
      async throws
    {
      let python = try #require(Tools.python)
      let project = try Project()
      let (offer, fetch) = (try project.port(), try project.port())
      let ids = (1...30).map { "PY-\($0)" }
      let lines = ids.map { "MSH|^~\\&|PAS|H|HUB|H|20260101||ADT^A01|\($0)|P|2.5~~PID|1||1||Müller^Zoë" }
      try project.write("messages.txt", lines.joined(separator: "\n") + "\n")
      try project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {connect: {host: 127.0.0.1, port: \(offer)}}
        destinations:
          lab:
            mllp: {listen: {port: \(fetch)}}
            retry: {first: 20ms, factor: 1, longest: 20ms}

        """)
      try await project.start()
      try await eventually("nobody is there yet") {
        try await project.channel("adt").trouble?.contains("connection refused") == true
      }
      let server = try Launch(
        [python, Self.peers + "/hl7_offer.py", "\(offer)", project.path("messages.txt"), "7"], in: project.folder,
        output: project.path("server.out"), errors: project.path("server.err"))
      try await eventually(within: 60, "all is answered: \(server.errors)") {
        server.output.split(separator: "\n").count == 31
      }
      #expect(server.output.split(separator: "\n").dropFirst().map(String.init) == ids.map { "AA \($0)" })
      let fetched = try await project.run([python, Self.peers + "/hl7_fetch.py", "\(fetch)", "30"])
      #expect(fetched.output.split(separator: "\n").dropFirst().map(String.init) == ids, "\(fetched)")
      try await project.drained()
      #expect(try await project.ledger("adt").received == 30)
      server.signal(SIGTERM)
    }

    private static func ack(_ id: String) -> [UInt8] {
      Array("MSH|^~\\&|LAB|H|HUB|H|20260101||ACK|A\(id)|P|2.5.1\rMSA|AA|\(id)\r".utf8)
    }
  }
}
