import HL7
import Hilt
import Messages
import Text

/// What may stand at the cursor, each with its meaning.
extension Workspace {
  /// As editors number them.
  enum ItemKind: Int {
    case text = 1, function = 3, field = 5, variable = 6, module = 9, property = 10, keyword = 14, file = 17
    case constant = 21, structure = 22
  }

  struct Item {
    var label: String
    var kind: ItemKind
    /// Behind the label: `XPN, 1..*`.
    var type = ""
    /// `patient name`
    var about = ""
    /// What is written, unless it is the label.
    var text: String?
    var documentation: [String] = []
  }

  mutating func completion(_ address: String, _ offset: Int) -> JSONValue {
    guard let document = documents[address], document.kind == .program else { return [] }
    let line = CursorLine(document.text, offset)
    let items: [Item]
    var start = line.wordStart
    switch line.surroundings {
    case .comment: items = []
    case .text(let quote): (items, start) = texts(document, line, offset, from: quote)
    case .code:
      if let separator = line.separator {
        items = members(document, line, offset, separator)
      } else if let known = head(document, line) ?? parts(document, line, offset) {
        items = known
      } else {
        items = words(document, line, offset)
      }
    }
    let range = document.text.json(start..<max(start, offset))
    return [
      // Of very many those come that go on from what is typed.
      "isIncomplete": .boolean(items.count >= Self.manyMax),
      "items": .list(items.prefix(2_000).enumerated().map { self.json($0.element, $0.offset, range) }),
    ]
  }

  private func json(_ item: Item, _ number: Int, _ range: JSONValue) -> JSONValue {
    var json: JSONValue = [
      "label": .text(item.label), "kind": .number(item.kind.rawValue),
      "sortText": .text(String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)),
      "filterText": .text(item.about.isEmpty ? item.label : "\(item.label) \(item.about)"),
      "textEdit": ["range": range, "newText": .text(item.text ?? item.label)],
    ]
    let detail = [item.about, item.type].filter { !$0.isEmpty }.joined(separator: ", ")
    if !detail.isEmpty { json = json.adding("detail", .text(detail)) }
    if !item.documentation.isEmpty {
      json = json.adding(
        "documentation", ["kind": "markdown", "value": .text(item.documentation.joined(separator: "\n\n"))])
    }
    return json
  }

  // MARK: Behind a point, a dash or a slash

  private func members(_ document: Document, _ line: CursorLine, _ offset: Int, _ separator: Character) -> [Item] {
    let meaning = meaning(document, line, offset, standing: separator == "/" ? "X" : "1", endingAt: line.wordStart - 1)
    return Self.fitting((meaning?.members ?? []).filter { $0.separator == separator }, line.word).map {
      Item(label: $0.name, kind: Self.kind($0), type: $0.type, about: $0.about)
    }
  }

  /// The elements of DICOM are thousands.
  private static let manyMax = 300

  /// Of very many those whose name begins with what is typed, then those that have it somewhere.
  private static func fitting(_ members: [HiltMember], _ word: String) -> [HiltMember] {
    guard members.count > manyMax else { return members }
    let typed = word.lowercased()
    if typed.isEmpty { return Array(members.prefix(manyMax)) }
    let begin = members.filter { $0.name.lowercased().hasPrefix(typed) }
    let others = members.filter {
      !$0.name.lowercased().hasPrefix(typed)
        && ($0.name.lowercased().contains(typed) || $0.about.lowercased().contains(typed))
    }
    return Array((begin + others).prefix(manyMax))
  }

  private static func kind(_ member: HiltMember) -> ItemKind {
    switch member.kind {
    case .segment: .structure
    case .group: .module
    case .field: .field
    case .component: .property
    case .name: .variable
    case .function: .function
    }
  }

  /// What a path means that ends before the cursor: of the text as it would be if its line were whole.
  private func meaning(
    _ document: Document, _ line: CursorLine, _ offset: Int, standing: String, endingAt end: Int
  ) -> HiltMeaning? {
    for text in Self.wholes(document.text, line, offset, standing) {
      if let meaning = study(document, text).meaning(endingAt: end) { return meaning }
    }
    return nil
  }

  /// The text with something where the cursor is; as it stands, with its brackets closed, and with what its statement
  /// needs to be one.
  static func wholes(_ text: TextDocument, _ line: CursorLine, _ offset: Int, _ standing: String) -> [String] {
    let start = String(decoding: text.bytes[..<line.wordStart], as: UTF8.self) + standing
    let rest = String(decoding: text.bytes[offset...], as: UTF8.self)
    let end = rest.firstIndex(where: \.isNewline) ?? rest.endIndex
    let (inLine, more) = (String(rest[..<end]), String(rest[end...]))
    let outer = line.outerClosers.isEmpty ? "" : "\n" + line.outerClosers
    // Where another entry of a record follows, it is the record's end that is missing.
    let behind = beginsEntry(more) ? "," + more + outer : outer + more
    guard line.isAtEnd else { return [start + inLine + behind] }
    let first = line.words.first.map(String.init) ?? ""
    let suffix =
      switch first.prefix(while: { $0.isLetter }) {
      case "if", "for", "match", "}": " { }"
      case "when": " => drop \"\""
      case "require": " else drop \"\""
      case _ where HiltVocabulary.statements.contains(first) || HiltVocabulary.headers.contains(first): ""
      default: line.before.contains("=") ? "" : " = absent"
      }
    // What follows in the line closes what is open.
    let ended = line.closers.isEmpty ? line.ending + inLine : inLine + line.ending
    let closed = inLine + line.closers
    var texts = [start + inLine + outer + more]
    for text in [closed, ended, closed + suffix] where !texts.contains(start + text + behind) {
      texts.append(start + text + behind)
    }
    return texts
  }

  /// `gender: …` in the line behind.
  private static func beginsEntry(_ text: String) -> Bool {
    let line = text.drop { $0.isWhitespace }
    let key = line.prefix { $0.isLetter || $0.isNumber || $0 == "." }
    return !key.isEmpty && line.dropFirst(key.count).first == ":"
  }

  // MARK: Heads

  /// What may stand in a line of the head; `nil` for any other line.
  private func head(_ document: Document, _ line: CursorLine) -> [Item]? {
    let words = line.words.map(String.init)
    func items(_ names: [String], _ kind: ItemKind = .keyword) -> [Item] { names.map { Item(label: $0, kind: kind) } }
    switch (words.first, words.last) {
    case ("in", _) where words.count == 1, ("out", _) where words.count == 1: return items(HiltVocabulary.formats)
    case ("in", _) where words[1] == "hl7", ("out", _) where words[1] == "hl7":
      if words.count == 2 { return items(HL7Versions.published, .constant) }
      let kinds = Set(HL7Tables.structureNames.compactMap { $0.split(separator: "_").first.map { "\($0)_*" } })
      return items(HL7Tables.structureNames + kinds.sorted(), .structure)
    case ("in", _) where words[1] == "xml", ("out", _) where words[1] == "xml":
      return items(HiltVocabulary.namespaces, .constant)
    case ("in", "fhir"), ("out", "fhir"): return items(HiltVocabulary.releases, .constant)
    case ("in", "r4"), ("out", "r4"),
      (_, "of") where line.before.contains("[* of"):
      return items(HiltVocabulary.resources, .structure)
    case ("table", "key"), ("table", "value"): return columns(document, line)
    case (_, "new"): return items(HL7Tables.structureNames + ["Bundle"], .structure)
    case (_, "is"), ("is", "not"):
      return items(["valued", "absent", "null", "not"] + HiltVocabulary.types)
        + items(HL7Tables.primitiveNames + study(document, document.text.text).recordTypes, .structure)
    case (_, "each"), (_, "add"):
      let members = study(document, document.text.text).root?.members ?? []
      return members.filter { $0.kind == .segment || words.last == "each" }
        .map { Item(label: $0.name, kind: Self.kind($0), type: $0.type) }
    case ("reject", _) where words.count == 1, (_, "reject"):
      let isDICOM = study(document, document.text.text).readsDICOM
      return items(isDICOM ? HiltVocabulary.statuses : ["AE", "AR"], .constant)
    case ("param", let last?) where last.hasSuffix(":"), ("var", let last?) where last.hasSuffix(":"):
      return items(HiltVocabulary.types + ["list of"])
    default: return nil
    }
  }

  /// The columns of the file that a table names.
  private func columns(_ document: Document, _ line: CursorLine) -> [Item] {
    let parts = line.before.split(separator: "\"", omittingEmptySubsequences: false)
    guard parts.count > 1, let bytes = bytes(path(String(parts[1]), of: document)) else { return [] }
    return (Delimited(bytes).rows.first ?? []).map { Item(label: $0.text, kind: .field) }
  }

  // MARK: Words

  /// The components or fields of a record with a type.
  private func parts(_ document: Document, _ line: CursorLine, _ offset: Int) -> [Item]? {
    let bytes = document.text.bytes
    var depth = 0
    var index = line.wordStart
    while index > 0, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index - 1]) { index -= 1 }
    guard index > 0, bytes[index - 1] == 0x7B || bytes[index - 1] == 0x2C else { return nil }
    while index > 0 {
      index -= 1
      if bytes[index] == 0x7D || bytes[index] == 0x29 || bytes[index] == 0x5D { depth += 1 }
      guard [0x7B, 0x28, 0x5B].contains(bytes[index]) else { continue }
      if depth > 0 {
        depth -= 1
        continue
      }
      guard bytes[index] == 0x7B else { return nil }
      break
    }
    let brace = index
    guard bytes[brace] == 0x7B else { return nil }
    while index > 0, bytes[index - 1] == 0x20 { index -= 1 }
    let (type, range) = document.text.word(at: index) ?? ("", index..<index)
    var members: [HiltMember] = []
    if type == "with" {
      var end = range.lowerBound
      while end > 0, bytes[end - 1] == 0x20 { end -= 1 }
      members = meaning(document, line, offset, standing: "1: absent", endingAt: end)?.members ?? []
      members = members.filter { $0.kind == .component || $0.kind == .field }
    } else if type.first?.isUppercase == true {
      members = Self.beginsBlock(document.text, range) ? [] : study(document, document.text.text).parts(of: type)
    } else {
      let (study, type) = recordType(document, Self.wholes(document.text, line, offset, "x: absent"), at: brace)
      members = type.flatMap { study?.parts(of: $0) } ?? []
    }
    return members.isEmpty
      ? nil
      : members.map {
        Item(label: $0.name, kind: Self.kind($0), type: $0.type, about: $0.about, text: $0.name + ": ")
      }
  }

  /// What a record without a name is, in the first text that says so.
  func recordType(_ document: Document, _ texts: [String], at brace: Int) -> (HiltStudy?, String?) {
    for text in texts {
      let study = study(document, text)
      if let type = study.recordType(at: brace) { return (study, type) }
    }
    return (nil, nil)
  }

  /// Whether the brace behind a name begins a block: `for order in each OBR {`, `if o-5[1] is NM {`.
  private static func beginsBlock(_ text: TextDocument, _ name: Range<Int>) -> Bool {
    var end = name.lowerBound
    while end > 0, text.bytes[end - 1] == 0x20 { end -= 1 }
    if end > 0, end == name.lowerBound, "./-".utf8.contains(text.bytes[end - 1]) { return true }
    guard let (word, range) = text.word(at: end), range.upperBound == end else { return false }
    return ["each", "in", "is", "not", "match"].contains(word)
  }

  private mutating func words(_ document: Document, _ line: CursorLine, _ offset: Int) -> [Item] {
    let standing = line.word.isEmpty ? "absent" : line.word
    // Where nothing stands yet the text is whole as it is.
    let isNothing = line.words.isEmpty && line.word.isEmpty && line.isAtEnd
    let found =
      isNothing
      ? study(document.address) : least(document, Self.wholes(document.text, line, offset, standing))
    guard let study = found else { return [] }
    let head = line.wordStart - (line.before.utf8.count - line.word.utf8.count)
    let above = String(decoding: document.text.bytes[head..<line.wordStart], as: UTF8.self)
    let codes = elementCodes(document, line, offset, above, head, standing) ?? []
    var items = codes.map { Item(label: $0, kind: .constant, about: "a code", text: "\"\($0)\"") }
    let before = line.before.trimmingEnd()
    let begins = line.words.isEmpty || before.hasSuffix("{") || before.hasSuffix("}") || before.hasSuffix("=>")
    for name in study.visible(at: line.wordStart).reversed() where !items.contains(where: { $0.label == name.text }) {
      let kind: ItemKind = name.kind == .function ? .function : name.kind == .constant ? .constant : .variable
      let summary = study.meaning(of: name)?.summary ?? ""
      items.append(Item(label: name.text, kind: kind, type: summary, about: Self.kind(name)))
    }
    if begins {
      items += (HiltVocabulary.statements + HiltVocabulary.decisions).map { Item(label: $0, kind: .keyword) }
    }
    if line.words.isEmpty { items += HiltVocabulary.headers.map { Item(label: $0, kind: .keyword) } }
    items += Self.fitting(study.root?.members ?? [], line.word).map { member in
      Item(label: member.name, kind: Self.kind(member), type: member.type, about: study.readsDICOM ? member.about : "")
    }
    items += HiltVocabulary.functions.map { page in
      Item(label: page.name, kind: .function, type: page.signature, documentation: Self.described(page))
    }
    items += HiltVocabulary.formPages.map { page in
      Item(label: page.name, kind: .keyword, type: page.signature, documentation: Self.described(page))
    }
    let rest = HiltVocabulary.roots + HiltVocabulary.making + HiltVocabulary.values + HiltVocabulary.connecting
    items += rest.map { Item(label: $0, kind: .keyword) }
    items += study.recordTypes.map { Item(label: $0, kind: .structure, type: "data type") }
    return items
  }

  /// Of some texts the one of which most can be read.
  private func least(_ document: Document, _ texts: [String]) -> HiltStudy? {
    var best: (study: HiltStudy, count: Int)?
    for text in texts {
      let study = study(document, text)
      let count = study.problems.count { ["E101", "E102", "E103", "E105"].contains($0.code) }
      if count < best?.count ?? .max { best = (study, count) }
      if count == 0 { break }
    }
    return best?.study
  }

  // MARK: Calls

  mutating func signatureHelp(_ address: String, _ offset: Int) -> JSONValue {
    guard let document = documents[address], let study = study(address),
      let call = document.text.call(at: offset)
    else { return .null }
    let name = study.names.first { $0.kind == .function && $0.text == call.name }
    let page = HiltVocabulary.functions.first { $0.name == call.name }
    guard let parameters = name?.parameters ?? page?.parameters else { return .null }
    let label = name?.signature ?? page?.signature ?? call.name
    var signature: JSONValue = [
      "label": .text(label), "parameters": .list(parameters.map { ["label": .text($0)] }),
    ]
    if let page, name == nil {
      signature = signature.adding(
        "documentation",
        ["kind": "markdown", "value": .text(Self.described(page).dropFirst().joined(separator: "\n\n"))])
    }
    return [
      "signatures": [signature], "activeSignature": 0,
      "activeParameter": .number(min(call.argument, max(0, parameters.count - 1))),
    ]
  }
}

extension TextDocument {
  /// The call in whose parentheses a place is, and the number of the argument.
  func call(at offset: Int) -> (name: String, argument: Int)? {
    var depth = 0
    var argument = 0
    var index = offset
    // A call that is longer than this is not found: an editor asks at every key.
    let least = max(0, offset - 4_096)
    while index > least {
      index -= 1
      switch bytes[index] {
      case 0x29, 0x5D, 0x7D: depth += 1
      case 0x5B, 0x7B: depth = max(0, depth - 1)
      case 0x2C where depth == 0: argument += 1
      case 0x28 where depth > 0: depth -= 1
      case 0x28:
        guard let (name, range) = word(at: index), range.upperBound == index else { return nil }
        return (name, argument)
      default: break
      }
    }
    return nil
  }
}

extension String {
  func trimmingEnd() -> String {
    var text = self
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return text
  }
}
