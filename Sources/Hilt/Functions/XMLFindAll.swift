extension Function {
  static let findAll = Function(
    name: "find_all", parameters: [("element", .any), ("path", .literal)], result: .list, isOfXML: true,
    summary: "The elements of XML that a path in XPath finds from an element, in the order of the document.",
    examples: [
      (
        #"join(for e in find_all(element("a", [element("b", "x"), element("b", "y")]), "b") => value(e, "."), "+")"#,
        #"x+y"#
      )
    ],
    body: .checked { $0.findAll($1) })
}
