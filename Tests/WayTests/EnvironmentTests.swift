import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `A project of many channels` {
    private static let template = """
      parameters:
        port: port
        timeout: {type: duration, default: 2s}
      source: {mllp: {port: "${port}"}}
      destinations:
        ehr:
          mllp: {host: 127.0.0.1, port: "${PARTNER}", timeout: "${timeout}"}
          retry: {first: 20ms, factor: 1, longest: 20ms}
      """

    /// Channels a, b and c, which send to the partner that the variable `PARTNER` names.
    private func make(_ partner: Int) throws -> (project: Project, ports: [Int]) {
      let project = try Project()
      let ports = try (0..<3).map { _ in try project.port() }
      for folder in ["Channels/templates", "environments"] { try project.makeFolder(folder) }
      try project.write("Channels/templates/lab.yaml", Self.template)
      try project.write("Channels/labs.yaml", "template: templates/lab.yaml\ninstances: labs.csv\n")
      try project.write("Channels/labs.csv", table(ports))
      try project.write("environments/prod.yaml", "values: {PARTNER: \(partner)}\n")
      try project.write("environments/test.yaml", "values: {PARTNER: 1}\nchannels: {c: {with: {timeout: 3s}}}\n")
      return (project, ports)
    }

    private func table(_ ports: [Int], _ timeouts: [String] = ["", "", ""]) -> String {
      let rows = zip(["a", "b", "c"], zip(ports, timeouts)).map { "\($0),\($1.0),\($1.1)\n" }
      return "channel,port,timeout\n" + rows.joined()
    }

    private func outcomes(_ report: DeploymentReport) -> [String: String] {
      Dictionary(uniqueKeysWithValues: report.channels.map { ($0.name, $0.outcome.rawValue) })
    }

    @Test func `of a table changes one channel when one row changes, and takes that row back alone`() async throws {
      let partner = try await Partner.start()
      let (project, ports) = try make(partner.port)
      try await project.start(["--env", "prod"])
      for (index, port) in ports.enumerated() {
        #expect(try await send([Sample.adt("M\(index)")], to: port).isAllAccepted)
      }
      try await eventually("all are delivered") { partner.controlIDs.count == 3 }
      let before: [RevisionShown] = try await project.json("revisions")

      try project.write("Channels/labs.csv", table(ports, ["", "5s", ""]))
      let diff: DeploymentReport = try await project.json("diff")
      #expect(outcomes(diff) == ["a": "unchanged", "b": "changed", "c": "unchanged"])
      let lines = ["- channel,port", "- b,\(ports[1])", "+ channel,port,timeout", "+ b,\(ports[1]),5s"]
      #expect(diff.channels.first { $0.name == "b" }?.files.map(\.lines) == [lines])
      let report: DeploymentReport = try await project.json("deploy")
      #expect(outcomes(report) == ["a": "unchanged", "b": "changed", "c": "unchanged"])
      #expect(report.channels.first { $0.name == "b" }?.lines.first == "changed files: labs.csv")

      let rollback: DeploymentReport = try await project.json("rollback", "b")
      #expect(outcomes(rollback) == ["b": "changed"], "\(rollback)")
      let after: [RevisionShown] = try await project.json("revisions")
      #expect(Set(after.map(\.revision)) == Set(before.map(\.revision)))
      #expect(try await send([Sample.adt("M9")], to: ports[1]).isAllAccepted)
      try await eventually("it is delivered") { partner.controlIDs.contains("M9") }
      #expect(try await project.problemsOfTheLedger() == [])
    }

    @Test func `what was rolled back in one environment does not go on in another`() async throws {
      let (live, other) = (try await Partner.start(), try await Partner.start())
      let project = try Project()
      let port = try project.port()
      func channel(_ partner: String) -> String {
        """
        channel: a
        source:
          mllp: {port: \(port)}
        destinations:
          ehr:
            mllp: {host: 127.0.0.1, port: "\(partner)"}

        """
      }
      try project.write("Channels/a.yaml", channel("${EHR_PORT}"))
      try project.makeFolder("environments")
      for (name, partner) in [("prod", live), ("test", other)] {
        try project.write("environments/\(name).yaml", "values: {EHR_PORT: \"\(partner.port)\"}\n")
      }
      try await project.start(["--env", "prod"])
      try project.write("Channels/a.yaml", channel("\(other.port)"))
      #expect(try await project.hilum("deploy").status == 0)
      #expect(try await project.hilum("rollback", "a").status == 0)
      #expect(try await send([Sample.adt("R1")], to: port).isAllAccepted)
      try await live.waits(for: 1)
      let changed: DeploymentReport = try await project.json("deploy", "--env", "test", "--change-env")
      #expect(outcomes(changed) == ["a": "changed"], "\(changed)")
      #expect(try await send([Sample.adt("R2")], to: port).isAllAccepted)
      try await other.waits(for: 1)
      #expect(live.controlIDs == ["R1"] && other.controlIDs == ["R2"])
    }

    @Test func `starts and deploys in its own environment, and in another only when told`() async throws {
      let partner = try await Partner.start()
      let (project, ports) = try make(partner.port)
      let engine = try await project.start(["--env", "prod"])
      #expect(try await project.status().environment == "prod")
      #expect(try await project.hilum("status").output.contains("(prod): running"))

      let refused = try await project.hilum("deploy", "--env", "test")
      #expect(refused.status == 1 && refused.errors.contains("this engine is in the environment prod, not in test"))
      #expect(try await project.status().environment == "prod")
      let diff: DeploymentReport = try await project.json("diff", "--env", "test")
      #expect(outcomes(diff) == ["a": "changed", "b": "changed", "c": "changed"])
      #expect(try await project.hilum("deploy", "--env", "prod").status == 0)
      #expect(try await send([Sample.adt("P1")], to: ports[0]).isAllAccepted)
      try await eventually("it is delivered") { partner.controlIDs.contains("P1") }

      let changed: DeploymentReport = try await project.json("deploy", "--env", "test", "--change-env")
      #expect(outcomes(changed) == ["a": "changed", "b": "changed", "c": "changed"])
      #expect(try await project.status().environment == "test")
      #expect(try await project.hilum("backup", "kept.tar").status == 0)
      let back = try await project.hilum("rollback", "a")
      #expect(back.status == 1 && back.errors.contains("another environment"), "\(back)")
      engine.launch.signal(15)
      _ = await engine.launch.ending(within: 30)

      for arguments in [[], ["--env", "prod"]] {
        let start = try await project.run([Project.binary, "run"] + arguments)
        #expect(start.status == 2 && start.errors.contains("last used in the environment test"), "\(start)")
      }
      // A copy of its data neither.
      let words = ["restore", "kept.tar", "--into", "copy", "--key", "data/keys/master.key"]
      #expect(try await project.run([Project.binary] + words).status == 0)
      let copy = try await project.run([Project.binary, "run", "--data", "copy", "--env", "prod"])
      #expect(copy.status == 2 && copy.errors.contains("last used in the environment test"), "\(copy)")
      let missing = try await project.run([Project.binary, "run", "--env", "tset"])
      #expect(missing.status == 1 && missing.errors.contains("did you mean `test`?"), "\(missing)")
      try await project.start(["--env", "prod", "--change-env"])
      #expect(try await project.status().environment == "prod")
      #expect(try await send([Sample.adt("P2")], to: ports[2]).isAllAccepted)
      try await eventually("it is delivered") { partner.controlIDs.contains("P2") }
      #expect(try await project.problemsOfTheLedger() == [])
    }

    @Test func `is compared between two environments without an engine`() async throws {
      let (project, _) = try make(6661)
      let result = try await project.hilum("diff", "--env", "test", "prod")
      #expect(
        result.output == """
          a, b
            destinations.ehr.mllp.port  1  ->  6661
          c
            destinations.ehr.mllp.port     1  ->  6661
            destinations.ehr.mllp.timeout  3s  ->  2s
          0 channels are the same in test and prod

          """, "\(result)")
    }
  }
}
