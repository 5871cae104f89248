extension Function {
  static let deidentify = Function(
    name: "deidentify",
    parameters: [
      ("object", .any), ("profile", .any), ("key", .literal), ("options", .list), ("prefix", .literal),
    ], optional: 2, hasGaps: true, result: .element,
    summary: "An output of DICOM that is the object without identity, by the basic profile of PS3.15 and its options: "
      + "`let out = deidentify(msg, profile: basic, options: [clean_descriptors], key: \"research-2026\")`. It can be "
      + "changed as a copy can. Texts in pixels stay; a note says where some are likely. The key is named as in "
      + "`pseudonym`.",
    examples: [], body: .checked { $0.deidentify($1) })
}
