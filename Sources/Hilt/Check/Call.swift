/// A call whose values have found their parameters.
struct Call {
  let function: Function
  /// One for each parameter; `nil` for what was left out. What is beyond belongs to the last parameter.
  let arguments: [Expression?]
  let span: Span

  subscript(_ number: Int) -> Expression? { number < arguments.count ? arguments[number] : nil }
}

extension Checker {
  /// Which values a function takes.
  struct Parameters {
    var names: [String]
    /// How many must be given, and how many can be.
    var least: Int
    var most: Int
    /// What was left out may stand before what is given by name.
    var hasGaps = false
  }

  /// Gives each value of a call its parameter; reported, and `nil`, where that can't be done.
  mutating func matched(_ function: Function, _ values: [Expression], _ span: Span) -> Call? {
    let names = function.parameters.map(\.name)
    let parameters = Parameters(
      names: names, least: names.count - function.optional,
      most: function.isVariadic ? Function.variadicCountMax : names.count,
      hasGaps: function.hasGaps)
    let arguments = matched(
      values, parameters, function.signature, takes: function.counts, at: span,
      help: [function.examples.first?.expression ?? function.signature])
    return arguments.map { Call(function: function, arguments: $0, span: span) }
  }

  /// Values without a name go to the parameters in their order, the others by name. `nil` stands for what was left out.
  mutating func matched(
    _ values: [Expression], _ parameters: Parameters, _ signature: String, takes counts: String, at span: Span,
    help: [String] = []
  ) -> [Expression?]? {
    let names = parameters.names
    var arguments: [Expression?] = []
    var named: [(word: Word, value: Expression)] = []
    for value in values {
      if case .named(let word, let inner) = value.kind {
        named.append((word, inner))
      } else if let last = named.last {
        problems.report(
          .arguments, "a value without a name stands before those with one", at: value.span,
          help: ["\(last.word.text): …"])
        return nil
      } else {
        arguments.append(value)
      }
    }
    let count = arguments.count
    guard count <= parameters.most, count >= parameters.least || !named.isEmpty else {
      problems.report(.arguments, "\(signature) takes \(counts), not \(count)", at: span, help: help)
      return nil
    }
    while arguments.count < names.count { arguments.append(nil) }
    for (word, value) in named {
      guard let index = names.firstIndex(of: word.text) else {
        problems.report(
          .arguments, "\(signature) has no '\(word.text)'", at: word.span,
          help: nearest(word.text, among: names).map { ["did you mean '\($0)'?"] } ?? names)
        return nil
      }
      guard arguments[index] == nil else {
        problems.report(.arguments, "'\(word.text)' is given twice", at: word.span)
        return nil
      }
      arguments[index] = value
    }
    let last = arguments.lastIndex { $0 != nil } ?? 0
    let missing = arguments.indices.first {
      arguments[$0] == nil && ($0 < parameters.least || $0 < last && !parameters.hasGaps)
    }
    if let missing {
      problems.report(.arguments, "\(signature) needs its '\(names[missing])'", at: span)
      return nil
    }
    return arguments
  }
}

extension Function {
  /// How many values it takes, as a person would say it.
  var counts: String {
    let least = parameters.count - optional
    if isVariadic { return "\(least) values or more" }
    let most = parameters.count
    return optional == 0 ? "\(most) value\(most == 1 ? "" : "s")" : "\(least) to \(most) values"
  }
}
