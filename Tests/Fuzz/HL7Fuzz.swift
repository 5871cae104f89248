// Messages: any bytes are indexed or refused; what was read can be read again, answered and edited.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  if let header = HL7Header(bytes) {
    let verdicts: [HL7Acknowledgment.Verdict] = [.accepted]
    for verdict in verdicts {
      _ = HL7Acknowledgment().wanted(header, verdict)
      _ = HL7Acknowledgment().answer(to: header, "AA", verdict, controlID: "1", time: "20260101000000")
    }
  }
  _ = try? HL7Batch(bytes)
  guard let message = try? HL7Message(bytes) else { return 0 }
  precondition(message.bytes == bytes, "the bytes are not the bytes that came")
  let draft = HL7Draft(message)
  precondition(!draft.isChanged, "a draft that nobody edited is changed")
  return 0
}
