import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// The MLLP of another house: python-hl7. Skipped where that package is not installed.
  @Suite(.enabled(if: Tools.python != nil, "python hl7 is not installed"))
  struct `With python-hl7` {
    private static let peers = Project.root + "/Tests/WayTests/Peers"

    @Test(arguments: ["utf-8", "latin-1"])
    func `as sender and as receiver, messages come home with every letter`(encoding: String) async throws {
      let python = try #require(Tools.python)
      let project = try Project()
      let (inbound, outbound) = (try project.port(), try project.port())
      let server = try Launch(
        [python, Self.peers + "/hl7_receive.py", "\(outbound)", encoding], in: project.folder,
        output: project.path("server.out"),
        errors: project.path("server.err"))
      try await eventually("it listens: \(server.errors)") { server.output.contains("listening") }
      try project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(inbound)}
          hl7: {charset: \(encoding == "utf-8" ? "utf-8" : "latin1")}
        transform: ../Transforms/adt.hilt
        destinations:
          peer:
            mllp: {host: 127.0.0.1, port: \(outbound)}
            refused: {AE: 1}
            retry: {first: 20ms, factor: 1, longest: 20ms}
        """)
      try project.write(
        "Transforms/adt.hilt",
        "transform adt\n  in hl7\n  out hl7\nlet out = copy msg\nout.PID-5[1].2 = upper(PID-5[1].2)\nemit out\n")
      try await project.start()
      let ids = (1...30).map { $0 == 10 ? "AE-10" : $0 == 20 ? "AR-20" : "PY-\($0)" }
      let lines = ids.map { id in
        "MSH|^~\\&|PAS|H|HUB|H|20260101||ADT^A01|\(id)|P|2.5\("")~~PID|1||1||Müller^Zoë"
      }
      try project.write("messages.txt", lines.joined(separator: "\n") + "\n")

      let sent = try await project.run([
        python, Self.peers + "/hl7_send.py", "\(inbound)", project.path("messages.txt"), encoding,
      ])

      #expect(sent.status == 0, "\(sent)")
      #expect(
        sent.output.split(separator: "\n").map(String.init) == ids.map { "ACK^A01 AA \($0)" }
          || sent.output.split(separator: "\n").allSatisfy { $0.contains(" AA ") })
      #expect(sent.output.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) } == ids)
      try await project.drained()
      let got = server.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ").map(String.init) }
      #expect(got.map { $0[1] } == ids.flatMap { $0 == "AE-10" ? [$0, $0] : [$0] })
      #expect(got.allSatisfy { $0[2] == "Müller^ZOË" }, "\(got.first ?? [])")
      #expect(try await project.dead().count == 2)
      server.signal(SIGTERM)
    }
  }
}
