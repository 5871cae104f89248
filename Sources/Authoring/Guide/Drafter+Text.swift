import FHIR
import HL7
import Hilt

/// What was gathered, as the text of a program.
extension Drafter {
  func draft() -> TransformDraft {
    let name = HiltText.name(structure) + "_to_fhir"
    var body: [String] = []
    write(top, into: &body)
    body.append("emit b")
    let all = body.joined(separator: "\n")
    let codes = codes.filter { all.contains("\($0.name)[") }
    let functions = functions.filter { type in
      DraftValue.function(type, versions).map { all.contains("\($0.name)(") } ?? false
    }
    var open = notes
    for resource in top.resources { open += resource.notes }
    let text = (head(name, codes, functions) + body).joined(separator: "\n") + "\n"
    let files = codes.map { need, table in
      TransformDraft.File(path: "codes/\(table).csv", text: csv(need))
    }
    return TransformDraft(
      name: name, text: HiltLayout.laidOut(text, file: name).text ?? text, files: files, malformed: malformed,
      draftedCount: draftedCount, openCount: open.count, missing: missing)
  }

  private func csv(_ need: DraftValue.Need) -> String {
    guard case .codes(_, _, _, let withSystem) = need else { return "" }
    return "code,fhir\(withSystem ? ",system" : "")\n"
      + rows(of: need).map { "\(Self.cell($0.code)),\($0.fhir)\(withSystem ? "," + $0.system : "")\n" }.joined()
  }

  private static func cell(_ text: String) -> String {
    text.contains { "\",\n".contains($0) } ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
  }

  private func head(
    _ name: String, _ codes: [(need: DraftValue.Need, name: String)], _ functions: [String]
  ) -> [String] {
    var lines = [
      "# Drafted by `hilum scaffold v2-to-fhir \(structure)` from the HL7 v2-to-FHIR guide",
      "# (hl7.fhir.uv.v2mappings 1.0.0). It is yours to change: what a comment calls open, somebody who knows the",
      "# sender has to decide.",
    ]
    if !missing.isEmpty {
      lines.append("# \(version) doesn't have, and so it is left out: \(missing.joined(separator: ", ")).")
    }
    lines += [
      "transform \(name)", "in hl7 \(version) \(grammar.name)", "out fhir r4 Bundle",
      "zone \"Etc/UTC\"                         # yours: for times without an offset", "import \"lib/v2fhir.hilt\"", "",
    ]
    for (need, table) in codes {
      guard case .codes(let vocabulary, let legal, let isRequired, let withSystem) = need else { continue }
      let unknown = "missing fail \"a code that codes/\(table).csv doesn't have\""
      let missing =
        switch (isRequired, withSystem) {
        case (true, false): legal.contains("unknown") ? "default \"unknown\"" : unknown
        case (true, true): unknown
        case (false, false): "default absent"
        case (false, true): ""
        }
      let value = withSystem ? "fhir, system" : "fhir"
      lines.append("table \(table) from \"codes/\(table).csv\" key code value \(value) \(missing)   # \(vocabulary)")
    }
    lines.append("")
    for type in functions { lines.append(DraftValue.function(type, versions)?.text ?? "") }
    if grammar.name != structure, let event = structure.split(separator: "_").last {
      lines.append("when MSH-9.2 != \"\(event)\" => drop \"not \(event)\"")
    }
    lines += ["", "let b = new Bundle { type: \"transaction\", timestamp: instant(MSH-7) catch message.received }"]
    for (place, words) in notes { lines.append("# open: \(words) (\(place))") }
    return lines
  }

  // MARK: Scopes

  private func write(_ scope: DraftScope, into lines: inout [String]) {
    for list in scope.lists { lines.append("var \(list): list of Reference") }
    for item in ordered(scope) {
      switch item {
      case .resource(let resource): write(resource, into: &lines)
      case .scope(let inner):
        var body: [String] = []
        write(inner, into: &body)
        guard inner.resources.contains(where: { $0.obstacle == nil }) else {
          lines += body
          continue
        }
        lines += ["", "for \(inner.variable ?? "item") in \(inner.list) {"] + body + ["}"]
      }
    }
  }

  /// What is named comes before what names it.
  private func ordered(_ scope: DraftScope) -> [DraftScope.Item] {
    var done: Set<Int> = []
    var order: [DraftScope.Item] = []
    func visit(_ index: Int) {
      guard done.insert(index).inserted else { return }
      for other in scope.resources(at: index).flatMap(\.needs) {
        if let before = scope.index(of: other), before != index { visit(before) }
      }
      order.append(scope.items[index])
    }
    for index in scope.items.indices { visit(index) }
    return order
  }

  // MARK: Resources

  private func write(_ resource: DraftResource, into lines: inout [String]) {
    var record = self.record(in: resource.scope)
    let elements = record.elements(resource.node, of: resource.type)
    lines.append("")
    if let obstacle = resource.obstacle {
      lines.append("# open: \(resource.key) (\(resource.map)) isn't made: \(obstacle)")
      return
    }
    lines.append("# \(resource.map): \(resource.key)")
    for (place, words) in resource.notes + record.notes { lines.append("# open: \(words) (\(place))") }
    guard let elements else { return }
    if let identifier = patientIdentifier(resource) {
      let place = resource.scope === top ? " at PID-3" : ""
      let refusal = "reject AE 101 \"no identifier of the patient\"\(place)"
      lines.append("require \(identifier.place).1 is valued else \(refusal)")
    }
    let text = "\(resource.type.name) {\n\(elements.map { $0 + "," }.joined(separator: "\n"))\n}"
    let isThere = resource.isSure || resource.presence.isEmpty ? nil : resource.presence.joined(separator: " or ")
    let made = identity(resource)
    let condition = [isThere, resource.condition ?? (made == nil ? reason(resource) : nil)].compactMap(\.self).map {
      $0.contains(" or ") ? "(\($0))" : $0
    }
    .joined(separator: " and ")
    let call = made.map { "b.upsert(by: \($0), \(text))" } ?? "b.add(\(text))"
    if resource.isNamed || !resource.collected.isEmpty && !condition.isEmpty {
      lines.append("let \(resource.variable) = " + (condition.isEmpty ? "" : "if \(condition) then ") + call)
      for list in resource.collected {
        lines.append("if \(resource.variable) is valued { \(list) += \(resource.variable) }")
      }
    } else if let list = resource.collected.first {
      lines.append("\(list) += \(call)")
    } else if !condition.isEmpty {
      lines += ["if \(condition) {", call, "}"]
    } else {
      lines.append(call)
    }
  }

  /// One that is new with each message and takes little from it isn't made of nothing: an account without its number.
  private func reason(_ resource: DraftResource) -> String? {
    guard resource.type.name != "Patient" else { return nil }
    var places: [String] = []
    for leaf in resource.node.all where !leaf.isConstant {
      if let place = leaf.source?.one, !places.contains(place) { places.append(place) }
    }
    return (1...3).contains(places.count) ? places.map { "\($0) is valued" }.joined(separator: " or ") : nil
  }

  /// The place of a patient's first identifier.
  private func patientIdentifier(_ resource: DraftResource) -> (place: String, isNumber: Bool)? {
    guard resource.type.name == "Patient", "\(resource.segment)" == "PID",
      let segment = resource.scope.place(of: resource.segment, in: grammar),
      let found = DraftSource.find("PID-3", at: segment, versions)
    else { return nil }
    return found.map { ($0.one, $0.type == "CX") }
  }

  /// What makes it the same resource when it comes again; `nil` where each message has its own.
  private func identity(_ resource: DraftResource) -> String? {
    func field(_ identifier: String) -> String? {
      guard let code = HL7SegmentCode(String(identifier.prefix(3))),
        let segment = resource.scope.place(of: code, in: grammar),
        let found = DraftSource.find(identifier, at: segment, versions), let source = found
      else { return nil }
      return source.one
    }
    func first(_ identifiers: String...) -> String {
      (identifiers.compactMap(field) + ["MSH-10"]).joined(separator: " ?? ")
    }
    let kind = HiltText.literal(HiltText.name(resource.type.name))
    switch "\(resource.segment)" {
    case "PID":
      return patientIdentifier(resource).map { place, isNumber in
        isNumber ? "identifier(\(place))" : "local_identifier(\(kind), \(place).1)"
      }
    case "PV1":
      return resource.type.name == "Encounter" ? "local_identifier(\(kind), \(first("PV1-19.1")))" : nil
    case "OBR", "ORC":
      return ["DiagnosticReport", "ServiceRequest"].contains(resource.type.name)
        ? "local_identifier(\(kind), \(first("OBR-3.1", "OBR-2.1", "ORC-3.1", "ORC-2.1")))" : nil
    case "OBX" where resource.map == "OBX[Observation]":
      let order = first("OBR-3.1", "OBR-2.1", "PID-3.1")
      let parts = [order, field("OBX-3.1"), field("OBX-4").map { $0 + ".1" }].compactMap(\.self)
      return "local_identifier(\(kind), \(parts.joined(separator: ", ")))"
    default: return nil
    }
  }
}
