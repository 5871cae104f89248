import Text

/// The resources of a bundle that came, by how references name them.
struct ResourceIndex {
  /// By `fullUrl`, without the part that names a version.
  private var byURL: [String: JSONNode] = [:]
  /// By `Patient/1`; `nil` where several are called so.
  private var byName: [String: JSONNode?] = [:]
  /// Each resource with the `fullUrl` of its entry, in the order of the bundle.
  private var all: [(node: JSONNode, url: String?)] = []

  var count: Int { all.count }

  init(_ root: JSONNode) {
    guard root["resourceType"]?.text == "Bundle" else {
      add(root, nil)
      return
    }
    for entry in root["entry"].map({ Array($0.elements) }) ?? [] {
      if let resource = entry["resource"] { add(resource, entry["fullUrl"]?.text) }
    }
  }

  private mutating func add(_ node: JSONNode, _ url: String?) {
    all.append((node, url))
    if let url { byURL[Self.unversioned(url)] = node }
    guard let type = node["resourceType"]?.text, let id = node["id"]?.text else { return }
    let name = "\(type)/\(id)"
    byName.updateValue(byName[name] == nil ? node : JSONNode?.none, forKey: name)
  }

  /// What a reference leads to: something contained (`#id`), an entry by its `fullUrl`, or by its type and id.
  func find(_ reference: String, from place: JSONNode?) -> JSONNode? {
    let holder = place.flatMap { place in all.first { $0.node.range.contains(place.range.lowerBound) } }
    if reference.hasPrefix("#") {
      return holder?.node["contained"]?.elements.first { $0["id"]?.text == String(reference.dropFirst()) }
    }
    let plain = Self.unversioned(reference)
    if let found = byURL[plain] { return found }
    // Relative: first of the server that the entry itself is from.
    if let base = holder?.url.flatMap(Self.base), let found = byURL[base + plain] { return found }
    return byName[plain] ?? nil
  }

  private static func unversioned(_ url: String) -> String {
    guard let range = url.firstRange(of: "/_history/") else { return url }
    return String(url[..<range.lowerBound])
  }

  /// `https://ehr.example/fhir/` of `https://ehr.example/fhir/Patient/1`.
  private static func base(_ url: String) -> String? {
    let parts = url.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count > 3, url.hasPrefix("http") else { return nil }
    return parts.dropLast(2).joined(separator: "/") + "/"
  }
}

extension Run {
  /// The resource that a reference of the input leads to.
  func resource(at reference: Datum, _ type: String, at span: Span, path: String?) throws -> Datum {
    try step(bytes: 64, at: span)
    func failed(_ why: String) -> Interrupt {
      .failure(Failure(.lookup, .failed, "\(path ?? "this reference") \(why)", at: span, path: path))
    }
    guard let text = reference.text(of: "reference") else { throw failed("names nothing that could be looked for") }
    guard case .json(let root) = content else { throw failed("leads nowhere: what came is no FHIR") }
    if resources == nil {
      try step(bytes: root.range.count, at: span)
      resources = ResourceIndex(root)
    }
    try step(bytes: (resources?.count ?? 0) << 3, at: span)
    let place: JSONNode? = if case .json(let node) = reference { node } else { nil }
    guard let found = resources?.find(text, from: place) else { throw failed("leads to nothing in the bundle") }
    guard found["resourceType"]?.text == type else { throw failed("leads to another resource than a \(type)") }
    return .json(found)
  }
}
