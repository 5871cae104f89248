import ConnectorKit
import DICOM
import DICOMTransport
import Logging
import Messages
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Connectors

/// A source that says which objects it keeps, and hears which a destination's partner keeps.
@Suite(.timeLimit(.minutes(2)))
struct DICOMCommitmentSourceTests {
  private static let ct = "1.2.840.10008.5.1.4.1.1.2"
  private static let mr = "1.2.840.10008.5.1.4.1.1.4"

  /// What a channel keeps, and what its destinations wait for.
  private final class Kept: Inbox {
    let objects: [String: String]
    let awaitsAnswers: Bool
    let answers = Collected<String>()

    init(_ objects: [String: String] = [:], awaitsAnswers: Bool = false) {
      self.objects = objects
      self.awaitsAnswers = awaitsAnswers
    }

    func origin(_ name: String) -> any Origin { ScriptedInbox().origin(name) }
    func stage() throws(StagingError) -> any ContentWriter { throw StagingError("nothing is staged here") }
    func progress(_ key: String) async throws -> Value? { nil }

    func answer(_ name: String, _ payload: Payload, then: @escaping @Sendable (Bool) -> Void) -> Bool {
      let words = name.split(separator: " ")
      // One that nobody waits for, and one whose end can't be written now.
      if words[2] == "1.9" { return false }
      answers.add(name)
      then(words[2] != "1.8")
      return true
    }

    func kept(_ column: String, _ value: String) async throws -> [[String: String]] {
      if value == "1.7" { throw StagingError("the store can't be read") }
      return objects[value].map { [["sop-instance": value, "sop-class": $0]] } ?? []
    }
  }

  private struct Running {
    let port: Int
    let task: Task<Void, any Error>

    init(_ inbox: Kept, _ set: (DICOMSourceSettings) -> Void = { _ in }) async throws {
      let settings = DICOMSourceSettings()
      settings.port = Port(0)
      set(settings)
      let source = try DICOMSource(settings, context: ConnectorContext(channel: ChannelName("test")))
      task = Task { try await source.run(inbox) }
      while source.status().listening == nil { await Task.yield() }
      port = try #require(source.status().listening?.split(separator: ":").last.flatMap { Int($0) })
    }

    func stop() async {
      task.cancel()
      _ = try? await task.value
    }
  }

  /// Who asks, on one association; lives on its loop.
  private final class Caller: AssociationUser, @unchecked Sendable {
    let established = Collected<Agreement>()
    let answers = Collected<UInt16>()
    let reports = Collected<StorageCommitment>()
    let ends = Collected<Association.End>()
    private var handler: AssociationHandler?
    private var report: CommandSet?
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    static func connect(to port: Int, roles: [RoleSelection] = []) async throws -> Caller {
      let caller = Caller()
      var user = UserInformation(
        maximumLength: 1 << 16, implementationClassUID: Implementation.hilum.classUID,
        implementationVersionName: Implementation.hilum.versionName)
      user.roles = roles
      let request = AssociateRequest(
        calledAETitle: "HILUM", callingAETitle: "CT1",
        contexts: [
          PresentationContext(
            id: 1, abstractSyntax: DICOMUID.storageCommitment,
            transferSyntaxes: [DICOMTransferSyntax.implicitLittle.uid])
        ], user: user)
      _ = try await ClientBootstrap(group: caller.loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            let handler = AssociationHandler(.requester(request), user: caller)
            caller.handler = handler
            try channel.pipeline.syncOperations.addHandler(handler)
          }
        }
        .connect(host: "127.0.0.1", port: port).get()
      // Before that nothing may be sent.
      _ = await caller.established.first(1)
      return caller
    }

    func send(_ command: CommandSet, _ dataSet: [UInt8]) {
      loop.execute { self.handler?.send(command, dataSet: dataSet, contextID: 1) }
    }

    func release() { loop.execute { self.handler?.release() } }

    func associationEstablished(_ agreement: Agreement) { established.add(agreement) }
    func associationReceived(_ command: CommandSet, contextID: UInt8) {
      if command.field?.isResponse == true { return answers.add(command[number: .status] ?? 0xFFFF) }
      report = command
    }
    func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {
      guard let report, let said = StorageCommitment(Array(piece), syntax: .implicitLittle) else { return }
      reports.add(said)
      if let response = report.response(.success) { handler?.send(response, contextID: 1) }
    }
    func associationWantsData(byteCountMax: Int) {}
    func associationReleaseRequested() { handler?.answerRelease() }
    func associationEnded(_ end: Association.End) {
      handler = nil
      ends.add(end)
    }
  }

  private static func reference(_ instance: String, _ sopClass: String = ct) -> StorageCommitment.Reference {
    StorageCommitment.Reference(sopClass: sopClass, sopInstance: instance)
  }

  private static func bytes(_ commitment: StorageCommitment) throws -> [UInt8] {
    try #require(commitment.bytes(.implicitLittle))
  }

  @Test func `says what is kept, of another class, not there and not to be read, on the association that asked`()
    async throws
  {
    let source = try await Running(Kept(["1.1": Self.ct, "1.2": Self.ct])) { $0.commitment = true }
    let caller = try await Caller.connect(to: source.port)
    let asked = StorageCommitment(
      "1.2.3", [Self.reference("1.1"), Self.reference("1.2", Self.mr), Self.reference("1.3"), Self.reference("1.7")])
    caller.send(.commitment(messageID: 1), try Self.bytes(asked))
    let said = await caller.reports.first(1)[0]
    #expect(await caller.answers.first(1) == [0])
    #expect(said.transaction == "1.2.3" && said.references == [Self.reference("1.1")])
    #expect(said.failed.map(\.reason.code) == [0x0119, 0x0112, 0x0110])
    // And goes on with the next.
    caller.send(.commitment(messageID: 2), try Self.bytes(StorageCommitment("1.2.4", [Self.reference("1.2")])))
    #expect(await caller.reports.first(2)[1].failed.isEmpty)
    caller.release()
    #expect(await caller.ends.first(1) == [.released])
    await source.stop()
  }

  @Test func `refuses what is no request for it`() async throws {
    let source = try await Running(Kept()) { $0.commitment = true }
    let caller = try await Caller.connect(to: source.port)
    let asked = try Self.bytes(StorageCommitment("1.2.3", [Self.reference("1.1")]))
    func send(_ id: UInt16, _ dataSet: [UInt8], _ change: (inout CommandSet) -> Void = { _ in }) {
      var command = CommandSet.commitment(messageID: id)
      change(&command)
      caller.send(command, dataSet)
    }
    send(1, asked) { $0[text: .requestedSOPClassUID] = Self.ct }
    send(2, asked) { $0[text: .requestedSOPInstanceUID] = "1.2" }
    send(3, asked) { $0[number: .actionTypeID] = 2 }
    send(4, Array(repeating: 0xFF, count: 50))
    send(5, try Self.bytes(StorageCommitment("1.2.3", [])))
    send(6, asked) { $0[number: .commandField] = CommandSet.Field.nGetRequest.rawValue }
    #expect(
      (await caller.answers.first(6)).sorted() == [0x0112, 0x0115, 0x0115, 0x0118, 0x0123, 0x0211])
    #expect(caller.reports.now.isEmpty)
    // A list that has no end.
    caller.send(.commitment(messageID: 7), Array(repeating: 0, count: 5 << 20))
    guard case .aborted = await caller.ends.first(1)[0] else {
      Issue.record("it was taken")
      return
    }
    await source.stop()
  }

  @Test func `neither takes requests nor reports unless it is told to`() async throws {
    let source = try await Running(Kept())
    let caller = try await Caller.connect(to: source.port)
    #expect(await caller.established.first(1)[0].contexts.isEmpty)
    caller.release()
    await source.stop()
    // A channel that a destination names takes reports alone.
    let named = try await Running(Kept(awaitsAnswers: true))
    let partner = try await Caller.connect(
      to: named.port, roles: [RoleSelection(sopClass: DICOMUID.storageCommitment, asSCU: false, asSCP: true)])
    let agreement = await partner.established.first(1)[0]
    #expect(agreement.contexts.count == 1 && agreement.peer.roles.map(\.asSCP) == [true])
    partner.send(.commitment(messageID: 1), try Self.bytes(StorageCommitment("1.2.3", [Self.reference("1.1")])))
    #expect(await partner.answers.first(1) == [0x0211])
    partner.release()
    await named.stop()
  }

  @Test func `answers a report when what follows from it is on disk, and one of what nobody waits for with a refusal`()
    async throws
  {
    let inbox = Kept(awaitsAnswers: true)
    let source = try await Running(inbox)
    let partner = try await Caller.connect(to: source.port)
    func report(_ id: UInt16, _ instances: String...) throws {
      partner.send(
        .commitmentReport(messageID: id, hasFailures: false),
        try Self.bytes(StorageCommitment("1.2.3", instances.map { Self.reference($0) })))
    }
    try report(1, "1.1", "1.2", "1.9")
    #expect(await partner.answers.first(1) == [0])
    #expect(inbox.answers.now == ["1.2.3 \(Self.ct) 1.1", "1.2.3 \(Self.ct) 1.2"])
    try report(2, "1.9")
    #expect(await partner.answers.first(2).last == 0x0115)
    try report(3, "1.1", "1.8")
    #expect(await partner.answers.first(3).last == 0x0110)
    partner.release()
    await source.stop()
  }

  @Test func `reports to a caller that says where`() async throws {
    let heard = Kept(awaitsAnswers: true)
    let listener = try await Running(heard) { $0.aeTitle = AETitle(known: "CT1") }
    let place = DICOMReportSettings()
    place.host = "127.0.0.1"
    place.port = Port(listener.port)
    let source = try await Running(Kept(["1.1": Self.ct])) {
      $0.commitment = true
      $0.callers = [DICOMCaller(aeTitle: AETitle(known: "CT1"), reportTo: place)]
    }
    let caller = try await Caller.connect(to: source.port)
    caller.send(.commitment(messageID: 1), try Self.bytes(StorageCommitment("1.2.3", [Self.reference("1.1")])))
    _ = await caller.answers.first(1)
    caller.release()
    #expect(await heard.answers.first(1) == ["1.2.3 \(Self.ct) 1.1"])
    #expect(caller.reports.now.isEmpty)
    await source.stop()
    await listener.stop()
  }
}
