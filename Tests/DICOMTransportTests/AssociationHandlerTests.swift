import DICOM
import NIOCore
import NIOEmbedded
import Testing

@testable import DICOMTransport

@Suite struct `An association on a channel` {
  private func accept(_ maximumLength: UInt32 = 1 << 14) throws -> PDU {
    .associateAccept(try policy(maximumLength: maximumLength).answer(request()))
  }

  @Test func `a peer that says nothing is closed by ARTIM`() throws {
    let scene = try Scene(.accepter(policy()), .init(artim: .seconds(30)))
    scene.wait(29)
    #expect(scene.channel.isActive && scene.script.told.isEmpty)
    scene.wait(1)
    #expect(!scene.channel.isActive)
    #expect(scene.script.told == [.ended(.timedOut)])
  }

  @Test func `what is no PDU is answered by A-ABORT, and what follows is thrown away until the peer closes`() throws {
    let scene = try Scene(.accepter(policy()))
    try scene.send(Array("GET / HTTP/1.1\r\nHost: pacs\r\n\r\n".utf8))
    #expect(try scene.written() == [.abort(Abort(.serviceProvider, .unrecognizedPDU))])
    guard case .violated? = scene.script.end else {
      Issue.record("\(scene.script.told)")
      return
    }
    try scene.send(PDU.associateRequest(request()))
    #expect(try scene.written().isEmpty && scene.script.told.count == 1 && scene.channel.isActive)
    scene.wait(31)
    #expect(!scene.channel.isActive)
  }

  @Test func `who is refused has the time to read why`() throws {
    var full = policy()
    full.refusal = AssociateReject(.transient, .localLimitExceeded)
    let scene = try Scene(.accepter(full))
    try scene.send(PDU.associateRequest(request()))
    #expect(try scene.written() == [.associateReject(AssociateReject(.transient, .localLimitExceeded))])
    #expect(scene.channel.isActive && scene.script.told == [.ended(.refused(full.refusal!))])
    try scene.channel.close().wait()
    #expect(scene.script.told.count == 1)
  }

  @Test func `another application context is refused, and its user hears of it`() throws {
    let scene = try Scene(.accepter(policy()))
    var odd = request()
    odd.applicationContext = "1.2.3"
    try scene.send(PDU.associateRequest(odd))
    #expect(
      scene.script.told
        == [.ended(.refused(AssociateReject(.permanent, .applicationContextNotSupported)))])
  }

  @Test func `a first word that is no request ends it as a violation`() throws {
    let scene = try Scene(.accepter(policy()))
    try scene.send(PDU.releaseRequest)
    #expect(try scene.written() == [.abort(Abort(.serviceProvider, .unexpectedPDU))])
    #expect(scene.script.told == [.ended(.violated("an A-RELEASE-RQ where an A-ASSOCIATE-RQ belongs"))])
  }

  @Test func `a peer that doesn't answer is aborted after the time for it`() throws {
    let scene = try Scene(.requester(request()), .init(silence: .seconds(60)))
    #expect(try scene.written() == [.associateRequest(request())])
    scene.wait(59)
    #expect(scene.script.told.isEmpty)
    scene.wait(1)
    #expect(scene.script.told == [.ended(.timedOut)])
    #expect(try scene.written() == [.abort(Abort(.serviceUser))])
    #expect(scene.channel.isActive)
    scene.wait(30)
    #expect(!scene.channel.isActive)
  }

  @Test func `silence is held against nobody whose turn it isn't`() throws {
    let requester = try Scene(.requester(request()), .init(silence: .seconds(60)))
    try requester.send(accept())
    requester.wait(600)
    #expect(requester.script.told == [.established])
    requester.handler.send(command(.echoRequest), contextID: 1)
    requester.wait(50)
    // To another question: this one still waits.
    var other = try #require(command(.echoRequest).response(.success))
    other[number: .messageIDBeingRespondedTo] = 77
    try requester.send(PDU.data([value(other, 1)]))
    requester.wait(61)
    #expect(requester.script.end == .timedOut)

    let accepter = try Scene(.accepter(policy()), .init(silence: .seconds(60)))
    try accepter.send(.associateRequest(request()))
    accepter.wait(50)
    try accepter.send(PDU.data([value(command(.echoRequest), 1)]))
    accepter.wait(600)
    #expect(accepter.script.end == nil)
    let answer = try #require(command(.echoRequest).response(.success))
    accepter.handler.send(answer, contextID: 1)
    accepter.wait(61)
    #expect(accepter.script.end == .timedOut)
  }

  @Test func `a peer that stops within a data set is not waited for`() throws {
    let scene = try Scene(.accepter(policy()), .init(silence: .seconds(60)))
    try scene.send(.associateRequest(request()))
    try scene.send(PDU.data([value(command(.storeRequest, hasDataSet: true), 3)]))
    try scene.send(
      PDU.data([PresentationDataValue(contextID: 3, isCommand: false, isLast: false, bytes: [1, 2, 3, 4])]))
    scene.wait(60)
    #expect(scene.script.end == .timedOut)
  }

  @Test func `a data set is asked for piece by piece, and only when the channel takes it`() throws {
    let scene = try Scene(.requester(request()))
    try scene.send(accept(100))
    _ = try scene.written()
    var wanted: [Int] = []
    scene.script.whenWanted = { _, room in wanted.append(room) }
    scene.channel.isWritable = false
    scene.handler.send(command(.storeRequest, hasDataSet: true), contextID: 3)
    #expect(wanted.isEmpty)
    scene.channel.isWritable = true
    scene.channel.pipeline.fireChannelWritabilityChanged()
    #expect(wanted == [94])
    // Later, and then at once.
    scene.script.whenWanted = { handler, room in
      wanted.append(room)
      handler.send(piece: ByteBuffer(bytes: [3, 4]), isLast: wanted.count == 3)
    }
    scene.handler.send(piece: ByteBuffer(bytes: [1, 2]), isLast: false)
    #expect(wanted == [94, 94, 94])
    let pieces = try scene.written().dropFirst().flatMap { pdu -> [PresentationDataValue] in
      if case .data(let values) = pdu { values } else { [] }
    }
    #expect(pieces.map { Array($0.bytes) }.suffix(3) == [[1, 2], [3, 4], [3, 4]])
    #expect(pieces.map(\.isLast).suffix(3) == [false, false, true])
    scene.handler.send(piece: ByteBuffer(bytes: [5, 6]), isLast: true)
    #expect(try scene.written().isEmpty, "a piece that nobody asked for")
  }

  @Test func `what is said while a data set goes out is said behind it`() throws {
    let scene = try Scene(.requester(request()))
    try scene.send(accept())
    _ = try scene.written()
    scene.handler.send(command(.storeRequest, hasDataSet: true), contextID: 3)
    let event = command(.eventReportRequest)
    scene.handler.send(try #require(event.response(.unrecognizedOperation)), contextID: 3)
    scene.handler.send(piece: ByteBuffer(bytes: [1, 2]), isLast: false)
    scene.handler.send(piece: ByteBuffer(bytes: [3, 4]), isLast: true)
    let values = try scene.written().flatMap { pdu -> [PresentationDataValue] in
      if case .data(let values) = pdu { values } else { [] }
    }
    #expect(values.map(\.isCommand) == [true, false, false, true])
    #expect(values.map(\.isLast) == [true, false, true, true])
  }

  @Test func `an odd data set is filled up`() throws {
    let scene = try Scene(.requester(request()))
    try scene.send(accept())
    scene.script.whenWanted = { handler, _ in handler.send(piece: ByteBuffer(bytes: [1, 2, 3]), isLast: true) }
    scene.handler.send(command(.storeRequest, hasDataSet: true), contextID: 3)
    #expect(
      try scene.written().last
        == .data([PresentationDataValue(contextID: 3, isCommand: false, isLast: true, bytes: [1, 2, 3, 0])]))
  }

  @Test func `an abort in the middle of sending ends the asking`() throws {
    let scene = try Scene(.requester(request()))
    try scene.send(accept())
    var wanted = 0
    scene.script.whenWanted = { _, _ in wanted += 1 }
    scene.handler.send(command(.storeRequest, hasDataSet: true), contextID: 3)
    try scene.send(PDU.abort(Abort(.serviceUser)))
    _ = try scene.written()
    scene.handler.send(piece: ByteBuffer(bytes: [1, 2]), isLast: false)
    #expect(try scene.written().isEmpty)
    #expect(wanted == 1 && scene.script.end == .aborted(Abort(.serviceUser)))
  }

  @Test func `while reading is paused nothing is asked for, and the end is read all the same`() throws {
    let reads = ReadCounter()
    let scene = try Scene(.accepter(policy()))
    try scene.channel.pipeline.syncOperations.addHandler(reads, position: .first)
    try scene.send(.associateRequest(request()))
    scene.handler.pauseReading()
    scene.channel.read()
    #expect(reads.count == 0)
    scene.handler.resumeReading()
    #expect(reads.count == 1)
    scene.handler.pauseReading()
    scene.channel.read()
    scene.handler.abort()
    #expect(reads.count == 2)
  }

  @Test func `who asks and reads no answers is read no more`() throws {
    let reads = ReadCounter()
    let scene = try Scene(.accepter(policy()))
    try scene.channel.pipeline.syncOperations.addHandler(reads, position: .first)
    try scene.send(.associateRequest(request()))
    scene.channel.isWritable = false
    scene.channel.read()
    #expect(reads.count == 0)
    scene.channel.isWritable = true
    scene.channel.pipeline.fireChannelWritabilityChanged()
    #expect(reads.count == 1)
  }

  @Test func `a peer that closes one way has ended it`() throws {
    let scene = try Scene(.accepter(policy()))
    try scene.send(.associateRequest(request()))
    scene.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(!scene.channel.isActive && scene.script.end == .disconnected)
  }

  private func value(_ command: CommandSet, _ contextID: UInt8) -> PresentationDataValue {
    PresentationDataValue(contextID: contextID, isCommand: true, isLast: true, bytes: command.bytes[...])
  }
}

private final class ReadCounter: ChannelOutboundHandler {
  typealias OutboundIn = ByteBuffer
  private(set) var count = 0

  func read(context: ChannelHandlerContext) {
    count += 1
    context.read()
  }
}
