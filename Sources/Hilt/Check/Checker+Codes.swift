import FHIR
import HL7

/// W210: whether the program's tables and literals agree with the code tables of HL7.
///
/// Only tables that HL7 defines (data type ID) are looked at, and only in versions of which all codes are known: to a
/// table that users define (IS, CWE) a site adds what it likes.
extension Checker {
  /// `status[OBR-25]`: codes of the field's table that find no row.
  mutating func checkKeys(_ keys: [Typed], _ table: Table, _ span: Span) {
    guard case .fails = table.missing, !table.rows.isEmpty else { return }
    for (index, key) in keys.enumerated() {
      guard case .content(let kind) = key.type, let (name, codes) = kind.comingCodes else { continue }
      guard let known = table.keys(ofColumn: index) else { continue }
      let missing = codes.filter { !known.contains($0) }
      guard !missing.isEmpty else { continue }
      problems.report(
        .tableCodes, "the table '\(table.name)' has no row for \(Self.listed(missing)) of HL7's table \(name)",
        at: span, help: ["add the rows", "'default' or 'missing' in the table's line"])
    }
  }

  /// `out.OBR-25 = status[…]`: codes that are not in the table of the field which is written.
  mutating func checkCodes(_ expression: Expression, _ place: HL7Place) {
    guard let kind = writtenKind(place) else { return }
    checkCodes(expression, kind)
  }

  private mutating func checkCodes(_ expression: Expression, _ kind: Kind) {
    switch expression.kind {
    case .caught(let value, let other), .binary(let value, _, let other):
      if case .binary(_, let word, _) = expression.kind, word.text != "??" { return }
      checkCodes(value, kind)
      checkCodes(other, kind)
    case .conditional(_, let then, let otherwise):
      checkCodes(then, kind)
      if let otherwise { checkCodes(otherwise, kind) }
    case .match(_, let arms):
      for arm in arms { checkCodes(arm.body, kind) }
    case .list(let values):
      for value in values { checkCodes(value, kind) }
    case .each(_, let body):
      checkCodes(body, kind)
    case .record(_, let entries), .with(_, let entries):
      for entry in entries {
        guard case .component(let number, let inner) = entry.key else { continue }
        let component = kind.component(number)
        checkCodes(entry.value, inner.map { component.component($0) } ?? component)
      }
    default:
      let texts = texts(expression).filter { !$0.isEmpty }
      guard !texts.isEmpty, let (name, codes) = kind.knownCodes else { return }
      let wrong = texts.filter { !codes.contains($0) }
      guard !wrong.isEmpty else { return }
      let verb = wrong.count == 1 ? "is" : "are"
      problems.report(
        .tableCodes, "\(Self.listed(wrong)) \(verb) not in HL7's table \(name)", at: expression.span,
        help: [codes.prefix(30).joined(separator: ", ") + (codes.count > 30 ? ", …" : "")])
    }
  }

  /// Codes that an element of FHIR doesn't take: of a literal an error, of a table's values a warning, since not every
  /// row may come here.
  mutating func checkCodes(_ expression: Expression, _ target: Target) {
    guard case .primitive(_, let codes) = target.kind, !codes.isEmpty else { return }
    let wrong = texts(expression).filter { !$0.isEmpty && !codes.contains($0) }
    guard !wrong.isEmpty else { return }
    let isTable = if case .path = expression.kind { true } else { false }
    let near = wrong.count == 1 ? nearest(wrong[0], among: codes) : nil
    problems.report(
      isTable ? .tableCodes : .notACode,
      "\(Self.listed(wrong)) \(wrong.count == 1 ? "is" : "are") not among the codes of \(target.place)"
        + (near.map { "; did you mean \"\($0)\"?" } ?? ""),
      at: expression.span, help: near == nil ? [codes.joined(separator: ", ")] : [])
  }

  /// What an element of FHIR is compared with and never is: what came was checked, and a code of no list is a slip.
  mutating func checkCompared(_ expression: Expression, _ value: Typed, with other: Typed) {
    guard value.type == .text, let constant = other.constant, isElement(expression),
      let element = HiltMeaning.element(at: value.path), !element.codes.isEmpty
    else { return }
    let values = if case .list(let values) = constant { values } else { [constant] }
    let wrong = values.compactMap { value in
      if case .text(let text) = value, !text.isEmpty, !element.codes.contains(text) { text } else { nil }
    }
    guard !wrong.isEmpty else { return }
    let near = wrong.count == 1 ? nearest(wrong[0], among: element.codes) : nil
    problems.report(
      .notACode,
      "\(Self.listed(wrong)) \(wrong.count == 1 ? "is" : "are") not among the codes of \(value.path ?? element.name)"
        + (near.map { "; did you mean \"\($0)\"?" } ?? ""),
      at: other.span, help: near == nil ? [element.codes.joined(separator: ", ")] : [])
  }

  /// Whether an expression is the element itself, and not what else may stand in its place.
  private func isElement(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .path, .selected: true
    case .name(let name): scope.find(name) == nil
    default: false
    }
  }

  /// What an expression can give, as far as that is written down: a literal, a constant, the values of a table.
  private func texts(_ expression: Expression) -> [String] {
    switch expression.kind {
    case .text(let parts):
      guard parts.count == 1, case .literal(let text) = parts[0] else { return [] }
      return [text]
    case .name(let name):
      guard case .constant(.text(let text), _)? = scope.find(name)?.kind else { return [] }
      return [text]
    case .path(let root, let steps):
      guard case .name(let name) = root.kind, case .table(let number)? = scope.find(name)?.kind else { return [] }
      let table = tables[number]
      switch steps.last?.kind {
      case .select(.keys) where steps.count == 1: return table.values(ofColumn: 0)
      case .member(let column) where steps.count == 2:
        return table.columns.firstIndex(of: column).map { table.values(ofColumn: $0) } ?? []
      default: return []
      }
    default: return []
    }
  }

  /// What the output's versions say of a place that is written, or the profile.
  func writtenKind(_ place: HL7Place) -> Kind? {
    guard let versions = outputVersions, let field = place.field, let segment = HL7Tables.segment(place.code) else {
      return nil
    }
    let present = versions.intersection(segment.versions)
    var kind =
      profileField(field, of: place.code, in: present) ?? Kind(segment.part(field, in: present), in: present)
    for number in [place.component, place.subcomponent].compactMap(\.self) {
      kind = profileComponent(number, of: kind) ?? kind.component(number)
    }
    return kind
  }

  /// `"A", "B" and 3 more`
  private static func listed(_ codes: [String]) -> String {
    let shown = codes.prefix(8).map { "\"\($0)\"" }
    let rest = codes.count - shown.count
    let last = rest > 0 ? "\(rest) more" : shown[shown.count - 1]
    let first = rest > 0 ? shown : Array(shown.dropLast())
    return first.isEmpty ? last : "\(first.joined(separator: ", ")) and \(last)"
  }
}

extension Kind {
  /// The codes of its table in all of its versions, with the table's number; `nil` where they are not all known.
  fileprivate var knownCodes: (table: String, codes: [String])? {
    guard tables.values.reduce(into: HL7Versions(), { $0.formUnion($1) }) == versions else { return nil }
    return codes(in: versions)
  }

  /// The codes that may come in those of its versions in which they are known.
  fileprivate var comingCodes: (table: String, codes: [String])? {
    let known = tables.reduce(into: HL7Versions()) { known, entry in
      known.formUnion(entry.value.intersection(HL7Tables.versionsWithCodes(table: entry.key)))
    }
    return known.isEmpty ? nil : codes(in: known)
  }

  private func codes(in versions: HL7Versions) -> (table: String, codes: [String])? {
    var names: [String] = []
    var all: Set<String> = []
    for (table, own) in tables.sorted(by: { $0.key < $1.key }) {
      let wanted = own.intersection(versions)
      guard !wanted.isEmpty else { continue }
      guard let codes = HL7Tables.codes(table: table, in: wanted) else { return nil }
      names.append(table)
      all.formUnion(codes)
    }
    return names.isEmpty ? nil : (names.joined(separator: " or "), all.sorted())
  }
}

extension Table {
  /// The texts of a key column; `nil` where they are more than can be codes.
  fileprivate func keys(ofColumn index: Int) -> Set<String>? {
    guard keyTexts.indices.contains(index), keyTexts[index].count <= Self.textCountMax else { return nil }
    return keyTexts[index]
  }

  /// The texts that a value column gives, and the default, in alphabetical order; none where they are more than can be
  /// codes.
  fileprivate func values(ofColumn index: Int) -> [String] {
    guard valueTexts.indices.contains(index), valueTexts[index].count <= Self.textCountMax else { return [] }
    var texts = valueTexts[index]
    if case .standard(.text(let text)) = missing { texts.insert(text) }
    return texts.sorted()
  }
}
