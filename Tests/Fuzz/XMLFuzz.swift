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
  copy(document.root, once)
  return 0
}

/// A copy is what it is a copy of; one with changes is XML still.
private func copy(_ root: XMLNode, _ written: [UInt8]) {
  func text(_ changes: XMLChanges) -> [UInt8]? {
    var builder = XMLBuilder()
    guard (try? builder.copy(root, changes)) != nil else { return nil }
    var writer = XMLWriter()
    writer.node(builder.document(.copied).root)
    return writer.bytes
  }
  precondition(text(XMLChanges()) == written, "a copy is something else")
  var changes = XMLChanges()
  guard let path = try? XPath("//*"), case .items(let items)? = try? path.evaluate(at: root) else { return }
  for (number, item) in items.enumerated() {
    guard case .node(let node) = item, node.identity != root.identity else { continue }
    switch number % 4 {
    case 0: changes.removed.insert(node.identity)
    case 1: changes.contents[node.identity] = "<&>"
    case 2: changes.attributes[node.identity] = [(XMLDocument.Name("a", in: "urn:new", prefix: "p"), "1")]
    default: changes.appended[node.identity] = [.node(root), .text("x")]
    }
  }
  if let changed = text(changes) { precondition((try? XMLDocument(changed)) != nil, "a changed copy is no XML") }
}
