import Testing
import Text

@testable import DICOM

/// SplitMix64: the same seed gives the same bytes.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// A data set as a test says it, written by the test's own hand.
indirect enum Sample: Equatable {
  case value(UInt32, DICOMVR, [UInt8])
  /// Items: with an undefined length or not, and what is in them.
  case sequence(UInt32, undefined: Bool, [(Bool, [Sample])])
  /// A sequence that was passed on as UN: what is in it is implicit, little endian.
  case passedOn(UInt32, [(Bool, [Sample])])
  case fragments(UInt32, [[UInt8]])

  static func == (a: Sample, b: Sample) -> Bool { "\(a)" == "\(b)" }

  var tag: UInt32 {
    switch self {
    case .value(let tag, _, _), .sequence(let tag, _, _), .passedOn(let tag, _), .fragments(let tag, _): tag
    }
  }

  static func text(_ tag: UInt32, _ vr: DICOMVR, _ text: String) -> Sample {
    var bytes = Array(text.utf8)
    if bytes.count % 2 == 1 { bytes.append(vr == .ui ? 0 : 0x20) }
    return .value(tag, vr, bytes)
  }
}

struct SampleWriter {
  let explicit: Bool
  let big: Bool

  init(_ encoding: DICOMEncoding) { (explicit, big) = (encoding.isExplicit, encoding.isBigEndian) }

  func bytes(_ elements: [Sample]) -> [UInt8] { elements.flatMap(bytes) }

  func number(_ value: UInt32, _ count: Int) -> [UInt8] {
    let little = (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    return big ? little.reversed() : little
  }

  func tag(_ tag: UInt32) -> [UInt8] { number(tag >> 16, 2) + number(tag & 0xFFFF, 2) }

  private func header(_ tag: UInt32, _ vr: String, _ length: UInt32) -> [UInt8] {
    guard explicit else { return self.tag(tag) + number(length, 4) }
    let long = ["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]
    let letters = Array(vr.utf8)
    return self.tag(tag) + letters + (long.contains(vr) ? [0, 0] + number(length, 4) : number(length, 2))
  }

  private func bytes(_ element: Sample) -> [UInt8] {
    switch element {
    case .value(let tag, let vr, let value): return header(tag, vr.name, UInt32(value.count)) + value
    case .sequence(let tag, let undefined, let items):
      let content = items.flatMap { self.items($0, self) }
      return header(tag, "SQ", undefined ? .max : UInt32(content.count)) + content
        + (undefined ? self.tag(0xFFFE_E0DD) + number(0, 4) : [])
    case .passedOn(let tag, let items):
      let inner = SampleWriter(.implicitLittle)
      return header(tag, "UN", .max) + items.flatMap { self.items($0, inner) } + inner.tag(0xFFFE_E0DD) + [0, 0, 0, 0]
    case .fragments(let tag, let fragments):
      return header(tag, "OB", .max)
        + fragments.flatMap { self.tag(0xFFFE_E000) + number(UInt32($0.count), 4) + $0 } + self.tag(0xFFFE_E0DD)
        + number(0, 4)
    }
  }

  private func items(_ item: (Bool, [Sample]), _ writer: SampleWriter) -> [UInt8] {
    let content = writer.bytes(item.1)
    return writer.tag(0xFFFE_E000) + writer.number(item.0 ? .max : UInt32(content.count), 4) + content
      + (item.0 ? writer.tag(0xFFFE_E00D) + writer.number(0, 4) : [])
  }
}

/// A file around a data set.
func file(_ syntax: DICOMTransferSyntax, _ dataSet: [UInt8]) throws -> [UInt8] {
  try DICOMFile.head(sopClass: "1.2.840.10008.5.1.4.1.1.7", sopInstance: "1.2.3.4", syntax: syntax) + dataSet
}

/// Data sets of chance.
struct SampleMaker {
  var generator: SeededGenerator
  /// Values of VRs that an implicit syntax doesn't tell apart aren't used for it.
  let syntax: DICOMTransferSyntax

  mutating func dataSet() -> [Sample] {
    var elements = elements(depth: 0)
    if Bool.random(using: &generator) {
      if syntax.isEncapsulated {
        let table: [UInt8] = Bool.random(using: &generator) ? [] : [0, 0, 0, 0]
        elements.append(.fragments(0x7FE0_0010, [table] + (0..<number(0...3)).map { _ in bytes(even: 0...40) }))
      } else {
        elements.append(.value(0x7FE0_0010, .ow, bytes(even: 0...200)))
      }
      if Bool.random(using: &generator) { elements.append(.value(0xFFFC_FFFC, .ob, [UInt8](repeating: 0, count: 16))) }
    }
    return elements
  }

  private mutating func elements(depth: Int) -> [Sample] {
    var elements: [UInt32: Sample] = [:]
    for _ in 0..<number(depth == 0 ? 1...12 : 0...4) {
      let element = element(depth: depth)
      elements[element.tag] = element
    }
    if number(0...3) == 0 {
      elements[0x0009_0010] = .text(0x0009_0010, .lo, "ACME 1.1")
      elements[0x0009_1001] = .value(0x0009_1001, .un, bytes(even: 0...20))
    }
    return elements.values.sorted { $0.tag < $1.tag }
  }

  private mutating func element(depth: Int) -> Sample {
    let count = number(0...2)
    switch number(0...15) {
    case 0...1 where depth < 6:
      return .sequence(0x0040_0275, undefined: Bool.random(using: &generator), items(count, depth))
    case 2 where depth < 6:
      return .sequence(0x0008_1140, undefined: Bool.random(using: &generator), items(count, depth))
    case 3 where syntax.encoding.isExplicit && depth < 3:
      return .passedOn(0x0009_1010, plain(items(count, 6)))
    case 4: return .value(0x0028_0010, .us, bytes(2 * number(0...3)))
    case 5: return .value(0x0018_9073, .fd, bytes(8 * number(0...2)))
    case 6: return .value(0x0008_0008, .cs, Array("A\\B ".utf8))
    case 7: return .value(0x0042_0011, .ob, bytes(even: 0...90))
    case 8: return .value(0x0008_0120, .ur, Array("http://a/".utf8) + [0x20])
    case 9: return .value(0x0028_0009, .at, bytes(4 * number(0...2)))
    case 10: return .value(0x0020_000D, .ui, Array("1.2.3\0".utf8))
    case 11: return .value(0x0040_A160, .ut, bytes(even: 0...60).map { $0 & 0x7F })
    case 12: return .value(0x0008_0119, .uc, [])
    default: return .text(0x0010_0010, .pn, "Doe^J" + String(repeating: "x", count: number(0...5)))
    }
  }

  /// Items in which nothing is explicit.
  private func plain(_ items: [(Bool, [Sample])]) -> [(Bool, [Sample])] {
    items.map { ($0.0, $0.1.filter { if case .value = $0 { true } else { false } }) }
  }

  private mutating func items(_ count: Int, _ depth: Int) -> [(Bool, [Sample])] {
    (0..<count).map { _ in (Bool.random(using: &generator), elements(depth: depth + 1)) }
  }

  private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
  private mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }
  private mutating func bytes(even range: ClosedRange<Int>) -> [UInt8] { bytes(number(range) / 2 * 2) }
}

/// What was read, as a test would have said it.
func samples(_ dataSet: DICOMDataSet) throws -> [Sample] {
  try dataSet.elements.map { element in
    let items = try element.items.map { ($0.index.entries[$0.item].hasUndefinedLength, try samples($0)) }
    if element.isEncapsulated {
      let ranges = [try #require(element.offsetTable)] + element.fragments
      return .fragments(element.tag.rawValue, try ranges.map { Array(try #require(dataSet.bytes($0))) })
    }
    if element.isSequence {
      return element.writtenVR == .un && element.entry.encoding.isExplicit
        ? .passedOn(element.tag.rawValue, items)
        : .sequence(element.tag.rawValue, undefined: element.hasUndefinedLength, items)
    }
    return .value(element.tag.rawValue, element.writtenVR, Array(try element.bytes()))
  }
}

/// The same data set with every header and delimiter written anew.
func rewritten(_ dataSet: DICOMDataSet) throws -> [UInt8] {
  func level(_ dataSet: DICOMDataSet, _ encoding: DICOMEncoding) throws -> DICOMLevel {
    DICOMLevel(nodes: try dataSet.elements.map { try node($0, encoding) }, encoding: encoding)
  }
  func node(_ element: DICOMElement, _ encoding: DICOMEncoding) throws -> DICOMLevel.Node {
    let entry = element.entry
    if entry.kind == .encapsulated || entry.encoding != encoding { return .original(entry.tag, place: element.place) }
    guard entry.kind == .sequence else { return .value(entry.tag, entry.vr, Array(try element.bytes())) }
    let inner: DICOMEncoding = entry.vr == .un && entry.encoding.isExplicit ? .implicitLittle : encoding
    let items = try element.items.map { item in
      DICOMLevel.Item(
        level: try level(item, inner), hasUndefinedLength: item.index.entries[item.item].hasUndefinedLength)
    }
    return .sequence(
      DICOMLevel.SequenceNode(
        tag: entry.tag, vr: entry.vr, encoding: encoding, inner: inner,
        hasUndefinedLength: entry.hasUndefinedLength, items: items))
  }
  var draft = DICOMDraft(dataSet)
  draft.replace(try level(dataSet, dataSet.index.encoding))
  return try draft.bytes()
}

let syntaxes: [DICOMTransferSyntax] = [
  .implicitLittle, .explicitLittle, .explicitBig, .deflated, DICOMTransferSyntax(uid: "1.2.840.10008.1.2.4.70"),
]
