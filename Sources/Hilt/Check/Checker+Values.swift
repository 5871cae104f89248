import HL7

extension Checker {
  /// `text(value)`: of bytes the text that they are in UTF-8.
  mutating func textOf(_ call: Call) -> Typed {
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    if value.type == .json {
      unhandled.append(Unhandled(what: "text() of JSON", span: call.span))
      return jsonText(value, "text")
    }
    if case .content(let kind) = value.type, !kind.repeats, Set(kind.types.keys) == ["SN"] { return structured(value) }
    guard value.type == .bytes else {
      var text = interpolated(value)
      text.span = call.span
      text.constant = nil
      return text
    }
    unhandled.append(Unhandled(what: "text() of bytes", span: call.span))
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.text, mayBeAbsent: true, at: span) { run in
      let datum = try evaluate(run)
      guard case .bytes(let bytes) = datum else { return datum }
      try run.step(bytes: bytes.count, at: span)
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw FunctionError(kind: .convert, message: "text() was given bytes that are no UTF-8").interrupt(at: span)
      }
      return text.isEmpty ? .absent : .text(text)
    }
  }

  /// `text(x)` of an SN: its parts in a row, as a person writes them: `>100`, `1:128`, `100+`.
  private func structured(_ value: Typed) -> Typed {
    let (evaluate, span, path) = (value.evaluate, value.span, value.path)
    return Typed(.text, mayBeAbsent: true, at: span, path: path) { run in
      let datum = try evaluate(run)
      guard datum.isValued else { return datum }
      var text = ""
      for number in 1...4 {
        let part = try TextReading.text(datum.component(number), firstLeaf: true, run: run, at: span, path: path)
        if case .text(let part) = part { text += part }
      }
      return text.isEmpty ? .absent : .text(text)
    }
  }

  /// A component of MSH-9, as `structure(msg)` and `trigger(msg)` give it.
  mutating func typeOfMessage(_ call: Call, component: Int) -> Typed {
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    guard case .message(let message) = value.type else {
      mismatch(value, wanted: "a message", help: ["\(call.function.name)(msg)"])
      return .broken(call.span)
    }
    let span = call.span
    return Typed(.text, mayBeAbsent: true, at: span, path: "MSH-9.\(component)") { run in
      guard let segment = run.firstSegment(.msh, in: message)?.segment else { return .absent }
      let datum = Datum(run.field(9, of: segment, in: message)).component(component)
      switch try TextReading.text(datum, firstLeaf: true, run: run, at: span, path: "MSH-9.\(component)") {
      case .absent: break
      case .null: return .null
      case .text(let text): return .text(text)
      }
      guard component == 3, let structure = run.structure(of: message) else { return .absent }
      return .text(structure.name)
    }
  }

  /// `stable_id(kind, parts…)`
  mutating func stableID(_ call: Call) -> Typed {
    let values = call.arguments.compactMap { $0.map { interpolated(typed($0)) } }
    if values.contains(where: { $0.type == .broken }) { return .broken(call.span) }
    if loopDepth > 0, values.allSatisfy({ $0.constant != nil }) {
      return broken(
        .arguments, "nothing varies here, so every turn of the loop makes the same id", at: call.span,
        help: ["stable_id(kind, order.ORC-2.1)", "name it before the loop"])
    }
    let (all, span) = (values.map { Evaluable($0.evaluate) }, call.span)
    return Typed(.text, mayBeAbsent: values.dropFirst().allSatisfy(\.mayBeAbsent), at: span) { run in
      let parts = try all.map { part -> String? in
        guard case .text(let text) = try part.evaluate(run) else { return nil }
        try run.step(bytes: text.utf8.count, at: span)
        return text
      }
      return parts.dropFirst().contains { $0 != nil } ? .text(Function.stableID(parts)) : .absent
    }
  }
}
