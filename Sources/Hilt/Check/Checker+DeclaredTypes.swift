import FHIR
import HL7

/// Types that functions name for what they take and give.
extension Checker {
  /// A type that a program names; reported, and `nil`, where there is none.
  mutating func declaredType(_ clause: TypeClause) -> Type? {
    let element: Type
    switch clause.name.text {
    case "text": element = .text
    case "number": element = .number
    case "boolean": element = .boolean
    case "date": element = .stamp
    case "time": element = .time
    case "bytes": element = .bytes
    case "element": element = .element
    default:
      if !HL7Tables.typeNames.contains(clause.name.text), let type = typeOfFHIR(clause.name.text) {
        element = .fhir(FHIRKind(name: type.name))
        break
      }
      guard HL7Tables.typeNames.contains(clause.name.text) else {
        let words = ["text", "number", "boolean", "date", "time", "bytes", "element"]
        let known = words + HL7Tables.typeNames + FHIRTables.resourceNames + FHIRTables.typeNames
        let near = nearest(clause.name.text, among: known)
        problems.report(
          .type, "there is no type '\(clause.name.text)'", at: clause.name.span,
          help: near.map { ["did you mean '\($0)'?"] } ?? [words.joined(separator: ", ") + ", XPN, list of text"])
        return nil
      }
      guard let kind = dataType(clause.name) else { return nil }
      element = .content(kind)
    }
    return clause.isList ? .list(element) : element
  }

  /// Where a value of a declared type goes, if it is one of FHIR.
  func target(of type: Type, _ place: String) -> Target? {
    switch type {
    case .fhir(let kind): Target(kind: .object(kind), place: place)
    case .list(.fhir(let kind)): Target(kind: .object(kind), isList: true, place: place)
    default: nil
    }
  }

  /// A value in the form that a declared type asks for; reported where it does not fit.
  mutating func fitted(_ value: Typed, _ type: Type) -> Typed {
    switch (value.type, type) {
    case (.broken, _), (.never, _), (.nothing, _): return value
    case (_, .text): return text(value)
    case (.content(let given), .content) where given.repeats:
      reportRepeats(source.text(value.span), at: value.span)
      return .broken(value.span)
    case (.content(let given), .content(let wanted)):
      if given.canBe(wanted), given.types.keys == wanted.types.keys || given.isOpen { return value }
      // What the versions call otherwise, or had as one text before, is read as what the function says.
      if let same = Self.sameFamily(given, wanted) {
        var value = value
        value.type = .content(same)
        return value
      }
      return broken(.type, "\(wanted.name) is wanted here, not \(given.name)", at: value.span)
    case (.composite, .content): return value
    case (.list(let element), .list(.text)) where element != .text: return texts(value, element)
    case (.fhir(let given), .fhir(let wanted)) where given.name == wanted.name: return value
    case (.list(.fhir(let given)), .list(.fhir(let wanted))) where given.name == wanted.name: return value
    case (.list(.nothing), .list), (.list(.content), .list(.content)), (.list(.composite), .list(.content)):
      return value
    default:
      if value.type == type { return value }
      let wanted = if case .content(let kind) = type { kind.name } else { type.name }
      let help = type == .number ? ["number(…) catch …"] : type == .stamp ? ["date(…) catch …"] : []
      mismatch(value, wanted: wanted, help: value.type.isTextual ? help : [])
      return .broken(value.span)
    }
  }
}
