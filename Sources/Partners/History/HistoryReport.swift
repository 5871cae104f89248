/// What a check of a history found.
package struct HistoryReport: Sendable, CustomStringConvertible {
  /// A message that came before one that had been acknowledged before it, on the same connection.
  package struct Disorder: Sendable, Hashable {
    /// The client's connection.
    package var lane: String
    /// What came too early.
    package var key: String
    /// What it overtook.
    package var overtaken: String
  }

  /// Every key under its verdict, in the order in which the keys appeared.
  package var keys: [HistoryVerdict: [String]] = [:]
  /// Keys that came more than once where that was allowed.
  package var repeated: [String] = []
  /// Keys whose bytes were to arrive unchanged and did not.
  package var altered: [String] = []
  package var disordered: [Disorder] = []

  package func count(_ verdict: HistoryVerdict) -> Int { keys[verdict]?.count ?? 0 }

  /// Nothing lost, nothing twice without need, nothing out of nowhere, in order, with the bytes that were sent.
  package var isGood: Bool {
    HistoryVerdict.allCases.allSatisfy { !$0.isFault || count($0) == 0 } && altered.isEmpty && disordered.isEmpty
  }

  /// How many keys of a kind are named in the text.
  private static let keysNamedMax = 8

  /// One line with the numbers, then one for each kind of fault with its first keys. Keys are control ids, not content.
  package var description: String {
    let total = keys.values.reduce(0) { $0 + $1.count }
    let counts = HistoryVerdict.allCases.filter { count($0) > 0 }.map { "\(count($0)) \($0.rawValue)" }
    var lines = ["\(total) messages: " + (counts.isEmpty ? "none" : counts.joined(separator: ", "))]
    if !repeated.isEmpty { lines[0] += "; \(repeated.count) of them came again, as allowed" }
    for verdict in HistoryVerdict.allCases where verdict.isFault {
      if let keys = keys[verdict] { lines.append("\(verdict.rawValue): " + Self.named(keys)) }
    }
    if !altered.isEmpty { lines.append("bytes changed on the way: " + Self.named(altered)) }
    if !disordered.isEmpty {
      let places = disordered.map { "\($0.key) came before \($0.overtaken) (lane \($0.lane))" }
      lines.append("out of order: " + Self.named(places))
    }
    lines.append(isGood ? "The history is good." : "The history is bad.")
    return lines.joined(separator: "\n")
  }

  private static func named(_ keys: [String]) -> String {
    let shown = keys.prefix(keysNamedMax).joined(separator: ", ")
    return keys.count > keysNamedMax ? "\(shown) and \(keys.count - keysNamedMax) more" : shown
  }
}
