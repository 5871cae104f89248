import DICOM
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Partners

/// One that speaks bytes, and no DICOM of ours: it sends what it is told and keeps what comes.
final class RawPeer: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private let got = Mutex<[UInt8]>([])
  private let answers: [[UInt8]]
  private let closesAfter: Bool
  private let next = Mutex(0)

  /// - Parameter answers: what is sent, one for each time that something comes.
  init(answers: [[UInt8]] = [], closesAfter: Bool = false) {
    self.answers = answers
    self.closesAfter = closesAfter
  }

  var bytes: [UInt8] { got.withLock { $0 } }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let last = got.withLock { got in
      got += unwrapInboundIn(data).readableBytesView
      return Array(got.suffix(10).prefix(6))
    }
    // An A-ABORT or A-RELEASE-RP: whoever gets it closes.
    if last == [7, 0, 0, 0, 0, 4] || last == [6, 0, 0, 0, 0, 4] { return context.close(promise: nil) }
    let place = next.withLock { next in
      next += 1
      return next - 1
    }
    if place < answers.count { context.writeAndFlush(NIOAny(ByteBuffer(bytes: answers[place])), promise: nil) }
    if closesAfter, place == answers.count - 1 { context.close(promise: nil) }
  }

  static func connect(to port: Int) async throws -> (peer: RawPeer, channel: any Channel) {
    let peer = RawPeer()
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .channelInitializer { $0.pipeline.addHandler(peer) }
      .connect(host: "127.0.0.1", port: port).get()
    return (peer, channel)
  }

  /// What came until the other side closed.
  static func talk(to port: Int, _ bytes: [UInt8]) async throws -> [UInt8] {
    let (peer, channel) = try await connect(to: port)
    if !bytes.isEmpty { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
    try await channel.closeFuture.get()
    return peer.bytes
  }

  static func listen(_ answers: [[UInt8]], closesAfter: Bool = false) async throws -> any Channel {
    try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .childChannelInitializer { $0.pipeline.addHandler(RawPeer(answers: answers, closesAfter: closesAfter)) }
      .bind(host: "127.0.0.1", port: 0).get()
  }
}

@Suite(.timeLimit(.minutes(1))) struct `Hostile peers of DICOM` {
  private static func abort(_ reason: Abort.Reason) -> [UInt8] { PDU.abort(Abort(.serviceProvider, reason)).bytes }

  private static func request(_ contexts: [PresentationContext], called: String = "PACS") -> AssociateRequest {
    AssociateRequest(
      calledAETitle: called, callingAETitle: "EVIL", contexts: contexts,
      user: UserInformation(maximumLength: 0, implementationClassUID: "6.6.6"))
  }

  private static let storage = PresentationContext(
    id: 1, abstractSyntax: DICOMScenes.ct, transferSyntaxes: [DICOMTransferSyntax.implicitLittle.uid])

  private static func value(_ bytes: [UInt8], isCommand: Bool = true, isLast: Bool = true) -> [UInt8] {
    PDU.data([PresentationDataValue(contextID: 1, isCommand: isCommand, isLast: isLast, bytes: bytes[...])]).bytes
  }

  @Test func `another language, or lengths that nothing has, are answered by A-ABORT and closed`() async throws {
    let receiver = try await DICOMScenes.receiver()
    let http = try await RawPeer.talk(to: receiver.port, Array("GET / HTTP/1.1\r\nHost: pacs\r\n\r\n".utf8))
    #expect(http == Self.abort(.unrecognizedPDU))
    let tls = try await RawPeer.talk(to: receiver.port, [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3])
    #expect(tls == Self.abort(.unrecognizedPDU))
    for kind in PDU.Kind.allCases {
      let long = try await RawPeer.talk(to: receiver.port, [kind.rawValue, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3])
      #expect(long == Self.abort(.invalidParameter), "\(kind.name)")
      let empty = try await RawPeer.talk(to: receiver.port, [kind.rawValue, 0, 0, 0, 0, 0])
      #expect(empty == Self.abort(.invalidParameter), "\(kind.name)")
    }
    #expect(receiver.associationCount == 0)
    await receiver.stop()
  }

  @Test func `120 that say nothing are closed, and one that speaks is served meanwhile`() async throws {
    let receiver = try await DICOMScenes.receiver { $0.times.artim = .seconds(2) }
    let began = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<120 {
        group.addTask {
          let said = try await RawPeer.talk(to: receiver.port, [])
          #expect(said == [])
        }
      }
      group.addTask {
        let report = try await DICOMSender(DICOMSendPlan(receiver.endpoint)).send([.echo])
        #expect(report.isAllTaken, "\(report)")
      }
      try await group.waitForAll()
    }
    #expect(ContinuousClock.now - began >= .seconds(2))
    #expect(receiver.brokenCount == 120)
    await receiver.stop()
  }

  @Test func `200 contexts with numbers used twice, even ones, and none to choose from`() async throws {
    let receiver = try await DICOMScenes.receiver()
    let many = (0..<200).map { number in
      PresentationContext(
        id: UInt8(truncatingIfNeeded: number * 2 + 1), abstractSyntax: "1.2.\(number)", transferSyntaxes: ["1.2.3"])
    }
    let (peer, channel) = try await RawPeer.connect(to: receiver.port)
    try await channel.writeAndFlush(ByteBuffer(bytes: PDU.associateRequest(Self.request(many)).bytes))
    try await channel.writeAndFlush(ByteBuffer(bytes: PDU.releaseRequest.bytes))
    try await channel.closeFuture.get()
    var reader = PDUReader()
    reader.append(peer.bytes)
    guard case .associateAccept(let accept)? = try reader.next() else {
      Issue.record("it was not accepted")
      return
    }
    #expect(accept.contexts.count == 128 && Set(accept.contexts.map(\.id)).count == 128)
    let last = try reader.next()
    #expect(last == .releaseReply)

    var even = Self.storage
    even.id = 2
    let odd = try await RawPeer.talk(to: receiver.port, PDU.associateRequest(Self.request([even])).bytes)
    #expect(odd == Self.abort(.invalidParameter))

    var none = Self.storage
    none.transferSyntaxes = []
    let (listener, other) = try await RawPeer.connect(to: receiver.port)
    try await other.writeAndFlush(
      ByteBuffer(bytes: PDU.associateRequest(Self.request([none])).bytes + PDU.releaseRequest.bytes))
    try await other.closeFuture.get()
    reader = PDUReader()
    reader.append(listener.bytes)
    guard case .associateAccept(let answer)? = try reader.next() else {
      Issue.record("it was not accepted")
      return
    }
    #expect(answer.contexts.map(\.result) == [.transferSyntaxesNotSupported])
    await receiver.stop()
  }

  @Test func `a data set without a command, and one that is never announced, end it`() async throws {
    let receiver = try await DICOMScenes.receiver()
    let begin = PDU.associateRequest(Self.request([Self.storage])).bytes
    let unannounced = try await RawPeer.talk(
      to: receiver.port, begin + Self.value([1, 2], isCommand: false))
    #expect(unannounced.suffix(10) == PDU.abort(Abort(.serviceUser)).bytes[...])
    let noCommand = try await RawPeer.talk(to: receiver.port, begin + Self.value([1, 2, 3, 4]))
    #expect(noCommand.suffix(10) == PDU.abort(Abort(.serviceUser)).bytes[...])
    #expect(receiver.receptions.isEmpty)
    await receiver.stop()
  }

  @Test func `one that goes away in the middle of an object leaves no file`() async throws {
    try await withTemporaryFolder { folder in
      let receiver = try await DICOMScenes.receiver { $0.folder = folder }
      let (_, channel) = try await RawPeer.connect(to: receiver.port)
      let command = CommandSet.store(messageID: 1, sopClass: DICOMScenes.ct, sopInstance: "1.9.1")
      let begin = PDU.associateRequest(Self.request([Self.storage])).bytes + Self.value(command.bytes)
      try await channel.writeAndFlush(
        ByteBuffer(bytes: begin + Self.value([UInt8](repeating: 8, count: 10_000), isCommand: false, isLast: false)))
      try await DICOMScenes.eventually("it is being written") {
        try DICOMScenes.names(in: folder) == ["000001.dcm.part"]
      }
      SocketReset.close(channel)
      try await DICOMScenes.eventually("the end is heard of") { receiver.brokenCount == 1 }
      #expect(try DICOMScenes.names(in: folder) == [] && receiver.receptions.isEmpty)
      await receiver.stop()
    }
  }

  @Test(
    arguments: [
      ("HTTP/1.1 400 Bad Request\r\n\r\n", .violated), ("", .noAnswerInTime),
      ("\u{2}\u{0}\u{7F}\u{7F}\u{7F}\u{7F}", .violated),
    ] as [(String, DICOMSendOutcome.Failure)])
  func `a sender whose partner speaks something else says so`(
    answer: String, failure: DICOMSendOutcome.Failure
  ) async throws {
    let server = try await RawPeer.listen([Array(answer.utf8)])
    var plan = DICOMSendPlan(PartnerEndpoint(.dicom, port: try #require(server.localAddress?.port)))
    plan.timeout = .milliseconds(500)
    let report = try await DICOMSender(plan).send([.echo], count: 2)
    #expect(report.count(failure) == 2, "\(report)")
    try await server.close()
  }

  @Test func `a sender isn't taken in by an answer to another question, nor by one that closes`() async throws {
    let request = Self.request([
      PresentationContext(
        id: 1, abstractSyntax: DICOMUID.verification, transferSyntaxes: [DICOMTransferSyntax.implicitLittle.uid])
    ])
    let accept = AssociateAccept(
      calledAETitle: "A", callingAETitle: "B",
      contexts: [ContextResult(id: 1, result: .acceptance, transferSyntax: DICOMTransferSyntax.implicitLittle.uid)],
      user: request.user)
    var answer = try #require(CommandSet.echo(messageID: 77).response(.success))
    answer[number: .messageIDBeingRespondedTo] = 77
    let liar = try await RawPeer.listen([PDU.associateAccept(accept).bytes, Self.value(answer.bytes)])
    var plan = DICOMSendPlan(PartnerEndpoint(.dicom, port: try #require(liar.localAddress?.port)))
    plan.timeout = .milliseconds(500)
    let lied = try await DICOMSender(plan).send([.echo])
    #expect(lied.count(.noAnswerInTime) == 1, "\(lied)")
    try await liar.close()
    let closing = try await RawPeer.listen([PDU.associateAccept(accept).bytes], closesAfter: true)
    plan.endpoint.port = try #require(closing.localAddress?.port)
    let closed = try await DICOMSender(plan).send([.echo], count: 3)
    #expect(closed.count(.connectionLost) + closed.count(.notConnected) == 3, "\(closed)")
    try await closing.close()
  }
}
