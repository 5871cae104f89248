/// Reads XPath 1.0, but for axes that are written out, variables and sums.
struct XPathParser {
  private enum Token: Equatable {
    case name(String)
    case text(String)
    case number(Double)
    case sign(String)
  }

  /// Expressions in one another.
  private static let depthMax = 32

  private var tokens: [(token: Token, offset: Int)] = []
  private var at = 0
  private var depth = 0
  private let namespaces: [String: String]
  private let count: Int
  private var unprefixed: [(name: String, offset: Int)] = []

  static func parse(
    _ text: String, namespaces: [String: String]
  ) throws(XPathError) -> (tree: XPathTree, unprefixed: [(name: String, offset: Int)]) {
    var parser = try XPathParser(text, namespaces)
    let tree = try parser.expression()
    if parser.at < parser.tokens.count { throw parser.error("nothing is expected here") }
    return (tree, parser.unprefixed)
  }

  private init(_ text: String, _ namespaces: [String: String]) throws(XPathError) {
    self.namespaces = namespaces.merging(["xml": XMLDocument.ownNamespace]) { given, _ in given }
    let characters = Array(text)
    count = characters.count
    try scan(characters)
    if tokens.isEmpty { throw error("a path is needed, such as //a:section/a:title") }
  }

  // MARK: Signs

  private mutating func scan(_ text: [Character]) throws(XPathError) {
    var at = 0
    while at < text.count {
      let (character, start) = (text[at], at)
      if character == " " || character.isNewline || character == "\t" {
        at += 1
      } else if character == "'" || character == "\"" {
        guard let end = text[(at + 1)...].firstIndex(of: character) else {
          throw XPathError(reason: "a text without its closing \(character)", offset: start)
        }
        tokens.append((.text(String(text[(at + 1)..<end])), start))
        at = end + 1
      } else if character.isASCII, character.isNumber {
        while at < text.count, text[at].isASCII, text[at].isNumber || text[at] == "." { at += 1 }
        guard let number = Double(String(text[start..<at])) else {
          throw XPathError(reason: "not a number", offset: start)
        }
        tokens.append((.number(number), start))
      } else if character.isLetter || character == "_" {
        while at < text.count, text[at].isLetter || text[at].isNumber || "_-.".contains(text[at]) { at += 1 }
        tokens.append((.name(String(text[start..<at])), start))
      } else {
        let pair = String(text[at..<min(at + 2, text.count)])
        let sign = ["//", "..", "::", "!=", "<=", ">="].contains(pair) ? pair : String(character)
        guard sign.count == 2 || "/.@*()[],|=<>:".contains(character) else {
          throw XPathError(reason: "`\(character)` has no meaning here", offset: start)
        }
        tokens.append((.sign(sign), start))
        at += sign.count
      }
    }
  }

  private var token: Token? { at < tokens.count ? tokens[at].token : nil }
  private func follows(_ sign: String) -> Bool { at + 1 < tokens.count && tokens[at + 1].token == .sign(sign) }

  private mutating func take(_ sign: String) -> Bool {
    guard token == .sign(sign) else { return false }
    at += 1
    return true
  }

  private mutating func expect(_ sign: String) throws(XPathError) {
    if !take(sign) { throw error("`\(sign)` is expected here") }
  }

  private func error(_ reason: String, _ unknown: XPathError.Unknown? = nil) -> XPathError {
    XPathError(reason: reason, offset: at < tokens.count ? tokens[at].offset : count, unknown: unknown)
  }

  // MARK: Expressions

  private mutating func expression() throws(XPathError) -> XPathTree {
    depth += 1
    defer { depth -= 1 }
    if depth > Self.depthMax { throw error("more than \(Self.depthMax) expressions in one another") }
    var left = try conjunction()
    while token == .name("or") {
      at += 1
      left = .or(left, try conjunction())
    }
    return left
  }

  private mutating func conjunction() throws(XPathError) -> XPathTree {
    var left = try comparison()
    while token == .name("and") {
      at += 1
      left = .and(left, try comparison())
    }
    return left
  }

  private mutating func comparison() throws(XPathError) -> XPathTree {
    let left = try union()
    guard case .sign(let sign)? = token, let comparison = XPathTree.Comparison(rawValue: sign) else { return left }
    at += 1
    return .compare(comparison, left, try union())
  }

  private mutating func union() throws(XPathError) -> XPathTree {
    var parts = [try operand()]
    while take("|") { parts.append(try operand()) }
    if parts.count == 1 { return parts[0] }
    guard parts.allSatisfy({ if case .path = $0 { true } else { false } }) else {
      throw error("`|` stands between paths")
    }
    return .union(parts)
  }

  private mutating func operand() throws(XPathError) -> XPathTree {
    switch token {
    case .text(let text)?:
      at += 1
      return .text(text)
    case .number(let number)?:
      at += 1
      return .number(number)
    case .sign("(")?:
      at += 1
      let inner = try expression()
      try expect(")")
      return inner
    case .name(let name)? where follows("(") && name != "text" && name != "node": return try call(name)
    default: return try path()
    }
  }

  private mutating func call(_ name: String) throws(XPathError) -> XPathTree {
    guard let function = XPathFunction(rawValue: name) else {
      let known = XPathFunction.allCases.map(\.rawValue).sorted()
      throw error(
        "there is no function \(name); there are \(known.joined(separator: ", "))", .function(name, known: known))
    }
    let place = at
    at += 2
    var arguments: [XPathTree] = []
    if !take(")") {
      repeat { arguments.append(try expression()) } while take(",")
      try expect(")")
    }
    guard function.arguments.contains(arguments.count) else {
      at = place
      throw error("\(name)() takes \(function.arguments.lowerBound) to \(function.arguments.upperBound) values")
    }
    if function == .count || function == .sum {
      switch arguments[0] {
      case .path, .union: break
      default:
        at = place
        throw error("\(name)() takes a path")
      }
    }
    return .call(function, arguments)
  }

  // MARK: Paths

  private mutating func path() throws(XPathError) -> XPathTree {
    var steps: [XPathTree.Step] = []
    var start = XPathTree.Start.here
    let everywhere = XPathTree.Step(axis: .descendantOrSelf, test: .node, predicates: [])
    if take("//") {
      (start, steps) = (.root, [everywhere])
    } else if take("/") {
      start = .root
      guard isStep else { return .path(start: .root, []) }
    }
    steps.append(try step())
    while true {
      if take("//") { steps.append(everywhere) } else if !take("/") { break }
      steps.append(try step())
    }
    return .path(start: start, steps)
  }

  private var isStep: Bool {
    switch token {
    case .name?, .sign("*")?, .sign("@")?, .sign(".")?, .sign("..")?: true
    default: false
    }
  }

  private mutating func step() throws(XPathError) -> XPathTree.Step {
    if take(".") { return XPathTree.Step(axis: .current, test: .node, predicates: []) }
    if take("..") { return XPathTree.Step(axis: .parent, test: .node, predicates: []) }
    let isAttribute = take("@")
    var step = XPathTree.Step(axis: isAttribute ? .attribute : .child, test: try test(isAttribute), predicates: [])
    while take("[") {
      step.predicates.append(try expression())
      try expect("]")
    }
    return step
  }

  private mutating func test(_ isAttribute: Bool) throws(XPathError) -> XPathTree.Test {
    if take("*") { return .any }
    guard case .name(let name)? = token else { throw error("the name of an element is expected here") }
    if follows("::") { throw error("axes are written short here: name, //name, @name, . and ..") }
    if follows("("), name == "text" || name == "node" {
      at += 2
      try expect(")")
      return name == "text" ? .text : .node
    }
    guard follows(":") else {
      if !isAttribute { unprefixed.append((name, tokens[at].offset)) }
      at += 1
      return .name(local: name, namespace: isAttribute ? "" : namespaces["", default: ""], prefix: "")
    }
    guard let namespace = namespaces[name] else {
      let known = namespaces.keys.filter { !$0.isEmpty && $0 != "xml" }.sorted().joined(separator: ", ")
      throw error(
        "the prefix \(name) is not declared" + (known.isEmpty ? "" : "; there are \(known)"), .prefix(name))
    }
    let prefix = name
    at += 2
    if take("*") { return .namespace(namespace) }
    guard case .name(let local)? = token else { throw error("a name is expected behind \(name):") }
    at += 1
    return .name(local: local, namespace: namespace, prefix: namespace.isEmpty ? "" : prefix)
  }
}
