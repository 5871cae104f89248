// JSON: any bytes are read or refused; what was read is written so that it is read as the same.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let document: JSONDocument
  do throws(JSONError) {
    document = try JSONDocument(bytes)
  } catch {
    precondition(error.offset <= count && error.line > 0 && error.column > 0, "a place that is none")
    return 0
  }
  walk(document.root)
  for isPretty in [false, true] {
    var writer = JSONWriter(isPretty: isPretty)
    writer.node(document.root)
    guard let again = try? JSONDocument(writer.bytes) else { preconditionFailure("what was written is no JSON") }
    precondition(isSame(document.root, again.root), "what was written is read as something else")
  }
  return 0
}

/// Everything that can be asked of a value.
private func walk(_ node: JSONNode) {
  precondition(node.range.upperBound <= node.document.bytes.count && node.source.count >= node.range.count)
  if let text = node.text {
    var bytes: [UInt8] = []
    JSONText.write(text, to: &bytes)
    precondition((try? JSONDocument(bytes))?.root.text == text, "a text was written as another")
  }
  for element in node.elements { walk(element) }
  for (key, value) in node.members {
    precondition(key.text.flatMap { node[$0] }?.range == value.range, "a key leads to another value")
    walk(value)
  }
}

private func isSame(_ a: JSONNode, _ b: JSONNode) -> Bool {
  guard a.kind == b.kind, a.count == b.count, a.text == b.text, a.number == b.number, a.boolean == b.boolean else {
    return false
  }
  return zip(a.elements, b.elements).allSatisfy { isSame($0, $1) }
    && zip(a.members, b.members).allSatisfy { isSame($0.key, $1.key) && isSame($0.value, $1.value) }
}
