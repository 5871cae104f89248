import Authoring
import Definitions
import Hilt
import Messages
import Text

/// What is wrong with a document, in the words of `hilum check`, and the changes that mend it.
extension Workspace {
  /// - Parameter page: the address of a code's page.
  mutating func diagnostics(_ address: String, page: (String) -> String?) -> JSONValue? {
    guard let document = documents[address] else { return nil }
    let found: [JSONValue]
    switch document.kind {
    case .program:
      guard let study = study(address) else { return nil }
      found = problems(document, study).map { diagnostic($0, document, study, page) }
    case .channel: found = channelProblems(document).map { diagnostic($0, document, nil, page) }
    case .other: found = []
    }
    return ["uri": .text(address), "version": .number(document.text.version), "diagnostics": .list(found)]
  }

  /// The problems of a program. A parameter without a default has the value that the sample gives it, as it has one
  /// in a channel.
  private func problems(_ document: Document, _ study: HiltStudy) -> [Problem] {
    guard let path = document.path, study.problems.contains(where: { $0.code == "E160" }),
      let folder = CaseSample.folders(of: path).first, let sample = try? CaseSample(folder)
    else { return study.problems }
    let given = sample.parameters(of: study)
    return given.isEmpty
      ? study.problems : self.study(document, document.text.text, parameters: given).problems
  }

  private func channelProblems(_ document: Document) -> [Problem] {
    guard let path = document.path, let loader = channels?(root, OpenFiles(open: open)) else { return [] }
    return loader.load([path]).problems
  }

  private func diagnostic(
    _ problem: Problem, _ document: Document, _ study: HiltStudy?, _ page: (String) -> String?
  ) -> JSONValue {
    let own = problem.place.file == name(of: document) || problem.place.file == document.path
    let range = own ? document.text.range(of: problem.place) : reference(to: problem.place.file, document, study)
    var message = problem.message
    if !own { message = "\(problem.place): \(message)" }
    if let label = problem.label { message += "\n\(label)" }
    if !problem.help.isEmpty { message += "\nhelp: " + problem.help.joined(separator: "  |  ") }
    for note in problem.notes { message += "\nnote: \(note)" }
    var diagnostic: JSONValue = [
      "range": document.text.json(range), "severity": problem.severity == .error ? 1 : 2, "code": .text(problem.code),
      "source": "hilum", "message": .text(message),
    ]
    diagnostic = diagnostic.adding("codeDescription", page(problem.code).map { ["href": .text($0)] })
    // What is not used is shown pale.
    if ["W101", "W102"].contains(problem.code) { diagnostic = diagnostic.adding("tags", [1]) }
    guard !own, let text = text(path(problem.place.file)) else { return diagnostic }
    let location: JSONValue = [
      "uri": .text(self.address(path(problem.place.file))), "range": text.json(text.range(of: problem.place)),
    ]
    return diagnostic.adding(
      "relatedInformation", [["location": location, "message": .text(problem.message)]])
  }

  /// Where a document names a file, directly or by another one that it names; else its own name.
  private func reference(to file: String, _ document: Document, _ study: HiltStudy?) -> Range<Int> {
    let wanted = path(file)
    if let named = study?.files.first(where: { path($0.path, of: document) == wanted }) { return named.range }
    return study.map { $0.files.first?.range ?? $0.title.range } ?? document.text.line(0)
  }

  // MARK: Mending

  /// The changes that problems within a stretch carry, all of the document's at once, and the page of each code.
  mutating func codeActions(_ address: String, _ range: Range<Int>, only: [String]?) -> JSONValue {
    guard let document = documents[address], let study = study(address) else { return [] }
    let wants = { (kind: String) in only?.contains { kind == $0 || kind.hasPrefix($0 + ".") } ?? true }
    let file = name(of: document)
    let own = problems(document, study).filter { $0.place.file == file }
    let here = own.filter { problem in
      let place = document.text.range(of: problem.place)
      return place.lowerBound <= range.upperBound && range.lowerBound <= place.upperBound
    }
    var actions: [JSONValue] = []
    for problem in here where wants("quickfix") {
      guard let fix = problem.fix, fix.place.file == file else { continue }
      let edit = self.edit(document.text, document.text.range(of: fix.place), fix.replacement)
      let title = fix.replacement.isEmpty ? "Remove what is too much" : "Write \(Self.oneLine(fix.replacement))"
      actions.append([
        "title": .text("\(title) (\(problem.code))"), "kind": "quickfix", "isPreferred": true,
        "edit": changes([(address, [edit])]),
      ])
    }
    let (fixed, done) = Fixes.applied(own, to: document.text.text, file: file)
    if wants("source.fixAll"), !done.isEmpty {
      actions.append([
        "title": .text("Make every change that is sure (\(done.count))"), "kind": "source.fixAll.hilum",
        "edit": changes([(address, [replacement(of: document.text, with: fixed)].compactMap(\.self))]),
      ])
    }
    for code in Set(here.map(\.code)).sorted() where wants("quickfix") {
      actions.append([
        "title": .text("Explain \(code)"), "kind": "quickfix",
        "command": ["title": .text("Explain \(code)"), "command": "hilum.explain", "arguments": [.text(code)]],
      ])
    }
    return .list(actions)
  }

  private static func oneLine(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.count > 40 ? line.prefix(40) + "…" : line
  }

  func edit(_ text: TextDocument, _ range: Range<Int>, _ new: String) -> JSONValue {
    ["range": text.json(range), "newText": .text(new)]
  }

  /// Changes of several documents, as an editor makes them.
  func changes(_ documents: [(address: String, edits: [JSONValue])]) -> JSONValue {
    ["changes": .object(documents.map { (key: $0.address, value: .list($0.edits)) })]
  }

  /// The smallest change of whole lines that makes one text of another; `nil` where they are the same.
  func replacement(of old: TextDocument, with new: String) -> JSONValue? {
    let (before, after) = (old.bytes, Array(new.utf8))
    if before == after { return nil }
    var start = zip(before, after).prefix { $0 == $1 }.count
    while start > 0, before[start - 1] != 0x0A { start -= 1 }
    let most = min(before.count, after.count) - start
    var end = zip(before.reversed(), after.reversed()).sharedCount(most) { $0 == $1 }
    while end > 0, end < before.count, before[before.count - end - 1] != 0x0A { end -= 1 }
    return edit(
      old, start..<before.count - end, String(decoding: after[start..<after.count - end], as: UTF8.self))
  }

  // MARK: Layout

  mutating func formatting(_ address: String) -> JSONValue {
    guard let document = documents[address], document.kind == .program,
      let laidOut = HiltLayout.laidOut(document.text.text, file: name(of: document)).text
    else { return [] }
    return .list([replacement(of: document.text, with: laidOut)].compactMap(\.self))
  }
}

extension Sequence {
  /// How many elements from the first on fit, up to a number.
  fileprivate func sharedCount(_ most: Int, _ fits: (Element) -> Bool) -> Int {
    var count = 0
    for element in self {
      guard count < most, fits(element) else { break }
      count += 1
    }
    return count
  }
}
