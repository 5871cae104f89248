import DICOM
import NIOCore
import NIOPosix
import Testing

@testable import DICOMTransport

@Suite(.timeLimit(.minutes(1))) struct `Two associations over a connection` {
  /// Both on one event loop, with a real connection between them; ends when both have.
  private func run(
    _ requester: Script, _ accepter: Script, maximumLength: UInt32 = 1 << 17, bufferBytes: Int32? = nil
  ) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let isOver = loop.makePromise(of: Void.self)
    func ended(_: Association.End) {
      if requester.end != nil, accepter.end != nil { isOver.succeed() }
    }
    (requester.whenEnded, accepter.whenEnded) = (ended, ended)
    let server = try await ServerBootstrap(group: loop)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let bufferBytes {
            try channel.syncOptions?.setOption(.socketOption(.so_rcvbuf), value: .init(bufferBytes))
          }
          let handler = AssociationHandler(.accepter(policy(maximumLength: maximumLength)), user: accepter)
          accepter.handler = handler
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let client = try await ClientBootstrap(group: loop)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          if let bufferBytes {
            try channel.syncOptions?.setOption(.socketOption(.so_sndbuf), value: .init(bufferBytes))
          }
          let handler = AssociationHandler(.requester(request(maximumLength: maximumLength)), user: requester)
          requester.handler = handler
          try channel.pipeline.syncOperations.addHandler(handler)
        }
      }
      .connect(to: #require(server.localAddress)).get()
    try await isOver.futureResult.get()
    try await client.closeFuture.get()
    try await server.close()
  }

  /// Sends a data set so many times, one after the other.
  private func sender(_ dataSet: ByteBuffer, count: Int = 1) -> Script {
    let script = Script()
    var unsent = dataSet
    var rest = count
    script.whenEstablished = { $0.send(command(.storeRequest, hasDataSet: true), contextID: 3) }
    script.whenWanted = { handler, room in
      let piece = unsent.readSlice(length: min(room, unsent.readableBytes))!
      handler.send(piece: piece, isLast: unsent.readableBytes == 0)
    }
    script.whenCommanded = { handler, _, _ in
      rest -= 1
      unsent = dataSet
      if rest == 0 { handler.release() } else { handler.send(command(.storeRequest, hasDataSet: true), contextID: 3) }
    }
    return script
  }

  @Test(arguments: [1 << 10, 1 << 14, 1 << 17])
  func `data sets arrive as they were sent, one after the other`(maximumLength: Int) async throws {
    let whole = (0..<700_002).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let sender = sender(ByteBuffer(bytes: whole), count: 3)
    let receiver = Script()
    var got: [UInt8] = []
    var wholes: [Bool] = []
    receiver.whenData = { handler, piece, isLast in
      got += piece
      guard isLast else { return }
      wholes.append(got == whole)
      got = []
      var answer = CommandSet(.storeResponse)
      answer[number: .messageIDBeingRespondedTo] = 1
      answer[number: .status] = 0
      handler.send(answer, contextID: 3)
    }
    try await run(sender, receiver, maximumLength: UInt32(maximumLength))
    #expect(wholes == [true, true, true])
    #expect(sender.end == .released && receiver.end == .released)
  }

  @Test func `a receiver that pauses stops the sender, and gets the rest when it goes on`() async throws {
    let byteCount = 32 << 20
    let sender = sender(ByteBuffer(repeating: 7, count: byteCount))
    let receiver = Script()
    var given = 0
    var givenWhilePaused = 0
    let give = sender.whenWanted
    sender.whenWanted = { handler, room in
      given += 1
      give(handler, room)
    }
    var got = 0
    receiver.whenData = { handler, piece, isLast in
      if got == 0 {
        handler.pauseReading()
        let here = NIOLoopBound(handler, eventLoop: MultiThreadedEventLoopGroup.currentEventLoop!)
        here.eventLoop.scheduleTask(in: .milliseconds(300)) {
          givenWhilePaused = given
          here.value.resumeReading()
        }
      }
      got += piece.count
      guard isLast else { return }
      handler.send(command(.storeRequest).response(.success)!, contextID: 3)
    }
    try await run(sender, receiver, bufferBytes: 1 << 16)
    #expect(got == byteCount)
    #expect(givenWhilePaused > 0 && givenWhilePaused < 40, "\(givenWhilePaused) pieces of \(given)")
  }

  @Test func `a violation is told by an A-ABORT that the peer reads, however much it was sending`() async throws {
    let sender = sender(ByteBuffer(repeating: 7, count: 8 << 20))
    let receiver = Script()
    receiver.whenData = { handler, _, _ in handler.abort() }
    try await run(sender, receiver)
    #expect(receiver.end == .abortedHere)
    #expect(sender.end == .aborted(Abort(.serviceUser)))
  }
}
