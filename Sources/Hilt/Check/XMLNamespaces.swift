import Text

/// What a program's head says of the namespaces of XML.
struct XMLNamespaces: Sendable {
  /// In the order of the head.
  var prefixes: [(prefix: String, address: String)] = []
  /// Of names without a prefix: in paths, and in what is made. `nil` where nothing is said of them.
  var ofPaths: String?
  var ofMade: String?
  /// What an output that was made declares at its beginning.
  var declarations: [XMLDocument.Declaration] = []

  func address(of prefix: String) -> String? {
    prefix == "xml" ? XMLDocument.ownNamespace : prefixes.first { $0.prefix == prefix }?.address
  }
}

extension Checker {
  /// `xml "urn:hl7-org:v3" xsi = "…"`, of the line that comes in and of those that go out. What one of them says holds
  /// for the others too.
  mutating func declareNamespaces(_ tree: ProgramTree) {
    let lines = ([tree.input] + tree.outputs).compactMap(\.self).filter { $0.format.text == "xml" }
    for line in lines {
      let isInput = line.span == tree.input?.span
      var own: Set<String> = []
      for clause in line.namespaces {
        let prefix = clause.prefix?.text ?? ""
        guard own.insert(prefix).inserted else {
          problems.report(
            .nameTwice, "the prefix '\(prefix)' is declared twice", at: clause.prefix?.span ?? clause.address.span)
          continue
        }
        if declare(prefix, clause, isInput: isInput), !isInput {
          namespaces.declarations.append(.init(prefix: prefix, namespace: clause.address.text))
        }
      }
    }
    namespaces.ofMade = namespaces.ofMade ?? namespaces.ofPaths
    namespaces.ofPaths = namespaces.ofPaths ?? namespaces.ofMade
    guard let standard = namespaces.ofMade, !standard.isEmpty,
      !namespaces.declarations.contains(where: { $0.prefix.isEmpty })
    else { return }
    namespaces.declarations.insert(.init(prefix: "", namespace: standard), at: 0)
  }

  /// - Returns: whether the prefix can be written.
  private mutating func declare(_ prefix: String, _ clause: NamespaceClause, isInput: Bool) -> Bool {
    let address = clause.address
    guard address.text.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0xFFFE }),
      ![XMLDocument.ownNamespace, "http://www.w3.org/2000/xmlns/"].contains(address.text)
    else {
      problems.report(
        .header, "this is no address of a namespace that a prefix can stand for", at: address.span,
        help: ["hl7 = \"urn:hl7-org:v3\""])
      return false
    }
    guard !prefix.isEmpty else {
      if isInput { namespaces.ofPaths = address.text } else { return declareMade(address) }
      return false
    }
    if address.text.isEmpty || ["xml", "xmlns"].contains(prefix) {
      let why = address.text.isEmpty ? "a prefix stands for an address" : "'\(prefix)' has a meaning of its own"
      problems.report(
        .header, why,
        at: address.text.isEmpty ? address.span : clause.prefix?.span ?? address.span,
        help: ["hl7 = \"urn:hl7-org:v3\""])
      return false
    }
    if let other = namespaces.address(of: prefix) {
      if other == address.text { return true }
      problems.report(
        .header, "the prefix '\(prefix)' stands for another namespace already: \(other)",
        at: clause.prefix?.span ?? address.span)
      return false
    }
    namespaces.prefixes.append((prefix, address.text))
    return true
  }

  private mutating func declareMade(_ address: TextLiteral) -> Bool {
    if let other = namespaces.ofMade, other != address.text {
      problems.report(
        .header, "names without a prefix are in another namespace already: \(other)", at: address.span,
        help: ["a prefix: hl7 = \"\(address.text)\""])
      return false
    }
    namespaces.ofMade = address.text
    return !address.text.isEmpty
  }
}
