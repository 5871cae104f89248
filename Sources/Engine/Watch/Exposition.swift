/// Metrics in Prometheus' text exposition format, version 0.0.4.
///
/// Every family has one HELP and one TYPE line before its samples. A label's value has backslash, quote and line feed
/// escaped; the text of HELP backslash and line feed. Lines end with a line feed, the last one too.
package struct Exposition {
  /// What such a text is called in HTTP.
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  package enum Kind: String { case counter, gauge, histogram }

  /// One line: the labels in their order, and the value.
  package struct Sample {
    var suffix = ""
    var labels: [(name: String, value: String)]
    var value: Double

    package init(_ value: Double, _ labels: (name: String, value: String)...) {
      self.labels = labels
      self.value = value
    }
    package init(_ value: Int, _ labels: (name: String, value: String)...) {
      self.labels = labels
      self.value = Double(value)
    }
  }

  package private(set) var text = ""

  package init() {}

  /// Adds a family; one without samples is left out.
  package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
    if samples.isEmpty { return }
    text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    for sample in samples {
      text += name + sample.suffix
      if !sample.labels.isEmpty {
        text += "{" + sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
      }
      text += " \(Self.number(sample.value))\n"
    }
  }

  /// Adds a histogram without labels.
  ///
  /// - Parameters:
  ///   - bounds: the upper bounds, ascending, in the unit that the name ends with.
  ///   - counts: how many fell into each, each counted once; the last count is of what lies above all bounds.
  package mutating func add(_ name: String, _ help: String, bounds: [Double], counts: [Int], sum: Double) {
    var total = 0
    var samples: [Sample] = []
    for (index, count) in counts.enumerated() {
      total += count
      var sample = Sample(total, ("le", index < bounds.count ? Self.number(bounds[index]) : "+Inf"))
      sample.suffix = "_bucket"
      samples.append(sample)
    }
    var last = [Sample(sum), Sample(total)]
    last[0].suffix = "_sum"
    last[1].suffix = "_count"
    add(name, .histogram, help, samples + last)
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 9e15 ? String(Int64(value)) : String(value)
  }

  private static func escaped(_ text: String, quotes: Bool = true) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\"" where quotes: result += "\\\""
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
