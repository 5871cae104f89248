import FHIR
import HL7

/// Functions of FHIR that look at types.
extension Checker {
  /// `resolve(sr.subject, Patient)`
  mutating func resolve(_ call: Call) -> Typed {
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    guard let name = call[1].flatMap({ resourceName(of: $0) }) else { return .broken(call.span) }
    guard case .fhir(let kind) = value.type, kind.name == FHIRKind.reference else {
      mismatch(value, wanted: "a reference", help: ["resolve(sr.subject, Patient)"])
      return .broken(call.span)
    }
    if !kind.targets.isEmpty, !kind.targets.contains(name) {
      return broken(
        .target, "\(value.path ?? "this") leads to \(Self.either(kind.targets)), and never to \(name)", at: call.span)
    }
    let (evaluate, span, path) = (value.evaluate, call.span, value.path)
    return Typed(.fhir(FHIRKind(name: name)), mayBeAbsent: value.mayBeAbsent, at: span, path: name) { run in
      let datum = try evaluate(run)
      return datum.isValued ? try run.resource(at: datum, name, at: span, path: path) : .absent
    }
  }

  /// A resource that is named as a value: `Patient`.
  private mutating func resourceName(of expression: Expression) -> String? {
    guard case .name(let name) = expression.kind else {
      problems.report(.unknownType, "a resource is named here", at: expression.span, help: ["Patient"])
      return nil
    }
    return resourceName(Word(text: name, span: expression.span))
  }

  /// `reference_to(Patient, "123")`, `reference_to(Patient, identifier(PID-3[1]))`
  mutating func referenceTo(_ call: Call) -> Typed {
    guard let name = call[0].flatMap({ resourceName(of: $0) }) else { return .broken(call.span) }
    let value = call[1].map { typed($0) } ?? .broken(call.span)
    let span = call.span
    let reference = Type.fhir(FHIRKind(name: FHIRKind.reference, targets: [name]))
    if case .fhir(let kind) = value.type, kind.name == "Identifier" {
      let evaluate = value.evaluate
      return Typed(reference, mayBeAbsent: true, at: span) { run in
        try run.step(bytes: 64, at: span)
        let identifier = try evaluate(run)
        guard let text = identifier.text(of: "value") else { return .absent }
        return Run.reference("\(name)?identifier=\(FHIRSearch.token(identifier.text(of: "system"), text))")
      }
    }
    let id = interpolated(value)
    if id.type == .broken { return .broken(span) }
    let evaluate = id.evaluate
    return Typed(reference, mayBeAbsent: id.mayBeAbsent, at: span) { run in
      guard case .text(let text) = try evaluate(run), !text.isEmpty else { return .absent }
      try run.step(bytes: text.utf8.count, at: span)
      if let fault = FHIRPrimitive.id.problem(text) { throw Failure.form("reference_to()", fault, at: span) }
      return Run.reference("\(name)/\(text)")
    }
  }

  /// `coding_of(concept, system)`: the first coding of a system, and of `code_of` its code.
  mutating func coding(_ call: Call, code: Bool) -> Typed {
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    let system = call[1].map { argument(typed($0), .text) } ?? .broken(call.span)
    var type = value.type
    if case .list(let element) = type { type = element }
    guard case .fhir(let kind) = type, ["CodeableConcept", "Coding"].contains(kind.name) else {
      mismatch(value, wanted: "a CodeableConcept", help: ["\(call.function.name)(o.code, \"http://loinc.org\")"])
      return .broken(call.span)
    }
    if system.type == .broken { return .broken(call.span) }
    let (evaluate, wanted, span) = (value.evaluate, system.evaluate, call.span)
    let isConcept = kind.name == "CodeableConcept"
    let result = code ? Type.text : .fhir(FHIRKind(name: "Coding"))
    return Typed(result, mayBeAbsent: true, at: span) { run in
      guard case .text(let name) = try wanted(run) else { return .absent }
      let system = Self.system(name)
      let datum = try evaluate(run)
      let values = if case .list(let values) = datum { values } else { [datum] }
      for value in values {
        for coding in isConcept ? value.member("coding").elements : [value] {
          try run.step(at: span)
          guard coding.text(of: "system") == system else { continue }
          if !code { return coding }
          if let text = coding.text(of: "code") { return .text(text) }
        }
      }
      return .absent
    }
  }

  /// The address of a system that is written short: `v2-0203`, `loinc`.
  static func system(_ name: String) -> String {
    switch name {
    case "loinc": "http://loinc.org"
    case "snomed": "http://snomed.info/sct"
    case "ucum": "http://unitsofmeasure.org"
    case _ where name.hasPrefix("v2-") || name.hasPrefix("v3-"): "http://terminology.hl7.org/CodeSystem/\(name)"
    default: name
    }
  }
}
