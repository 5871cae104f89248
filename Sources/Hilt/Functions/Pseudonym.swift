extension Function {
  static let pseudonym = Function(
    name: "pseudonym", parameters: [("value", .text), ("key", .literal), ("prefix", .literal)], optional: 1,
    result: .text,
    summary: "What stands for a patient's number where nobody may know it: the prefix, and 16 digits and capitals, the "
      + "same whenever the number and the key are. The key is named, and the channel says where it is (`keys:`). The "
      + "number is taken as it is written: `4711` and `04711` are two patients.",
    examples: [
      (#"pseudonym("4711", key: "research-2026", prefix: "RS")"#, #"RSDDG92MX7WETNNH0M"#),
      (#"pseudonym("4711", key: "research-2027")"#, #"459CSAVGCVBSY3Z2"#),
    ],
    body: .checked { $0.pseudonym($1) })
}
