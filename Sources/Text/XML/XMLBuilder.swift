/// Puts an XML document together, from what is read, what is made and parts of others.
package struct XMLBuilder {
  private let limits: XMLLimits
  private var nodes: [XMLDocument.Node] = []
  private var names: [XMLDocument.Name] = []
  /// By prefix, local name and namespace, byte for byte: a letter with an accent can be written in two ways.
  private var places: [[[UInt8]]: NamePlace] = [:]
  private var attributes: [XMLDocument.Attribute] = []
  private var declarations: [XMLDocument.Declaration] = []
  private var characters: [UInt8] = []
  private var open: [Int] = []

  /// Which of the document's names.
  typealias NamePlace = Int32

  package init(limits: XMLLimits = XMLLimits()) { self.limits = limits }

  package func document(_ origin: XMLDocument.Origin) -> XMLDocument {
    XMLDocument(
      nodes: nodes, names: names, attributes: attributes, declarations: declarations, characters: characters,
      origin: origin)
  }

  package mutating func begin(
    _ name: XMLDocument.Name, attributes given: [(name: XMLDocument.Name, value: String)] = [],
    declarations declared: some Sequence<XMLDocument.Declaration> = []
  ) throws(XMLError) {
    let attributes = given.map { XMLDocument.Attribute(name: place(of: $0.name), value: $0.value) }
    try begin(place(of: name), attributes, declared, line: 0)
  }

  /// - Parameter line: where it was read; 0 of what is made.
  mutating func begin(
    _ name: NamePlace, _ given: [XMLDocument.Attribute], _ declared: some Sequence<XMLDocument.Declaration>,
    line: Int32
  ) throws(XMLError) {
    if open.count == limits.depthMax { throw refusal(.tooDeep(depthMax: limits.depthMax)) }
    let (first, firstDeclaration) = (Int32(attributes.count), Int32(declarations.count))
    attributes.append(contentsOf: given)
    declarations.append(contentsOf: declared)
    nodes.append(
      .init(
        name: name, parent: Int32(open.last ?? -1), next: 0, range: first..<Int32(attributes.count),
        declared: firstDeclaration..<Int32(declarations.count), line: line))
    open.append(nodes.count - 1)
    try checkSize()
  }

  package mutating func text(_ text: some Collection<UInt8>, line: Int32 = 0) throws(XMLError) {
    guard let parent = open.last, !text.isEmpty else { return }
    guard characters.count + text.count <= limits.byteCountMax else {
      throw refusal(.tooLarge(byteCountMax: limits.byteCountMax))
    }
    let start = Int32(characters.count)
    characters.append(contentsOf: text)
    let end = Int32(characters.count)
    // What stands together is one text, also where it comes in several pieces: around an entity, and from call to call.
    if let last = nodes.indices.last, nodes[last].name < 0, nodes[last].parent == parent {
      nodes[last].range = nodes[last].range.lowerBound..<end
      return
    }
    nodes.append(
      .init(
        name: -1, parent: Int32(parent), next: Int32(nodes.count + 1), range: start..<end, declared: 0..<0, line: line))
    try checkSize()
  }

  package mutating func end() {
    if let last = open.popLast() { nodes[last].next = Int32(nodes.count) }
  }

  /// A node of another document, with all that is in it and the namespaces that hold there.
  package mutating func copy(_ node: XMLNode, _ changes: XMLChanges = XMLChanges()) throws(XMLError) {
    let document = node.document
    guard node.name != nil else { return try text(node.characters) }
    var known: [NamePlace: NamePlace] = [:]
    var inside: [(index: Int, end: Int)] = []
    var index = node.identity
    repeat {
      let source = document.nodes[index]
      let here = XMLNode(document, index)
      if changes.removed.contains(index) {
        index = Int(source.next)
      } else if source.name < 0 {
        if let content = changes.contents[index] { try text(content.utf8) } else { try text(here.characters) }
        index += 1
      } else {
        let declared = index == node.identity ? here.namespacesInScope[...] : here.declarations
        try begin(
          place(source.name, of: document, &known), attributes(of: here, changes, &known), declared, line: source.line)
        inside.append((index, Int(source.next)))
        index += 1
        if let content = changes.contents[inside[inside.count - 1].index] {
          try text(content.utf8)
          index = Int(source.next)
        }
      }
      while let last = inside.last, last.end == index {
        for part in changes.appended[last.index] ?? [] { try add(part) }
        end()
        inside.removeLast()
      }
    } while !inside.isEmpty
  }

  /// The place of a name of the document that is copied.
  private mutating func place(
    _ name: NamePlace, of document: XMLDocument, _ known: inout [NamePlace: NamePlace]
  ) -> NamePlace {
    if let place = known[name] { return place }
    let place = place(of: document.names[Int(name)])
    known[name] = place
    return place
  }

  private mutating func attributes(
    of node: XMLNode, _ changes: XMLChanges, _ known: inout [NamePlace: NamePlace]
  ) -> [XMLDocument.Attribute] {
    guard changes.attributes[node.identity] == nil else {
      return changes.attributes(of: node).map { .init(name: place(of: $0.name), value: $0.value) }
    }
    var attributes: [XMLDocument.Attribute] = []
    for index in node.document.nodes[node.identity].range {
      let attribute = node.document.attributes[Int(index)]
      attributes.append(.init(name: place(attribute.name, of: node.document, &known), value: attribute.value))
    }
    return attributes
  }

  package mutating func add(_ part: XMLPart) throws(XMLError) {
    switch part {
    case .node(let node): try copy(node)
    case .text(let text): try self.text(text.utf8)
    }
  }

  mutating func place(of name: XMLDocument.Name) -> NamePlace {
    place([Array(name.prefix.utf8), Array(name.local.utf8), Array(name.namespace.utf8)])
  }

  /// - Parameter words: prefix, local name and namespace.
  mutating func place(_ words: [[UInt8]]) -> NamePlace {
    if let known = places[words] { return known }
    let place = NamePlace(names.count)
    let texts = words.map { String(decoding: $0, as: UTF8.self) }
    names.append(XMLDocument.Name(texts[1], in: texts[2], prefix: texts[0]))
    places[words] = place
    return place
  }

  private func checkSize() throws(XMLError) {
    guard nodes.count + attributes.count + declarations.count <= limits.nodeCountMax else {
      throw refusal(.tooManyNodes(nodeCountMax: limits.nodeCountMax))
    }
  }

  private func refusal(_ kind: XMLError.Kind) -> XMLError { XMLError(kind: kind, line: 0, column: 0) }
}

/// What stands in an element that is made.
package enum XMLPart: Sendable {
  case node(XMLNode)
  case text(String)
}

/// How a copy differs from what it is a copy of; by the identities of nodes.
package struct XMLChanges: Sendable {
  package var removed: Set<Int> = []
  /// What stands in an element, or in the place of characters, instead.
  package var contents: [Int: String] = [:]
  package var appended: [Int: [XMLPart]] = [:]
  /// Values of attributes; without one the attribute is left out.
  package var attributes: [Int: [(name: XMLDocument.Name, value: String?)]] = [:]

  package init() {}

  package var isEmpty: Bool { removed.isEmpty && contents.isEmpty && appended.isEmpty && attributes.isEmpty }

  fileprivate func attributes(of node: XMLNode) -> [(name: XMLDocument.Name, value: String)] {
    guard let changes = attributes[node.identity] else { return node.attributes }
    var all = node.attributes
    for (name, value) in changes {
      let place = all.firstIndex { $0.name == name }
      switch (place, value) {
      case (let place?, let value?): all[place].value = value
      case (let place?, nil): all.remove(at: place)
      case (nil, let value?): all.append((name, value))
      case (nil, nil): break
      }
    }
    return all
  }
}
