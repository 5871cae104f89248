// DICOM's upper layer: whatever a peer sends before and within an association, however it is cut, the same comes of it,
// and nothing traps.

private let verification = "1.2.840.10008.1.1"
private let implicit = "1.2.840.10008.1.2"

private let policy = AssociationPolicy(
  calledAETitle: nil, callingAETitles: nil, maximumLength: 4096,
  implementation: Implementation(classUID: "1.2.3", versionName: "FUZZ"), serves: { $0 == verification },
  takes: { syntax, _ in syntax == implicit })

private let request = AssociateRequest(
  calledAETitle: "PACS", callingAETitle: "CT1",
  contexts: [PresentationContext(id: 1, abstractSyntax: verification, transferSyntaxes: [implicit])],
  user: UserInformation(maximumLength: 128, implementationClassUID: "9.9"))

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let first = bytes.first else { return 0 }
  let isEstablished = first & 1 == 1
  precondition(
    run(bytes[1...], isEstablished, by: bytes.count) == run(bytes[1...], isEstablished, by: 1),
    "the cut of the stream made a difference")
  return 0
}

/// What came of it, with the pieces of data sets put together.
private func run(_ bytes: ArraySlice<UInt8>, _ isEstablished: Bool, by size: Int) -> [Association.Output] {
  var association = Association(.accepter(policy), limits: .init(dataBytesMax: 4096, associateBytesMax: 8192))
  var outputs = association.connected()
  if isEstablished { outputs += association.received(PDU.associateRequest(request).bytes) }
  for begin in stride(from: bytes.startIndex, to: bytes.endIndex, by: size) {
    outputs += association.received(bytes[begin..<min(begin + size, bytes.endIndex)])
  }
  if outputs.last == .releaseRequested { outputs += association.answerRelease() }
  outputs += association.timerExpired()
  outputs += association.disconnected()
  precondition(outputs.count { if case .ended = $0 { true } else { false } } == 1, "it ends once")
  return outputs
}
