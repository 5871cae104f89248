import Text

/// Documents of XML within messages: in an OBX of HL7, in base64, in a field of JSON.
extension Checker {
  /// `xml(bytes)`
  mutating func parsedXML(_ call: Call) -> Typed {
    let value = call[0].map { argument(typed($0), .bytes) } ?? .broken(call.span)
    if value.type == .broken { return value }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.element, mayBeAbsent: value.mayBeAbsent, at: span, path: value.path) { run in
      let datum = try evaluate(run)
      guard datum.isValued else { return datum }
      let bytes = Self.document(datum)
      try run.step(bytes: bytes.count, at: span)
      do throws(XMLError) {
        return .element(try XMLDocument(bytes, origin: .copied).root)
      } catch {
        throw FunctionError(kind: .parse, message: "xml() was given what is no XML: \(error)").interrupt(at: span)
      }
    }
  }

  /// What a text declares as its character set is that of the bytes that it was.
  private static func document(_ datum: Datum) -> [UInt8] {
    guard case .text(let text) = datum else { return datum.argumentBytes }
    let bytes = Array(text.utf8)
    guard bytes.starts(with: "<?xml".utf8), let end = bytes.firstIndex(of: UInt8(ascii: ">")) else { return bytes }
    return Array(bytes[(end + 1)...])
  }

  /// `xml_of(element)`
  mutating func writtenXML(_ call: Call) -> Typed {
    guard let element = element(of: call) else { return .broken(call.span) }
    let (evaluate, span, declarations) = (element.evaluate, call.span, namespaces.declarations)
    return Typed(.bytes, mayBeAbsent: element.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .element(let node) = datum else { return datum }
      try run.step(bytes: node.copyCost << 6, at: span)
      let bytes = Self.bytes(node, declarations, upTo: Function.textBytesMax)
      guard bytes.count <= Function.textBytesMax else { throw Function.tooLong.interrupt(at: span) }
      return .bytes(bytes)
    }
  }

  /// A document: what was made declares at its beginning what the head says.
  static func bytes(_ node: XMLNode, _ declarations: [XMLDocument.Declaration], upTo byteCountMax: Int) -> [UInt8] {
    var writer = XMLWriter(upTo: byteCountMax)
    writer.node(node, declaring: node.document.origin == .made ? declarations : [])
    return writer.bytes
  }
}
