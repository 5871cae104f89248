import Text

/// Two documents of XML side by side, element by element: prefixes, the order of attributes and white space between
/// elements make no difference.
struct XMLComparison {
  /// More differences than these help nobody.
  private static let countMax = 50

  private var differences: [HL7Comparison.Difference] = []

  /// `nil` where one of them is no XML.
  static func differences(_ expected: [UInt8], _ actual: [UInt8]) -> [HL7Comparison.Difference]? {
    guard let one = try? XMLDocument(expected).root, let other = try? XMLDocument(actual).root else { return nil }
    var comparison = XMLComparison()
    comparison.compare(one, other, "/\(Self.written(one))")
    return comparison.differences
  }

  private mutating func report(_ node: XMLNode, _ path: String, _ text: String) {
    guard differences.count < Self.countMax else { return }
    differences.append(HL7Comparison.Difference(line: node.line, text: "\(path): \(text)"))
  }

  private mutating func compare(_ expected: XMLNode, _ actual: XMLNode, _ path: String) {
    guard expected.name == actual.name else {
      return report(expected, path, "expected \(Self.shown(expected)), got \(Self.shown(actual))")
    }
    for (name, value) in expected.attributes {
      let other = actual.attribute(name.local, in: name.namespace)
      if other != value {
        let got = other.map { ", got \(Self.shown($0))" } ?? ", and it did not come"
        report(expected, "\(path)/@\(Self.written(name))", "expected \(Self.shown(value))\(got)")
      }
    }
    for (name, value) in actual.attributes where expected.attribute(name.local, in: name.namespace) == nil {
      report(expected, "\(path)/@\(Self.written(name))", "not expected: \(Self.shown(value))")
    }
    let (ones, others) = (Self.content(expected), Self.content(actual))
    var numbers: [XMLDocument.Name: Int] = [:]
    for (one, other) in zip(ones, others) {
      guard let name = one.name else {
        let isSame = other.name == nil && one.text == other.text
        if !isSame { report(one, path, "expected \(Self.shown(one)), got \(Self.shown(other))") }
        continue
      }
      numbers[name, default: 0] += 1
      compare(one, other, "\(path)/\(Self.written(name))[\(numbers[name, default: 1])]")
    }
    for one in ones.dropFirst(others.count) {
      report(one, path, "expected \(Self.shown(one)), and it did not come")
    }
    for other in others.dropFirst(ones.count) { report(expected, path, "not expected: \(Self.shown(other))") }
  }

  /// What stands in an element, without the white space that lays it out.
  private static func content(_ node: XMLNode) -> [XMLNode] {
    node.holdsElementsAlone ? Array(node.elements) : Array(node.children)
  }

  private static func written(_ node: XMLNode) -> String { node.name.map(written) ?? "" }
  private static func written(_ name: XMLDocument.Name) -> String {
    name.prefix.isEmpty ? name.local : "\(name.prefix):\(name.local)"
  }

  private static func shown(_ node: XMLNode) -> String {
    guard let name = node.name else { return shown(node.text) }
    return "an element \(written(name))" + (name.namespace.isEmpty ? "" : " of \(name.namespace)")
  }

  private static func shown(_ text: String) -> String { "\"\(text.prefix(200))\(text.count > 200 ? "…" : "")\"" }

  /// A line for each element that holds elements alone, so that a person can read what changed.
  static func pretty(_ bytes: [UInt8]) -> [UInt8]? {
    guard let document = try? XMLDocument(bytes) else { return nil }
    var writer = XMLWriter(isPretty: true)
    writer.node(document.root)
    return writer.bytes + [0x0A]
  }
}
