import HL7
import Text

/// Paths into JSON, of which nothing is known before a message comes.
extension Checker {
  /// `msg.patient.name`
  mutating func jsonMember(_ name: String, of value: Typed, _ span: Span) -> Typed {
    let evaluate = value.evaluate
    let path = value.path.map { "\($0).\(name)" } ?? name
    return Typed(.json, mayBeAbsent: !isFact(span), at: span, path: path) { run in
      let datum = try evaluate(run)
      // Keys are compared one by one.
      if case .json(let node) = datum { try run.step(bytes: node.count, at: span) }
      guard case .json(let member) = datum.member(name) else { return datum.member(name) }
      return Datum(json: member)
    }
  }

  /// `msg.items[*]`: of what is absent or null nothing, of anything else but a list an error.
  mutating func jsonList(_ value: Typed, _ span: Span) -> Typed {
    let evaluate = value.evaluate
    let path = value.path ?? "this"
    return Typed(.list(.json), at: span, path: value.path) { run in
      let datum = try evaluate(run)
      guard datum.isValued else { return .list([]) }
      guard case .json(let node) = datum, node.kind == .list else {
        throw Interrupt.failure(
          Failure(
            .stopping, .json, "\(path) is no list here", at: span, path: path,
            help: ["require \(path) is list else reject …"]))
      }
      try run.step(bytes: node.count << 4, at: span)
      return .list(node.elements.map { Datum(json: $0) })
    }
  }

  // MARK: What it is

  /// The text of a value of JSON, or how its number is written, for a function that can fail.
  func jsonText(_ value: Typed, _ function: String) -> Typed {
    var text = value
    let (evaluate, span, path) = (value.evaluate, value.span, value.path)
    text.type = .text
    text.mayBeAbsent = true
    text.evaluate = { run in
      let datum = try evaluate(run)
      guard case .json(let node) = datum else { return datum }
      try run.step(bytes: node.range.count, at: span)
      switch node.kind {
      case .text: return node.text.flatMap { $0.isEmpty ? nil : .text($0) } ?? .absent
      case .number: return node.number.map { .text($0) } ?? .absent
      default:
        throw Interrupt.failure(
          Failure(.convert, "\(function)() was given a value of JSON that is no text", at: span, path: path))
      }
    }
    return text
  }

  /// `boolean(x)`: true and false of JSON, and the texts of that.
  mutating func boolean(_ call: Call) -> Typed {
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    let given = value.type == .json ? value : text(value)
    if given.type == .broken { return given }
    let (evaluate, span, path) = (given.evaluate, call.span, given.path)
    return Typed(.boolean, mayBeAbsent: given.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      switch datum {
      case .json(let node) where node.kind == .boolean: return .boolean(node.boolean == true)
      case .text("true"): return .boolean(true)
      case .text("false"): return .boolean(false)
      case .absent, .null: return datum
      default:
        if case .json(let node) = datum, let text = node.text, ["true", "false"].contains(text) {
          return .boolean(text == "true")
        }
        throw Interrupt.failure(
          Failure(.convert, "boolean() was given what is neither true nor false", at: span, path: path))
      }
    }
  }

  // MARK: Lists

  mutating func select(_ value: Typed, _ selector: Selector, _ step: Span, _ span: Span) -> Cursor {
    if case .json = value.type { return select(jsonList(value, span), Type.json, selector, step, span) }
    return selectMade(value, selector, step, span)
  }
}
