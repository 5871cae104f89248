/// An expression of XPath 1.0, as far as it is read here: paths of names, `*`, `@name`, `//`, `.`, `..`, `text()` and
/// predicates; comparisons, `and`, `or`, `|`, and the functions of `XPathFunction`.
///
/// It looks at no more nodes than it may.
package struct XPath: Sendable {
  private let tree: XPathTree
  /// Elements that it names without a prefix, each with its place: characters before it.
  package let unprefixed: [(name: String, offset: Int)]

  /// - Parameter namespaces: by their prefixes; that of no prefix is of elements without one, which are in no namespace
  ///   otherwise.
  package init(_ text: String, namespaces: [String: String] = [:]) throws(XPathError) {
    (tree, unprefixed) = try XPathParser.parse(text, namespaces: namespaces)
  }

  /// What comes of it.
  package enum Kind: Sendable, Hashable {
    case nodes, text, number, boolean
  }

  package var kind: Kind {
    switch tree {
    case .path, .union: .nodes
    case .text: .text
    case .number: .number
    case .compare, .and, .or: .boolean
    case .call(let function, _): function.gives
    }
  }

  /// Whether what it finds can be elements: attributes and characters have none in them.
  package var findsElements: Bool {
    switch tree {
    case .path(_, let steps): steps.last.map { $0.axis != .attribute && $0.test != .text } ?? true
    case .union(let parts): parts.contains { XPath($0).findsElements }
    default: false
    }
  }

  /// Of a number whether it is one whatever is read.
  package var isSurelyNumber: Bool {
    switch tree {
    case .number, .call(.count, _), .call(.stringLength, _), .call(.last, _), .call(.position, _): true
    default: false
    }
  }

  /// The attribute that the path ends in, and the path to its element; `nil` where it ends otherwise.
  package var attribute: (path: XPath, name: XMLDocument.Name)? {
    guard case .path(let start, let steps) = tree, let last = steps.last, last.axis == .attribute,
      case .name(let local, let namespace, let prefix) = last.test, last.predicates.isEmpty
    else { return nil }
    let before = steps.dropLast()
    if before.isEmpty, start == .root { return nil }
    let path = XPath(.path(start: start, Array(before)))
    return (path, XMLDocument.Name(local, in: namespace, prefix: prefix))
  }

  private init(_ tree: XPathTree) { (self.tree, unprefixed) = (tree, []) }

  /// Whether it finds nodes or attributes, and doesn't make a value.
  package var findsNodes: Bool { kind == .nodes }

  /// What was found: an element, characters, an attribute's value.
  package enum Item: Sendable {
    case node(XMLNode)
    case attribute(XMLDocument.Name, String, of: XMLNode)

    package var text: String {
      switch self {
      case .node(let node): node.text
      case .attribute(_, let value, _): value
      }
    }

    /// What it costs to put `text` together.
    package var textCost: Int {
      switch self {
      case .node(let node): node.textCost
      case .attribute(_, let value, _): value.utf8.count / 64
      }
    }
  }

  package enum Value: Sendable {
    /// In the order of the text, each once.
    case items([Item])
    case text(String)
    case number(Double)
    case boolean(Bool)

    /// XPath's `string()`.
    package var text: String {
      switch self {
      case .items(let items): items.first?.text ?? ""
      case .text(let text): text
      case .number(let number): XPathRun.text(number)
      case .boolean(let flag): flag ? "true" : "false"
      }
    }
  }

  /// More nodes were looked at than may be.
  package struct TooCostly: Error {
    package let nodeCountMax: Int
  }

  /// - Parameters:
  ///   - node: where a path begins that doesn't begin with `/`.
  ///   - nodeCountMax: so many nodes are looked at.
  package func evaluate(at node: XMLNode, nodeCountMax: Int = 1_000_000) throws(TooCostly) -> Value {
    try counted(at: node, nodeCountMax: nodeCountMax).value
  }

  /// The same, with how many nodes it looked at.
  package func counted(at node: XMLNode, nodeCountMax: Int) throws(TooCostly) -> (value: Value, nodeCount: Int) {
    var run = XPathRun(nodeCountMax)
    let value = try run.value(tree, .init(item: .node(node), position: 1, size: 1))
    return (value, run.nodeCount)
  }
}
