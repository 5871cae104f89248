import Definitions
import Hilt
import Text

/// What may stand in a text: codes of the place that it is compared with, keys of a table, files, destinations.
extension Workspace {
  /// - Parameter quote: where the text begins.
  /// - Returns: what may stand there, and from where on it takes the place of what is written.
  func texts(_ document: Document, _ line: CursorLine, _ offset: Int, from quote: Int) -> ([Item], Int) {
    let bytes = document.text.bytes
    let typed = String(decoding: bytes[quote + 1..<offset], as: UTF8.self)
    let head = document.text.line(document.text.position(of: offset).line).lowerBound
    let before = String(decoding: bytes[head..<quote], as: UTF8.self)
    let words = before.split(separator: " ")
    if let word = words.last, ["import", "profile", "from"].contains(word), words.count < 4 {
      let ending = ["import": ".hilt", "profile": ".yaml", "from": ".csv"][word] ?? ""
      let name = typed.lastIndex(of: "/").map { typed[...$0].utf8.count } ?? 0
      return (files(document, typed, ending), quote + 1 + name)
    }
    let constants = { (texts: [String]) in texts.map { Item(label: $0, kind: .constant) } }
    if words.contains("emit"), words.contains("to") {
      return (constants(destinations(of: document)), quote + 1)
    }
    if let keys = keys(document, before) { return (constants(keys), quote + 1) }
    if let codes = elementCodes(document, line, offset, before, head, line.word) {
      return (constants(codes), quote + 1)
    }
    let (end, whole) = Self.compared(document.text, line, head, quote, offset)
    let codes = end.flatMap { study(document, whole).meaning(endingAt: $0)?.codes } ?? []
    return (constants(codes), quote + 1)
  }

  // MARK: Codes

  /// Where the path ends that a text is compared with, and the text as it would be if that could be read.
  private static func compared(
    _ text: TextDocument, _ line: CursorLine, _ head: Int, _ quote: Int, _ offset: Int
  ) -> (Int?, String) {
    let bytes = text.bytes
    let isClosed = offset < bytes.count && bytes[offset] == 0x22
    var rest = String(decoding: bytes[head..<quote], as: UTF8.self)
    // `in ["A", "`: what came before in the list says nothing.
    if let list = rest.lastIndex(of: "["), rest[..<list].hasSuffix("in ") { rest = String(rest[..<list]) }
    let trimmed = rest.trimmingEnd()
    for sign in ["==", "!=", "=", " not in", " in"] where trimmed.hasSuffix(sign) {
      let end = head + String(trimmed.dropLast(sign.count)).trimmingEnd().utf8.count
      let isWhole = isClosed || !line.isAtEnd
      return (end, isWhole ? text.text : wholes(text, line, offset, line.word).last ?? text.text)
    }
    // `match PID-8 {`, and the text of one of its arms.
    guard trimmed.allSatisfy({ $0 == " " }) || trimmed.hasSuffix("|"), let brace = text.brace(before: head) else {
      return (nil, "")
    }
    let start = text.line(text.position(of: brace).line).lowerBound
    let opening = String(decoding: bytes[start..<brace], as: UTF8.self)
    guard opening.split(separator: " ").contains("match") else { return (nil, "") }
    let behind = String(decoding: bytes[(isClosed ? offset + 1 : offset)...], as: UTF8.self)
    let isArm = behind.prefix { !$0.isNewline }.contains("=>")
    let whole = String(decoding: bytes[..<quote], as: UTF8.self) + (isArm ? "\"\"" : "\"\" => drop \"x\"") + behind
    return (start + opening.trimmingEnd().utf8.count, whole)
  }

  /// The codes of `gender: "…"` in a `Patient { … }`; `nil` where no element of a record stands before the text.
  ///
  /// - Parameter standing: what may stand there for now.
  func elementCodes(
    _ document: Document, _ line: CursorLine, _ offset: Int, _ before: String, _ head: Int, _ standing: String
  ) -> [String]? {
    let trimmed = before.trimmingEnd()
    guard trimmed.hasSuffix(":") else { return nil }
    let end = head + trimmed.utf8.count - 1
    guard let (name, range) = document.text.word(at: end), range.upperBound == end,
      let brace = document.text.brace(before: range.lowerBound)
    else { return nil }
    var index = brace
    while index > 0, document.text.bytes[index - 1] == 0x20 { index -= 1 }
    if let type = document.text.word(at: index)?.text, type.first?.isUppercase == true {
      return HiltVocabulary.codes(of: name, in: type)
    }
    let texts = [document.text.text] + Self.wholes(document.text, line, offset, standing)
    return recordType(document, texts, at: brace).1.map { HiltVocabulary.codes(of: name, in: $0) }
  }

  // MARK: Tables

  /// The keys of a table in whose brackets a text stands; `nil` where it stands in none.
  private func keys(_ document: Document, _ before: String) -> [String]? {
    guard let bracket = before.lastIndex(of: "[") else { return nil }
    let name = String(before[..<bracket].reversed().prefix { $0.isLetter || $0.isNumber || $0 == "_" }.reversed())
    let behind = before[before.index(after: bracket)...]
    guard !name.isEmpty, !behind.contains("]") else { return nil }
    let tables = study(document, document.text.text).names.filter { $0.kind == .table && $0.text == name }
    guard let table = tables.first, let file = table.file else { return nil }
    let number = behind.count { $0 == "," }
    let folder = RelativePath.folder(of: path(table.place.file))
    guard number < table.keys.count, let bytes = bytes(RelativePath.joined(folder, file)) else { return [] }
    let rows = Delimited(bytes).rows
    guard let column = rows.first?.firstIndex(where: { $0.text == table.keys[number] }) else { return [] }
    var seen: Set<String> = []
    return rows.dropFirst().compactMap { $0.indices.contains(column) ? $0[column].text : nil }
      .filter { seen.insert($0).inserted }
  }

  // MARK: Files and channels

  /// The files of a folder that a program can name.
  private func files(_ document: Document, _ typed: String, _ ending: String) -> [Item] {
    let folder = typed.lastIndex(of: "/").map { String(typed[..<$0]) } ?? "."
    let place = path(folder, of: document)
    let names = ((try? OpenFiles(open: [:]).names(in: place)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    return names.compactMap { name in
      if name.hasSuffix(ending) { return Item(label: name, kind: .file) }
      return name.contains(".") ? nil : Item(label: name + "/", kind: .file)
    }
  }

  /// The destinations of the channels that use a program, as they are on the disk: what is being typed is no program.
  private func destinations(of document: Document) -> [String] {
    guard let root, let loader = channels?(root, OpenFiles(open: [:])) else { return [] }
    let name = study(document, document.text.text).title.name
    let using = loader.load(folder: root + "/Channels").definitions.filter { $0.transform?.name == name }
    return Set(using.flatMap { $0.destinations.map(\.name) }).sorted()
  }
}

extension TextDocument {
  /// The brace that is open where a place is.
  func brace(before offset: Int) -> Int? {
    var depth = 0
    for index in stride(from: offset - 1, through: 0, by: -1) {
      if bytes[index] == 0x7D { depth += 1 }
      guard bytes[index] == 0x7B else { continue }
      if depth == 0 { return index }
      depth -= 1
    }
    return nil
  }
}
