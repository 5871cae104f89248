import Hilt
import Text

/// What stands at a place, for a person who points at it.
extension Workspace {
  mutating func hover(_ address: String, _ offset: Int) -> JSONValue {
    guard let document = documents[address], let study = study(address) else { return .null }
    if let (name, range) = study.name(at: offset) {
      return hover(document, range, described(name, study, address))
    }
    if let (meaning, range) = study.meaning(at: offset) {
      return hover(document, range, described(meaning, address))
    }
    guard let (word, range) = document.text.word(at: offset) else { return .null }
    let isCalled = range.upperBound < document.text.bytes.count && document.text.bytes[range.upperBound] == 0x28
    if isCalled, let page = HiltVocabulary.functions.first(where: { $0.name == word }) {
      return hover(document, range, Self.described(page))
    }
    if !isCalled, let page = HiltVocabulary.formPages.first(where: { $0.name == word }) {
      return hover(document, range, Self.described(page))
    }
    return .null
  }

  private func hover(_ document: Document, _ range: Range<Int>, _ lines: [String]) -> JSONValue {
    [
      "contents": ["kind": "markdown", "value": .text(lines.joined(separator: "\n\n"))],
      "range": document.text.json(range),
    ]
  }

  static func described(_ page: HiltVocabulary.FunctionPage) -> [String] {
    var lines = ["`\(page.signature)`", page.summary]
    if page.canFail { lines.append("It can fail: it needs a `catch`.") }
    return lines + page.examples.prefix(3).map { code($0) }
  }

  private mutating func described(_ name: HiltName, _ study: HiltStudy, _ address: String) -> [String] {
    var lines = ["**\(name.signature)** (\(Self.kind(name)))"]
    if let meaning = study.meaning(of: name) {
      lines.append(
        meaning.title.isEmpty || meaning.title == name.text ? meaning.summary : "\(meaning.title): \(meaning.summary)")
      lines += meaning.details
    }
    if name.kind == .table, let file = name.file {
      lines.append("from \(Self.code(file)), by \(name.keys.joined(separator: ", "))")
    }
    if name.place.file != documents[address].map({ self.name(of: $0) }) { lines.append("from \(name.place.file)") }
    guard [.value, .element, .list].contains(name.kind), let document = documents[address], let trial = trial(address)
    else { return lines }
    let line = document.text.position(of: name.declaration.bytes.lowerBound).line + 1
    if name.kind == .value, let value = trial.values(document.turns)[line] {
      lines.append("\(Self.code(value.text)) in the sample \(trial.name)")
    }
    return lines
  }

  private mutating func described(_ meaning: HiltMeaning, _ address: String) -> [String] {
    var lines = meaning.title.isEmpty ? [] : ["**\(meaning.title)**"]
    lines.append(meaning.summary)
    lines += meaning.details
    if let path = meaning.input, let trial = trial(address), let value = trial.value(at: path) {
      lines.append("\(Self.code(value)) in the sample \(trial.name)")
    }
    return lines.filter { !$0.isEmpty }
  }

  static func kind(_ name: HiltName) -> String {
    switch name.kind {
    case .value: "a value"
    case .list: "a list that grows"
    case .element: "an element of the loop"
    case .turn: "the number of the turn"
    case .constant: "a constant"
    case .parameter: "a parameter of the transform"
    case .function: "a function"
    case .argument: "a parameter of the function"
    case .table: "a table"
    case .library: "a library"
    }
  }

  /// What comes from a message is shown as it is: nothing in it is markup.
  static func code(_ text: String) -> String {
    let longest = text.split { $0 != "`" }.map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: longest + 1)
    return longest == 0 ? "`\(text)`" : "\(fence) \(text) \(fence)"
  }

  // MARK: Values beside the lines

  mutating func inlayHints(_ address: String, _ range: Range<Int>) -> JSONValue {
    guard let trial = trial(address), let study = study(address), let document = documents[address] else { return [] }
    var labels: [Int: String] = [:]
    for (line, value) in trial.values(document.turns) {
      labels[line] = "= \(value.text)" + (value.count > 1 ? "  (\(value.count) times)" : "")
    }
    if let failure = trial.failure { labels[failure.line] = "✗ \(SampleTrial.shown(failure.text))" }
    let title = document.text.position(of: study.title.range.lowerBound).line + 1
    let outcome = trial.outcome.map { SampleTrial.shown($0) } ?? trial.trouble
    if let outcome {
      let count = trial.emittedCount == 0 ? "" : ", \(trial.emittedCount) emitted"
      labels[title] = "sample \(trial.name): \(outcome)\(count)"
    }
    let first = document.text.position(of: range.lowerBound).line
    let last = document.text.position(of: range.upperBound).line
    return .list(
      labels.keys.sorted().filter { first...last ~= $0 - 1 }.map { line in
        [
          "position": document.text.position(of: document.text.line(line - 1).upperBound).json,
          "label": .text(labels[line] ?? ""), "paddingLeft": true,
        ]
      })
  }
}

extension TextDocument {
  /// The word of letters, digits and `_` at a place.
  func word(at offset: Int) -> (text: String, range: Range<Int>)? {
    var start = offset
    while start > 0, Self.isWord(bytes[start - 1]) { start -= 1 }
    var end = offset
    while end < bytes.count, Self.isWord(bytes[end]) { end += 1 }
    return start < end ? (String(decoding: bytes[start..<end], as: UTF8.self), start..<end) : nil
  }

  static func isWord(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
  }
}
