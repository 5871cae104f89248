import Text

/// What is read of XML: elements, texts, and what else an expression of XPath gives.
extension Checker {
  /// `find(x, "path")`: one element, or absent.
  mutating func find(_ call: Call) -> Typed {
    guard let (element, path) = search(call, gives: "value") else { return .broken(call.span) }
    let (evaluate, span, text) = (element.evaluate, call.span, pathText(call))
    return Typed(.element, mayBeAbsent: true, at: span) { run in
      guard case .element(let node) = try evaluate(run) else { return .absent }
      let items = try run.items(of: path, at: node, span)
      if items.count > 1 { throw Self.several(items.count, text, "find_all", at: span) }
      return try items.first.map { try run.element($0, text, at: span) } ?? .absent
    }
  }

  /// `find_all(x, "path")`: elements, in the order of the document.
  mutating func findAll(_ call: Call) -> Typed {
    guard let (element, path) = search(call, gives: "values") else { return .broken(call.span) }
    let (evaluate, span, text) = (element.evaluate, call.span, pathText(call))
    return Typed(.list(.element), at: span) { run in
      guard case .element(let node) = try evaluate(run) else { return .list([]) }
      return .list(try run.items(of: path, at: node, span).map { try run.element($0, text, at: span) })
    }
  }

  /// The element and the path of a call that gives elements.
  private mutating func search(_ call: Call, gives other: String) -> (Typed, XPath)? {
    let (given, read) = (element(of: call), xpath(call[1]))
    guard let element = given, let path = read else { return nil }
    guard path.findsElements else {
      problems.report(
        .xpath, "this finds no elements, but \(path.findsNodes ? "what stands in them" : "gives a value")",
        at: call[1]?.span ?? call.span, help: ["\(path.findsNodes ? other : "value")(\(shown(element)), …)"])
      return nil
    }
    return (element, path)
  }

  /// `value(x, "path")`
  mutating func xmlValue(_ call: Call) -> Typed {
    let (one, written) = (element(of: call), xpath(call[1]))
    guard let given = one, let path = written else { return .broken(call.span) }
    let (evaluate, span, text) = (given.evaluate, call.span, pathText(call))
    func read(
      _ type: Type, mayBeAbsent: Bool, _ body: @escaping @Sendable (Run, XPath.Value) throws -> Datum
    ) -> Typed {
      Typed(type, mayBeAbsent: mayBeAbsent, at: span) { run in
        guard case .element(let node) = try evaluate(run) else { return .absent }
        return try body(run, try run.found(path, at: node, span))
      }
    }
    switch path.kind {
    case .nodes:
      return read(.text, mayBeAbsent: true) { run, value in
        guard case .items(let items) = value, let first = items.first else { return .absent }
        if items.count > 1 { throw Self.several(items.count, text, "values", at: span) }
        return try run.text(first, at: span)
      }
    case .text:
      return read(.text, mayBeAbsent: true) { run, value in
        let text = value.text
        try run.step(bytes: text.utf8.count, at: span)
        return text.isEmpty ? .absent : .text(text)
      }
    case .boolean:
      return read(.boolean, mayBeAbsent: given.mayBeAbsent) { _, value in
        if case .boolean(let flag) = value { return .boolean(flag) }
        return .absent
      }
    case .number:
      return read(.number, mayBeAbsent: given.mayBeAbsent || !path.isSurelyNumber) { _, value in
        guard case .number(let number) = value else { return .absent }
        return Decimal(xpath: number).map { .number($0) } ?? .absent
      }
    }
  }

  /// `values(x, "path")`: texts, without those that are empty.
  mutating func xmlValues(_ call: Call) -> Typed {
    let (given, read) = (element(of: call), xpath(call[1]))
    guard let element = given, let path = read else { return .broken(call.span) }
    guard path.findsNodes else {
      problems.report(
        .xpath, "this gives one value, and no list", at: call[1]?.span ?? call.span,
        help: ["value(\(shown(element)), …)"])
      return .broken(call.span)
    }
    let (evaluate, span) = (element.evaluate, call.span)
    return Typed(.list(.text), at: span) { run in
      guard case .element(let node) = try evaluate(run) else { return .list([]) }
      return .list(try run.items(of: path, at: node, span).map { try run.text($0, at: span) }.filter { !$0.isAbsent })
    }
  }

  /// The path as it is said of a message.
  func pathText(_ call: Call) -> String {
    guard let argument = call[1] else { return "" }
    let text = source.text(argument.span)
    return text.hasPrefix("\"") ? String(text.dropFirst().dropLast()) : text
  }

  private static func several(_ count: Int, _ path: String, _ other: String, at span: Span) -> Interrupt {
    .failure(
      Failure(
        .stopping, .xml, "`\(path)` finds \(count) here; a single one is needed", at: span, path: path,
        help: ["\(other)(…), and for all of them 'for', for one of them [1]", "a predicate: …[@code = '…']"]))
  }
}

// MARK: - While it runs

extension Run {
  /// What an expression gives; the nodes that it looks at are steps.
  func found(_ path: XPath, at node: XMLNode, _ span: Span) throws -> XPath.Value {
    try step(at: span)
    do throws(XPath.TooCostly) {
      let (value, nodeCount) = try path.counted(at: node, nodeCountMax: stepsLeft)
      stepsLeft -= nodeCount
      return value
    } catch {
      stepsLeft = -1
      throw overBudget(span)
    }
  }

  func items(of path: XPath, at node: XMLNode, _ span: Span) throws -> [XPath.Item] {
    guard case .items(let items) = try found(path, at: node, span) else { return [] }
    try step(bytes: items.count << 6, at: span)
    return items
  }

  func element(_ item: XPath.Item, _ path: String, at span: Span) throws -> Datum {
    guard case .node(let node) = item, node.name != nil else {
      throw Interrupt.failure(
        Failure(
          .stopping, .xml, "what `\(path)` finds is no element", at: span, path: path,
          help: ["value(…)", "values(…)"]))
    }
    return .element(node)
  }

  /// The text of what was found, without the white space around it.
  func text(_ item: XPath.Item, at span: Span) throws -> Datum {
    try step(bytes: item.textCost << 6, at: span)
    let text = item.text.withoutSpaceAround
    return text.isEmpty ? .absent : .text(text)
  }
}

extension String {
  /// Without the white space of XML at both ends: no other space is one.
  fileprivate var withoutSpaceAround: String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
    guard utf8.first.map(isSpace) == true || utf8.last.map(isSpace) == true else { return self }
    let start = utf8.firstIndex { !isSpace($0) } ?? endIndex
    let end = utf8.lastIndex { !isSpace($0) }.map { utf8.index(after: $0) } ?? endIndex
    return String(decoding: utf8[start..<end], as: UTF8.self)
  }
}

extension Decimal {
  /// A number of XPath, as exact as its arithmetic is; `nil` of what is no number, or too large.
  fileprivate init?(xpath number: Double) {
    guard number.isFinite, abs(number) < 1e15 else { return nil }
    if number == number.rounded() {
      self.init(Int(number))
      return
    }
    // Behind 15 digits stands what binary fractions add: 10.1 + 0.2 is 10.3.
    var scale = 1.0
    while abs(number) * scale < 1e14, scale < 1e14 { scale *= 10 }
    self.init(json: "\((number * scale).rounded() / scale)")
  }
}
