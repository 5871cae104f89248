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
        "uri": .text(FileAddress.address(path(file.path, of: document))), "range": ["start": start, "end": start],
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
    return ["uri": .text(FileAddress.address(path)), "range": text.json(line)]
  }

  func location(_ stretch: HiltStretch) -> JSONValue? {
    let path = path(stretch.file)
    let open = documents.values.first { $0.path == path || name(of: $0) == stretch.file }
    guard let text = open?.text ?? text(path) else { return nil }
    return ["uri": .text(open?.address ?? FileAddress.address(path)), "range": text.json(stretch.bytes)]
  }

  // MARK: Uses

  mutating func references(_ address: String, _ offset: Int, withDeclaration: Bool) -> JSONValue {
    guard let study = study(address), let (name, _) = study.name(at: offset) else { return [] }
    let places = places(of: name, study) ?? [name.place] + name.uses
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

  /// Where a name stands, in all programs of the project where a library gives it; `nil` where there are too many.
  private func places(of name: HiltName, _ study: HiltStudy) -> [HiltStretch]? {
    let isShared = [.function, .constant, .table].contains(name.kind)
    let isOfLibrary = study.title.isLibrary || name.place.file != study.file
    guard isShared, isOfLibrary, let root else { return [name.place] + name.uses }
    guard let files = try? ProgramFiles.programs([root]), files.count <= Self.programCountMax else { return nil }
    var places: Set<HiltStretch> = [name.place]
    places.formUnion(name.uses)
    for file in files {
      guard let text = text(file)?.text else { continue }
      let document = Document(address: "", path: file, language: "hilt", text: TextDocument(text))
      for other in self.study(document, text).names where other.place == name.place { places.formUnion(other.uses) }
    }
    return places.sorted { ($0.file, $0.bytes.lowerBound) < ($1.file, $1.bytes.lowerBound) }
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
    // What could not be read may use the name.
    if let problem = study.problems.first(where: { ["E100", "E101", "E102", "E103", "E104"].contains($0.code) }) {
      throw .failed("mend \(problem.code) in line \(problem.place.line) first: what can't be read can't be changed")
    }
    return (name, range)
  }

  mutating func rename(_ address: String, _ offset: Int, to new: String) throws(ResponseError) -> JSONValue {
    let (name, _) = try renamed(address, offset)
    guard HiltVocabulary.isName(new) else {
      throw .failed("'\(new)' can't be a name: small letters, digits and '_', and no word of the language")
    }
    guard let study = study(address), let places = places(of: name, study) else {
      throw .failed("this project has more than \(Self.programCountMax) programs; the library's name may be in any")
    }
    var byFile: [String: [HiltStretch]] = [:]
    for place in Set(places) { byFile[place.file, default: []].append(place) }
    var edits: [(address: String, edits: [JSONValue])] = []
    for (file, places) in byFile.sorted(by: { $0.key < $1.key }) {
      let open = documents.values.first { self.name(of: $0) == file }
      guard let text = open?.text ?? text(path(file)) else { throw .failed("\(file) can't be read") }
      let sorted = places.sorted { $0.bytes.lowerBound < $1.bytes.lowerBound }
      try check(file, open, text, sorted, new)
      edits.append(
        (open?.address ?? FileAddress.address(path(file)), sorted.map { edit(text, $0.bytes, new) }))
    }
    return changes(edits)
  }

  /// Refuses a new name that means something else already.
  private func check(
    _ file: String, _ open: Document?, _ text: TextDocument, _ places: [HiltStretch], _ new: String
  ) throws(ResponseError) {
    var bytes = text.bytes
    for place in places.reversed() { bytes.replaceSubrange(place.bytes, with: Array(new.utf8)) }
    let document = open ?? Document(address: "", path: path(file), language: "hilt", text: text)
    let twice = { (text: [UInt8]) in
      self.study(document, String(decoding: text, as: UTF8.self)).problems.filter { $0.code == "E112" }
    }
    let found = twice(bytes)
    if found.count > twice(text.bytes).count, let problem = found.last {
      throw .failed("\(file):\(problem.place.line): \(problem.message)")
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
