/// One token of a program.
struct Token: Sendable {
  enum Kind: Sendable, Equatable {
    /// A word: a keyword only where the parser looks for one.
    case word
    /// Digits alone. `1.50` and `2.5.1` are put together by the parser, because `.1` is also a step of a path.
    case digits
    /// Digits and a unit, tight: `15m`, `2h`, `30d`.
    case duration
    /// A text's opening quote; then come `piece`, `open`…`close` for what stands in braces, and `textEnd`.
    case textStart
    /// A stretch of literal text, its escapes resolved.
    case piece(String)
    case open, close
    case textEnd
    /// `/…/`, without the slashes.
    case pattern(String)
    /// An operator or bracket.
    case sign(Sign)
    /// What was reported, and stands for a value that nobody knows.
    case mistaken
    case end
  }

  /// Operators and brackets.
  enum Sign: String, Sendable, CaseIterable {
    case arrow = "=>", equal = "==", unequal = "!=", atMost = "<=", atLeast = ">=", otherwise = "??"
    case range = "..", append = "+=", gives = "->"
    case less = "<", greater = ">", assign = "=", plus = "+", minus = "-", star = "*", slash = "/"
    case dot = ".", comma = ",", colon = ":", bar = "|"
    case leftParen = "(", rightParen = ")", leftBracket = "[", rightBracket = "]", leftBrace = "{", rightBrace = "}"
  }

  var kind: Kind
  var span: Span
  /// A line begins between the token before and this one.
  var newlineBefore: Bool
  /// White space, a comment or the beginning of the text stands before it.
  var spaceBefore: Bool
  /// What is read in the place of what is written, once that was reported.
  var meant: String?

  /// The same token in a text that stands behind others.
  func shifted(by offset: Int) -> Token {
    var token = self
    token.span = Span(Int(span.start) + offset, Int(span.end) + offset)
    return token
  }
}
