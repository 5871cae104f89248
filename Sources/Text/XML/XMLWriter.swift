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
  private var namespaces: [String: String] = ["": "", "xml": XMLDocument.ownNamespace]
  /// No more than these are wanted.
  private let byteCountMax: Int
  /// Elements that hold nothing but elements have a line for each.
  private let isPretty: Bool

  /// - Parameter byteCountMax: where there is more, it ends soon behind.
  package init(upTo byteCountMax: Int = .max, declares: Bool = true, isPretty: Bool = false) {
    self.byteCountMax = byteCountMax
    self.isPretty = isPretty
    if declares { bytes.append(contentsOf: #"<?xml version="1.0" encoding="UTF-8"?>"#.utf8) }
    if declares, isPretty { add("\n") }
  }

  /// - Parameter declarations: also of prefixes that no name has, but perhaps a value.
  package mutating func begin(
    _ name: XMLDocument.Name, attributes: [(name: XMLDocument.Name, value: String)] = [],
    declarations: some Sequence<XMLDocument.Declaration> = []
  ) {
    content()
    let declarations = Array(declarations)
    let prefix = prefix(of: name, declarations)
    var element = Open(name: prefix.isEmpty ? name.local : "\(prefix):\(name.local)", former: [], hasContent: false)
    add("<\(element.name)")
    // What each prefix means in this element: it can mean one thing alone.
    var meanings = [prefix: name.namespace]
    for declaration in declarations
    where meanings[declaration.prefix, default: declaration.namespace] == declaration.namespace {
      meanings[declaration.prefix] = declaration.namespace
      declare(declaration, &element)
    }
    declare(.init(prefix: prefix, namespace: name.namespace), &element)
    // An attribute without a prefix is in no namespace.
    var prefixes = attributes.map(\.name.prefix)
    for (index, attribute) in attributes.enumerated() where !attribute.name.namespace.isEmpty {
      let (prefix, namespace) = (Self.prefix(attribute.name, meanings), attribute.name.namespace)
      prefixes[index] = prefix
      meanings[prefix] = namespace
      declare(.init(prefix: prefix, namespace: namespace), &element)
    }
    for (prefix, attribute) in zip(prefixes, attributes) {
      add(" \(prefix.isEmpty ? "" : prefix + ":")\(attribute.name.local)=\"")
      escape(attribute.value, inAttribute: true)
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
  ///
  /// - Parameter others: are declared beside those.
  package mutating func node(_ node: XMLNode, declaring others: [XMLDocument.Declaration] = []) {
    let own = node.namespacesInScope
    write(node, own + others.filter { other in !own.contains { $0.prefix == other.prefix } })
  }

  private mutating func write(_ node: XMLNode, _ declarations: some Sequence<XMLDocument.Declaration>) {
    guard let name = node.name else { return text(node.text) }
    begin(name, attributes: node.attributes, declarations: declarations)
    let isLaidOut = isPretty && node.holdsElementsAlone
    for child in node.children where !isLaidOut || child.name != nil {
      if bytes.count > byteCountMax { break }
      if isLaidOut { newLine() }
      write(child, child.declarations)
    }
    if isLaidOut { newLine(-1) }
    end()
  }

  /// The prefix of an element: one that stands for its namespace here already, before its own is declared anew.
  private func prefix(of name: XMLDocument.Name, _ declarations: [XMLDocument.Declaration]) -> String {
    let isDeclared = declarations.contains { $0.prefix == name.prefix && $0.namespace == name.namespace }
    if isDeclared || name.namespace.isEmpty || namespaces[name.prefix] == name.namespace { return name.prefix }
    let known = namespaces.filter { $0.value == name.namespace }.keys
    return known.filter { prefix in !declarations.contains { $0.prefix == prefix } }.min() ?? name.prefix
  }

  /// The prefix of an attribute: another than its own where that means something else in the element.
  private static func prefix(_ name: XMLDocument.Name, _ meanings: [String: String]) -> String {
    func fits(_ prefix: String) -> Bool {
      !prefix.isEmpty && meanings[prefix, default: name.namespace] == name.namespace
    }
    var (prefix, number) = (name.prefix, 0)
    while !fits(prefix) {
      number += 1
      prefix = "ns\(number)"
    }
    return prefix
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

  private mutating func newLine(_ change: Int = 0) {
    content()
    add("\n" + String(repeating: "  ", count: max(0, open.count + change)))
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
