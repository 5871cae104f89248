/// One evaluation.
struct XPathRun {
  typealias Item = XPath.Item
  typealias Value = XPath.Value

  struct Context {
    var item: Item
    var position: Int
    var size: Int
  }

  private let nodeCountMax: Int
  private(set) var nodeCount = 0

  init(_ nodeCountMax: Int) { self.nodeCountMax = nodeCountMax }

  mutating func value(_ tree: XPathTree, _ context: Context) throws(XPath.TooCostly) -> Value {
    // A long expression costs more than a short one.
    try look()
    switch tree {
    case .text(let text): return .text(text)
    case .number(let number): return .number(number)
    case .path(let start, let steps): return .items(try path(start, steps, context.item))
    case .union(let parts):
      var items: [Item] = []
      for part in parts { if case .items(let found) = try value(part, context) { items += found } }
      return .items(Self.inOrder(items))
    case .and(let left, let right):
      guard Self.truth(try value(left, context)) else { return .boolean(false) }
      return .boolean(Self.truth(try value(right, context)))
    case .or(let left, let right):
      if Self.truth(try value(left, context)) { return .boolean(true) }
      return .boolean(Self.truth(try value(right, context)))
    case .compare(let comparison, let left, let right):
      return .boolean(try compare(comparison, try value(left, context), try value(right, context)))
    case .call(let function, let arguments):
      var values: [Value] = []
      for argument in arguments { values.append(try value(argument, context)) }
      return try call(function, values, context)
    }
  }

  // MARK: Paths

  private mutating func look(_ count: Int = 1) throws(XPath.TooCostly) {
    nodeCount += count
    if nodeCount > nodeCountMax { throw XPath.TooCostly(nodeCountMax: nodeCountMax) }
  }

  /// A text is put together of all that is in it; 64 bytes of it count as a node.
  private mutating func read(_ item: Item) throws(XPath.TooCostly) {
    try look(item.textCost)
  }

  /// What XPath's `string()` reads of it: of several nodes the first.
  private mutating func read(_ value: Value) throws(XPath.TooCostly) {
    switch value {
    case .items(let items): if let first = items.first { try read(first) }
    case .text(let text): try look(text.utf8.count / 64)
    case .number, .boolean: break
    }
  }

  private mutating func path(
    _ start: XPathTree.Start, _ steps: [XPathTree.Step], _ item: Item
  ) throws(XPath.TooCostly) -> [Item] {
    var items = [item]
    if start == .root {
      let document = Self.element(item).document
      if steps.isEmpty { return [.node(document.root)] }
      items = [.node(XMLNode(document, Self.above))]
    }
    for step in steps { items = try take(step, items) }
    return items.filter { Self.element($0).index != Self.above }
  }

  /// In the place of a node: the document, in which the root stands.
  private static let above = -1

  private mutating func take(_ step: XPathTree.Step, _ items: [Item]) throws(XPath.TooCostly) -> [Item] {
    var found: [Item] = []
    try look()
    for item in items {
      let candidates = try self.candidates(step, item)
      found += try filter(candidates, step.predicates)
    }
    return items.count > 1 ? Self.inOrder(found) : found
  }

  private mutating func candidates(_ step: XPathTree.Step, _ item: Item) throws(XPath.TooCostly) -> [Item] {
    guard case .node(let node) = item else {
      // From an attribute there is only the way up.
      return step.axis == .parent ? [.node(Self.element(item))] : step.axis == .current ? [item] : []
    }
    if node.index == Self.above {
      let root = node.document.root
      switch step.axis {
      case .child: return Self.matches(step.test, root) ? [.node(root)] : []
      case .descendantOrSelf: return [item] + (try descendants(of: root)).map { .node($0) }
      case .current: return [item]
      case .parent, .attribute: return []
      }
    }
    switch step.axis {
    case .current: return [item]
    case .parent: return node.parent.map { [.node($0)] } ?? []
    case .descendantOrSelf: return try descendants(of: node).map { .node($0) }
    case .child:
      var found: [Item] = []
      for child in node.children {
        try look()
        if Self.matches(step.test, child) { found.append(.node(child)) }
      }
      return found
    case .attribute:
      let attributes = node.attributes
      try look(attributes.count)
      return attributes.filter { Self.matches(step.test, $0.name) }.map { .attribute($0.name, $0.value, of: node) }
    }
  }

  /// It, and all that is in it.
  private mutating func descendants(of node: XMLNode) throws(XPath.TooCostly) -> [XMLNode] {
    try look(max(1, node.end - node.index))
    return (node.index..<max(node.index + 1, node.end)).map { XMLNode(node.document, $0) }
  }

  private mutating func filter(_ items: [Item], _ predicates: [XPathTree]) throws(XPath.TooCostly) -> [Item] {
    var items = items
    for predicate in predicates {
      var kept: [Item] = []
      for (index, item) in items.enumerated() {
        let value = try value(predicate, Context(item: item, position: index + 1, size: items.count))
        if case .number(let number) = value {
          if number == Double(index + 1) { kept.append(item) }
        } else if Self.truth(value) {
          kept.append(item)
        }
      }
      items = kept
    }
    return items
  }

  private static func matches(_ test: XPathTree.Test, _ node: XMLNode) -> Bool {
    switch test {
    case .node: true
    case .text: node.name == nil
    case .any, .name, .namespace: node.name.map { matches(test, $0) } ?? false
    }
  }

  private static func matches(_ test: XPathTree.Test, _ name: XMLDocument.Name) -> Bool {
    switch test {
    case .any, .node: true
    case .name(let local, let namespace, _): name.local == local && name.namespace == namespace
    case .namespace(let namespace): name.namespace == namespace
    case .text: false
    }
  }

  private static func element(_ item: Item) -> XMLNode {
    switch item {
    case .node(let node): node
    case .attribute(_, _, let node): node
    }
  }

  /// In the order of the text, each once; attributes behind their element.
  private static func inOrder(_ items: [Item]) -> [Item] {
    struct Identity: Hashable {
      var node: Int
      var attribute: XMLDocument.Name?
    }
    var seen: Set<Identity> = []
    var keyed: [(Int, Int, Item)] = []
    for (index, item) in items.enumerated() {
      let node = element(item).identity
      if case .attribute(let name, _, _) = item {
        if seen.insert(Identity(node: node, attribute: name)).inserted { keyed.append((node, index + 1, item)) }
      } else if seen.insert(Identity(node: node)).inserted {
        keyed.append((node, 0, item))
      }
    }
    return keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }

  // MARK: Values (XPath 1.0, sections 3.4 and 4)

  private static func truth(_ value: Value) -> Bool {
    switch value {
    case .items(let items): !items.isEmpty
    case .text(let text): !text.isEmpty
    case .number(let number): number != 0 && !number.isNaN
    case .boolean(let flag): flag
    }
  }

  private static func number(_ value: Value) -> Double {
    if case .number(let number) = value { return number }
    if case .boolean(let flag) = value { return flag ? 1 : 0 }
    let text = words(value.text)
    guard text.count == 1, text[0].utf8.allSatisfy({ $0 &- 0x30 < 10 || $0 == 0x2E || $0 == 0x2D }) else { return .nan }
    return Double(text[0]) ?? .nan
  }

  /// What stands between white space of XML: other spaces are characters like any.
  private static func words(_ text: String) -> [String] {
    text.utf8.split { [0x20, 0x09, 0x0A, 0x0D].contains($0) }.map { String(decoding: $0, as: UTF8.self) }
  }

  static func text(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number == number.rounded(), abs(number) < 1e15 { return String(Int64(number)) }
    return "\(number)"
  }

  private mutating func compare(
    _ comparison: XPathTree.Comparison, _ a: Value, _ b: Value
  ) throws(XPath.TooCostly) -> Bool {
    for case .items(let items) in [a, b] { for item in items { try read(item) } }
    switch (a, b) {
    case (.items(let left), .items(let right)):
      try look(left.count * right.count)
      let others = right.map(\.text)
      return left.contains { item in
        let text = item.text
        return others.contains { Self.holds(comparison, .text(text), .text($0)) }
      }
    case (.items, .boolean), (.boolean, .items):
      return Self.holds(comparison, .boolean(Self.truth(a)), .boolean(Self.truth(b)))
    case (.items(let items), _): return items.contains { Self.holds(comparison, .text($0.text), b) }
    case (_, .items(let items)): return items.contains { Self.holds(comparison, a, .text($0.text)) }
    default: return Self.holds(comparison, a, b)
    }
  }

  private static func holds(_ comparison: XPathTree.Comparison, _ a: Value, _ b: Value) -> Bool {
    switch comparison {
    case .equal, .unequal:
      let isEqual: Bool
      switch (a, b) {
      case (.boolean, _), (_, .boolean): isEqual = truth(a) == truth(b)
      case (.number, _), (_, .number): isEqual = number(a) == number(b)
      default: isEqual = a.text.utf8.elementsEqual(b.text.utf8)
      }
      return isEqual == (comparison == .equal)
    case .less: return number(a) < number(b)
    case .lessOrEqual: return number(a) <= number(b)
    case .greater: return number(a) > number(b)
    case .greaterOrEqual: return number(a) >= number(b)
    }
  }

  private mutating func call(
    _ function: XPathFunction, _ values: [Value], _ context: Context
  ) throws(XPath.TooCostly) -> Value {
    let first = values.first ?? .items([context.item])
    if function.readsText { for value in values.isEmpty ? [first] : values { try read(value) } }
    func words(_ index: Int) -> String { values[index].text }
    switch function {
    case .last: return .number(Double(context.size))
    case .position: return .number(Double(context.position))
    case .count:
      if case .items(let items) = first { return .number(Double(items.count)) }
      return .number(0)
    case .sum:
      if case .items(let items) = first {
        for item in items { try read(item) }
        return .number(items.reduce(0) { $0 + Self.number(.text($1.text)) })
      }
      return .number(0)
    case .string: return .text(first.text)
    case .number: return .number(Self.number(first))
    case .boolean: return .boolean(Self.truth(first))
    case .not: return .boolean(!Self.truth(first))
    case .yes: return .boolean(true)
    case .no: return .boolean(false)
    case .concat: return .text(values.map(\.text).joined())
    case .contains: return .boolean(words(0).utf8Offset(of: words(1)) != nil)
    case .startsWith: return .boolean(words(0).utf8.starts(with: words(1).utf8))
    case .substringBefore:
      let text = words(0)
      return .text(text.utf8Offset(of: words(1)).map { String(decoding: text.utf8.prefix($0), as: UTF8.self) } ?? "")
    case .substringAfter:
      let (text, other) = (words(0), words(1))
      return .text(
        text.utf8Offset(of: other).map { String(decoding: text.utf8.dropFirst($0 + other.utf8.count), as: UTF8.self) }
          ?? "")
    case .stringLength: return .number(Double(first.text.unicodeScalars.count))
    case .normalizeSpace:
      return .text(Self.words(first.text).joined(separator: " "))
    case .localName: return .text(Self.name(first)?.local ?? "")
    case .namespaceURI: return .text(Self.name(first)?.namespace ?? "")
    case .name: return .text(Self.name(first).map { $0.prefix.isEmpty ? $0.local : "\($0.prefix):\($0.local)" } ?? "")
    }
  }

  private static func name(_ value: Value) -> XMLDocument.Name? {
    guard case .items(let items) = value else { return nil }
    switch items.first {
    case .node(let node)?: return node.name
    case .attribute(let name, _, _)?: return name
    case nil: return nil
    }
  }
}

extension String {
  /// Where a text stands, byte for byte: a letter is not found as part of one with an accent, nor a line end lost in a
  /// pair of them.
  fileprivate func utf8Offset(of other: String) -> Int? {
    var (text, sought) = (self, other)
    return text.withUTF8 { text in
      sought.withUTF8 { sought in
        guard let first = sought.first else { return 0 }
        let bytes = UnsafeRawBufferPointer(text)
        var start = 0
        while let at = bytes.offset(of: first, from: start), at + sought.count <= text.count {
          if text[at..<at + sought.count].elementsEqual(sought) { return at }
          start = at + 1
        }
        return nil
      }
    }
  }
}
