import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  /// Certificates, keys and trust roots are replaced on disk while the engine runs.
  @Suite struct `When certificates are replaced` {
    private func alerts(_ project: Project) async throws -> [Alert] {
      let overview: AlertOverview = try await project.json("alert", "list")
      return overview.active
    }

    private func plan(_ certificate: String, trust authority: Authority, _ project: Project) -> PartnerTLS {
      PartnerTLS(
        certificate: (project.path("tls/\(certificate).pem"), project.path("tls/\(certificate).key")),
        trust: authority.path)
    }

    private func isTaken(_ id: String, port: Int, _ tls: PartnerTLS) async throws -> Bool {
      try await send([Sample.adt(id)], to: port) {
        $0.endpoint.isTLS = true
        $0.tls = tls
        $0.timeout = .seconds(5)
      }.isAllAccepted
    }

    @Test func `a listener shows the new one to whom comes then, and keeps the old while the files are no pair`()
      async throws
    {
      let way = try await OneWay.make(
        source: ", tls: {certificate: ../tls/live.pem, key: {file: ../tls/live.key}, clients: ../tls/clients.pem}")
      let project = way.project
      let (old, new) = (try await Authority("old-ca", in: project), try await Authority("new-ca", in: project))
      for name in ["hub-1", "pas-1"] { try await old.issue(name) }
      try await old.issue("hub-2")
      try await new.issue("pas-2")
      try project.place("hub-1", as: "live")
      try project.place("old-ca", as: "clients", ["pem"])
      try await project.start()
      let (first, second) = (plan("pas-1", trust: old, project), plan("pas-2", trust: old, project))
      #expect(try await project.nameShown(on: way.port) == "hub-1")
      #expect(try await !isTaken("X0", port: way.port, second))

      // One sender stays connected while all of this happens.
      var steady = SendPlan(PartnerEndpoint(port: way.port, isTLS: true))
      steady.tls = first
      steady.rate = 4
      let sender = MLLPSender(steady)
      let staying = Task { try await sender.send(count: 80) { Sample.adt("S\($0)") } }

      // The new certificate is there, and its key is not.
      try project.place("hub-2", as: "live", ["pem"])
      try await eventually(within: 90, "people are told") {
        try await alerts(project).contains { $0.key.kind == .certificateUnusable }
      }
      let alert = try #require(try await alerts(project).first)
      #expect(alert.key.file?.hasSuffix("tls/live.pem") == true)
      #expect(alert.text == "tls.key: the key does not belong to the certificate")
      #expect(try await project.nameShown(on: way.port) == "hub-1")
      #expect(try await isTaken("X1", port: way.port, first))

      try project.place("hub-2", as: "live", ["key"])
      try await eventually(within: 20, "the new one is shown") { try await project.nameShown(on: way.port) == "hub-2" }

      // Half of a file of authorities is none.
      try project.write("tls/clients.pem", Array(project.read("tls/new-ca.pem").prefix(100)))
      try await eventually(within: 90, "people are told of authorities too") {
        try await alerts(project).contains { $0.key.file?.hasSuffix("tls/clients.pem") == true }
      }
      #expect(try await isTaken("X2", port: way.port, first))
      try project.place("new-ca", as: "clients", ["pem"])
      try await eventually(within: 20, "who is signed by the new one is let in") {
        try await isTaken("X3", port: way.port, second)
      }
      #expect(try await !isTaken("X4", port: way.port, first))
      let report = try await staying.value
      #expect(report.isAllAccepted && report.connectionsLost == 0, "\(report)")
      #expect(try await project.ledger("adt").accepted == 80 + 3)
    }

    @Test func `a destination trusts the new authority and shows the new certificate on its next connection`()
      async throws
    {
      let project = try Project()
      let (old, new) = (try await Authority("old-ca", in: project), try await Authority("new-ca", in: project))
      for (authority, number) in [(old, 1), (new, 2)] {
        try await authority.issue("ehr-\(number)")
        try await authority.issue("hub-\(number)")
      }
      try project.place("old-ca", as: "ca", ["pem"])
      try project.place("hub-1", as: "own")
      let port = try project.port()
      let reservation = try PortReservation()
      func partner(_ number: Int, _ authority: Authority) -> MLLPReceiver {
        var plan = ReceivePlan(PartnerEndpoint(port: reservation.port, isTLS: true))
        plan.tls = self.plan("ehr-\(number)", trust: authority, project)
        return MLLPReceiver(plan)
      }
      try project.write(
        "Channels/adt.yaml",
        """
        channel: adt
        source:
          mllp: {port: \(port)}
        destinations:
          ehr:
            mllp:
              host: 127.0.0.1
              port: \(reservation.port)
              tls: {ca: ../tls/ca.pem, certificate: ../tls/own.pem, key: {file: ../tls/own.key}}
            retry: {first: 100ms, factor: 1, longest: 100ms}
        """)
      let before = partner(1, old)
      try await before.start()
      try await project.start()
      #expect(try await send([Sample.adt("D1")], to: port).isAllAccepted)
      try await before.receptions(atLeast: 1, within: .seconds(20))
      await before.stop()

      // The partner has moved to its new authority, and trusts nobody else.
      let after = partner(2, new)
      try await after.start()
      #expect(try await send([Sample.adt("D2")], to: port).isAllAccepted)
      try await eventually("its certificate is not trusted") {
        try await project.lane("adt/ehr").unreachable?.contains("not signed by an authority that is trusted") == true
      }
      try project.write("tls/ca.pem", Array(project.read("tls/new-ca.pem").prefix(100)))
      try await eventually(within: 20, "half of a file is said to be none") {
        project.log.contains("the changed TLS files can't be used; the old ones stay")
      }
      try project.place("new-ca", as: "ca", ["pem"])
      try await eventually(within: 20, "now it is the partner that refuses") {
        try await project.lane("adt/ehr").unreachable?.contains("authority of our certificate") == true
      }
      #expect(after.receptions.isEmpty)
      try project.place("hub-2", as: "own")
      try await after.receptions(atLeast: 1, within: .seconds(20))
      try await project.drained()
      #expect(after.receptions.map(\.controlID) == ["D2"])
      #expect(try await project.dead().isEmpty)
    }
  }
}
