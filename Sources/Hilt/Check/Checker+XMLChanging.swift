import Text

/// Copies of elements in which something is otherwise. What is not touched stays as it is.
extension Checker {
  /// `with_value(x, "path", text)`
  mutating func withValue(_ call: Call) -> Typed {
    let (given, read) = (element(of: call), xpath(call[1]))
    let value = call[2].map { interpolated(typed($0)) } ?? .broken(call.span)
    guard let element = given, let path = changed(read, call), value.type != .broken else { return .broken(call.span) }
    let (text, pathText, span) = (value.evaluate, pathText(call), call.span)
    let attribute = path.attribute
    return copy(element, span) { run, node, changes in
      var new: String?
      if case .text(let text) = try text(run) { new = text }
      try run.step(bytes: new?.utf8.count ?? 0, at: span)
      // An attribute is written to each element that the path before it finds, whether it is there or not.
      let items = try run.items(of: attribute?.path ?? path, at: node, span)
      if items.isEmpty, new != nil {
        throw Self.nothing(at: pathText, span, help: "with_child(…) puts an element there")
      }
      for item in items {
        switch item {
        case .node(let found):
          try found.check(in: node, pathText, at: span)
          if let name = attribute?.name {
            _ = try run.element(item, pathText, at: span)
            changes.attributes[found.identity, default: []].append((name, new))
          } else {
            changes.contents[found.identity] = new ?? ""
          }
        case .attribute(let name, _, let found):
          try found.check(in: node, pathText, at: span)
          changes.attributes[found.identity, default: []].append((name, new))
        }
      }
    }
  }

  /// `without(x, "path")`
  mutating func without(_ call: Call) -> Typed {
    let (given, read) = (element(of: call), xpath(call[1]))
    guard let element = given, let path = changed(read, call) else { return .broken(call.span) }
    let (pathText, span) = (pathText(call), call.span)
    return copy(element, span) { run, node, changes in
      for item in try run.items(of: path, at: node, span) {
        switch item {
        case .node(let found):
          try found.check(in: node, pathText, at: span)
          guard found.identity != node.identity else {
            throw Interrupt.failure(
              Failure(
                .stopping, .xml, "`\(pathText)` is the element itself, and can't be taken out of it", at: span,
                path: pathText, help: ["copy what holds it, without it", "leave it out where it would be used"]))
          }
          changes.removed.insert(found.identity)
        case .attribute(let name, _, let found):
          try found.check(in: node, pathText, at: span)
          changes.attributes[found.identity, default: []].append((name, nil))
        }
      }
    }
  }

  /// `with_child(x, "path", child)`
  mutating func withChild(_ call: Call) -> Typed {
    let (given, read) = (element(of: call), xpath(call[1]))
    let content = call[2].map { contents($0) }
    guard let element = given, let path = changed(read, call), let fill = content?.fill else {
      return .broken(call.span)
    }
    let (pathText, span) = (pathText(call), call.span)
    return copy(element, span) { run, node, changes in
      var parts: [XMLPart] = []
      try fill(run, &parts)
      let items = try run.items(of: path, at: node, span)
      if items.isEmpty { throw Self.nothing(at: pathText, span, help: "\".\" is the element itself") }
      let cost = parts.reduce(0) { $0 + $1.cost }
      for item in items {
        guard case .element(let found) = try run.element(item, pathText, at: span) else { continue }
        try found.check(in: node, pathText, at: span)
        try run.step(bytes: cost << 6, at: span)
        if !parts.isEmpty { changes.appended[found.identity] = parts }
      }
    }
  }

  /// A path that finds what can be changed.
  private mutating func changed(_ path: XPath?, _ call: Call) -> XPath? {
    guard let path, !path.findsNodes else { return path }
    problems.report(
      .xpath, "this gives a value, and names nothing that could be changed", at: call[1]?.span ?? call.span)
    return nil
  }

  /// A copy of an element with changes; where nothing changes, the element as it is.
  private func copy(
    _ element: Typed, _ span: Span, _ change: @escaping @Sendable (Run, XMLNode, inout XMLChanges) throws -> Void
  ) -> Typed {
    let evaluate = element.evaluate
    return Typed(.element, mayBeAbsent: element.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .element(let node) = datum else { return datum }
      var changes = XMLChanges()
      try change(run, node, &changes)
      if changes.isEmpty { return datum }
      try run.step(bytes: node.copyCost << 6, at: span)
      return try run.making(at: span) { () throws(XMLError) in
        var builder = XMLBuilder()
        try builder.copy(node, changes)
        return builder.document(node.document.origin == .made ? .made : .copied)
      }
    }
  }

  private static func nothing(at path: String, _ span: Span, help: String) -> Interrupt {
    .failure(
      Failure(
        .stopping, .xml, "`\(path)` finds nothing that could be changed", at: span, path: path,
        help: [help, "if find(…) is valued …"]))
  }
}

extension XMLNode {
  /// Whether it is an element that is copied, or stands in it: a path can lead out of it.
  fileprivate func check(in copied: XMLNode, _ path: String, at span: Span) throws {
    if identity == copied.identity || copied.holds(self) { return }
    throw Interrupt.failure(
      Failure(
        .stopping, .xml, "`\(path)` leads out of the element that is copied", at: span, path: path,
        help: ["copy an element that holds what is changed"]))
  }
}
