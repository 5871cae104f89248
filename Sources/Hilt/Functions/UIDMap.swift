extension Function {
  static let uidMap = Function(
    name: "uid_map", parameters: [("uid", .text), ("key", .literal)], result: .text,
    summary: "A UID that stands for another, the same whenever that and the key are: `2.25.` and a UUID as a number. A "
      + "UID that the standard itself has, such as that of a SOP class, stays. The key is named as in `pseudonym`.",
    examples: [
      (#"uid_map("1.2.840.99.1", key: "research-2026")"#, #"2.25.148216956605637229278201067470908010162"#),
      (#"uid_map("1.2.840.10008.1.2.1", key: "research-2026")"#, #"1.2.840.10008.1.2.1"#),
    ],
    body: .checked { $0.uidMap($1) })
}
