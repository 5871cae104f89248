internal import CLibXML2

/// Lets libxml2 read a text, and keeps what it calls out. It fetches nothing, and a DOCTYPE ends it before what that
/// declares is looked at.
final class XMLReading {
  private let limits: XMLLimits
  private var nodes: [XMLDocument.Node] = []
  private var names: [XMLDocument.Name] = []
  /// By what the text has: prefix, local name and namespace.
  private var places: [[String]: Int32] = [:]
  private var attributes: [XMLDocument.Attribute] = []
  private var characters: [UInt8] = []
  private var open: [Int] = []
  private var failure: XMLError?
  private var context: xmlParserCtxtPtr?

  /// Once, before a second thread reads.
  private static let isReady: Bool = {
    xmlInitParser()
    return true
  }()

  private init(_ limits: XMLLimits) { self.limits = limits }

  static func document(_ bytes: [UInt8], _ limits: XMLLimits) throws(XMLError) -> XMLDocument {
    if bytes.isEmpty { throw XMLError(kind: .empty, line: 0, column: 0) }
    if bytes.count > limits.byteCountMax {
      throw XMLError(kind: .tooLarge(byteCountMax: limits.byteCountMax), line: 0, column: 0)
    }
    _ = isReady
    let reading = XMLReading(limits)
    reading.read(bytes)
    if let failure = reading.failure { throw failure }
    return XMLDocument(
      nodes: reading.nodes, names: reading.names, attributes: reading.attributes, characters: reading.characters)
  }

  private func read(_ bytes: [UInt8]) {
    var handler = xmlSAXHandler()
    handler.initialized = XML_SAX2_MAGIC
    handler.startElementNs = { context, local, prefix, uri, _, _, count, _, attributes in
      XMLReading.of(context)?.begin(local, prefix, uri, Int(count), attributes)
    }
    handler.endElementNs = { context, _, _, _ in XMLReading.of(context)?.end() }
    handler.characters = { context, text, count in XMLReading.of(context)?.add(text, Int(count)) }
    handler.cdataBlock = { context, text, count in XMLReading.of(context)?.add(text, Int(count)) }
    handler.ignorableWhitespace = { context, text, count in XMLReading.of(context)?.add(text, Int(count)) }
    handler.internalSubset = { context, _, _, _ in XMLReading.of(context)?.stop(.doctype) }
    // Without a DOCTYPE there are no entities but the five of XML.
    handler.getEntity = { _, name in xmlGetPredefinedEntity(name) }
    handler.serror = { context, error in XMLReading.of(context)?.note(error) }
    guard let context = xmlCreatePushParserCtxt(&handler, Unmanaged.passUnretained(self).toOpaque(), nil, 0, nil) else {
      return failure = XMLError(kind: .malformed(0), line: 0, column: 0)
    }
    self.context = context
    defer {
      // A context without a tree has no document; one that was made all the same is freed with it.
      if let document = context.pointee.myDoc { xmlFreeDoc(document) }
      xmlFreeParserCtxt(context)
      self.context = nil
    }
    // NOENT: an &amp; in an attribute is a &. Other entities there are none.
    xmlCtxtUseOptions(context, Int32(XML_PARSE_NONET.rawValue | XML_PARSE_NOCDATA.rawValue | XML_PARSE_NOENT.rawValue))
    bytes.withUnsafeBufferPointer { buffer in
      var at = 0
      // In pieces, as what is far too deep or too much is known early.
      while at < buffer.count, failure == nil {
        let count = min(1 << 16, buffer.count - at)
        buffer.withMemoryRebound(to: CChar.self) { text in
          guard let start = text.baseAddress else { return }
          _ = xmlParseChunk(context, start + at, Int32(count), at + count == buffer.count ? 1 : 0)
        }
        at += count
      }
    }
    if failure == nil, context.pointee.wellFormed == 0 || nodes.isEmpty { stop(.malformed(Int(context.pointee.errNo))) }
  }

  private static func of(_ context: UnsafeMutableRawPointer?) -> XMLReading? {
    guard let context else { return nil }
    let reading = Unmanaged<XMLReading>.fromOpaque(context).takeUnretainedValue()
    return reading.failure == nil ? reading : nil
  }

  // MARK: What is called out

  private func begin(
    _ local: UnsafePointer<xmlChar>?, _ prefix: UnsafePointer<xmlChar>?, _ uri: UnsafePointer<xmlChar>?, _ count: Int,
    _ row: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?
  ) {
    if open.count == limits.depthMax { return stop(.tooDeep(depthMax: limits.depthMax)) }
    if nodes.count + attributes.count + count >= limits.nodeCountMax {
      return stop(.tooManyNodes(nodeCountMax: limits.nodeCountMax))
    }
    let first = Int32(attributes.count)
    for index in 0..<count {
      // Local name, prefix, namespace, where the value begins and ends.
      guard let parts = row.map({ $0 + 5 * index }), let start = parts[3], let end = parts[4] else { continue }
      let value = String(decoding: UnsafeBufferPointer(start: start, count: end - start), as: UTF8.self)
      attributes.append(.init(name: name(parts[0], parts[1], parts[2]), value: value))
    }
    nodes.append(
      .init(
        name: name(local, prefix, uri), parent: Int32(open.last ?? -1), next: 0,
        range: first..<Int32(attributes.count), line: line))
    open.append(nodes.count - 1)
  }

  private func end() {
    guard let last = open.popLast() else { return }
    nodes[last].next = Int32(nodes.count)
  }

  private func add(_ text: UnsafePointer<xmlChar>?, _ count: Int) {
    guard let text, count > 0, let parent = open.last else { return }
    let start = Int32(characters.count)
    characters.append(contentsOf: UnsafeBufferPointer(start: text, count: count))
    let end = Int32(characters.count)
    // What stands together comes in several calls: around an entity, and from piece to piece.
    if let last = nodes.indices.last, nodes[last].name < 0, nodes[last].parent == parent,
      nodes[last].range.upperBound == start
    {
      nodes[last].range = nodes[last].range.lowerBound..<end
      return
    }
    if nodes.count + attributes.count >= limits.nodeCountMax {
      return stop(.tooManyNodes(nodeCountMax: limits.nodeCountMax))
    }
    nodes.append(.init(name: -1, parent: Int32(parent), next: Int32(nodes.count + 1), range: start..<end, line: line))
  }

  private func name(
    _ local: UnsafePointer<xmlChar>?, _ prefix: UnsafePointer<xmlChar>?, _ uri: UnsafePointer<xmlChar>?
  ) -> Int32 {
    let words = [prefix, local, uri].map { $0.map { String(cString: $0) } ?? "" }
    if let known = places[words] { return known }
    let place = Int32(names.count)
    names.append(XMLDocument.Name(words[1], in: words[2], prefix: words[0]))
    places[words] = place
    return place
  }

  private func note(_ error: UnsafeMutablePointer<CLibXML2.xmlError>?) {
    guard let error = error?.pointee, error.level == XML_ERR_FATAL || error.level == XML_ERR_ERROR else { return }
    var number = Int(error.code)
    // «Document end» is said of a text that ends too early as well.
    if number == Int(XML_ERR_DOCUMENT_END.rawValue), !open.isEmpty || nodes.isEmpty {
      number = Int(XML_ERR_TAG_NOT_FINISHED.rawValue)
    }
    let isEncoding = [
      XML_ERR_INVALID_ENCODING, XML_ERR_UNSUPPORTED_ENCODING, XML_ERR_UNKNOWN_ENCODING, XML_ERR_INVALID_CHAR,
    ]
    .contains { Int($0.rawValue) == number }
    stop(isEncoding ? .encoding : .malformed(number), line: Int(error.line), column: Int(error.int2))
  }

  private func stop(_ kind: XMLError.Kind, line: Int? = nil, column: Int? = nil) {
    if failure != nil { return }
    failure = XMLError(
      kind: kind, line: line ?? Int(self.line), column: column ?? context.map { Int(xmlSAX2GetColumnNumber($0)) } ?? 0)
    if let context { xmlStopParser(context) }
  }

  private var line: Int32 { context.map { xmlSAX2GetLineNumber($0) } ?? 0 }

  // MARK: Words

  /// What is wrong, for people.
  static func words(_ number: Int) -> String {
    switch xmlParserErrors(UInt32(number)) {
    case XML_ERR_DOCUMENT_EMPTY: "no XML stands there"
    case XML_ERR_DOCUMENT_END: "something stands behind the last element's end"
    case XML_ERR_TAG_NAME_MISMATCH: "an end tag names another element than is open"
    case XML_ERR_TAG_NOT_FINISHED, XML_ERR_GT_REQUIRED: "it ends, or goes on, before an element is closed"
    case XML_ERR_UNDECLARED_ENTITY, XML_WAR_UNDECLARED_ENTITY:
      "an entity that XML doesn't have (it has &lt; &gt; &amp; &quot; &apos;)"
    case XML_ERR_ENTITYREF_SEMICOL_MISSING, XML_ERR_NAME_REQUIRED: "an & or < that is not written as &amp; or &lt;"
    case XML_ERR_ATTRIBUTE_REDEFINED: "an attribute stands there twice"
    case XML_ERR_LT_IN_ATTRIBUTE, XML_ERR_ATTRIBUTE_NOT_STARTED, XML_ERR_ATTRIBUTE_WITHOUT_VALUE:
      "an attribute without a value in quotes"
    case XML_NS_ERR_UNDEFINED_NAMESPACE: "a prefix whose namespace is not declared"
    default: "not well-formed XML (libxml2 error \(number))"
    }
  }
}
