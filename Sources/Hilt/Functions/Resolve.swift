extension Function {
  static let resolve = Function(
    name: "resolve", parameters: [("reference", .any), ("resource", .any)], result: .element, canFail: true,
    summary: "The resource that a reference of a FHIR message leads to, of the kind that is named: an entry of the "
      + "bundle by its `fullUrl`, else by its type and id, or what the resource contains. Nothing is fetched.",
    examples: [], body: .checked { $0.resolve($1) })

  static let referenceTo = Function(
    name: "reference_to", parameters: [("resource", .any), ("id", .any)], result: .element,
    summary: "A reference to a resource of the receiver: by its id, or by an Identifier, which the receiver of a "
      + "transaction looks up.",
    examples: [
      (#"reference_to(Patient, "123").reference"#, #"Patient/123"#),
      (
        #"reference_to(Patient, Identifier { system: "urn:oid:1.2.3", value: "12,3" }).reference"#,
        #"Patient?identifier=urn:oid:1.2.3|12%5C%2C3"#
      ),
    ], body: .checked { $0.referenceTo($1) })
}
