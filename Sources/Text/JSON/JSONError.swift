/// Why bytes are not JSON that can be trusted: what is wrong and where, never the content.
package struct JSONError: Error, Hashable, CustomStringConvertible {
  package enum Kind: Sendable, Hashable {
    case empty
    /// More than the value stands there: from here on.
    case trailing
    /// It ends in the middle.
    case unfinished
    /// Neither a value, a key, nor a sign that may stand here.
    case unexpected
    /// RFC 8259 section 6: no leading zero, no sign `+`, digits on both sides of the point.
    case number
    /// A control character stands in a string without an escape.
    case control
    /// An escape that JSON doesn't have.
    case escape
    /// Half of a surrogate pair: no character.
    case surrogate
    /// Bytes that are not UTF-8.
    case encoding
    /// RFC 8259 section 4 calls an object's names unique; of two, receivers take the one or the other.
    case duplicateKey
    case tooDeep(depthMax: Int)
    case tooLarge(byteCountMax: Int)
  }

  package let kind: Kind
  /// Bytes before the place.
  package let offset: Int
  /// Both count from 1; a column is a byte.
  package let line: Int
  package let column: Int

  package var description: String {
    "line \(line), column \(column): \(reason)"
  }

  package var reason: String {
    switch kind {
    case .empty: "there is nothing"
    case .trailing: "something stands behind the value"
    case .unfinished: "it ends in the middle of a value"
    case .unexpected: "no value, key or sign of JSON stands here"
    case .number: "not a number as JSON writes it (-1.50, 2e3)"
    case .control: "a control character in a text (it is written \\n or \\u0001)"
    case .escape: "an escape that JSON doesn't have"
    case .surrogate: "half of a surrogate pair is no character"
    case .encoding: "not UTF-8"
    case .duplicateKey: "the object has this key already"
    case .tooDeep(let depthMax): "more than \(depthMax) values in one another"
    case .tooLarge(let byteCountMax): "larger than \(byteCountMax) bytes"
    }
  }
}
