import Text

/// Rules of R4 across several elements (its invariants), by their keys in the standard.
enum FHIRRules {
  /// What an object of a type breaks, each with the key of its rule.
  static func broken(_ node: JSONNode, _ type: String) -> [String] {
    var broken: [String] = []
    func rule(_ isKept: Bool, _ text: String) { if !isKept { broken.append(text) } }
    func has(_ name: String) -> Bool { node[name] != nil || node["_" + name] != nil }
    func hasAny(_ prefix: String) -> Bool {
      node.members.contains { $0.key.text.map { $0.hasPrefix(prefix) || $0.hasPrefix("_" + prefix) } ?? false }
    }

    switch type {
    case "Extension":
      rule(has("extension") != hasAny("value"), "ext-1: an extension has either extensions or a value")
    case "Quantity", "Age", "Count", "Distance", "Duration":
      rule(!has("code") || has("system"), "qty-3: a unit's code needs its system")
    case "ContactPoint": rule(!has("value") || has("system"), "cpt-2: a value needs a system (phone, email, …)")
    case "Attachment": rule(!has("data") || has("contentType"), "att-1: data needs a contentType")
    case "Period":
      if let start = node["start"]?.text, let end = node["end"]?.text {
        rule(isInOrder(start, end), "per-1: the start is not after the end")
      }
    case "Ratio":
      let both = has("numerator") == has("denominator")
      rule(
        both && (has("numerator") || has("extension")), "rat-1: a ratio has both numerator and denominator, or neither")
    case "Observation":
      rule(!has("dataAbsentReason") || !hasAny("value"), "obs-6: a reason that there is no value stands beside none")
      let code = node["code"]
      let isTwice = node["component"]?.elements.contains { same($0["code"], code) } ?? false
      rule(!isTwice || !hasAny("value"), "obs-7: the value of the observation's own code is no component")
    case "ObservationReferenceRange":
      rule(has("low") || has("high") || has("text"), "obs-3: a reference range has low, high or text")
    case "PatientContact":
      rule(
        has("name") || has("telecom") || has("address") || has("organization"),
        "pat-1: a contact has details: name, telecom, address or organization")
    case "Bundle": bundle(node, rule)
    case "BundleEntry":
      rule(
        has("resource") || has("request") || has("response"), "bdl-5: an entry has a resource, a request or a response")
      rule(node["fullUrl"]?.text?.contains("/_history/") != true, "bdl-8: a fullUrl names no version")
    default: break
    }
    if let contained = node["contained"] {
      rule(!contained.elements.contains { $0["contained"] != nil }, "dom-2: what is contained contains nothing itself")
      rule(
        !contained.elements.contains { $0["meta"]?["versionId"] != nil || $0["meta"]?["lastUpdated"] != nil },
        "dom-4: what is contained has no version of its own")
    }
    return broken
  }

  private static func bundle(_ node: JSONNode, _ rule: (Bool, String) -> Void) {
    let type = node["type"]?.text ?? ""
    let entries = node["entry"].map { Array($0.elements) } ?? []
    rule(
      node["total"] == nil || ["searchset", "history"].contains(type), "bdl-1: only searches and histories have a total"
    )
    rule(type == "searchset" || !entries.contains { $0["search"] != nil }, "bdl-2: entry.search is for searches only")
    let asks = ["batch", "transaction", "history"].contains(type)
    if let entry = entries.firstIndex(where: { ($0["request"] != nil) != asks }) {
      rule(
        false,
        asks
          ? "bdl-3: each entry of a \(type) has a request, and entry[\(entry)] has none"
          : "bdl-3: entries of a \(type) have no request, and entry[\(entry)] has one")
    }
    let answers = ["batch-response", "transaction-response", "history"].contains(type)
    if let entry = entries.firstIndex(where: { ($0["response"] != nil) != answers }) {
      rule(
        false,
        answers
          ? "bdl-4: each entry of a \(type) has a response, and entry[\(entry)] has none"
          : "bdl-4: entries of a \(type) have no response, and entry[\(entry)] has one")
    }
    var seen: Set<String> = []
    let twice = entries.firstIndex { entry in
      guard let url = entry["fullUrl"]?.text else { return false }
      let version = entry["resource"]?["meta"]?["versionId"]?.text ?? ""
      return !seen.insert("\(url)\n\(version)").inserted
    }
    if let twice, type != "history" {
      rule(false, "bdl-7: a fullUrl stands there once, and entry[\(twice)] has that of another")
    }
    if type == "document" {
      rule(
        node["identifier"]?["system"] != nil && node["identifier"]?["value"] != nil,
        "bdl-9: a document has an identifier with system and value")
      rule(node["timestamp"] != nil, "bdl-10: a document has a timestamp")
      rule(
        entries.first?["resource"]?["resourceType"]?.text == "Composition",
        "bdl-11: a document begins with a Composition")
    }
    if type == "message" {
      rule(
        entries.first?["resource"]?["resourceType"]?.text == "MessageHeader",
        "bdl-12: a message begins with a MessageHeader")
    }
  }

  /// As far as both say it; what has different offsets is not compared.
  private static func isInOrder(_ start: String, _ end: String) -> Bool {
    let isTimed = start.contains("T") && end.contains("T")
    let offset = { (text: String) in text.hasSuffix("Z") ? "+00:00" : String(text.suffix(6)) }
    if isTimed, offset(start) != offset(end) { return true }
    let count = min(start.utf8.count, end.utf8.count, isTimed ? 19 : 10)
    return start.prefix(count) <= end.prefix(count)
  }

  /// The same codings, whatever their texts.
  private static func same(_ one: JSONNode?, _ other: JSONNode?) -> Bool {
    guard let one = one?["coding"], let other = other?["coding"], one.count == other.count else { return false }
    return zip(one.elements, other.elements).allSatisfy { a, b in
      a["code"]?.text == b["code"]?.text && a["system"]?.text == b["system"]?.text && a["code"] != nil
    }
  }
}
