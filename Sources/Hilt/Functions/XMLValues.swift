extension Function {
  static let values = Function(
    name: "values", parameters: [("element", .any), ("path", .literal)], result: .texts, isOfXML: true,
    summary: "The texts of all that a path in XPath finds from an element, without white space around them and without "
      + "those that are empty.",
    examples: [
      (#"join(values(element("a", [element("b", "x"), element("b"), element("b", "y")]), "b"), ", ")"#, #"x, y"#)
    ],
    body: .checked { $0.xmlValues($1) })
}
