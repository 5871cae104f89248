import HL7

/// What a row reads: a field, as a place of the program that is drafted.
struct DraftSource: Sendable {
  /// `PID-3`, `OBX-5.1`
  var identifier: String
  /// What stands before the field's number: `PID`, `order_observation.OBR`, `nk1`.
  var segment: String
  var field: Int
  /// `.1` of `PID-5.1`; empty for the whole field.
  var rest: String
  /// The data type that it has in the version, and the table of its codes.
  var type: String
  var table: String?
  var repeats: Bool

  /// Its place, the first of what repeats.
  var one: String { "\(segment)-\(field)\(repeats ? "[1]" : "")\(rest)" }
  var all: String { "\(segment)-\(field)[*]" }

  /// - Returns: `nil` where the identifier is none of a field; `absent` where the version has no such field.
  static func find(_ identifier: String, at segment: String, _ versions: HL7Versions) -> DraftSource?? {
    let parts = identifier.split(separator: "-")
    guard parts.count == 2, let code = HL7SegmentCode(String(parts[0])), let table = HL7Tables.segment(code) else {
      return .some(nil)
    }
    let numbers = parts[1].split(separator: ".").map { Int($0) }
    guard let field = numbers.first ?? nil, !numbers.contains(nil) else { return .some(nil) }
    guard var part = table.part(field, in: versions).first else { return nil }
    let repeats = part.repeats
    for number in numbers.dropFirst() {
      guard let number, let inner = HL7Tables.type(part.type)?.part(number, in: versions).first else { return nil }
      part = inner
    }
    let rest = numbers.dropFirst().map { ".\($0 ?? 0)" }.joined()
    return DraftSource(
      identifier: identifier, segment: segment, field: field, rest: rest, type: part.type, table: part.table,
      repeats: repeats)
  }
}

/// A value that a row gives to an element.
struct DraftLeaf: Sendable {
  var field: GuideField
  /// `nil` of a value that stands there whatever the message has.
  var source: DraftSource?
  /// From the place of the source.
  var make: @Sendable (String) -> String
  var condition: GuideCondition?
  /// It needs nothing of the message to be there.
  var isConstant: Bool
  /// More than a place or a call: it wants brackets beside other words.
  var isLoose = false
}

/// An element of a resource that is drafted, with what stands in it.
final class DraftNode {
  let name: String
  /// `2` of `identifier[2]`.
  let index: String
  private(set) var children: [DraftNode] = []
  var leaves: [DraftLeaf] = []
  /// In the place of leaves: what a person would write, such as the value of an observation.
  var fixed: String?

  init(_ name: String, index: String = "") { (self.name, self.index) = (name, index) }

  func child(_ name: String, index: String) -> DraftNode {
    if let known = children.first(where: { $0.name == name && $0.index == index }) { return known }
    let node = DraftNode(name, index: index)
    children.append(node)
    return node
  }

  /// All leaves in it.
  var all: [DraftLeaf] { leaves + children.flatMap(\.all) }
  var isEmpty: Bool { fixed == nil && leaves.isEmpty && children.allSatisfy(\.isEmpty) }
}

/// `identifier[2].type.coding.code`, `performer[1](PractitionerRole)`
struct GuideElementPath: Equatable {
  struct Step: Equatable {
    var name: String
    var index: String
  }

  var steps: [Step] = []
  /// The resource in brackets at its end, to which a reference leads.
  var resource: String?

  /// `nil` where it is no path of elements: what people have noted there.
  init?(_ text: String) {
    var text = Substring(text)
    if text.hasSuffix(")"), let open = text.firstIndex(of: "(") {
      let inner = text[text.index(after: open)...].dropLast()
      guard !inner.isEmpty, inner.allSatisfy(\.isLetter), inner.first?.isUppercase == true else { return nil }
      resource = String(inner)
      text = text[..<open]
    }
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      let name = part.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
      var index = part.dropFirst(name.count)
      guard name.first?.isLowercase == true else { return nil }
      if !index.isEmpty {
        guard index.hasPrefix("["), index.hasSuffix("]"), index.count > 2 else { return nil }
        index = index.dropFirst().dropLast()
      }
      steps.append(Step(name: String(name), index: String(index)))
    }
    if steps.isEmpty { return nil }
  }
}
