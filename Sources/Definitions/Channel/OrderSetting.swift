import ConnectorKit
import Messages

/// `order:` `strict`, `none`, or `{by: […], in-flight: 8}`.
enum OrderSetting: SettingValue {
  case strict
  case none(inFlight: Int)
  /// The expressions of the keys.
  case by([HiltSource], inFlight: Int)

  static let inFlightStandard = 8
  static let inFlightMax = 256
  private static let ways = ["strict", "{by: [\"PID-3[1].1\"], in-flight: 8}", "none"]

  static func read(_ node: SettingNode, _ reader: SettingReader) -> OrderSetting? {
    switch node.kind {
    case .scalar("strict"): return .strict
    case .scalar("none"): return OrderSetting.none(inFlight: inFlightStandard)
    case .scalar(let text):
      reader.problem(
        "C104", "`\(text)` is no order", at: node.place,
        label: nearest(to: text, among: ["strict", "none"]).map { "did you mean `\($0)`?" },
        help: ["one of " + ways.joined(separator: ", ")])
      return nil
    case .map(let entries): return block(entries, node, reader)
    case .list:
      reader.expected("an order", node, help: ["keys stand under `by`: {by: [\"PID-3[1].1\"]}"])
      return nil
    }
  }

  private static func block(
    _ entries: [SettingNode.Entry], _ node: SettingNode, _ reader: SettingReader
  ) -> OrderSetting? {
    for entry in entries where !["by", "in-flight"].contains(entry.key) {
      reader.unknown(entry, known: ["by", "in-flight"])
    }
    var inFlight: Int? = inFlightStandard
    if let written = node["in-flight"] {
      inFlight = Int.read(written, reader)
      reader.range("in-flight", in: 1...inFlightMax, "from 1 to \(inFlightMax)", node)
    }
    guard let by = node["by"] else {
      reader.problem("C102", "`by` is missing", at: node.place, help: ways)
      return nil
    }
    if by.scalar == "none" { return inFlight.map { OrderSetting.none(inFlight: $0) } }
    let keys: [SettingNode] = if case .list(let list) = by.kind { list } else { [by] }
    if keys.isEmpty {
      reader.problem("C102", "`by` names no key", at: by.place, help: ways)
      return nil
    }
    let sources = keys.compactMap { HiltSource.read($0, reader) }
    guard sources.count == keys.count, let inFlight else { return nil }
    return .by(sources, inFlight: inFlight)
  }

  static var kind: SettingKind {
    .either([.choice(["strict", "none"]), .scalar("`{by: [Hilt expression, …], in-flight: 8}`")])
  }

  var text: String {
    switch self {
    case .strict: "strict"
    case .none: "none"
    case .by: ""
    }
  }
}
