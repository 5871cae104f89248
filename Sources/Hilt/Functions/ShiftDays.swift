extension Function {
  static let shiftDays = Function(
    name: "shift_days", parameters: [("patient", .text), ("key", .literal)], result: .number,
    summary: "How far the dates of a patient are shifted by `retain_modified_dates`, to be added to a date: a duration "
      + "of 1 to 3650 days into the past, the same whenever the patient's number and the key are. The key is named as "
      + "in `pseudonym`.",
    examples: [
      (#"date("20260310") + shift_days("4711", key: "research-2026") catch absent"#, #"20250222"#)
    ],
    body: .checked { $0.shiftDays($1) })
}
