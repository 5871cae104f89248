// XML: any bytes are read or refused; what was read is written so that it is read as the same.

private let paths = [
  "//*", "//@*", "/*/*[2]/text()", "//*[contains(., 'a')]", "//*[@a = ../@b]", "count(//p:*)", "sum(//*/@*)",
]

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  // The first line may be an expression of its own.
  if let end = bytes.firstIndex(of: 0x0A) {
    _ = try? XPath(String(decoding: bytes[..<end], as: UTF8.self), namespaces: ["p": "urn:p"])
  }
  guard let document = try? XMLDocument(bytes) else { return 0 }
  // Read anew each time: what a global holds in a tagged pointer looks like a leak.
  for path in paths {
    guard let path = try? XPath(path, namespaces: ["p": "urn:p"]) else { preconditionFailure("no path: \(path)") }
    _ = try? path.evaluate(at: document.root, nodeCountMax: 100_000)
  }
  func written(_ document: XMLDocument) -> [UInt8] {
    var writer = XMLWriter()
    writer.node(document.root)
    return writer.bytes
  }
  let once = written(document)
  guard let again = try? XMLDocument(once) else { preconditionFailure("what was written is no XML") }
  precondition(written(again) == once, "what was written is read as something else")
  return 0
}
