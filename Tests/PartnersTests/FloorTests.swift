import CSQLite
import NIOPosix
import Testing

@testable import Partners

@Suite struct `The floor` {
  @Test func `promises what it must: synchronous reads 2, in a write-ahead log`() async throws {
    try await withTemporaryFolder { folder in
      let floor = try await Floor.start(directory: folder)
      #expect(try await floor.synchronous() == 2)
      await floor.stop()
      #expect(try text("PRAGMA journal_mode", in: folder) == "wal")
    }
  }

  @Test(arguments: [(1, 1), (4, 1), (2, 16)])
  func `stores every message that it acknowledged, byte for byte`(connections: Int, window: Int) async throws {
    try await withTemporaryFolder { folder in
      let floor = try await Floor.start(directory: folder)
      let generator = MessageGenerator(seed: 2)
      var plan = SendPlan(PartnerEndpoint(port: floor.port))
      plan.connections = connections
      plan.window = window
      let report = try await MLLPSender(plan).send(count: 100) { generator.message($0) }
      #expect(report.count(.AA) == 100)
      #expect(try await floor.messageCount() == 100)
      await floor.stop()
      for number in [0, 50, 99] {
        let id = generator.controlID(number)
        #expect(try blobs(with: id, in: folder) == [generator.message(number)])
      }
    }
  }

  @Test func `answers nothing that it has not understood, and closes`() async throws {
    try await withTemporaryFolder { folder in
      let floor = try await Floor.start(directory: folder)
      let report = try await MLLPSender(SendPlan(PartnerEndpoint(port: floor.port))).send([Array("no HL7".utf8)])
      #expect(report.count(.connectionLost) == 1)
      #expect(try await floor.messageCount() == 0)
      await floor.stop()
    }
  }

  @Test func `is not started where its folder is missing`() async {
    await #expect(throws: PartnerError.self) { try await Floor.start(directory: "/nowhere/at/all") }
  }

  private func text(_ sql: String, in folder: String) throws -> String {
    try rows(sql, in: folder) { String(cString: sqlite3_column_text($0, 0)) }.first ?? ""
  }

  private func blobs(with id: String, in folder: String) throws -> [[UInt8]] {
    try rows("SELECT raw FROM message WHERE instr(raw, '\(id)') > 0", in: folder) { statement in
      let count = Int(sqlite3_column_bytes(statement, 0))
      return Array(UnsafeRawBufferPointer(start: sqlite3_column_blob(statement, 0), count: count))
    }
  }

  private func rows<Row>(_ sql: String, in folder: String, _ read: (OpaquePointer) -> Row) throws -> [Row] {
    var database: OpaquePointer?
    try #require(sqlite3_open(folder + "/floor.sqlite", &database) == SQLITE_OK)
    defer { sqlite3_close_v2(database) }
    var statement: OpaquePointer?
    try #require(sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK)
    defer { sqlite3_finalize(statement) }
    var rows: [Row] = []
    while sqlite3_step(statement) == SQLITE_ROW, let statement { rows.append(read(statement)) }
    return rows
  }
}

@Suite struct `A load` {
  @Test(arguments: [1, 8]) func `counts what the floor acknowledged`(connections: Int) async throws {
    try await withTemporaryFolder { folder in
      let floor = try await Floor.start(directory: folder)
      let load = Load(
        port: floor.port, connections: connections, warmUp: .milliseconds(50), window: .milliseconds(500), variety: 64)
      let result = try await load.run()
      let stored = try await floor.messageCount()
      #expect(result.answered > 0)
      #expect(result.counted == result.answered)
      // Those of the warm-up are stored too, and not counted.
      #expect(stored > result.answered)
      #expect(result.answerLatency.count == result.answered)
      #expect(result.delivered == nil)
      await floor.stop()
    }
  }

  @Test func `counts what the slowest partner received, and how long it took`() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let partner = try await LoadPartner.start(destinations: 2, group: group)
    // The load goes straight to the first destination: the second gets nothing, so nothing is delivered everywhere.
    let load = Load(port: partner.ports[0], connections: 2, warmUp: .zero, window: .milliseconds(500), variety: 16)
    let missed = try await load.run(partner: partner, group: group)
    #expect(missed.delivered == 0)
    #expect(missed.counted == 0)
    #expect(missed.answered > 0)
    await partner.stop()

    let single = try await LoadPartner.start(destinations: 1, group: group)
    let direct = Load(port: single.ports[0], connections: 2, warmUp: .zero, window: .milliseconds(500), variety: 16)
    let result = try await direct.run(partner: single, group: group)
    let delivered = try #require(result.delivered)
    #expect(delivered > 0)
    #expect(delivered >= result.answered)
    #expect(result.deliveryLatency?.count == delivered)
    await single.stop()
  }

  @Test func `fails where an answer refuses, and where there is nobody`() async throws {
    let receiver = MLLPReceiver(ReceivePlan(always: .code(.AE)))
    try await receiver.start()
    let load = Load(port: receiver.port, connections: 1, warmUp: .zero, window: .milliseconds(50), variety: 4)
    await #expect(throws: PartnerError.self) { try await load.run() }
    await receiver.stop()
    let kept = try PortReservation()
    let alone = Load(port: kept.port, connections: 1, warmUp: .zero, window: .milliseconds(50), variety: 4)
    await #expect(throws: PartnerError.load("no connection to port \(kept.port)")) { try await alone.run() }
  }

  @Test func `fails where no answer comes`() async throws {
    let receiver = MLLPReceiver(ReceivePlan(always: ReceiverBehaviour(.none)))
    try await receiver.start()
    let load = Load(
      port: receiver.port, connections: 1, warmUp: .zero, window: .milliseconds(50), variety: 4,
      answerWithin: .milliseconds(100))
    await #expect(throws: PartnerError.self) { try await load.run() }
    await receiver.stop()
  }
}
