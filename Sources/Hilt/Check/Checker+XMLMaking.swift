import Text

/// Elements that a program makes.
extension Checker {
  /// Puts what stands in an element behind the parts that are there.
  typealias Contents = @Sendable (Run, inout [XMLPart]) throws -> Void

  /// `element("hl7:code", { code: "718-7" }, [children…])`
  mutating func makeElement(_ call: Call) -> Typed {
    let span = call.span
    let written = call[0].flatMap { xmlName($0, isAttribute: false) }
    let (given, content) = parts(of: call)
    guard let name = written, let (attributes, prepare) = given, content == nil || content?.fill != nil else {
      return .broken(span)
    }
    let isGiven = !attributes.isEmpty || content.map { !$0.isEmpty } == true
    let mayBeAbsent = isGiven && attributes.allSatisfy(\.mayBeAbsent) && content?.mayBeEmpty != false
    let fill = content?.fill
    let prefixes = namespaces.prefixes.map { XMLDocument.Declaration(prefix: $0.prefix, namespace: $0.address) }
    return Typed(.element, mayBeAbsent: mayBeAbsent, at: span) { run in
      try prepare?(run)
      var values: [(name: XMLDocument.Name, value: String)] = []
      var cost = 1
      for attribute in attributes {
        guard case .text(let text) = try attribute.evaluate(run) else { continue }
        cost += 1 + text.utf8.count >> 6
        values.append((attribute.name, text))
      }
      var parts: [XMLPart] = []
      try fill?(run, &parts)
      if isGiven, values.isEmpty, parts.isEmpty { return .absent }
      for part in parts { cost += part.cost }
      try run.step(bytes: cost << 6, at: span)
      return try run.making(at: span) { () throws(XMLError) in
        var builder = XMLBuilder()
        // A value may begin with a prefix that no name has: `xsi:type="hl7:PQ"`.
        let meant = prefixes.filter { known in values.contains { $0.value.hasPrefix(known.prefix + ":") } }
        try builder.begin(name, attributes: values, declarations: meant)
        for part in parts { try builder.add(part) }
        builder.end()
        return builder.document(.made)
      }
    }
  }

  /// The attributes and the content that a call gives. The attributes may be left out.
  private mutating func parts(of call: Call) -> (attributes: Attributes?, content: Content?) {
    var (attributes, content) = (([], nil) as Attributes?, nil as Content?)
    switch call[1]?.kind {
    case .record(type: nil, let entries)?: attributes = self.attributes(entries).map { ($0, nil) }
    case .list?: content = call[1].map { contents($0) }
    case nil: break
    default:
      let value = call[1].map { typed($0) } ?? .broken(call.span)
      switch value.type {
      case .fields(let fields): attributes = self.attributes(value, fields)
      case .broken: attributes = nil
      default: content = contents(value)
      }
    }
    guard let inner = call[2] else { return (attributes, content) }
    if content != nil, let first = call[1] {
      problems.report(
        .type, "attributes are a record", at: first.span, help: ["element(…, { code: … }, …)", "element(…, […])"])
      attributes = nil
    }
    return (attributes, contents(inner))
  }

  // MARK: Names

  /// A name that is written in the program; reported, and `nil`, where XML has no such name.
  private mutating func xmlName(_ expression: Expression, isAttribute: Bool) -> XMLDocument.Name? {
    guard case .text(let text)? = argument(typed(expression), .literal).constant else { return nil }
    return xmlName(text, isAttribute: isAttribute, at: expression.span)
  }

  private mutating func xmlName(_ text: String, isAttribute: Bool, at span: Span) -> XMLDocument.Name? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard (1...2).contains(parts.count), parts.allSatisfy(XMLDocument.Name.isValid) else {
      problems.report(
        .xmlName, "XML has no such name", at: span,
        help: ["a letter or '_', then letters, digits, '-', '_' and '.'; a prefix and ':' may stand before"])
      return nil
    }
    guard parts[0] != "xmlns" else {
      problems.report(
        .xmlName, "namespaces are declared in the head, and written where they are needed", at: span,
        help: ["out xml hl7 = \"urn:hl7-org:v3\""])
      return nil
    }
    guard parts.count == 2 else {
      if !isAttribute, namespaces.ofMade == nil { warnOfNoNamespace(text, "out xml", at: span) }
      return XMLDocument.Name(text, in: isAttribute ? "" : namespaces.ofMade ?? "")
    }
    guard let address = namespaces.address(of: parts[0]) ?? (modules[0].tree.isLibrary ? "urn:\(parts[0])" : nil) else {
      let near = nearest(parts[0], among: namespaces.prefixes.map(\.prefix))
      problems.report(
        .xmlName, "the prefix '\(parts[0])' is not declared", at: span,
        help: near.map { ["did you mean '\($0)'?"] } ?? ["in the head: out xml \(parts[0]) = \"urn:…\""])
      return nil
    }
    return XMLDocument.Name(parts[1], in: address, prefix: parts[0])
  }

  private struct Attribute: Sendable {
    var name: XMLDocument.Name
    var mayBeAbsent: Bool
    var evaluate: Evaluate
  }

  /// With what is done before they are read.
  private typealias Attributes = ([Attribute], prepare: Execute?)

  /// `{ code: "718-7", "xsi:type": "PQ" }`: what is absent or null is left out.
  private mutating func attributes(_ entries: [Entry]) -> [Attribute]? {
    var attributes: [Attribute] = []
    var isBroken = false
    for entry in entries {
      let value = interpolated(typed(entry.value))
      isBroken = isBroken || value.type == .broken
      guard case .name(let text) = entry.key else {
        problems.report(.xmlName, "an attribute has a name, and no number", at: entry.keySpan, help: ["{ code: … }"])
        isBroken = true
        continue
      }
      guard let name = xmlName(text, isAttribute: true, at: entry.keySpan) else {
        isBroken = true
        continue
      }
      if attributes.contains(where: { $0.name == name }) {
        problems.report(.nameTwice, "'\(text)' is given twice", at: entry.keySpan)
        isBroken = true
      }
      attributes.append(Attribute(name: name, mayBeAbsent: value.mayBeAbsent, evaluate: value.evaluate))
    }
    return isBroken ? nil : attributes
  }

  /// Those of a record that has a name, or that a function gave.
  private mutating func attributes(_ record: Typed, _ fields: [Type.Field]) -> Attributes? {
    var attributes: [Attribute] = []
    let (slot, evaluate) = (newSlot(), record.evaluate)
    for (index, field) in fields.enumerated() {
      let one = Typed(field.type, mayBeAbsent: field.mayBeAbsent || record.mayBeAbsent, at: record.span) { run in
        guard case .row(let values) = run.slots[slot], index < values.count else { return .absent }
        return values[index]
      }
      let value = interpolated(one)
      guard value.type != .broken, let name = xmlName(field.name, isAttribute: true, at: record.span) else {
        return nil
      }
      attributes.append(Attribute(name: name, mayBeAbsent: value.mayBeAbsent, evaluate: value.evaluate))
    }
    return (attributes, { run in run.slots[slot] = try evaluate(run) })
  }

  // MARK: What stands in it

  struct Content {
    /// `nil` where it could not be compiled.
    var fill: Contents?
    /// A list of nothing: it is meant.
    var isEmpty = false
    var mayBeEmpty: Bool
  }

  /// Elements and texts, alone or in lists; what is absent or null is left out.
  mutating func contents(_ expression: Expression) -> Content {
    if case .list(let expressions) = expression.kind {
      let all = expressions.map { contents($0) }
      let fills = all.compactMap(\.fill)
      guard fills.count == all.count else { return Content(fill: nil, mayBeEmpty: true) }
      return Content(
        fill: { run, parts in for fill in fills { try fill(run, &parts) } }, isEmpty: all.isEmpty,
        mayBeEmpty: all.allSatisfy(\.mayBeEmpty))
    }
    return contents(typed(expression))
  }

  private mutating func contents(_ value: Typed) -> Content {
    guard value.type != .broken, let fill = fill(value) else { return Content(fill: nil, mayBeEmpty: true) }
    let isList = if case .list = value.type { true } else { false }
    return Content(fill: fill, mayBeEmpty: isList || value.mayBeAbsent)
  }

  private mutating func fill(_ value: Typed) -> Contents? {
    var value = value
    switch value.type {
    case .element, .list(.element), .nothing, .list(.nothing): break
    case .list(let element):
      value = texts(value, element)
      if value.type == .broken { return nil }
    default:
      value = interpolated(value)
      if value.type == .broken { return nil }
    }
    let (evaluate, span) = (value.evaluate, value.span)
    return { run, parts in
      let datum = try evaluate(run)
      try run.step(bytes: datum.argumentList.count << 6, at: span)
      for one in [datum] + datum.argumentList {
        switch one {
        case .element(let node): parts.append(.node(node))
        case .text(let text) where !text.isEmpty: parts.append(.text(text))
        case .number(let number): parts.append(.text(number.description))
        case .stamp(let stamp): parts.append(.text(stamp.hl7()))
        case .time(let time): parts.append(.text(time.hl7()))
        default: break
        }
      }
    }
  }
}

extension XMLPart {
  /// What it costs to put it into an element.
  var cost: Int {
    switch self {
    case .node(let node): node.copyCost
    case .text(let text): 1 + text.utf8.count >> 6
    }
  }
}

extension Run {
  /// The root of a document that is put together. What is too deep or too large ends the run.
  func making(at span: Span, _ body: () throws(XMLError) -> XMLDocument) throws -> Datum {
    do throws(XMLError) {
      return .element(try body().root)
    } catch {
      throw Interrupt.failure(Failure(.stopping, .limit, "this can't be made: \(error.reason)", at: span))
    }
  }
}
