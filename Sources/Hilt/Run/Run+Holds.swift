extension Run {
  /// A person released the message: its story says what was passed over.
  func pass(hold reason: String, at span: Span) throws {
    passedHold = reason
    try note("released by a person, past: \(reason)", at: span)
  }
}
