import Text

// `decode(bytes, "latin1")` and `encode(text, "latin1")`.

extension Checker {
  mutating func decode(_ call: Call) -> Typed {
    let value = call[0].map { argument(typed($0), .bytes) } ?? .broken(call.span)
    guard let charset = charset(call), value.type != .broken else { return .broken(call.span) }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.text, mayBeAbsent: true, at: span) { run in
      let datum = try evaluate(run)
      guard datum.isValued else { return datum }
      let bytes = datum.argumentBytes
      try run.step(bytes: bytes.count, at: span)
      do {
        let text = try charset.decode(bytes[...])
        return text.isEmpty ? .absent : .text(text)
      } catch {
        throw FunctionError(kind: .convert, message: "decode() was given bytes that are no \(charset)")
          .interrupt(at: span)
      }
    }
  }

  mutating func encode(_ call: Call) -> Typed {
    let value = call[0].map { argument(typed($0), .text) } ?? .broken(call.span)
    guard let charset = charset(call), value.type != .broken else { return .broken(call.span) }
    let (evaluate, span) = (value.evaluate, call.span)
    return Typed(.bytes, mayBeAbsent: value.mayBeAbsent, at: span) { run in
      let datum = try evaluate(run)
      guard case .text(let text) = datum else { return datum }
      try run.step(bytes: text.utf8.count, at: span)
      do {
        return .bytes(try charset.encode(text))
      } catch {
        throw FunctionError(kind: .convert, message: "encode() was given a character that \(charset) doesn't have")
          .interrupt(at: span)
      }
    }
  }

  /// The second argument.
  private mutating func charset(_ call: Call) -> Charset? {
    let name = call[1].map { argument(typed($0), .literal) } ?? .broken(call.span)
    guard case .text(let text)? = name.constant else { return nil }
    if let charset = Charset(named: text) { return charset }
    problems.report(
      .arguments, "there is no character set '\(text)'", at: name.span,
      help: nearest(text, among: Charset.knownNames).map { ["did you mean '\($0)'?"] } ?? Charset.knownNames)
    return nil
  }
}
