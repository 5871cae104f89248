/// What an expression of XPath says, once its names are resolved.
indirect enum XPathTree: Sendable {
  case path(start: Start, [Step])
  case union([XPathTree])
  case text(String)
  case number(Double)
  case call(XPathFunction, [XPathTree])
  case compare(Comparison, XPathTree, XPathTree)
  case and(XPathTree, XPathTree)
  case or(XPathTree, XPathTree)

  enum Start: Sendable, Hashable {
    case root, here
  }

  enum Axis: Sendable, Hashable {
    case child, descendantOrSelf, current, parent, attribute
  }

  enum Test: Sendable, Hashable {
    case name(local: String, namespace: String, prefix: String)
    /// `p:*`
    case namespace(String)
    case any, text, node
  }

  struct Step: Sendable {
    var axis: Axis
    var test: Test
    var predicates: [XPathTree]
  }

  enum Comparison: String, Sendable {
    case equal = "=", unequal = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
  }
}

enum XPathFunction: String, Sendable, CaseIterable {
  case last, position, count, string, concat, contains, not, boolean, number, sum, name
  case startsWith = "starts-with", normalizeSpace = "normalize-space", stringLength = "string-length"
  case substringBefore = "substring-before", substringAfter = "substring-after"
  case localName = "local-name", namespaceURI = "namespace-uri"
  case yes = "true", no = "false"

  /// Whether it puts the texts of its arguments together.
  var readsText: Bool {
    switch self {
    case .last, .position, .yes, .no, .count, .sum, .not, .boolean, .localName, .namespaceURI, .name: false
    case .string, .number, .concat, .contains, .startsWith, .normalizeSpace, .stringLength, .substringBefore,
      .substringAfter:
      true
    }
  }

  var gives: XPath.Kind {
    switch self {
    case .last, .position, .count, .number, .sum, .stringLength: .number
    case .contains, .not, .boolean, .startsWith, .yes, .no: .boolean
    case .string, .concat, .name, .normalizeSpace, .substringBefore, .substringAfter, .localName, .namespaceURI: .text
    }
  }

  /// How many arguments it takes.
  var arguments: ClosedRange<Int> {
    switch self {
    case .last, .position, .yes, .no: 0...0
    case .string, .number, .normalizeSpace, .stringLength, .localName, .namespaceURI, .name: 0...1
    case .count, .not, .boolean, .sum: 1...1
    case .contains, .startsWith, .substringBefore, .substringAfter: 2...2
    case .concat: 2...64
    }
  }
}

/// Why a text is no expression of the XPath that is read here.
package struct XPathError: Error, Hashable {
  package let reason: String
  /// Characters before the place.
  package let offset: Int
  /// What is not known there, and what would be.
  package var unknown: Unknown?

  package enum Unknown: Hashable, Sendable {
    case prefix(String)
    case function(String, known: [String])
  }
}
