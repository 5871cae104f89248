/// Writes XML element by element. Namespaces are declared where they are first used, or asked for.
package struct XMLWriter: Sendable {
  package private(set) var bytes: [UInt8] = []

  private struct Open {
    var name: String
    /// Prefixes that were declared here, and what they stood for before.
    var former: [(prefix: String, namespace: String?)]
    var hasContent: Bool
  }
  private var open: [Open] = []
  private var namespaces: [String: String] = ["": "", "xml": "http://www.w3.org/XML/1998/namespace"]

  package init() { bytes.append(contentsOf: #"<?xml version="1.0" encoding="UTF-8"?>"#.utf8) }

  /// - Parameter declarations: also of prefixes that no name has, but perhaps a value.
  package mutating func begin(
    _ name: XMLDocument.Name, attributes: [(name: XMLDocument.Name, value: String)] = [],
    declarations: some Sequence<XMLDocument.Declaration> = []
  ) {
    content()
    var element = Open(
      name: name.prefix.isEmpty ? name.local : "\(name.prefix):\(name.local)", former: [], hasContent: false)
    add("<\(element.name)")
    for declaration in declarations { declare(declaration, &element) }
    declare(.init(prefix: name.prefix, namespace: name.namespace), &element)
    // An attribute without a prefix is in no namespace.
    for attribute in attributes where !attribute.name.prefix.isEmpty {
      declare(.init(prefix: attribute.name.prefix, namespace: attribute.name.namespace), &element)
    }
    for (name, value) in attributes {
      add(" \(name.prefix.isEmpty ? "" : name.prefix + ":")\(name.local)=\"")
      escape(value, inAttribute: true)
      add("\"")
    }
    open.append(element)
  }

  package mutating func text(_ text: String) {
    if text.isEmpty { return }
    content()
    escape(text, inAttribute: false)
  }

  package mutating func end() {
    guard let element = open.popLast() else { return }
    add(element.hasContent ? "</\(element.name)>" : "/>")
    for (prefix, namespace) in element.former.reversed() { namespaces[prefix] = namespace }
  }

  /// A node that was read, with all that is in it and the namespaces that hold there.
  package mutating func node(_ node: XMLNode) { write(node, node.namespacesInScope) }

  private mutating func write(_ node: XMLNode, _ declarations: some Sequence<XMLDocument.Declaration>) {
    guard let name = node.name else { return text(node.text) }
    begin(name, attributes: node.attributes, declarations: declarations)
    for child in node.children { write(child, child.declarations) }
    end()
  }

  private mutating func declare(_ declaration: XMLDocument.Declaration, _ element: inout Open) {
    let prefix = declaration.prefix
    if namespaces[prefix] == declaration.namespace { return }
    element.former.append((prefix, namespaces[prefix]))
    namespaces[prefix] = declaration.namespace
    add(prefix.isEmpty ? " xmlns=\"" : " xmlns:\(prefix)=\"")
    escape(declaration.namespace, inAttribute: true)
    add("\"")
  }

  /// Something stands in the element that is open.
  private mutating func content() {
    guard let last = open.indices.last, !open[last].hasContent else { return }
    open[last].hasContent = true
    add(">")
  }

  private mutating func add(_ text: String) { bytes.append(contentsOf: text.utf8) }

  /// Line ends in attributes, and carriage returns anywhere, would be read as something else (XML 1.0, 2.11 and 3.3.3).
  /// Characters that XML doesn't have are left out.
  private mutating func escape(_ text: String, inAttribute: Bool) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": add("&amp;")
      case "<": add("&lt;")
      case ">": add("&gt;")
      case "\"" where inAttribute: add("&quot;")
      case "\t" where inAttribute: add("&#9;")
      case "\n" where inAttribute: add("&#10;")
      case "\r": add("&#13;")
      case "\t", "\n": bytes.append(UInt8(ascii: scalar))
      case "\u{0}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}": break
      default: bytes.append(contentsOf: Character(scalar).utf8)
      }
    }
  }
}
