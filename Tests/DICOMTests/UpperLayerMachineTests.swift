import Testing

@testable import DICOM

/// PS3.8 table 9-10, each cell of it.
@Suite struct UpperLayerMachineTests {
  typealias Machine = UpperLayerMachine

  /// The table as the standard prints it: a line for each event, a column for each state from Sta1 to Sta13.
  static let table = """
    Evt1   AE-1 -    -    -    -    -    -    -    -    -     -    -    -
    Evt2   -    -    -    AE-2 -    -    -    -    -    -     -    -    -
    Evt3   -    AA-1 AA-8 -    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt4   -    AA-1 AA-8 -    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt5   AE-5 -    -    -    -    -    -    -    -    -     -    -    -
    Evt6   -    AE-6 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
    Evt7   -    -    AE-7 -    -    -    -    -    -    -     -    -    -
    Evt8   -    -    AE-8 -    -    -    -    -    -    -     -    -    -
    Evt9   -    -    -    -    -    DT-1 -    AR-7 -    -     -    -    -
    Evt10  -    AA-1 AA-8 -    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt11  -    -    -    -    -    AR-1 -    -    -    -     -    -    -
    Evt12  -    AA-1 AA-8 -    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
    Evt13  -    AA-1 AA-8 -    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6
    Evt14  -    -    -    -    -    -    -    AR-4 AR-9 -     -    AR-4 -
    Evt15  -    -    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 -
    Evt16  -    AA-2 AA-3 -    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2
    Evt17  -    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5
    Evt18  -    AA-2 -    -    -    -    -    -    -    -     -    -    AA-2
    Evt19  -    AA-1 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
    """

  static let cells: [(event: String, state: Int, action: String)] = table.split(separator: "\n").flatMap { line in
    let words = line.split(separator: " ").map(String.init)
    return words.dropFirst().enumerated().map { (words[0], $0.offset + 1, $0.element) }
  }

  static let request = AssociateRequest(
    calledAETitle: "PACS", callingAETitle: "CT1",
    contexts: [
      PresentationContext(id: 1, abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: ["1.2.840.10008.1.2"])
    ],
    user: UserInformation(maximumLength: 16_384, implementationClassUID: "1.2.3"))
  static let accept = AssociateAccept(
    calledAETitle: "PACS", callingAETitle: "CT1",
    contexts: [ContextResult(id: 1, result: .acceptance, transferSyntax: "1.2.840.10008.1.2")],
    user: UserInformation(maximumLength: 16_384, implementationClassUID: "1.2.3"))
  static let data = PDU.data([PresentationDataValue(contextID: 1, isCommand: true, isLast: true, bytes: [1, 2])])
  static let reject = AssociateReject(.transient, .localLimitExceeded)

  static let events: [String: Machine.Event] = [
    "Evt1": .associate(request), "Evt2": .connected, "Evt3": .received(.associateAccept(accept)),
    "Evt4": .received(.associateReject(reject)), "Evt5": .accepted, "Evt6": .received(.associateRequest(request)),
    "Evt7": .accept(accept), "Evt8": .reject(reject), "Evt9": .send([data]), "Evt10": .received(data),
    "Evt11": .release,
    "Evt12": .received(.releaseRequest), "Evt13": .received(.releaseReply), "Evt14": .answerRelease, "Evt15": .abort,
    "Evt16": .received(.abort(Abort(.serviceUser))), "Evt17": .closed, "Evt18": .timerExpired,
    "Evt19": .receivedInvalid(.unrecognizedPDU),
  ]

  @Test("the cell of the table", arguments: cells)
  func cell(_ cell: (event: String, state: Int, action: String)) throws {
    let event = try #require(Self.events[cell.event])
    let state = try #require(Machine.State(rawValue: cell.state))
    let step = Machine.table(event, state)
    let wanted = cell.action == "-" ? nil : cell.action.lowercased().replacing("-", with: "")
    #expect(step?.rawValue == wanted)
  }

  @Test("the table is whole") func whole() {
    #expect(Self.cells.count == 19 * Machine.State.allCases.count)
  }

  // MARK: Conversations

  /// Brings a machine to where an association stands.
  private func established(requester: Bool) -> Machine {
    var machine = Machine(isRequester: requester)
    if requester {
      #expect(machine.handle(.associate(Self.request)) == [.connect])
      #expect(machine.handle(.connected) == [.send(.associateRequest(Self.request))])
      #expect(machine.handle(.received(.associateAccept(Self.accept))) == [.indicate(.accepted(Self.accept))])
    } else {
      #expect(machine.handle(.accepted) == [.startTimer])
      #expect(
        machine.handle(.received(.associateRequest(Self.request))) == [.stopTimer, .indicate(.requested(Self.request))])
      #expect(machine.handle(.accept(Self.accept)) == [.send(.associateAccept(Self.accept))])
    }
    #expect(machine.state == .established)
    return machine
  }

  @Test("a requester sends, releases and closes") func releases() {
    var machine = established(requester: true)
    #expect(machine.handle(.send([Self.data])) == [.send(Self.data)])
    #expect(machine.handle(.release) == [.send(.releaseRequest)])
    // What the peer had sent before it saw the request still comes.
    guard case .data(let values) = Self.data else { return }
    #expect(machine.handle(.received(Self.data)) == [.indicate(.data(values))])
    #expect(machine.handle(.received(.releaseReply)) == [.indicate(.released), .close])
    #expect(machine.state == .idle)
  }

  @Test("an accepter answers a release and waits for the peer to close") func answersRelease() {
    var machine = established(requester: false)
    #expect(machine.handle(.received(.releaseRequest)) == [.indicate(.releaseRequested)])
    #expect(machine.handle(.send([Self.data])) == [.send(Self.data)])
    #expect(machine.handle(.answerRelease) == [.send(.releaseReply), .startTimer])
    #expect(machine.handle(.closed) == [.stopTimer])
    #expect(machine.state == .idle)
  }

  @Test("both release at once") func collision() {
    var (requester, accepter) = (established(requester: true), established(requester: false))
    #expect(requester.handle(.release) == [.send(.releaseRequest)])
    #expect(accepter.handle(.release) == [.send(.releaseRequest)])
    #expect(requester.handle(.received(.releaseRequest)) == [.indicate(.releaseRequested)])
    #expect(accepter.handle(.received(.releaseRequest)) == [.indicate(.releaseRequested)])
    #expect(requester.state == .collidedRequester)
    #expect(accepter.state == .collidedAccepter)
    #expect(requester.handle(.answerRelease) == [.send(.releaseReply)])
    #expect(accepter.handle(.received(.releaseReply)) == [.indicate(.released)])
    #expect(accepter.handle(.answerRelease) == [.send(.releaseReply), .startTimer])
    #expect(requester.handle(.received(.releaseReply)) == [.indicate(.released), .close])
    #expect(accepter.handle(.closed) == [.stopTimer])
  }

  @Test("a silent peer is closed when ARTIM has run out") func silent() {
    var machine = Machine(isRequester: false)
    #expect(machine.handle(.accepted) == [.startTimer])
    #expect(machine.handle(.timerExpired) == [.stopTimer, .close])
    #expect(machine.state == .idle)
  }

  @Test("a PDU that can't be read is answered by A-ABORT, and what comes then is passed over") func invalid() {
    var machine = established(requester: false)
    #expect(
      machine.handle(.receivedInvalid(.unrecognizedPDU)) == [
        .send(.abort(Abort(.serviceProvider, .unrecognizedPDU))), .indicate(.failed(.unrecognizedPDU)), .startTimer,
      ])
    #expect(machine.handle(.received(Self.data)) == [])
    #expect(machine.handle(.send([Self.data])) == [])
    #expect(machine.handle(.closed) == [.stopTimer])
  }

  @Test("another version of the upper layer, or another application, is refused without asking the user")
  func refusedByProvider() {
    for (change, reason) in [
      (
        { (request: inout AssociateRequest) in request.protocolVersion = 2 },
        AssociateReject.Reason.protocolVersionNotSupported
      ),
      ({ $0.applicationContext = "1.2.3" }, .applicationContextNotSupported),
    ] {
      var request = Self.request
      change(&request)
      var machine = Machine(isRequester: false)
      _ = machine.handle(.accepted)
      #expect(
        machine.handle(.received(.associateRequest(request))) == [
          .stopTimer, .send(.associateReject(AssociateReject(.permanent, reason))), .startTimer,
        ])
      #expect(machine.state == .awaitingClose)
    }
  }

  @Test("the peer aborts") func aborted() {
    var machine = established(requester: true)
    let abort = Abort(.serviceProvider, .invalidParameter)
    #expect(machine.handle(.received(.abort(abort))) == [.indicate(.aborted(abort)), .close])
    // The user had something to send, and does not know yet.
    #expect(machine.handle(.send([Self.data])) == [])
  }

  @Test("the connection breaks") func broken() {
    var machine = established(requester: true)
    #expect(machine.handle(.closed) == [.indicate(.failed(nil))])
    #expect(machine.state == .idle)
  }
}
