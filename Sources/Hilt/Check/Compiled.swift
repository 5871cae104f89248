// Closures that stand in lists. A list of closures itself would hold them in a form for any type, and call each through
// a thunk: in a transform that makes FHIR that was a tenth of the time.

/// An expression, one of several.
struct Evaluable: Sendable {
  let evaluate: Evaluate

  init(_ evaluate: @escaping Evaluate) { self.evaluate = evaluate }
}

/// A statement, one of several.
struct Executable: Sendable {
  let execute: Execute

  init(_ execute: @escaping Execute) { self.execute = execute }
}

/// Where the value of a name is kept while a program runs.
enum Binding: Sendable {
  case slot(Int), mark(Int)
  /// The name stands for something of the program: a message, a bundle.
  case nowhere

  func set(_ datum: Datum, _ run: Run) {
    switch self {
    case .slot(let slot): run.slots[slot] = datum
    case .mark(let mark): run.marks[mark] = datum.segmentID
    case .nowhere: break
    }
  }
}
