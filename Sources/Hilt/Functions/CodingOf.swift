extension Function {
  static let codingOf = Function(
    name: "coding_of", parameters: [("concept", .any), ("system", .text)], result: .element,
    summary: "The first coding of a CodeableConcept (or of several) that is of a code system. `v2-0203` stands for the "
      + "system of that table of HL7, `v3-ActCode` for one of version 3; `loinc`, `snomed` and `ucum` for theirs.",
    examples: [
      (
        #"coding_of(CodeableConcept { coding: [{ system: "http://loinc.org", display: "Na" }] }, "loinc").display"#,
        #"Na"#
      )
    ], body: .checked { $0.coding($1, code: false) })

  static let codeOf = Function(
    name: "code_of", parameters: [("concept", .any), ("system", .text)], result: .text,
    summary: "The code of the coding that `coding_of` finds.",
    examples: [
      (#"code_of(CodeableConcept { coding: [{ system: "http://loinc.org", code: "2951-2" }] }, "loinc")"#, #"2951-2"#),
      (#"code_of(CodeableConcept { text: "Na" }, "v2-0203")"#, #"absent"#),
    ], body: .checked { $0.coding($1, code: true) })
}
