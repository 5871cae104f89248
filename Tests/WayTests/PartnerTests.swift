import Engine
import Foundation
import Partners
import Store
import Testing

extension Ways {
  @Suite struct `Whatever the partner does` {
    /// Two lanes: `ehr` goes to the partner that misbehaves, `other` to one that doesn't.
    private func start(
      destination: String = ", timeout: 300ms", lane: String = "retry: {first: 20ms, factor: 1, longest: 20ms}",
      to: Int? = nil,
      _ behave: (Partner) -> Void = { _ in }
    ) async throws -> (way: OneWay, other: Partner) {
      let other = try await Partner.start()
      let way = try await OneWay.make(
        destination: destination, lane: lane + "\n  other:\n    mllp: {host: 127.0.0.1, port: \(other.port)}", to: to)
      behave(way.partner)
      try await way.project.start()
      return (way, other)
    }

    private func ids(_ count: Int) -> [String] { (1...count).map { "P\($0)" } }

    private func send(_ ids: [String], _ way: OneWay) async throws {
      let report = try await WayTests.send(ids.map { Sample.adt($0) }, to: way.port)
      #expect(report.isAllAccepted, "\(report)")
    }

    /// The control ids in the order in which each came first.
    private func firsts(_ partner: Partner) -> [String] {
      partner.got.filter { $0.occurrence == 1 }.map(\.controlID)
    }

    @Test func `it is away or resets: what waits goes out in order when it is back, and the other lane never noticed`()
      async throws
    {
      let proxied = try await Partner.start()
      let proxy = FaultProxy(to: PartnerEndpoint(port: proxied.port)) { number in .init(refuses: number < 3) }
      try await proxy.open()
      let (way, other) = try await start(lane: "retry: {first: 20ms, factor: 2, longest: 500ms}", to: proxy.port)
      await proxy.close()
      try await send(ids(10), way)
      #expect(try await other.waits(for: 10).map(\.controlID) == ids(10))
      try await eventually("it is refused a few times") { try await way.project.lane("adt/ehr").failures >= 3 }
      let state = try await way.project.lane("adt/ehr")
      #expect(state.waiting == 10 && state.unreachable != nil)

      try await proxy.open()

      #expect(try await proxied.waits(for: 10).map(\.controlID) == ids(10))
      try await way.project.drained()
      let lanes = try await way.project.ledger("adt").lanes
      #expect(lanes.map(\.delivered) == [10, 10] && lanes.map(\.dead) == [0, 0])
      #expect(proxied.got.count == 10)
      await proxy.stop()
    }

    @Test func `it reads 200 bytes a second: one message at a time, the other lane at full speed`() async throws {
      let proxied = try await Partner.start()
      let proxy = FaultProxy(to: PartnerEndpoint(port: proxied.port)) { _ in .init(toServer: .slow(bytesPerSecond: 200))
      }
      try await proxy.open()
      let (way, other) = try await start(destination: ", timeout: 20s", to: proxy.port)
      try await send(ids(3), way)
      #expect(try await other.waits(for: 3, within: .seconds(2)).count == 3)
      #expect(proxied.got.count <= 1)
      #expect(try await proxied.waits(for: 3, within: .seconds(20)).map(\.controlID) == ids(3))
      try await way.project.drained()
      #expect(proxied.got.count == 3, "nothing was sent twice")
      await proxy.stop()
    }

    @Test func `its connection is half open: found out by the time for the answer, and sent again on a new one`()
      async throws
    {
      let proxied = try await Partner.start()
      // The first connection takes one message and its answer, and is a black hole from then on.
      let proxy = FaultProxy(to: PartnerEndpoint(port: proxied.port)) { number in
        number == 0 ? .init(toServer: .blackHole(afterBytes: Sample.adt("P1").count + 3)) : .init()
      }
      try await proxy.open()
      let (way, _) = try await start(to: proxy.port)
      try await send(ids(3), way)
      let got = try await proxied.waits(for: 3)
      #expect(got.map(\.controlID) == ids(3))
      #expect(got.map(\.connection) == [0, 1, 1] && proxy.connectionCount == 2)
      try await way.project.drained()
      #expect(try await way.project.ledger("adt").lanes.map(\.delivered) == [3, 3])
      await proxy.stop()
    }

    @Test
    func
      `it never answers: the connection is closed before each retry, and in the end the message is dead`()
      async throws
    {
      let (way, other) = try await start(lane: "retry: {first: 20ms, factor: 1, longest: 20ms}\n    refused: {AE: 1}") {
        $0.answer { $0.controlID == "P1" ? ReceiverBehaviour(.none) : ReceiverBehaviour() }
      }
      try await send(ids(2), way)
      try await eventually("the second one is delivered") { way.partner.controlIDs.contains("P2") }
      try await way.project.drained()
      #expect(other.controlIDs == ids(2))
      let dead = try await way.project.dead()
      #expect(
        dead.count == 1 && dead[0].possibleDuplicate && dead[0].summary?.contains("did not answer") == true, "\(dead)")
      let tries = way.partner.got.filter { $0.controlID == "P1" }
      // Three lost connections count as one refusal, of which one is forgiven.
      #expect(tries.count == 6 && dead[0].attempts == 6)
      #expect(Set(tries.map(\.connection)).count == 6, "each try had a connection of its own")
    }

    @Test func `its answer comes late: it is never taken for the next message's`() async throws {
      let (way, _) = try await start {
        $0.answer { reception in
          switch (reception.controlID, reception.occurrence) {
          case ("P1", 1): ReceiverBehaviour(delay: .milliseconds(600))
          case ("P2", _): .code(.AR)
          default: ReceiverBehaviour()
          }
        }
      }
      try await send(ids(3), way)
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["P1", "P1", "P2", "P3"])
      let dead = try await way.project.dead()
      #expect(dead.count == 1 && dead[0].summary?.contains("AR") == true)
      let first = try #require(try await way.project.messages().last)
      #expect(try await way.project.story(first.id).contains("may have reached the partner more than once"))
    }

    @Test func `it refuses: each code has its tries, what it said is kept, and the lane goes on`() async throws {
      let codes: [(id: String, code: AcknowledgementCode, tries: Int)] = [
        ("AE-1", .AE, 3), ("AR-1", .AR, 1), ("CE-1", .CE, 3), ("CR-1", .CR, 1),
      ]
      let (way, _) = try await start(
        lane: "retry: {first: 20ms, factor: 1, longest: 20ms}\n    refused: {AE: 2, AR: 0, then: dead}"
      ) {
        $0.answer { reception in
          codes.first { $0.id == reception.controlID }.map { .code($0.code) } ?? ReceiverBehaviour()
        }
      }
      try await send(codes.map(\.id) + ["GOOD"], way)
      try await eventually("the good one is there") { way.partner.controlIDs.contains("GOOD") }
      try await way.project.drained()
      let dead = try await way.project.dead()
      for (record, expected) in zip(dead.sorted { $0.sequence < $1.sequence }, codes) {
        #expect(
          record.attempts == expected.tries && record.summary?.contains(expected.code.rawValue) == true, "\(record)")
        #expect(way.partner.controlIDs.filter { $0 == expected.id }.count == expected.tries)
        let shown = try await way.project.hilum("messages", "show", record.message)
        #expect(shown.output.contains("MSA|\(expected.code.rawValue)|\(expected.id)"), "what it answered is kept")
      }
      #expect(dead.count == 4 && way.partner.controlIDs.last == "GOOD")
    }

    @Test func `it refuses for a while: the message goes in the end, and those behind it after it`() async throws {
      let (way, _) = try await start {
        $0.answer { $0.controlID == "P2" && $0.occurrence < 3 ? .code(.AE) : ReceiverBehaviour() }
      }
      try await send(ids(4), way)
      try await way.project.drained()
      #expect(way.partner.controlIDs == ["P1", "P2", "P2", "P2", "P3", "P4"])
      #expect(try await way.project.dead().isEmpty)
    }

    @Test(arguments: ["garbage", "empty", "wrong-id", "twice"])
    func `its answer is none: the connection is given up and the message sent again on another`(
      word: String
    ) async throws {
      let (way, _) = try await start {
        $0.answer { reception in
          if reception.occurrence == 1, reception.controlID == "P1", let odd = ReceiverBehaviour(word: word) {
            return odd
          }
          // The second of two answers shall come before the next message is answered.
          return ReceiverBehaviour(delay: .milliseconds(20))
        }
      }
      try await send(ids(3), way)
      try await way.project.drained()
      // Of two answers the first is one; the second came before anything else was sent.
      #expect(way.partner.controlIDs == (word == "twice" ? ids(3) : ["P1"] + ids(3)))
      #expect(way.partner.receiver.connectionCount == 2)
      #expect(try await way.project.dead().isEmpty)
    }

    @Test(arguments: ["an acknowledgement", "a message of its own"])
    func `it sends what nobody asked for on the way back: nothing goes round in circles`(what: String) async throws {
      let own =
        what == "a message of its own"
        ? Sample.adt("ITS-OWN") : Array("MSH|^~\\&|X|||||| ACK|Z|P|2.5\rMSA|AA|P0\r".utf8)
      let (way, _) = try await start {
        $0.answer { reception in
          reception.controlID == "P2" && reception.occurrence == 1
            ? ReceiverBehaviour(.bytes(Wire.frame(own))) : ReceiverBehaviour()
        }
      }
      try await send(ids(3), way)
      try await way.project.drained()
      #expect(
        way.partner.controlIDs == ["P1", "P2", "P2", "P3"], "what it sent was neither answered nor taken for an answer")
      #expect(try await way.project.ledger("adt").received == 3)
    }

    @Test(arguments: [ReceiverBehaviour.Closing.afterAnswer, .halfAfterAnswer, .resetAfterAnswer])
    func `it closes after each answer: noticed before the next send, and nothing is lost`(
      closing: ReceiverBehaviour.Closing
    ) async throws {
      let (way, _) = try await start { $0.answer(ReceiverBehaviour(closing: closing)) }
      try await send(ids(10), way)
      try await way.project.drained()
      #expect(firsts(way.partner) == ids(10))
      // The first end may cross the next message on its way; from then on it is looked for. A reset may each time take
      // an answer with it that was not read yet.
      if closing != .resetAfterAnswer { #expect(way.partner.got.count <= 11) }
      #expect(try await way.project.ledger("adt").lanes.map(\.delivered) == [10, 10])
    }

    @Test func `it takes what was sent ahead in order, and loses the connection in the middle: in order again`()
      async throws
    {
      let proxied = try await Partner.start()
      let size = Sample.adt("P1").count + 3
      let proxy = FaultProxy(to: PartnerEndpoint(port: proxied.port)) { number in
        number < 3 ? .init(toServer: .reset(afterBytes: size * 5 + 20)) : .init()
      }
      try await proxy.open()
      let (way, _) = try await start(
        destination: ", timeout: 2s", lane: "window: 8\n    retry: {first: 20ms, factor: 1, longest: 20ms}",
        to: proxy.port)
      try await send(ids(9), way)
      let more = (10...40).map { "P\($0)" }
      try await send(more, way)
      try await way.project.drained()
      #expect(firsts(proxied) == ids(9) + more)
      #expect(try await way.project.dead().isEmpty)
      await proxy.stop()
    }
  }
}
