/// Puts an XML document together, from what is made and from parts of others.
package struct XMLBuilder {
  private let limits: XMLLimits
  private var nodes: [XMLDocument.Node] = []
  private var names: [XMLDocument.Name] = []
  private var places: [NameAsWritten: Int32] = [:]
  private var attributes: [XMLDocument.Attribute] = []
  private var declarations: [XMLDocument.Declaration] = []
  private var characters: [UInt8] = []
  private var open: [Int] = []

  /// Names that differ in their prefix alone are equal, but written in two ways.
  private struct NameAsWritten: Hashable {
    var name: XMLDocument.Name
    var prefix: String
  }

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
    if open.count == limits.depthMax { throw refusal(.tooDeep(depthMax: limits.depthMax)) }
    let (first, firstDeclaration) = (Int32(attributes.count), Int32(declarations.count))
    declarations.append(contentsOf: declared)
    for (name, value) in given { attributes.append(.init(name: place(of: name), value: value)) }
    nodes.append(
      .init(
        name: place(of: name), parent: Int32(open.last ?? -1), next: 0, range: first..<Int32(attributes.count),
        declared: firstDeclaration..<Int32(declarations.count), line: 0))
    open.append(nodes.count - 1)
    try checkSize()
  }

  package mutating func text(_ text: some Collection<UInt8>) throws(XMLError) {
    guard let parent = open.last, !text.isEmpty else { return }
    guard characters.count + text.count <= limits.byteCountMax else {
      throw refusal(.tooLarge(byteCountMax: limits.byteCountMax))
    }
    let start = Int32(characters.count)
    characters.append(contentsOf: text)
    let end = Int32(characters.count)
    // Texts that stand together are one.
    if let last = nodes.indices.last, nodes[last].name < 0, nodes[last].parent == parent {
      nodes[last].range = nodes[last].range.lowerBound..<end
      return
    }
    nodes.append(
      .init(
        name: -1, parent: Int32(parent), next: Int32(nodes.count + 1), range: start..<end, declared: 0..<0, line: 0))
    try checkSize()
  }

  package mutating func end() {
    if let last = open.popLast() { nodes[last].next = Int32(nodes.count) }
  }

  /// A node of another document, with all that is in it and the namespaces that hold there.
  package mutating func copy(_ node: XMLNode, _ changes: XMLChanges = XMLChanges()) throws(XMLError) {
    let document = node.document
    guard node.name != nil else { return try text(node.characters) }
    var inside: [(index: Int, end: Int)] = []
    var index = node.identity
    repeat {
      let source = document.nodes[index]
      if changes.removed.contains(index) {
        index = Int(source.next)
      } else if source.name < 0 {
        if let content = changes.contents[index] {
          try text(content.utf8)
        } else {
          try text(XMLNode(document, index).characters)
        }
        index += 1
      } else {
        let here = XMLNode(document, index)
        try begin(
          document.names[Int(source.name)], attributes: changes.attributes(of: here),
          declarations: index == node.identity ? here.namespacesInScope[...] : here.declarations)
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

  package mutating func add(_ part: XMLPart) throws(XMLError) {
    switch part {
    case .node(let node): try copy(node)
    case .text(let text): try self.text(text.utf8)
    }
  }

  private mutating func place(of name: XMLDocument.Name) -> Int32 {
    let key = NameAsWritten(name: name, prefix: name.prefix)
    if let known = places[key] { return known }
    let place = Int32(names.count)
    names.append(name)
    places[key] = place
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
