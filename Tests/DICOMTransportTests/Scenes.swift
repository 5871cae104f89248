import DICOM
import NIOCore
import NIOEmbedded

@testable import DICOMTransport

let verification = "1.2.840.10008.1.1"
let storage = "1.2.840.10008.5.1.4.1.1.7"
let implicit = "1.2.840.10008.1.2"

func request(maximumLength: UInt32 = 1 << 14, called: String = "PACS") -> AssociateRequest {
  let contexts = [verification, storage].enumerated().map {
    PresentationContext(id: UInt8($0.offset * 2 + 1), abstractSyntax: $0.element, transferSyntaxes: [implicit])
  }
  return AssociateRequest(
    calledAETitle: called, callingAETitle: "CT1", contexts: contexts,
    user: UserInformation(maximumLength: maximumLength, implementationClassUID: "9.9"))
}

func policy(maximumLength: UInt32 = 1 << 14) -> AssociationPolicy {
  AssociationPolicy(
    calledAETitle: "PACS", callingAETitles: nil, maximumLength: maximumLength,
    implementation: Implementation(classUID: "1.2.3", versionName: "TEST"), serves: { _ in true },
    takes: { syntax, _ in syntax == implicit })
}

func command(_ field: CommandSet.Field, hasDataSet: Bool = false) -> CommandSet {
  var command = CommandSet(field, hasDataSet: hasDataSet)
  command[number: .messageID] = 1
  command[text: .affectedSOPClassUID] = field == .echoRequest ? verification : storage
  return command
}

/// A user that remembers what it was told and does what it was given to do. Used on one event loop.
final class Script: AssociationUser, @unchecked Sendable {
  enum Told: Equatable {
    case established
    case command(CommandSet.Field?)
    case data(Int, isLast: Bool)
    case releaseRequested
    case ended(Association.End)
  }

  private(set) var told: [Told] = []
  var handler: AssociationHandler?
  var whenEstablished: (AssociationHandler) -> Void = { _ in }
  var whenCommanded: (AssociationHandler, CommandSet, UInt8) -> Void = { _, _, _ in }
  var whenData: (AssociationHandler, ArraySlice<UInt8>, Bool) -> Void = { _, _, _ in }
  var whenWanted: (AssociationHandler, Int) -> Void = { _, _ in }
  var whenReleaseRequested: (AssociationHandler) -> Void = { $0.answerRelease() }
  var whenEnded: (Association.End) -> Void = { _ in }

  var end: Association.End? {
    if case .ended(let end)? = told.last { end } else { nil }
  }

  func associationEstablished(_ agreement: Agreement) {
    told.append(.established)
    if let handler { whenEstablished(handler) }
  }
  func associationReceived(_ command: CommandSet, contextID: UInt8) {
    told.append(.command(command.field))
    if let handler { whenCommanded(handler, command, contextID) }
  }
  func associationReceived(_ piece: ArraySlice<UInt8>, isLast: Bool) {
    told.append(.data(piece.count, isLast: isLast))
    if let handler { whenData(handler, piece, isLast) }
  }
  func associationWantsData(byteCountMax: Int) { if let handler { whenWanted(handler, byteCountMax) } }
  func associationReleaseRequested() {
    told.append(.releaseRequested)
    if let handler { whenReleaseRequested(handler) }
  }
  func associationEnded(_ end: Association.End) {
    told.append(.ended(end))
    whenEnded(end)
    handler = nil
  }
}

/// A handler alone, and the bytes that go in and out of it.
struct Scene {
  let channel: EmbeddedChannel
  let script = Script()
  let handler: AssociationHandler

  init(_ role: Association.Role, _ times: AssociationHandler.Times = .init()) throws {
    channel = EmbeddedChannel()
    handler = AssociationHandler(role, times: times, user: script)
    script.handler = handler
    try channel.pipeline.syncOperations.addHandler(handler)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 104)).wait()
  }

  func send(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }
  func send(_ pdu: PDU) throws { try send(pdu.bytes) }

  /// What went out since the last time.
  func written() throws -> [PDU] {
    var reader = PDUReader()
    while let buffer = try channel.readOutbound(as: ByteBuffer.self) { reader.append(buffer.readableBytesView) }
    var pdus: [PDU] = []
    while let pdu = try reader.next() { pdus.append(pdu) }
    return pdus
  }

  func wait(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }
}
