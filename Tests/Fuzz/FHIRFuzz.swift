// FHIR: any bytes are judged, with places in them and words that FHIR allows; and a program that reads resources comes
// to an end over any of them.

private let program = HiltProgram.compile(
  """
  transform fuzz
    in  fhir r4 Bundle
    out json
    zone "Europe/London"

  for sr in msg.entry[*].resource[* of ServiceRequest] {
    let pat = resolve(sr.subject, Patient) catch absent
    let planned = if sr.occurrence is dateTime then hl7(sr.occurrence, second)
    emit {
      name: pat.name[where use == "official"].family ?? pat.name[1].text, born: pat.birthDate, planned: planned,
      code: code_of(sr.code, "loinc"), whole: sr with { status: "active" },
    }
  }
  for o in msg.entry[*].resource[* of Observation] {
    emit { value: if o.value is Quantity then o.value.value else absent, all: o.component[*].code.coding[*].code }
  } none => drop "none"
  """, file: "fuzz.hilt"
).program

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let issues = FHIRValidation.issues(bytes)
  for issue in issues {
    precondition(issue.offset <= count && issue.line > 0 && issue.column > 0, "no place: \(issue)")
  }
  let outcome = FHIROutcome.bytes(issues)
  precondition(FHIRValidation.issues(outcome).isEmpty, "an outcome that is no resource in order")
  guard let program else { preconditionFailure("the program has problems") }
  var input = HiltInput(nil, bytes: bytes)
  input.limits.stepsMax = 200_000
  _ = program.run(input, tracing: count % 2 == 0, observing: count % 3 == 0)
  return 0
}
