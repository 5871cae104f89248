import ConnectorKit
import DICOM
import DICOMTransport
import Messages
import NIOCore
import Synchronization
import Testing

@testable import Connectors

/// A destination that waits for its partner to commit itself to keep what it has stored.
@Suite(.timeLimit(.minutes(2)))
struct DICOMCommitmentTests {
  private static let ct = "1.2.840.10008.5.1.4.1.1.2"
  private static let mr = "1.2.840.10008.5.1.4.1.1.4"

  /// Hands reports to it as a source does.
  private struct Way: Inbox {
    let later: LaterByHand
    func origin(_ name: String) -> any Origin { preconditionFailure("nothing arrives") }
    func stage() throws(StagingError) -> any ContentWriter { throw StagingError("nothing is staged here") }
    func progress(_ key: String) async throws -> Value? { nil }
    func answer(_ name: String, _ payload: Payload, then: @escaping @Sendable (Bool) -> Void) -> Bool {
      guard let found = later.take(name) else { return false }
      found(payload)
      then(true)
      return true
    }
  }

  /// A content that turns out to be damaged behind its head.
  private final class Damaged: ContentReader {
    private let head: BytesReader
    init(_ head: [UInt8]) { self.head = BytesReader(head) }
    var rest: Int { head.rest + 100_000 }
    func next(_ countMax: Int) throws(ContentError) -> [UInt8] {
      if head.rest == 0 { throw ContentError("it is damaged") }
      return head.next(countMax)
    }
    func skip(_ count: Int) { head.skip(count) }
  }

  private struct Out {
    let destination: DICOMDestination
    let results = Collected<(number: Int, result: Result<Reply, DeliveryError>)>()

    init(
      _ partner: CommitmentPartner, within: Duration = .seconds(60), keepOpen: Duration = .seconds(20),
      later: LaterByHand? = nil
    ) throws {
      let settings = DICOMDestinationSettings()
      settings.host = "127.0.0.1"
      settings.port = Port(partner.port)
      settings.aeTitle = AETitle(known: "PACS")
      settings.timeout = .seconds(10)
      settings.keepOpen = keepOpen
      let block = DICOMCommitmentSettings()
      block.within = within
      if later != nil { block.from = ChannelNameReference(ChannelName("images")) }
      settings.commitment = block
      var context = ConnectorContext(channel: ChannelName("test"), destination: "pacs")
      context.laterAnswers = later
      destination = try DICOMDestination(settings, context: context)
    }

    /// Hands over what is sent behind each other.
    ///
    /// - Parameters:
    ///   - damaged: of which only the head can be read.
    ///   - follows: others are under way.
    func begin(
      _ numbers: Int..., sopClass: String = DICOMCommitmentTests.ct, damaged: Int? = nil, follows: Bool = false
    ) throws {
      for (place, number) in numbers.enumerated() {
        let object = try DICOMCommitmentTests.object(number, sopClass)
        let delivery = Delivery(
          id: Identifier(high: 7, low: UInt64(number)), message: ScriptedInbox.id,
          lane: LaneName(channel: ChannelName("test"), destination: "pacs"), payload: Payload(.dicom, object),
          attempt: 1, possibleDuplicate: false, followsOthers: follows || place > 0,
          open: { payload throws(ContentError) in
            number == damaged ? Damaged(object) : try Delivery.inMemory(payload)
          })
        destination.send(delivery) { [results] in results.add((number, $0)) }
      }
    }

    /// Of each, in the order of the numbers.
    func ended(_ count: Int) async -> [String] {
      await results.first(count).sorted { $0.number < $1.number }.map { "\($0.number) \($0.result.short)" }
    }

    func codes() -> [String?] { results.now.sorted { $0.number < $1.number }.map(\.result.error?.code) }
  }

  private static func uid(_ number: Int) -> String { "1.2.826.0.1.3680043.8.498.\(number)" }

  private static func object(_ number: Int, _ sopClass: String) throws -> [UInt8] {
    var draft = DICOMDraft(new: .explicitLittle)
    try draft.set(DICOMPath(.sopClassUID), .text(sopClass))
    try draft.set(DICOMPath(.sopInstanceUID), .text(uid(number)))
    return try DICOMFile.head(sopClass: sopClass, sopInstance: uid(number), syntax: .explicitLittle) + draft.bytes()
  }

  private static func partner(
    isCommitting: Bool = true, actionStatus: UInt16 = 0, _ script: @escaping CommitmentPartner.Script = { _, _ in }
  ) async throws -> CommitmentPartner {
    try await CommitmentPartner(isCommitting: isCommitting, actionStatus: actionStatus, script).start()
  }

  @Test func `what was stored is delivered when its partner has committed itself, and all of it is asked for at once`()
    async throws
  {
    let partner = try await Self.partner { $0.report($1) }
    let out = try Out(partner)
    try out.begin(1, 2, 3)
    #expect(await out.ended(3) == (1...3).map { "\($0) 0000H, success; committed" })
    #expect(partner.requests.now.map(\.references.count) == [3])
    try out.begin(4)
    #expect(await out.ended(4).last == "4 0000H, success; committed")
    let requests = partner.requests.now
    #expect(Set(requests.map(\.transaction)).count == 2 && requests.allSatisfy { DICOMUID.isValid($0.transaction) })
    #expect(await partner.answers.first(2) == [0, 0])
    #expect(partner.associations.now.count == 1)
    #expect(out.destination.accepted().isEmpty)
    await out.destination.close()
    try await partner.close()
  }

  @Test func `what it doesn't commit itself to is refused, for good or for now by the reason`() async throws {
    let partner = try await Self.partner { association, request in
      let reasons: [UInt16] = [0x0112, 0x0122, 0x0213]
      let failed = zip(request.references, reasons).map { StorageCommitment.Failure($0, CommitmentFailure($1)) }
      association.report(StorageCommitment(request.transaction, [request.references[3]], failed: failed))
    }
    let out = try Out(partner)
    try out.begin(1, 2, 3, 4)
    #expect(
      await out.ended(4)
        == ["1 retryable sent", "2 permanent sent", "3 retryable sent", "4 0000H, success; committed"])
    #expect(out.codes() == ["0112", "0122", "0213", nil])
    await out.destination.close()
    try await partner.close()
  }

  @Test func `a partner that takes no request for it is given nothing`() async throws {
    let partner = try await Self.partner(isCommitting: false)
    let out = try Out(partner)
    try out.begin(1)
    #expect(await out.ended(1) == ["1 permanent"])
    #expect(out.codes() == ["0122"] && partner.stored.now.isEmpty)
    #expect(await out.destination.ping().lines.last?.contains("takes no request for storage commitment") == true)
    await out.destination.close()
    try await partner.close()
  }

  @Test(arguments: [(0x0213, "retryable sent"), (0x0123, "permanent sent")] as [(UInt16, String)])
  func `a request that is refused ends what it names`(_ status: UInt16, _ expected: String) async throws {
    let partner = try await Self.partner(actionStatus: status)
    let out = try Out(partner)
    try out.begin(1, 2)
    #expect(await out.ended(2) == ["1 \(expected)", "2 \(expected)"])
    try out.begin(3)
    #expect(await out.ended(3).last == "3 \(expected)")
    #expect(partner.associations.now.count == 1)
    await out.destination.close()
    try await partner.close()
  }

  @Test func `silence is a refusal of its own, and people see what is waited for until then`() async throws {
    let partner = try await Self.partner()
    let out = try Out(partner, within: .seconds(4), keepOpen: .zero)
    try out.begin(1)
    _ = await partner.requests.first(1)
    while out.destination.accepted().isEmpty, out.results.now.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    #expect(out.destination.accepted().map(\.delivery) == [Identifier(high: 7, low: 1)])
    #expect(await out.ended(1) == ["1 retryable sent"])
    #expect(out.codes() == ["unanswered"] && out.destination.accepted().isEmpty)
    // Nothing is to come on the association any more.
    #expect(await partner.ends.first(1) == [.released])
    await out.destination.close()
    try await partner.close()
  }

  @Test func `an association that breaks takes the report with it, one that is released says that none will come`()
    async throws
  {
    let partner = try await Self.partner { association, request in
      if request.references.count == 1 { association.handler?.abort() } else { association.handler?.release() }
    }
    let out = try Out(partner)
    try out.begin(1)
    #expect(await out.ended(1) == ["1 unreachable sent"])
    try out.begin(2, 3)
    #expect(await out.ended(3) == ["1 unreachable sent", "2 retryable sent", "3 retryable sent"])
    #expect(out.codes() == [nil, "unanswered", "unanswered"])
    await out.destination.close()
    try await partner.close()
  }

  @Test func `an object that can't be read to its end takes what is awaited with it, and nothing overtakes that`()
    async throws
  {
    let partner = try await Self.partner()
    let out = try Out(partner)
    try out.begin(1)
    _ = await partner.requests.first(1)
    try out.begin(2, 3, damaged: 2, follows: true)
    #expect(await out.ended(3) == ["1 unreachable sent", "2 permanent sent", "3 unreachable"])
    try out.begin(4, follows: true)
    #expect(await out.ended(4).last == "4 unreachable")
    #expect(partner.stored.now == [Self.uid(1)])
    await out.destination.close()
    try await partner.close()
  }

  @Test func `reports of what nobody asked for, and such as are none, are refused and end nothing`() async throws {
    let stranger = StorageCommitment.Reference(sopClass: Self.ct, sopInstance: Self.uid(99))
    let partner = try await Self.partner { association, request in
      association.report(StorageCommitment("1.2.3.4", request.references))
      association.report(StorageCommitment(request.transaction, [stranger]))
      let other = request.references.map { StorageCommitment.Reference(sopClass: Self.mr, sopInstance: $0.sopInstance) }
      association.report(StorageCommitment(request.transaction, other))
      association.report(request) { $0[text: .affectedSOPClassUID] = Self.ct }
      association.report(request) { $0[text: .affectedSOPInstanceUID] = "1.2.3" }
      association.report(request) { $0[number: .eventTypeID] = 7 }
      association.report(request, dataSet: Array(repeating: 0xFF, count: 64))
      association.report(StorageCommitment(request.transaction, []))
      // Named as both, it is not committed; the one that nothing is said of waits on.
      let both = StorageCommitment.Failure(request.references[0], .noSuchInstance)
      association.report(StorageCommitment(request.transaction, [request.references[0], stranger], failed: [both]))
      association.report(StorageCommitment(request.transaction, [request.references[1]]))
    }
    let out = try Out(partner)
    try out.begin(1, 2)
    #expect(await out.ended(2) == ["1 retryable sent", "2 0000H, success; committed"])
    #expect(
      await partner.answers.first(10)
        == [0x0115, 0x0115, 0x0115, 0x0118, 0x0112, 0x0113, 0x0115, 0x0115, 0x0000, 0x0000])
    #expect(out.codes() == ["0112", nil])
    await out.destination.close()
    try await partner.close()
  }

  @Test func `an association on which a report is to come is kept beside the next`() async throws {
    let first = Mutex<(association: CommitmentAssociation, request: StorageCommitment)?>(nil)
    let partner = try await Self.partner { association, request in
      guard let earlier = first.withLock({ $0 }) else {
        return first.withLock { $0 = (association, request) }
      }
      association.report(request)
      earlier.association.report(earlier.request)
    }
    let out = try Out(partner)
    try out.begin(1)
    _ = await partner.requests.first(1)
    try out.begin(2, sopClass: Self.mr)
    #expect(await out.ended(2) == ["1 0000H, success; committed", "2 0000H, success; committed"])
    #expect(partner.associations.now.count == 2)
    // Nothing more is sent on the first, and nothing is to come.
    #expect(await partner.ends.first(1) == [.released])
    await out.destination.close()
    try await partner.close()
  }

  @Test func `with a channel that is named the report comes as an answer of its own, and the association may end`()
    async throws
  {
    let later = LaterByHand()
    let partner = try await Self.partner()
    let out = try Out(partner, keepOpen: .zero, later: later)
    try out.begin(1, 2)
    let request = await partner.requests.first(1)[0]
    #expect(await partner.ends.first(1) == [.released])
    #expect(out.results.now.isEmpty && later.names.count == 2)
    let failed = StorageCommitment.Failure(request.references[0], .noSuchInstance)
    let unknown = StorageCommitment.Reference(sopClass: Self.ct, sopInstance: Self.uid(99))
    let told = Collected<DIMSEStatus>()
    func hand(_ report: StorageCommitment) { DICOMReports.hand(report, to: Way(later: later)) { told.add($0) } }
    hand(StorageCommitment("1.2.3.4", request.references))
    hand(StorageCommitment(request.transaction, [unknown]))
    hand(StorageCommitment(request.transaction, [request.references[1], unknown], failed: [failed]))
    hand(request)
    #expect(await out.ended(2) == ["1 retryable sent", "2 0000H, success; committed"])
    #expect(await told.first(4) == [.invalidArgument, .invalidArgument, .success, .invalidArgument])
    await out.destination.close()
    try await partner.close()
  }

  @Test func `a lane that stops waits for no report, and closes with what is not committed as under way`() async throws
  {
    let later = LaterByHand()
    let partner = try await Self.partner()
    let out = try Out(partner, later: later)
    try out.begin(1, 2)
    _ = await partner.requests.first(1)
    while out.destination.accepted().count < 2 { await Task.yield() }
    out.destination.stopAwaiting()
    #expect(await out.ended(2) == ["1 cancelled sent", "2 cancelled sent"])
    #expect(later.names.count == 0)
    try out.begin(3)
    #expect(await out.ended(3).last == "3 cancelled sent")
    #expect(partner.requests.now.count == 1)
    await out.destination.close()
    let kept = try Out(partner)
    try kept.begin(4)
    _ = await partner.requests.first(2)
    await kept.destination.close()
    #expect(await kept.ended(1) == ["4 cancelled sent"])
    try await partner.close()
  }
}
