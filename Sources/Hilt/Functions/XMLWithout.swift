extension Function {
  static let without = Function(
    name: "without", parameters: [("element", .any), ("path", .literal)], result: .element, isOfXML: true,
    summary: "A copy of an element of XML without the elements, attributes and characters that a path finds in it.",
    examples: [
      (#"value(without(element("a", [element("b", "x"), element("c", "y")]), "b"), ".")"#, #"y"#)
    ],
    body: .checked { $0.without($1) })
}
