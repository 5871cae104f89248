extension Function {
  static let value = Function(
    name: "value", parameters: [("element", .any), ("path", .literal)], result: .text, givesAbsent: true,
    isOfXML: true,
    summary:
      "What an expression of XPath gives at an element. Of an attribute, an element or characters it is the text, "
      + "without white space around it, or absent; where it finds several the run ends, and `values` gives them all. "
      + "An expression that makes a text, a number or a truth (`string(x)`, `count(x)`, `x = 'y'`) gives that; what is "
      + "no number is absent.",
    examples: [
      (#"value(element("a", { b: " x " }), "@b")"#, #"x"#),
      (#"value(element("a", { b: " x " }), "string(@b)")"#, #" x "#),
      (#"value(element("a", [element("b"), element("b")]), "count(b)")"#, #"2"#),
      (#"value(element("a"), "b") ?? "none""#, #"none"#),
    ],
    body: .checked { $0.xmlValue($1) })
}
