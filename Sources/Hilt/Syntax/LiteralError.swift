/// What is wrong inside a literal that has a form of its own (a pattern, the form of a date), and where: bytes of its
/// content.
struct LiteralError: Error {
  var message: String
  var range: Range<Int>
  var help: [String]

  init(_ message: String, at range: Range<Int>, help: [String] = []) {
    self.message = message
    self.range = range
    self.help = help
  }
}
