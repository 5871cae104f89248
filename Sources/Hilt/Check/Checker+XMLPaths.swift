import Messages
import Text

/// Paths of XPath that a program writes, read when it is checked.
extension Checker {
  /// The path that a call is given; reported, and `nil`, where it can't be read.
  mutating func xpath(_ argument: Expression?) -> XPath? {
    guard let argument, let text = pathText(argument) else { return nil }
    var known = Dictionary(uniqueKeysWithValues: namespaces.prefixes.map { ($0.prefix, $0.address) })
    known[""] = namespaces.ofPaths
    while true {
      do throws(XPathError) {
        let path = try XPath(text, namespaces: known)
        warnOfNoNamespace(path, text, argument.span)
        return path
      } catch {
        // A library's prefixes are those of the program that imports it.
        if case .prefix(let prefix)? = error.unknown, modules[0].tree.isLibrary, known.count < 64 {
          known[prefix] = "urn:\(prefix)"
          continue
        }
        report(error, text, argument.span)
        return nil
      }
    }
  }

  /// A path that is written in the program, with constants in it perhaps: `"id[@root = '{ours}']"`.
  private mutating func pathText(_ argument: Expression) -> String? {
    var parts = [TextPart.value(argument)]
    if case .text(let written) = argument.kind { parts = written }
    var text = ""
    for part in parts {
      switch part {
      case .literal(let piece): text += piece
      case .value(let expression):
        let value = self.text(typed(expression))
        guard case .text(let piece)? = value.constant else {
          guard value.type != .broken else { return nil }
          problems.report(
            .constant, "a path is written here, not computed", at: expression.span,
            help: ["first e in find_all(x, \"id\") where value(e, \"@root\") == …", "const ours = \"…\""])
          return nil
        }
        text += piece
      }
    }
    return text
  }

  private mutating func report(_ error: XPathError, _ text: String, _ argument: Span) {
    let source = source
    func at(_ word: String) -> Span { Self.span(error.offset, word.utf8.count, text, argument, source) }
    switch error.unknown {
    case .prefix(let prefix)?:
      let near = nearest(prefix, among: namespaces.prefixes.map(\.prefix))
      problems.report(
        .xpath, "the prefix '\(prefix)' is not declared", at: at(prefix),
        help: near.map { ["did you mean '\($0)'?"] } ?? ["in the head: \(xmlLine) \(prefix) = \"urn:…\""])
    case .function(let name, let known)?:
      let near = nearest(name, among: known)
      problems.report(
        .xpath, "XPath has no function '\(name)' here", at: at(name),
        help: near.map { ["did you mean '\($0)'?"] } ?? [known.joined(separator: ", ")])
    case nil:
      problems.report(.xpath, "this path can't be read: \(error.reason)", at: at(" "))
    }
  }

  /// How the line of the head begins that declares prefixes.
  private var xmlLine: String { input?.format == .xml || outputs.isEmpty ? "in xml" : "out xml" }

  /// W113: in a document with namespaces a name without a prefix mostly finds nothing.
  private mutating func warnOfNoNamespace(_ path: XPath, _ text: String, _ argument: Span) {
    guard namespaces.ofPaths == nil, let first = path.unprefixed.first else { return }
    let span = Self.span(first.offset, first.name.utf8.count, text, argument, source)
    warnOfNoNamespace(first.name, xmlLine, at: span)
  }

  /// - Parameter line: how the line of the head begins that says otherwise.
  mutating func warnOfNoNamespace(_ name: String, _ line: String, at span: Span) {
    // Those of schemas are for attributes.
    let known = namespaces.prefixes.first { !$0.address.hasPrefix("http://www.w3.org/2001/XMLSchema") }
    guard let known else { return }
    problems.report(
      .noNamespace, "'\(name)' has no prefix, and so is in no namespace", at: span,
      help: [
        "\(known.prefix):\(name)", "\(line) \"\(known.address)\" … for all names without a prefix",
        "\(line) \"\" … where it is meant",
      ])
  }

  /// A place in a text that is written in the program: where there are escapes in it, or it is a constant, the whole.
  private static func span(_ offset: Int, _ count: Int, _ text: String, _ argument: Span, _ source: Source) -> Span {
    guard source.text(argument) == "\"\(text)\"" else { return argument }
    let start = Int(argument.start) + 1 + text.prefix(offset).utf8.count
    return Span(start, max(start + 1, min(start + count, Int(argument.end) - 1)))
  }

  /// The element that a call looks at; reported, and `nil`, where it is none.
  mutating func element(of call: Call) -> Typed? {
    let name = call.function.name
    let value = call[0].map { typed($0) } ?? .broken(call.span)
    switch value.type {
    case .element, .nothing: return value
    case .broken: return nil
    case .list(.element): mismatch(value, wanted: "an element of XML", help: ["for e in … => \(name)(e, …)"])
    case .text: mismatch(value, wanted: "an element of XML", help: ["find(msg, \"…\")"])
    default: mismatch(value, wanted: "an element of XML")
    }
    return nil
  }

  /// What is written there, where it is short.
  func shown(_ value: Typed) -> String {
    let text = source.text(value.span)
    return text.utf8.count > 30 || text.contains("\n") ? "…" : text
  }

  /// `msg.title` in XML: what is to be written.
  func stepInXML(of value: Typed, _ step: Step) -> String {
    guard let name = step.name else { return "find_all(\(shown(value)), \"…\")" }
    let prefix = namespaces.ofPaths == nil ? namespaces.prefixes.first.map { $0.prefix + ":" } ?? "" : ""
    return "value(\(shown(value)), \"\(prefix)\(name)\")"
  }
}
