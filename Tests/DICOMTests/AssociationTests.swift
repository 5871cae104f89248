import Testing

@testable import DICOM

/// Two associations speak with each other, byte by byte and in larger pieces.
@Suite struct AssociationTests {
  private static let echoClass = "1.2.840.10008.1.1"
  private static let implicit = "1.2.840.10008.1.2"

  private static func request(_ called: String = "PACS") -> AssociateRequest {
    AssociateRequest(
      calledAETitle: called, callingAETitle: "CT1",
      contexts: [PresentationContext(id: 1, abstractSyntax: echoClass, transferSyntaxes: [implicit])],
      user: UserInformation(maximumLength: 100, implementationClassUID: "9.9"))
  }

  private static let policy = AssociationPolicy(
    calledAETitle: "PACS", callingAETitles: nil, maximumLength: 64,
    implementation: Implementation(classUID: "1.2.3", versionName: "TEST"), serves: { $0 == echoClass },
    takes: { syntax, _ in syntax == implicit })

  /// Both ends, and what each has told its user.
  private struct Pair {
    var requester: Association
    var accepter = Association(.accepter(policy), limits: .init(dataBytesMax: 64))
    var told: (requester: [Association.Output], accepter: [Association.Output]) = ([], [])
    let size: Int

    init(_ request: AssociateRequest = request(), size: Int = 1000) {
      requester = Association(.requester(request), limits: .init(dataBytesMax: 100))
      self.size = size
      fromRequester(requester.start())
      fromAccepter(accepter.connected())
      fromRequester(requester.connected())
    }

    mutating func fromRequester(_ outputs: [Association.Output]) {
      for output in outputs {
        guard case .write(let bytes) = output else {
          told.requester.append(output)
          continue
        }
        for start in stride(from: 0, to: bytes.count, by: size) {
          fromAccepter(accepter.received(bytes[start..<min(bytes.count, start + size)]))
        }
      }
    }

    mutating func fromAccepter(_ outputs: [Association.Output]) {
      for output in outputs {
        guard case .write(let bytes) = output else {
          told.accepter.append(output)
          continue
        }
        for start in stride(from: 0, to: bytes.count, by: size) {
          fromRequester(requester.received(bytes[start..<min(bytes.count, start + size)]))
        }
      }
    }
  }

  @Test("a message with a data set goes over, and its answer comes back", arguments: [1, 7, 1000])
  func message(_ size: Int) throws {
    var pair = Pair(size: size)
    #expect(pair.told.requester == [.connect, .established])
    #expect(pair.told.accepter == [.startTimer, .stopTimer, .established])
    var command = CommandSet(.echoRequest, hasDataSet: true)
    command[number: .messageID] = 3
    command[text: .affectedSOPClassUID] = Self.echoClass
    let dataSet = (0..<301).map { UInt8($0 & 0xFF) }
    pair.told = ([], [])
    pair.fromRequester(pair.requester.send(command, contextID: 1))
    pair.fromRequester(pair.requester.send(dataSet: dataSet[...], contextID: 1))
    #expect(pair.told.accepter.first == .command(command, contextID: 1))
    let pieces = pair.told.accepter.dropFirst().flatMap { output -> [UInt8] in
      if case .data(let bytes, _) = output { Array(bytes) } else { [] }
    }
    #expect(pieces == dataSet)
    #expect(pair.accepter.isIdle)
    let answer = try #require(command.response(.success))
    pair.fromAccepter(pair.accepter.send(answer, contextID: 1))
    #expect(pair.told.requester == [.command(answer, contextID: 1)])
    pair.told = ([], [])
    pair.fromRequester(pair.requester.release())
    #expect(pair.told.accepter == [.releaseRequested])
    pair.fromAccepter(pair.accepter.answerRelease())
    #expect(pair.told.requester == [.ended(.released), .close])
    #expect(pair.told.accepter == [.releaseRequested, .startTimer, .ended(.released)])
    #expect(pair.accepter.disconnected() == [.stopTimer])
  }

  @Test("who is called by another name refuses") func refused() {
    let pair = Pair(Self.request("OTHER"))
    let reject = AssociateReject(.permanent, .calledAETitleNotRecognized)
    #expect(pair.told.requester == [.connect, .ended(.rejected(reject)), .close])
    #expect(pair.told.accepter == [.startTimer, .stopTimer, .ended(.refused(reject)), .startTimer])
  }

  @Test("a context that was not agreed on, or a data set nobody announced, ends it", arguments: [1, 3] as [UInt8])
  func misplaced(_ contextID: UInt8) {
    var pair = Pair()
    pair.told = ([], [])
    let value = PresentationDataValue(contextID: contextID, isCommand: false, isLast: true, bytes: [1, 2])
    pair.fromAccepter(pair.accepter.received(PDU.data([value]).bytes))
    guard case .ended(.violated)? = pair.told.accepter.first else {
      Issue.record("it was not ended: \(pair.told.accepter)")
      return
    }
    #expect(pair.told.requester == [.ended(.aborted(Abort(.serviceUser))), .close])
  }

  @Test("a longer PDU than was agreed on ends it") func tooLong() {
    var pair = Pair()
    pair.told = ([], [])
    let value = PresentationDataValue(
      contextID: 1, isCommand: false, isLast: true, bytes: [UInt8](repeating: 0, count: 60)[...])
    pair.fromAccepter(pair.accepter.received(PDU.data([value]).bytes))
    #expect(pair.told.requester == [.ended(.aborted(Abort(.serviceProvider, .invalidParameter))), .close])
  }

  @Test("a connection that breaks is told once") func broken() {
    var pair = Pair()
    #expect(pair.requester.disconnected() == [.ended(.disconnected)])
    #expect(pair.requester.disconnected() == [])
    #expect(pair.accepter.abort().contains(.ended(.abortedHere)))
  }
}
