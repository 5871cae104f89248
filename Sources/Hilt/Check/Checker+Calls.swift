import HL7

extension Checker {
  /// `upper(PID-5[1].1)`
  mutating func call(_ name: Word, _ arguments: [Expression], _ span: Span) -> Typed {
    let known = Function.named(name.text)
    if known?.isOfXML ?? true, let own = self.function(name) { return call(own, arguments, span) }
    guard let function = known else { return unknownFunction(name, arguments) }
    guard let call = matched(function, arguments, span) else { return .broken(span) }
    guard case .checked(let check) = function.body else { return plain(call, function.body) }
    let value = check(&self, call)
    if value.type == .broken { return .broken(span) }
    if function.canFail { unhandled.append(Unhandled(what: "\(name.text)()", span: span)) }
    return value
  }

  /// A call whose values are what its parameters say, with what it does.
  ///
  /// - Parameter fails: it can fail; otherwise what the function says of itself.
  mutating func plain(_ call: Call, _ body: Function.Body, result: Function.Result? = nil, fails: Bool? = nil) -> Typed
  {
    let (function, span) = (call.function, call.span)
    var types: [Type] = []
    var values: [Typed] = []
    for (index, argument) in call.arguments.enumerated() {
      guard let argument else { break }
      let parameter = function.parameters[min(index, function.parameters.count - 1)]
      if parameter.type == .precision {
        values.append(precision(argument))
        continue
      }
      var value = typed(argument)
      if value.type == .json, parameter.type == .text, fails ?? function.canFail {
        value = jsonText(value, function.name)
      }
      types.append(value.type)
      values.append(self.argument(value, parameter.type))
    }
    if values.contains(where: { $0.type == .broken }) { return .broken(span) }
    if fails ?? function.canFail { unhandled.append(Unhandled(what: "\(function.name)()", span: span)) }
    return compiled(function, body, result ?? function.result, values, types.first, span)
  }

  private mutating func unknownFunction(_ name: Word, _ arguments: [Expression]) -> Typed {
    for argument in arguments { _ = typed(argument) }
    if Parser.keyedWords.contains(name.text) {
      return broken(
        .syntax, "'\(name.text)' names each element of its list", at: name.span, help: ["\(name.text) x in list => key"]
      )
    }
    if mayBeUnread(name.text) { return .broken(name.span) }
    if Self.ofGuide.contains(name.text) {
      return broken(
        .unknownFunction, "'\(name.text)' is a function of the library lib/v2fhir.hilt", at: name.span,
        help: ["import \"lib/v2fhir.hilt\""])
    }
    let near = problems.isOpen ? nearest(name.text, among: functionNames) : nil
    return broken(
      .unknownFunction, "there is no function '\(name.text)'", at: name.span,
      help: near.map { ["did you mean '\($0)'?"] } ?? [],
      meant: near.flatMap { _ in surelyMeant(name.text, among: Function.all.map(\.name)) })
  }

  /// Whether a name that is not known may be one that could not be read: of the file at hand, or of a library that it
  /// imports. Why it could not be read was said.
  func mayBeUnread(_ name: String) -> Bool {
    modules[module].tree.unread.contains(name)
      || zip(modules[module].tree.imports, modules[module].imports).contains { clause, library in
        clause.alias == nil && (library.map { modules[$0].tree.unread.contains(name) } ?? true)
      }
  }

  /// Functions that people look for, of the library of the HL7 v2-to-FHIR guide.
  private static let ofGuide: Set = [
    "identifier", "human_name", "address", "contact", "concept", "quantity", "structured_numeric", "attachment",
    "absent_reason", "local_identifier",
  ]

  private mutating func precision(_ argument: Expression) -> Typed {
    if case .name(let word) = argument.kind, Stamp.Precision(word: word) != nil {
      return .constant(.text(word), .text, at: argument.span)
    }
    let words = Stamp.Precision.allCases.map(\.word)
    return broken(.arguments, "a precision is wanted here", at: argument.span, help: [words.joined(separator: ", ")])
  }

  /// An argument in the form that its parameter takes.
  mutating func argument(_ value: Typed, _ parameter: Function.Parameter) -> Typed {
    if value.type == .broken || value.type == .never || value.type == .nothing && parameter != .list { return value }
    switch parameter {
    case .text: return text(value)
    case .bytes:
      if value.type == .bytes { return value }
      return text(value, wanted: "a text or a stretch of bytes")
    case .literal:
      let text = text(value)
      if case .text? = text.constant { return text }
      if text.type == .broken { return text }
      return broken(.constant, "a text is written here, not computed", at: value.span)
    case .any: return interpolated(value)
    case .number, .count:
      if value.type == .number {
        guard parameter == .count, value.constant == nil else { return value }
        return broken(.constant, "a number is written here, not computed", at: value.span)
      }
      mismatch(value, wanted: "a number", help: value.type.isTextual ? ["number(…) catch …"] : [])
    case .stamp:
      if value.type == .stamp { return value }
      mismatch(value, wanted: "a date", help: value.type.isTextual ? ["date(…) catch …", "datetime(…) catch …"] : [])
    case .stampOrTime:
      if value.type == .stamp || value.type == .time { return value }
      mismatch(
        value, wanted: "a date or a time of day",
        help: value.type.isTextual ? ["date(…) catch …", "datetime(…) catch …"] : [])
    case .list:
      if case .list = value.type { return value }
      mismatch(value, wanted: "a list", help: value.path.map { ["\($0)[*]"] } ?? [])
    case .texts:
      if case .list(let element) = value.type { return texts(value, element) }
      mismatch(value, wanted: "a list", help: value.path.map { ["\($0)[*]"] } ?? [])
    case .place:
      if value.type.isTextual { return raw(value) }
      mismatch(value, wanted: "a place of a message", help: ["PID-5[1]"])
    case .precision, .pattern: return value
    }
    return .broken(value.span)
  }

  private func raw(_ value: Typed) -> Typed {
    var raw = value
    let (evaluate, span) = (value.evaluate, value.span)
    raw.evaluate = { run in
      let datum = try evaluate(run)
      guard case .piece(let piece) = datum else { return datum }
      try run.step(bytes: piece.byteCount, at: span)
      // Bytes that are no UTF-8 can't be shown as they stand; what is raw is ASCII's business.
      return .text(String(decoding: piece.bytes, as: UTF8.self))
    }
    return raw
  }

  /// The elements of a list as texts.
  mutating func texts(_ value: Typed, _ element: Type) -> Typed {
    let firstLeaf: Bool
    switch element {
    case .text, .nothing: return value
    case .content(let kind):
      if kind.isComposite, !checkText(value, kind) { return .broken(value.span) }
      firstLeaf = kind.givesFirstLeaf
    case .attribute, .number, .stamp, .time, .personName: firstLeaf = false
    default:
      mismatch(value, wanted: "a list of texts")
      return .broken(value.span)
    }
    var texts = value
    let (evaluate, span, path) = (value.evaluate, value.span, value.path)
    texts.evaluate = { run in
      guard case .list(let values) = try evaluate(run) else { return .list([]) }
      return .list(
        try values.map { value in
          switch try TextReading.text(value, firstLeaf: firstLeaf, run: run, at: span, path: path) {
          case .absent: .absent
          case .null: .null
          case .text(let text): .text(text)
          }
        })
    }
    return texts
  }

  private func compiled(
    _ function: Function, _ body: Function.Body, _ result: Function.Result, _ arguments: [Typed], _ first: Type?,
    _ span: Span
  ) -> Typed {
    let type: Type
    switch result {
    case .text: type = .text
    case .number: type = .number
    case .boolean: type = .boolean
    case .stamp: type = .stamp
    case .time: type = .time
    case .bytes: type = .bytes
    case .texts: type = .list(.text)
    case .list: type = first ?? .nothing
    case .element: type = if case .list(let element)? = first { element } else { .nothing }
    }
    let passes = arguments.contains { $0.mayBeAbsent } && function.absence == .passes
    let mayBeAbsent = passes || result == .element || result == .text || function.givesAbsent
    let isPassing = function.absence == .passes
    let answersNo = function.absence == .answersNo
    let evaluates = arguments.map { Evaluable($0.evaluate) }
    let call = Self.body(body, evaluates, answersNo, isPassing, span)
    let givesText = result == .text
    return Typed(type, mayBeAbsent: mayBeAbsent, at: span) { run in
      let result: Datum
      do {
        result = try call(run)
      } catch let error as FunctionError {
        throw error.interrupt(at: span)
      }
      switch result {
      case .text(let text):
        try run.step(bytes: text.utf8.count, at: span)
        return givesText && text.isEmpty ? .absent : result
      case .list(let values):
        try run.step(bytes: values.count << 6, at: span)
        return result
      case .bytes(let bytes):
        try run.step(bytes: bytes.count, at: span)
        return result
      default:
        try run.step(at: span)
        return result
      }
    }
  }

  private static func body(
    _ body: Function.Body, _ arguments: [Evaluable], _ answersNo: Bool, _ isPassing: Bool, _ span: Span
  ) -> Evaluate {
    @Sendable func missing(_ value: Datum) -> Datum? {
      if answersNo { return value.isValued ? nil : .boolean(false) }
      return isPassing && !value.isValued ? value : nil
    }
    @Sendable func argument(_ evaluate: Evaluate, _ run: Run) throws -> Datum {
      let value = try evaluate(run)
      switch value {
      case .text(let text): try run.step(bytes: text.utf8.count, at: span)
      case .bytes(let bytes): try run.step(bytes: bytes.count, at: span)
      default: break
      }
      return value
    }
    switch body {
    case .one(let call):
      let first = arguments[0].evaluate
      return { run in
        let value = try argument(first, run)
        return try missing(value) ?? call(value)
      }
    case .two(let call):
      let (first, second) = (arguments[0].evaluate, arguments[1].evaluate)
      return { run in
        let value = try argument(first, run)
        let other = try argument(second, run)
        return try missing(value) ?? missing(other) ?? call(value, other)
      }
    case .many(let call):
      return { run in
        let values = try arguments.map { try argument($0.evaluate, run) }
        for value in values { if let missing = missing(value) { return missing } }
        return try call(values)
      }
    case .checked: return { _ in .absent }
    }
  }
}
