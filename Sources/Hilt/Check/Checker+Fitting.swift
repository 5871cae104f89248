import HL7

/// Whether what is copied from a place, or put together as a data type, is of the type of the place that takes it.
extension Checker {
  /// Data types that follow one another in the versions of HL7, or hold the same in the same components.
  private static let families: [Set<String>] = [
    ["CE", "CWE", "CNE", "CF"], ["CX", "CK"], ["EI", "HD"], ["XPN", "PN", "PPN"], ["XCN", "CN", "PPN", "CNN"],
    ["XAD", "AD"], ["XTN", "TN"], ["PL", "LA1", "LA2"], ["TS", "DR"], ["CP", "MO", "MOC"], ["CQ", "TQ"],
  ]

  /// A date of HL7 before 2.6: its second component has no use.
  private static let plain: Set = ["TS"]

  /// Reports where a composite is written to a place of another type.
  ///
  /// - Returns: whether it fits.
  mutating func fits(_ value: Typed, _ kind: Kind?, _ path: String) -> Bool {
    var type = value.type
    var isList = false
    if case .list(let element) = type { (type, isList) = (element, true) }
    let given: Kind
    switch type {
    case .content(let kind), .composite(let kind): given = kind
    default: return true
    }
    guard let kind, !given.isOpen, !kind.isOpen else { return true }
    // The same field of another version is what the standard made of it.
    if let from = value.path, Self.unselected(from) == Self.unselected(path) { return true }
    for from in given.types.keys {
      for to in kind.types.keys where Self.fits(from, to) { return true }
    }
    reportUnfit(value, given, kind, path, isList)
    return false
  }

  private static func fits(_ from: String, _ to: String) -> Bool {
    if from == to || plain.contains(from) && HL7Tables.type(to) == nil { return true }
    // A leaf goes into a leaf, or is the first one of a composite.
    guard HL7Tables.type(from) != nil else { return true }
    return families.contains { $0.contains(from) && $0.contains(to) }
  }

  /// A kind of all versions of it, where a value of another kind can be read as it; `nil` where it can't.
  static func sameFamily(_ given: Kind, _ wanted: Kind) -> Kind? {
    guard given.types.keys.contains(where: { from in wanted.types.keys.contains { fits(from, $0) } }) else {
      return nil
    }
    return ofAnyVersion(wanted)
  }

  /// A kind in all versions that have it.
  static func ofAnyVersion(_ wanted: Kind) -> Kind {
    var kind = Kind()
    for type in wanted.types.keys { kind.types[type] = HL7Tables.type(type)?.versions ?? .all }
    return kind
  }

  /// `PID-3[1].4` without what is selected.
  private static func unselected(_ path: String) -> String {
    var depth = 0
    return String(
      path.filter { character in
        if character == "[" { depth += 1 }
        defer { if character == "]" { depth -= 1 } }
        return depth == 0
      })
  }

  private mutating func reportUnfit(_ value: Typed, _ given: Kind, _ kind: Kind, _ path: String, _ isList: Bool) {
    let text = source.text(value.span)
    let isPlace = value.path.map { Self.unselected($0) } == Self.unselected(text.replacing("msg.", with: ""))
    let name = isPlace ? text : "this"
    let isLeaf = kind.types.keys.allSatisfy { HL7Tables.type($0) == nil || Self.plain.contains($0) }
    if isLeaf {
      let first = given.types.keys.sorted().first.flatMap { HL7Tables.type($0)?.part(1).last?.name }
      problems.report(
        .composite,
        "\(name) is \(given.name), which has several components; \(path) is \(kind.name) and takes one text",
        at: value.span,
        help: isPlace && !isList ? ["\(text).1" + (first.map { " (\($0))" } ?? "")] : [".1"])
      return
    }
    let type = kind.types.keys.sorted().last ?? ""
    let help =
      isPlace
      ? [isList ? "for x in \(text) => \(type) { 1: x.1 }" : "\(type) { 1: \(text).1 }"] : ["\(type) { 1: … }"]
    problems.report(.type, "\(path) is \(kind.name), and \(name) is \(given.name)", at: value.span, help: help)
  }
}
