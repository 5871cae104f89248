extension Function {
  static let find = Function(
    name: "find", parameters: [("element", .any), ("path", .literal)], result: .element, givesAbsent: true,
    isOfXML: true,
    summary: "The element of XML that a path in XPath finds from an element, or absent. Where it finds several the run "
      + "ends; `find_all` gives them all.",
    examples: [
      (#"value(find(element("a", [element("b", "x")]), "b"), ".")"#, #"x"#),
      (#"if find(element("a"), "b") is valued then "yes" else "no""#, #"no"#),
    ],
    body: .checked { $0.find($1) })
}
