import Testing

@testable import Partners

@Suite struct `Partners with TLS` {
  /// A certificate for localhost and 127.0.0.1 that is its own authority.
  private func certificate(in folder: String) async throws -> (chain: String, key: String) {
    let (chain, key) = (folder + "/partner.pem", folder + "/partner.key")
    let openssl = try await ChildProcess.start(
      "/usr/bin/openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", chain,
      ], errorsTo: folder + "/openssl.log")
    try #require(await openssl.ended() == .code(0))
    return (chain, key)
  }

  private func receiver(
    _ certificate: (chain: String, key: String), clients: String? = nil
  ) async throws -> MLLPReceiver {
    var plan = ReceivePlan(PartnerEndpoint(port: 0, isTLS: true))
    plan.tls = PartnerTLS(certificate: certificate, trust: clients)
    let receiver = MLLPReceiver(plan)
    try await receiver.start()
    return receiver
  }

  @Test func `talk when they trust each other`() async throws {
    try await withTemporaryFolder { folder in
      let certificate = try await certificate(in: folder)
      let receiver = try await receiver(certificate, clients: certificate.chain)
      var plan = SendPlan(receiver.endpoint)
      plan.tls = PartnerTLS(certificate: certificate, trust: certificate.chain)
      let generator = MessageGenerator(seed: 1)
      let report = try await MLLPSender(plan).send(count: 20) { generator.message($0) }
      #expect(report.isAllAccepted)
      #expect(receiver.receptions.count == 20)
      await receiver.stop()
    }
  }

  @Test func `don't when the sender trusts nobody, unless it is told to take anyone`() async throws {
    try await withTemporaryFolder { folder in
      let receiver = try await receiver(try await certificate(in: folder))
      let message = MessageGenerator(seed: 1).message(0)
      var plan = SendPlan(receiver.endpoint)
      let refused = try await MLLPSender(plan).send([message])
      #expect(refused.acceptedCount == 0)
      #expect(receiver.receptions.isEmpty)
      plan.tls = PartnerTLS(verifies: false)
      let taken = try await MLLPSender(plan).send([message])
      #expect(taken.isAllAccepted)
      await receiver.stop()
    }
  }

  @Test func `don't start a receiver without a certificate`() async throws {
    let receiver = MLLPReceiver(ReceivePlan(PartnerEndpoint(port: 0, isTLS: true)))
    await #expect(throws: PartnerError.self) { try await receiver.start() }
  }
}

@Suite struct `A kept port` {
  @Test func `is given to whoever asks for it by number, and is refused meanwhile`() async throws {
    let kept = try PortReservation()
    let refused = try await MLLPSender(SendPlan(PartnerEndpoint(port: kept.port))).send([Array("MSH|^~\\&|\r".utf8)])
    #expect(refused.count(.notConnected) == 1)
    let receiver = MLLPReceiver(ReceivePlan(PartnerEndpoint(port: kept.port)))
    try await receiver.start()
    #expect(receiver.port == kept.port)
    await receiver.stop()
  }
}
