import Authoring
import Hilt
import Messages
import Text

/// Where names come from, where they are used, and how they are given anew.
extension Workspace {
  /// More programs of a project than this are not searched for a library's names.
  static let programCountMax = 500

  mutating func definition(_ address: String, _ offset: Int) -> JSONValue {
    guard let document = documents[address], let study = study(address) else { return .null }
    let own = self.name(of: document)
    if let lookup = study.lookups.first(where: { $0.place.file == own && $0.place.bytes.contains(offset) }),
      let row = row(lookup, study)
    {
      return row
    }
    if let file = study.files.first(where: { $0.range.contains(offset) }) {
      let start = TextDocument.Position(line: 0, character: 0).json
      return [
        "uri": .text(self.address(path(file.path, of: document))), "range": ["start": start, "end": start],
      ]
    }
    return study.name(at: offset).flatMap { location($0.name.place) } ?? .null
  }

  /// The row of a table whose key is written where it is looked up.
  private func row(_ lookup: HiltLookup, _ study: HiltStudy) -> JSONValue? {
    let table = study.names[lookup.table]
    guard let file = table.file else { return nil }
    let path = RelativePath.joined(RelativePath.folder(of: self.path(table.place.file)), file)
    guard let text = text(path) else { return nil }
    let rows = Delimited(text.bytes).rows
    guard let header = rows.first?.map(\.text) else { return nil }
    let columns = table.keys.compactMap { header.firstIndex(of: $0) }
    guard columns.count == lookup.keys.count,
      let row = rows.dropFirst().first(where: { row in
        row.count == header.count && zip(columns, lookup.keys).allSatisfy { row[$0].text == $1 }
      }), let field = row.first
    else { return nil }
    let line = text.line(field.line - 1)
    return ["uri": .text(self.address(path)), "range": text.json(line)]
  }

  func location(_ stretch: HiltStretch) -> JSONValue? {
    document(stretch.file).map { ["uri": .text($0.address), "range": $0.text.json(stretch.bytes)] }
  }

  // MARK: Uses

  mutating func references(_ address: String, _ offset: Int, withDeclaration: Bool) -> JSONValue {
    guard let study = study(address), let (name, _) = study.name(at: offset) else { return [] }
    let places = spread(of: name, study)?.places.sorted() ?? [name.place] + name.uses
    return .list(places.filter { withDeclaration || $0 != name.place }.compactMap { location($0) })
  }

  mutating func highlights(_ address: String, _ offset: Int) -> JSONValue {
    guard let document = documents[address], let study = study(address), let (name, _) = study.name(at: offset) else {
      return []
    }
    let own = self.name(of: document)
    return .list(
      ([name.place] + name.uses).filter { $0.file == own }.map { place in
        ["range": document.text.json(place.bytes), "kind": place == name.place ? 3 : 2]
      })
  }

  /// Where a name stands in the project.
  private struct Spread {
    var places: Set<HiltStretch>
    /// The programs that can see it, as problems name them.
    var files: Set<String>
    /// What can't be read in them may be more of it.
    var unread: [Problem] = []
  }

  /// A library's names are looked for in all programs; `nil` where there are too many.
  private func spread(of name: HiltName, _ study: HiltStudy) -> Spread? {
    var spread = Spread(places: Set([name.place] + name.uses), files: [study.file])
    spread.unread += Self.unreadable(study)
    let isShared = [.function, .constant, .table].contains(name.kind)
    let isOfLibrary = study.title.isLibrary || name.place.file != study.file
    guard isShared, isOfLibrary, let root else { return spread }
    guard let files = try? ProgramFiles.programs([root]), files.count <= Self.programCountMax else { return nil }
    for file in files {
      guard let text = text(file)?.text else { continue }
      let other = self.study(Document(address: "", path: file, language: "hilt", text: TextDocument(text)), text)
      let found = other.names.filter { $0.place == name.place }
      if found.isEmpty { continue }
      for name in found { spread.places.formUnion(name.uses) }
      spread.files.insert(other.file)
      spread.unread += Self.unreadable(other)
    }
    return spread
  }

  private static func unreadable(_ study: HiltStudy) -> [Problem] {
    study.problems.filter { ["E100", "E101", "E102", "E103", "E104"].contains($0.code) }
  }

  // MARK: Renaming

  mutating func prepareRename(_ address: String, _ offset: Int) throws(ResponseError) -> JSONValue {
    let (name, range) = try renamed(address, offset)
    guard let document = documents[address] else { return .null }
    return ["range": document.text.json(range), "placeholder": .text(name.text)]
  }

  private mutating func renamed(_ address: String, _ offset: Int) throws(ResponseError) -> (HiltName, Range<Int>) {
    guard let study = study(address), let (name, range) = study.name(at: offset) else {
      throw .failed("only names that a program gives can be given anew")
    }
    try refuse(Self.unreadable(study), study.file)
    return (name, range)
  }

  /// What can't be read may use the name.
  private func refuse(_ unread: [Problem], _ file: String) throws(ResponseError) {
    guard let problem = unread.first else { return }
    let place =
      problem.place.file == file ? "line \(problem.place.line)" : "\(problem.place.file):\(problem.place.line)"
    throw .failed("mend \(problem.code) in \(place) first: what can't be read can't be changed")
  }

  mutating func rename(_ address: String, _ offset: Int, to new: String) throws(ResponseError) -> JSONValue {
    let (name, _) = try renamed(address, offset)
    guard HiltVocabulary.isName(new) else {
      throw .failed("'\(new)' can't be a name: small letters, digits and '_', and no word of the language")
    }
    guard let study = study(address), let spread = spread(of: name, study) else {
      throw .failed("this project has more than \(Self.programCountMax) programs; the library's name may be in any")
    }
    try refuse(spread.unread, study.file)
    var edits: [(address: String, edits: [JSONValue])] = []
    var texts: [String: String] = [:]
    for (file, places) in Dictionary(grouping: spread.places, by: \.file).sorted(by: { $0.key < $1.key }) {
      let document = document(file)
      guard let text = document?.text else { throw .failed("\(file) can't be read") }
      let sorted = places.sorted()
      var bytes = text.bytes
      for place in sorted.reversed() { bytes.replaceSubrange(place.bytes, with: Array(new.utf8)) }
      texts[file] = String(decoding: bytes, as: UTF8.self)
      edits.append((document?.address ?? "", sorted.map { edit(text, $0.bytes, new) }))
    }
    for file in spread.files.union(texts.keys).sorted() { try check(file, texts, name.kind, new) }
    return changes(edits)
  }

  /// A file as problems name it, open or not.
  private func document(_ file: String) -> Document? {
    if let open = documents.values.first(where: { name(of: $0) == file }) { return open }
    let path = path(file)
    return text(path).map { Document(address: FileAddress.address(path), path: path, language: "hilt", text: $0) }
  }

  /// Refuses a new name that means something else already in a program.
  ///
  /// - Parameter texts: those with the new name, by file.
  private func check(
    _ file: String, _ texts: [String: String], _ kind: HiltName.Kind, _ new: String
  ) throws(ResponseError) {
    guard let document = document(file) else { return }
    var open = open
    for (file, text) in texts { open[path(file)] = Array(text.utf8) }
    let after = study(document, texts[file] ?? document.text.text, open: open)
    let twice = after.problems.filter { $0.code == "E112" }
    let before = study(document, document.text.text).problems.count { $0.code == "E112" }
    if twice.count > before, let problem = twice.last {
      throw .failed("\(problem.place.file):\(problem.place.line): \(problem.message)")
    }
    // A program's own function goes before one of a library, and nobody is told.
    let same = after.names.filter { $0.kind == .function && $0.text == new && ($0.isImported || $0.place.file == file) }
    if kind == .function, same.count > 1 {
      throw .failed("\(file): '\(new)' would be a function of \(same.map(\.place.file).joined(separator: " and of "))")
    }
  }

  // MARK: Outline

  mutating func symbols(_ address: String) -> JSONValue {
    guard let document = documents[address], let study = study(address), !study.title.name.isEmpty else { return [] }
    let own = name(of: document)
    let named = study.names.filter { $0.place.file == own && $0.kind != .argument && $0.kind != .turn }
    let children = named.sorted { $0.place.bytes.lowerBound < $1.place.bytes.lowerBound }.map { name -> JSONValue in
      let whole = name.declaration.bytes
      return [
        "name": .text(name.signature), "detail": .text(Self.kind(name)), "kind": .number(Self.symbolKind(name.kind)),
        "range": document.text.json(
          min(whole.lowerBound, name.place.bytes.lowerBound)..<max(whole.upperBound, name.place.bytes.upperBound)),
        "selectionRange": document.text.json(name.place.bytes),
      ]
    }
    return [
      [
        "name": .text(study.title.name), "detail": study.title.isLibrary ? "a library" : "a transform", "kind": 2,
        "range": document.text.json(0..<document.text.bytes.count),
        "selectionRange": document.text.json(study.title.range), "children": .list(children),
      ]
    ]
  }

  private static func symbolKind(_ kind: HiltName.Kind) -> Int {
    switch kind {
    case .function: 12
    case .constant: 14
    case .parameter: 7
    case .table: 23
    case .library: 3
    default: 13
    }
  }
}
