extension Function {
  static let decode = Function(
    name: "decode", parameters: [("bytes", .bytes), ("charset", .literal)], result: .text, canFail: true,
    summary: "The text that bytes are in a character set, such as `utf-8`, `latin1` or `windows-1252`. In `latin1` any "
      + "bytes are a text, and `encode` gives them back as they were.",
    examples: [
      (#"decode(hex("4dfc6c6c6572"), "latin1") catch "no""#, #"Müller"#),
      (#"decode(hex("4dfc6c6c6572"), "utf-8") catch "no""#, #"no"#),
    ],
    body: .checked { $0.decode($1) })

  static let encode = Function(
    name: "encode", parameters: [("text", .text), ("charset", .literal)], result: .bytes, canFail: true,
    summary: "A text as bytes in a character set; fails where the set does not have one of its characters.",
    examples: [
      (#"hex_of(encode("Müller", "windows-1252") catch absent)"#, #"4dfc6c6c6572"#),
      (#"text(encode("ü", "latin1") catch absent) catch "no""#, #"no"#),
    ],
    body: .checked { $0.encode($1) })
}
