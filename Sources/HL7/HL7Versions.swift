/// Some of the versions of HL7 v2 that the tables know: 2.1 to 2.8.2.
package struct HL7Versions: OptionSet, Sendable, Hashable {
  package let rawValue: UInt16
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Every version that HL7 has, in their order.
  package static let published = [
    "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2", "2.9",
  ]
  /// Those that the tables hold; the first is the lowest bit.
  static let names = published.filter { others[$0] == nil }
  package static let all = HL7Versions(rawValue: 1 << UInt16(names.count) - 1)

  /// Versions that the tables don't hold, and the one that stands for each: 2.7.1 corrected 2.7, and 2.9 adds to 2.8.2.
  static let others = ["2.7.1": "2.7", "2.9": "2.8.2"]

  /// All versions from one to another, both included; `nil` for a name that HL7 doesn't have, or a range that runs
  /// backwards.
  package init?(_ from: String, upTo: String) {
    guard let first = Self.names.firstIndex(of: Self.others[from] ?? from),
      let last = Self.names.firstIndex(of: Self.others[upTo] ?? upTo), first <= last
    else { return nil }
    rawValue = UInt16(1 << (last - first + 1) - 1) << UInt16(first)
  }

  /// Each by its name, in their order.
  package var names: [String] { Self.names.indices.filter { rawValue & 1 << UInt16($0) != 0 }.map { Self.names[$0] } }

  package var first: String? { isEmpty ? nil : Self.names[rawValue.trailingZeroBitCount] }
  package var last: String? { isEmpty ? nil : Self.names[UInt16.bitWidth - 1 - rawValue.leadingZeroBitCount] }

  /// Whether every one of these comes after all of the others.
  package func isAfter(_ others: HL7Versions) -> Bool {
    !isEmpty && others.rawValue.leadingZeroBitCount > UInt16.bitWidth - 1 - rawValue.trailingZeroBitCount
  }
}

extension HL7Versions: CustomStringConvertible {
  /// `2.5.1` or `2.3..2.6`, as a program says it.
  package var description: String {
    guard let first, let last else { return "no version" }
    return first == last ? first : "\(first)..\(last)"
  }
}
