/// A call whose values have found their parameters.
struct Call {
  let function: Function
  /// One for each parameter; `nil` for what was left out. What is beyond belongs to the last parameter.
  let arguments: [Expression?]
  let span: Span

  subscript(_ number: Int) -> Expression? { number < arguments.count ? arguments[number] : nil }
}

extension Checker {
  /// Gives each value of a call its parameter: those without a name in their order, the others by name.
  mutating func matched(_ function: Function, _ values: [Expression], _ span: Span) -> Call? {
    let names = function.parameters.map(\.name)
    let most = function.isVariadic ? Function.variadicCountMax : names.count
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
    let least = names.count - function.optional
    let count = arguments.count
    guard count <= most, count >= least || !named.isEmpty else {
      problems.report(
        .arguments, "\(function.signature) takes \(function.counts), not \(count)", at: span,
        help: [function.examples.first?.expression ?? function.signature])
      return nil
    }
    while arguments.count < names.count { arguments.append(nil) }
    for (word, value) in named {
      guard let index = names.firstIndex(of: word.text) else {
        problems.report(
          .arguments, "\(function.signature) has no '\(word.text)'", at: word.span,
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
    if let missing = arguments.indices.first(where: { arguments[$0] == nil && ($0 < least || $0 < last) }) {
      problems.report(.arguments, "\(function.signature) needs its '\(names[missing])'", at: span)
      return nil
    }
    return Call(function: function, arguments: arguments, span: span)
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
