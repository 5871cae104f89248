import HL7
import Messages

/// What ends an evaluation before its end.
enum Interrupt: Error {
  /// An error of the language: what went wrong, where. A `catch` may take it.
  case failure(Failure)
  /// The program says how the message ends.
  case ended(Ending)
  /// The program leaves a turn of a loop.
  case skipped
}

/// An error at run time. Its text never holds a value of the message.
struct Failure: Error {
  /// The kinds of section 3 of the language; those of `stopping` no `catch` takes.
  enum Kind: Sendable { case parse, range, lookup, convert, stopping }

  var kind: Kind
  var code: Code
  var message: String
  var span: Span
  /// The place in the message, such as `PID-3`.
  var path: String?
  var help: [String]

  init(_ kind: Kind, _ message: String, at span: Span, path: String? = nil) {
    self.init(kind, .failed, message, at: span, path: path)
  }

  init(
    _ kind: Kind, _ code: Code, _ message: String, at span: Span, path: String? = nil, help: [String] = []
  ) {
    self.kind = kind
    self.code = code
    self.message = message
    self.span = span
    self.path = path
    self.help = help
  }
}

/// How a message ends, by a decision.
enum Ending: Sendable {
  case dropped(String)
  case held(String)
  case rejected(code: String, number: Int?, reason: String, path: String?)
  case failed(String, Span)
  case done
  case retry(String)
  case dead(String)
  case answered(HiltEmitted)
}

/// What a function of the language throws: the caller adds the place.
struct FunctionError: Error {
  var kind: Failure.Kind
  var message: String

  func interrupt(at span: Span) -> Interrupt {
    .failure(Failure(kind, kind == .stopping ? .limit : .failed, message, at: span))
  }
}
