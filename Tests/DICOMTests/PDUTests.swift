import Testing

@testable import DICOM

@Suite struct PDUTests {
  static let pdus: [PDU] = {
    var request = UpperLayerMachineTests.request
    request.contexts.append(
      PresentationContext(
        id: 255, abstractSyntax: "1.2.840.10008.5.1.4.1.1.2",
        transferSyntaxes: ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]))
    request.user.implementationVersionName = "HILUM"
    request.user.asynchronousOperations = AsynchronousOperations(invoked: 1, performed: 0)
    request.user.roles = [RoleSelection(sopClass: "1.2.840.10008.1.20.1", asSCU: false, asSCP: true)]
    request.user.extendedNegotiations = [ExtendedNegotiation(sopClass: "1.2.3.4", information: [1, 0, 1])]
    request.user.identity = UserIdentity(kind: 2, wantsResponse: true, primary: Array("me".utf8), secondary: [0, 255])
    var accept = UpperLayerMachineTests.accept
    accept.contexts.append(ContextResult(id: 3, result: .abstractSyntaxNotSupported, transferSyntax: "1.2"))
    accept.user.identityResponse = [7]
    return [
      .associateRequest(request), .associateAccept(accept), .associateReject(UpperLayerMachineTests.reject),
      .associateReject(AssociateReject(.permanent, .other(source: 2, reason: 9))), UpperLayerMachineTests.data,
      .data([
        PresentationDataValue(contextID: 3, isCommand: false, isLast: false, bytes: [9, 9]),
        PresentationDataValue(contextID: 3, isCommand: false, isLast: true, bytes: []),
      ]), .releaseRequest, .releaseReply, .abort(Abort(.serviceProvider, .unexpectedParameter)),
    ]
  }()

  @Test("what is written is read, however the stream is cut", arguments: [1, 2, 3, 7, 16, 1000])
  func roundTrip(_ size: Int) throws {
    var reader = PDUReader()
    var read: [PDU] = []
    let bytes = Self.pdus.flatMap(\.bytes)
    for start in stride(from: 0, to: bytes.count, by: size) {
      reader.append(bytes[start..<min(start + size, bytes.count)])
      while let pdu = try reader.next() { read.append(pdu) }
    }
    #expect(read == Self.pdus)
    #expect(reader.waitingCount == 0)
  }

  /// Bytes that a standard program sends: DCMTK's echoscu, taken from the wire, with titles and names of ours.
  @Test("the fields stand where PS3.8 has them") func layout() {
    let bytes = PDU.associateRequest(UpperLayerMachineTests.request).bytes
    #expect(Array(bytes[0..<2]) == [1, 0])
    #expect(bytes[2..<6].reduce(0) { $0 << 8 | Int($1) } == bytes.count - 6)
    #expect(Array(bytes[6..<10]) == [0, 1, 0, 0])
    #expect(String(decoding: bytes[10..<26], as: UTF8.self) == "PACS            ")
    #expect(String(decoding: bytes[26..<42], as: UTF8.self) == "CT1             ")
    #expect(bytes[42..<74].allSatisfy { $0 == 0 })
    #expect(Array(bytes[74..<78]) == [0x10, 0, 0, 21])
    #expect(Array(bytes[99..<107]) == [0x20, 0, 0, 46, 1, 0, 0, 0])
    #expect(PDU.abort(Abort(.serviceProvider, .invalidParameter)).bytes == [7, 0, 0, 0, 0, 4, 0, 0, 2, 6])
    #expect(UpperLayerMachineTests.data.bytes == [4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 3, 1, 2])
  }

  static let wrong: [(name: String, bytes: [UInt8], reason: Abort.Reason)] = [
    ("an unknown type", [9, 0, 0, 0, 0, 4, 0, 0, 0, 0], .unrecognizedPDU),
    ("HTTP", Array("GET / HTTP/1.1\r\n\r\n".utf8), .unrecognizedPDU),
    ("TLS", [0x16, 3, 1, 2, 0, 1], .unrecognizedPDU),
    ("data of length 0", [4, 0, 0, 0, 0, 0], .invalidParameter),
    ("data of 4 GB", [4, 0, 255, 255, 255, 255], .invalidParameter),
    ("a request of 4 GB", [1, 0, 255, 255, 255, 255], .invalidParameter),
    ("a request of nothing", [1, 0, 0, 0, 0, 0], .invalidParameter),
    ("a value of length 0", [4, 0, 0, 0, 0, 6, 0, 0, 0, 0, 1, 3], .invalidParameter),
    ("a value of length 1", [4, 0, 0, 0, 0, 6, 0, 0, 0, 1, 1, 3], .invalidParameter),
    ("a value longer than its PDU", [4, 0, 0, 0, 0, 6, 0, 0, 0, 3, 1, 3], .invalidParameter),
    ("a value of an even context", [4, 0, 0, 0, 0, 6, 0, 0, 0, 2, 2, 3], .invalidParameter),
    ("half a value", [4, 0, 0, 0, 0, 8, 0, 0, 0, 2, 1, 3, 0, 0], .invalidParameter),
    ("an abort of 6 bytes", [7, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0], .invalidParameter),
  ]

  @Test("what is malformed is told before it is waited for", arguments: wrong)
  func told(_ given: (name: String, bytes: [UInt8], reason: Abort.Reason)) {
    var reader = PDUReader()
    reader.append(given.bytes)
    let error = #expect(throws: PDUError.self) { try reader.next() }
    #expect(error?.reason == given.reason)
    // Nothing more is taken.
    reader.append(PDU.releaseRequest.bytes)
    #expect((try? reader.next()) == nil)
    #expect(reader.waitingCount == 0)
  }

  @Test("an item that overruns what it stands in, at each place and by each byte") func overruns() throws {
    let bytes = Self.pdus[0].bytes
    // Each byte of the request becomes 0, 255 and one more: it is read as another request, or refused; nothing else.
    for index in 6..<bytes.count {
      for value in [0, 255, bytes[index] &+ 1] {
        var changed = bytes
        changed[index] = value
        var reader = PDUReader()
        reader.append(changed)
        do {
          let pdu = try reader.next()
          #expect(pdu?.kind == .associateRequest)
        } catch { #expect(error.reason == .invalidParameter) }
      }
    }
  }

  @Test("a message is cut into what the peer takes", arguments: [0, 8, 9, 100, 16_384] as [UInt32])
  func cut(_ lengthMax: UInt32) throws {
    let bytes = (0..<1_000).map { UInt8($0 & 0xFF) }
    let pdus = PresentationDataValue.messages(bytes[...], isCommand: false, contextID: 5, lengthMax: lengthMax)
    var whole: [UInt8] = []
    for (index, pdu) in pdus.enumerated() {
      guard case .data(let values) = pdu, let value = values.first else { continue }
      if lengthMax >= 8 { #expect(pdu.bytes.count - 6 <= Int(lengthMax)) }
      #expect(value.isLast == (index == pdus.count - 1))
      if !value.isLast { #expect(value.bytes.count % 2 == 0) }
      whole += value.bytes
    }
    #expect(whole == bytes)
    #expect(PresentationDataValue.messages([], isCommand: false, contextID: 5, lengthMax: lengthMax).count == 1)
  }
}
