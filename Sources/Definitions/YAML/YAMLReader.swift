import ConnectorKit
import Messages
import Yams

/// Reads a file of settings: YAML to settings with their places, and all problems that can be seen in it.
///
/// What YAML offers beyond blocks, lists and text is refused, because nobody expects it in a channel file and each has
/// surprised someone: anchors and aliases, tags, merge keys, several documents, the same key twice.
struct YAMLReader {
  /// The largest file that is read, in bytes. A channel file of a thousand lines has some 50 KB.
  static let fileBytesMax = 1 << 20
  /// How deep blocks may stand in blocks.
  static let depthMax = 32
  /// Keys that stand twice are reported up to this many, and in so many blocks.
  private static let duplicatesMax = 200
  private static let roundsMax = 20
  /// A file with more keys and values is no file of settings.
  static let nodesMax = 20_000

  /// What was read: the settings, where there are any, and what is wrong with them.
  struct Outcome: Sendable {
    var node: SettingNode?
    var problems: [Problem]
    var source: SourceText
    /// The `${NAME}` that were read, with their values.
    var variables: [String: String]
    /// Where texts stand with a `$` that was left as it is, to be resolved later.
    var deferred: Set<Place> = []
  }

  private let source: SourceText
  private var variables: Variables
  private let defersVariables: Bool
  private var deferred: Set<Place> = []
  private var problems: [Problem] = []
  private var nodeCount = 0
  /// Where anchors and tags were refused.
  private var refused: Set<Place> = []

  private init(source: SourceText, variables: Variables, defersVariables: Bool) {
    self.source = source
    self.variables = variables
    self.defersVariables = defersVariables
  }

  /// - Parameters:
  ///   - file: the name of the file as people see it.
  ///   - environment: gives the value of a `${NAME}`, or `nil` where there is none.
  static func read(
    _ bytes: [UInt8], file: String, environment: @escaping @Sendable (String) -> String? = { _ in nil }
  ) -> Outcome {
    read(bytes, file: file, Variables(environment: environment))
  }

  /// - Parameter defersVariables: whether `${…}` is left as it is: a template gives it another value for each channel.
  static func read(_ bytes: [UInt8], file: String, _ variables: Variables, defersVariables: Bool = false) -> Outcome {
    let start = Place(file: file, line: 1, column: 1)
    func refused(_ code: String, _ message: String, _ help: [String]) -> Outcome {
      Outcome(
        node: nil, problems: [Problem(code, message, at: start, help: help)], source: SourceText(file: file, text: ""),
        variables: [:])
    }
    if bytes.count > fileBytesMax {
      return refused(
        "C115", "this file has \(bytes.count) bytes; at most \(ByteSize(bytes: fileBytesMax).text) are read",
        ["is this a message or a table rather than a file of settings?"])
    }
    let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    guard let text = String(validating: content, as: UTF8.self) else {
      return refused("C118", "this file is not text in UTF-8", ["save it as UTF-8 in your editor"])
    }
    var reader = YAMLReader(
      source: SourceText(file: file, text: text), variables: variables, defersVariables: defersVariables)
    let node = reader.document()
    return Outcome(
      node: node, problems: reader.problems, source: reader.source, variables: reader.variables.used,
      deferred: reader.deferred)
  }

  private mutating func document() -> SettingNode? {
    guard let root = compose() else { return nil }
    if case .scalar(let scalar) = root, scalar.string.isEmpty { return empty() }
    return node(root, owner: nil, depth: 1)
  }

  private mutating func empty() -> SettingNode? {
    problems.append(
      Problem(
        "C119", "there are no settings in this file", at: source.place(line: 1, scalarColumn: 1),
        help: ["begin with `channel: NAME`"]))
    return nil
  }

  /// The tree of YAML's parser. It gives up at the first key that stands twice: that key is hidden from it and the rest
  /// is read again, so that one such mistake hides no other.
  private mutating func compose() -> Node? {
    if let anchors = tooManyAnchors() {
      problems.append(anchors)
      return nil
    }
    var text = source.text
    var hiddenCount = 0
    for _ in 0...Self.roundsMax where hiddenCount <= Self.duplicatesMax {
      do {
        guard let root = try Yams.compose(yaml: text) else { return empty().flatMap { _ in nil } }
        return root
      } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
        guard let hidden = Self.hidingSecond(keys, from: context.mark, in: text, &hiddenCount) else {
          let place = source.place(line: context.mark.line, scalarColumn: context.mark.column)
          problems.append(duplicate(keys.first ?? "", at: place, first: nil))
          return nil
        }
        text = hidden
      } catch let error as YamlError {
        problems.append(YAMLMistake.problem(error, in: source))
        return nil
      } catch {
        problems.append(Problem("C110", "this file cannot be read as YAML", at: source.place(line: 1, scalarColumn: 1)))
        return nil
      }
    }
    problems.append(
      Problem(
        "C113", "many keys stand twice in this file",
        at: source.place(line: 1, scalarColumn: 1), help: ["was the file written twice into itself?"]))
    return nil
  }

  /// The text with the next mention of each of the keys made unlike the first, at the same width; `nil` where there is
  /// none. What is no key of that block is hidden as well, and found again when keys are read.
  private static func hidingSecond(
    _ keys: [String], from mark: Mark, in text: String, _ count: inout Int
  ) -> String? {
    var scalars = Array(text.unicodeScalars)
    var line = 1
    var index = 0
    while index < scalars.count, line < mark.line {
      if scalars[index] == "\n" { line += 1 }
      index += 1
    }
    index += max(0, mark.column - 1)
    let before = count
    for key in keys.prefix(duplicatesMax).map({ Array($0.unicodeScalars) }) where !key.isEmpty {
      guard let at = mention(of: key, behind: index + key.count, in: scalars) else { continue }
      scalars[at] = Unicode.Scalar(hiding.lowerBound.value + UInt32(count % 256)) ?? hiding.lowerBound
      count += 1
    }
    guard count > before else { return nil }
    var hidden = String.UnicodeScalarView()
    hidden.append(contentsOf: scalars)
    return String(hidden)
  }

  /// Where a key is written next: behind what parts entries, and before a colon.
  private static func mention(of key: [Unicode.Scalar], behind start: Int, in scalars: [Unicode.Scalar]) -> Int? {
    let parting: Set<Unicode.Scalar> = [" ", "\n", "\"", "'", "{", ","]
    let closing: Set<Unicode.Scalar> = [" ", "\"", "'"]
    var at = start
    while at + key.count <= scalars.count {
      let end = at + key.count
      if scalars[at] == key[0], scalars[at..<end].elementsEqual(key), parting.contains(scalars[at - 1]),
        scalars[end...].first(where: { !closing.contains($0) }) == ":"
      {
        return at
      }
      at += 1
    }
    return nil
  }

  /// Stand for the first letter of a key that was hidden, another each time: private characters that no file has.
  private static let hiding: ClosedRange<Unicode.Scalar> = "\u{E000}"..."\u{E0FF}"

  private func duplicate(_ key: String, at place: Place, first: Place?) -> Problem {
    Problem(
      "C113", "`\(key)` stands twice in this block" + (first.map { "; the first is in line \($0.line)" } ?? ""),
      at: place, help: ["keep one of them"])
  }

  /// Anchors are refused one by one where they stand; so many of them are a trap that YAML's parser must not unfold.
  private func tooManyAnchors() -> Problem? {
    var found: [Place] = []
    for number in 1...max(1, source.lineCount) {
      let line = source.line(number)
      guard line.utf8.contains(UInt8(ascii: "&")) else { continue }
      let letters = Array(line)
      for index in letters.indices.dropLast() where letters[index] == "&" && letters[index + 1].isLetter {
        if index == 0 || " [{,:-".contains(letters[index - 1]) {
          found.append(Place(file: source.file, line: number, column: index + 1))
        }
      }
    }
    guard found.count > 16 else { return nil }
    return Self.notInChannelFiles("anchors and aliases", "&", at: found[0])
  }

  private static func notInChannelFiles(_ what: String, _ sign: String, at place: Place) -> Problem {
    Problem(
      "C114", "\(what) of YAML are not used here", at: place, label: "`\(sign)` begins one",
      help: ["write the settings out", "put quotes around a text that begins with `\(sign)`"])
  }

  // MARK: - Nodes

  /// - Parameter owner: the place of the key that this is the value of; a block shows itself there.
  private mutating func node(_ yaml: Node, owner: Place?, depth: Int) -> SettingNode? {
    guard let mark = yaml.mark else { return nil }
    var place = source.place(line: mark.line, scalarColumn: mark.column)
    if let first = source.rest(at: place).first, first == "!" || first == "&" {
      // The parser puts the node of an anchor in the place of each of its aliases: it is read once, where it stands.
      guard refused.insert(place).inserted else { return nil }
      problems.append(
        first == "!"
          ? Self.notInChannelFiles("tags", "!", at: place)
          : Self.notInChannelFiles("anchors and aliases", "&", at: place))
    }
    nodeCount += 1
    guard nodeCount <= Self.nodesMax else {
      if nodeCount == Self.nodesMax + 1 {
        problems.append(
          Problem("C115", "more than \(Self.nodesMax) values stand in this file; what follows is not read", at: place))
      }
      return nil
    }
    guard depth <= Self.depthMax else {
      problems.append(
        Problem("C115", "blocks stand in blocks here, more than \(Self.depthMax) deep", at: owner ?? place))
      return nil
    }
    switch yaml {
    case .scalar(let scalar):
      if scalar.string.isEmpty, scalar.style == .plain { place = owner ?? place }
      return self.scalar(scalar, at: place)
    case .sequence(let list):
      place = flowPlace(place) ?? owner ?? place
      return SettingNode(.list(list.compactMap { node($0, owner: nil, depth: depth + 1) }), at: place)
    case .mapping(let mapping):
      let flow = flowPlace(place)
      if let flow, isTemplate(mapping) {
        let text = String(source.rest(at: flow).prefix(flow.length))
        problems.append(UnquotedHilt.problem(value: text, at: flow))
        return SettingNode(.scalar(text), at: flow)
      }
      if flow != nil { reportCuts(in: mapping) }
      return SettingNode(.map(entries(mapping, flow: flow != nil, depth: depth)), at: flow ?? owner ?? place)
    case .alias:
      problems.append(Self.notInChannelFiles("anchors and aliases", "*", at: place))
      return nil
    }
  }

  private mutating func scalar(_ scalar: Node.Scalar, at place: Place) -> SettingNode {
    var place = place
    let rest = source.rest(at: place)
    switch scalar.style {
    case .literal, .folded:
      return SettingNode(.scalar(scalar.string), at: place)
    case .doubleQuoted, .singleQuoted:
      place.length = Self.quotedLength(rest)
    default:
      place.length = max(1, rest.hasPrefix(scalar.string) ? scalar.string.count : Self.trimmedCount(rest))
    }
    guard !defersVariables else {
      if scalar.string.utf8.contains(UInt8(ascii: "$")) { deferred.insert(place) }
      return SettingNode(.scalar(scalar.string), at: place)
    }
    return SettingNode(.scalar(variables.resolve(scalar.string, at: place, in: source, problems: &problems)), at: place)
  }

  private mutating func entries(_ mapping: Node.Mapping, flow: Bool, depth: Int) -> [SettingNode.Entry] {
    var entries: [SettingNode.Entry] = []
    var places: [String: Place] = [:]
    for (keyNode, valueNode) in mapping {
      guard case .scalar(let scalar) = keyNode, let mark = keyNode.mark else {
        let place = keyNode.mark.map { source.place(line: $0.line, scalarColumn: $0.column) }
        problems.append(
          Problem(
            "C114", "a key is one word here, not a block or a list",
            at: place ?? source.place(line: 1, scalarColumn: 1), help: ["put quotes around a text with brackets"]))
        continue
      }
      var place = source.place(line: mark.line, scalarColumn: mark.column)
      var key = scalar.string
      if let first = key.unicodeScalars.first, Self.hiding.contains(first) {
        let rest = source.rest(at: place).drop { $0 == "\"" || $0 == "'" }
        key = String(rest.prefix(key.count))
      }
      place.length = scalar.style == .plain ? max(1, key.count) : Self.quotedLength(source.rest(at: place))
      if key == "<<" {
        problems.append(Self.notInChannelFiles("merge keys", "<<", at: place))
        continue
      }
      // A cut value is reported already.
      if flow, isEmpty(valueNode) { continue }
      let first = places[key]
      if let first { problems.append(duplicate(key, at: place, first: first)) }
      places[key] = first ?? place
      guard let value = node(valueNode, owner: place, depth: depth + 1), first == nil else { continue }
      entries.append(SettingNode.Entry(key: key, keyPlace: place, value: value))
    }
    return entries
  }

  /// `{MSH-10}` is a block to YAML, with one key that has no value; to the author it was Hilt.
  private func isTemplate(_ mapping: Node.Mapping) -> Bool {
    mapping.first.map { isEmpty($0.value) } ?? false
  }

  private func isEmpty(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node else { return false }
    return scalar.string.isEmpty && scalar.style == .plain
  }

  /// In `{when: any(a, b), x: 1}` YAML sees a key `b)` without a value.
  private mutating func reportCuts(in mapping: Node.Mapping) {
    var before: Node?
    for (key, value) in mapping {
      defer { before = value }
      guard isEmpty(value), let mark = key.mark else { continue }
      let end = source.place(line: mark.line, scalarColumn: mark.column, length: key.scalar?.string.count ?? 1)
      if let text = before?.scalar?.string, text.count(where: { $0 == "(" }) > text.count(where: { $0 == ")" }),
        let start = before?.mark.map({ source.place(line: $0.line, scalarColumn: $0.column) }), start.line == end.line
      {
        var place = start
        place.length = end.column + end.length - start.column
        problems.append(UnquotedHilt.problem(value: String(source.rest(at: place).prefix(place.length)), at: place))
      } else {
        problems.append(
          Problem(
            "C110", "`\(key.scalar?.string ?? "")` has no value here", at: end,
            help: ["put quotes around a value that holds a comma", "write `key: value`"]))
      }
    }
  }

  // MARK: - Lengths

  /// The place of a `{…}` or `[…]` with its length in the line; `nil` where a block or list is written in lines.
  private func flowPlace(_ place: Place) -> Place? {
    let rest = source.rest(at: place)
    guard let first = rest.first, first == "{" || first == "[" else { return nil }
    var place = place
    var open = 0
    var quote: Character?
    for (offset, letter) in rest.enumerated() {
      switch letter {
      case "\"", "'":
        if quote == nil { quote = letter } else if quote == letter { quote = nil }
      case "{" where quote == nil, "[" where quote == nil: open += 1
      case "}" where quote == nil, "]" where quote == nil:
        open -= 1
        if open == 0 {
          place.length = offset + 1
          return place
        }
      default: break
      }
    }
    place.length = max(1, Self.trimmedCount(rest))
    return place
  }

  private static func quotedLength(_ rest: Substring) -> Int {
    guard let quote = rest.first, let close = rest.dropFirst().firstIndex(of: quote) else { return max(1, rest.count) }
    return rest.distance(from: rest.startIndex, to: close) + 1
  }

  private static func trimmedCount(_ text: Substring) -> Int {
    text.count - text.reversed().prefix { $0 == " " }.count
  }
}
