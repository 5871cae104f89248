extension Function {
  static let withValue = Function(
    name: "with_value", parameters: [("element", .any), ("path", .literal), ("text", .text)], result: .element,
    isOfXML: true,
    summary: "A copy of an element of XML in which a text stands at a path: in the place of all that stands in each "
      + "element that the path finds, and where it ends in `/@name` as the value of that attribute of each element, "
      + "which is made where it is not there. Where nothing is found the run ends. Absent takes away what stands "
      + "there.",
    examples: [
      (#"value(with_value(element("a", [element("b", "x")]), "b", "y"), "b")"#, #"y"#),
      (#"value(with_value(element("a"), "@b", "y"), "@b")"#, #"y"#),
    ],
    body: .checked { $0.withValue($1) })
}
