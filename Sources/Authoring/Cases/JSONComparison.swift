import Text

/// Two texts of JSON side by side, value by value: the order of keys, white space and how a character is escaped make
/// no difference; `1.10` and `1.1` are two numbers.
enum JSONComparison {
  /// More differences than these help nobody.
  private static let countMax = 50

  /// `nil` where one of them is no JSON.
  static func differences(_ expected: [UInt8], _ actual: [UInt8]) -> [HL7Comparison.Difference]? {
    guard let one = try? JSONDocument(expected), let other = try? JSONDocument(actual) else { return nil }
    var differences: [HL7Comparison.Difference] = []
    let lines = TextLines(expected)
    func report(_ node: JSONNode?, _ path: String, _ text: String) {
      guard differences.count < countMax else { return }
      let line = node.map { lines.place(of: $0.range.lowerBound).line } ?? 1
      differences.append(HL7Comparison.Difference(line: line, text: "\(path.isEmpty ? "the whole" : path): \(text)"))
    }
    compare(one.root, other.root, "", report)
    return differences
  }

  private static func compare(
    _ expected: JSONNode, _ actual: JSONNode, _ path: String, _ report: (JSONNode?, String, String) -> Void
  ) {
    switch (expected.kind, actual.kind) {
    case (.object, .object):
      for (key, value) in expected.members {
        let name = key.text ?? ""
        let inner = path.isEmpty ? name : "\(path).\(name)"
        guard let other = actual[name] else {
          report(key, inner, "expected \(shown(value)), and it did not come")
          continue
        }
        compare(value, other, inner, report)
      }
      for (key, value) in actual.members where expected[key.text ?? ""] == nil {
        report(expected, path.isEmpty ? key.text ?? "" : "\(path).\(key.text ?? "")", "not expected: \(shown(value))")
      }
    case (.list, .list):
      let (ones, others) = (Array(expected.elements), Array(actual.elements))
      for (index, pair) in zip(ones, others).enumerated() {
        compare(pair.0, pair.1, "\(path)[\(index + 1)]", report)
      }
      for index in others.count..<max(ones.count, others.count) {
        report(ones[index], "\(path)[\(index + 1)]", "expected \(shown(ones[index])), and it did not come")
      }
      for index in ones.count..<max(ones.count, others.count) {
        report(expected, "\(path)[\(index + 1)]", "not expected: \(shown(others[index]))")
      }
    default:
      let isSame =
        expected.kind == actual.kind
        && (expected.kind == .text ? expected.text == actual.text : expected.source.elementsEqual(actual.source))
      if !isSame { report(expected, path, "expected \(shown(expected)), got \(shown(actual))") }
    }
  }

  private static func shown(_ node: JSONNode) -> String {
    switch node.kind {
    case .object: return "an object"
    case .list: return "a list of \(node.count)"
    default:
      let text = String(decoding: node.source.prefix(200), as: UTF8.self)
      return node.source.count > 200 ? text + "…" : text
    }
  }

  /// A line for each value, so that a person can read what changed.
  static func pretty(_ bytes: [UInt8]) -> [UInt8]? {
    guard let document = try? JSONDocument(bytes) else { return nil }
    var writer = JSONWriter(isPretty: true)
    writer.node(document.root)
    return writer.bytes + [0x0A]
  }
}
