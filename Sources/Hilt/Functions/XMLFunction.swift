extension Function {
  static let xml = Function(
    name: "xml", parameters: [("bytes", .bytes)], result: .element, canFail: true, isOfXML: true,
    summary: "The root of a document of XML that stands in bytes or a text, such as one in base64 within a message.",
    examples: [
      (#"value(xml("<a>x</a>") catch absent, ".") ?? "none""#, #"x"#),
      (#"value(xml("<a>") catch absent, ".") ?? "none""#, #"none"#),
    ],
    body: .checked { $0.parsedXML($1) })

  static let xmlOf = Function(
    name: "xml_of", parameters: [("element", .any)], result: .bytes, isOfXML: true,
    summary: "An element of XML as a document, in UTF-8.",
    examples: [
      (
        #"text(xml_of(element("a", "x"))) catch "no""#,
        #"<?xml version="1.0" encoding="UTF-8"?><a>x</a>"#
      )
    ],
    body: .checked { $0.writtenXML($1) })
}
