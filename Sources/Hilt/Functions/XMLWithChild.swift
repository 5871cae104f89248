extension Function {
  static let withChild = Function(
    name: "with_child", parameters: [("element", .any), ("path", .literal), ("content", .any)], result: .element,
    isOfXML: true,
    summary: "A copy of an element of XML in which elements and texts, one or a list, stand at the end of each element "
      + "that a path finds; `.` is the element itself. Where nothing is found the run ends.",
    examples: [
      (#"value(with_child(element("a", [element("b", "x")]), "b", element("c", "y")), "b/c")"#, #"y"#)
    ],
    body: .checked { $0.withChild($1) })
}
