extension Function {
  static let element = Function(
    name: "element", parameters: [("name", .literal), ("attributes", .any), ("content", .any)], optional: 2,
    result: .element, givesAbsent: true, isOfXML: true,
    summary:
      "An element of XML. Its attributes are a record with names, whose keys are in quotes where they have a prefix "
      + "(`\"xsi:type\"`), and can be left out; its content is elements and texts, one or a list. What is absent or "
      + "null in them is left out. An element that was given something, all of which is absent, is absent itself; one "
      + "that is given nothing is empty. Prefixes are declared in the head: `out xml hl7 = \"urn:hl7-org:v3\"`.",
    examples: [
      (#"value(element("code", { code: "718-7" }), "@code")"#, #"718-7"#),
      (#"value(element("a", [element("b", "x"), "y"]), ".")"#, #"xy"#),
      (#"value(element("a", [element("b", { c: absent })]), "count(*)")"#, #"absent"#),
    ],
    body: .checked { $0.makeElement($1) })
}
