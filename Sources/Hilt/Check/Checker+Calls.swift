import HL7

extension Checker {
  /// `upper(PID-5[1].1)`
  mutating func call(_ name: Word, _ arguments: [Expression], _ span: Span) -> Typed {
    guard let function = Function.named(name.text) else {
      if let own = self.function(name) { return call(own, arguments, span) }
      return unknownFunction(name, arguments)
    }
    let least = function.parameters.count - function.optional
    guard (least...function.parameters.count).contains(arguments.count) else {
      return broken(
        .arguments,
        "\(function.signature) takes \(least == arguments.count ? "" : "\(least) ")values, not \(arguments.count)",
        at: span, help: [function.examples.first?.expression ?? function.signature])
    }
    var types: [Type] = []
    var values: [Typed] = []
    for (argument, parameter) in zip(arguments, function.parameters) {
      if parameter.type == .precision {
        values.append(precision(argument))
        continue
      }
      let value = typed(argument)
      types.append(value.type)
      values.append(self.argument(value, parameter.type))
    }
    if values.contains(where: { $0.type == .broken }) { return .broken(span) }
    if function.canFail { unhandled.append(Unhandled(what: "\(name.text)()", span: span)) }
    return compiled(function, values, types.first, span)
  }

  private mutating func unknownFunction(_ name: Word, _ arguments: [Expression]) -> Typed {
    for argument in arguments { _ = typed(argument) }
    let later = [
      "extract", "instant", "time", "in_zone", "age_at", "or_absent", "rest", "sort_by", "group_by", "flatten", "zip",
      "base64", "hex", "sha256", "hmac", "url_encode", "stable_id", "structure", "trigger", "identifier", "human_name",
      "address", "contact", "concept", "quantity", "resolve", "reference_to", "coding_of", "code_of", "attachment",
      "deidentify", "pseudonym", "sequence",
    ]
    if later.contains(name.text) {
      return broken(.unsupported, "the function '\(name.text)' is not supported yet", at: name.span)
    }
    let near = problems.isOpen ? nearest(name.text, among: functionNames) : nil
    return broken(
      .unknownFunction, "there is no function '\(name.text)'", at: name.span,
      help: near.map { ["did you mean '\($0)'?"] } ?? [],
      meant: near.flatMap { _ in surelyMeant(name.text, among: Function.all.map(\.name)) })
  }

  private mutating func precision(_ argument: Expression) -> Typed {
    if case .name(let word) = argument.kind, Stamp.Precision(word: word) != nil {
      return .constant(.text(word), .text, at: argument.span)
    }
    let words = Stamp.Precision.allCases.map(\.word)
    return broken(.arguments, "a precision is wanted here", at: argument.span, help: [words.joined(separator: ", ")])
  }

  /// An argument in the form that its parameter takes.
  private mutating func argument(_ value: Typed, _ parameter: Function.Parameter) -> Typed {
    if value.type == .broken || value.type == .never || value.type == .nothing && parameter != .list { return value }
    switch parameter {
    case .text: return text(value)
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
    case .list:
      if case .list = value.type { return value }
      mismatch(value, wanted: "a list", help: value.path.map { ["\($0)[*]"] } ?? [])
    case .texts:
      if case .list(let element) = value.type { return texts(value, element) }
      mismatch(value, wanted: "a list", help: value.path.map { ["\($0)[*]"] } ?? [])
    case .place:
      if value.type.isTextual { return raw(value) }
      mismatch(value, wanted: "a place of a message", help: ["PID-5[1]"])
    case .precision: return value
    }
    return .broken(value.span)
  }

  private func raw(_ value: Typed) -> Typed {
    var raw = value
    let (evaluate, span) = (value.evaluate, value.span)
    raw.evaluate = { run in
      let datum = try evaluate(run)
      guard case .piece(let piece) = datum else { return datum }
      try run.step(bytes: piece.bytes.count, at: span)
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
    case .attribute, .number, .stamp: firstLeaf = false
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

  private func compiled(_ function: Function, _ arguments: [Typed], _ first: Type?, _ span: Span) -> Typed {
    let type: Type
    switch function.result {
    case .text: type = .text
    case .number: type = .number
    case .boolean: type = .boolean
    case .stamp: type = .stamp
    case .texts: type = .list(.text)
    case .list: type = first ?? .nothing
    case .element: type = if case .list(let element)? = first { element } else { .nothing }
    }
    let passes = arguments.contains { $0.mayBeAbsent } && function.absence == .passes
    let mayBeAbsent = passes || function.result == .element || function.result == .text
    let isPassing = function.absence == .passes
    let answersNo = function.absence == .answersNo
    let evaluates = arguments.map(\.evaluate)
    let call = Self.body(function.body, evaluates, answersNo, isPassing, span)
    let givesText = function.result == .text
    return Typed(type, mayBeAbsent: mayBeAbsent, at: span) { run in
      let result: Datum
      do {
        result = try call(run)
      } catch let error as FunctionError {
        let code: Code = error.kind == .stopping ? .limit : .failed
        throw Interrupt.failure(Failure(error.kind, code, error.message, at: span))
      }
      switch result {
      case .text(let text):
        try run.step(bytes: text.utf8.count, at: span)
        return givesText && text.isEmpty ? .absent : result
      case .list(let values):
        try run.step(bytes: values.count << 6, at: span)
        return result
      default:
        try run.step(at: span)
        return result
      }
    }
  }

  private static func body(
    _ body: Function.Body, _ arguments: [Evaluate], _ answersNo: Bool, _ isPassing: Bool, _ span: Span
  ) -> Evaluate {
    @Sendable func missing(_ value: Datum) -> Datum? {
      if answersNo { return value.isValued ? nil : .boolean(false) }
      return isPassing && !value.isValued ? value : nil
    }
    @Sendable func argument(_ evaluate: Evaluate, _ run: Run) throws -> Datum {
      let value = try evaluate(run)
      if case .text(let text) = value { try run.step(bytes: text.utf8.count, at: span) }
      return value
    }
    switch body {
    case .one(let call):
      let first = arguments[0]
      return { run in
        let value = try argument(first, run)
        return try missing(value) ?? call(value)
      }
    case .two(let call):
      let (first, second) = (arguments[0], arguments[1])
      return { run in
        let value = try argument(first, run)
        let other = try argument(second, run)
        return try missing(value) ?? missing(other) ?? call(value, other)
      }
    case .many(let call):
      return { run in
        let values = try arguments.map { try argument($0, run) }
        for value in values { if let missing = missing(value) { return missing } }
        return try call(values)
      }
    }
  }
}
