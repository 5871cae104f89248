// Frames: however a stream is cut into reads, the same comes out of it, and nothing traps.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let first = bytes.first else { return 0 }
  let options = MLLPFraming.Options(
    frameBytesMax: 64 + Int(first), returnRequired: first & 1 == 0, junkBytesMax: 32)
  var whole = MLLPFraming(options)
  var once = whole.receive(bytes[1...])
  once += whole.finish()
  var cut = MLLPFraming(options)
  var pieces: [MLLPFraming.Action] = []
  for byte in bytes[1...] { pieces += cut.receive(CollectionOfOne(byte)) }
  pieces += cut.finish()
  func frames(_ actions: [MLLPFraming.Action]) -> [[UInt8]] {
    actions.compactMap { if case .frame(let frame) = $0 { frame } else { nil } }
  }
  precondition(frames(once) == frames(pieces), "the cut of the stream made a difference")
  precondition(whole.isClosed == cut.isClosed, "the cut of the stream closed it")
  return 0
}
