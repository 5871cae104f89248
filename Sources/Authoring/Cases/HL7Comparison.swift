/// Two HL7 messages side by side, segment by segment and field by field. Separators that nothing stands behind, the
/// kind of line end and empty lines make no difference.
struct HL7Comparison {
  /// One difference: `PID-5[1].2: expected "A", got "B"`, at a line of what is expected.
  struct Difference: Equatable {
    var line: Int
    var text: String
  }

  private let expected: Parsed
  private let actual: Parsed
  private let ignored: [IgnoredPlace]
  private var differences: [Difference] = []
  /// The line that a difference is shown at.
  private var line = 1

  static func differences(_ expected: [UInt8], _ actual: [UInt8], ignoring ignored: [IgnoredPlace]) -> [Difference] {
    var comparison = HL7Comparison(expected: Parsed(expected), actual: Parsed(actual), ignored: ignored)
    comparison.compare()
    return comparison.differences
  }

  private init(expected: Parsed, actual: Parsed, ignored: [IgnoredPlace]) {
    (self.expected, self.actual, self.ignored) = (expected, actual, ignored)
  }

  /// More differences than these help nobody.
  private static let countMax = 50

  private mutating func report(_ place: ComparedPlace, _ text: String) {
    guard differences.count < Self.countMax, !ignored.contains(where: { $0.covers(place) }) else { return }
    differences.append(Difference(line: line, text: text))
  }

  private mutating func compare() {
    let (left, right) = (expected.segments, actual.segments)
    let change = right.map(\.name).difference(from: left.map(\.name))
    var removed: Set<Int> = []
    var inserted: Set<Int> = []
    for step in change {
      switch step {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var (a, b) = (0, 0)
    while a < left.count || b < right.count {
      line = a < left.count ? left[a].line : (left.last?.line ?? 0) + 1
      if a < left.count, removed.contains(a) {
        report(place(left[a]), "\(left[a].shown): expected, and there is none")
        a += 1
      } else if b < right.count, inserted.contains(b) || a >= left.count {
        report(place(right[b]), "\(right[b].shown): not expected: \"\(Parsed.text(right[b].bytes))\"")
        b += 1
      } else if a < left.count, b < right.count {
        compare(left[a], right[b])
        a += 1
        b += 1
      } else {
        a += 1
      }
    }
  }

  private func place(_ segment: Parsed.Segment) -> ComparedPlace {
    ComparedPlace(segment: segment.name, occurrence: segment.occurrence)
  }

  private mutating func compare(_ left: Parsed.Segment, _ right: Parsed.Segment) {
    for field in 1...max(1, left.fields.count, right.fields.count) {
      let (one, other) = (left.field(field), right.field(field))
      guard !one.elementsEqual(other) else { continue }
      var place = place(left)
      place.field = field
      if left.isHeader, field <= 2 {
        report(place, difference("\(left.shown)-\(field)", one, other))
      } else {
        compareField(place, "\(left.shown)-\(field)", one, other)
      }
    }
  }

  private mutating func compareField(
    _ place: ComparedPlace, _ path: String, _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>
  ) {
    let ones = Parsed.parts(left, expected.separators.repetition)
    let others = Parsed.parts(right, actual.separators.repetition)
    for number in 1...max(1, ones.count, others.count) {
      let (one, other) = (Parsed.part(ones, number), Parsed.part(others, number))
      var place = place
      place.repetition = number
      let components = (
        Parsed.parts(one, expected.separators.component), Parsed.parts(other, actual.separators.component)
      )
      let isRepeated = max(ones.count, others.count) > 1
      if max(components.0.count, components.1.count) <= 1 {
        place.component = 1
        compareLeaf(place, isRepeated ? "\(path)[\(number)]" : path, one, other)
        continue
      }
      for component in 1...max(components.0.count, components.1.count) {
        place.component = component
        compareLeaf(
          place, "\(path)[\(number)].\(component)", Parsed.part(components.0, component),
          Parsed.part(components.1, component))
      }
    }
  }

  private mutating func compareLeaf(
    _ place: ComparedPlace, _ path: String, _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>
  ) {
    let ones = Parsed.parts(left, expected.separators.subcomponent)
    let others = Parsed.parts(right, actual.separators.subcomponent)
    for number in 1...max(1, ones.count, others.count) {
      let (one, other) = (Parsed.part(ones, number), Parsed.part(others, number))
      guard !one.elementsEqual(other) else { continue }
      var place = place
      place.subcomponent = number
      let isDeep = max(ones.count, others.count) > 1
      // `PID-8.1.2` where the field has one component only.
      let base = isDeep && !path.contains(".") ? path + ".1" : path
      report(place, difference(isDeep ? "\(base).\(number)" : path, one, other))
    }
  }

  private func difference(_ path: String, _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> String {
    "\(path): expected \"\(Parsed.text(left))\", got \"\(Parsed.text(right))\""
  }
}

/// A message cut at its own separators.
private struct Parsed {
  struct Segment {
    var name: String
    var occurrence: Int
    /// From 1, empty lines counted.
    var line: Int
    var bytes: ArraySlice<UInt8>
    /// From the standard's field 1; of MSH that is the separator.
    var fields: [ArraySlice<UInt8>]
    var isHeader: Bool

    var shown: String { occurrence > 1 ? "\(name)[\(occurrence)]" : name }
    func field(_ number: Int) -> ArraySlice<UInt8> { Parsed.part(fields, number) }
  }

  struct Separators {
    var field = UInt8(ascii: "|")
    var component = UInt8(ascii: "^")
    var repetition = UInt8(ascii: "~")
    var subcomponent = UInt8(ascii: "&")
  }

  private(set) var separators = Separators()
  private(set) var segments: [Segment] = []

  init(_ bytes: [UInt8]) {
    var line = 0
    var seen: [String: Int] = [:]
    for piece in Self.lines(bytes) {
      line += 1
      guard !piece.isEmpty else { continue }
      let isHeader = ["MSH", "FHS", "BHS"].contains { piece.starts(with: $0.utf8) }
      if isHeader, piece.count >= 8, piece.starts(with: "MSH".utf8) {
        let marks = Array(piece.dropFirst(3).prefix(5))
        separators = Separators(field: marks[0], component: marks[1], repetition: marks[2], subcomponent: marks[4])
      }
      var fields = piece.split(separator: separators.field, omittingEmptySubsequences: false)
      let name = String(decoding: fields.removeFirst(), as: UTF8.self)
      if isHeader { fields.insert([separators.field], at: 0) }
      seen[name, default: 0] += 1
      segments.append(
        Segment(
          name: name, occurrence: seen[name, default: 1], line: line, bytes: piece, fields: fields, isHeader: isHeader))
    }
  }

  /// Lines that end with CR, LF or both.
  private static func lines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    var start = 0
    for (offset, byte) in bytes.enumerated() where byte == 0x0D || byte == 0x0A {
      if byte == 0x0A, offset > 0, bytes[offset - 1] == 0x0D {
        start = offset + 1
        continue
      }
      lines.append(bytes[start..<offset])
      start = offset + 1
    }
    if start < bytes.count { lines.append(bytes[start...]) }
    return lines
  }

  /// The parts without those at the end that are empty.
  static func parts(_ bytes: ArraySlice<UInt8>, _ separator: UInt8) -> [ArraySlice<UInt8>] {
    var parts = bytes.split(separator: separator, omittingEmptySubsequences: false)
    while parts.last?.isEmpty == true { parts.removeLast() }
    return parts
  }

  static func part(_ parts: [ArraySlice<UInt8>], _ number: Int) -> ArraySlice<UInt8> {
    number <= parts.count ? parts[number - 1] : []
  }

  static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
