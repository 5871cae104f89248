/// An XML text that was read: elements with their namespaces, attributes and characters. Comments and processing
/// instructions are not kept.
///
/// All nodes stand in one row in the order of the text; nothing holds on to the library that read it.
package struct XMLDocument: Sendable {
  /// What an element or attribute is called.
  package struct Name: Sendable, Hashable {
    /// The address of its namespace; empty where it is in none.
    package var namespace: String
    package var local: String
    /// As the text has it: no part of what it is.
    package var prefix: String

    package init(_ local: String, in namespace: String = "", prefix: String = "") {
      (self.local, self.namespace, self.prefix) = (local, namespace, prefix)
    }

    package static func == (a: Name, b: Name) -> Bool { a.local == b.local && a.namespace == b.namespace }
    package func hash(into hasher: inout Hasher) {
      hasher.combine(local)
      hasher.combine(namespace)
    }
  }

  struct Attribute: Sendable {
    var name: Int32
    var value: String
  }

  /// `xmlns:prefix="namespace"`; it holds in the element where it stands.
  package struct Declaration: Sendable, Hashable {
    package var prefix: String
    package var namespace: String

    package init(prefix: String, namespace: String) { (self.prefix, self.namespace) = (prefix, namespace) }
  }

  /// What the prefix `xml` stands for without being declared.
  package static let ownNamespace = "http://www.w3.org/XML/1998/namespace"

  struct Node: Sendable {
    /// Among `names`; -1 for characters.
    var name: Int32
    /// The node it stands in; -1 for the root.
    var parent: Int32
    /// The node behind it and all that is in it.
    var next: Int32
    /// Of characters, among all of them; of an element, its attributes.
    var range: Range<Int32>
    /// Of an element, what it declares.
    var declared: Range<Int32>
    var line: Int32
  }

  let nodes: [Node]
  let names: [Name]
  let attributes: [Attribute]
  let declarations: [Declaration]
  /// All characters of all nodes, in UTF-8.
  let characters: [UInt8]
  /// How it came about.
  package private(set) var origin: Origin

  package enum Origin: Sendable {
    case read
    /// Of a part of another, perhaps with changes; or it stood in a message of another format.
    case copied
    case made
  }

  /// - Throws: what is wrong first.
  package init(
    _ bytes: [UInt8], limits: XMLLimits = XMLLimits(), origin: Origin = .read
  ) throws(XMLError) {
    self = try XMLReading.document(bytes, limits)
    self.origin = origin
  }

  init(
    nodes: [Node], names: [Name], attributes: [Attribute], declarations: [Declaration], characters: [UInt8],
    origin: Origin = .read
  ) {
    (self.nodes, self.names, self.attributes) = (nodes, names, attributes)
    (self.declarations, self.characters, self.origin) = (declarations, characters, origin)
  }

  package var root: XMLNode { XMLNode(self, 0) }
}

/// What is refused before it costs much.
package struct XMLLimits: Sendable {
  package var byteCountMax: Int
  /// Elements in one another.
  package var depthMax: Int
  /// Elements, attributes, namespaces that are declared and stretches of characters.
  package var nodeCountMax: Int

  package init(byteCountMax: Int = 64 << 20, depthMax: Int = 128, nodeCountMax: Int = 5_000_000) {
    self.byteCountMax = min(byteCountMax, 1 << 30)
    self.depthMax = depthMax
    self.nodeCountMax = nodeCountMax
  }
}

/// Why bytes are not XML that can be trusted: what is wrong and where, never the content.
package struct XMLError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    case empty
    /// It isn't well-formed: what of it, in the library's own number (xmlParserErrors).
    case malformed(Int)
    /// A DOCTYPE stands there: what it declares could lead to other files, or grow without end.
    case doctype
    case encoding
    case noMemory
    case tooDeep(depthMax: Int)
    case tooLarge(byteCountMax: Int)
    case tooManyNodes(nodeCountMax: Int)
  }

  package let kind: Kind
  /// Both count from 1; 0 where it is not known.
  package let line: Int
  package let column: Int

  package var description: String { line > 0 ? "line \(line), column \(column): \(reason)" : reason }

  package var reason: String {
    switch kind {
    case .empty: "there is nothing"
    case .malformed(let number): XMLReading.words(number)
    case .doctype: "a DOCTYPE is not read: what it declares could lead to other files, or grow without end"
    case .encoding: "its bytes are not of the character set that it declares"
    case .noMemory: "no memory is left to read it"
    case .tooDeep(let depthMax): "more than \(depthMax) elements in one another"
    case .tooLarge(let byteCountMax): "larger than \(byteCountMax) bytes"
    case .tooManyNodes(let nodeCountMax): "more than \(nodeCountMax) elements, attributes and texts"
    }
  }
}

/// An element of a document, or a stretch of characters.
package struct XMLNode: Sendable {
  package let document: XMLDocument
  let index: Int

  init(_ document: XMLDocument, _ index: Int) {
    self.document = document
    self.index = index
  }

  private var node: XMLDocument.Node { document.nodes[index] }

  /// `nil` for characters.
  package var name: XMLDocument.Name? { node.name < 0 ? nil : document.names[Int(node.name)] }

  /// Where it begins; counts from 1.
  package var line: Int { Int(node.line) }

  /// The same node has the same identity within its document; they grow in the order of the text.
  package var identity: Int { index }

  package var parent: XMLNode? { node.parent < 0 ? nil : XMLNode(document, Int(node.parent)) }

  /// Elements and characters that stand in it, in their order.
  package var children: Children { Children(self) }

  package var elements: some Sequence<XMLNode> { children.lazy.filter { $0.name != nil } }

  package var attributes: [(name: XMLDocument.Name, value: String)] {
    guard node.name >= 0 else { return [] }
    return node.range.map { index in
      let attribute = document.attributes[Int(index)]
      return (document.names[Int(attribute.name)], attribute.value)
    }
  }

  /// What the element itself declares, in the order of the text.
  package var declarations: ArraySlice<XMLDocument.Declaration> {
    document.declarations[Int(node.declared.lowerBound)..<Int(node.declared.upperBound)]
  }

  /// What prefixes stand for here, also by what is declared around it: a value such as `xsi:type="v3:PQ"` may mean one
  /// that no name has.
  package var namespacesInScope: [XMLDocument.Declaration] {
    var all: [XMLDocument.Declaration] = []
    var element: XMLNode? = self
    while let here = element {
      all = here.declarations.filter { own in !all.contains { $0.prefix == own.prefix } } + all
      element = here.parent
    }
    return all
  }

  /// - Parameter namespace: empty for an attribute without a prefix.
  package func attribute(_ local: String, in namespace: String = "") -> String? {
    guard node.name >= 0 else { return nil }
    for index in node.range {
      let attribute = document.attributes[Int(index)]
      let name = document.names[Int(attribute.name)]
      if name.local == local, name.namespace == namespace { return attribute.value }
    }
    return nil
  }

  /// All characters in it, also in the elements in it.
  package var text: String {
    if node.name < 0 { return document.text(node.range) }
    var text = ""
    for index in index + 1..<max(index + 1, Int(node.next)) where document.nodes[index].name < 0 {
      text += document.text(document.nodes[index].range)
    }
    return text
  }

  /// What it costs to put `text` together: the nodes in it, and one more for 64 bytes.
  ///
  /// The characters of all that is in it stand in one stretch.
  package var textCost: Int {
    if node.name < 0 { return node.range.count / 64 }
    var bytes = 0
    let inside = document.nodes[index + 1..<max(index + 1, end)]
    if let first = inside.first(where: { $0.name < 0 }), let last = inside.last(where: { $0.name < 0 }) {
      bytes = Int(last.range.upperBound - first.range.lowerBound)
    }
    return inside.count + bytes / 64
  }

  /// What it costs to copy it: its nodes and attributes, and one more for 64 bytes.
  package var copyCost: Int {
    var cost = 1 + textCost
    for inside in document.nodes[index..<max(index + 1, end)] where inside.name >= 0 {
      cost += inside.range.count
      for place in inside.range { cost += document.attributes[Int(place)].value.utf8.count / 64 }
    }
    return cost
  }

  /// Whether something stands in it.
  package var hasContent: Bool { node.name >= 0 && end > index + 1 }

  /// Of characters, as they are.
  var characters: ArraySlice<UInt8> {
    node.name < 0 ? document.characters[Int(node.range.lowerBound)..<Int(node.range.upperBound)] : []
  }

  /// Whether another node stands in it, at whatever depth.
  package func holds(_ other: XMLNode) -> Bool { (index + 1..<max(index + 1, end)).contains(other.index) }

  /// The node behind it and all that is in it, and so the end of what is in it.
  var end: Int { Int(node.next) }

  /// There are elements in it, and between them nothing but white space.
  package var holdsElementsAlone: Bool {
    var holdsElements = false
    for child in children {
      if child.name != nil {
        holdsElements = true
      } else if !child.characters.allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
        return false
      }
    }
    return holdsElements
  }

  package struct Children: Sequence, IteratorProtocol {
    private let document: XMLDocument
    private var index: Int
    private let end: Int

    fileprivate init(_ node: XMLNode) {
      document = node.document
      index = node.index + 1
      end = node.name == nil ? 0 : node.end
    }

    package mutating func next() -> XMLNode? {
      guard index < end else { return nil }
      defer { index = Int(document.nodes[index].next) }
      return XMLNode(document, index)
    }
  }
}

extension XMLDocument {
  fileprivate func text(_ range: Range<Int32>) -> String {
    String(decoding: characters[Int(range.lowerBound)..<Int(range.upperBound)], as: UTF8.self)
  }
}

extension XMLDocument.Name {
  /// Whether XML has such a name, a prefix aside (Namespaces in XML 1.0, NCName).
  package static func isValid(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, begins(first) else { return false }
    return text.unicodeScalars.allSatisfy { begins($0) || goesOn($0) }
  }

  private static func begins(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x41...0x5A, 0x5F, 0x61...0x7A, 0xC0...0xD6, 0xD8...0xF6, 0xF8...0x2FF, 0x370...0x37D, 0x37F...0x1FFF,
      0x200C...0x200D, 0x2070...0x218F, 0x2C00...0x2FEF, 0x3001...0xD7FF, 0xF900...0xFDCF, 0xFDF0...0xFFFD,
      0x10000...0xEFFFF:
      true
    default: false
    }
  }

  private static func goesOn(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x2D, 0x2E, 0x30...0x39, 0xB7, 0x300...0x36F, 0x203F...0x2040: true
    default: false
    }
  }
}
